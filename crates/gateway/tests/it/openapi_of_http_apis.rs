//! Definitions of HTTP APIs: imported, imported again and exported.

use serde_json::{Value, json};

use crate::world::{Play, World, function_uri};

/// A line that sends a definition, or its text.
fn line(target: &str, definition: &Value) -> String {
    let text = definition.as_str().map_or_else(|| definition.to_string(), str::to_owned);
    format!("{target} {}", json!({"body": text}))
}

fn proxy() -> Value {
    json!({"type": "aws_proxy", "httpMethod": "POST", "uri": function_uri("f"), "payloadFormatVersion": "2.0"})
}

fn definition(paths: Value) -> Value {
    json!({"openapi": "3.0.1", "info": {"title": "web", "version": "1"}, "paths": paths})
}

/// Something of everything that a definition can say.
fn whole() -> Value {
    let backend = json!({"type": "http_proxy", "httpMethod": "any", "uri": "https://example.com/{id}",
        "connectionType": "INTERNET", "payloadFormatVersion": 1.0, "timeoutInMillis": 5000, "description": "there",
        "requestParameters": {"append:header.x-a": "$request.path.id"},
        "responseParameters": {"200": {"overwrite:statuscode": "201"}}, "tlsConfig": {"serverNameToVerify": "example.org"}});
    let post = json!({"type": "aws_proxy", "httpMethod": "POST", "uri": function_uri("f"), "payloadFormatVersion": "1.0",
        "credentials": "arn:aws:iam::123456789012:role/caller"});
    let jwt = json!({"type": "oauth2", "x-amazon-apigateway-authorizer": {"type": "jwt", "identitySource": "$request.header.Authorization",
        "jwtConfiguration": {"issuer": "https://issuer.example.com/", "audience": ["shop", "web"]}}});
    let lambda = json!({"type": "apiKey", "name": "x-key", "in": "header", "x-amazon-apigateway-authorizer": {
        "type": "request", "identitySource": "$request.header.x-key, $request.querystring.k",
        "authorizerUri": function_uri("auth"), "authorizerPayloadFormatVersion": "2.0",
        "authorizerResultTtlInSeconds": 60, "enableSimpleResponses": true}});
    json!({
        "openapi": "3.0.1",
        "info": {"title": "whole", "version": "7", "description": "all of it"},
        "servers": [{"url": "https://example.com/v1/shop"}],
        "tags": [{"name": "team", "x-amazon-apigateway-tag-value": "blue"}, {"name": "not a tag"}],
        "x-amazon-apigateway-cors": {"allowOrigins": ["https://example.com"], "allowMethods": ["GET", "POST"],
            "allowHeaders": ["content-type"], "exposeHeaders": ["x-a"], "maxAge": 600, "allowCredentials": true},
        "x-amazon-apigateway-endpoint-configuration": {"disableExecuteApiEndpoint": false},
        "components": {
            "securitySchemes": {"jwt": jwt, "own": lambda, "none of ours": {"type": "http", "scheme": "basic"}},
            "schemas": {"Pet": {"type": "object"}},
            "x-amazon-apigateway-integrations": {"shared": proxy()},
        },
        "paths": {
            "/$default": {"x-amazon-apigateway-any-method": {"isDefaultRoute": true,
                "x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/shared"}}},
            "/pets": {
                "get": {"operationId": "ListPets", "security": [{"jwt": ["pets/read"]}],
                    "x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/shared"}},
                "post": {"security": [{"own": []}], "x-amazon-apigateway-integration": post},
                "parameters": [],
            },
            "/pets/{id}": {"x-amazon-apigateway-any-method": {"x-amazon-apigateway-auth": {"type": "AWS_IAM"},
                "x-amazon-apigateway-integration": backend}},
        },
    })
}

/// The export of `api`, in which what differs from API to API is masked.
async fn export(world: &World, query: &str) -> Value {
    let (status, json) = world.control(&format!("GET /v2/apis/$api/exports/OAS30{query}")).await;
    assert_eq!(status, 200, "{json}");
    let text = json.to_string().replace(&world.name("api"), "API");
    serde_json::from_str(&text).unwrap()
}

async fn items(world: &World, kind: &str) -> Vec<Value> {
    let (_, all) = world.control(&format!("GET /v2/apis/$api/{kind}")).await;
    all["items"].as_array().unwrap().clone()
}

