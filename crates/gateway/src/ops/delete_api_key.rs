//! DeleteApiKey: out of its usage plans, too.

use api::apigateway::{DeleteApiKeyInput, DeleteApiKeyOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::keyring;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: DeleteApiKeyInput) -> Result<DeleteApiKeyOutput> {
    keyring::delete(&gateway.store, &cx.scope, &input.api_key).await?;
    gateway.usage.forget();
    Ok(DeleteApiKeyOutput {})
}
