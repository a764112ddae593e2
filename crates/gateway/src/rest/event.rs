//! The event of a Lambda proxy integration, payload format 1.0, written straight to bytes.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use std::borrow::Cow;
use std::collections::HashMap;

use base::Trace;
use bytes::Bytes;
use wire::json::Writer;

use crate::StageRequest;
use crate::rest::call::Call;
use crate::rest::headers::{event_name, is_dropped_from_request};
use crate::rest::mapping::{Place, Source};

/// The event for `call`. `parameters` are the integration's request parameters: headers they name are added.
pub(crate) fn write(call: &Call<'_>, parameters: &[(Place, Source)]) -> Bytes {
    let mut w = Writer::with_capacity(2048 + call.request.body.len());
    w.begin_object();
    text(&mut w, "resource", &call.method.resource_path);
    text(&mut w, "path", &call.path());
    text(&mut w, "httpMethod", call.request.method.as_str());
    write_headers(&mut w, call, parameters);
    write_maps(&mut w, QUERY, &query(call));
    write_path_parameters(&mut w, call);
    write_stage_variables(&mut w, call);
    write_context(&mut w, call);
    write_body(&mut w, call);
    w.end_object();
    w.into_bytes()
}

/// The event for the function of a REQUEST authorizer. Maps that have nothing are empty there.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html>
pub(crate) fn authorizer(call: &Call<'_>, method_arn: &str) -> Bytes {
    let mut w = Writer::with_capacity(2048);
    w.begin_object();
    text(&mut w, "type", "REQUEST");
    text(&mut w, "methodArn", method_arn);
    text(&mut w, "resource", &call.method.resource_path);
    text(&mut w, "path", &call.path());
    text(&mut w, "httpMethod", call.request.method.as_str());
    write_all(&mut w, ["headers", "multiValueHeaders"], &headers(call));
    write_all(&mut w, QUERY, &query(call));
    w.key("pathParameters");
    w.begin_object();
    call.route.params(&call.request.path).for_each(|(name, value)| text(&mut w, name, value));
    w.end_object();
    w.key("stageVariables");
    w.begin_object();
    call.release.variables.iter().for_each(|(name, value)| text(&mut w, name, value));
    w.end_object();
    write_context(&mut w, call);
    w.end_object();
    w.into_bytes()
}

pub(crate) fn text(w: &mut Writer, key: &str, value: &str) {
    w.key(key);
    w.string(value);
}

pub(crate) fn null(w: &mut Writer, key: &str) {
    w.key(key);
    w.null();
}

/// Both maps of a list of names with their values; the single one has the last value, as on AWS.
pub(crate) fn write_maps(w: &mut Writer, keys: [&str; 2], entries: &[(Cow<'_, str>, Vec<Cow<'_, str>>)]) {
    let [single, multi] = keys;
    if entries.is_empty() {
        null(w, single);
        null(w, multi);
        return;
    }
    write_all(w, keys, entries);
}

fn write_all(w: &mut Writer, keys: [&str; 2], entries: &[(Cow<'_, str>, Vec<Cow<'_, str>>)]) {
    let [single, multi] = keys;
    w.key(single);
    w.begin_object();
    for (name, values) in entries {
        text(w, name, values.last().map_or("", |value| value));
    }
    w.end_object();
    w.key(multi);
    w.begin_object();
    for (name, values) in entries {
        w.key(name);
        w.begin_array();
        values.iter().for_each(|value| w.string(value));
        w.end_array();
    }
    w.end_object();
}

/// Names with their values.
pub(crate) type Entries<'c> = Vec<(Cow<'c, str>, Vec<Cow<'c, str>>)>;

/// The request's headers as integrations see them: what the gateway drops left out, what it adds put in.
pub(crate) fn headers<'c>(call: &'c Call<'_>) -> Entries<'c> {
    let mut entries = event_entries(call.request, &call.ticket.trace);
    if call.stage.trial {
        // Who tries a method out sends what they say, and nothing else.
        entries.retain(|(name, _)| call.request.headers.contains_key(&**name));
    }
    entries
}

/// The same for an API of any protocol.
pub(crate) fn event_entries<'c>(request: &'c StageRequest, trace: &'c Trace) -> Entries<'c> {
    let mut entries: Entries<'_> = Vec::with_capacity(request.headers.len() + 4);
    for name in request.headers.keys() {
        if is_dropped_from_request(name.as_str()) || is_ours(name.as_str()) {
            continue;
        }
        let values = request.headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let written = request.spelling.of(name.as_str()).map(Cow::Borrowed);
        entries.push((written.unwrap_or_else(|| event_name(name.as_str()).into()), values));
    }
    if !request.headers.contains_key("host") && !request.host.is_empty() {
        entries.push(("Host".into(), vec![request.host.as_str().into()]));
    }
    entries.push(("X-Amzn-Trace-Id".into(), vec![trace.header().into()]));
    entries.push(("X-Forwarded-For".into(), vec![request.forwarded_for().into()]));
    entries.push(("X-Forwarded-Port".into(), vec![request.port().into()]));
    entries.push(("X-Forwarded-Proto".into(), vec![request.scheme().into()]));
    entries
}

