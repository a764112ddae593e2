//! RemovePermission: takes one statement out of a resource policy.

use api::lambda::{RemovePermissionInput, RemovePermissionOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{check_revision, edited, named};
use crate::function::new_revision;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: RemovePermissionInput,
) -> Result<RemovePermissionOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    let qualifier = reference.qualifier.unwrap_or_default();
    let Some(policy) = function.policies.get_mut(qualifier) else {
        return Err(error::no_policy());
    };
    check_revision(input.revision_id.as_ref(), &policy.revision, "GetPolicy")?;
    policy.remove(&input.statement_id)?;
    policy.revision = new_revision();
    if policy.statements.is_empty() {
        function.policies.remove(qualifier);
    }
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(RemovePermissionOutput {})
}
