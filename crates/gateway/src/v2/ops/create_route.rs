//! CreateRoute.

use api::apigatewayv2::{CreateRouteInput, CreateRouteOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::integration::IntegrationRecord;
use crate::v2::records::ApiRecord;
use crate::v2::release;
use crate::v2::route::RouteRecord;
use crate::v2::rows;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: CreateRouteInput) -> Result<CreateRouteOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let all: Vec<RouteRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    release::check_count(&all, "routes")?;
    let route = RouteRecord::new(release::new_id(), input);
    check_route(gateway, &api, &all, &route).await?;
    let taken = || RouteRecord::taken(&route.key);
    let route = parts::create(&gateway.store, Owner::V2(&api), route.clone(), taken).await?;
    release::changed(gateway, &api).await?;
    Ok(route.shown())
}

/// What a route must be, its key's uniqueness and what it names among it.
pub(super) async fn check_route(
    gateway: &Gateway,
    api: &ApiRecord,
    all: &[RouteRecord],
    route: &RouteRecord,
) -> Result<()> {
    route.check(api.is_websocket())?;
    if all.iter().any(|known| known.key == route.key && known.id != route.id) {
        return Err(RouteRecord::taken(&route.key));
    }
    if let Some(target) = &route.target {
        let id = route.integration_id().ok_or_else(|| {
            GatewayError::bad_request(format!("Invalid target {target}: it must be integrations/ and an id"))
        })?;
        parts::read::<IntegrationRecord>(&gateway.store, Owner::V2(api), id).await?;
    }
    if ["CUSTOM", "JWT"].contains(&route.authorization_type.as_str()) {
        let id = route.authorizer_id.as_deref().unwrap_or_default();
        return Err(GatewayError::NotFound(format!("Invalid Authorizer identifier specified {id}")));
    }
    Ok(())
}
