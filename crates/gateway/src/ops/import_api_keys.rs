//! ImportApiKeys: keys from a CSV file, into their usage plans. What cannot be imported is a warning.

use api::apigateway::{ImportApiKeysInput, ImportApiKeysOutput};
use base::{Cx, random_alphanumeric};

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::api_key::ApiKeyRecord;
use crate::rest::key_list::{self, ListedKey};
use crate::rest::usage_plan::UsagePlanRecord;
use crate::rest::{keyring, subscription};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: ImportApiKeysInput,
) -> Result<ImportApiKeysOutput> {
    let text = std::str::from_utf8(&input.body)
        .map_err(|_| GatewayError::bad_request("Invalid API key file: it must be UTF-8"))?;
    let listed = key_list::parse(text)?;
    let mut warnings = Vec::new();
    if input.fail_on_warnings.unwrap_or_default() {
        for key in &listed {
            warnings.extend(foresee(gateway, cx, key).await?);
        }
        if !warnings.is_empty() {
            return Err(GatewayError::bad_request(format!(
                "Warnings found during import: {}",
                warnings.join("; ")
            )));
        }
    }
    let mut ids = Vec::new();
    for key in listed {
        match import(gateway, cx, key, &mut warnings).await {
            Ok(id) => ids.push(id),
            Err(error @ (GatewayError::Store(_) | GatewayError::Damaged(_))) => return Err(error),
            Err(refusal) => warnings.push(refusal.to_string()),
        }
    }
    gateway.usage.forget();
    Ok(ImportApiKeysOutput { ids: Some(ids), warnings: Some(warnings) })
}

fn record(gateway: &Gateway, listed: &ListedKey) -> ApiKeyRecord {
    let now_ms = gateway.clock.now().as_millis();
    ApiKeyRecord {
        id: random_alphanumeric(10),
        value: listed.value.clone(),
        name: Some(listed.name.clone()),
        description: listed.description.clone(),
        enabled: listed.enabled,
        created_ms: now_ms,
        updated_ms: now_ms,
        ..ApiKeyRecord::default()
    }
}

/// What would be a warning, before anything is written.
async fn foresee(gateway: &Gateway, cx: &Cx, listed: &ListedKey) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    if let Err(refusal) = record(gateway, listed).check() {
        warnings.push(format!("{}: {refusal}", listed.name));
    }
    if keyring::by_value(&gateway.store, &cx.scope, &listed.value).await?.is_some() {
        warnings.push(format!("{}: API Key already exists", listed.name));
    }
    for plan in &listed.plans {
        if parts::find::<UsagePlanRecord>(&gateway.store, Owner::Scope(&cx.scope), plan).await?.is_none() {
            warnings.push(format!("{}: Invalid Usage Plan ID specified", listed.name));
        }
    }
    Ok(warnings)
}

async fn import(gateway: &Gateway, cx: &Cx, listed: ListedKey, warnings: &mut Vec<String>) -> Result<String> {
    let key = record(gateway, &listed);
    let named = |error: GatewayError| match error {
        error @ (GatewayError::Store(_) | GatewayError::Damaged(_)) => error,
        refusal => GatewayError::bad_request(format!("{}: {refusal}", listed.name)),
    };
    key.check().map_err(named)?;
    keyring::create(&gateway.store, &cx.scope, &key).await.map_err(named)?;
    for plan in &listed.plans {
        match subscription::subscribe(gateway, &cx.scope, plan, &key.id).await {
            Ok(_) => {}
            Err(error @ (GatewayError::Store(_) | GatewayError::Damaged(_))) => return Err(error),
            Err(refusal) => warnings.push(format!("{}: {refusal}", listed.name)),
        }
    }
    Ok(key.id)
}
