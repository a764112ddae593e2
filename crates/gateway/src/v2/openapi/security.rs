//! Who may call a route of an HTTP API, as a definition says it: authorizers are security schemes.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html>

use crate::json::Json;
use crate::rest::openapi::document::{Document, Member, list, number, object, text, text_of, texts, whole};
use crate::v2::authorizer::AuthorizerRecord;
use crate::v2::release;
use crate::v2::route::RouteRecord;

const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";
/// Of an operation, or of the whole definition: whether its callers sign.
const AUTH: &str = "x-amazon-apigateway-auth";
const SIGNED: &str = "AWS_IAM";

/// The authorizers of a definition: the security schemes that have one.
pub(super) fn read(document: &Document) -> Vec<AuthorizerRecord> {
    let schemes = document.security_schemes().iter();
    let with_one = schemes.filter_map(|(name, json)| {
        let json = document.resolve(json);
        Some(record(name, document.resolve(json.get(AUTHORIZER)?)))
    });
    with_one.collect()
}

fn record(name: &str, json: &Json<'static>) -> AuthorizerRecord {
    let jwt = json.get("jwtConfiguration");
    let sources = match json.get("identitySource") {
        Some(Json::String(text)) => text.split(',').map(|source| source.trim().to_owned()).collect(),
        other => texts(other),
    };
    let version = json.get("authorizerPayloadFormatVersion").map(text_of);
    AuthorizerRecord {
        id: release::new_id(),
        name: name.to_owned(),
        kind: text(json, "type").unwrap_or_default().to_ascii_uppercase(),
        uri: text(json, "authorizerUri"),
        credentials_arn: text(json, "authorizerCredentials"),
        payload_format_version: version,
        ttl_s: json.get("authorizerResultTtlInSeconds").and_then(whole),
        simple_responses: json.get("enableSimpleResponses").and_then(Json::as_bool),
        identity_sources: sources,
        validation: text(json, "identityValidationExpression"),
        issuer: jwt.and_then(|jwt| text(jwt, "issuer")),
        audiences: texts(jwt.and_then(|jwt| jwt.get("audience"))),
    }
}

/// Puts what an operation asks for, or else the whole definition, into its route.
pub(super) fn apply(
    route: &mut RouteRecord,
    operation: &Json<'static>,
    document: &Document,
    authorizers: &[AuthorizerRecord],
) {
    let own = |name: &str| operation.get(name).or_else(|| document.json.get(name));
    if own(AUTH).and_then(|auth| text(auth, "type")).is_some_and(|kind| kind == SIGNED) {
        SIGNED.clone_into(&mut route.authorization_type);
        return;
    }
    let demands = own("security").and_then(Json::as_array).unwrap_or_default();
    for (name, scopes) in demands.iter().filter_map(Json::as_object).flatten() {
        let Some(authorizer) = authorizers.iter().find(|known| known.name == **name) else { continue };
        let kind = if authorizer.kind == "JWT" { "JWT" } else { "CUSTOM" };
        kind.clone_into(&mut route.authorization_type);
        route.authorizer_id = Some(authorizer.id.clone());
        route.authorization_scopes = Some(texts(Some(scopes))).filter(|scopes| !scopes.is_empty());
        // A route has one.
        return;
    }
}

/// What a route asks of its callers: the member of its operation.
pub(super) fn demand(
    route: &RouteRecord,
    authorizers: &[AuthorizerRecord],
) -> Option<(&'static str, Json<'static>)> {
    if route.authorization_type == SIGNED {
        return Some((AUTH, object(vec![("type", Some(Json::text(SIGNED)))])));
    }
    let id = route.authorizer_id.as_ref()?;
    let authorizer = authorizers.iter().find(|authorizer| authorizer.id == *id)?;
    let scopes = route.authorization_scopes.iter().flatten().map(Json::text).collect();
    let demand = Json::Object(vec![(authorizer.name.clone().into(), Json::Array(scopes))]);
    Some(("security", Json::Array(vec![demand])))
}

/// The security schemes.
pub(super) fn write(authorizers: &[AuthorizerRecord], with_extensions: bool) -> Vec<Member> {
    let scheme = |authorizer: &AuthorizerRecord| {
        let mut members = match authorizer.kind.as_str() {
            "JWT" => vec![("type", Some(Json::text("oauth2"))), ("flows", Some(Json::Object(Vec::new())))],
            _ => vec![
                ("type", Some(Json::text("apiKey"))),
                ("name", Some(Json::text("Unused"))),
                ("in", Some(Json::text("header"))),
            ],
        };
        if with_extensions {
            members.push((AUTHORIZER, Some(extension(authorizer))));
        }
        (authorizer.name.clone().into(), object(members))
    };
    authorizers.iter().map(scheme).collect()
}

fn extension(authorizer: &AuthorizerRecord) -> Json<'static> {
    let text = |value: &Option<String>| value.as_ref().map(Json::text);
    let jwt = object(vec![("issuer", text(&authorizer.issuer)), ("audience", list(&authorizer.audiences))]);
    let sources = authorizer.identity_sources.join(",");
    object(vec![
        ("identitySource", (!sources.is_empty()).then(|| Json::text(sources))),
        ("authorizerUri", text(&authorizer.uri)),
        ("authorizerCredentials", text(&authorizer.credentials_arn)),
        ("authorizerPayloadFormatVersion", text(&authorizer.payload_format_version)),
        ("authorizerResultTtlInSeconds", authorizer.ttl_s.map(number)),
        ("enableSimpleResponses", authorizer.simple_responses.map(Json::Bool)),
        ("identityValidationExpression", text(&authorizer.validation)),
        ("type", Some(Json::text(authorizer.kind.to_ascii_lowercase()))),
        ("jwtConfiguration", (authorizer.kind == "JWT").then_some(jwt)),
    ])
}
