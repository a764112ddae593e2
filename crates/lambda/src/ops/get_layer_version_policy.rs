//! GetLayerVersionPolicy: who else may use a version of a layer.

use api::lambda::{GetLayerVersionPolicyInput, GetLayerVersionPolicyOutput};
use base::Cx;
use wire::Failure;

use super::get_layer_version::{layer, own};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetLayerVersionPolicyInput,
) -> Result<GetLayerVersionPolicyOutput, Failure> {
    let reference = layer(cx, &input.layer_name)?;
    let version = own(lambda, &reference, input.version_number)?;
    if version.policy.statements.is_empty() {
        return Err(error::no_policy());
    }
    let revision = version.policy.revision.clone();
    Ok(GetLayerVersionPolicyOutput { policy: Some(version.policy.text()), revision_id: Some(revision) })
}
