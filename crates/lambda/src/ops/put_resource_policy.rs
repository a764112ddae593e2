//! PutResourcePolicy: a whole document in the place of what AddPermission or an earlier document allowed.

use api::lambda::{PutResourcePolicyInput, PutResourcePolicyOutput};
use base::Cx;
use wire::Failure;

use super::{check_revision, edited, named};
use crate::name::Qualifier;
use crate::{Lambda, document, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: PutResourcePolicyInput,
) -> Result<PutResourcePolicyOutput, Failure> {
    let reference = named(cx, &input.resource_arn, None)?;
    if reference.qualifier() == Some(Qualifier::Latest) {
        return Err(error::invalid("We currently do not support adding policies for $LATEST."));
    }
    let policy = document::parse(&input.policy)?;
    policy.check_length()?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    let revision = function.revision(reference.qualifier());
    let revision = revision.ok_or_else(|| error::function_not_found(&reference))?;
    check_revision(input.revision_id.as_ref(), revision, "GetResourcePolicy")?;
    let text = policy.text();
    function.policies.insert(reference.qualifier.unwrap_or_default().to_owned(), policy);
    let batch = function.touch(reference.qualifier());
    let revision_id = function.revision(reference.qualifier()).map(str::to_owned);
    edit.commit(Some(function), batch).await.map_err(|error| error::store(&error))?;
    Ok(PutResourcePolicyOutput { policy: Some(text), revision_id })
}
