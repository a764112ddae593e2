//! RemovePermission: takes one statement out of a resource policy.

use api::lambda::{RemovePermissionInput, RemovePermissionOutput};
use base::Cx;
use wire::Failure;

use super::{check_revision, edited, named};
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
    let revision = function.revision(reference.qualifier()).unwrap_or_default().to_owned();
    let Some(policy) = function.policies.get_mut(qualifier) else {
        return Err(error::no_policy());
    };
    let mut policy_now = policy.clone();
    policy_now.remove(&input.statement_id)?;
    check_revision(input.revision_id.as_ref(), &revision, "GetFunction/GetAlias")?;
    *policy = policy_now;
    if policy.statements.is_empty() {
        function.policies.remove(qualifier);
    }
    let batch = function.touch(reference.qualifier());
    edit.commit(Some(function), batch).await.map_err(|error| error::store(&error))?;
    Ok(RemovePermissionOutput {})
}
