//! A stage of an HTTP or WebSocket API. Pure; knows no store.

use std::collections::BTreeMap;

use api::apigatewayv2 as aws;
use base::Timestamp;
use minicbor::{Decode, Encode};

use crate::access_log::{self, AccessLogError};
use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::rest::rest_api::check_tags;
use crate::rest::rows::Record;
use crate::rest::stage::check_count_of_variables;
use crate::v2::edit::{merge, put, put_some};

const NAME_BYTES_MAX: usize = 128;
pub(crate) const DEFAULT_STAGE: &str = "$default";

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct StageRecord {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) deployment_id: Option<String>,
    #[n(2)]
    pub(crate) auto_deploy: bool,
    #[n(3)]
    pub(crate) description: Option<String>,
    #[n(4)]
    pub(crate) variables: BTreeMap<String, String>,
    #[n(5)]
    pub(crate) default_route_settings: RouteSettingsRecord,
    /// By route key.
    #[n(6)]
    pub(crate) route_settings: BTreeMap<String, RouteSettingsRecord>,
    #[n(7)]
    pub(crate) access_log_destination: Option<String>,
    #[n(8)]
    pub(crate) access_log_format: Option<String>,
    #[n(9)]
    pub(crate) client_certificate_id: Option<String>,
    #[n(10)]
    pub(crate) created_ms: i64,
    #[n(11)]
    pub(crate) updated_ms: i64,
    #[n(12)]
    pub(crate) tags: BTreeMap<String, String>,
    /// Made with its API.
    #[n(13)]
    pub(crate) managed: bool,
    /// Since when what authorizers decided is kept, if somebody reset it.
    #[n(14)]
    pub(crate) decisions_ms: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct RouteSettingsRecord {
    #[n(0)]
    pub(crate) data_trace: Option<bool>,
    #[n(1)]
    pub(crate) detailed_metrics: Option<bool>,
    #[n(2)]
    pub(crate) logging_level: Option<String>,
    #[n(3)]
    pub(crate) burst_limit: Option<i32>,
    #[n(4)]
    pub(crate) rate_limit: Option<f64>,
}

impl Record for StageRecord {}

impl Part for StageRecord {
    const KIND: u8 = kind::STAGE;

    fn id(&self) -> &str {
        &self.name
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::no_stage()
    }
}

impl StageRecord {
    pub(crate) fn new(input: aws::CreateStageInput, now_ms: i64) -> Self {
        let mut stage = Self {
            name: input.stage_name,
            created_ms: now_ms,
            tags: input.tags.unwrap_or_default(),
            ..Self::default()
        };
        let settings = aws::UpdateStageInput {
            access_log_settings: input.access_log_settings,
            api_id: input.api_id,
            auto_deploy: input.auto_deploy,
            client_certificate_id: input.client_certificate_id,
            default_route_settings: input.default_route_settings,
            deployment_id: input.deployment_id,
            description: input.description,
            route_settings: input.route_settings,
            stage_name: String::new(),
            stage_variables: input.stage_variables,
        };
        stage.apply(settings, now_ms);
        stage
    }

    /// Since when what authorizers decided is kept; a stage of the same name may have been there before.
    pub(crate) fn decided_since_ms(&self) -> i64 {
        self.decisions_ms.unwrap_or_default().max(self.created_ms)
    }

    /// Two resets in one moment are two.
    pub(crate) fn reset_decisions(&mut self, now_ms: i64) {
        self.decisions_ms = Some(now_ms.max(self.decided_since_ms() + 1));
    }

