//! The event of a Lambda integration of an HTTP API, payload formats 2.0 and 1.0, written straight to bytes.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::borrow::Cow;

use bytes::Bytes;
use http::header::COOKIE;
use wire::json::Writer;

use crate::http::call::HttpCall;
use crate::http::program::Payload;
use crate::rest::event::{Entries, event_entries, null, query_entries, text, write_maps};

pub(crate) fn write(call: &HttpCall<'_>, payload: Payload) -> Bytes {
    let mut w = Writer::with_capacity(2048 + call.request.body.len() * 4 / 3);
    w.begin_object();
    match payload {
        Payload::V1 => write_v1(&mut w, call),
        Payload::V2 => write_v2(&mut w, call),
    }
    w.end_object();
    w.into_bytes()
}

/// The request's headers as integrations see them.
fn headers<'c>(call: &'c HttpCall<'_>) -> Entries<'c> {
    event_entries(&call.request, &call.ticket.trace)
}

/// The event for the function of an authorizer.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>
pub(crate) fn authorizer(call: &HttpCall<'_>, is_v2: bool, identity: &[String]) -> Bytes {
    let mut w = Writer::with_capacity(2048);
    w.begin_object();
    if is_v2 {
        text(&mut w, "version", "2.0");
        text(&mut w, "type", "REQUEST");
        text(&mut w, "routeArn", &call.route_arn());
        w.key("identitySource");
        if identity.is_empty() {
            w.null();
        } else {
            w.begin_array();
            identity.iter().for_each(|value| w.string(value));
            w.end_array();
        }
        write_request_v2(&mut w, call);
    } else {
        authorizer_v1(&mut w, call, identity);
    }
    w.end_object();
    w.into_bytes()
}

