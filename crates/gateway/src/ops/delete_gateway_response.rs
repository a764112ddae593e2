//! DeleteGatewayResponse: back to how the gateway answers by itself.

use api::apigateway::{DeleteGatewayResponseInput, DeleteGatewayResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::gateway_response::GatewayResponseRecord;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteGatewayResponseInput,
) -> Result<DeleteGatewayResponseOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let kind = input.response_type.as_str();
    parts::delete::<GatewayResponseRecord>(&gateway.store, Owner::Api(&api), kind).await?;
    Ok(DeleteGatewayResponseOutput {})
}
