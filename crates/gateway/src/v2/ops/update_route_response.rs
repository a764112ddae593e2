//! UpdateRouteResponse: what is given takes the place of what was.

use api::apigatewayv2::{UpdateRouteResponseInput, UpdateRouteResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::release;
use crate::v2::route::RouteResponseRecord;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateRouteResponseInput,
) -> Result<UpdateRouteResponseOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let id = format!("{}/{}", input.route_id, input.route_response_id);
    let apply = |response: &mut RouteResponseRecord| response.apply(input.clone());
    let response = parts::edit(&gateway.store, Owner::V2(&api), &id, apply).await?;
    release::changed(gateway, &api).await?;
    Ok(response.shown())
}
