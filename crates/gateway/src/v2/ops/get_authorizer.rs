//! GetAuthorizer.

use api::apigatewayv2::{GetAuthorizerInput, GetAuthorizerOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::authorizer::AuthorizerRecord;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetAuthorizerInput,
) -> Result<GetAuthorizerOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let found: AuthorizerRecord = parts::read(&gateway.store, Owner::V2(&api), &input.authorizer_id).await?;
    Ok(found.shown(api.is_websocket()))
}
