//! DeleteCodeSigningConfig: only one that no function has.

use api::lambda::{DeleteCodeSigningConfigInput, DeleteCodeSigningConfigOutput};
use base::Cx;
use wire::Failure;

use super::list_functions_by_code_signing_config::signed;
use crate::{Lambda, error, keys};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteCodeSigningConfigInput,
) -> Result<DeleteCodeSigningConfigOutput, Failure> {
    let _turn = lambda.registry.turn.lock().await;
    let config = lambda.signing_config(&cx.scope, &input.code_signing_config_arn).await?;
    if !signed(lambda, &cx.scope, &config.arn).is_empty() {
        return Err(error::conflict(format!(
            "The code signing configuration {} cannot be deleted because functions use it.",
            config.arn
        )));
    }
    let deleted = lambda.registry.delete(keys::signing_config(&config.arn)).await;
    deleted.map_err(|error| error::store(&error))?;
    Ok(DeleteCodeSigningConfigOutput {})
}
