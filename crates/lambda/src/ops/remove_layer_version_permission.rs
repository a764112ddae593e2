//! RemoveLayerVersionPermission: takes one statement out of the policy of a layer's version.

use api::lambda::{RemoveLayerVersionPermissionInput, RemoveLayerVersionPermissionOutput};
use base::Cx;
use wire::Failure;

use super::check_revision;
use super::get_layer_version::{layer, own};
use crate::function::new_revision;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: RemoveLayerVersionPermissionInput,
) -> Result<RemoveLayerVersionPermissionOutput, Failure> {
    let reference = layer(cx, &input.layer_name)?;
    let _turn = lambda.layers.turn.lock().await;
    let mut version = own(lambda, &reference, input.version_number)?.as_ref().clone();
    let policy = &mut version.policy;
    check_revision(input.revision_id.as_ref(), &policy.revision, "GetLayerPolicy")?;
    policy.remove(&input.statement_id)?;
    policy.revision = new_revision();
    lambda.layers.put(version).await.map_err(|error| error::store(&error))?;
    Ok(RemoveLayerVersionPermissionOutput {})
}
