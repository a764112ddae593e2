//! Authorizers of an HTTP or WebSocket API: what is stored of one, and what it may be by AWS's rules. Pure; knows no
//! store.
//! Source: <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers.html>

use api::apigatewayv2 as aws;
use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::rest::authorizer::TTL_DEFAULT;
use crate::rest::integration::function_in;
use crate::rest::mapping::Source;
use crate::rest::rows::Record;
use crate::v2::edit::{put, put_some};

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct AuthorizerRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) name: String,
    /// `REQUEST` or `JWT`.
    #[n(2)]
    pub(crate) kind: String,
    #[n(3)]
    pub(crate) uri: Option<String>,
    #[n(4)]
    pub(crate) credentials_arn: Option<String>,
    /// `1.0` or `2.0`; functions of WebSocket APIs have none.
    #[n(5)]
    pub(crate) payload_format_version: Option<String>,
    #[n(6)]
    pub(crate) ttl_s: Option<i32>,
    #[n(7)]
    pub(crate) simple_responses: Option<bool>,
    #[n(8)]
    pub(crate) identity_sources: Vec<String>,
    #[n(9)]
    pub(crate) validation: Option<String>,
    #[n(10)]
    pub(crate) issuer: Option<String>,
    #[n(11)]
    pub(crate) audiences: Vec<String>,
}

impl Record for AuthorizerRecord {}

impl Part for AuthorizerRecord {
    const KIND: u8 = kind::V2_AUTHORIZER;
    const IS_DEPLOYED: bool = true;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(id: &str) -> GatewayError {
        GatewayError::NotFound(format!("Invalid Authorizer identifier specified {id}"))
    }
}

impl AuthorizerRecord {
    pub(crate) fn new(id: String, input: aws::CreateAuthorizerInput) -> Self {
        let mut authorizer = Self { id, ..Self::default() };
        authorizer.apply(aws::UpdateAuthorizerInput {
            api_id: input.api_id,
            authorizer_credentials_arn: input.authorizer_credentials_arn,
            authorizer_id: String::new(),
            authorizer_payload_format_version: input.authorizer_payload_format_version,
            authorizer_result_ttl_in_seconds: input.authorizer_result_ttl_in_seconds,
            authorizer_type: Some(input.authorizer_type),
            authorizer_uri: input.authorizer_uri,
            enable_simple_responses: input.enable_simple_responses,
            identity_source: Some(input.identity_source),
            identity_validation_expression: input.identity_validation_expression,
            jwt_configuration: input.jwt_configuration,
            name: Some(input.name),
        });
        authorizer
    }

    /// What is given takes the place of what was.
    pub(crate) fn apply(&mut self, input: aws::UpdateAuthorizerInput) {
        put(&mut self.name, input.name);
        put(&mut self.kind, input.authorizer_type.map(|kind| kind.as_str().to_owned()));
        put(&mut self.identity_sources, input.identity_source);
        put_some(&mut self.uri, input.authorizer_uri);
        put_some(&mut self.credentials_arn, input.authorizer_credentials_arn);
        put_some(&mut self.payload_format_version, input.authorizer_payload_format_version);
        put_some(&mut self.validation, input.identity_validation_expression);
        self.ttl_s = input.authorizer_result_ttl_in_seconds.or(self.ttl_s);
        self.simple_responses = input.enable_simple_responses.or(self.simple_responses);
        if let Some(jwt) = input.jwt_configuration {
            put_some(&mut self.issuer, jwt.issuer);
            put(&mut self.audiences, jwt.audience);
        }
    }

    /// Where the caller's identity stands, parsed; none if one of the places is not one. `is_websocket`: of which
    /// protocol the API is.
    pub(crate) fn sources(&self, is_websocket: bool) -> Option<Vec<Source>> {
        self.identity_sources.iter().map(|text| parse_source(text, is_websocket)).collect()
    }

    /// How long an answer is kept, in seconds. Without an identity there is nothing to know a caller by.
    pub(crate) fn ttl_s(&self) -> i32 {
        if self.identity_sources.is_empty() { 0 } else { self.ttl_s.unwrap_or(TTL_DEFAULT) }
    }

    /// Checks the whole authorizer after it was made or edited.
    pub(crate) fn check(&self, is_websocket: bool) -> Result<()> {
        if self.name.is_empty() {
            return Err(GatewayError::bad_request("Authorizer name cannot be empty"));
        }
        if self.sources(is_websocket).is_none() {
            let given = self.identity_sources.join(",");
            return Err(GatewayError::bad_request(format!("Invalid identity source specified: {given}")));
        }
        match (self.kind.as_str(), is_websocket) {
            ("JWT", false) => self.check_jwt(),
            ("JWT", true) => {
                Err(GatewayError::bad_request("JWT authorizers are not supported on WEBSOCKET protocol Api"))
            }
            _ => self.check_function(is_websocket),
        }
    }

