//! What a stage may be and how its settings are patched, by AWS's rules. Pure; knows no store.

use std::collections::BTreeMap;

use api::apigateway::{CacheClusterSize, UnauthorizedCacheControlHeaderStrategy};

use crate::access_log::{AccessLogError, check_destination, check_format};
use crate::error::{GatewayError, Result};
use crate::patch::{Patch, PatchVerb};
use crate::rest::records::{
    AccessLogRecord, CanaryRecord, FlushedRecord, MethodSettingRecord, StageRecord, Stages,
};

/// AWS's quotas.
/// Of an API of any kind.
pub(crate) const STAGES_MAX: usize = 10;
const VARIABLES_MAX: usize = 100;

/// As AWS lists them, missing commas included.
const PATHS: &str = "/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, \
    /accessLogSettings, /accessLogSettings/destinationArn, /accessLogSettings/format, \
    /{resourcePath}/{httpMethod}/metrics/enabled, /{resourcePath}/{httpMethod}/logging/dataTrace, \
    /{resourcePath}/{httpMethod}/logging/loglevel, \
    /{resourcePath}/{httpMethod}/throttling/burstLimit/{resourcePath}/{httpMethod}/throttling/rateLimit\
    /{resourcePath}/{httpMethod}/caching/ttlInSeconds, /{resourcePath}/{httpMethod}/caching/enabled, \
    /{resourcePath}/{httpMethod}/caching/dataEncrypted, \
    /{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, \
    /{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, /*/*/metrics/enabled, \
    /*/*/logging/dataTrace, /*/*/logging/loglevel, /*/*/throttling/burstLimit /*/*/throttling/rateLimit \
    /*/*/caching/ttlInSeconds, /*/*/caching/enabled, /*/*/caching/dataEncrypted, \
    /*/*/caching/requireAuthorizationForCacheControl, /*/*/caching/unauthorizedCacheControlHeaderStrategy, \
    /variables/{variable_name}, /tracingEnabled";

impl Stages {
    pub(crate) fn stage(&self, name: &str) -> Result<&StageRecord> {
        self.stages.get(name).ok_or_else(GatewayError::no_stage)
    }

    pub(crate) fn stage_mut(&mut self, name: &str) -> Result<&mut StageRecord> {
        self.stages.get_mut(name).ok_or_else(GatewayError::no_stage)
    }

    /// Adds a stage that was not there.
    pub(crate) fn insert(&mut self, stage: StageRecord) -> Result<()> {
        check_name(&stage.name)?;
        stage.check()?;
        if self.stages.len() >= STAGES_MAX {
            return Err(no_more_stages());
        }
        self.stages.insert(stage.name.clone(), stage);
        Ok(())
    }

    /// Whether a stage, or a stage's canary, runs this deployment.
    pub(crate) fn use_deployment(&self, id: &str) -> bool {
        self.stages.values().any(|stage| {
            stage.deployment_id == id
                || stage.canary.as_ref().is_some_and(|canary| canary.deployment_id == id)
        })
    }
}

impl StageRecord {
    /// AWS's smallest cluster, where none is asked for.
    pub(crate) fn settle(&mut self) {
        if self.cache_cluster_enabled && self.cache_cluster_size.is_none() {
            self.cache_cluster_size = Some(CacheClusterSize::N05.as_str().to_owned());
        }
    }

    /// When what nodes keep of it began; a stage that was made anew begins anew.
    pub(crate) fn kept_since(&self) -> FlushedRecord {
        let flushed = self.flushed.unwrap_or_default();
        FlushedRecord {
            answers_ms: flushed.answers_ms.max(self.created_ms),
            decisions_ms: flushed.decisions_ms.max(self.created_ms),
        }
    }

    pub(crate) fn flush_answers(&mut self, now_ms: i64) {
        let since = self.kept_since();
        self.flushed = Some(FlushedRecord { answers_ms: now_ms.max(since.answers_ms + 1), ..since });
    }

    pub(crate) fn flush_decisions(&mut self, now_ms: i64) {
        let since = self.kept_since();
        self.flushed = Some(FlushedRecord { decisions_ms: now_ms.max(since.decisions_ms + 1), ..since });
    }

    /// Whether it wants something written to log groups, which an account needs a role for.
    pub(crate) fn wants_logs(&self) -> bool {
        let access = self.access_log.as_ref().and_then(|log| log.destination_arn.as_deref());
        access.is_some_and(|arn| arn.contains(":logs:"))
            || self.method_settings.values().any(|setting| setting.logging_level != "OFF")
    }

    pub(crate) fn check(&self) -> Result<()> {
        check_variables(&self.variables)
    }

