//! Deployments are frozen, stages move between them, and all of it survives a restart.

use store::{Durability, Store};

use crate::world::{Play, World};

const MOCK: &str = r#"{"type":"MOCK","requestTemplates":{"application/json":"{\"statusCode\":200}"}}"#;

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
async fn everything_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Durability::Relaxed).unwrap();
    let world = World::on(store.clone());
    world.deploy_one("GET", "/a/{id}", MOCK).await;
    let response = r#"{"responseTemplates":{"application/json":"kept"}}"#;
    let to = "/restapis/$api/resources/$resource/methods/GET/integration/responses/200";
    world.make("r", &format!("PUT {to} {response}")).await;
    world.deploy("dev").await;
    let api = world.name("api");
    let lists = ["", "/resources?embed=methods", "/deployments", "/stages"]
        .map(|of| format!("GET /restapis/{api}{of}"));
    let mut before = Vec::new();
    for list in &lists {
        before.push(world.control(list).await);
    }
    assert_eq!(world.get("GET /dev/a/1").await, "200 kept");
    store.close().await.unwrap();
    drop((world, store));

    let store = Store::open(folder.path(), Durability::Relaxed).unwrap();
    let again = World::on(store.clone());
    again.make("api", &format!("GET /restapis/{api}")).await;
    for (list, before) in lists.iter().zip(before) {
        assert_eq!(again.control(list).await, before, "{list}");
    }
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

/// Two nodes on one database: what one edits the other's next request sees, for as long as there are edits.
#[tokio::test]
async fn edits_of_another_node_are_seen() {
    let store = Store::memory();
    let here = World::on(store.clone()).with(gateway::Gateway::sharing);
    let there = World::on(store).with(gateway::Gateway::sharing);
    let nothing = r#"403 {"message":"Forbidden"}"#;
    let template = |text: &str| {
        let to = "/restapis/$api/resources/$resource/methods/GET/integration/responses/200";
        format!("PUT {to} {}", serde_json::json!({ "responseTemplates": { "application/json": text } }))
    };
    here.deploy_one("GET", "/a", MOCK).await;
    here.make("r", &template("first")).await;
    here.deploy("dev").await;
    let first = here.name("deployment");
    there.know(&here);
    assert_eq!(there.get("GET /dev/a").await, "200 first");
    here.make("r", &template("second $!stageVariables.v")).await;
    here.deploy("dev").await;
    assert_eq!(there.get("GET /dev/a").await, "200 second ");
    for (path, value, expected) in [
        ("/variables/v", "one", "200 second one"),
        ("/variables/v", "two", "200 second two"),
        ("/deploymentId", first.as_str(), "200 first"),
    ] {
        let operations = serde_json::json!([{ "op": "replace", "path": path, "value": value }]);
        let edit = serde_json::json!({ "patchOperations": operations });
        here.make("s", &format!("PATCH /restapis/$api/stages/dev {edit}")).await;
        for world in [&there, &here] {
            assert_eq!(world.get("GET /dev/a").await, expected);
        }
    }
    here.make("s", "DELETE /restapis/$api/stages/dev").await;
    assert_eq!(there.get("GET /dev/a").await, nothing);
    here.deploy("dev").await;
    assert_eq!(there.get("GET /dev/a").await, "200 second ");
    here.make("d", "DELETE /restapis/$api").await;
    assert_eq!(there.get("GET /dev/a").await, nothing);

    let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let create = serde_json::json!({ "name": "x", "protocolType": "HTTP", "target": function });
    here.make("api", &format!("POST /v2/apis {create}")).await;
    there.know(&here);
    there.functions.set(function, Play::Answer(r#""f""#));
    assert_eq!(there.get("GET /any").await, "200 f");
    here.make("s", r#"PATCH /v2/apis/$api {"disableExecuteApiEndpoint":true}"#).await;
    assert_eq!(there.get("GET /any").await, r#"404 {"message":"Not Found"}"#);
}

/// Which stages serve what the API is now, as the console tells it.
#[tokio::test]
async fn what_is_not_deployed_is_known() {
    let world = World::new();
    let now = async || {
        let stages = world.gateway.stages_of(&world.cx.scope, &world.name("api")).await.unwrap();
        stages.iter().map(|s| format!("{}:{} ", s.name, s.is_current)).collect::<String>()
    };
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    assert_eq!(now().await, "");
    world.add_method("GET", "/a", MOCK).await;
    world.deploy("dev").await;
    let first = world.name("deployment");
    assert_eq!(now().await, "dev:true ");

    world.add_method("GET", "/b", MOCK).await;
    assert_eq!(now().await, "dev:false ", "a method");
    world.deploy("prod").await;
    assert_eq!(now().await, "dev:false prod:true ");
    world
        .make(
            "model",
            r#"POST /restapis/$api/models {"name":"M","contentType":"application/json","schema":"{}"}"#,
        )
        .await;
    assert_eq!(now().await, "dev:false prod:false ", "a model");
    world.make("gone", "DELETE /restapis/$api/models/M").await;
    assert_eq!(now().await, "dev:false prod:true ", "as it was");

    let to = |id: &str| {
        format!(r#"{{"patchOperations":[{{"op":"replace","path":"/deploymentId","value":"{id}"}}]}}"#)
    };
    world.make("s", &format!("PATCH /restapis/$api/stages/prod {}", to(&first))).await;
    assert_eq!(now().await, "dev:false prod:false ", "rolled back");
    // Nothing that could be deployed.
    world.make("r", r#"POST /restapis/$api/resources/$resource {"pathPart":"c"}"#).await;
    world.make("m", r#"PUT /restapis/$api/resources/$r/methods/GET {"authorizationType":"NONE"}"#).await;
    assert_eq!(now().await, "dev:false prod:false ");
    assert!(world.gateway.stages_of(&world.cx.scope, "none").await.is_err());
}

#[tokio::test]
async fn a_hundred_stage_variables_and_no_more() {
    let world = World::new();
    world.deploy_one("GET", "/", MOCK).await;
    let patch = |from: usize, to: usize| {
        let all: Vec<_> = (from..to)
            .map(|i| serde_json::json!({ "op": "replace", "path": format!("/variables/v{i}"), "value": "x" }))
            .collect();
        format!("PATCH /restapis/$api/stages/dev {}", serde_json::json!({ "patchOperations": all }))
    };
    assert_eq!(world.control(&patch(0, 100)).await.0, 200);
    let (status, body) = world.control(&patch(100, 101)).await;
    assert_eq!(
        (status, body["message"].as_str().unwrap().contains("stage variables")),
        (429, true),
        "{body}"
    );
}
