//! GetRouteResponse.

use api::apigatewayv2::{GetRouteResponseInput, GetRouteResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::route::RouteResponseRecord;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetRouteResponseInput,
) -> Result<GetRouteResponseOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let id = format!("{}/{}", input.route_id, input.route_response_id);
    let found: RouteResponseRecord = parts::read(&gateway.store, Owner::V2(&api), &id).await?;
    Ok(found.shown())
}
