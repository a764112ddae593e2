//! Custom domain names: what is kept of them, and which stage a request to one reaches.

use expect_test::expect_file;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::world::{Play, World, show};
use crate::{http_apis, templates};

#[tokio::test]
async fn domains_are_kept() {
    let script = expect_file!["./scripts/domains.txt"];
    let world = World::new();
    let transcript = world.script(&script.data()).await;
    // What DNS shall point to is made up anew each time.
    let transcript = mask_targets(&transcript);
    script.assert_eq(&transcript);
}

/// Hides the random names of endpoints: `d-` and ten letters or digits, and CloudFront's likewise.
fn mask_targets(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(":\"d-") {
        masked.push_str(&rest[..at + 4]);
        masked.push_str("<target>");
        rest = &rest[at + 14..];
    }
    masked.push_str(rest);
    masked
}

/// A request to a custom domain, as the server hands it over.
async fn call(world: &World, host: &str, line: &str) -> String {
    let (_, path) = line.split_once(' ').unwrap();
    let Some(target) = world.gateway.resolve_domain(host, path, &HeaderMap::new()).await else {
        return "none".to_owned();
    };
    let mut request = world.request(line);
    request.host = host.to_owned();
    (request.api_id, request.stage, request.path) = (target.api_id, target.stage, target.path);
    request.base_path = Some(target.base_path);
    show(&world.gateway.serve(request).await)
}