async fn keys(world: &World) -> String {
    let routes = items(world, "routes").await;
    let mut keys: Vec<&str> = routes.iter().map(|route| route["routeKey"].as_str().unwrap()).collect();
    keys.sort_unstable();
    keys.join(", ")
}

#[tokio::test]
async fn a_definition_becomes_an_api() {
    let world = World::new();
    let api = world.make("api", &line("PUT /v2/apis", &whole())).await;
    assert_eq!(
        (&api["name"], &api["description"], &api["version"], &api["protocolType"]),
        (&json!("whole"), &json!("all of it"), &json!("7"), &json!("HTTP"))
    );
    assert_eq!(api["tags"], json!({"team": "blue"}));
    assert_eq!(
        api["corsConfiguration"],
        json!({"allowCredentials": true, "allowHeaders": ["content-type"], "allowMethods": ["GET", "POST"],
            "allowOrigins": ["https://example.com"], "exposeHeaders": ["x-a"], "maxAge": 600})
    );
    assert_eq!(api["importInfo"], json!(["The schemas were left out: HTTP APIs have no models"]));
    assert_eq!(api["warnings"], Value::Null);
    assert_eq!(keys(&world).await, "$default, ANY /pets/{id}, GET /pets, POST /pets");
    let routes = items(&world, "routes").await;
    let route =
        |key: &str| routes.iter().find(|route| route["routeKey"] == key).unwrap().as_object().unwrap();
    let authorizers = items(&world, "authorizers").await;
    let jwt = authorizers.iter().find(|authorizer| authorizer["name"] == "jwt").unwrap();
    assert_eq!(jwt["identitySource"], json!(["$request.header.Authorization"]));
    assert_eq!(
        jwt["jwtConfiguration"],
        json!({"audience": ["shop", "web"], "issuer": "https://issuer.example.com/"})
    );
    let own = authorizers.iter().find(|authorizer| authorizer["name"] == "own").unwrap();
    assert_eq!(own["identitySource"], json!(["$request.header.x-key", "$request.querystring.k"]));
    assert_eq!(
        (&own["authorizerResultTtlInSeconds"], &own["authorizerType"]),
        (&json!(60), &json!("REQUEST"))
    );
    assert_eq!(authorizers.len(), 2, "a scheme without an authorizer is none");
    let get = route("GET /pets");
    assert_eq!(
        (&get["authorizationType"], &get["authorizerId"], &get["authorizationScopes"], &get["operationName"]),
        (&json!("JWT"), &jwt["authorizerId"], &json!(["pets/read"]), &json!("ListPets"))
    );
    assert_eq!(get["target"], route("$default")["target"], "what is shared is one integration");
    assert_eq!(route("POST /pets")["authorizerId"], own["authorizerId"]);
    assert_eq!(route("ANY /pets/{id}")["authorizationType"], "AWS_IAM");
    let integrations = items(&world, "integrations").await;
    assert_eq!(integrations.len(), 3);
    let backend = integrations.iter().find(|one| one["integrationType"] == "HTTP_PROXY").unwrap();
    assert_eq!(
        (&backend["integrationMethod"], &backend["payloadFormatVersion"], &backend["timeoutInMillis"]),
        (&json!("ANY"), &json!("1.0"), &json!(5000))
    );
}

/// What is exported and imported and exported again is the same, as JSON and as YAML.
#[tokio::test]
async fn nothing_is_lost_on_the_way_round() {
    let from = World::new();
    from.make("api", &line("PUT /v2/apis", &whole())).await;
    let first = export(&from, "?outputType=JSON").await;
    let default = &first["paths"]["/$default"]["x-amazon-apigateway-any-method"];
    assert_eq!((&default["isDefaultRoute"], &first["openapi"]), (&json!(true), &json!("3.0.1")));
    assert_eq!(first["paths"]["/pets/{id}"]["x-amazon-apigateway-any-method"]["parameters"][0]["name"], "id");
    let to = World::new();
    for target in ["PUT /v2/apis", "PUT /v2/apis/$api", "PUT /v2/apis/$api"] {
        to.make("api", &line(target, &first)).await;
        let second = export(&to, "?outputType=JSON").await;
        let pretty = |json: &Value| serde_json::to_string_pretty(json).unwrap();
        assert_eq!(pretty(&first), pretty(&second), "{target}");
    }
    assert_eq!(items(&to, "integrations").await.len(), 4, "each route is written with its own");
}

