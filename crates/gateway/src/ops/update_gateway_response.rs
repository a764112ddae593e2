//! UpdateGatewayResponse: also of a type that was not put, which then is.

use api::apigateway::{UpdateGatewayResponseInput, UpdateGatewayResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::patch::Patch;
use crate::rest::gateway_response::GatewayResponseRecord;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateGatewayResponseInput,
) -> Result<UpdateGatewayResponseOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let edit = |found: Option<GatewayResponseRecord>| {
        let mut response = found.unwrap_or_else(|| GatewayResponseRecord::of(input.response_type));
        patches.iter().try_for_each(|patch| response.patch(patch))?;
        response.check()?;
        Ok((Some(response.clone()), response))
    };
    let response =
        parts::change(&gateway.store, Owner::Api(&api), input.response_type.as_str(), edit).await?;
    Ok(response.shown(false))
}
