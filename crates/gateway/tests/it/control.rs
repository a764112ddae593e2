//! The control plane over the wire, by scripts: each file holds requests and, below each, what came back. Run with
//! `UPDATE_EXPECT=1` to write the answers anew.

use expect_test::{ExpectFile, expect_file};

use crate::world::World;

async fn check(script: ExpectFile) {
    check_in(&World::new(), script).await;
}

async fn check_in(world: &World, script: ExpectFile) {
    let transcript = world.script(&script.data()).await;
    script.assert_eq(&transcript);
}

#[tokio::test]
async fn rest_apis() {
    check(expect_file!["./scripts/rest_apis.txt"]).await;
}

#[tokio::test]
async fn authorizers() {
    check(expect_file!["./scripts/authorizers.txt"]).await;
}

#[tokio::test]
async fn cloning() {
    check(expect_file!["./scripts/cloning.txt"]).await;
}

#[tokio::test]
async fn another_account_sees_nothing() {
    let store = store::Store::memory();
    let ours = World::on(store.clone());
    ours.make("a", r#"POST /restapis {"name":"x","tags":{"_custom_id_":"ours"}}"#).await;
    let theirs = World::on(store).of_account("111111111111");
    check_in(&theirs, expect_file!["./scripts/another_account.txt"]).await;
}

#[tokio::test]
async fn resources() {
    check(expect_file!["./scripts/resources.txt"]).await;
}

#[tokio::test]
async fn methods_and_their_responses() {
    check(expect_file!["./scripts/methods_and_their_responses.txt"]).await;
}

#[tokio::test]
async fn integrations_and_their_responses() {
    check(expect_file!["./scripts/integrations_and_their_responses.txt"]).await;
}

#[tokio::test]
async fn deployments_and_stages() {
    check(expect_file!["./scripts/deployments_and_stages.txt"]).await;
}

#[tokio::test]
async fn tags_and_the_account() {
    check(expect_file!["./scripts/tags_and_the_account.txt"]).await;
}

/// Many edits of one API at a time: none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_edits_do_not_lose_updates() {
    let world = std::sync::Arc::new(World::new());
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let tasks: Vec<_> = (0..40)
        .map(|i| {
            let world = std::sync::Arc::clone(&world);
            tokio::spawn(async move {
                let line = format!(r#"POST /restapis/$api/resources/$api_root {{"pathPart":"p{i}"}}"#);
                let (_, resource) = world.control(&line).await;
                let to = format!("/restapis/$api/resources/{}/methods", resource["id"].as_str().unwrap());
                for method in ["GET", "PUT"] {
                    let put = format!(r#"PUT {to}/{method} {{"authorizationType":"NONE"}}"#);
                    assert_eq!(world.control(&put).await.0, 201);
                }
                let patch = format!(
                    r#"PATCH /restapis/$api {{"patchOperations":[{{"op":"add","path":"/binaryMediaTypes/a~1{i}"}}]}}"#
                );
                assert_eq!(world.control(&patch).await.0, 200);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (_, api) = world.control("GET /restapis/$api").await;
    assert_eq!(api["binaryMediaTypes"].as_array().unwrap().len(), 40);
    let (_, resources) = world.control("GET /restapis/$api/resources?limit=500").await;
    let items = resources["item"].as_array().unwrap();
    assert_eq!(items.len(), 41);
    let methods: usize = items
        .iter()
        .filter_map(|item| item["resourceMethods"].as_object())
        .map(|methods| methods.len())
        .sum();
    assert_eq!(methods, 80);
}

#[tokio::test]
async fn documentation() {
    check(expect_file!["./scripts/documentation.txt"]).await;
}

#[tokio::test]
async fn vpc_links() {
    check(expect_file!["./scripts/vpc_links.txt"]).await;
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new();
    for n in 0..5 {
        let line = format!(r#"POST /vpclinks {{"name":"{n}","targetArns":["arn:aws:x"]}}"#);
        world.make("link", &line).await;
    }
    let (mut names, mut position) = (Vec::new(), String::new());
    loop {
        let (_, page) = world.control(&format!("GET /vpclinks?limit=2{position}")).await;
        names.extend(
            page["item"].as_array().unwrap().iter().map(|link| link["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["position"].as_str() else { break };
        position = format!("&position={next}");
    }
    names.sort_unstable();
    assert_eq!(names.concat(), "01234");
}

#[tokio::test]
async fn http_and_websocket_apis() {
    check(expect_file!["./scripts/http_and_websocket_apis.txt"]).await;
}

#[tokio::test]
async fn api_keys() {
    check(expect_file!["./scripts/api_keys.txt"]).await;
}

#[tokio::test]
async fn usage_plans() {
    check(expect_file!["./scripts/usage_plans.txt"]).await;
}

#[tokio::test]
async fn routes_and_stages() {
    check(expect_file!["./scripts/routes_and_stages.txt"]).await;
}

#[tokio::test]
async fn the_account_and_what_is_tagged_in_it() {
    check(expect_file!["./scripts/account.txt"]).await;
}

#[tokio::test]
async fn api_keys_are_imported() {
    let world = World::new();
    let plan = world.make("p", r#"POST /usageplans {"name":"p"}"#).await["id"].clone();
    let first = "abcdefghijklmnopqrst";
    let file = format!(
        "Name,key,description,Enabled,usageplanIds\nA,{first},one,TRUE,\"$p\"\n\"B \"\"b\"\"\",{first}2,,FALSE,none\nC,short,,,\n"
    );
    let strict = format!("POST /apikeys?mode=import&format=csv&failonwarnings=true {file}");
    let (status, body) = world.control(&strict).await;
    assert_eq!(
        (status, body["message"].as_str().unwrap()),
        (
            400,
            "Warnings found during import: B \"b\": Invalid Usage Plan ID specified; C: API Key value should be at least 20 characters"
        )
    );
    let (_, body) = world.control("GET /apikeys").await;
    assert_eq!(body["item"].as_array().unwrap().len(), 0, "what warns is not imported");
    let (status, body) = world.control(&format!("POST /apikeys?mode=import&format=csv {file}")).await;
    assert_eq!((status, body["ids"].as_array().unwrap().len()), (201, 2), "{body}");
    assert_eq!(
        body["warnings"].to_string(),
        r#"["B \"b\": Invalid Usage Plan ID specified","C: API Key value should be at least 20 characters"]"#
    );
    let (_, keys) = world.control(&format!("GET /usageplans/{}/keys", plan.as_str().unwrap())).await;
    assert_eq!(keys["item"][0]["value"], first);
    let (_, again) =
        world.control(&format!("POST /apikeys?mode=import&format=csv name,key\nA,{first}")).await;
    assert_eq!(again["warnings"].to_string(), r#"["A: API Key already exists"]"#);
    assert_eq!(again["ids"].to_string(), "[]");
}

#[tokio::test]
async fn client_certificates() {
    let world = World::new();
    let line = r#"POST /clientcertificates {"description":"d","tags":{"a":"b"}}"#;
    let (status, made) = world.control(line).await;
    assert_eq!(status, 201, "{made}");
    let id = made["clientCertificateId"].as_str().unwrap();
    let pem = made["pemEncodedCertificate"].as_str().unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----") && !pem.contains("PRIVATE"), "{pem}");
    assert_eq!(made["expirationDate"].as_i64().unwrap() % 86_400, 0);
    assert_eq!(world.control(&format!("GET /clientcertificates/{id}")).await, (200, made.clone()));
    let patch = r#"{"patchOperations":[{"op":"replace","path":"/description","value":"e"}]}"#;
    let (_, edited) = world.control(&format!("PATCH /clientcertificates/{id} {patch}")).await;
    assert_eq!(edited["description"], "e");
    let (_, all) = world.control("GET /clientcertificates").await;
    assert_eq!(all["item"][0], edited);
    let (status, _) = world.control(&format!("DELETE /clientcertificates/{id}")).await;
    assert_eq!(status, 202);
    let (_, all) = world.control("GET /clientcertificates").await;
    assert_eq!(all["item"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn models_and_validators() {
    check(expect_file!["./scripts/models_and_validators.txt"]).await;
}
