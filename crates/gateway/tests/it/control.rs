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

/// One that an integration or what a stage runs goes through stays, whatever else names it.
#[tokio::test]
async fn vpc_links_in_use() {
    check(expect_file!["./scripts/vpc_links_in_use.txt"]).await;
}

#[tokio::test]
async fn client_certificates_in_use() {
    let script = expect_file!["./scripts/client_certificates_in_use.txt"];
    let world = World::new();
    // What it is made of is new each time.
    world.make("certificate", "POST /clientcertificates {}").await;
    let transcript = world.script(&script.data()).await;
    let told =
        transcript.lines().filter(|line| !line.starts_with("    200 ") && !line.starts_with("    201 "));
    script.assert_eq(&told.map(|line| format!("{line}\n")).collect::<String>());
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
async fn what_is_not_documented_is_listed() {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.make("pets", r#"POST /restapis/$api/resources/$api_root {"pathPart":"pets"}"#).await;
    let get = "/restapis/$api/resources/$pets/methods/GET";
    world.make("m", &format!(r#"PUT {get} {{"authorizationType":"NONE","requestParameters":{{"method.request.querystring.q":true,"method.request.header.h":false}},"requestModels":{{"a/b":"Empty"}}}}"#)).await;
    world.make("r", &format!(r#"PUT {get}/responses/200 {{"responseParameters":{{"method.response.header.x":true}},"responseModels":{{"a/b":"Empty"}}}}"#)).await;
    let document = async |location: &str| {
        let line = format!(
            r#"POST /restapis/$api/documentation/parts {{"location":{location},"properties":"{{}}"}}"#
        );
        world.make("part", &line).await;
    };
    let open = async |query: &str| {
        let (_, page) = world
            .control(&format!(
                "GET /restapis/$api/documentation/parts?locationStatus=UNDOCUMENTED&limit=100{query}"
            ))
            .await;
        let shown = page["item"].as_array().unwrap().iter().map(|item| {
            let location = &item["location"];
            let fields = ["type", "path", "method", "statusCode", "name"]
                .map(|field| location[field].as_str().unwrap_or("-"));
            fields.join(" ")
        });
        shown.collect::<Vec<_>>()
    };
    document(r#"{"type":"MODEL","name":"Error"}"#).await;
    document(r#"{"type":"RESPONSE","path":"/pets","method":"GET"}"#).await;
    assert_eq!(
        open("").await,
        [
            "API - - - -",
            "METHOD /pets GET - -",
            "MODEL - - - Empty",
            "QUERY_PARAMETER /pets GET - q",
            "REQUEST_BODY /pets GET - -",
            "REQUEST_HEADER /pets GET - h",
            "RESOURCE / - - -",
            "RESOURCE /pets - - -",
            "RESPONSE_BODY /pets GET 200 -",
            "RESPONSE_HEADER /pets GET 200 x",
        ]
    );
    assert_eq!(open("&type=RESOURCE&path=/pe").await, ["RESOURCE /pets - - -"]);
    document(r#"{"type":"METHOD","path":"/pets"}"#).await;
    assert_eq!(open("&type=METHOD").await, Vec::<String>::new(), "all its methods are told of");
}

/// Lists: what is in one by ones is what is in it at once. `{n}` stands for 1, 2 and 3.
const LISTS: &[(&str, &str, &str)] = &[
    (r#"POST /restapis {"name":"{n}"}"#, "/restapis", "id"),
    (r#"POST /restapis/$api/resources/$api_root {"pathPart":"p{n}"}"#, "/restapis/$api/resources", "id"),
    (r#"POST /restapis/$api/deployments {"description":"{n}"}"#, "/restapis/$api/deployments", "id"),
    (
        r#"POST /restapis/$api/authorizers {"name":"a{n}","type":"COGNITO_USER_POOLS","identitySource":"method.request.header.a","providerARNs":["arn:aws:cognito-idp:us-east-1:1:userpool/a_b"]}"#,
        "/restapis/$api/authorizers",
        "id",
    ),
    (
        r#"POST /restapis/$api/models {"name":"M{n}","contentType":"application/json","schema":"{}"}"#,
        "/restapis/$api/models",
        "name",
    ),
    (r#"POST /restapis/$api/requestvalidators {"name":"{n}"}"#, "/restapis/$api/requestvalidators", "id"),
    ("", "/restapis/$api/gatewayresponses", "responseType"),
    (
        r#"POST /restapis/$api/documentation/parts {"location":{"type":"MODEL","name":"M{n}"},"properties":"{}"}"#,
        "/restapis/$api/documentation/parts",
        "id",
    ),
    (
        r#"POST /restapis/$api/documentation/versions {"documentationVersion":"v{n}"}"#,
        "/restapis/$api/documentation/versions",
        "version",
    ),
    (r#"POST /apikeys {"name":"{n}"}"#, "/apikeys", "id"),
    (r#"POST /usageplans {"name":"{n}"}"#, "/usageplans", "id"),
    ("POST /clientcertificates {}", "/clientcertificates", "clientCertificateId"),
    (r#"POST /domainnames {"domainName":"d{n}.example.com"}"#, "/domainnames", "domainName"),
    (
        r#"POST /domainnames/d1.example.com/basepathmappings {"restApiId":"$api","basePath":"b{n}"}"#,
        "/domainnames/d1.example.com/basepathmappings",
        "basePath",
    ),
    ("", "/sdktypes", "id"),
    (r#"POST /v2/apis {"name":"{n}","protocolType":"HTTP"}"#, "/v2/apis", "apiId"),
    (
        r#"POST /v2/apis/$chat/integrations {"integrationType":"MOCK","description":"{n}"}"#,
        "/v2/apis/$chat/integrations",
        "integrationId",
    ),
    (r#"POST /v2/apis/$chat/routes {"routeKey":"r{n}"}"#, "/v2/apis/$chat/routes", "routeId"),
    (
        r#"POST /v2/apis/$chat/integrations/$mock/integrationresponses {"integrationResponseKey":"/{n}/"}"#,
        "/v2/apis/$chat/integrations/$mock/integrationresponses",
        "integrationResponseId",
    ),
    (r#"POST /v2/apis/$chat/stages {"stageName":"s{n}"}"#, "/v2/apis/$chat/stages", "stageName"),
    (
        r#"POST /v2/apis/$chat/deployments {"description":"{n}"}"#,
        "/v2/apis/$chat/deployments",
        "deploymentId",
    ),
    (
        r#"POST /v2/apis/$chat/models {"name":"M{n}","contentType":"application/json","schema":"{}"}"#,
        "/v2/apis/$chat/models",
        "modelId",
    ),
    (
        r#"POST /v2/apis/$chat/authorizers {"name":"a{n}","authorizerType":"REQUEST","authorizerUri":"$uri","identitySource":["route.request.header.a"]}"#,
        "/v2/apis/$chat/authorizers",
        "authorizerId",
    ),
    (r#"POST /v2/vpclinks {"name":"{n}","subnetIds":["subnet-1"]}"#, "/v2/vpclinks", "vpcLinkId"),
    ("", "/v2/domainnames", "domainName"),
    (
        r#"POST /v2/domainnames/d2.example.com/apimappings {"apiId":"$chat","stage":"s1","apiMappingKey":"k{n}"}"#,
        "/v2/domainnames/d2.example.com/apimappings",
        "apiMappingId",
    ),
    (
        r#"POST /usageplans/$plan/keys {"keyId":"$key{n}","keyType":"API_KEY"}"#,
        "/usageplans/$plan/keys",
        "id",
    ),
    (
        r#"POST /domainnameaccessassociations {"domainNameArn":"arn:aws:apigateway:us-east-1:000000000000:/domainnames/p.example.com+$private","accessAssociationSourceType":"VPCE","accessAssociationSource":"vpce-{n}"}"#,
        "/domainnameaccessassociations",
        "domainNameAccessAssociationArn",
    ),
    (
        r#"POST /v2/domainnames/d2.example.com/routingrules {"priority":{n},"conditions":[],"actions":[{"invokeApi":{"apiId":"$chat","stage":"s1"}}]}"#,
        "/v2/domainnames/d2.example.com/routingrules",
        "routingRuleId",
    ),
];

#[tokio::test]
async fn lists_are_turned_page_by_page() {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world
        .make("m", r#"PUT /restapis/$api/resources/$api_root/methods/GET {"authorizationType":"NONE"}"#)
        .await;
    world
        .make("i", r#"PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"MOCK"}"#)
        .await;
    world.make("chat", r#"POST /v2/apis {"name":"c","protocolType":"WEBSOCKET","routeSelectionExpression":"$request.body.a"}"#).await;
    world.make("mock", r#"POST /v2/apis/$chat/integrations {"integrationType":"MOCK"}"#).await;
    world.make("route", r#"POST /v2/apis/$chat/routes {"routeKey":"r0"}"#).await;
    world.make("plan", r#"POST /usageplans {"name":"p"}"#).await;
    for n in 1..=3 {
        world.make(&format!("key{n}"), &format!(r#"POST /apikeys {{"name":"k{n}"}}"#)).await;
    }
    let private = r#"{"domainName":"p.example.com","endpointConfiguration":{"types":["PRIVATE"]}}"#;
    world.make("private", &format!("POST /domainnames {private}")).await;
    for (make, list, id) in LISTS {
        for n in ["1", "2", "3"].iter().filter(|_| !make.is_empty()) {
            let line = make.replace("{n}", n).replace("$uri", &crate::world::function_uri("f"));
            let (status, body) = world.control(&line).await;
            assert!(status < 300, "{line}: {body}");
        }
        let is_v2 = list.starts_with("/v2");
        let (limit, from, next, items) = if is_v2 {
            ("maxResults", "nextToken", "nextToken", "items")
        } else {
            ("limit", "position", "position", "item")
        };
        let ids = |page: &serde_json::Value| -> Vec<String> {
            let items = page.get(items).unwrap_or(&page["routingRules"]);
            let items = items.as_array().unwrap_or_else(|| panic!("{list}: {page}"));
            items.iter().map(|item| item[id].as_str().unwrap().to_owned()).collect()
        };
        let (_, whole) = world.control(&format!("GET {list}?{limit}=100")).await;
        assert_eq!(whole.get(next).filter(|next| !next.is_null()), None, "{list}: all of it");
        let (mut by_ones, mut position) = (Vec::new(), String::new());
        loop {
            let (status, page) = world.control(&format!("GET {list}?{limit}=1{position}")).await;
            assert_eq!((status, ids(&page).len()), (200, 1), "{list}{position}: {page}");
            by_ones.extend(ids(&page));
            let Some(token) = page[next].as_str() else { break };
            position = format!("&{from}={token}");
        }
        assert_eq!(by_ones, ids(&whole), "{list}");
        assert!(by_ones.len() >= 2, "{list} has pages");
        let (status, _) = world.control(&format!("GET {list}?{limit}=1&{from}=!")).await;
        assert_eq!(status, 400, "{list}: a position that is none");
    }
}

/// What the keys of a plan used, key by key.
#[tokio::test]
async fn usage_is_turned_page_by_page() {
    let world = World::new();
    world.make("plan", r#"POST /usageplans {"name":"p"}"#).await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        let (_, key) = world.control(&format!(r#"POST /apikeys {{"name":"k{n}"}}"#)).await;
        let id = key["id"].as_str().unwrap().to_owned();
        let member = format!(r#"POST /usageplans/$plan/keys {{"keyId":"{id}","keyType":"API_KEY"}}"#);
        assert_eq!(world.control(&member).await.0, 201);
        ids.push(id);
    }
    ids.sort();
    let list = "GET /usageplans/$plan/usage?startDate=2026-11-22&endDate=2026-11-23";
    for limit in [1, 2, 3, 100] {
        let (mut found, mut position) = (Vec::new(), String::new());
        loop {
            let (status, page) = world.control(&format!("{list}&limit={limit}{position}")).await;
            assert_eq!((status, &page["startDate"]), (200, &"2026-11-22".into()), "{page}");
            let values = page["values"].as_object().unwrap();
            assert!(
                values.len() <= limit && values.values().all(|days| days.as_array().unwrap().len() == 2),
                "{page}"
            );
            found.extend(values.keys().cloned());
            let Some(next) = page["position"].as_str() else { break };
            position = format!("&position={next}");
        }
        assert_eq!(found, ids, "{limit} at a time");
    }
    assert_eq!(world.control(&format!("{list}&limit=1&position=!")).await.0, 400);
    let (_, page) = world.control(&format!("{list}&keyId={}&limit=1", ids[1])).await;
    assert_eq!(page["values"].as_object().unwrap().keys().collect::<Vec<_>>(), [&ids[1]]);
    assert!(page["position"].is_null(), "{page}");
}

/// A route has at most one response, that of `$default`, and those of other routes are none of its own.
#[tokio::test]
async fn responses_of_a_route_are_a_page() {
    let world = World::new();
    world.make("chat", r#"POST /v2/apis {"name":"c","protocolType":"WEBSOCKET","routeSelectionExpression":"$request.body.a"}"#).await;
    for name in ["one", "two", "none"] {
        world.make(name, &format!(r#"POST /v2/apis/$chat/routes {{"routeKey":"{name}"}}"#)).await;
    }
    let response = r#"{"routeResponseKey":"$default"}"#;
    for name in ["one", "two"] {
        let made = format!("POST /v2/apis/$chat/routes/${name}/routeresponses {response}");
        assert_eq!(world.control(&made).await.0, 201);
        assert_eq!(world.control(&made).await.0, 409, "there is one");
    }
    for (name, count) in [("one", 1), ("two", 1), ("none", 0)] {
        for bounds in ["", "?maxResults=1", "?maxResults=500"] {
            let (status, page) =
                world.control(&format!("GET /v2/apis/$chat/routes/${name}/routeresponses{bounds}")).await;
            let items = page["items"].as_array().unwrap();
            assert_eq!(
                (status, items.len(), &page["nextToken"]),
                (200, count, &serde_json::Value::Null),
                "{page}"
            );
        }
    }
    let list = "GET /v2/apis/$chat/routes/$one/routeresponses";
    for (bounds, status) in [("?nextToken=!", 400), ("?maxResults=0", 400), ("?maxResults=x", 400)] {
        assert_eq!(world.control(&format!("{list}{bounds}")).await.0, status, "{bounds}");
    }
    // Behind the last one.
    let (_, page) = world.control(&format!("{list}?nextToken=fn4")).await;
    assert_eq!(page["items"], serde_json::json!([]));
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
