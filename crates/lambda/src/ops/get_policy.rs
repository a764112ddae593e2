//! GetPolicy: the resource policy as AWS writes it.

use api::lambda::{GetPolicyInput, GetPolicyOutput};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::{Lambda, error};

pub(super) async fn run(lambda: &Lambda, cx: &Cx, input: GetPolicyInput) -> Result<GetPolicyOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let function = existing(lambda, &reference)?;
    let policy = function.policies.get(reference.qualifier.unwrap_or_default());
    let policy = policy.ok_or_else(error::resource_not_found)?;
    let revision_id = function.revision(reference.qualifier()).map(str::to_owned);
    Ok(GetPolicyOutput { policy: Some(policy.text()), revision_id })
}
