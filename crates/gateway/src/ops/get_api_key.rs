//! GetApiKey.

use api::apigateway::{GetApiKeyInput, GetApiKeyOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::view;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetApiKeyInput) -> Result<GetApiKeyOutput> {
    let key = parts::read(&gateway.store, Owner::Scope(&cx.scope), &input.api_key).await?;
    Ok(view::api_key(key, input.include_value.unwrap_or_default()))
}
