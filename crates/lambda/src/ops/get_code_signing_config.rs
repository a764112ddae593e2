//! GetCodeSigningConfig.

use api::lambda::{GetCodeSigningConfigInput, GetCodeSigningConfigOutput};
use base::Cx;
use wire::Failure;

use crate::Lambda;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetCodeSigningConfigInput,
) -> Result<GetCodeSigningConfigOutput, Failure> {
    let config = lambda.signing_config(&cx.scope, &input.code_signing_config_arn).await?;
    Ok(GetCodeSigningConfigOutput { code_signing_config: config.describe() })
}
