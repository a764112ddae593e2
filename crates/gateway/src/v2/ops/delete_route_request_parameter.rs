//! DeleteRouteRequestParameter: a parameter of a route is declared no more.

use api::apigatewayv2::{DeleteRouteRequestParameterInput, DeleteRouteRequestParameterOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::release;
use crate::v2::route::RouteRecord;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteRouteRequestParameterInput,
) -> Result<DeleteRouteRequestParameterOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let key = &input.request_parameter_key;
    let apply = |route: &mut RouteRecord| match route.request_parameters.remove(key) {
        Some(_) => Ok(()),
        None => Err(GatewayError::NotFound(format!("Invalid RequestParameter key specified {key}"))),
    };
    // Neither the key nor the target changes, on which the routes of an API must agree.
    parts::edit(&gateway.store, Owner::V2(&api), &input.route_id, apply).await?;
    release::changed(gateway, &api).await?;
    Ok(DeleteRouteRequestParameterOutput {})
}