    fn check_jwt(&self) -> Result<()> {
        if self.uri.is_some() || self.credentials_arn.is_some() || self.simple_responses.is_some() {
            return Err(GatewayError::bad_request("A JWT authorizer calls no function"));
        }
        if self.identity_sources.len() != 1 {
            return Err(GatewayError::bad_request(
                "Exactly one identity source is required for JWT authorizers",
            ));
        }
        let issuer = self.issuer.as_deref().unwrap_or_default();
        if !["https://", "http://"].iter().any(|scheme| issuer.starts_with(scheme)) {
            return Err(GatewayError::bad_request(format!(
                "Invalid issuer: {issuer}. Issuer must have a valid discovery endpoint ended with \
                 '/.well-known/openid-configuration'"
            )));
        }
        if self.audiences.is_empty() {
            return Err(GatewayError::bad_request("JWT configuration must have an audience"));
        }
        Ok(())
    }

    fn check_function(&self, is_websocket: bool) -> Result<()> {
        if self.issuer.is_some() || !self.audiences.is_empty() {
            return Err(GatewayError::bad_request("JwtConfiguration is only valid for JWT authorizers"));
        }
        let uri = self.uri.as_deref().unwrap_or_default();
        if function_in(uri).is_none() {
            return Err(GatewayError::bad_request(format!(
                "Invalid Authorizer URI: {uri}. Authorizer URI should be a valid API Gateway ARN that represents a \
                 Lambda function invocation."
            )));
        }
        let version = self.payload_format_version.as_deref();
        match (version, is_websocket) {
            (None, true) | (Some("1.0" | "2.0"), false) => {}
            (Some(_), true) => {
                return Err(GatewayError::bad_request(
                    "AuthorizerPayloadFormatVersion is not supported on WEBSOCKET protocol Api",
                ));
            }
            (None, false) => {
                return Err(GatewayError::bad_request(
                    "AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer",
                ));
            }
            (Some(other), false) => {
                return Err(GatewayError::bad_request(format!(
                    "Invalid AuthorizerPayloadFormatVersion specified: {other}"
                )));
            }
        }
        if self.simple_responses == Some(true) && version != Some("2.0") {
            return Err(GatewayError::bad_request(
                "EnableSimpleResponses is only supported for payload format version 2.0",
            ));
        }
        if !is_websocket && self.ttl_s.is_some_and(|ttl| ttl > 0) && self.identity_sources.is_empty() {
            return Err(GatewayError::bad_request(
                "At least one identity source is required when authorizer caching is enabled",
            ));
        }
        Ok(())
    }

    pub(crate) fn shown(self, is_websocket: bool) -> aws::Authorizer {
        let ttl_s = self.ttl_s();
        let is_jwt = self.kind == "JWT";
        let jwt = aws::JWTConfiguration { audience: Some(self.audiences), issuer: self.issuer };
        aws::Authorizer {
            authorizer_credentials_arn: self.credentials_arn,
            authorizer_id: Some(self.id),
            authorizer_payload_format_version: self.payload_format_version,
            authorizer_result_ttl_in_seconds: (!is_jwt && !is_websocket).then_some(ttl_s),
            authorizer_type: self.kind.parse().ok(),
            authorizer_uri: self.uri,
            enable_simple_responses: self.simple_responses.or((!is_jwt && !is_websocket).then_some(false)),
            identity_source: Some(self.identity_sources),
            identity_validation_expression: self.validation,
            jwt_configuration: is_jwt.then_some(jwt),
            name: self.name,
        }
    }
}

/// `$request.header.x` of HTTP APIs and `route.request.header.x` of WebSocket APIs; the first ones may also have
/// `$context` and `$stageVariables`, the others `context` and `stageVariables`.
fn parse_source(text: &str, is_websocket: bool) -> Option<Source> {
    let source = match is_websocket {
        true => Source::parse(text, "route.request")?,
        false => Source::parse(text.strip_prefix('$')?, "request")?,
    };
    let fits = matches!(
        source,
        Source::Header(_) | Source::Query(_) | Source::Context(_) | Source::StageVariable(_)
    );
    fits.then_some(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_sources() {
        for (text, http, websocket) in [
            ("$request.header.Authorization", true, false),
            ("$request.querystring.a", true, false),
            ("$context.httpMethod", true, false),
            ("$stageVariables.a", true, false),
            ("route.request.header.Auth", false, true),
            ("stageVariables.a", false, true),
            ("$request.body.a", false, false),
            ("$request.path.a", false, false),
            ("request.header.a", false, false),
            ("'a'", false, false),
            ("$'a'", false, false),
            ("", false, false),
        ] {
            assert_eq!(parse_source(text, false).is_some(), http, "{text}");
            assert_eq!(parse_source(text, true).is_some(), websocket, "{text}");
        }
    }
}
