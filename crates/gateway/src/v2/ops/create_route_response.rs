//! CreateRouteResponse.

use api::apigatewayv2::{CreateRouteResponseInput, CreateRouteResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::release;
use crate::v2::route::{RouteRecord, RouteResponseRecord};
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateRouteResponseInput,
) -> Result<CreateRouteResponseOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    parts::read::<RouteRecord>(&gateway.store, Owner::V2(&api), &input.route_id).await?;
    let all: Vec<RouteResponseRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    let of_this = |known: &&RouteResponseRecord| known.is_of(&input.route_id);
    let key = &input.route_response_key;
    let taken = || GatewayError::conflict(format!("A response with the key {key} already exists"));
    if all.iter().filter(of_this).any(|known| known.key == *key) {
        return Err(taken());
    }
    release::check_count(all.len(), "responses")?;
    let id = format!("{}/{}", input.route_id, release::new_id());
    let response = RouteResponseRecord::new(id, input.clone())?;
    let response = parts::create(&gateway.store, Owner::V2(&api), response, taken).await?;
    release::changed(gateway, &api).await?;
    Ok(response.shown())
}