fn authorizer_v1(w: &mut Writer, call: &HttpCall<'_>, identity: &[String]) {
    text(w, "version", "1.0");
    text(w, "type", "REQUEST");
    text(w, "methodArn", &call.route_arn());
    match identity.join(",") {
        identity if identity.is_empty() => {
            null(w, "identitySource");
            null(w, "authorizationToken");
        }
        identity => {
            text(w, "identitySource", &identity);
            text(w, "authorizationToken", &identity);
        }
    }
    text(w, "resource", call.route.path());
    text(w, "path", &call.raw_path());
    text(w, "httpMethod", call.request.method.as_str());
    let last = |entries: &Entries<'_>| -> Vec<(String, String)> {
        let last = |values: &[Cow<'_, str>]| values.last().map(|value| value.to_string()).unwrap_or_default();
        entries.iter().map(|(name, values)| (name.to_string(), last(values))).collect()
    };
    for (key, entries) in
        [("headers", headers(call)), ("queryStringParameters", query_entries(&call.request.query))]
    {
        let entries = last(&entries);
        object(w, key, entries.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    }
    let parameters = call.parameters();
    object(w, "pathParameters", parameters.iter().map(|(name, value)| (*name, value.as_str())));
    object(w, "stageVariables", call.stage.variables.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    context_v1(w, call);
}

/// Who was let in, as functions are told of it.
fn grant_v2(w: &mut Writer, call: &HttpCall<'_>) {
    let Some(granted) = call.grant.get() else { return };
    w.key("authorizer");
    w.begin_object();
    if let Some(claims) = &granted.grant.claims {
        w.key("jwt");
        w.begin_object();
        claims_and_scopes(w, claims, granted.grant.scopes.as_deref());
        w.end_object();
    } else if let Some(signer) = &granted.grant.signer {
        w.key("iam");
        w.begin_object();
        text(w, "accessKey", &signer.access_key);
        text(w, "accountId", &signer.account);
        text(w, "callerId", &signer.access_key);
        null(w, "cognitoIdentity");
        null(w, "principalOrgId");
        text(w, "userArn", &signer.arn);
        text(w, "userId", &signer.access_key);
        w.end_object();
    } else {
        w.key("lambda");
        match &granted.grant.context_json {
            Some(context) => w.raw(context.as_bytes()),
            None => w.null(),
        }
    }
    w.end_object();
}

fn grant_v1(w: &mut Writer, call: &HttpCall<'_>) {
    let Some(granted) = call.grant.get() else { return };
    if granted.grant.signer.is_some() {
        return;
    }
    w.key("authorizer");
    w.begin_object();
    if let Some(claims) = &granted.grant.claims {
        claims_and_scopes(w, claims, granted.grant.scopes.as_deref());
    } else {
        granted.grant.context.iter().for_each(|(name, value)| text(w, name, value));
        if let Some(principal) = &granted.grant.principal_id {
            text(w, "principalId", principal);
        }
        w.key("integrationLatency");
        w.integer(granted.latency_ms);
    }
    w.end_object();
}

fn claims_and_scopes(w: &mut Writer, claims: &[(String, String)], scopes: Option<&[String]>) {
    object(w, "claims", claims.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    match scopes {
        None => null(w, "scopes"),
        Some(scopes) => {
            w.key("scopes");
            w.begin_array();
            scopes.iter().for_each(|scope| w.string(scope));
            w.end_array();
        }
    }
}

fn write_v2(w: &mut Writer, call: &HttpCall<'_>) {
    text(w, "version", "2.0");
    write_request_v2(w, call);
    if !call.request.body.is_empty() {
        body(w, call);
    }
    encoded(w, call);
}

/// What functions and authorizers are told alike.
fn write_request_v2(w: &mut Writer, call: &HttpCall<'_>) {
    text(w, "routeKey", &call.route.key);
    text(w, "rawPath", &call.raw_path());
    text(w, "rawQueryString", &call.request.query);
    let cookies = call.request.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies: Vec<&str> = cookies
        .flat_map(|value| value.split(';'))
        .map(str::trim)
        .filter(|cookie| !cookie.is_empty())
        .collect();
    if !cookies.is_empty() {
        w.key("cookies");
        w.begin_array();
        cookies.iter().for_each(|cookie| w.string(cookie));
        w.end_array();
    }
    let headers = headers(call).into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("cookie"));
    let headers: Entries<'_> =
        headers.map(|(name, values)| (name.to_ascii_lowercase().into(), values)).collect();
    joined(w, "headers", &headers);
    let query = query_entries(&call.request.query);
    if !query.is_empty() {
        joined(w, "queryStringParameters", &query);
    }
    context_v2(w, call);
    let parameters = call.parameters();
    if !parameters.is_empty() {
        object(w, "pathParameters", parameters.iter().map(|(name, value)| (*name, value.as_str())));
    }
    if !call.stage.variables.is_empty() {
        object(w, "stageVariables", call.stage.variables.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    }
}

fn context_v2(w: &mut Writer, call: &HttpCall<'_>) {
    w.key("requestContext");
    w.begin_object();
    text(w, "accountId", &call.stage.scope.account.to_string());
    text(w, "apiId", &call.stage.api_id);
    if let Some(certificate) = &call.request.certificate {
        w.key("authentication");
        w.begin_object();
        certificate.write(w);
        w.end_object();
    }
    grant_v2(w, call);
    text(w, "domainName", call.request.host_name());
    text(w, "domainPrefix", call.domain_prefix());
    w.key("http");
    w.begin_object();
    text(w, "method", call.request.method.as_str());
    text(w, "path", &call.raw_path());
    text(w, "protocol", call.request.protocol);
    text(w, "sourceIp", &call.request.source_ip.to_string());
    text(w, "userAgent", call.request.header("user-agent").unwrap_or_default());
    w.end_object();
    text(w, "requestId", &call.ticket.extended_id);
    text(w, "routeKey", &call.route.key);
    text(w, "stage", &call.stage.name);
    text(w, "time", &call.ticket.request_time());
    w.key("timeEpoch");
    w.integer(call.ticket.received.as_millis());
    w.end_object();
}

fn write_v1(w: &mut Writer, call: &HttpCall<'_>) {
    text(w, "version", "1.0");
    text(w, "resource", call.route.path());
    text(w, "path", &call.raw_path());
    text(w, "httpMethod", call.request.method.as_str());
    write_maps(w, ["headers", "multiValueHeaders"], &headers(call));
    let query = query_entries(&call.request.query);
    write_maps(w, ["queryStringParameters", "multiValueQueryStringParameters"], &query);
    context_v1(w, call);
    let parameters = call.parameters();
    match parameters.is_empty() {
        true => null(w, "pathParameters"),
        false => object(w, "pathParameters", parameters.iter().map(|(name, value)| (*name, value.as_str()))),
    }
    match call.stage.variables.is_empty() {
        true => null(w, "stageVariables"),
        false => {
            object(w, "stageVariables", call.stage.variables.iter().map(|(n, v)| (n.as_str(), v.as_str())))
        }
    }
    match call.request.body.is_empty() {
        true => null(w, "body"),
        false => body(w, call),
    }
    encoded(w, call);
}

fn context_v1(w: &mut Writer, call: &HttpCall<'_>) {
    w.key("requestContext");
    w.begin_object();
    text(w, "accountId", &call.stage.scope.account.to_string());
    text(w, "apiId", &call.stage.api_id);
    grant_v1(w, call);
    text(w, "domainName", call.request.host_name());
    text(w, "domainPrefix", call.domain_prefix());
    text(w, "extendedRequestId", &call.ticket.extended_id);
    text(w, "httpMethod", call.request.method.as_str());
    w.key("identity");
    w.begin_object();
    let signer = call.grant.get().and_then(|granted| granted.grant.signer.as_ref());
    for (key, value) in [
        ("accessKey", signer.map(|signer| &signer.access_key)),
        ("accountId", signer.map(|signer| &signer.account)),
        ("caller", signer.map(|signer| &signer.access_key)),
    ] {
        text_or_null(w, key, value);
    }
    if let Some(certificate) = &call.request.certificate {
        certificate.write(w);
    }
    for key in [
        "cognitoAmr",
        "cognitoAuthenticationProvider",
        "cognitoAuthenticationType",
        "cognitoIdentityId",
        "cognitoIdentityPoolId",
        "principalOrgId",
    ] {
        null(w, key);
    }
    text(w, "sourceIp", &call.request.source_ip.to_string());
    text_or_null(w, "user", signer.map(|signer| &signer.access_key));
    text(w, "userAgent", call.request.header("user-agent").unwrap_or_default());
    text_or_null(w, "userArn", signer.map(|signer| &signer.arn));
    w.end_object();
    text(w, "path", &call.raw_path());
    text(w, "protocol", call.request.protocol);
    text(w, "requestId", &call.ticket.extended_id);
    text(w, "requestTime", &call.ticket.request_time());
    w.key("requestTimeEpoch");
    w.integer(call.ticket.received.as_millis());
    null(w, "resourceId");
    text(w, "resourcePath", call.route.path());
    text(w, "stage", &call.stage.name);
    w.end_object();
}

fn text_or_null(w: &mut Writer, key: &str, value: Option<&String>) {
    match value {
        Some(value) => text(w, key, value),
        None => null(w, key),
    }
}

/// The values of a repeated name are joined.
fn joined(w: &mut Writer, key: &str, entries: &Entries<'_>) {
    let joined = |values: &[Cow<'_, str>]| values.join(",");
    w.key(key);
    w.begin_object();
    entries.iter().for_each(|(name, values)| text(w, name, &joined(values)));
    w.end_object();
}

fn object<'e>(w: &mut Writer, key: &str, entries: impl Iterator<Item = (&'e str, &'e str)>) {
    w.key(key);
    w.begin_object();
    entries.for_each(|(name, value)| text(w, name, value));
    w.end_object();
}

/// The body as text, where its type says that it is and it is. A form is none, as on AWS.
fn body_text<'c>(call: &'c HttpCall<'_>) -> Option<&'c str> {
    let kind = call.request.header("content-type")?.to_ascii_lowercase();
    let is_text = ["text/", "json", "xml", "javascript"].iter().any(|mark| kind.contains(mark));
    is_text.then(|| std::str::from_utf8(&call.request.body).ok()).flatten()
}

fn body(w: &mut Writer, call: &HttpCall<'_>) {
    match body_text(call) {
        Some(body) => text(w, "body", body),
        None => {
            w.key("body");
            w.blob(&call.request.body);
        }
    }
}

fn encoded(w: &mut Writer, call: &HttpCall<'_>) {
    w.key("isBase64Encoded");
    w.boolean(!call.request.body.is_empty() && body_text(call).is_none());
}
