//! CreateIntegrationResponse.

use api::apigatewayv2::{CreateIntegrationResponseInput, CreateIntegrationResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::integration::{IntegrationRecord, IntegrationResponseRecord};
use crate::v2::release;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateIntegrationResponseInput,
) -> Result<CreateIntegrationResponseOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    parts::read::<IntegrationRecord>(&gateway.store, Owner::V2(&api), &input.integration_id).await?;
    let all: Vec<IntegrationResponseRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    let of_this = |known: &&IntegrationResponseRecord| known.is_of(&input.integration_id);
    let key = &input.integration_response_key;
    let taken = || GatewayError::conflict(format!("A response with the key {key} already exists"));
    if all.iter().filter(of_this).any(|known| known.key == *key) {
        return Err(taken());
    }
    release::check_count(all.len(), "responses")?;
    let id = format!("{}/{}", input.integration_id, release::new_id());
    let response = IntegrationResponseRecord::new(id, input.clone())?;
    let response = parts::create(&gateway.store, Owner::V2(&api), response, taken).await?;
    release::changed(gateway, &api).await?;
    Ok(response.shown())
}
