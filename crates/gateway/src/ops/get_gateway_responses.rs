//! GetGatewayResponses: all types, put or not.

use api::apigateway::{GatewayResponseType, GetGatewayResponsesInput, GetGatewayResponsesOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::rest::gateway_response::GatewayResponseRecord;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetGatewayResponsesInput,
) -> Result<GetGatewayResponsesOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let put = parts::all::<GatewayResponseRecord>(&gateway.store, Owner::Api(&api)).await?;
    let mut kinds = GatewayResponseType::ALL.to_vec();
    kinds.sort_unstable_by_key(|kind| kind.as_str());
    let (kinds, position) = page.cut(kinds, |kind| kind.as_str().as_bytes());
    let shown = |kind: GatewayResponseType| {
        let found = put.iter().find(|response| response.kind == kind.as_str()).cloned();
        let by_default = found.is_none();
        found.unwrap_or_else(|| GatewayResponseRecord::of(kind)).shown(by_default)
    };
    Ok(GetGatewayResponsesOutput { position, items: Some(kinds.into_iter().map(shown).collect()) })
}
