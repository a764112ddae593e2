//! UpdateApiKey.

use api::apigateway::{UpdateApiKeyInput, UpdateApiKeyOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::patch::Patch;
use crate::rest::api_key::ApiKeyRecord;
use crate::rest::view;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: UpdateApiKeyInput) -> Result<UpdateApiKeyOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let now_ms = gateway.clock.now().as_millis();
    let apply = |key: &mut ApiKeyRecord| {
        key.updated_ms = now_ms;
        patches.iter().try_for_each(|patch| key.patch(patch))
    };
    let key = parts::edit(&gateway.store, Owner::Scope(&cx.scope), &input.api_key, apply).await?;
    gateway.usage.forget();
    Ok(view::api_key(key, false))
}
