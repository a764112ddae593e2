//! UpdateRoute: what is given takes the place of what was.

use api::apigatewayv2::{UpdateRouteInput, UpdateRouteOutput};
use base::Cx;

use super::create_route::check_route;
use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::release;
use crate::v2::route::RouteRecord;
use crate::v2::rows;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: UpdateRouteInput) -> Result<UpdateRouteOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let mut route: RouteRecord = parts::read(&gateway.store, Owner::V2(&api), &input.route_id).await?;
    route.apply(input.clone());
    let all: Vec<RouteRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    check_route(gateway, &api, &all, &route).await?;
    let apply = |route: &mut RouteRecord| {
        route.apply(input.clone());
        route.check(api.is_websocket())
    };
    let route = parts::edit(&gateway.store, Owner::V2(&api), &input.route_id, apply).await?;
    release::changed(gateway, &api).await?;
    Ok(route.shown())
}