    /// Applies one operation. Which deployments there are is checked by who calls.
    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        if patch.verb == PatchVerb::Copy {
            return self.promote(patch);
        }
        match patch.segments()[..] {
            ["deploymentId"] => {
                replace(patch)?;
                self.deployment_id = patch.text();
            }
            ["description"] => self.description = patched(patch),
            ["cacheClusterEnabled"] => {
                replace(patch)?;
                self.cache_cluster_enabled = patch.boolean();
            }
            ["cacheClusterSize"] => {
                self.cache_cluster_size = patched(patch);
                let size = self.cache_cluster_size.as_deref();
                if size.is_some_and(|size| size.parse::<CacheClusterSize>().is_err()) {
                    return Err(patch.bad_value());
                }
            }
            ["clientCertificateId"] => self.client_certificate_id = patched(patch),
            ["documentationVersion"] => self.documentation_version = patched(patch),
            ["tracingEnabled"] => {
                replace(patch)?;
                self.tracing_enabled = patch.boolean();
            }
            ["variables", name] => patch.entry(&mut self.variables, name)?,
            ["accessLogSettings", ..] => self.patch_access_log(patch)?,
            // As AWS reads it: a path of two parts that is not one of the canary's is a method's.
            ["canarySettings", name] if patch.verb == PatchVerb::Remove => {
                return Err(no_setting(&setting_key("canarySettings", name)));
            }
            ["canarySettings", ..] => self.patch_canary(patch)?,
            [resource, method] if patch.verb == PatchVerb::Remove => {
                let key = setting_key(resource, method);
                self.method_settings.remove(&key).ok_or_else(|| no_setting(&key))?;
            }
            [resource, method, group, name] if is_setting(resource, method) => {
                let setting = self.method_settings.entry(setting_key(resource, method)).or_default();
                patch_setting(setting, patch, group, name)?;
            }
            _ => return Err(unknown(patch)),
        }
        self.check()
    }

    /// The console promotes a canary by copying its parts over the stage's.
    fn promote(&mut self, patch: &Patch) -> Result<()> {
        let canary = self.canary.as_ref();
        let canary = canary.ok_or_else(|| {
            GatewayError::bad_request("Cannot promote canary: the stage has no canary settings")
        })?;
        match (patch.from.as_deref(), patch.path.as_str()) {
            (Some("/canarySettings/deploymentId"), "/deploymentId") => {
                self.deployment_id = canary.deployment_id.clone();
            }
            (Some("/canarySettings/stageVariableOverrides"), "/variables") => {
                self.variables.extend(canary.stage_variable_overrides.clone());
            }
            _ => return Err(patch.unsupported()),
        }
        Ok(())
    }

    fn patch_access_log(&mut self, patch: &Patch) -> Result<()> {
        let refused = |error: AccessLogError| GatewayError::bad_request(error.to_string());
        match (patch.verb, &patch.segments()[1..]) {
            (PatchVerb::Remove, []) => self.access_log = None,
            (PatchVerb::Add | PatchVerb::Replace, ["destinationArn"]) => {
                let arn = patch.some_text();
                arn.as_deref().map_or(Ok(()), check_destination).map_err(refused)?;
                self.access_log.get_or_insert_with(AccessLogRecord::default).destination_arn = arn;
            }
            (PatchVerb::Add | PatchVerb::Replace, ["format"]) => {
                let format = patch.some_text();
                format.as_deref().map_or(Ok(()), check_format).map_err(refused)?;
                self.access_log.get_or_insert_with(AccessLogRecord::default).format = format;
            }
            _ => return Err(patch.unsupported()),
        }
        Ok(())
    }

    fn patch_canary(&mut self, patch: &Patch) -> Result<()> {
        let path = patch.segments();
        if (patch.verb, &path[1..]) == (PatchVerb::Remove, &[]) {
            self.canary = None;
            return Ok(());
        }
        let known = matches!(path[1..], ["percentTraffic" | "deploymentId" | "useStageCache"]);
        if known && patch.verb == PatchVerb::Add {
            return Err(GatewayError::bad_request(format!(
                "Invalid add operation with path: {}",
                patch.path
            )));
        }
        let canary = self.canary.get_or_insert_with(|| CanaryRecord {
            deployment_id: self.deployment_id.clone(),
            ..CanaryRecord::default()
        });
        match path[1..] {
            ["stageVariableOverrides", name] => {
                return patch.entry(&mut canary.stage_variable_overrides, name);
            }
            _ if patch.verb != PatchVerb::Replace => return Err(patch.unsupported()),
            ["percentTraffic"] => canary.percent_traffic = check_percent(patch.number()?)?,
            ["deploymentId"] => canary.deployment_id = patch.text(),
            ["useStageCache"] => canary.use_stage_cache = patch.boolean(),
            _ => return Err(unknown(patch)),
        }
        Ok(())
    }
}

pub(crate) fn check_percent(percent: f64) -> Result<f64> {
    if (0.0..=100.0).contains(&percent) {
        return Ok(percent);
    }
    Err(GatewayError::bad_request("Canary percent traffic must be between 0.0 and 100.0"))
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if (1..=128).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(GatewayError::bad_request("Stage name only allows a-zA-Z0-9_-"))
}

