//! UpdateRoute: what is given takes the place of what was.

use api::apigatewayv2::{UpdateRouteInput, UpdateRouteOutput};
use base::Cx;

use super::create_route::check_route;
use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner, Part};
use crate::v2::release;
use crate::v2::route::RouteRecord;
use crate::v2::rows::{self, RouteAt};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: UpdateRouteInput) -> Result<UpdateRouteOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let mut route: RouteRecord = parts::read(&gateway.store, Owner::V2(&api), &input.route_id).await?;
    route.apply(input.clone());
    check_route(gateway, &api, &route).await?;
    let at = RouteAt { api: &api, id: &input.route_id, integration_id: route.integration_id() };
    let edit = rows::edit_route(&gateway.store, at, |found, _| {
        let mut route = found.ok_or_else(|| RouteRecord::missing(&input.route_id))?;
        route.apply(input.clone());
        route.check(api.is_websocket())?;
        Ok(Some(route))
    });
    let route = edit.await?.ok_or_else(|| RouteRecord::missing(&input.route_id))?;
    release::changed(gateway, &api).await?;
    Ok(route.shown())
}