#[tokio::test]
async fn requests_reach_what_is_mapped() {
    let world = http_apis::world("$default", "2.0", &["GET /a"]).await;
    world.functions.set("f", Play::Echo);
    world.control(r#"POST /v2/domainnames {"domainName":"api.example.com"}"#).await;
    world.make("d", r#"POST /v2/domainnames {"domainName":"*.wild.example.com"}"#).await;
    assert!(world.gateway.has_domain("api.example.com:4566").await);
    assert!(!world.gateway.has_domain("other.example.com").await);
    assert_eq!(call(&world, "api.example.com", "GET /v1/a").await, "none");
    for (domain, key) in [("api.example.com", "v1"), ("*.wild.example.com", "")] {
        let line = json!({ "apiId": "$api", "stage": "$default", "apiMappingKey": key });
        world.control(&format!("POST /v2/domainnames/{domain}/apimappings {line}")).await;
    }
    let answer = call(&world, "API.example.com:4566", "GET /v1/a").await;
    let event: Value = serde_json::from_str(answer.strip_prefix("200 ").expect(&answer)).unwrap();
    assert_eq!((&event["rawPath"], &event["routeKey"]), (&json!("/v1/a"), &json!("GET /a")));
    assert_eq!(event["requestContext"]["domainName"], "API.example.com");
    assert_eq!(event["requestContext"]["stage"], "$default");
    assert!(call(&world, "x.wild.example.com", "GET /a").await.starts_with("200"));
    assert_eq!(call(&world, "x.wild.example.com", "GET /b").await, r#"404 {"message":"Not Found"}"#);
    // The API's own endpoint may be closed, and the domain stays open.
    world.control(r#"PATCH /v2/apis/$api {"disableExecuteApiEndpoint":true}"#).await;
    assert_eq!(world.get("GET /a").await, r#"404 {"message":"Not Found"}"#);
    assert!(call(&world, "api.example.com", "GET /v1/a").await.starts_with("200"));
    world.control("DELETE /v2/domainnames/api.example.com").await;
    assert!(!world.gateway.has_domain("api.example.com").await);
}

/// A certificate of `CN=client` with the number 7.
fn certificate() -> gateway::CallerCertificate {
    let mut params = rcgen::CertificateParams::new(vec!["client".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "client");
    params.serial_number = Some(7.into());
    let key = rcgen::KeyPair::generate().unwrap();
    gateway::CallerCertificate::read(params.self_signed(&key).unwrap().der()).unwrap()
}

/// The answer to a client that has shown one.
async fn certified(world: &World, line: &str) -> String {
    let mut request = world.request(line);
    request.certificate = Some(certificate());
    show(&world.gateway.serve(request).await)
}

fn context(answer: &str) -> Value {
    let event: Value = serde_json::from_str(answer.strip_prefix("200 ").expect(answer)).unwrap();
    event["requestContext"].clone()
}

#[tokio::test]
async fn functions_are_told_of_certificates() {
    let check = |shown: &Value| {
        let said = [&shown["subjectDN"], &shown["issuerDN"], &shown["serialNumber"]];
        assert_eq!(said, ["CN=client", "CN=client", "7"]);
        assert!(shown["clientCertPem"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----\nMI"));
        assert!(shown["validity"]["notAfter"].as_str().unwrap().ends_with(" GMT"), "{shown}");
    };
    let rest = World::new();
    rest.functions.set("echo", Play::Echo);
    rest.deploy_one("GET", "/pets", &World::lambda("echo")).await;
    check(&context(&certified(&rest, "GET /dev/pets").await)["identity"]["clientCert"]);
    for (version, place) in [("2.0", "authentication"), ("1.0", "identity")] {
        let world = http_apis::world("$default", version, &["GET /a"]).await;
        world.functions.set("f", Play::Echo);
        check(&context(&certified(&world, "GET /a").await)[place]["clientCert"]);
        assert_eq!(context(&world.get("GET /a").await)[place]["clientCert"], Value::Null);
    }
}

#[tokio::test]
async fn templates_and_logs_see_certificates() {
    let world = http_apis::world("$default", "2.0", &["GET /a"]).await;
    world.functions.set("f", Play::Echo);
    let format = "$context.identity.clientCert.subjectDN $context.identity.clientCert.serialNumber";
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:web";
    let settings = json!({ "accessLogSettings": { "destinationArn": arn, "format": format } });
    world.control(&format!("PATCH /v2/apis/$api/stages/$default {settings}")).await;
    certified(&world, "GET /a").await;
    world.get("GET /a").await;
    assert_eq!(world.logs.take("web"), ["CN=client 7", "- -"]);

    let template =
        "$context.identity.clientCert.issuerDN [$context.identity.clientCert.validity.notAfter.length()]";
    let world = templates::mock("{\"statusCode\": 200}", template).await;
    assert_eq!(certified(&world, "POST /dev/things/1").await, "200 CN=client [24]");
}

#[tokio::test]
async fn rest_apis_have_domains_too() {
    let world = World::new();
    world.functions.set("echo", Play::Echo);
    world.deploy_one("GET", "/pets", &World::lambda("echo")).await;
    world.make("d", r#"POST /domainnames {"domainName":"rest.example.com","endpointConfiguration":{"types":["REGIONAL"]}}"#).await;
    world
        .make(
            "m",
            r#"POST /domainnames/rest.example.com/basepathmappings {"restApiId":"$api","basePath":"shop"}"#,
        )
        .await;
    let answer = call(&world, "rest.example.com", "GET /shop/dev/pets").await;
    let event: Value = serde_json::from_str(answer.strip_prefix("200 ").expect(&answer)).unwrap();
    assert_eq!((&event["path"], &event["resource"]), (&json!("/shop/pets"), &json!("/pets")));
    assert_eq!(event["requestContext"]["stage"], "dev");
}

/// What domains lead to is not deleted under them.
#[tokio::test]
async fn what_is_mapped_stays() {
    let world = http_apis::world("$default", "2.0", &["GET /a"]).await;
    world.make("web", r#"POST /v2/apis {"name":"unmapped","protocolType":"HTTP"}"#).await;
    world.make("rest", r#"POST /restapis {"name":"x"}"#).await;
    let mock = r#"{"type":"MOCK","requestTemplates":{"application/json":"{\"statusCode\":200}"}}"#;
    world
        .make("m", r#"PUT /restapis/$rest/resources/$rest_root/methods/GET {"authorizationType":"NONE"}"#)
        .await;
    world
        .make("i", &format!("PUT /restapis/$rest/resources/$rest_root/methods/GET/integration {mock}"))
        .await;
    for stage in ["dev", "prod"] {
        world.make("s", &format!(r#"POST /restapis/$rest/deployments {{"stageName":"{stage}"}}"#)).await;
    }
    let domain = r#"POST /domainnames {"domainName":"NAME","endpointConfiguration":{"types":["REGIONAL"]}}"#;
    for name in ["a.example.com", "b.example.com"] {
        world.make("d", &domain.replace("NAME", name)).await;
        let line = r#"{"restApiId":"$rest","stage":"dev"}"#;
        world.make("p", &format!("POST /domainnames/{name}/basepathmappings {line}")).await;
    }
    world.make("p", r#"POST /v2/domainnames/b.example.com/apimappings {"apiId":"$api","stage":"$default","apiMappingKey":"v1"}"#).await;
    let (rest, api) = (world.name("rest"), world.name("api"));
    let refused = [
        ("DELETE /restapis/$rest", format!("Deleting RestApi {rest} failed. Please remove all base path mappings related to the RestApi in your domains: a.example.com, b.example.com")),
        ("DELETE /restapis/$rest/stages/dev", "Deleting stage dev failed. Please remove all base path mappings related to the stage in your domains: a.example.com, b.example.com".to_owned()),
        ("DELETE /v2/apis/$api", format!("Deleting API {api} failed. Please remove all API mappings for the API from your custom domain names.")),
        ("DELETE /v2/apis/$api/stages/$default", "Deleting stage $default failed. Please remove all API mappings for the stage from your custom domain names.".to_owned()),
    ];
    for (line, words) in &refused {
        let (status, body) = world.control(line).await;
        assert_eq!((status, body["message"].as_str().unwrap()), (400, words.as_str()), "{line}");
    }
    assert!(world.control("DELETE /v2/apis/$web").await.0 < 300, "no domain leads there");
    assert!(world.control("DELETE /restapis/$rest/stages/prod").await.0 < 300, "nor there");
    for name in ["a.example.com", "b.example.com"] {
        world.control(&format!("DELETE /domainnames/{name}")).await;
    }
    for (line, _) in refused.iter().rev() {
        assert!(world.control(line).await.0 < 300, "{line}");
    }
}
