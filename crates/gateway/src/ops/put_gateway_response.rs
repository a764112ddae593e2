//! PutGatewayResponse. Stages answer so once it is deployed.

use api::apigateway::{PutGatewayResponseInput, PutGatewayResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::gateway_response::GatewayResponseRecord;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: PutGatewayResponseInput,
) -> Result<PutGatewayResponseOutput> {
    let mut response = GatewayResponseRecord::of(input.response_type);
    response.status_code = input.status_code.filter(|code| !code.is_empty());
    response.parameters = input.response_parameters.unwrap_or_default();
    if let Some(templates) = input.response_templates.filter(|templates| !templates.is_empty()) {
        response.templates = templates;
    }
    response.check()?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let put = |_: Option<GatewayResponseRecord>| Ok((Some(response.clone()), ()));
    parts::change(&gateway.store, Owner::Api(&api), input.response_type.as_str(), put).await?;
    Ok(response.shown(false))
}
