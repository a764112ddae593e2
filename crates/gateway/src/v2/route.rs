//! A route of an HTTP or WebSocket API, and what a WebSocket route answers. Pure; knows no store.

use std::collections::BTreeMap;

use api::apigatewayv2 as aws;
use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::rest::route::Verb;
use crate::rest::rows::Record;
use crate::v2::edit::{merge, put, put_some};

pub(crate) const DEFAULT_KEY: &str = "$default";

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct RouteRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) key: String,
    /// `integrations/{id}`
    #[n(2)]
    pub(crate) target: Option<String>,
    /// `NONE`, `AWS_IAM`, `CUSTOM` or `JWT`.
    #[n(3)]
    pub(crate) authorization_type: String,
    #[n(4)]
    pub(crate) authorizer_id: Option<String>,
    #[n(5)]
    pub(crate) authorization_scopes: Option<Vec<String>>,
    #[n(6)]
    pub(crate) api_key_required: bool,
    #[n(7)]
    pub(crate) operation_name: Option<String>,
    #[n(8)]
    pub(crate) model_selection_expression: Option<String>,
    #[n(9)]
    pub(crate) request_models: BTreeMap<String, String>,
    /// Whether each is required.
    #[n(10)]
    pub(crate) request_parameters: BTreeMap<String, bool>,
    #[n(11)]
    pub(crate) route_response_selection_expression: Option<String>,
    /// Made with its API.
    #[n(12)]
    pub(crate) managed: bool,
}

/// What a WebSocket route answers.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct RouteResponseRecord {
    /// `{route id}/{id}`
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) key: String,
    #[n(2)]
    pub(crate) model_selection_expression: Option<String>,
    #[n(3)]
    pub(crate) response_models: BTreeMap<String, String>,
    #[n(4)]
    pub(crate) response_parameters: BTreeMap<String, bool>,
}

/// Which routes an API has: read and written with every change of one, so that no two have one key and none leads to
/// an integration that is being deleted.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct RouteIndex {
    /// By route key.
    #[n(0)]
    routes: BTreeMap<String, IndexedRoute>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
struct IndexedRoute {
    #[n(0)]
    id: String,
    #[n(1)]
    integration_id: Option<String>,
    #[n(2)]
    authorizer_id: Option<String>,
}

impl RouteIndex {
    pub(crate) fn of(routes: &[RouteRecord]) -> Result<Self> {
        let mut index = Self::default();
        routes.iter().try_for_each(|route| index.replace(None, Some(route)))?;
        Ok(index)
    }

    /// Puts `route` in the place of what it was.
    pub(crate) fn replace(&mut self, was: Option<&RouteRecord>, route: Option<&RouteRecord>) -> Result<()> {
        if let Some(was) = was {
            self.routes.remove(&was.key);
        }
        let Some(route) = route else { return Ok(()) };
        if self.routes.contains_key(&route.key) {
            return Err(RouteRecord::taken(&route.key));
        }
        let entry = IndexedRoute {
            id: route.id.clone(),
            integration_id: route.integration_id().map(str::to_owned),
            authorizer_id: route.authorizer_id.clone(),
        };
        self.routes.insert(route.key.clone(), entry);
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.routes.len()
    }

    pub(crate) fn leads_to(&self, integration_id: &str) -> bool {
        self.routes.values().any(|route| route.integration_id.as_deref() == Some(integration_id))
    }

    /// The id of a route that asks an authorizer.
    pub(crate) fn asks(&self, authorizer_id: &str) -> Option<&str> {
        let mut routes = self.routes.values();
        let asking = routes.find(|route| route.authorizer_id.as_deref() == Some(authorizer_id));
        asking.map(|route| route.id.as_str())
    }
}

impl Record for RouteIndex {}
impl Record for RouteRecord {}
impl Record for RouteResponseRecord {}

impl Part for RouteRecord {
    const KIND: u8 = kind::ROUTE;
    const IS_DEPLOYED: bool = true;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(id: &str) -> GatewayError {
        GatewayError::NotFound(format!("Invalid Route identifier specified {id}"))
    }
}

