//! Who may call a route of an HTTP API: tokens of issuers, functions that decide, signatures.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::authorizers::{Signer, issuer, signature};
use crate::http_apis;
use crate::world::{Play, World, function_uri, show};

const UNAUTHORIZED: &str = r#"401 {"message":"Unauthorized"}"#;
const FORBIDDEN: &str = r#"403 {"message":"Forbidden"}"#;

/// An API with an echo behind the route `GET /pets/{id}`, which asks `authorizer`.
async fn world(payload: &str, kind: &str, authorizer: &Value) -> World {
    world_on(World::new(), payload, kind, authorizer).await
}

async fn world_on(world: World, payload: &str, kind: &str, authorizer: &Value) -> World {
    let world = http_apis::world_on(world, "$default", payload, &[]).await;
    world.functions.set("f", Play::Echo);
    world.make("a", &format!("POST /v2/apis/$api/authorizers {authorizer}")).await;
    let route = json!({ "routeKey": "GET /pets/{id}", "target": "integrations/$there", "authorizationType": kind,
        "authorizerId": "$a" });
    world.make("route", &format!("POST /v2/apis/$api/routes {route}")).await;
    world
}

async fn call(world: &World, line: &str, headers: &[(&str, &str)]) -> String {
    show(&world.gateway.serve(world.request_with(line, headers, "")).await)
}

fn event(answer: &str) -> Value {
    serde_json::from_str(answer.strip_prefix("200 ").expect(answer)).unwrap()
}

/// An issuer changes its keys: the new one is asked for at the first token that it signed, the old one signs nothing more.
#[tokio::test]
async fn keys_of_an_issuer_are_rotated() {
    let (old, new) = (Signer::new("1"), Signer::new("2"));
    let (document, asked) = (Arc::new(Mutex::new(old.document())), Arc::new(AtomicUsize::new(0)));
    let issuer = format!("http://{}", issuer(Arc::clone(&document), Arc::clone(&asked)).await);
    let authorizer = json!({ "name": "a", "authorizerType": "JWT", "identitySource": ["$request.header.Authorization"],
        "jwtConfiguration": { "issuer": issuer, "audience": ["me"] } });
    let world = world("2.0", "JWT", &authorizer).await;
    let claims = json!({ "iss": issuer, "aud": "me", "exp": world.clock.now().as_secs() + 36_000 });
    let get = async |signer: &Signer| {
        let token = signer.token(&claims);
        let request = world.request_with("GET /pets/1", &[("authorization", &token)], "");
        world.gateway.serve(request).await.status
    };
    assert_eq!((get(&old).await, asked.load(Ordering::SeqCst)), (200, 1));
    assert_eq!((get(&new).await, asked.load(Ordering::SeqCst)), (401, 1), "just asked");
    *document.lock().unwrap() = new.document();
    world.clock.advance(Duration::from_secs(10));
    assert_eq!((get(&new).await, asked.load(Ordering::SeqCst)), (200, 2));
    assert_eq!(get(&old).await, 401, "its key is gone");
    // Nobody had a token of a new key, and still the keys are asked for anew when they are two hours old.
    world.clock.advance(Duration::from_secs(2 * 60 * 60));
    assert_eq!((get(&new).await, asked.load(Ordering::SeqCst)), (200, 3));
}

