//! Quick create: an API that is made with what answers for it: an integration, a route and a stage that deploys itself.
//! They may be changed with the API.
//! Source: <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html>

use api::apigatewayv2::{CreateApiInput, UpdateApiInput};

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner, Part};
use crate::v2::integration::IntegrationRecord;
use crate::v2::records::ApiRecord;
use crate::v2::release;
use crate::v2::route::{DEFAULT_KEY, RouteRecord};
use crate::v2::rows::{self, RouteAt};
use crate::v2::stage::{DEFAULT_STAGE, StageRecord};

/// What is made with an API.
#[derive(Debug)]
pub(super) struct Quick {
    integration: IntegrationRecord,
    route: RouteRecord,
}

impl Quick {
    /// None unless the API's maker asks for it.
    pub(super) fn new(input: &CreateApiInput) -> Result<Option<Self>> {
        let Some(target) = &input.target else {
            if input.route_key.is_some() || input.credentials_arn.is_some() {
                return Err(GatewayError::bad_request("Target is required to quick create an API"));
            }
            return Ok(None);
        };
        let mut integration = IntegrationRecord {
            id: release::new_id(),
            connection_type: "INTERNET".to_owned(),
            credentials_arn: input.credentials_arn.clone(),
            managed: true,
            ..IntegrationRecord::default()
        };
        aim(&mut integration, target);
        let route = RouteRecord {
            id: release::new_id(),
            key: input.route_key.clone().unwrap_or_else(|| DEFAULT_KEY.to_owned()),
            target: Some(format!("integrations/{}", integration.id)),
            authorization_type: "NONE".to_owned(),
            managed: true,
            ..RouteRecord::default()
        };
        Ok(Some(Self { integration, route }))
    }

    pub(super) fn check(&self, api: &ApiRecord) -> Result<()> {
        if api.is_websocket() {
            return Err(GatewayError::bad_request("Quick create is not supported on WEBSOCKET protocol Api"));
        }
        self.integration.check(false)?;
        self.route.check(false)
    }

    pub(super) async fn create(self, gateway: &Gateway, api: &ApiRecord) -> Result<()> {
        let (store, owner) = (&gateway.store, Owner::V2(api));
        let taken = || GatewayError::conflict("Integration already exists");
        let integration = parts::create(store, owner, self.integration, taken).await?;
        let at = RouteAt { api, id: &self.route.id, integration_id: Some(&integration.id) };
        rows::edit_route(store, at, |_, _| Ok(Some(self.route.clone()))).await?;
        let now_ms = gateway.clock.now().as_millis();
        let stage = StageRecord {
            name: DEFAULT_STAGE.to_owned(),
            auto_deploy: true,
            created_ms: now_ms,
            updated_ms: now_ms,
            managed: true,
            ..StageRecord::default()
        };
        parts::create(store, owner, stage, StageRecord::taken).await?;
        release::changed(gateway, api).await
    }
}

/// A function by its ARN, else a URL.
fn aim(integration: &mut IntegrationRecord, target: &str) {
    let is_function = target.starts_with("arn:");
    integration.uri = Some(target.to_owned());
    integration.kind = if is_function { "AWS_PROXY" } else { "HTTP_PROXY" }.to_owned();
    integration.method = (!is_function).then(|| "ANY".to_owned());
    integration.payload_format_version = if is_function { "2.0" } else { "1.0" }.to_owned();
}

/// Changes what was made with the API, if that is asked for.
pub(super) async fn update(gateway: &Gateway, api: &ApiRecord, input: &UpdateApiInput) -> Result<()> {
    if input.target.is_none() && input.route_key.is_none() && input.credentials_arn.is_none() {
        return Ok(());
    }
    let (store, owner) = (&gateway.store, Owner::V2(api));
    let missing = || GatewayError::bad_request("The API was not made by quick create");
    let routes: Vec<RouteRecord> = parts::all(store, owner).await?;
    let route = routes.into_iter().find(|route| route.managed).ok_or_else(missing)?;
    let integration_id = route.integration_id().ok_or_else(missing)?;
    if let Some(key) = &input.route_key {
        let at = RouteAt { api, id: &route.id, integration_id: Some(integration_id) };
        let edit = rows::edit_route(store, at, |found, _| {
            let mut route = found.ok_or_else(|| RouteRecord::missing(&route.id))?;
            route.key.clone_from(key);
            route.check(false)?;
            Ok(Some(route))
        });
        edit.await?;
    }
    let aimed = |integration: &mut IntegrationRecord| {
        if let Some(target) = &input.target {
            aim(integration, target);
        }
        if let Some(arn) = &input.credentials_arn {
            integration.credentials_arn = Some(arn.clone()).filter(|arn| !arn.is_empty());
        }
        integration.check(false)
    };
    parts::edit(store, owner, integration_id, aimed).await?;
    release::changed(gateway, api).await
}
