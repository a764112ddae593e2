//! DeleteAlias: also answers well when there is none.

use api::lambda::{DeleteAliasInput, DeleteAliasOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{edited, named};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteAliasInput,
) -> Result<DeleteAliasOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    if function.aliases.remove(&input.name).is_some() {
        function.policies.remove(&input.name);
        function.urls.remove(&input.name);
        function.event_configs.remove(&input.name);
        edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    }
    Ok(DeleteAliasOutput {})
}
