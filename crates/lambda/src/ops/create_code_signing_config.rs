//! CreateCodeSigningConfig: a list of trusted publishers, kept and told.

use api::lambda::{CodeSigningPolicy, CreateCodeSigningConfigInput, CreateCodeSigningConfigOutput};
use base::Cx;
use wire::Failure;

use super::tag_resource::check_tags;
use crate::signing::{SigningConfig, new_arn};
use crate::{Lambda, error, keys};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: CreateCodeSigningConfigInput,
) -> Result<CreateCodeSigningConfigOutput, Failure> {
    let tags = input.tags.unwrap_or_default();
    check_tags(&tags)?;
    let untrusted =
        input.code_signing_policies.and_then(|policies| policies.untrusted_artifact_on_deployment);
    let config = SigningConfig {
        arn: new_arn(&cx.scope),
        description: input.description,
        publishers: input.allowed_publishers.signing_profile_version_arns,
        untrusted: untrusted.unwrap_or(CodeSigningPolicy::Warn).as_str().to_owned(),
        modified_ms: lambda.config.clock.now().0,
        tags,
    };
    let put = lambda.registry.put(keys::signing_config(&config.arn), &config).await;
    put.map_err(|error| error::store(&error))?;
    Ok(CreateCodeSigningConfigOutput { code_signing_config: config.describe() })
}
