//! An integration of an HTTP or WebSocket API, and the responses of a WebSocket API's. Pure; knows no store.

use std::collections::BTreeMap;

use api::apigatewayv2 as aws;
use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::http::mapping::{Mappings, Side};
use crate::parts::{Part, kind};
use crate::rest::rows::Record;
use crate::v2::edit::{merge, put, put_some};

const TIMEOUT_MS_MIN: i32 = 50;
const HTTP_TIMEOUT_MS_MAX: i32 = 30_000;
const WEBSOCKET_TIMEOUT_MS_MAX: i32 = 29_000;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct IntegrationRecord {
    #[n(0)]
    pub(crate) id: String,
    /// `AWS`, `HTTP`, `MOCK`, `HTTP_PROXY` or `AWS_PROXY`.
    #[n(1)]
    pub(crate) kind: String,
    #[n(2)]
    pub(crate) uri: Option<String>,
    #[n(3)]
    pub(crate) method: Option<String>,
    #[n(4)]
    pub(crate) payload_format_version: String,
    #[n(5)]
    pub(crate) timeout_ms: Option<i32>,
    #[n(6)]
    pub(crate) connection_type: String,
    #[n(7)]
    pub(crate) connection_id: Option<String>,
    #[n(8)]
    pub(crate) credentials_arn: Option<String>,
    #[n(9)]
    pub(crate) description: Option<String>,
    #[n(10)]
    pub(crate) subtype: Option<String>,
    #[n(11)]
    pub(crate) passthrough_behavior: Option<String>,
    #[n(12)]
    pub(crate) content_handling: Option<String>,
    #[n(13)]
    pub(crate) request_parameters: BTreeMap<String, String>,
    #[n(14)]
    pub(crate) request_templates: BTreeMap<String, String>,
    /// By status code.
    #[n(15)]
    pub(crate) response_parameters: BTreeMap<String, BTreeMap<String, String>>,
    #[n(16)]
    pub(crate) template_selection_expression: Option<String>,
    #[n(17)]
    pub(crate) server_name_to_verify: Option<String>,
    /// Made with its API.
    #[n(18)]
    pub(crate) managed: bool,
}

/// What a WebSocket API makes of an integration's answer.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct IntegrationResponseRecord {
    /// `{integration id}/{id}`
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) key: String,
    #[n(2)]
    pub(crate) content_handling: Option<String>,
    #[n(3)]
    pub(crate) response_parameters: BTreeMap<String, String>,
    #[n(4)]
    pub(crate) response_templates: BTreeMap<String, String>,
    #[n(5)]
    pub(crate) template_selection_expression: Option<String>,
}

impl Record for IntegrationRecord {}
impl Record for IntegrationResponseRecord {}

impl Part for IntegrationRecord {
    const KIND: u8 = kind::INTEGRATION;
    const IS_DEPLOYED: bool = true;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(id: &str) -> GatewayError {
        GatewayError::NotFound(format!("Invalid Integration identifier specified {id}"))
    }
}

impl Part for IntegrationResponseRecord {
    const KIND: u8 = kind::INTEGRATION_RESPONSE;
    const IS_DEPLOYED: bool = true;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(id: &str) -> GatewayError {
        let (_, id) = id.split_once('/').unwrap_or(("", id));
        GatewayError::NotFound(format!("Invalid IntegrationResponse identifier specified {id}"))
    }
}

impl IntegrationRecord {
    /// Whether it names the VPC link.
    pub(crate) fn goes_through(&self, link: &str) -> bool {
        self.connection_type == "VPC_LINK" && self.connection_id.as_deref() == Some(link)
    }

    pub(crate) fn new(id: String, input: aws::CreateIntegrationInput) -> Self {
        let mut integration = Self {
            id,
            payload_format_version: "1.0".to_owned(),
            connection_type: "INTERNET".to_owned(),
            ..Self::default()
        };
        integration.apply(aws::UpdateIntegrationInput {
            api_id: input.api_id,
            connection_id: input.connection_id,
            connection_type: input.connection_type,
            content_handling_strategy: input.content_handling_strategy,
            credentials_arn: input.credentials_arn,
            description: input.description,
            integration_id: String::new(),
            integration_method: input.integration_method,
            integration_subtype: input.integration_subtype,
            integration_type: Some(input.integration_type),
            integration_uri: input.integration_uri,
            passthrough_behavior: input.passthrough_behavior,
            payload_format_version: input.payload_format_version,
            request_parameters: input.request_parameters,
            request_templates: input.request_templates,
            response_parameters: input.response_parameters,
            template_selection_expression: input.template_selection_expression,
            timeout_in_millis: input.timeout_in_millis,
            tls_config: input.tls_config,
        });
        integration
    }