#[tokio::test]
async fn tokens_of_an_issuer() {
    let signer = Signer::new("1");
    let asked = Arc::new(AtomicUsize::new(0));
    let address = issuer(Arc::new(Mutex::new(signer.document())), Arc::clone(&asked)).await;
    let issuer = format!("http://{address}");
    let authorizer = json!({ "name": "a", "authorizerType": "JWT", "identitySource": ["$request.header.Authorization"],
        "jwtConfiguration": { "issuer": issuer, "audience": ["me"] } });
    let world = world("2.0", "JWT", &authorizer).await;
    let now = world.clock.now().as_secs();
    let token = |changed: &Value| {
        let mut claims = json!({ "iss": issuer, "aud": "me", "sub": "u", "exp": now + 3600, "groups": ["a", "b"],
            "scope": "read write" });
        for (name, value) in changed.as_object().unwrap() {
            claims[name] = value.clone();
        }
        signer.token(&claims)
    };
    let get = async |token: &str| {
        let headers = [("authorization", token)];
        let answer = world.gateway.serve(world.request_with("GET /pets/1", &headers, "")).await;
        let told = answer.headers.get("www-authenticate").map(|told| told.to_str().unwrap().to_owned());
        (show(&answer), told.unwrap_or_default())
    };
    assert_eq!(get("").await, (UNAUTHORIZED.to_owned(), "Bearer".to_owned()));
    let stranger = token(&json!({ "iss": "https://other" }));
    let forged = Signer::new("1").token(&json!({ "iss": issuer, "aud": "me", "sub": "u", "exp": now - 1 }));
    for (token, why, times) in [
        (&stranger, "the token has an invalid issuer", 0),
        (&forged, "the signature does not match", 1),
        (&token(&json!({ "aud": "you" })), "the token does not have a valid audience", 1),
        (&token(&json!({ "exp": now - 1 })), "the token has expired", 1),
        (&forged, "the signature does not match", 1),
    ] {
        let told = format!(r#"Bearer scope="" error="invalid_token" error_description="{why}""#);
        assert_eq!(get(token).await, (UNAUTHORIZED.to_owned(), told));
        assert_eq!(asked.load(Ordering::SeqCst), times, "{why}: how often the issuer is asked");
    }
    for scheme in ["", "Bearer ", "bearer "] {
        let event = event(&get(&format!("{scheme}{}", token(&json!({})))).await.0);
        let jwt = &event["requestContext"]["authorizer"]["jwt"];
        assert_eq!(jwt["claims"]["groups"], "[a b]");
        assert_eq!(jwt["claims"]["exp"], (now + 3600).to_string());
        assert_eq!(jwt["scopes"], Value::Null);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    world
        .make("route", r#"PATCH /v2/apis/$api/routes/$route {"authorizationScopes":["write","admin"]}"#)
        .await;
    let event = event(&get(&token(&json!({}))).await.0);
    assert_eq!(event["requestContext"]["authorizer"]["jwt"]["scopes"], json!(["read", "write"]));
    let (answer, told) = get(&token(&json!({ "scope": "read" }))).await;
    assert_eq!(answer, FORBIDDEN);
    assert!(told.starts_with(r#"Bearer scope="write admin" error="insufficient_scope""#), "{told}");
}

fn function(payload: &str, simple: bool) -> Value {
    json!({ "name": "a", "authorizerType": "REQUEST", "authorizerUri": function_uri("decide"),
        "identitySource": ["$request.header.X-A", "$request.querystring.q"],
        "authorizerPayloadFormatVersion": payload, "enableSimpleResponses": simple })
}

#[tokio::test]
async fn a_function_says_yes_or_no() {
    let world = world("2.0", "CUSTOM", &function("2.0", true)).await;
    assert_eq!(call(&world, "GET /pets/1", &[("x-a", "1")]).await, UNAUTHORIZED);
    assert_eq!(world.functions.count(), 0);
    for (answer, expected) in [
        (r#"{"isAuthorized":false}"#, FORBIDDEN),
        (r#"{"isAuthorized":"yes"}"#, r#"500 {"message":"Internal Server Error"}"#),
        ("null", r#"500 {"message":"Internal Server Error"}"#),
    ] {
        world.functions.set("decide", Play::Answer(answer));
        world.control("PATCH /v2/apis/$api/authorizers/$a {}").await;
        assert_eq!(call(&world, "GET /pets/1?q=2", &[("x-a", "1")]).await, expected, "{answer}");
    }
    let asked: Value = serde_json::from_slice(&world.functions.last_call().payload).unwrap();
    assert_eq!(asked["identitySource"], json!(["1", "2"]));
    assert!(asked["routeArn"].as_str().unwrap().ends_with("/$default/GET/pets/1"), "{asked}");
    assert_eq!(asked["pathParameters"], json!({ "id": "1" }));
    assert_eq!(asked["requestContext"]["http"]["method"], "GET");
    assert!(asked.get("body").is_none() && asked.get("isBase64Encoded").is_none());
    world.functions.set("decide", Play::Answer(r#"{"isAuthorized":true,"context":{"n":1,"l":["x"]}}"#));
    let answer = call(&world, "GET /pets/1?q=2", &[("x-a", "1")]).await;
    assert_eq!(event(&answer)["requestContext"]["authorizer"], json!({ "lambda": { "n": 1, "l": ["x"] } }));
    let before = world.functions.count();
    call(&world, "GET /pets/2?q=2", &[("x-a", "1")]).await;
    assert_eq!(world.functions.count(), before + 1, "its answer was kept");
    world.control("DELETE /v2/apis/$api/stages/$default/cache/authorizers").await;
    call(&world, "GET /pets/2?q=2", &[("x-a", "1")]).await;
    assert_eq!(world.functions.count(), before + 3);
    world.functions.set("decide", Play::Fail(r#"{"errorMessage":"Unauthorized"}"#));
    assert_eq!(call(&world, "GET /pets/1?q=other", &[("x-a", "1")]).await, UNAUTHORIZED);
}

/// Two nodes on one database: each keeps what was decided, and a reset is for both, as is what an authorizer becomes.
#[tokio::test]
async fn what_was_decided_is_reset_on_all_nodes() {
    let store = store::Store::memory();
    let here = World::on(store.clone()).with(gateway::Gateway::sharing);
    let here = world_on(here, "2.0", "CUSTOM", &function("2.0", true)).await;
    let there = World::on(store).with(gateway::Gateway::sharing);
    there.know(&here);
    there.functions.set("f", Play::Echo);
    let (yes, no) = (r#"{"isAuthorized":true}"#, r#"{"isAuthorized":false}"#);
    for (edit, answer, status) in [
        ("", yes, "200"),
        ("", no, "200"),
        ("DELETE /v2/apis/$api/stages/$default/cache/authorizers", no, "403"),
        ("", yes, "403"),
        (r#"PATCH /v2/apis/$api/authorizers/$a {"authorizerResultTtlInSeconds":200}"#, yes, "200"),
    ] {
        there.functions.set("decide", Play::Answer(answer));
        if !edit.is_empty() {
            here.control(edit).await;
        }
        let said = call(&there, "GET /pets/1?q=2", &[("x-a", "1")]).await;
        assert_eq!(&said[..3], status, "{edit} {answer}: {said}");
    }
}

#[tokio::test]
async fn a_function_answers_with_a_policy() {
    let world = world("1.0", "CUSTOM", &function("1.0", false)).await;
    world.functions.set(
        "decide",
        Play::Answer(
            r#"{"principalId":"u","context":{"n":1},"policyDocument":{"Statement":
            {"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:*:*:*/$default/GET/pets/1"}}}"#,
        ),
    );
    let headers = [("x-a", "1")];
    let answer = event(&call(&world, "GET /pets/1?q=2", &headers).await);
    let authorizer = &answer["requestContext"]["authorizer"];
    assert_eq!((&authorizer["principalId"], &authorizer["n"]), (&json!("u"), &json!("1")));
    // The answer is kept, and asked for another path.
    let before = world.functions.count();
    assert_eq!(call(&world, "GET /pets/2?q=2", &headers).await, FORBIDDEN);
    assert_eq!(world.functions.count(), before);
    world.control("PATCH /v2/apis/$api/authorizers/$a {\"authorizerResultTtlInSeconds\":0}").await;
    assert_eq!(call(&world, "GET /pets/2?q=2", &headers).await, FORBIDDEN);
    let asked: Value = serde_json::from_slice(&world.functions.last_call().payload).unwrap();
    assert_eq!(asked["identitySource"], "1,2");
    assert_eq!(asked["authorizationToken"], "1,2");
    assert_eq!(asked["resource"], "/pets/{id}");
    assert!(asked["methodArn"].as_str().unwrap().ends_with("/$default/GET/pets/2"), "{asked}");
}

#[tokio::test]
async fn signatures_say_who_calls() {
    let world = http_apis::world("$default", "2.0", &[]).await;
    world.functions.set("f", Play::Echo);
    world.make("r", r#"POST /v2/apis/$api/routes {"routeKey":"GET /","authorizationType":"AWS_IAM","target":"integrations/$there"}"#).await;
    assert_eq!(world.get("GET /").await, FORBIDDEN);
    let get = async |authorization: &str| call(&world, "GET /", &[("authorization", authorization)]).await;
    for bad in ["Bearer x", &signature("000000000000", "s3"), &signature("111111111111", "execute-api")] {
        assert_eq!(get(bad).await, FORBIDDEN, "{bad}");
    }
    let event = event(&get(&signature("000000000000", "execute-api")).await);
    let iam = &event["requestContext"]["authorizer"]["iam"];
    assert_eq!(iam["userArn"], "arn:aws:iam::000000000000:root");
}