impl Part for RouteResponseRecord {
    const KIND: u8 = kind::ROUTE_RESPONSE;
    const IS_DEPLOYED: bool = true;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(id: &str) -> GatewayError {
        let (_, id) = id.split_once('/').unwrap_or(("", id));
        GatewayError::NotFound(format!("Invalid RouteResponse identifier specified {id}"))
    }
}

impl RouteRecord {
    pub(crate) fn new(id: String, input: aws::CreateRouteInput) -> Self {
        let mut route = Self { id, authorization_type: "NONE".to_owned(), ..Self::default() };
        route.apply(aws::UpdateRouteInput {
            api_id: input.api_id,
            api_key_required: input.api_key_required,
            authorization_scopes: input.authorization_scopes,
            authorization_type: input.authorization_type,
            authorizer_id: input.authorizer_id,
            model_selection_expression: input.model_selection_expression,
            operation_name: input.operation_name,
            request_models: input.request_models,
            request_parameters: input.request_parameters,
            route_id: String::new(),
            route_key: Some(input.route_key),
            route_response_selection_expression: input.route_response_selection_expression,
            target: input.target,
        });
        route
    }

    /// What is given takes the place of what was.
    pub(crate) fn apply(&mut self, input: aws::UpdateRouteInput) {
        put(&mut self.key, input.route_key);
        put(&mut self.authorization_type, input.authorization_type.map(|kind| kind.as_str().to_owned()));
        put(&mut self.api_key_required, input.api_key_required);
        put_some(&mut self.target, input.target);
        put_some(&mut self.authorizer_id, input.authorizer_id);
        put_some(&mut self.operation_name, input.operation_name);
        put_some(&mut self.model_selection_expression, input.model_selection_expression);
        put_some(&mut self.route_response_selection_expression, input.route_response_selection_expression);
        merge(&mut self.request_models, input.request_models);
        put(&mut self.request_parameters, input.request_parameters.map(required));
        if let Some(scopes) = input.authorization_scopes {
            self.authorization_scopes = Some(scopes).filter(|scopes| !scopes.is_empty());
        }
        if self.authorization_type == "NONE" || self.authorization_type == "AWS_IAM" {
            self.authorizer_id = None;
        }
    }

    /// `is_websocket`: of which protocol the API is.
    pub(crate) fn check(&self, is_websocket: bool) -> Result<()> {
        if is_websocket {
            return self.check_websocket();
        }
        if self.key != DEFAULT_KEY && self.verb_and_path().is_none() {
            return Err(GatewayError::bad_request(
                "The provided route key is not formatted properly for HTTP protocol. Format should be \
                 \"<HTTP METHOD> /<RESOURCE PATH>\" or \"$default\"",
            ));
        }
        if self.api_key_required {
            return Err(GatewayError::bad_request("apiKeyRequired is not currently supported for HTTP APIs"));
        }
        Ok(())
    }

    fn check_websocket(&self) -> Result<()> {
        if self.key.is_empty() {
            return Err(GatewayError::bad_request("Route key must not be empty"));
        }
        if self.authorization_type == "JWT" {
            return Err(GatewayError::bad_request("JWT authorization is not supported on WebSocket APIs"));
        }
        if self.authorization_type != "NONE" && self.key != "$connect" {
            return Err(GatewayError::bad_request(
                "Currently, authorization is restricted to the $connect route only",
            ));
        }
        Ok(())
    }

    /// What the route of an HTTP API answers; none for `$default`.
    pub(crate) fn verb_and_path(&self) -> Option<(Verb, &str)> {
        let (verb, path) = self.key.split_once(' ')?;
        let verb = Verb::from_name(verb)?;
        let segments = path.strip_prefix('/')?.split('/');
        let mut greedy_before = false;
        for segment in segments {
            if greedy_before {
                return None;
            }
            let inner = segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
            greedy_before = inner.is_some_and(|inner| inner.ends_with('+'));
            let name = inner.map_or(segment, |inner| inner.strip_suffix('+').unwrap_or(inner));
            if name.contains(['{', '}']) || inner.is_some() && name.is_empty() {
                return None;
            }
        }
        Some((verb, path))
    }