pub(crate) fn check_variables(variables: &BTreeMap<String, String>) -> Result<()> {
    check_count_of_variables(variables)?;
    for (name, value) in variables {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(GatewayError::bad_request(
                "Stage variable names may only contain alphanumeric characters and underscores",
            ));
        }
        if !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/?#&=,".contains(&b)) {
            return Err(GatewayError::bad_request(format!(
                "Invalid stage variable value for {name}: values must match the regular expression \
                 [A-Za-z0-9-._~:/?#&=,]+"
            )));
        }
    }
    Ok(())
}

pub(crate) fn no_more_stages() -> GatewayError {
    GatewayError::limit(
        "Maximum number of stages for this API has been reached. Please contact AWS if you need additional stages.",
    )
}

/// Of stages of all kinds of APIs.
pub(crate) fn check_count_of_variables(variables: &BTreeMap<String, String>) -> Result<()> {
    if variables.len() > VARIABLES_MAX {
        return Err(GatewayError::limit("Maximum number of stage variables for this stage has been reached"));
    }
    Ok(())
}

fn patched(patch: &Patch) -> Option<String> {
    if patch.verb == PatchVerb::Remove { None } else { patch.some_text() }
}

fn replace(patch: &Patch) -> Result<()> {
    if patch.verb == PatchVerb::Replace { Ok(()) } else { Err(patch.unsupported()) }
}

fn unknown(patch: &Patch) -> GatewayError {
    GatewayError::bad_request(format!(
        "Invalid method setting path: {}. Must be one of: [{PATHS}]",
        patch.path
    ))
}

fn no_setting(key: &str) -> GatewayError {
    GatewayError::bad_request(format!(
        "Cannot remove method setting {key} because there is no method setting for this method "
    ))
}

fn is_setting(resource: &str, method: &str) -> bool {
    let reserved = ["tags", "variables", "accessLogSettings", "canarySettings"];
    !reserved.contains(&resource) && !method.is_empty()
}

/// As AWS keys the settings in its answers: the resource path with its slashes escaped.
pub(crate) fn setting_key(resource: &str, method: &str) -> String {
    format!("{}/{method}", resource.replace('~', "~0").replace('/', "~1"))
}

fn patch_setting(setting: &mut MethodSettingRecord, patch: &Patch, group: &str, name: &str) -> Result<()> {
    let default = MethodSettingRecord::default();
    let removed = patch.verb == PatchVerb::Remove;
    match (group, name) {
        ("metrics", "enabled") => setting.metrics_enabled = !removed && patch.boolean(),
        ("logging", "dataTrace") => setting.data_trace_enabled = !removed && patch.boolean(),
        ("logging", "loglevel") if removed => setting.logging_level = default.logging_level,
        ("logging", "loglevel") => {
            let level = patch.text();
            if !["OFF", "ERROR", "INFO"].contains(&level.as_str()) {
                return Err(GatewayError::bad_request(format!("Invalid logging level specified: {level}")));
            }
            setting.logging_level = level;
        }
        ("throttling", "burstLimit") if removed => {
            setting.throttling_burst_limit = default.throttling_burst_limit;
        }
        ("throttling", "burstLimit") => setting.throttling_burst_limit = patch.number()?,
        ("throttling", "rateLimit") if removed => {
            setting.throttling_rate_limit = default.throttling_rate_limit;
        }
        ("throttling", "rateLimit") => setting.throttling_rate_limit = patch.number()?,
        ("caching", "ttlInSeconds") if removed => setting.cache_ttl_in_seconds = default.cache_ttl_in_seconds,
        ("caching", "ttlInSeconds") => {
            let ttl: i32 = patch.number()?;
            if !(0..=3600).contains(&ttl) {
                return Err(GatewayError::bad_request("Invalid cache ttl, must be between 0 and 3600"));
            }
            setting.cache_ttl_in_seconds = ttl;
        }
        ("caching", "enabled") => setting.caching_enabled = !removed && patch.boolean(),
        ("caching", "dataEncrypted") => setting.cache_data_encrypted = !removed && patch.boolean(),
        ("caching", "requireAuthorizationForCacheControl") => {
            setting.require_authorization_for_cache_control = removed || patch.boolean();
        }
        ("caching", "unauthorizedCacheControlHeaderStrategy")
            if !removed && patch.text().parse::<UnauthorizedCacheControlHeaderStrategy>().is_err() =>
        {
            return Err(patch.bad_value());
        }
        ("caching", "unauthorizedCacheControlHeaderStrategy") => {
            setting.unauthorized_cache_control_header_strategy =
                if removed { default.unauthorized_cache_control_header_strategy } else { patch.text() };
        }
        _ => return Err(unknown(patch)),
    }
    Ok(())
}
