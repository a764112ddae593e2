//! Who may call a stage: functions that decide, user pools, signatures, policies of APIs.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::world::{Play, World, function_uri, show};

const ALLOW: &str = r#"{"principalId":"user|1","context":{"role":"admin","n":7},"usageIdentifierKey":"key","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:*:*:*/dev/GET/pets/*"}]}}"#;
const DENY: &str =
    r#"{"principalId":"u","policyDocument":{"Statement":{"Action":"*","Effect":"Deny","Resource":"*"}}}"#;

/// An API whose `GET /pets/{id}` and `GET /shop` ask the authorizer `a`; the function `echo` answers its event.
async fn world(authorizer: &Value) -> World {
    made(World::new(), authorizer).await
}

async fn made(world: World, authorizer: &Value) -> World {
    world.functions.set("echo", Play::Echo);
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.make("a", &format!("POST /restapis/$api/authorizers {authorizer}")).await;
    let kind =
        authorizer["type"].as_str().filter(|kind| !matches!(*kind, "TOKEN" | "REQUEST")).unwrap_or("CUSTOM");
    for path in ["/pets/{id}", "/shop"] {
        world.add_method("GET", path, &World::lambda("echo")).await;
        let patch = json!({ "patchOperations": [
            { "op": "replace", "path": "/authorizationType", "value": kind },
            { "op": "replace", "path": "/authorizerId", "value": world.name("a") },
        ]});
        world.make("m", &format!("PATCH /restapis/$api/resources/$resource/methods/GET {patch}")).await;
    }
    world.deploy("dev").await;
    world
}

async fn call(world: &World, line: &str, headers: &[(&str, &str)]) -> String {
    show(&world.gateway.serve(world.request_with(line, headers, "")).await)
}

fn token_authorizer() -> Value {
    json!({ "name": "a", "type": "TOKEN", "identitySource": "method.request.header.Authorization",
        "identityValidationExpression": "Bearer [a-z]+", "authorizerUri": function_uri("decide") })
}

/// Two nodes on one database: each keeps what was decided, and a flush is for both.
#[tokio::test]
async fn what_was_decided_is_flushed_on_all_nodes() {
    let store = store::Store::memory();
    let here = made(World::on(store.clone()).with(gateway::Gateway::sharing), &token_authorizer()).await;
    let there = World::on(store).with(gateway::Gateway::sharing);
    there.know(&here);
    for (answer, status) in [(ALLOW, "200"), (DENY, "200"), (DENY, "403")] {
        there.functions.set("decide", Play::Answer(answer));
        there.functions.set("echo", Play::Echo);
        if status == "403" {
            here.make("f", "DELETE /restapis/$api/stages/dev/cache/authorizers").await;
        }
        let said = call(&there, "GET /dev/pets/1", &[("authorization", "Bearer ok")]).await;
        assert_eq!(&said[..3], status, "{said}");
    }
}