    /// The integration that the target names.
    pub(crate) fn integration_id(&self) -> Option<&str> {
        self.target.as_deref()?.strip_prefix("integrations/")
    }

    pub(crate) fn taken(key: &str) -> GatewayError {
        GatewayError::conflict(format!("Route with key {key} already exists for this API"))
    }

    pub(crate) fn shown(self) -> aws::Route {
        aws::Route {
            api_gateway_managed: self.managed.then_some(true),
            api_key_required: Some(self.api_key_required),
            authorization_scopes: self.authorization_scopes,
            authorization_type: self.authorization_type.parse().ok(),
            authorizer_id: self.authorizer_id,
            model_selection_expression: self.model_selection_expression,
            operation_name: self.operation_name,
            request_models: Some(self.request_models).filter(|models| !models.is_empty()),
            request_parameters: constraints(self.request_parameters),
            route_id: Some(self.id),
            route_key: self.key,
            route_response_selection_expression: self.route_response_selection_expression,
            target: self.target,
        }
    }
}

impl RouteResponseRecord {
    pub(crate) fn is_of(&self, route_id: &str) -> bool {
        self.id.split_once('/').is_some_and(|(owner, _)| owner == route_id)
    }

    pub(crate) fn new(id: String, input: aws::CreateRouteResponseInput) -> Result<Self> {
        let mut response = Self { id, ..Self::default() };
        response.apply(aws::UpdateRouteResponseInput {
            api_id: input.api_id,
            model_selection_expression: input.model_selection_expression,
            response_models: input.response_models,
            response_parameters: input.response_parameters,
            route_id: input.route_id,
            route_response_id: String::new(),
            route_response_key: Some(input.route_response_key),
        })?;
        Ok(response)
    }

    pub(crate) fn apply(&mut self, input: aws::UpdateRouteResponseInput) -> Result<()> {
        put(&mut self.key, input.route_response_key);
        put_some(&mut self.model_selection_expression, input.model_selection_expression);
        merge(&mut self.response_models, input.response_models);
        put(&mut self.response_parameters, input.response_parameters.map(required));
        if self.key != DEFAULT_KEY {
            return Err(GatewayError::bad_request("Route response key must be $default"));
        }
        Ok(())
    }

    pub(crate) fn shown(self) -> aws::RouteResponse {
        let id = self.id.split_once('/').map(|(_, id)| id.to_owned());
        aws::RouteResponse {
            model_selection_expression: self.model_selection_expression,
            response_models: Some(self.response_models).filter(|models| !models.is_empty()),
            response_parameters: constraints(self.response_parameters),
            route_response_id: id,
            route_response_key: self.key,
        }
    }
}

fn required(given: BTreeMap<String, aws::ParameterConstraints>) -> BTreeMap<String, bool> {
    given.into_iter().map(|(name, constraints)| (name, constraints.required.unwrap_or_default())).collect()
}

fn constraints(kept: BTreeMap<String, bool>) -> Option<BTreeMap<String, aws::ParameterConstraints>> {
    let shown = |(name, required)| (name, aws::ParameterConstraints { required: Some(required) });
    Some(kept.into_iter().map(shown).collect()).filter(|shown: &BTreeMap<_, _>| !shown.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_http_routes() {
        for (key, fits) in [
            ("$default", true),
            ("GET /", true),
            ("ANY /a/{b}/{c+}", true),
            ("GET /{a+}/b", false),
            ("GET a", false),
            ("FETCH /", false),
            ("GET", false),
            ("GET /{}", false),
            ("GET /a{b}", false),
            ("$connect", false),
        ] {
            let route = RouteRecord { key: key.to_owned(), ..RouteRecord::default() };
            assert_eq!(route.check(false).is_ok(), fits, "{key}");
        }
    }
}
