//! What an HTTP or WebSocket API may be, by AWS's rules. Pure; knows no store.

use api::apigatewayv2::Cors;

use crate::error::{GatewayError, Result};
use crate::v2::records::{ApiRecord, CorsRecord};

/// AWS's default, and the only one of HTTP APIs.
pub(crate) const HTTP_ROUTE_SELECTION: &str = "$request.method $request.path";
pub(crate) const API_KEY_SELECTION: &str = "$request.header.x-api-key";

const NAME_CHARS_MAX: usize = 128;
const DESCRIPTION_CHARS_MAX: usize = 1024;
const VERSION_CHARS_MAX: usize = 64;
const MAX_AGE_RANGE: std::ops::RangeInclusive<i32> = -1..=86_400;

impl ApiRecord {
    pub(crate) fn check(&self) -> Result<()> {
        if self.name.is_empty() || self.name.chars().count() > NAME_CHARS_MAX {
            return Err(GatewayError::bad_request("Api name must be between 1 and 128 characters"));
        }
        check_length("description", self.description.as_deref(), DESCRIPTION_CHARS_MAX)?;
        check_length("version", self.version.as_deref(), VERSION_CHARS_MAX)?;
        if self.is_websocket() {
            return self.check_websocket();
        }
        if self.route_selection_expression != HTTP_ROUTE_SELECTION {
            return Err(GatewayError::bad_request(format!(
                "Only route selection expression supported for HTTP protocol is {HTTP_ROUTE_SELECTION}"
            )));
        }
        if self.disable_schema_validation.is_some() {
            return Err(GatewayError::bad_request(
                "disableSchemaValidation is not supported on HTTP protocol APIs",
            ));
        }
        self.cors.as_ref().map_or(Ok(()), CorsRecord::check)
    }

    fn check_websocket(&self) -> Result<()> {
        if self.route_selection_expression.is_empty() {
            return Err(GatewayError::bad_request(
                "RouteSelectionExpression is required for WebSocket protocol APIs",
            ));
        }
        if self.cors.is_some() {
            return Err(GatewayError::bad_request(
                "CORS configuration is not supported on WebSocket protocol APIs",
            ));
        }
        Ok(())
    }
}

impl CorsRecord {
    pub(crate) fn new(cors: Cors) -> Self {
        Self {
            allow_credentials: cors.allow_credentials,
            allow_headers: cors.allow_headers,
            allow_methods: cors.allow_methods,
            allow_origins: cors.allow_origins,
            expose_headers: cors.expose_headers,
            max_age: cors.max_age,
        }
    }

    fn check(&self) -> Result<()> {
        let any = |list: &Option<Vec<String>>| list.iter().flatten().any(|entry| entry == "*");
        if self.allow_credentials == Some(true) && any(&self.allow_origins) {
            return Err(GatewayError::bad_request(
                "Allow origin cannot be '*' when allow credentials is true",
            ));
        }
        for origin in self.allow_origins.iter().flatten() {
            if origin != "*" && !["http://", "https://"].iter().any(|scheme| origin.starts_with(scheme)) {
                return Err(GatewayError::bad_request(format!("Invalid format for origin {origin}")));
            }
        }
        if self.max_age.is_some_and(|age| !MAX_AGE_RANGE.contains(&age)) {
            return Err(GatewayError::bad_request("Max age must be between -1 and 86400"));
        }
        Ok(())
    }
}

fn check_length(name: &str, text: Option<&str>, chars_max: usize) -> Result<()> {
    if text.is_some_and(|text| text.chars().count() > chars_max) {
        return Err(GatewayError::bad_request(format!("Api {name} must be at most {chars_max} characters")));
    }
    Ok(())
}
