//! GetGatewayResponse: what was put, or how the gateway answers by itself.

use api::apigateway::{GetGatewayResponseInput, GetGatewayResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::gateway_response::GatewayResponseRecord;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetGatewayResponseInput,
) -> Result<GetGatewayResponseOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let kind = input.response_type;
    let found = parts::find::<GatewayResponseRecord>(&gateway.store, Owner::Api(&api), kind.as_str()).await?;
    let by_default = found.is_none();
    Ok(found.unwrap_or_else(|| GatewayResponseRecord::of(kind)).shown(by_default))
}
