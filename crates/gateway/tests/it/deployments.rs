//! Deployments are frozen, stages move between them, and all of it survives a restart.

use expect_test::expect;
use store::{Durability, Store};

use crate::world::{Play, World};

const MOCK: &str = r#"{"type":"MOCK","requestTemplates":{"application/json":"{\"statusCode\":200}"}}"#;

#[tokio::test]
async fn deployments_and_stages_over_the_wire() {
    let world = World::new();
    let transcript = world
        .script(
            r#"
            api = POST /restapis {"name":"x"}
            POST /restapis/$api/deployments {}
            PUT /restapis/$api/resources/$api_root/methods/GET {"authorizationType":"NONE"}
            POST /restapis/$api/deployments {}
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"MOCK"}
            d1 = POST /restapis/$api/deployments {"description":"one"}
            d2 = POST /restapis/$api/deployments {"stageName":"dev","variables":{"v":"1"},"stageDescription":"s"}
            POST /restapis/$api/deployments {"stageName":"not a name"}
            POST /restapis/$api/deployments {"stageName":"bad","variables":{"v-":"1"}}
            POST /restapis/nothere/deployments {}
            GET /restapis/$api/deployments
            GET /restapis/$api/deployments/$d1?embed=apisummary
            GET /restapis/$api/deployments/nothere
            PATCH /restapis/$api/deployments/$d1 {"patchOperations":[{"op":"replace","path":"/description","value":"uno"}]}
            PATCH /restapis/$api/deployments/$d1 {"patchOperations":[{"op":"replace","path":"/id","value":"uno"}]}
            POST /restapis/$api/stages {"stageName":"prod","deploymentId":"$d1","variables":{"v":"2"},"tags":{"k":"v"}}
            POST /restapis/$api/stages {"stageName":"prod","deploymentId":"$d1"}
            POST /restapis/$api/stages {"stageName":"test","deploymentId":"nothere"}
            GET /restapis/$api/stages?deploymentId=$d1
            GET /restapis/$api/stages/nothere
            DELETE /restapis/$api/deployments/$d1
            PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"replace","path":"/deploymentId","value":"$d2"},{"op":"replace","path":"/variables/w","value":"3"},{"op":"remove","path":"/variables/v"},{"op":"replace","path":"/*/*/throttling/burstLimit","value":"7"},{"op":"replace","path":"/~1pets~1{id}/GET/logging/loglevel","value":"INFO"},{"op":"replace","path":"/tracingEnabled","value":"true"},{"op":"replace","path":"/accessLogSettings/format","value":"f"}]}
            PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"remove","path":"/~1pets~1{id}/GET"},{"op":"remove","path":"/accessLogSettings"}]}
            PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"replace","path":"/deploymentId","value":"nothere"}]}
            PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"replace","path":"/documentation_version","value":"1"}]}
            PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"replace","path":"/canarySettings/percentTraffic","value":"101"}]}
            PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"replace","path":"/canarySettings/percentTraffic","value":"10"},{"op":"replace","path":"/canarySettings/deploymentId","value":"$d1"}]}
            DELETE /restapis/$api/deployments/$d1
            PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"copy","from":"/canarySettings/deploymentId","path":"/deploymentId"},{"op":"remove","path":"/canarySettings"}]}
            DELETE /restapis/$api/stages/prod
            DELETE /restapis/$api/stages/prod
            DELETE /restapis/$api/deployments/$d1
            GET /restapis/$api/deployments/$d1
            "#,
        )
        .await;
    expect![[r#"
        POST /restapis {"name":"x"}
            201 {"apiKeySource":"HEADER","createdDate":1795454460,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"<api>","name":"x","rootResourceId":"<api_root>"}
        POST /restapis/$api/deployments {}
            400 The REST API doesn't contain any methods
        PUT /restapis/$api/resources/$api_root/methods/GET {"authorizationType":"NONE"}
            201 {"apiKeyRequired":false,"authorizationType":"NONE","httpMethod":"GET"}
        POST /restapis/$api/deployments {}
            400 No integration defined for method
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"MOCK"}
            201 {"cacheKeyParameters":[],"cacheNamespace":"<api_root>","passthroughBehavior":"WHEN_NO_MATCH","timeoutInMillis":29000,"type":"MOCK"}
        POST /restapis/$api/deployments {"description":"one"}
            201 {"createdDate":1795454465,"description":"one","id":"<d1>"}
        POST /restapis/$api/deployments {"stageName":"dev","variables":{"v":"1"},"stageDescription":"s"}
            201 {"createdDate":1795454466,"id":"<d2>"}
        POST /restapis/$api/deployments {"stageName":"not a name"}
            400 Stage name only allows a-zA-Z0-9_-
        POST /restapis/$api/deployments {"stageName":"bad","variables":{"v-":"1"}}
            400 Stage variable names may only contain alphanumeric characters and underscores
        POST /restapis/nothere/deployments {}
            404 Invalid API identifier specified 000000000000:nothere
        GET /restapis/$api/deployments
            200 {"item":[{"createdDate":1795454465,"description":"one","id":"<d1>"},{"createdDate":1795454466,"id":"<d2>"}]}
        GET /restapis/$api/deployments/$d1?embed=apisummary
            200 {"apiSummary":{"/":{"GET":{"apiKeyRequired":false,"authorizationType":"NONE"}}},"createdDate":1795454465,"description":"one","id":"<d1>"}
        GET /restapis/$api/deployments/nothere
            404 Invalid Deployment identifier specified
        PATCH /restapis/$api/deployments/$d1 {"patchOperations":[{"op":"replace","path":"/description","value":"uno"}]}
            200 {"createdDate":1795454465,"description":"uno","id":"<d1>"}
        PATCH /restapis/$api/deployments/$d1 {"patchOperations":[{"op":"replace","path":"/id","value":"uno"}]}
            400 Invalid patch path  '/id' specified for op 'replace'. Must be one of: [/description]
        POST /restapis/$api/stages {"stageName":"prod","deploymentId":"$d1","variables":{"v":"2"},"tags":{"k":"v"}}
            201 {"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","createdDate":1795454475,"deploymentId":"<d1>","lastUpdatedDate":1795454475,"methodSettings":{},"stageName":"prod","tags":{"k":"v"},"tracingEnabled":false,"variables":{"v":"2"}}
        POST /restapis/$api/stages {"stageName":"prod","deploymentId":"$d1"}
            409 Stage already exists
        POST /restapis/$api/stages {"stageName":"test","deploymentId":"nothere"}
            400 Deployment id does not exist
        GET /restapis/$api/stages?deploymentId=$d1
            200 {"item":[{"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","createdDate":1795454475,"deploymentId":"<d1>","lastUpdatedDate":1795454475,"methodSettings":{},"stageName":"prod","tags":{"k":"v"},"tracingEnabled":false,"variables":{"v":"2"}}]}
        GET /restapis/$api/stages/nothere
            404 Invalid stage identifier specified
        DELETE /restapis/$api/deployments/$d1
            400 Active stages pointing to this deployment must be moved or deleted
        PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"replace","path":"/deploymentId","value":"$d2"},{"op":"replace","path":"/variables/w","value":"3"},{"op":"remove","path":"/variables/v"},{"op":"replace","path":"/*/*/throttling/burstLimit","value":"7"},{"op":"replace","path":"/~1pets~1{id}/GET/logging/loglevel","value":"INFO"},{"op":"replace","path":"/tracingEnabled","value":"true"},{"op":"replace","path":"/accessLogSettings/format","value":"f"}]}
            200 {"accessLogSettings":{"format":"f"},"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","createdDate":1795454475,"deploymentId":"<d2>","lastUpdatedDate":1795454481,"methodSettings":{"*/*":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"loggingLevel":"OFF","metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":7,"throttlingRateLimit":10000.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"},"~1pets~1{id}/GET":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"loggingLevel":"INFO","metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":5000,"throttlingRateLimit":10000.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}},"stageName":"prod","tags":{"k":"v"},"tracingEnabled":true,"variables":{"w":"3"}}
        PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"remove","path":"/~1pets~1{id}/GET"},{"op":"remove","path":"/accessLogSettings"}]}
            200 {"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","createdDate":1795454475,"deploymentId":"<d2>","lastUpdatedDate":1795454482,"methodSettings":{"*/*":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"loggingLevel":"OFF","metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":7,"throttlingRateLimit":10000.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}},"stageName":"prod","tags":{"k":"v"},"tracingEnabled":true,"variables":{"w":"3"}}
        PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"replace","path":"/deploymentId","value":"nothere"}]}
            400 Deployment id does not exist
        PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"replace","path":"/documentation_version","value":"1"}]}
            400 Invalid method setting path: /documentation_version. Must be one of: [/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, /accessLogSettings, /accessLogSettings/destinationArn, /accessLogSettings/format, /{resourcePath}/{httpMethod}/metrics/enabled, /{resourcePath}/{httpMethod}/logging/dataTrace, /{resourcePath}/{httpMethod}/logging/loglevel, /{resourcePath}/{httpMethod}/throttling/burstLimit/{resourcePath}/{httpMethod}/throttling/rateLimit/{resourcePath}/{httpMethod}/caching/ttlInSeconds, /{resourcePath}/{httpMethod}/caching/enabled, /{resourcePath}/{httpMethod}/caching/dataEncrypted, /{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, /{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, /*/*/metrics/enabled, /*/*/logging/dataTrace, /*/*/logging/loglevel, /*/*/throttling/burstLimit /*/*/throttling/rateLimit /*/*/caching/ttlInSeconds, /*/*/caching/enabled, /*/*/caching/dataEncrypted, /*/*/caching/requireAuthorizationForCacheControl, /*/*/caching/unauthorizedCacheControlHeaderStrategy, /variables/{variable_name}, /tracingEnabled]
        PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"replace","path":"/canarySettings/percentTraffic","value":"101"}]}
            400 Canary percent traffic must be between 0.0 and 100.0
        PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"replace","path":"/canarySettings/percentTraffic","value":"10"},{"op":"replace","path":"/canarySettings/deploymentId","value":"$d1"}]}
            200 {"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","canarySettings":{"deploymentId":"<d1>","percentTraffic":10.0,"useStageCache":false},"createdDate":1795454475,"deploymentId":"<d2>","lastUpdatedDate":1795454486,"methodSettings":{"*/*":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"loggingLevel":"OFF","metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":7,"throttlingRateLimit":10000.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}},"stageName":"prod","tags":{"k":"v"},"tracingEnabled":true,"variables":{"w":"3"}}
        DELETE /restapis/$api/deployments/$d1
            400 Active stages pointing to this deployment must be moved or deleted
        PATCH /restapis/$api/stages/prod {"patchOperations":[{"op":"copy","from":"/canarySettings/deploymentId","path":"/deploymentId"},{"op":"remove","path":"/canarySettings"}]}
            200 {"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","createdDate":1795454475,"deploymentId":"<d1>","lastUpdatedDate":1795454488,"methodSettings":{"*/*":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"loggingLevel":"OFF","metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":7,"throttlingRateLimit":10000.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}},"stageName":"prod","tags":{"k":"v"},"tracingEnabled":true,"variables":{"w":"3"}}
        DELETE /restapis/$api/stages/prod
            202 
        DELETE /restapis/$api/stages/prod
            404 Invalid stage identifier specified
        DELETE /restapis/$api/deployments/$d1
            202 
        GET /restapis/$api/deployments/$d1
            404 Invalid Deployment identifier specified
    "#]].assert_eq(&transcript);
}

