//! DeleteProvisionedConcurrencyConfig: environments are made when they are needed again. Answers well where there is none.

use api::lambda::{DeleteProvisionedConcurrencyConfigInput, DeleteProvisionedConcurrencyConfigOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{get_provisioned_concurrency_config as get, named};
use crate::catalogue::Function;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteProvisionedConcurrencyConfigInput,
) -> Result<DeleteProvisionedConcurrencyConfigOutput, Failure> {
    get::check_published(&input.qualifier)?;
    let reference = named(cx, &input.function_name, Some(&input.qualifier))?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = Function::clone(get::reached(edit.now.as_ref(), &reference)?);
    if function.provisioned.remove(&input.qualifier).is_some() {
        edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    }
    Ok(DeleteProvisionedConcurrencyConfigOutput {})
}
