//! The extension `x-amazon-apigateway-integration` of HTTP APIs, read and written.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html>

use std::collections::BTreeMap;

use crate::json::Json;
use crate::rest::openapi::document::{Member, entries, map, number, object, text, text_of, whole};
use crate::v2::integration::IntegrationRecord;

pub(super) const EXTENSION: &str = "x-amazon-apigateway-integration";

pub(super) fn read(id: String, json: &Json<'static>) -> IntegrationRecord {
    let upper = |name: &str| text(json, name).map(|value| value.to_ascii_uppercase());
    let of_status = |(status, json): &Member| (status.to_string(), own_entries(json));
    let responses = json.get("responseParameters").and_then(Json::as_object).unwrap_or_default();
    IntegrationRecord {
        id,
        kind: upper("type").unwrap_or_default(),
        uri: text(json, "uri"),
        method: upper("httpMethod"),
        payload_format_version: json.get("payloadFormatVersion").map_or_else(|| "1.0".to_owned(), text_of),
        timeout_ms: json.get("timeoutInMillis").and_then(whole),
        connection_type: upper("connectionType").unwrap_or_else(|| "INTERNET".to_owned()),
        connection_id: text(json, "connectionId"),
        credentials_arn: text(json, "credentials"),
        description: text(json, "description"),
        subtype: text(json, "integrationSubtype"),
        request_parameters: entries(json, "requestParameters"),
        response_parameters: responses.iter().map(of_status).collect(),
        server_name_to_verify: json.get("tlsConfig").and_then(|tls| text(tls, "serverNameToVerify")),
        ..IntegrationRecord::default()
    }
}

fn own_entries(json: &Json<'static>) -> BTreeMap<String, String> {
    let members = json.as_object().unwrap_or_default();
    members.iter().map(|(name, value)| (name.to_string(), text_of(value))).collect()
}

pub(super) fn write(record: &IntegrationRecord) -> Json<'static> {
    let text = |value: &Option<String>| value.as_ref().map(Json::text);
    let responses = record.response_parameters.iter();
    let responses =
        responses.filter_map(|(status, entries)| Some((status.clone().into(), map(entries.iter())?)));
    let responses: Vec<Member> = responses.collect();
    let tls = record.server_name_to_verify.as_ref();
    let method = record.method.clone().or_else(|| (record.kind == "AWS_PROXY").then(|| "POST".to_owned()));
    object(vec![
        ("payloadFormatVersion", Some(Json::text(&record.payload_format_version))),
        ("type", Some(Json::text(record.kind.to_ascii_lowercase()))),
        ("integrationSubtype", text(&record.subtype)),
        ("httpMethod", text(&method)),
        ("uri", text(&record.uri)),
        ("connectionType", Some(Json::text(&record.connection_type))),
        ("connectionId", text(&record.connection_id)),
        ("credentials", text(&record.credentials_arn)),
        ("description", text(&record.description)),
        ("requestParameters", map(record.request_parameters.iter())),
        ("responseParameters", (!responses.is_empty()).then_some(Json::Object(responses))),
        ("timeoutInMillis", record.timeout_ms.map(number)),
        ("tlsConfig", tls.map(|name| object(vec![("serverNameToVerify", Some(Json::text(name)))]))),
    ])
}
