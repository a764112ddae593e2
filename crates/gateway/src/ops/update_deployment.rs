//! UpdateDeployment: its description; what it froze never changes.

use api::apigateway::{UpdateDeploymentInput, UpdateDeploymentOutput};
use base::Cx;
use store::Batch;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::patch::{Patch, PatchVerb};
use crate::rest::records::DeploymentRecord;
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateDeploymentInput,
) -> Result<UpdateDeploymentOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let key = rows::deployment_key(api.row, &input.deployment_id);
    let updated = rows::edit(&gateway.store, &api, vec![key.clone()], |_, found| {
        let deployment = rows::decode_row(found[0].as_ref())?;
        let mut deployment: DeploymentRecord = deployment.ok_or_else(GatewayError::no_deployment)?;
        patches.iter().try_for_each(|patch| apply(&mut deployment, patch))?;
        Ok((Batch::new().put(key.clone(), rows::encode(&deployment)), deployment))
    });
    Ok(view::deployment(updated.await?))
}

fn apply(deployment: &mut DeploymentRecord, patch: &Patch) -> Result<()> {
    match (patch.verb, &patch.segments()[..]) {
        (PatchVerb::Replace, ["description"]) => deployment.description = patch.some_text(),
        (PatchVerb::Replace, _) => return Err(patch.none_of(&["/description"])),
        _ => return Err(patch.unsupported()),
    }
    Ok(())
}
