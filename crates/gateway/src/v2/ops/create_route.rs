//! CreateRoute.

use api::apigatewayv2::{CreateRouteInput, CreateRouteOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::authorizer::AuthorizerRecord;
use crate::v2::integration::IntegrationRecord;
use crate::v2::records::ApiRecord;
use crate::v2::release;
use crate::v2::route::RouteRecord;
use crate::v2::rows::{self, RouteAt};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: CreateRouteInput) -> Result<CreateRouteOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let route = RouteRecord::new(release::new_id(), input);
    check_route(gateway, &api, &route).await?;
    commit(gateway, &api, &route).await?;
    release::changed(gateway, &api).await?;
    Ok(route.shown())
}

/// Writes a route that is not there yet.
async fn commit(gateway: &Gateway, api: &ApiRecord, route: &RouteRecord) -> Result<()> {
    let at = RouteAt { api, id: &route.id, integration_id: route.integration_id() };
    let create = rows::edit_route(&gateway.store, at, |_, count| {
        release::check_count(count, "routes")?;
        Ok(Some(route.clone()))
    });
    create.await.map(drop)
}

/// What a route must be, and what it names must be there.
pub(super) async fn check_route(gateway: &Gateway, api: &ApiRecord, route: &RouteRecord) -> Result<()> {
    route.check(api.is_websocket())?;
    let owner = Owner::V2(api);
    if let Some(target) = &route.target {
        let id = route.integration_id().ok_or_else(|| {
            GatewayError::bad_request(format!("Invalid target {target}: it must be integrations/ and an id"))
        })?;
        parts::read::<IntegrationRecord>(&gateway.store, owner, id).await?;
    }
    let wanted = match route.authorization_type.as_str() {
        "CUSTOM" => "REQUEST",
        "JWT" => "JWT",
        _ => return Ok(()),
    };
    let id = route.authorizer_id.as_deref().unwrap_or_default();
    let authorizer: AuthorizerRecord = parts::read(&gateway.store, owner, id).await?;
    if authorizer.kind == wanted {
        return Ok(());
    }
    Err(GatewayError::bad_request(format!(
        "Invalid authorizer type {} for the authorization type {}",
        authorizer.kind, route.authorization_type
    )))
}
