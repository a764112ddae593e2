//! GetResourcePolicy: GetPolicy by an ARN.

use api::lambda::{GetResourcePolicyInput, GetResourcePolicyOutput};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetResourcePolicyInput,
) -> Result<GetResourcePolicyOutput, Failure> {
    let reference = named(cx, &input.resource_arn, None)?;
    let function = existing(lambda, &reference)?;
    let policy = function.policies.get(reference.qualifier.unwrap_or_default());
    let policy = policy.ok_or_else(error::resource_not_found)?;
    let revision_id = function.revision(reference.qualifier()).map(str::to_owned);
    Ok(GetResourcePolicyOutput { policy: Some(policy.text()), revision_id })
}