#[tokio::test]
async fn ten_stages_and_no_more() {
    let world = World::new();
    world.deploy_one("GET", "/", MOCK).await;
    for i in 1..10 {
        world.deploy(&format!("s{i}")).await;
    }
    let (status, body) = world.control(r#"POST /restapis/$api/deployments {"stageName":"s10"}"#).await;
    assert_eq!((status, body["message"].as_str().unwrap().contains("Maximum number of stages")), (429, true));
    world.deploy("s9").await;
}

/// The road of an API: nothing answers before the deployment, a change is invisible until the next one, an older
/// deployment comes back, stage variables act at once.
#[tokio::test]
async fn a_deployment_is_frozen() {
    let world = World::new();
    world.functions.set("one", Play::Answer(r#"{"body":"one"}"#));
    world.functions.set("two", Play::Answer(r#"{"body":"two"}"#));
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("GET", "/a", &World::lambda("one")).await;
    let nothing = r#"403 {"message":"Forbidden"}"#;
    assert_eq!(world.get("GET /dev/a").await, nothing);

    world.deploy("dev").await;
    let first = world.name("deployment");
    assert_eq!(world.get("GET /dev/a").await, "200 one");
    assert_eq!(world.get("GET /prod/a").await, nothing);
    assert_eq!(world.get("GET /dev/b").await, r#"403 {"message":"Missing Authentication Token"}"#);

    let to = "/restapis/$api/resources/$resource/methods/GET/integration";
    world.make("i", &format!("PUT {to} {}", World::lambda("${stageVariables.fn}"))).await;
    world.add_method("GET", "/b", &World::lambda("two")).await;
    assert_eq!(world.get("GET /dev/a").await, "200 one");
    assert_eq!(world.get("GET /dev/b").await, r#"403 {"message":"Missing Authentication Token"}"#);

    world.deploy("dev").await;
    assert_eq!(world.get("GET /dev/b").await, "200 two");
    assert_eq!(world.get("GET /dev/a").await, r#"500 {"message": "Internal server error"}"#);
    let set = r#"{"patchOperations":[{"op":"replace","path":"/variables/fn","value":"two"}]}"#;
    world.make("s", &format!("PATCH /restapis/$api/stages/dev {set}")).await;
    assert_eq!(world.get("GET /dev/a").await, "200 two");

    let back =
        format!(r#"{{"patchOperations":[{{"op":"replace","path":"/deploymentId","value":"{first}"}}]}}"#);
    world.make("s", &format!("PATCH /restapis/$api/stages/dev {back}")).await;
    assert_eq!(world.get("GET /dev/a").await, "200 one");
    assert_eq!(world.get("GET /dev/b").await, r#"403 {"message":"Missing Authentication Token"}"#);

    world.make("d", "DELETE /restapis/$api").await;
    assert_eq!(world.get("GET /dev/a").await, nothing);
}

#[tokio::test]
async fn a_canary_gets_its_share() {
    let world = World::new();
    world.functions.set("old", Play::Answer(r#"{"body":"old"}"#));
    world.functions.set("new", Play::Answer(r#"{"body":"new"}"#));
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("GET", "/", &World::lambda("${stageVariables.fn}")).await;
    world.make("d", r#"POST /restapis/$api/deployments {"stageName":"dev","variables":{"fn":"old"}}"#).await;
    let canary =
        r#"{"stageName":"dev","canarySettings":{"percentTraffic":30,"stageVariableOverrides":{"fn":"new"}}}"#;
    world.make("c", &format!("POST /restapis/$api/deployments {canary}")).await;
    let mut new = 0;
    for _ in 0..1000 {
        new += u32::from(world.get("GET /dev").await == "200 new");
    }
    assert!((200..400).contains(&new), "{new} of 1000 at 30 percent");
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Durability::Relaxed).unwrap();
    let world = World::on(store.clone());
    world.deploy_one("GET", "/a/{id}", MOCK).await;
    let response = r#"{"responseTemplates":{"application/json":"kept"}}"#;
    let to = "/restapis/$api/resources/$resource/methods/GET/integration/responses/200";
    world.make("r", &format!("PUT {to} {response}")).await;
    world.deploy("dev").await;
    let before = world
        .script("GET /restapis/$api\nGET /restapis/$api/resources?embed=methods\nGET /restapis/$api/stages")
        .await;
    assert_eq!(world.get("GET /dev/a/1").await, "200 kept");
    let api = world.name("api");
    store.close().await.unwrap();
    drop((world, store));

    let store = Store::open(folder.path(), Durability::Relaxed).unwrap();
    let again = World::on(store.clone());
    again.make("api", &format!("GET /restapis/{api}")).await;
    let after = again
        .script("GET /restapis/$api\nGET /restapis/$api/resources?embed=methods\nGET /restapis/$api/stages")
        .await;
    let plain = |text: &str, world: &World| {
        text.replace("<api>", &world.name("api")).replace("<api_root>", &world.name("api_root"))
    };
    assert!(plain(&after, &again).contains(&again.name("api_root")));
    assert_eq!(before.len() > 100, after.len() > 100);
    assert_eq!(again.get("GET /dev/a/1").await, "200 kept");
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_fixed_id_can_be_used_again() {
    let world = World::new();
    let create = r#"POST /restapis {"name":"x","tags":{"_custom_id_":"fixed"}}"#;
    world.make("api", create).await;
    world.add_method("GET", "/a", MOCK).await;
    world.deploy("dev").await;
    world.make("d", "DELETE /restapis/fixed").await;
    world.make("api", create).await;
    assert_eq!(world.get("GET /dev/a").await, r#"403 {"message":"Forbidden"}"#);
    let (_, resources) = world.control("GET /restapis/fixed/resources").await;
    assert_eq!(resources["item"].as_array().unwrap().len(), 1);
    let (_, deployments) = world.control("GET /restapis/fixed/deployments").await;
    assert_eq!(deployments["item"].as_array().unwrap().len(), 0);
}
