//! DeleteFunction: the function with all its versions, or one published version.

use api::lambda::{DeleteFunctionInput, DeleteFunctionOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{edited, named};
use crate::catalogue::Edit;
use crate::name::{FunctionRef, Qualifier};
use crate::{Lambda, error, keys};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteFunctionInput,
) -> Result<DeleteFunctionOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    match reference.qualifier() {
        None => delete_function(lambda, &edit, &reference).await?,
        Some(Qualifier::Number(number)) => delete_version(lambda, &edit, &reference, number).await?,
        Some(Qualifier::Latest) => {
            return Err(error::invalid("$LATEST version cannot be deleted without deleting the function."));
        }
        Some(Qualifier::Alias(_)) => {
            return Err(error::invalid("Deletion of aliases is not currently supported."));
        }
    }
    Ok(DeleteFunctionOutput { status_code: Some(204) })
}

async fn delete_function(
    lambda: &Lambda,
    edit: &Edit<'_>,
    reference: &FunctionRef<'_>,
) -> Result<(), Failure> {
    let function = edited(edit.now.as_ref(), reference)?;
    let batch = function.versions.keys().fold(Batch::new(), |batch, number| {
        batch.delete(keys::version(&function.scope, &function.name, *number))
    });
    edit.commit(None, batch).await.map_err(|error| error::store(&error))?;
    for version in function.all_versions() {
        lambda.codes.release_all(version.record.packages()).await;
    }
    Ok(())
}

async fn delete_version(
    lambda: &Lambda,
    edit: &Edit<'_>,
    reference: &FunctionRef<'_>,
    number: u64,
) -> Result<(), Failure> {
    let mut function = edited(edit.now.as_ref(), reference)?;
    let used =
        |alias: &crate::function::Alias| alias.version == number || alias.weights.contains_key(&number);
    let aliases: Vec<&str> =
        function.aliases.iter().filter(|(_, alias)| used(alias)).map(|(name, _)| name.as_str()).collect();
    if !aliases.is_empty() {
        return Err(error::conflict(format!(
            "Unable to delete version because the following aliases reference it: [{}]",
            aliases.join(", ")
        )));
    }
    let Some(version) = function.versions.remove(&number) else {
        return Err(error::function_not_found(reference));
    };
    function.policies.remove(&version.text);
    function.runtime_management.remove(&version.text);
    function.event_configs.remove(&version.text);
    let batch = Batch::new().delete(keys::version(&function.scope, &function.name, number));
    edit.commit(Some(function), batch).await.map_err(|error| error::store(&error))?;
    lambda.codes.release_all(version.record.packages()).await;
    Ok(())
}
