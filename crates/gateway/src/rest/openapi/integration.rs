//! The extension `x-amazon-apigateway-integration`, read and written.

use crate::json::Json;
use crate::rest::integration::TIMEOUT_MS_DEFAULT;
use crate::rest::openapi::document::{
    Member, entries, list, map, number, object, text, text_of, texts, whole,
};
use crate::rest::records::{IntegrationRecord, IntegrationResponseRecord};

pub(super) const EXTENSION: &str = "x-amazon-apigateway-integration";
/// The response that has no pattern.
const DEFAULT: &str = "default";

/// `resource_id` names the cache where nothing else does.
pub(super) fn read(json: &Json<'static>, resource_id: &str) -> IntegrationRecord {
    let upper = |name: &str| text(json, name).map(|value| value.to_ascii_uppercase());
    let kind = upper("type").unwrap_or_default();
    let internet = || kind.starts_with("HTTP").then(|| "INTERNET".to_owned());
    let given = json.get("responses").and_then(Json::as_object).unwrap_or_default();
    let tls = json.get("tlsConfig");
    IntegrationRecord {
        http_method: upper("httpMethod"),
        uri: text(json, "uri"),
        connection_type: upper("connectionType").or_else(internet),
        connection_id: text(json, "connectionId"),
        credentials: text(json, "credentials"),
        request_parameters: entries(json, "requestParameters"),
        request_templates: entries(json, "requestTemplates"),
        passthrough_behavior: upper("passthroughBehavior").unwrap_or_else(|| "WHEN_NO_MATCH".to_owned()),
        content_handling: upper("contentHandling"),
        timeout_ms: json.get("timeoutInMillis").and_then(whole).unwrap_or(TIMEOUT_MS_DEFAULT),
        cache_namespace: text(json, "cacheNamespace").unwrap_or_else(|| resource_id.to_owned()),
        cache_key_parameters: texts(json.get("cacheKeyParameters")),
        insecure_skip_verification: tls
            .and_then(|tls| tls.get("insecureSkipVerification"))
            .and_then(Json::as_bool),
        response_transfer_mode: upper("responseTransferMode"),
        integration_target: text(json, "integrationTarget"),
        responses: given.iter().map(response).map(|made| (made.status_code.clone(), made)).collect(),
        kind,
    }
}

fn response((pattern, json): &Member) -> IntegrationResponseRecord {
    IntegrationResponseRecord {
        status_code: json.get("statusCode").map(text_of).unwrap_or_default(),
        selection_pattern: (pattern != DEFAULT).then(|| pattern.to_string()),
        response_parameters: entries(json, "responseParameters"),
        response_templates: entries(json, "responseTemplates"),
        content_handling: text(json, "contentHandling").map(|value| value.to_ascii_uppercase()),
    }
}

pub(super) fn write(record: &IntegrationRecord, resource_id: &str) -> Json<'static> {
    let text = |value: &Option<String>| value.as_ref().map(Json::text);
    let lower = |value: &str| Json::text(value.to_ascii_lowercase());
    let responses = record.responses.values().map(|response| {
        let pattern = response.selection_pattern.clone().filter(|pattern| !pattern.is_empty());
        let inner = object(vec![
            ("statusCode", Some(Json::text(&response.status_code))),
            ("responseParameters", map(response.response_parameters.iter())),
            ("responseTemplates", map(response.response_templates.iter())),
            ("contentHandling", text(&response.content_handling)),
        ]);
        (pattern.unwrap_or_else(|| DEFAULT.to_owned()).into(), inner)
    });
    let responses: Vec<Member> = responses.collect();
    let verification = record
        .insecure_skip_verification
        .map(|skips| object(vec![("insecureSkipVerification", Some(Json::Bool(skips)))]));
    let own_cache = record.cache_namespace != resource_id;
    object(vec![
        ("type", Some(lower(&record.kind))),
        ("httpMethod", text(&record.http_method)),
        ("uri", text(&record.uri)),
        // The other one is meant where none is said.
        (
            "connectionType",
            record.connection_type.as_ref().filter(|kind| *kind != "INTERNET").map(Json::text),
        ),
        ("connectionId", text(&record.connection_id)),
        ("credentials", text(&record.credentials)),
        ("responses", (!responses.is_empty()).then_some(Json::Object(responses))),
        ("requestParameters", map(record.request_parameters.iter())),
        ("requestTemplates", map(record.request_templates.iter())),
        ("passthroughBehavior", Some(lower(&record.passthrough_behavior))),
        ("contentHandling", text(&record.content_handling)),
        ("timeoutInMillis", (record.timeout_ms != TIMEOUT_MS_DEFAULT).then(|| number(record.timeout_ms))),
        ("cacheNamespace", own_cache.then(|| Json::text(&record.cache_namespace))),
        ("cacheKeyParameters", list(&record.cache_key_parameters)),
        ("tlsConfig", verification),
        ("responseTransferMode", text(&record.response_transfer_mode)),
        ("integrationTarget", text(&record.integration_target)),
    ])
}
