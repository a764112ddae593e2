//! GetRoute.

use api::apigatewayv2::{GetRouteInput, GetRouteOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::route::RouteRecord;
use crate::v2::rows;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetRouteInput) -> Result<GetRouteOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let found: RouteRecord = parts::read(&gateway.store, Owner::V2(&api), &input.route_id).await?;
    Ok(found.shown())
}