    /// What is given takes the place of what was.
    pub(crate) fn apply(&mut self, input: aws::UpdateIntegrationInput) {
        put(&mut self.kind, input.integration_type.map(|kind| kind.as_str().to_owned()));
        put(&mut self.connection_type, input.connection_type.map(|kind| kind.as_str().to_owned()));
        put(&mut self.payload_format_version, input.payload_format_version);
        put_some(&mut self.uri, input.integration_uri);
        put_some(&mut self.method, input.integration_method);
        put_some(&mut self.connection_id, input.connection_id);
        put_some(&mut self.credentials_arn, input.credentials_arn);
        put_some(&mut self.description, input.description);
        put_some(&mut self.subtype, input.integration_subtype);
        put_some(&mut self.passthrough_behavior, input.passthrough_behavior.map(|v| v.as_str().to_owned()));
        put_some(&mut self.content_handling, input.content_handling_strategy.map(|v| v.as_str().to_owned()));
        put_some(&mut self.template_selection_expression, input.template_selection_expression);
        put_some(&mut self.server_name_to_verify, input.tls_config.and_then(|t| t.server_name_to_verify));
        merge(&mut self.request_parameters, input.request_parameters);
        merge(&mut self.request_templates, input.request_templates);
        if input.timeout_in_millis.is_some() {
            self.timeout_ms = input.timeout_in_millis;
        }
        for (status, parameters) in input.response_parameters.into_iter().flatten() {
            let kept = self.response_parameters.entry(status).or_default();
            kept.retain(|name, _| parameters.contains_key(name));
            merge(kept, Some(parameters));
        }
        self.response_parameters.retain(|_, parameters| !parameters.is_empty());
    }

    /// `is_websocket`: of which protocol the API is.
    pub(crate) fn check(&self, is_websocket: bool) -> Result<()> {
        let timeout_max = timeout_ms_max(is_websocket);
        if self.timeout_ms.is_some_and(|ms| !(TIMEOUT_MS_MIN..=timeout_max).contains(&ms)) {
            return Err(GatewayError::bad_request(format!(
                "Timeout should be between {TIMEOUT_MS_MIN} ms and {timeout_max} ms"
            )));
        }
        if self.uri.is_none() && self.kind != "MOCK" && self.subtype.is_none() {
            return Err(GatewayError::bad_request("IntegrationUri is required for this integration type"));
        }
        if is_websocket { Ok(()) } else { self.check_http() }
    }

    fn check_http(&self) -> Result<()> {
        if !["HTTP_PROXY", "AWS_PROXY"].contains(&self.kind.as_str()) {
            return Err(GatewayError::bad_request("HTTP APIs only support proxy integrations"));
        }
        if self.subtype.is_some() {
            return Err(GatewayError::bad_request(
                "Rushlight does not serve integrations of AWS services in HTTP APIs (integrationSubtype)",
            ));
        }
        match (self.kind.as_str(), self.payload_format_version.as_str()) {
            (_, "1.0") | ("AWS_PROXY", "2.0") => {}
            _ => return Err(GatewayError::bad_request("Invalid payloadFormatVersion specified")),
        }
        if self.kind == "HTTP_PROXY" && self.method.is_none() {
            return Err(GatewayError::bad_request("HttpMethod is required for HTTP_PROXY integrations"));
        }
        if self.kind == "AWS_PROXY" && self.function().is_none() {
            return Err(GatewayError::bad_request("Invalid function ARN or invalid uri"));
        }
        let bare = ["passthroughBehavior", "contentHandlingStrategy", "requestTemplates"];
        let given = [
            self.passthrough_behavior.is_some(),
            self.content_handling.is_some(),
            !self.request_templates.is_empty(),
        ];
        Mappings::parse(&self.request_parameters, Side::Request)?;
        for (status, mappings) in &self.response_parameters {
            if !status.parse::<u16>().is_ok_and(|status| (200..600).contains(&status)) {
                return Err(GatewayError::bad_request(format!("Invalid status code specified: {status}")));
            }
            Mappings::parse(mappings, Side::Response)?;
        }
        match bare.iter().zip(given).find(|(_, given)| *given) {
            Some((name, _)) => {
                Err(GatewayError::bad_request(format!("{name} is not supported on HTTP protocol APIs")))
            }
            None => Ok(()),
        }
    }

    /// The function that an `AWS_PROXY` integration of an HTTP API names, by its ARN or by the path of its invocation;
    /// stage variables are not filled in yet.
    pub(crate) fn function(&self) -> Option<&str> {
        let uri = self.uri.as_deref()?;
        let invoked = uri.split_once("/functions/").and_then(|(_, rest)| rest.strip_suffix("/invocations"));
        let named = |uri: &&str| uri.contains(":function:") || uri.contains("${stageVariables.");
        invoked.or(Some(uri).filter(named))
    }