fn write_headers(w: &mut Writer, call: &Call<'_>, parameters: &[(Place, Source)]) {
    let mut entries = headers(call);
    for (place, source) in parameters {
        let Place::Header(name) = place else { continue };
        let values = call.values(source);
        if !values.is_empty() {
            entries.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            entries.push((name.into(), values.into_iter().map(Cow::Owned).collect()));
        }
    }
    write_maps(w, ["headers", "multiValueHeaders"], &entries);
}

/// Headers that the gateway itself says.
fn is_ours(name: &str) -> bool {
    matches!(name, "x-amzn-trace-id" | "x-forwarded-for" | "x-forwarded-port" | "x-forwarded-proto")
}

const QUERY: [&str; 2] = ["queryStringParameters", "multiValueQueryStringParameters"];

fn query<'c>(call: &'c Call<'_>) -> Entries<'c> {
    query_entries(&call.request.query)
}

/// A query's names with their values, decoded, in the order in which they came.
pub(crate) fn query_entries(query: &str) -> Entries<'_> {
    let mut places: HashMap<Cow<'_, str>, usize> = HashMap::new();
    let mut entries: Entries<'_> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match places.get(&name) {
            Some(&place) => entries[place].1.push(value),
            None => {
                places.insert(name.clone(), entries.len());
                entries.push((name, vec![value]));
            }
        }
    }
    entries
}

fn write_path_parameters(w: &mut Writer, call: &Call<'_>) {
    let mut parameters = call.route.params(&call.request.path).peekable();
    w.key("pathParameters");
    if parameters.peek().is_none() {
        return w.null();
    }
    w.begin_object();
    parameters.for_each(|(name, value)| text(w, name, value));
    w.end_object();
}

fn write_stage_variables(w: &mut Writer, call: &Call<'_>) {
    w.key("stageVariables");
    if call.release.variables.is_empty() {
        return w.null();
    }
    w.begin_object();
    call.release.variables.iter().for_each(|(name, value)| text(w, name, value));
    w.end_object();
}

fn write_context(w: &mut Writer, call: &Call<'_>) {
    let ticket = call.ticket;
    w.key("requestContext");
    w.begin_object();
    text(w, "resourceId", &call.method.resource_id);
    if let Some(granted) = call.grant.get() {
        granted.write(w);
    }
    if let Some(name) = &call.method.operation_name {
        text(w, "operationName", name);
    }
    text(w, "resourcePath", &call.method.resource_path);
    text(w, "httpMethod", call.request.method.as_str());
    text(w, "extendedRequestId", &ticket.extended_id);
    text(w, "requestTime", &ticket.request_time());
    text(w, "path", &call.path_with_stage());
    text(w, "accountId", &call.stage.scope.account.to_string());
    text(w, "protocol", call.request.protocol);
    text(w, "stage", &call.stage.name);
    text(w, "domainPrefix", call.domain_prefix());
    w.key("requestTimeEpoch");
    w.integer(ticket.received.as_millis());
    text(w, "requestId", &ticket.request_id.to_string());
    write_identity(w, call);
    text(w, "domainName", call.request.host_name());
    text(w, "deploymentId", &call.release.program.deployment_id);
    text(w, "apiId", &call.stage.api_id);
    w.end_object();
}

fn write_identity(w: &mut Writer, call: &Call<'_>) {
    let signer = call.grant.get().and_then(|granted| granted.grant.signer.as_ref());
    let or_null = |w: &mut Writer, key: &str, value: Option<&str>| match value {
        Some(value) => text(w, key, value),
        None => null(w, key),
    };
    w.key("identity");
    w.begin_object();
    null(w, "cognitoIdentityPoolId");
    or_null(w, "accountId", signer.map(|signer| signer.account.as_str()));
    null(w, "cognitoIdentityId");
    or_null(w, "caller", signer.map(|signer| signer.access_key.as_str()));
    text(w, "sourceIp", &call.request.source_ip.to_string());
    null(w, "principalOrgId");
    or_null(w, "accessKey", signer.map(|signer| signer.access_key.as_str()));
    null(w, "cognitoAuthenticationType");
    null(w, "cognitoAuthenticationProvider");
    or_null(w, "userArn", signer.map(|signer| signer.arn.as_str()));
    if let Some(caller) = call.caller.get() {
        text(w, "apiKey", &caller.key);
        text(w, "apiKeyId", &caller.key_id);
    }
    if let Some(certificate) = &call.request.certificate {
        certificate.write(w);
    }
    or_null(w, "userAgent", call.request.header("user-agent"));
    or_null(w, "user", signer.map(|signer| signer.access_key.as_str()));
    w.end_object();
}

fn write_body(w: &mut Writer, call: &Call<'_>) {
    let body = &call.request.body;
    let binary = !body.is_empty() && call.release.program.binary.matches(call.request.media_type());
    w.key("body");
    match body.is_empty() {
        true => w.null(),
        false if binary => w.blob(body),
        // What is not UTF-8 and not declared binary is damaged on AWS in the same way.
        false => w.string(&String::from_utf8_lossy(body)),
    }
    w.key("isBase64Encoded");
    w.boolean(binary);
}