    /// What is given takes the place of what was.
    pub(crate) fn apply(&mut self, input: aws::UpdateStageInput, now_ms: i64) {
        self.updated_ms = now_ms;
        put(&mut self.auto_deploy, input.auto_deploy);
        put_some(&mut self.deployment_id, input.deployment_id);
        put_some(&mut self.description, input.description);
        put_some(&mut self.client_certificate_id, input.client_certificate_id);
        merge(&mut self.variables, input.stage_variables);
        if let Some(log) = input.access_log_settings {
            put_some(&mut self.access_log_destination, log.destination_arn);
            put_some(&mut self.access_log_format, log.format);
        }
        if let Some(settings) = input.default_route_settings {
            self.default_route_settings.apply(settings);
        }
        for (key, settings) in input.route_settings.into_iter().flatten() {
            self.route_settings.entry(key).or_default().apply(settings);
        }
    }

    pub(crate) fn check(&self, is_websocket: bool) -> Result<()> {
        let letters = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
        let plain =
            !self.name.is_empty() && self.name.len() <= NAME_BYTES_MAX && self.name.bytes().all(letters);
        if !plain && (is_websocket || self.name != DEFAULT_STAGE) {
            return Err(GatewayError::bad_request("Stage name only allows a-zA-Z0-9_-"));
        }
        if self.access_log_destination.is_some() != self.access_log_format.is_some() {
            return Err(GatewayError::bad_request(
                "Access log settings need both a destination ARN and a format",
            ));
        }
        let refuse = |error: AccessLogError| GatewayError::bad_request(error.to_string());
        if let (Some(arn), Some(format)) = (&self.access_log_destination, &self.access_log_format) {
            access_log::check_destination(arn).map_err(refuse)?;
            access_log::check_format(format).map_err(refuse)?;
        }
        check_count_of_variables(&self.variables)?;
        check_tags(&self.tags)
    }

    pub(crate) fn taken() -> GatewayError {
        GatewayError::conflict("Stage already exists")
    }

    pub(crate) fn shown(self, is_websocket: bool) -> aws::Stage {
        let log = aws::AccessLogSettings {
            destination_arn: self.access_log_destination,
            format: self.access_log_format,
        };
        let message = self.deployment_id.as_ref().filter(|_| self.auto_deploy);
        let message = message.map(|id| format!("Successfully deployed stage with deployment ID '{id}'"));
        let settings = self.route_settings.into_iter();
        aws::Stage {
            access_log_settings: Some(log).filter(|log| log.destination_arn.is_some()),
            api_gateway_managed: self.managed.then_some(true),
            auto_deploy: self.auto_deploy.then_some(true),
            client_certificate_id: self.client_certificate_id,
            created_date: Some(Timestamp(self.created_ms)),
            default_route_settings: Some(self.default_route_settings.shown(is_websocket)),
            deployment_id: self.deployment_id,
            description: self.description,
            last_deployment_status_message: message,
            last_updated_date: Some(Timestamp(self.updated_ms)),
            route_settings: Some(settings.map(|(key, route)| (key, route.shown(is_websocket))).collect()),
            stage_name: self.name,
            stage_variables: Some(self.variables),
            tags: Some(self.tags),
        }
    }
}

impl RouteSettingsRecord {
    fn apply(&mut self, given: aws::RouteSettings) {
        self.data_trace = given.data_trace_enabled.or(self.data_trace);
        self.detailed_metrics = given.detailed_metrics_enabled.or(self.detailed_metrics);
        put_some(&mut self.logging_level, given.logging_level.map(|level| level.as_str().to_owned()));
        self.burst_limit = given.throttling_burst_limit.or(self.burst_limit);
        self.rate_limit = given.throttling_rate_limit.or(self.rate_limit);
    }

    fn shown(self, is_websocket: bool) -> aws::RouteSettings {
        aws::RouteSettings {
            data_trace_enabled: self.data_trace.or(is_websocket.then_some(false)),
            detailed_metrics_enabled: Some(self.detailed_metrics.unwrap_or_default()),
            logging_level: self.logging_level.and_then(|level| level.parse().ok()),
            throttling_burst_limit: self.burst_limit,
            throttling_rate_limit: self.rate_limit,
        }
    }
}
