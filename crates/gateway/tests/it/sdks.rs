//! Clients made of stages: what is in the archive, and which are refused.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use http::HeaderMap;
use serde_json::{Value, json};

use crate::world::World;

/// The headers of the answer, and the files by name.
async fn client(world: &World) -> (HeaderMap, BTreeMap<String, String>) {
    let request = wire::Request {
        method: http::Method::GET,
        path: format!("/restapis/{}/stages/dev/sdks/javascript", world.name("api")),
        query: String::new(),
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
    };
    let response = world.gateway.answer(&world.cx, request).await;
    assert_eq!(response.status, 200);
    let mut archive = zip::ZipArchive::new(Cursor::new(response.body)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        files.insert(file.name().unwrap().into_owned(), text);
    }
    (response.headers, files)
}

/// What a client's script knows of its stage.
fn stage(files: &BTreeMap<String, String>) -> Value {
    let script = &files["apiGateway-js-sdk/apigClient.js"];
    let line = script.lines().find_map(|line| line.trim().strip_prefix("const STAGE = ")).unwrap();
    serde_json::from_str(line.strip_suffix(';').unwrap()).unwrap()
}

#[tokio::test]
async fn clients_are_of_what_is_deployed() {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"pets"}"#).await;
    let mock = r#"{"type":"MOCK"}"#;
    world.add_method("GET", "/pets/{petId}", mock).await;
    let to = "/restapis/$api/resources/$resource/methods/GET";
    let parameters = [("path/petId", true), ("header/X-A", true), ("querystring/type", false)];
    let patches = parameters.map(|(place, required)| {
        let path = format!("/requestParameters/method.request.{}", place.replace('/', "."));
        json!({ "op": "add", "path": path, "value": required.to_string() })
    });
    world.make("m", &format!("PATCH {to} {}", json!({ "patchOperations": patches }))).await;
    world.add_method("POST", "/pets", mock).await;
    world.add_method("DELETE", "/files/{path+}", mock).await;
    world.add_method("ANY", "/any", mock).await;
    world.deploy("dev").await;
    world.add_method("GET", "/later", mock).await;

    let (headers, files) = client(&world).await;
    assert_eq!(headers["content-type"], "application/octet-stream");
    let name = headers["content-disposition"].to_str().unwrap();
    let date = name.strip_prefix("attachment; filename=\"javascript_2026-11-23_").unwrap();
    assert!(date.len() == r#"17-21Z.zip""#.len() && date.ends_with(r#"Z.zip""#), "{name}");
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["apiGateway-js-sdk/README.md", "apiGateway-js-sdk/apigClient.js"]);
    let none: [&str; 0] = [];
    assert_eq!(
        stage(&files),
        json!({
            "url": format!("http://127.0.0.1:4566/_aws/execute-api/{}/dev", world.name("api")),
            "region": "us-east-1",
            "methods": [
                { "name": "filesPathDelete", "verb": "DELETE", "path": "/files/{path+}",
                    "headers": none, "query": none, "required": ["path"] },
                { "name": "petsPost", "verb": "POST", "path": "/pets",
                    "headers": none, "query": none, "required": none },
                { "name": "petsPetIdGet", "verb": "GET", "path": "/pets/{petId}",
                    "headers": ["X-A"], "query": ["type"], "required": ["petId", "X-A"] },
            ],
        })
    );
    let readme = &files["apiGateway-js-sdk/README.md"];
    assert!(readme.contains("pets, stage dev") && readme.contains("- `petsPost`: POST /pets\n"), "{readme}");
}

/// AWS's generator knows no functions for methods of any verb.
#[tokio::test]
async fn an_api_of_any_alone_has_no_script() {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"any"}"#).await;
    world.add_method("ANY", "/{proxy+}", r#"{"type":"MOCK"}"#).await;
    world.deploy("dev").await;
    let (_, files) = client(&world).await;
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["apiGateway-js-sdk/README.md"]);
    assert!(files["apiGateway-js-sdk/README.md"].contains("None: all methods"));
}

/// Two paths that would give one name give two.
#[tokio::test]
async fn no_function_hides_another() {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    for path in ["/a-b", "/a/b", "/a_b"] {
        world.add_method("GET", path, r#"{"type":"MOCK"}"#).await;
    }
    world.deploy("dev").await;
    let (_, files) = client(&world).await;
    let stage = stage(&files);
    let methods = stage["methods"].as_array().unwrap();
    let names: Vec<_> = methods.iter().map(|method| method["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["aBGet", "aBGet_", "aBGet__"]);
}

#[tokio::test]
async fn what_is_not_made() {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("GET", "/a", r#"{"type":"MOCK"}"#).await;
    world.deploy("dev").await;
    for (stage, kind, expected) in [
        (
            "dev",
            "ruby",
            (400, "Clients in Ruby are not generated here. The SDK type that is served is javascript"),
        ),
        ("dev", "cobol", (400, "Invalid SDK type specified")),
        ("none", "javascript", (404, "Invalid stage identifier specified")),
    ] {
        let (status, body) = world.control(&format!("GET /restapis/$api/stages/{stage}/sdks/{kind}")).await;
        assert_eq!((status, body["message"].as_str().unwrap()), expected, "{stage} {kind}");
    }
}
