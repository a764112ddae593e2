//! DeleteResourcePolicy: nobody but the account itself is let in any more.

use api::lambda::{DeleteResourcePolicyInput, DeleteResourcePolicyOutput};
use base::Cx;
use wire::Failure;

use super::{check_revision, edited, named};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteResourcePolicyInput,
) -> Result<DeleteResourcePolicyOutput, Failure> {
    let reference = named(cx, &input.resource_arn, None)?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    let revision = function.revision(reference.qualifier()).unwrap_or_default();
    check_revision(input.revision_id.as_ref(), revision, "GetResourcePolicy")?;
    if function.policies.remove(reference.qualifier.unwrap_or_default()).is_none() {
        return Err(error::resource_not_found());
    }
    let batch = function.touch(reference.qualifier());
    edit.commit(Some(function), batch).await.map_err(|error| error::store(&error))?;
    Ok(DeleteResourcePolicyOutput {})
}
