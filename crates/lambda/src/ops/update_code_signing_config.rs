//! UpdateCodeSigningConfig: what is not named stays.

use api::lambda::{UpdateCodeSigningConfigInput, UpdateCodeSigningConfigOutput};
use base::Cx;
use wire::Failure;

use crate::{Lambda, error, keys};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: UpdateCodeSigningConfigInput,
) -> Result<UpdateCodeSigningConfigOutput, Failure> {
    let _turn = lambda.registry.turn.lock().await;
    let mut config = lambda.signing_config(&cx.scope, &input.code_signing_config_arn).await?;
    if let Some(publishers) = input.allowed_publishers {
        config.publishers = publishers.signing_profile_version_arns;
    }
    if let Some(policy) = input.code_signing_policies.and_then(|p| p.untrusted_artifact_on_deployment) {
        config.untrusted = policy.as_str().to_owned();
    }
    config.description = input.description.or(config.description);
    config.modified_ms = lambda.config.clock.now().0;
    let put = lambda.registry.put(keys::signing_config(&config.arn), &config).await;
    put.map_err(|error| error::store(&error))?;
    Ok(UpdateCodeSigningConfigOutput { code_signing_config: config.describe() })
}