    pub(crate) fn timeout_ms(&self, is_websocket: bool) -> i32 {
        self.timeout_ms.unwrap_or(timeout_ms_max(is_websocket))
    }

    pub(crate) fn shown(self, is_websocket: bool) -> aws::Integration {
        let timeout_ms = self.timeout_ms(is_websocket);
        let selection = self.response_selection().filter(|_| is_websocket);
        let passthrough = self.passthrough_behavior.as_deref().or(is_websocket.then_some("WHEN_NO_MATCH"));
        let passthrough = passthrough.and_then(|text| text.parse().ok());
        aws::Integration {
            api_gateway_managed: self.managed.then_some(true),
            connection_id: self.connection_id,
            connection_type: self.connection_type.parse().ok(),
            content_handling_strategy: self.content_handling.and_then(|text| text.parse().ok()),
            credentials_arn: self.credentials_arn,
            description: self.description,
            integration_id: Some(self.id),
            integration_method: self.method.or_else(|| (self.kind == "AWS_PROXY").then(|| "POST".to_owned())),
            integration_response_selection_expression: selection.map(str::to_owned),
            integration_subtype: self.subtype,
            integration_type: self.kind.parse().ok(),
            integration_uri: self.uri,
            passthrough_behavior: passthrough,
            payload_format_version: Some(self.payload_format_version),
            request_parameters: Some(self.request_parameters).filter(|map| !map.is_empty()),
            request_templates: Some(self.request_templates).filter(|map| !map.is_empty()),
            response_parameters: Some(self.response_parameters).filter(|map| !map.is_empty()),
            template_selection_expression: self.template_selection_expression,
            timeout_in_millis: Some(timeout_ms),
            tls_config: self
                .server_name_to_verify
                .map(|name| aws::TlsConfig { server_name_to_verify: Some(name) }),
        }
    }

    /// By which a WebSocket API chooses the response.
    fn response_selection(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "AWS" => Some("${integration.response.body.errorMessage}"),
            "AWS_PROXY" => None,
            _ => Some("${integration.response.statuscode}"),
        }
    }
}

const fn timeout_ms_max(is_websocket: bool) -> i32 {
    if is_websocket { WEBSOCKET_TIMEOUT_MS_MAX } else { HTTP_TIMEOUT_MS_MAX }
}

impl IntegrationResponseRecord {
    pub(crate) fn is_of(&self, integration_id: &str) -> bool {
        self.id.split_once('/').is_some_and(|(owner, _)| owner == integration_id)
    }

    pub(crate) fn new(id: String, input: aws::CreateIntegrationResponseInput) -> Result<Self> {
        let mut response = Self { id, ..Self::default() };
        response.apply(aws::UpdateIntegrationResponseInput {
            api_id: input.api_id,
            content_handling_strategy: input.content_handling_strategy,
            integration_id: input.integration_id,
            integration_response_id: String::new(),
            integration_response_key: Some(input.integration_response_key),
            response_parameters: input.response_parameters,
            response_templates: input.response_templates,
            template_selection_expression: input.template_selection_expression,
        })?;
        Ok(response)
    }

    pub(crate) fn apply(&mut self, input: aws::UpdateIntegrationResponseInput) -> Result<()> {
        put(&mut self.key, input.integration_response_key);
        put_some(&mut self.content_handling, input.content_handling_strategy.map(|v| v.as_str().to_owned()));
        put_some(&mut self.template_selection_expression, input.template_selection_expression);
        merge(&mut self.response_parameters, input.response_parameters);
        merge(&mut self.response_templates, input.response_templates);
        if self.key != "$default"
            && !(self.key.len() > 2 && self.key.starts_with('/') && self.key.ends_with('/'))
        {
            return Err(GatewayError::bad_request(
                "Integration response key must be $default or a pattern between slashes",
            ));
        }
        Ok(())
    }

    pub(crate) fn shown(self) -> aws::IntegrationResponse {
        let id = self.id.split_once('/').map(|(_, id)| id.to_owned());
        aws::IntegrationResponse {
            content_handling_strategy: self.content_handling.and_then(|text| text.parse().ok()),
            integration_response_id: id,
            integration_response_key: self.key,
            response_parameters: Some(self.response_parameters).filter(|map| !map.is_empty()),
            response_templates: Some(self.response_templates).filter(|map| !map.is_empty()),
            template_selection_expression: self.template_selection_expression,
        }
    }
}
