//! DeleteRoute: the route with its responses.

use api::apigatewayv2::{DeleteRouteInput, DeleteRouteOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner, Part};
use crate::v2::release;
use crate::v2::route::{RouteRecord, RouteResponseRecord};
use crate::v2::rows::{self, RouteAt};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: DeleteRouteInput) -> Result<DeleteRouteOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let at = RouteAt { api: &api, id: &input.route_id, integration_id: None };
    let delete = rows::edit_route(&gateway.store, at, |found, _| match found {
        Some(_) => Ok(None),
        None => Err(RouteRecord::missing(&input.route_id)),
    });
    delete.await?;
    let responses: Vec<RouteResponseRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    for response in responses.iter().filter(|response| response.is_of(&input.route_id)) {
        parts::change(&gateway.store, Owner::V2(&api), &response.id, |_: Option<RouteResponseRecord>| {
            Ok((None, ()))
        })
        .await?;
    }
    release::changed(gateway, &api).await?;
    Ok(DeleteRouteOutput {})
}
