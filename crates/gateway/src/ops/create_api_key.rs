//! CreateApiKey.

use api::apigateway::{CreateApiKeyInput, CreateApiKeyOutput};
use base::{Cx, random_alphanumeric};

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::api_key::ApiKeyRecord;
use crate::rest::{keyring, rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: CreateApiKeyInput) -> Result<CreateApiKeyOutput> {
    let now_ms = gateway.clock.now().as_millis();
    let mut stage_keys = Vec::new();
    for stage in input.stage_keys.unwrap_or_default() {
        let (api_id, name) = (stage.rest_api_id.unwrap_or_default(), stage.stage_name.unwrap_or_default());
        let api = rows::read_api(&gateway.store, &cx.scope, &api_id).await?;
        rows::read_stages(&gateway.store, &api).await?.stage(&name)?;
        stage_keys.push(format!("{api_id}/{name}"));
    }
    let key = ApiKeyRecord {
        id: random_alphanumeric(10),
        value: input.value.filter(|value| !value.is_empty()).unwrap_or_else(new_value),
        name: input.name,
        description: input.description,
        customer_id: input.customer_id,
        enabled: input.enabled.unwrap_or_default(),
        created_ms: now_ms,
        updated_ms: now_ms,
        stage_keys,
        tags: input.tags.unwrap_or_default(),
        plans: Vec::new(),
    };
    if key.name.as_deref() == Some("") {
        return Err(GatewayError::bad_request("API Key name cannot be empty"));
    }
    key.check()?;
    keyring::create(&gateway.store, &cx.scope, &key).await?;
    gateway.usage.forget();
    Ok(view::api_key(key, true))
}

/// As long as AWS's.
pub(super) fn new_value() -> String {
    random_alphanumeric(40)
}
