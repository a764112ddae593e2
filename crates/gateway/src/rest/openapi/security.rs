//! Who may call a method, as a definition says it: API keys, signatures and authorizers are security schemes.

use base::random_alphanumeric;

use crate::json::Json;
use crate::rest::authorizer::{AuthorizerRecord, ClaimRecord, IssuerRecord, JwtRecord};
use crate::rest::openapi::document::{Document, Member, list, number, object, text, text_of, texts};
use crate::rest::records::MethodRecord;

const AUTH_TYPE: &str = "x-amazon-apigateway-authtype";
const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";
const SIGV4: &str = "awsSigv4";
const API_KEY: &str = "api_key";
/// Of a method; further ones are not looked at.
const DEMANDS_MAX: usize = 20;
const SIGNATURE: &str = "sigv4";

/// What a security scheme asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scheme {
    ApiKey,
    Signature,
    Authorizer(Box<AuthorizerRecord>),
    /// Nothing that API Gateway knows.
    Unknown,
}

/// The schemes of a definition by their names.
pub(super) fn read(document: &Document) -> Vec<(String, Scheme)> {
    let schemes = document.security_schemes().iter();
    schemes.map(|(name, json)| (name.to_string(), scheme(name, document.resolve(json)))).collect()
}

fn scheme(name: &str, json: &Json<'static>) -> Scheme {
    let header = text(json, "name").unwrap_or_default();
    let auth_type = text(json, AUTH_TYPE);
    if let Some(authorizer) = json.get(AUTHORIZER) {
        return Scheme::Authorizer(Box::new(authorizer_record(name, &header, auth_type, authorizer)));
    }
    let is_key = json.get("type").and_then(Json::as_str) == Some("apiKey");
    match auth_type.as_deref() {
        Some(kind) if kind.eq_ignore_ascii_case(SIGV4) => Scheme::Signature,
        None if is_key && header.eq_ignore_ascii_case("x-api-key") => Scheme::ApiKey,
        _ => Scheme::Unknown,
    }
}

fn authorizer_record(
    name: &str,
    header: &str,
    auth_type: Option<String>,
    json: &Json<'static>,
) -> AuthorizerRecord {
    let kind = text(json, "type").unwrap_or_default().to_ascii_uppercase();
    let by_header = || {
        let named = kind != "REQUEST" && !header.is_empty();
        named.then(|| format!("method.request.header.{header}"))
    };
    AuthorizerRecord {
        id: random_alphanumeric(6),
        name: name.to_owned(),
        provider_arns: texts(json.get("providerARNs")),
        auth_type,
        uri: text(json, "authorizerUri"),
        credentials: text(json, "authorizerCredentials"),
        identity_source: text(json, "identitySource").or_else(by_header),
        validation: text(json, "identityValidationExpression"),
        ttl_s: json.get("authorizerResultTtlInSeconds").and_then(|ttl| text_of(ttl).parse().ok()),
        jwt: json.get("jwtConfiguration").map(jwt_record),
        kind,
    }
}

/// Puts what `security` asks for into the method.
pub(super) fn apply(
    method: &mut MethodRecord,
    security: Option<&Json<'static>>,
    schemes: &[(String, Scheme)],
    authorizers: &[AuthorizerRecord],
) {
    "NONE".clone_into(&mut method.authorization_type);
    let demands = security.and_then(Json::as_array).unwrap_or_default();
    for (name, scopes) in demands.iter().filter_map(Json::as_object).flatten().take(DEMANDS_MAX) {
        let scheme = schemes.iter().find(|(known, _)| known == name).map(|(_, scheme)| scheme);
        match scheme {
            Some(Scheme::ApiKey) => method.api_key_required = true,
            Some(Scheme::Signature) => "AWS_IAM".clone_into(&mut method.authorization_type),
            Some(Scheme::Authorizer(_)) => {
                let Some(authorizer) = authorizers.iter().find(|known| known.name == **name) else {
                    continue;
                };
                authorizer.authorization_type().clone_into(&mut method.authorization_type);
                method.authorizer_id = Some(authorizer.id.clone());
                method.authorization_scopes = texts(Some(scopes));
            }
            Some(Scheme::Unknown) | None => {}
        }
    }
}

/// What a method asks for, and so which schemes its definition needs.
pub(super) fn demand(method: &MethodRecord, authorizers: &[AuthorizerRecord]) -> Option<Json<'static>> {
    let mut demands = Vec::new();
    let mut demand = |name: &str, scopes: &[String]| {
        let scopes = Json::Array(scopes.iter().map(Json::text).collect());
        demands.push(Json::Object(vec![(name.to_owned().into(), scopes)]));
    };
    match method.authorization_type.as_str() {
        "AWS_IAM" => demand(SIGNATURE, &[]),
        "CUSTOM" | "COGNITO_USER_POOLS" | "JWT" => {
            let own = |authorizer: &&AuthorizerRecord| Some(&authorizer.id) == method.authorizer_id.as_ref();
            if let Some(authorizer) = authorizers.iter().find(own) {
                demand(&authorizer.name, &method.authorization_scopes);
            }
        }
        _ => {}
    }
    if method.api_key_required {
        demand(API_KEY, &[]);
    }
    (!demands.is_empty()).then_some(Json::Array(demands))
}

