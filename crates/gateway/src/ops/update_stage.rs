//! UpdateStage: its settings and variables, and the deployment it runs: an older one rolls it back.

use api::apigateway::{UpdateStageInput, UpdateStageOutput};
use base::Cx;
use store::Batch;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner, Part};
use crate::patch::{Patch, PatchVerb};
use crate::rest::account::{self, AccountRecord};
use crate::rest::client_certificate::ClientCertificateRecord;
use crate::rest::records::Stages;
use crate::rest::{rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: UpdateStageInput) -> Result<UpdateStageOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let scope = Owner::Scope(&cx.scope);
    let certificates: Vec<String> = patches.iter().filter_map(named_certificate).collect();
    let certificate_keys = certificates.iter().map(|id| scope.key::<ClientCertificateRecord>(id));
    let mut keys = vec![rows::stages_key(api.row)];
    keys.extend(certificate_keys.clone());
    keys.extend(patches.iter().filter_map(named_deployment).map(|id| rows::deployment_key(api.row, &id)));
    let account = parts::find::<AccountRecord>(&gateway.store, scope, account::ID).await?;
    let may_log = account.is_some_and(|account| account.cloudwatch_role_arn.is_some());
    let now_ms = gateway.clock.now().as_millis();
    let updated = rows::edit(&gateway.store, &api, keys, |api, found| {
        let mut stages = rows::decode_row::<Stages>(found[0].as_ref())?.unwrap_or_default();
        let (named, deployments) = found[1..].split_at(certificates.len());
        let mut batch = Batch::new();
        for ((id, key), certificate) in certificates.iter().zip(certificate_keys.clone()).zip(named) {
            let certificate = certificate.as_ref().ok_or_else(|| ClientCertificateRecord::missing(id))?;
            // Anew, so that who is about to delete it looks again.
            batch = batch.put(key, certificate.value.clone());
        }
        let stage = stages.stage_mut(&input.stage_name)?;
        let before = (stage.cache_cluster_enabled, stage.cache_cluster_size.clone(), stage.wants_logs());
        patches.iter().try_for_each(|patch| stage.patch(patch))?;
        stage.settle();
        if stage.wants_logs() && !before.2 && !may_log {
            return Err(GatewayError::bad_request(
                "CloudWatch Logs role ARN must be set in account settings to enable logging",
            ));
        }
        let resized = before.0 != stage.cache_cluster_enabled || before.1 != stage.cache_cluster_size;
        if deployments.iter().any(Option::is_none) {
            return Err(GatewayError::bad_request("Deployment id does not exist"));
        }
        if resized {
            stage.flush_answers(now_ms);
        }
        stage.updated_ms = now_ms;
        let updated = (stage.clone(), resized);
        Ok((batch.put(rows::stages_key(api.row), rows::encode(&stages)), updated))
    })
    .await?;
    gateway.live.forget(&api.id);
    let (stage, resized) = updated;
    if resized {
        gateway.caches.flush(&api.id, Some(&stage.name));
    }
    Ok(view::stage(stage))
}

/// The client certificate that an operation gives the stage.
fn named_certificate(patch: &Patch) -> Option<String> {
    let names = matches!(patch.segments()[..], ["clientCertificateId"]);
    patch.some_text().filter(|_| names && patch.verb != PatchVerb::Remove)
}

/// The deployment that an operation points the stage or its canary at.
fn named_deployment(patch: &Patch) -> Option<String> {
    let names = matches!(patch.segments()[..], ["deploymentId"] | ["canarySettings", "deploymentId"]);
    (names && patch.verb == PatchVerb::Replace).then(|| patch.text())
}
