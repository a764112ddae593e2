//! API keys and usage plans on the data plane: who gets in, how fast, and how often.

use std::time::Duration;

use store::Store;

use crate::world::{Play, World, function_uri, show};

const KEY: &str = "abcdefghijklmnopqrst";
const MOCK: &str = r#"{"type":"MOCK","requestTemplates":{"application/json":"{\"statusCode\":200}"}}"#;

/// A method `GET /pets` of the stage `dev` that wants an API key, and a plan named `plan` with the key `key` in it.
async fn world_on(store: Store, plan: &str) -> World {
    planned(World::on(store), plan).await
}

async fn planned(world: World, plan: &str) -> World {
    world.make("api", r#"POST /restapis {"name":"one"}"#).await;
    world.add_method("GET", "/pets", MOCK).await;
    let method = "/restapis/$api/resources/$resource/methods/GET";
    world.make("response", &format!("PUT {method}/responses/200 {{}}")).await;
    world.make("response", &format!("PUT {method}/integration/responses/200 {{}}")).await;
    let patch = r#"{"patchOperations":[{"op":"replace","path":"/apiKeyRequired","value":"true"}]}"#;
    world.make("method", &format!("PATCH {method} {patch}")).await;
    world.deploy("dev").await;
    let plan = format!(r#"{{"name":"p","apiStages":[{{"apiId":"$api","stage":"dev"}}]{plan}}}"#);
    world.make("plan", &format!("POST /usageplans {plan}")).await;
    world.make("key", &format!(r#"POST /apikeys {{"name":"k","enabled":true,"value":"{KEY}"}}"#)).await;
    world.make("member", r#"POST /usageplans/$plan/keys {"keyId":"$key","keyType":"API_KEY"}"#).await;
    world
}

async fn world(plan: &str) -> World {
    world_on(Store::memory(), plan).await
}

async fn get(world: &World, key: &str) -> String {
    let request = world.request_with("GET /dev/pets", &[("x-api-key", key)], "");
    show(&world.gateway.serve(request).await)
}

/// The status codes of `count` requests, without their bodies: `200 200 429`.
async fn statuses(world: &World, count: usize) -> String {
    let mut got = Vec::new();
    for _ in 0..count {
        got.push(get(world, KEY).await[..3].to_owned());
    }
    got.join(" ")
}

async fn used(world: &World) -> String {
    let line = "GET /usageplans/$plan/usage?startDate=2026-11-23&endDate=2026-11-23";
    let (_, body) = world.control(line).await;
    body["values"].as_object().unwrap().values().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_key_of_a_plan_gets_in() {
    let world = world("").await;
    assert_eq!(get(&world, KEY).await, "200 ");
    assert_eq!(world.get("GET /dev/pets").await, r#"403 {"message":"Forbidden"}"#);
    for wrong in ["", "abcdefghijklmnopqrsX", "a"] {
        assert_eq!(get(&world, wrong).await, r#"403 {"message":"Forbidden"}"#, "{wrong}");
    }
}

#[tokio::test]
async fn edits_of_keys_and_plans_are_seen_at_once() {
    let world = world("").await;
    let table = [
        (
            r#"PATCH /apikeys/$key {"patchOperations":[{"op":"replace","path":"/enabled","value":"false"}]}"#,
            "403",
        ),
        (
            r#"PATCH /apikeys/$key {"patchOperations":[{"op":"replace","path":"/enabled","value":"true"}]}"#,
            "200",
        ),
        ("DELETE /usageplans/$plan/keys/$key", "403"),
        (r#"POST /usageplans/$plan/keys {"keyId":"$key","keyType":"API_KEY"}"#, "200"),
        (
            r#"PATCH /usageplans/$plan {"patchOperations":[{"op":"remove","path":"/apiStages","value":"$api:dev"}]}"#,
            "403",
        ),
        (
            r#"PATCH /usageplans/$plan {"patchOperations":[{"op":"add","path":"/apiStages","value":"$api:dev"}]}"#,
            "200",
        ),
        (
            r#"PATCH /restapis/$api {"patchOperations":[{"op":"replace","path":"/apiKeySource","value":"AUTHORIZER"}]}"#,
            "403",
        ),
        (
            r#"PATCH /restapis/$api {"patchOperations":[{"op":"replace","path":"/apiKeySource","value":"HEADER"}]}"#,
            "200",
        ),
        ("DELETE /apikeys/$key", "403"),
    ];
    for (line, expected) in table {
        get(&world, KEY).await;
        let (status, body) = world.control(line).await;
        assert!(status < 300, "{line}: {body}");
        assert_eq!(statuses(&world, 1).await, expected, "{line}");
    }
}

#[tokio::test]
async fn plans_and_their_methods_throttle() {
    let world = world(r#","throttle":{"rateLimit":1,"burstLimit":3}"#).await;
    assert_eq!(statuses(&world, 5).await, "200 200 200 429 429");
    assert_eq!(get(&world, KEY).await, r#"429 {"message":"Too Many Requests"}"#);
    world.clock.advance(Duration::from_millis(1000));
    assert_eq!(statuses(&world, 2).await, "200 429");
    // Their usage does not count what was refused.
    assert_eq!(used(&world).await, "[[4,0]]");
    world.clock.advance(Duration::from_secs(60));
    let path = "/apiStages/$api:dev/throttle/~1pets~1GET";
    let patch = format!(
        r#"{{"patchOperations":[{{"op":"replace","path":"{path}/rateLimit","value":"1"}},{{"op":"replace","path":"{path}/burstLimit","value":"1"}}]}}"#
    );
    world.make("x", &format!("PATCH /usageplans/$plan {patch}")).await;
    assert_eq!(statuses(&world, 2).await, "200 429");
}

#[tokio::test]
async fn stages_throttle() {
    let world = world("").await;
    let patch = |rate: &str, burst: &str| {
        format!(
            r#"PATCH /restapis/$api/stages/dev {{"patchOperations":[{{"op":"replace","path":"/*/*/throttling/rateLimit","value":"{rate}"}},{{"op":"replace","path":"/*/*/throttling/burstLimit","value":"{burst}"}}]}}"#
        )
    };
    world.make("x", &patch("2", "2")).await;
    assert_eq!(statuses(&world, 3).await, "200 200 429");
    world.clock.advance(Duration::from_millis(500));
    assert_eq!(statuses(&world, 2).await, "200 429");
    world.make("x", &patch("-1", "-1")).await;
    assert_eq!(statuses(&world, 9).await, ["200"; 9].join(" "));
    world.make("x", &patch("0", "0")).await;
    assert_eq!(statuses(&world, 1).await, "429");
}

#[tokio::test]
async fn quotas_end_and_begin_anew() {
    let world = world(r#","quota":{"limit":3,"period":"DAY"}"#).await;
    assert_eq!(statuses(&world, 4).await, "200 200 200 429");
    assert_eq!(get(&world, KEY).await, r#"429 {"message":"Limit Exceeded"}"#);
    assert_eq!(used(&world).await, "[[3,0]]");
    let more = r#"{"patchOperations":[{"op":"replace","path":"/remaining","value":"2"}]}"#;
    world.make("x", &format!("PATCH /usageplans/$plan/keys/$key/usage {more}")).await;
    assert_eq!(used(&world).await, "[[3,2]]");
    assert_eq!(statuses(&world, 3).await, "200 200 429");
    assert_eq!(used(&world).await, "[[5,0]]");
    world.clock.advance(Duration::from_secs(86_400));
    assert_eq!(statuses(&world, 4).await, "200 200 200 429");
}

#[tokio::test]
async fn quotas_survive_a_restart() {
    let store = Store::memory();
    let before = world_on(store.clone(), r#","quota":{"limit":5,"period":"MONTH"}"#).await;
    assert_eq!(statuses(&before, 3).await, "200 200 200");
    before.gateway.close().await;
    let after = World::on(store);
    after.know(&before);
    assert_eq!(statuses(&after, 4).await, "200 200 429 429");
}

/// Two nodes on one database: what one has written down counts at the other, and so do its edits.
#[tokio::test]
async fn a_quota_is_one_of_all_nodes() {
    let store = Store::memory();
    let plan = r#","quota":{"limit":5,"period":"DAY"}"#;
    let here = planned(World::on(store.clone()).with(gateway::Gateway::sharing), plan).await;
    let there = World::on(store).with(gateway::Gateway::sharing);
    there.know(&here);
    assert_eq!(statuses(&there, 1).await, "200");
    assert_eq!(statuses(&here, 3).await, "200 200 200");
    here.gateway.close().await;
    there.clock.advance(Duration::from_secs(2));
    assert_eq!(statuses(&there, 3).await, "200 429 429");
    assert_eq!(used(&there).await, "[[5,0]]");
    let off = r#"{"patchOperations":[{"op":"replace","path":"/enabled","value":"false"}]}"#;
    here.make("k", &format!("PATCH /apikeys/$key {off}")).await;
    there.clock.advance(Duration::from_secs(2));
    assert_eq!(statuses(&there, 1).await, "403");
}

#[tokio::test]
async fn counts_reach_the_store_within_a_second() {
    let store = Store::memory();
    let before = world_on(store.clone(), r#","quota":{"limit":5,"period":"DAY"}"#).await;
    assert_eq!(statuses(&before, 3).await, "200 200 200");
    // The task that writes sleeps now.
    tokio::task::yield_now().await;
    before.clock.advance(Duration::from_secs(1));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let after = World::on(store);
    after.know(&before);
    assert_eq!(statuses(&after, 4).await, "200 200 429 429");
}

#[tokio::test]
async fn functions_hear_of_the_key() {
    let world = world("").await;
    world.functions.set("f", Play::Echo);
    let to = "/restapis/$api/resources/$resource/methods/GET/integration";
    world.make("x", &format!("PUT {to} {}", World::lambda("f"))).await;
    world.deploy("dev").await;
    let answer = get(&world, KEY).await;
    let id = world.name("key");
    assert!(answer.contains(&format!(r#""apiKey":"{KEY}","apiKeyId":"{id}""#)), "{answer}");
}

#[tokio::test]
async fn an_authorizer_names_the_key() {
    let world = world(r#","quota":{"limit":1,"period":"DAY"}"#).await;
    let authorizer = serde_json::json!({ "name": "a", "type": "TOKEN", "authorizerUri": function_uri("decide"),
        "identitySource": "method.request.header.Authorization", "authorizerResultTtlInSeconds": 0 });
    world.make("a", &format!("POST /restapis/$api/authorizers {authorizer}")).await;
    let patch = r#"{"patchOperations":[{"op":"replace","path":"/authorizationType","value":"CUSTOM"},{"op":"replace","path":"/authorizerId","value":"$a"}]}"#;
    world.make("m", &format!("PATCH /restapis/$api/resources/$resource/methods/GET {patch}")).await;
    let source = r#"{"patchOperations":[{"op":"replace","path":"/apiKeySource","value":"AUTHORIZER"}]}"#;
    world.make("x", &format!("PATCH /restapis/$api {source}")).await;
    world.deploy("dev").await;
    const POLICY: &str =
        r#""principalId":"u","policyDocument":{"Statement":{"Action":"*","Effect":"Allow","Resource":"*"}}"#;
    let allow =
        |key: &str| -> &'static str { String::leak(format!(r#"{{{POLICY},"usageIdentifierKey":"{key}"}}"#)) };
    // The header's key counts for nothing.
    let headers = [("authorization", "x"), ("x-api-key", KEY)];
    for (key, expected) in [
        ("someone-else-someone-else", r#"403 {"message":"Forbidden"}"#),
        (KEY, "200 "),
        (KEY, r#"429 {"message":"Limit Exceeded"}"#),
    ] {
        world.functions.set("decide", Play::Answer(allow(key)));
        let request = world.request_with("GET /dev/pets", &headers, "");
        assert_eq!(show(&world.gateway.serve(request).await), expected);
    }
}
