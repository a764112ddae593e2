//! CreateAuthorizer.

use api::apigatewayv2::{CreateAuthorizerInput, CreateAuthorizerOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::authorizer::AuthorizerRecord;
use crate::v2::release;
use crate::v2::rows;

/// AWS's quota of an API.
const AUTHORIZERS_MAX: usize = 10;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateAuthorizerInput,
) -> Result<CreateAuthorizerOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let authorizer = AuthorizerRecord::new(release::new_id(), input);
    authorizer.check(api.is_websocket())?;
    let all: Vec<AuthorizerRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    if all.len() >= AUTHORIZERS_MAX {
        return Err(GatewayError::limit("Maximum number of Authorizers for this API has been reached"));
    }
    let taken = || GatewayError::conflict("Authorizer already exists");
    if all.iter().any(|known| known.name == authorizer.name) {
        return Err(taken());
    }
    let authorizer = parts::create(&gateway.store, Owner::V2(&api), authorizer, taken).await?;
    release::changed(gateway, &api).await?;
    Ok(authorizer.shown(api.is_websocket()))
}