/// The schemes of those that methods ask for, and of all authorizers.
pub(super) fn write(
    methods: &[&MethodRecord],
    authorizers: &[AuthorizerRecord],
    with_extensions: bool,
) -> Vec<Member> {
    let mut schemes: Vec<Member> = Vec::new();
    let key = |header: &str, more: Vec<(&str, Option<Json<'static>>)>| {
        let mut members = vec![
            ("type", Some(Json::text("apiKey"))),
            ("name", Some(Json::text(header))),
            ("in", Some(Json::text("header"))),
        ];
        if with_extensions {
            members.extend(more);
        }
        object(members)
    };
    if methods.iter().any(|method| method.api_key_required) {
        schemes.push((API_KEY.into(), key("x-api-key", Vec::new())));
    }
    if methods.iter().any(|method| method.authorization_type == "AWS_IAM") {
        schemes.push((SIGNATURE.into(), key("Authorization", vec![(AUTH_TYPE, Some(Json::text(SIGV4)))])));
    }
    for authorizer in authorizers {
        let source = authorizer.identity_source.as_deref().unwrap_or_default();
        let header = source.strip_prefix("method.request.header.").filter(|_| authorizer.kind != "REQUEST");
        let auth_type = authorizer.auth_type.clone().unwrap_or_else(|| authorizer.default_auth_type());
        let more = vec![(AUTH_TYPE, Some(Json::text(auth_type))), (AUTHORIZER, Some(extension(authorizer)))];
        schemes.push((authorizer.name.clone().into(), key(header.unwrap_or("Unused"), more)));
    }
    schemes
}

fn extension(authorizer: &AuthorizerRecord) -> Json<'static> {
    let text = |value: &Option<String>| value.as_ref().map(Json::text);
    object(vec![
        ("type", Some(Json::text(authorizer.kind.to_ascii_lowercase()))),
        ("authorizerUri", text(&authorizer.uri)),
        ("authorizerCredentials", text(&authorizer.credentials)),
        ("authorizerResultTtlInSeconds", authorizer.ttl_s.map(number)),
        ("identityValidationExpression", text(&authorizer.validation)),
        ("identitySource", text(&authorizer.identity_source)),
        ("providerARNs", list(&authorizer.provider_arns)),
        ("jwtConfiguration", authorizer.jwt.as_ref().map(jwt)),
    ])
}

/// A JWT authorizer's configuration, as definitions and patches write it.
pub(crate) fn jwt_record(json: &Json<'static>) -> JwtRecord {
    let all = |json: &Json<'static>, name: &str| {
        json.get(name).and_then(Json::as_array).unwrap_or_default().to_vec()
    };
    let claim = |json: &Json<'static>| ClaimRecord {
        name: text(json, "claimName").unwrap_or_default(),
        is_required: matches!(json.get("required"), Some(Json::Bool(true))),
        expected: texts(json.get("expectedValues")),
    };
    let issuer = |json: &Json<'static>| IssuerRecord {
        issuer: text(json, "issuer").unwrap_or_default(),
        audiences: texts(json.get("audiences")),
        claims: all(json, "additionalClaims").iter().map(claim).collect(),
    };
    JwtRecord {
        issuers: all(json, "issuers").iter().map(issuer).collect(),
        algorithms: texts(json.get("defaultAlgorithms")),
    }
}

fn jwt(jwt: &JwtRecord) -> Json<'static> {
    let claim = |claim: &ClaimRecord| {
        object(vec![
            ("claimName", Some(Json::text(&claim.name))),
            ("format", Some(Json::text("SINGLE_STRING"))),
            ("required", Some(Json::Bool(claim.is_required))),
            ("expectedValues", list(&claim.expected)),
        ])
    };
    let issuer = |issuer: &IssuerRecord| {
        let claims: Vec<Json<'static>> = issuer.claims.iter().map(claim).collect();
        object(vec![
            ("issuer", Some(Json::text(&issuer.issuer))),
            ("audiences", list(&issuer.audiences)),
            ("additionalClaims", (!claims.is_empty()).then_some(Json::Array(claims))),
        ])
    };
    object(vec![
        ("issuers", Some(Json::Array(jwt.issuers.iter().map(issuer).collect()))),
        ("defaultAlgorithms", list(&jwt.algorithms)),
    ])
}