#[tokio::test]
async fn exports_of_stages_and_without_extensions() {
    let world = World::new();
    let paths = json!({"/a": {"get": {"x-amazon-apigateway-integration": proxy()}}});
    world.make("api", &line("PUT /v2/apis", &definition(paths))).await;
    world.make("stage", r#"POST /v2/apis/$api/stages {"stageName":"$default","autoDeploy":true}"#).await;
    world.make("dev", r#"POST /v2/apis/$api/stages {"stageName":"dev"}"#).await;
    world.make("bare", r#"POST /v2/apis/$api/stages {"stageName":"bare"}"#).await;
    world.make("deployment", r#"POST /v2/apis/$api/deployments {"stageName":"dev"}"#).await;
    world.functions.set("f", Play::Answer("1"));
    let paths = json!({"/b": {"get": {"x-amazon-apigateway-integration": proxy()}}});
    world.make("api", &line("PUT /v2/apis/$api", &definition(paths))).await;
    assert_eq!(world.get("GET /b").await, "200 1", "what deploys itself runs what was imported");
    assert_eq!(world.get("GET /a").await, r#"404 {"message":"Not Found"}"#);
    assert_eq!(world.get("GET /dev/a").await, "200 1", "what does not runs what it ran");
    for (query, path, server) in [
        ("?outputType=JSON", "/b", ""),
        ("?outputType=JSON&stageName=$default", "/b", ""),
        ("?outputType=JSON&stageName=dev&exportVersion=1.0", "/a", "/dev"),
    ] {
        let json = export(&world, query).await;
        let paths: Vec<&String> = json["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, [path], "{query}");
        let url = json["servers"][0]["url"].as_str().unwrap();
        assert!(
            url.ends_with(&format!("API.execute-api.localhost{server}")) || url.ends_with(server),
            "{url}"
        );
        assert_eq!(json["x-amazon-apigateway-importexport-version"], "1.0");
    }
    let json = export(&world, "?outputType=JSON&includeExtensions=false").await;
    assert!(!json.to_string().contains("x-amazon"), "{json}");
    for (query, status, wanted) in [
        ("OAS30?outputType=XML", 400, "Invalid output type specified: XML"),
        ("OAS20?outputType=JSON", 400, "Invalid specification specified: OAS20"),
        ("OAS30?outputType=JSON&exportVersion=2.0", 400, "Invalid export version specified: 2.0"),
        ("OAS30?outputType=JSON&stageName=none", 404, "Invalid stage identifier specified"),
        ("OAS30?outputType=JSON&stageName=bare", 404, "Invalid Deployment identifier specified"),
    ] {
        let (got, body) = world.control(&format!("GET /v2/apis/$api/exports/{query}")).await;
        assert_eq!((got, body["message"].as_str()), (status, Some(wanted)), "{query}");
    }
}

#[tokio::test]
async fn base_paths() {
    let world = World::new();
    let mut shop = definition(json!({"/a": {"get": {"x-amazon-apigateway-integration": proxy()}},
        "/$default": {"x-amazon-apigateway-any-method": {"x-amazon-apigateway-integration": proxy()}}}));
    shop["servers"] = json!([{"url": "https://example.com/v1/shop/"}]);
    for (query, wanted) in [
        ("", "$default, GET /a"),
        ("?basepath=ignore", "$default, GET /a"),
        ("?basepath=prepend", "$default, GET /v1/shop/a"),
        ("?basepath=split", "$default, GET /shop/a"),
    ] {
        world.make("api", &line(&format!("PUT /v2/apis{query}"), &shop)).await;
        assert_eq!(keys(&world).await, wanted, "{query}");
        world.make("api", &line(&format!("PUT /v2/apis/$api{query}"), &shop)).await;
        assert_eq!(keys(&world).await, wanted, "{query}");
    }
    let (status, body) = world.control(&line("PUT /v2/apis?basepath=append", &shop)).await;
    assert_eq!((status, &body["message"]), (400, &json!("Invalid basepath value specified: append")));
}

/// What is refused leaves nothing, and what was there as it was.
#[tokio::test]
async fn definitions_that_are_refused() {
    let world = World::new();
    world.make("ws", r#"POST /v2/apis {"name":"chat","protocolType":"WEBSOCKET","routeSelectionExpression":"$request.body.action"}"#).await;
    let paths = json!({"/a": {"get": {"x-amazon-apigateway-integration": proxy()}}});
    world.make("api", &line("PUT /v2/apis", &definition(paths.clone()))).await;
    let integration =
        |json: Value| definition(json!({"/a": {"get": {"x-amazon-apigateway-integration": json}}}));
    let errors = |text: &str| format!("Errors found during import:\n\t{text}");
    let for_a = "Unable to create integration for 'GET /a'";
    let cases = [
        (json!("not: [a, definition"), "Invalid OpenAPI input.".to_owned()),
        (json!({"openapi": "4.0"}), "Invalid OpenAPI input.".to_owned()),
        (
            json!({"swagger": "2.0", "info": {"title": "x"}, "paths": paths}),
            "Invalid OpenAPI input: HTTP APIs are defined in OpenAPI 3.0".to_owned(),
        ),
        (integration(json!({"type": "mock"})), errors(for_a)),
        (
            integration(json!({"type": "aws_proxy", "uri": "nonsense", "payloadFormatVersion": "2.0"})),
            errors(for_a),
        ),
        (integration(json!({"type": "http_proxy", "httpMethod": "GET"})), errors(for_a)),
        (
            definition(json!({"/a/{b": {"get": {"x-amazon-apigateway-integration": proxy()}}})),
            errors("Unable to create route 'GET /a/{b'"),
        ),
        (
            definition(json!({"/$default": {"get": {"x-amazon-apigateway-integration": proxy()},
                "put": {"x-amazon-apigateway-integration": proxy()}}})),
            errors("Unable to create route '$default'"),
        ),
    ];
    for (definition, wanted) in cases {
        for target in ["PUT /v2/apis", "PUT /v2/apis/$api"] {
            let (status, body) = world.control(&line(target, &definition)).await;
            let message = body["message"].as_str().unwrap_or_default();
            assert!(status == 400 && message.starts_with(&wanted), "{target} {definition}: {status} {body}");
        }
    }
    assert_eq!(keys(&world).await, "GET /a");
    let (_, all) = world.control("GET /v2/apis").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 2, "what failed left nothing");
    for line in [
        line("PUT /v2/apis/$ws", &definition(paths.clone())),
        "GET /v2/apis/$ws/exports/OAS30?outputType=JSON".to_owned(),
    ] {
        assert_eq!(world.control(&line).await.0, 400, "{line}");
    }
    assert_eq!(world.control(&line("PUT /v2/apis/none", &definition(paths))).await.0, 404);
}

#[tokio::test]
async fn warnings_are_told_or_refused() {
    let world = World::new();
    let schema = json!({"$ref": "#/components/schemas/ModelThatDoesNotExist"});
    let responses = json!({"200": {"content": {"application/json": {"schema": schema}}}});
    let paths = json!({"/a": {"get": {"x-amazon-apigateway-integration": proxy(), "responses": responses}, "put": {}}});
    let warnings = [
        "Unable to resolve '#/components/schemas/ModelThatDoesNotExist' of route 'GET /a'",
        "No integration defined for route 'PUT /a'",
    ];
    let (status, body) =
        world.control(&line("PUT /v2/apis?failOnWarnings=true", &definition(paths.clone()))).await;
    let wanted = format!("Warnings found during import:\n\t{}", warnings.join("\n\t"));
    assert_eq!((status, body["message"].as_str()), (400, Some(&*wanted)));
    for target in ["PUT /v2/apis", "PUT /v2/apis/$api?failOnWarnings=false"] {
        let api = world.make("api", &line(target, &definition(paths.clone()))).await;
        assert_eq!(api["warnings"], json!(warnings));
        assert_eq!(keys(&world).await, "GET /a, PUT /a");
    }
}

/// Definitions that are made to cost have a clear end.
#[tokio::test]
async fn hostile_definitions() {
    let world = World::new();
    let many = |count: usize| {
        let members = (0..count).map(|at| (format!("/{at}"), json!({"get": {}})));
        definition(Value::Object(members.collect()))
    };
    let round = definition(json!({"/a": {"$ref": "#/paths/~1b"}, "/b": {"$ref": "#/paths/~1a"}}));
    let own = definition(
        json!({"/a": {"get": {"x-amazon-apigateway-integration": {"$ref": "#/paths/~1a/get/x-amazon-apigateway-integration"}}}}),
    );
    let deep = format!(r#"{{"openapi":"3.0.1","x":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
    for (name, definition, status) in [
        ("deep", json!(deep), 400),
        ("300", many(300), 201),
        ("301", many(301), 400),
        ("round", round, 201),
        ("own", own, 400),
    ] {
        let (got, body) = world.control(&line("PUT /v2/apis", &definition)).await;
        assert_eq!(got, status, "{name}: {body}");
    }
}