#[tokio::test]
async fn a_function_decides_by_a_token() {
    let world = world(&token_authorizer()).await;
    const UNAUTHORIZED: &str = r#"401 {"message":"Unauthorized"}"#;
    assert_eq!(call(&world, "GET /dev/pets/1", &[]).await, UNAUTHORIZED);
    assert_eq!(call(&world, "GET /dev/pets/1", &[("authorization", "Bearer 1")]).await, UNAUTHORIZED);
    assert_eq!(world.functions.count(), 0);
    let table = [
        (
            Play::Answer(DENY),
            r#"403 {"Message":"User is not authorized to access this resource with an explicit deny"}"#,
        ),
        (Play::Answer("{}"), r#"500 {"message":null}"#),
        (Play::Fail(r#"{"errorMessage":"Unauthorized"}"#), UNAUTHORIZED),
        (Play::Fail(r#"{"errorMessage":"no"}"#), r#"500 {"message":null}"#),
        (Play::Refuse(ports::InvokeError::AccessDenied("no".into())), r#"500 {"message":null}"#),
    ];
    for (at, (play, expected)) in table.into_iter().enumerate() {
        world.functions.set("decide", play);
        let token = format!("Bearer {}", "a".repeat(at + 1));
        assert_eq!(call(&world, "GET /dev/pets/1", &[("authorization", &token)]).await, expected);
    }
    world.functions.set("decide", Play::Answer(ALLOW));
    let answer = call(&world, "GET /dev/pets/1", &[("authorization", "Bearer ok")]).await;
    let event: Value = serde_json::from_str(answer.strip_prefix("200 ").unwrap()).unwrap();
    assert_eq!(
        event["requestContext"]["authorizer"],
        json!({ "principalId": "user|1", "role": "admin", "n": "7", "integrationLatency": 0 })
    );
    // What was decided of the token is kept, and asked of every method.
    let count = world.functions.count();
    assert_eq!(
        call(&world, "GET /dev/shop", &[("authorization", "Bearer ok")]).await,
        r#"403 {"Message":"User is not authorized to access this resource"}"#
    );
    assert_eq!(world.functions.count(), count);
    world.make("f", "DELETE /restapis/$api/stages/dev/cache/authorizers").await;
    call(&world, "GET /dev/shop", &[("authorization", "Bearer ok")]).await;
    let asked = world.functions.last_call();
    assert_eq!(world.functions.count(), count + 1);
    let event: Value = serde_json::from_slice(&asked.payload).unwrap();
    let arn = format!("arn:aws:execute-api:us-east-1:000000000000:{}", world.name("api"));
    let expected = json!({ "type": "TOKEN", "authorizationToken": "Bearer ok", "methodArn": format!("{arn}/dev/GET/shop") });
    assert_eq!(event, expected);
    assert_eq!(asked.source.unwrap().source_arn, format!("{arn}/authorizers/{}", world.name("a")));
    world.clock.advance(Duration::from_secs(300));
    call(&world, "GET /dev/shop", &[("authorization", "Bearer ok")]).await;
    assert_eq!(world.functions.count(), count + 2);
}

#[tokio::test]
async fn a_function_decides_by_the_request() {
    let authorizer = json!({ "name": "a", "type": "REQUEST",
        "identitySource": "method.request.header.X-A, method.request.querystring.q", "authorizerUri": function_uri("decide") });
    let world = world(&authorizer).await;
    world.functions.set("decide", Play::Answer(ALLOW));
    assert!(call(&world, "GET /dev/pets/1", &[("x-a", "1")]).await.starts_with("401"));
    assert!(call(&world, "GET /dev/pets/1?q=2", &[("x-a", "1")]).await.starts_with("200"));
    let calls = |world: &World| world.functions.count();
    let before = calls(&world);
    // Values that would be the same text one behind the other are different identities.
    assert!(call(&world, "GET /dev/pets/1?q=2", &[("x-a", "1")]).await.starts_with("200"));
    assert_eq!(calls(&world), before + 1, "the function alone was called, its authorizer was not");
    world.functions.set("decide", Play::Answer(DENY));
    assert!(call(&world, "GET /dev/pets/1?q=", &[("x-a", "12")]).await.starts_with("401"));
    assert!(call(&world, "GET /dev/pets/a%62?q=/1:2", &[("x-a", "1")]).await.starts_with("403"));
    let event: Value = serde_json::from_slice(&world.functions.last_call().payload).unwrap();
    assert!(event["methodArn"].as_str().unwrap().ends_with("/dev/GET/pets/ab"), "{event}");
    for (key, expected) in [
        ("type", json!("REQUEST")),
        ("resource", json!("/pets/{id}")),
        ("path", json!("/pets/a%62")),
        ("httpMethod", json!("GET")),
        ("queryStringParameters", json!({ "q": "/1:2" })),
        ("pathParameters", json!({ "id": "a%62" })),
        ("stageVariables", json!({})),
    ] {
        assert_eq!(event[key], expected, "{key}");
    }
}

#[tokio::test]
async fn a_path_written_otherwise_is_the_same_path() {
    let world = world(&token_authorizer()).await;
    world.functions.set(
        "decide",
        Play::Answer(r#"{"principalId":"u","policyDocument":{"Statement":[{"Action":"*","Effect":"Allow","Resource":"*"},{"Action":"*","Effect":"Deny","Resource":"*/GET/shop"}]}}"#),
    );
    for path in ["/dev/shop", "/dev/sh%6fp", "/dev//shop", "/dev/shop/"] {
        let answer = call(&world, &format!("GET {path}"), &[("authorization", "Bearer a")]).await;
        assert!(answer.starts_with("403"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn an_authorizer_is_tried_out() {
    let world = world(&token_authorizer()).await;
    world.functions.set("decide", Play::Answer(DENY));
    let run = async |body: Value| world.control(&format!("POST /restapis/$api/authorizers/$a {body}")).await;
    let (status, body) =
        run(json!({ "headers": { "Authorization": "Bearer ok" }, "pathWithQueryString": "/pets/1?q=2" }))
            .await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["clientStatus"], &body["principalId"]), (&json!(0), &json!("u")));
    assert!(body["policy"].as_str().unwrap().contains("Deny"));
    let log = body["log"].as_str().unwrap();
    assert!(log.contains("Incoming identity: *******ok\n"), "{log}");
    assert!(log.contains("/ESTestInvoke-stage/GET/pets/1"), "{log}");
    assert_eq!(run(json!({})).await.1["clientStatus"], 401);
    world.functions.set("decide", Play::Answer("{}"));
    assert_eq!(run(json!({ "headers": { "Authorization": "Bearer ok" } })).await.1["clientStatus"], 500);
    assert_eq!(run(json!({ "pathWithQueryString": "/none" })).await.0, 400);
    assert_eq!(run(json!({ "additionalContext": { "a": "b" } })).await.0, 400);
}

/// Serves the key set that it is given, and says where that is; counts who asks for it.
pub(crate) async fn issuer(document: Arc<Mutex<String>>, asked: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (document, asked) = (Arc::clone(&document), Arc::clone(&asked));
            let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let body = match request.uri().path() {
                    "/us-east-1_x/.well-known/jwks.json" => {
                        asked.fetch_add(1, Ordering::SeqCst);
                        document.lock().unwrap().clone()
                    }
                    "/.well-known/openid-configuration" => {
                        let keys = format!("http://{address}/us-east-1_x/.well-known/jwks.json");
                        json!({ "jwks_uri": keys }).to_string()
                    }
                    other => panic!("{other} is asked for"),
                };
                let body = Bytes::from(body);
                std::future::ready(Ok::<_, Infallible>(http::Response::new(Full::new(body))))
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer),
            );
        }
    });
    address
}

pub(crate) struct Signer {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Signer {
    pub(crate) fn new(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        Self { id, pair: pair.unwrap() }
    }

    pub(crate) fn document(&self) -> String {
        let point = self.pair.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        json!({ "keys": [{ "kid": self.id, "kty": "EC", "crv": "P-256", "x": part(1..33), "y": part(33..65) }] })
            .to_string()
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "kid": self.id }).to_string();
        let text =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[tokio::test]
async fn a_user_pool_says_who_somebody_is() {
    let (first, second) = (Signer::new("1"), Signer::new("2"));
    let document = Arc::new(Mutex::new(first.document()));
    let asked = Arc::new(AtomicUsize::new(0));
    let address = issuer(Arc::clone(&document), Arc::clone(&asked)).await;
    let authorizer = json!({ "name": "a", "type": "COGNITO_USER_POOLS", "identitySource": "method.request.header.Auth",
        "providerARNs": ["arn:aws:cognito-idp:us-east-1:1:userpool/us-east-1_x"] });
    let world = world(&authorizer).await;
    let world = world.with(|gateway| gateway.with_cognito(Some(format!("http://{address}/"))));
    let now = world.clock.now().as_secs();
    let claims = |exp: i64| {
        json!({ "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_x", "sub": "u", "exp": exp,
            "cognito:groups": ["a", "b"], "email_verified": true, "token_use": "id" })
    };
    let get = async |token: &str| call(&world, "GET /dev/shop", &[("auth", token)]).await;
    const UNAUTHORIZED: &str = r#"401 {"message":"Unauthorized"}"#;
    assert_eq!(get("").await, UNAUTHORIZED);
    assert_eq!(get("a.b.c").await, UNAUTHORIZED);
    assert_eq!(asked.load(Ordering::SeqCst), 0, "what is no token makes nobody ask");
    assert_eq!(get(&first.token(&claims(now))).await, r#"401 {"message":"The incoming token has expired"}"#);
    let good = first.token(&claims(now + 3600));
    for token in [good.clone(), format!("Bearer {good}")] {
        let answer = get(&token).await;
        let event: Value = serde_json::from_str(answer.strip_prefix("200 ").expect(&answer)).unwrap();
        let claims = &event["requestContext"]["authorizer"]["claims"];
        assert_eq!(claims["cognito:groups"], "a,b");
        assert_eq!(claims["email_verified"], "true");
        assert!(claims["exp"].as_str().unwrap().contains(" UTC "), "{claims}");
    }
    let access = first.token(&{
        let mut claims = claims(now + 3600);
        claims["token_use"] = "access".into();
        claims
    });
    assert_eq!(get(&access).await, UNAUTHORIZED);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // Another key: asked for, but not again and again.
    let rotated = second.token(&claims(now + 3600));
    assert_eq!(get(&rotated).await, UNAUTHORIZED);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    *document.lock().unwrap() = second.document();
    world.clock.advance(Duration::from_secs(10));
    assert!(get(&rotated).await.starts_with("200"));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    // A key that the issuer no longer has signs nothing more.
    assert_eq!(get(&good).await, UNAUTHORIZED);
    let told = r#"{"responseTemplates":{"a/b":"$context.error.responseType $context.error.message"}}"#;
    world.make("r", &format!("PUT /restapis/$api/gatewayresponses/UNAUTHORIZED {told}")).await;
    world.deploy("dev").await;
    assert_eq!(get(&second.token(&claims(now))).await, "401 UNAUTHORIZED The incoming token has expired");
}

/// A JWT authorizer of a REST API that trusts two issuers, each with its audiences and claims.
struct Trusting {
    world: World,
    signers: [Signer; 2],
    issuers: [String; 2],
    /// How often an issuer was asked for its keys.
    asked: Arc<AtomicUsize>,
}

impl Trusting {
    async fn new() -> Self {
        let signers = [Signer::new("1"), Signer::new("2")];
        let asked = Arc::new(AtomicUsize::new(0));
        let serve = async |signer: &Signer| {
            let address = issuer(Arc::new(Mutex::new(signer.document())), Arc::clone(&asked)).await;
            format!("http://{address}")
        };
        let issuers = [serve(&signers[0]).await, serve(&signers[1]).await];
        let authorizer = json!({ "name": "a", "type": "JWT", "identitySource": "method.request.header.Authorization",
        "jwtConfiguration": { "defaultAlgorithms": ["ES256", "RS256"], "issuers": [
            { "issuer": issuers[0], "audiences": ["app", "other"] },
            { "issuer": issuers[1], "audiences": ["app"], "additionalClaims": [
                { "claimName": "tenant", "format": "SINGLE_STRING", "required": true, "expectedValues": ["a", "b"] },
                { "claimName": "plan", "format": "SINGLE_STRING" },
            ]},
        ]}});
        Self { world: world(&authorizer).await, signers, issuers, asked }
    }

    async fn get(&self, token: &str) -> String {
        call(&self.world, "GET /dev/shop", &[("authorization", token)]).await
    }

    /// What the second issuer would say, but for some of it.
    fn claims(&self, more: &Value) -> Value {
        let expires = self.world.clock.now().as_secs() + 60;
        let mut claims = json!({ "iss": self.issuers[1], "aud": "app", "exp": expires, "tenant": "a" });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    }

    fn token(&self, more: &Value) -> String {
        self.signers[1].token(&self.claims(more))
    }
}

#[tokio::test]
async fn issuers_of_tokens_are_trusted_by_name() {
    let api = Trusting::new().await;
    let [one, two] = &api.issuers;
    let now = api.world.clock.now().as_secs();
    const UNAUTHORIZED: &str = r#"401 {"message":"Unauthorized"}"#;
    let unsigned = [r#"{"alg":"none","kid":"2"}"#, &api.claims(&json!({})).to_string()]
        .map(|part| URL_SAFE_NO_PAD.encode(part));
    let forger = Signer::new("2");
    for (token, expected, why) in [
        (
            forger.token(&api.claims(&json!({ "exp": now }))),
            UNAUTHORIZED,
            "forged, before the keys are known",
        ),
        (api.token(&json!({})), "200", "as it should be"),
        (forger.token(&api.claims(&json!({ "exp": now }))), UNAUTHORIZED, "forged"),
        (api.token(&json!({ "plan": "x" })), "200", "with a text"),
        (api.token(&json!({ "tenant": "c" })), UNAUTHORIZED, "another tenant"),
        (api.token(&json!({ "tenant": null })), UNAUTHORIZED, "no tenant"),
        (api.token(&json!({ "tenant": ["a"] })), UNAUTHORIZED, "several tenants"),
        (api.token(&json!({ "plan": 1 })), UNAUTHORIZED, "a claim that is no text"),
        (api.token(&json!({ "aud": "other" })), UNAUTHORIZED, "an audience of the other issuer"),
        (api.token(&json!({ "exp": now })), r#"401 {"message":"The incoming token has expired"}"#, "expired"),
        (api.token(&json!({ "iss": one })), UNAUTHORIZED, "the other issuer's name"),
        (api.token(&json!({ "iss": format!("{two}/") })), UNAUTHORIZED, "nearly its name"),
        (api.token(&json!({ "iss": "http://evil.example" })), UNAUTHORIZED, "a stranger"),
        (api.signers[0].token(&api.claims(&json!({}))), UNAUTHORIZED, "signed by another"),
        (String::new(), UNAUTHORIZED, "none"),
        ("a.b.c".to_owned(), UNAUTHORIZED, "no token"),
        (unsigned.join(".") + ".", UNAUTHORIZED, "not signed"),
        ("x.".repeat(4_500), UNAUTHORIZED, "a long one"),
    ] {
        let answer = api.get(&token).await;
        assert!(answer.starts_with(expected), "{why}: {answer}");
    }
    assert_eq!(api.asked.load(Ordering::SeqCst), 2, "each issuer once, the stranger never");
}

/// An algorithm that is not listed does not count, whatever was found out of the token before.
#[tokio::test]
async fn algorithms_are_those_that_are_listed() {
    let api = Trusting::new().await;
    let world = &api.world;
    let token = api.token(&json!({}));
    assert!(api.get(&token).await.starts_with("200"), "signed by ES256");
    let (_, known) = world.control("GET /restapis/$api/authorizers/$a").await;
    for (algorithms, status) in
        [(&["RS256", "ES384"][..], "401"), (&["RS256", "ES512"], "401"), (&["RS256", "ES256"], "200")]
    {
        let mut configuration = known["jwtConfiguration"].clone();
        configuration["defaultAlgorithms"] = json!(algorithms);
        let patch = json!({ "patchOperations": [
            { "op": "replace", "path": "/jwtConfiguration", "value": configuration.to_string() }] });
        world.make("a", &format!("PATCH /restapis/$api/authorizers/$a {patch}")).await;
        world.deploy("dev").await;
        let fresh = api.token(&json!({ "jti": algorithms.concat() }));
        for token in [&token, &fresh] {
            let answer = api.get(token).await;
            assert!(answer.starts_with(status), "{algorithms:?}: {answer}");
        }
    }
}

/// A user pool of this machine calls itself by its own address; it is known by that also among others.
#[tokio::test]
async fn a_local_pool_is_one_of_several_issuers() {
    let signer = Signer::new("1");
    let asked = Arc::new(AtomicUsize::new(0));
    let address = issuer(Arc::new(Mutex::new(signer.document())), Arc::clone(&asked)).await;
    let pool = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_x";
    let authorizer = json!({ "name": "a", "type": "JWT", "identitySource": "method.request.header.Authorization",
    "jwtConfiguration": { "defaultAlgorithms": ["ES256"], "issuers": [
        { "issuer": "https://other.example", "audiences": ["app"] },
        { "issuer": pool, "audiences": ["app"] },
    ]}});
    let world = world(&authorizer).await;
    let world = world.with(|gateway| gateway.with_cognito(Some(format!("http://{address}"))));
    let expires = world.clock.now().as_secs() + 60;
    for issuer in [pool.to_owned(), format!("http://{address}/us-east-1_x")] {
        let token = signer.token(&json!({ "iss": issuer, "aud": "app", "exp": expires }));
        let answer = call(&world, "GET /dev/shop", &[("authorization", &token)]).await;
        assert!(answer.starts_with("200"), "{issuer}: {answer}");
    }
}

#[tokio::test]
async fn claims_keep_their_types() {
    let api = Trusting::new().await;
    let (world, now) = (&api.world, api.world.clock.now().as_secs());
    let made = world.control("GET /restapis/$api/authorizers/$a").await.1;
    assert_eq!(
        (&made["authType"], &made["jwtConfiguration"]["issuers"][0]["audiences"]),
        (&json!("jwt"), &json!(["app", "other"]))
    );
    let first = api.signers[0].token(&json!({ "iss": api.issuers[0], "aud": ["x", "other"], "exp": now + 60, "name": "Jané \"x\"",
        "version": "42", "iat": now, "roles": ["user", "editor"], "address": { "city": "서울" }, "ok": true }));
    for token in [first.clone(), format!("Bearer {first}"), format!("bearer  {first}")] {
        let answer = api.get(&token).await;
        let event: Value = serde_json::from_str(answer.strip_prefix("200 ").expect(&answer)).unwrap();
        let said = &event["requestContext"]["authorizer"]["claims"];
        assert_eq!((&said["version"], &said["iat"], &said["ok"]), (&json!("42"), &json!(now), &json!(true)));
        assert_eq!((&said["roles"], &said["address"]["city"]), (&json!(["user", "editor"]), &json!("서울")));
    }
    // What the method asks for, and what templates and the console see.
    let scopes =
        json!({ "patchOperations": [{ "op": "add", "path": "/authorizationScopes", "value": "read" }] });
    world.make("m", &format!("PATCH /restapis/$api/resources/$resource/methods/GET {scopes}")).await;
    let only = json!({ "patchOperations": [{ "op": "replace", "path": "/name", "value": "b" }] });
    world.make("a", &format!("PATCH /restapis/$api/authorizers/$a {only}")).await;
    world.deploy("dev").await;
    assert_eq!(api.get(&api.token(&json!({ "scope": "write" }))).await, r#"403 {"message":"Forbidden"}"#);
    assert!(api.get(&api.token(&json!({ "scp": ["read"] }))).await.starts_with("200"));
    let tried = json!({ "headers": { "Authorization": api.token(&json!({ "name": "é" })) } });
    let tried = world.control(&format!("POST /restapis/$api/authorizers/$a {tried}")).await.1;
    assert_eq!((&tried["clientStatus"], &tried["claims"]["name"]), (&json!(0), &json!(r#""\u00E9""#)));
}

#[tokio::test]
async fn jwt_authorizers_that_cannot_be() {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let issuer = json!({ "issuer": "https://a.example", "audiences": ["app"] });
    let with = |configuration: Value| json!({ "name": "a", "type": "JWT", "identitySource": "method.request.header.Authorization", "jwtConfiguration": configuration });
    for (given, why) in [
        (
            json!({ "name": "a", "type": "JWT", "identitySource": "method.request.header.A" }),
            "no configuration",
        ),
        (with(json!({ "issuers": [], "defaultAlgorithms": ["RS256"] })), "no issuer"),
        (with(json!({ "issuers": [issuer], "defaultAlgorithms": [] })), "no algorithm"),
        (with(json!({ "issuers": [issuer], "defaultAlgorithms": ["HS256"] })), "a secret for a key"),
        (with(json!({ "issuers": [issuer, issuer], "defaultAlgorithms": ["RS256"] })), "twice"),
        (
            with(
                json!({ "issuers": [{ "issuer": "https://a.example", "audiences": [] }], "defaultAlgorithms": ["RS256"] }),
            ),
            "no audience",
        ),
        (
            with(
                json!({ "issuers": [{ "issuer": "a.example", "audiences": ["x"] }], "defaultAlgorithms": ["RS256"] }),
            ),
            "no URL",
        ),
        (
            with(
                json!({ "issuers": [{ "issuer": "https://a?b", "audiences": ["x"] }], "defaultAlgorithms": ["RS256"] }),
            ),
            "a query",
        ),
    ] {
        assert_eq!(world.control(&format!("POST /restapis/$api/authorizers {given}")).await.0, 400, "{why}");
    }
}

/// Of a request that several phases would refuse, the first one speaks: policy, route, authorizer, API key, validator,
/// integration.
#[tokio::test]
async fn phases_refuse_in_their_order() {
    let world = world(&token_authorizer()).await;
    let to = "/restapis/$api/resources/$resource/methods/POST";
    world
        .make("v", r#"POST /restapis/$api/requestvalidators {"name":"v","validateRequestParameters":true}"#)
        .await;
    let integration = format!(
        r#"{{"type":"AWS","httpMethod":"POST","uri":"{}","passthroughBehavior":"NEVER","requestTemplates":{{"a/b":"{{}}"}}}}"#,
        function_uri("echo")
    );
    world.add_method("POST", "/all/{x}", &integration).await;
    let patch = json!({ "patchOperations": [
        { "op": "replace", "path": "/authorizationType", "value": "CUSTOM" },
        { "op": "replace", "path": "/authorizerId", "value": world.name("a") },
        { "op": "replace", "path": "/apiKeyRequired", "value": "true" },
        { "op": "replace", "path": "/requestValidatorId", "value": world.name("v") },
        { "op": "add", "path": "/requestParameters/method.request.querystring.q", "value": "true" },
    ]});
    world.make("m", &format!("PATCH {to} {patch}")).await;
    world.make("r", &format!("PUT {to}/responses/200 {{}}")).await;
    world.make("r", &format!("PUT {to}/integration/responses/200 {{}}")).await;
    let statements = json!({ "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
            "Condition": { "StringEquals": { "aws:UserAgent": "denied" } } },
    ] });
    let patch = json!({ "patchOperations": [
        { "op": "replace", "path": "/policy", "value": statements.to_string() }] });
    world.make("p", &format!("PATCH /restapis/$api {patch}")).await;
    world.deploy("dev").await;
    let key = "abcdefghijklmnopqrstuvwx";
    world.make("key", &format!(r#"POST /apikeys {{"name":"k","enabled":true,"value":"{key}"}}"#)).await;
    world.make("plan", r#"POST /usageplans {"name":"p","apiStages":[{"apiId":"$api","stage":"dev"}]}"#).await;
    world.make("k", r#"POST /usageplans/$plan/keys {"keyId":"$key","keyType":"API_KEY"}"#).await;

    let everywhere = ALLOW.replace("/dev/GET/pets/*", "/*");
    world.functions.set("decide", Play::Answer(Box::leak(everywhere.into_boxed_str())));
    let (token, known) = (("authorization", "Bearer ok"), ("x-api-key", key));
    let denied = ("user-agent", "denied");
    for (line, headers, expected) in [
        ("POST /dev/none", &[][..], r#"403 {"message":"Missing Authentication Token"}"#),
        ("POST /dev/all/1", &[], r#"401 {"message":"Unauthorized"}"#),
        ("POST /dev/all/1", &[known], r#"401 {"message":"Unauthorized"}"#),
        ("POST /dev/all/1", &[token], r#"403 {"message":"Forbidden"}"#),
        (
            "POST /dev/all/1",
            &[token, known],
            r#"400 {"message": "Missing required request parameters: [q]"}"#,
        ),
        ("POST /dev/all/1?q=1", &[token, known], r#"415 {"message": "Unsupported Media Type"}"#),
        (
            "POST /dev/all/1?q=1",
            &[token, known, ("content-type", "a/b")],
            r#"200 {"body":"{}","statusCode":200}"#,
        ),
    ] {
        assert_eq!(call(&world, line, headers).await, expected, "{line} {headers:?}");
        let asked = world.functions.count();
        let answer = call(&world, line, &[headers, &[denied]].concat()).await;
        assert!(
            answer.starts_with("403 ") && answer.contains("anonymous is not authorized"),
            "{line}: {answer}"
        );
        assert!(answer.contains("explicit deny"), "{line}: {answer}");
        assert_eq!(world.functions.count(), asked, "{line}: nobody is asked");
    }
    // Only who was let in by the last but one phase was heard of.
    world.functions.set("decide", Play::Answer(DENY));
    world.make("f", "DELETE /restapis/$api/stages/dev/cache/authorizers").await;
    let denied = call(&world, "POST /dev/all/1", &[token]).await;
    assert!(denied.starts_with("403 ") && denied.contains("explicit deny"), "{denied}");
}

async fn signed_world(policy: Option<&str>) -> World {
    let world = World::new();
    world.functions.set("echo", Play::Echo);
    let body = match policy {
        Some(policy) => json!({ "name": "x", "policy": policy }),
        None => json!({ "name": "x" }),
    };
    world.make("api", &format!("POST /restapis {body}")).await;
    world.add_method("GET", "/signed", &World::lambda("echo")).await;
    let patch = r#"{"patchOperations":[{"op":"replace","path":"/authorizationType","value":"AWS_IAM"}]}"#;
    world.make("m", &format!("PATCH /restapis/$api/resources/$resource/methods/GET {patch}")).await;
    world.add_method("GET", "/open", &World::lambda("echo")).await;
    world.deploy("dev").await;
    world
}

pub(crate) fn signature(account: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={account}/20261123/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=00"
    )
}

#[tokio::test]
async fn signatures_say_who_calls() {
    let world = signed_world(None).await;
    let get = async |authorization: &str| {
        call(&world, "GET /dev/signed", &[("authorization", authorization)]).await
    };
    const MISSING: &str = r#"403 {"message":"Missing Authentication Token"}"#;
    assert_eq!(call(&world, "GET /dev/signed", &[]).await, MISSING);
    assert_eq!(get("Bearer x").await, MISSING);
    assert!(
        get("AWS4-HMAC-SHA256 x").await.contains("Authorization header requires 'Credential' parameter.")
    );
    assert!(get(&signature("000000000000", "s3")).await.contains("got 's3'"));
    let answer = get(&signature("000000000000", "execute-api")).await;
    let event: Value = serde_json::from_str(answer.strip_prefix("200 ").unwrap()).unwrap();
    let identity = &event["requestContext"]["identity"];
    assert_eq!(identity["accountId"], "000000000000");
    assert_eq!(identity["userArn"], "arn:aws:iam::000000000000:root");
    assert_eq!(event["requestContext"]["authorizer"], Value::Null);
    // Another account needs a policy that lets it in.
    assert!(get(&signature("111111111111", "execute-api")).await.starts_with("403"));
}

#[tokio::test]
async fn the_policy_of_an_api() {
    let policy = |statements: &str| format!(r#"{{"Version":"2012-10-17","Statement":{statements}}}"#);
    let open = async |statements: &str| {
        let world = signed_world(Some(&policy(statements))).await;
        let arn = world.name("api");
        call(&world, "GET /dev/open", &[]).await.replace(&arn, "API")
    };
    const REFUSED: &str = r#"403 {"Message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********0000:API/dev/GET/open"#;
    let table = [
        (
            r#"{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"}"#,
            "200 ",
        ),
        (
            r#"{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/dev/GET/signed"}"#,
            REFUSED,
        ),
        (
            r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}"#,
            "200 ",
        ),
        (
            r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}}"#,
            REFUSED,
        ),
        (
            r#"[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}}]"#,
            REFUSED,
        ),
        (r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"*","Resource":"*"}"#, REFUSED),
    ];
    for (statements, expected) in table {
        let answer = open(statements).await;
        assert!(answer.starts_with(expected), "{statements}: {answer}");
    }
    let of_theirs = r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"*","Resource":"*"}"#;
    let world = signed_world(Some(&policy(of_theirs))).await;
    for (account, expected) in [("000000000000", "200"), ("111111111111", "200"), ("222222222222", "403")] {
        let authorization = signature(account, "execute-api");
        let answer = call(&world, "GET /dev/signed", &[("authorization", &authorization)]).await;
        assert!(answer.starts_with(expected), "{account}: {answer}");
    }
}
