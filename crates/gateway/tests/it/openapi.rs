//! API definitions: imported, put and exported.

use serde_json::{Value, json};

use crate::world::{World, function_uri, show, show_headers};

const PETSTORE: &str = include_str!("petstore.json");

fn compact(text: &str) -> String {
    serde_json::from_str::<Value>(text).unwrap().to_string()
}

/// What the console offers as an example, with what AWS answers for it.
#[tokio::test]
async fn the_pet_store() {
    let world = World::new();
    let made = world.make("api", &format!("POST /restapis?mode=import {}", compact(PETSTORE))).await;
    assert_eq!((made["name"].as_str(), made["warnings"].as_array()), (Some("PetStore"), None));
    let (_, models) = world.control("GET /restapis/$api/models").await;
    let models = models["item"].as_array().unwrap();
    let names: Vec<&str> = models.iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Empty", "NewPet", "NewPetResponse", "Pet", "PetType", "Pets"]);
    let schema: Value = serde_json::from_str(models[5]["schema"].as_str().unwrap()).unwrap();
    let pet = format!("https://apigateway.amazonaws.com/restapis/{}/models/Pet", world.name("api"));
    assert_eq!(schema, json!({"type": "array", "items": {"$ref": pet}}));
    let (_, resources) = world.control("GET /restapis/$api/resources?embed=methods").await;
    let resources = resources["item"].as_array().unwrap();
    let paths: Vec<&str> = resources.iter().map(|resource| resource["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/", "/pets", "/pets/{petId}"]);
    let get = &resources[1]["resourceMethods"]["GET"];
    assert_eq!(
        get["requestParameters"],
        json!({"method.request.querystring.page": false, "method.request.querystring.type": false})
    );
    assert_eq!(
        get["methodResponses"]["200"],
        json!({"responseModels": {"application/json": "Pets"}, "statusCode": "200",
        "responseParameters": {"method.response.header.Access-Control-Allow-Origin": false}})
    );
    assert_eq!(
        get["methodIntegration"],
        json!({
            "cacheKeyParameters": [], "cacheNamespace": resources[1]["id"], "connectionType": "INTERNET", "httpMethod": "GET",
            "integrationResponses": {"200": {"statusCode": "200",
                "responseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"}}},
            "passthroughBehavior": "WHEN_NO_MATCH", "timeoutInMillis": 29000, "type": "HTTP",
            "requestParameters": {"integration.request.querystring.page": "method.request.querystring.page",
                "integration.request.querystring.type": "method.request.querystring.type"},
            "uri": "http://petstore.execute-api.us-east-1.amazonaws.com/petstore/pets",
        })
    );
    assert_eq!(
        resources[1]["resourceMethods"]["POST"]["requestModels"],
        json!({"application/json": "NewPet"})
    );
    let (_, parts) = world.control("GET /restapis/$api/documentation/parts").await;
    assert_eq!(parts["item"].as_array().unwrap().len(), 2);
    world.deploy("dev").await;
    assert_eq!(world.get("GET /dev/").await, "200 <html>\n<a href=\"/dev/pets\">pets</a>\n</html>");
    let preflight = world.gateway.serve(world.request("OPTIONS /dev/pets")).await;
    assert!(
        show_headers(&preflight).contains("access-control-allow-methods: POST,GET,OPTIONS"),
        "{}",
        show(&preflight)
    );
}

/// An API with something of everything that a definition can say.
async fn whole() -> World {
    let world = World::new();
    let settings = json!({"name": "whole", "description": "all of it", "version": "7", "apiKeySource": "AUTHORIZER",
        "binaryMediaTypes": ["image/png"], "minimumCompressionSize": 1000, "disableExecuteApiEndpoint": true,
        "policy": r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"*"}]}"#,
        "tags": {"_custom_id_": "whole1"}});
    world.make("api", &format!("POST /restapis {settings}")).await;
    let pet = json!({"name": "Pet", "description": "a pet", "contentType": "application/json", "schema":
        r##"{"type":"object","properties":{"kin":{"type":"array","items":{"$ref":"#"}}},"required":["kin"]}"##});
    let pets = json!({"name": "Pets", "contentType": "application/json", "schema":
        r#"{"type":"array","items":{"$ref":"https://apigateway.amazonaws.com/restapis/whole1/models/Pet"}}"#});
    for line in [
        format!("POST /restapis/$api/models {pet}"),
        format!("POST /restapis/$api/models {pets}"),
        r#"PUT /restapis/$api/gatewayresponses/DEFAULT_4XX {"statusCode":"418","responseParameters":{"gatewayresponse.header.x":"'y'"}}"#.to_owned(),
        r#"POST /restapis/$api/documentation/parts {"location":{"type":"RESOURCE","path":"/pets"},"properties":"{\"description\":\"pets\"}"}"#.to_owned(),
    ] {
        world.make("it", &line).await;
    }
    let validator = r#"{"name":"body only","validateRequestBody":true}"#;
    world.make("validator", &format!("POST /restapis/$api/requestvalidators {validator}")).await;
    for (name, authorizer) in [
        (
            "token",
            json!({"name": "token", "type": "TOKEN", "authorizerUri": function_uri("f"), "authorizerResultTtlInSeconds": 60,
            "identitySource": "method.request.header.X-Token", "identityValidationExpression": "a+"}),
        ),
        (
            "request",
            json!({"name": "request", "type": "REQUEST", "authorizerUri": function_uri("f"),
            "identitySource": "method.request.header.a, context.stage"}),
        ),
        (
            "pool",
            json!({"name": "pool", "type": "COGNITO_USER_POOLS", "identitySource": "method.request.header.Authorization",
            "providerARNs": ["arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_a"]}),
        ),
        (
            "tokens",
            json!({"name": "tokens", "type": "JWT", "identitySource": "method.request.header.T", "jwtConfiguration": {
            "defaultAlgorithms": ["RS256", "ES512"], "issuers": [{"issuer": "https://a.example/x", "audiences": ["a", "b"],
            "additionalClaims": [{"claimName": "c", "format": "SINGLE_STRING", "required": true, "expectedValues": ["d"]}]}]}}),
        ),
    ] {
        world.make(name, &format!("POST /restapis/$api/authorizers {authorizer}")).await;
    }
    add_checked_method(&world).await;
    world.add_method("ANY", "/any/{proxy+}", &World::lambda("f")).await;
    let any = format!("/restapis/$api/resources/{}/methods/ANY", world.name("resource"));
    world.make("m", &format!(r#"PATCH {any} {{"patchOperations":[{{"op":"replace","path":"/authorizationType","value":"AWS_IAM"}}]}}"#)).await;
    let http = json!({"type": "HTTP_PROXY", "httpMethod": "GET", "uri": "https://example.com/{p}", "credentials": "arn:aws:iam::000000000000:role/r",
        "tlsConfig": {"insecureSkipVerification": true}, "contentHandling": "CONVERT_TO_BINARY"});
    world.add_method("GET", "/", &http.to_string()).await;
    let root = "/restapis/$api/resources/$resource/methods/GET";
    let custom = json!({"patchOperations": [{"op": "replace", "path": "/authorizationType", "value": "CUSTOM"},
        {"op": "replace", "path": "/authorizerId", "value": world.name("token")}]});
    world.make("m", &format!("PATCH {root} {custom}")).await;
    deploy_documented(&world).await;
    world
}

/// `POST /pets/{id}`, which asks for all that a method can.
async fn add_checked_method(world: &World) {
    let mock = json!({"type": "MOCK", "requestTemplates": {"application/json": "{\"statusCode\": 200}", "a/b": "x"},
        "passthroughBehavior": "NEVER", "cacheKeyParameters": ["method.request.querystring.q"], "timeoutInMillis": 500});
    world.add_method("POST", "/pets/{id}", &mock.to_string()).await;
    let at = "/restapis/$api/resources/$resource/methods/POST";
    let patch = json!({"patchOperations": [
        {"op": "replace", "path": "/authorizationType", "value": "COGNITO_USER_POOLS"},
        {"op": "replace", "path": "/authorizerId", "value": world.name("pool")},
        {"op": "add", "path": "/authorizationScopes", "value": "pets/write"},
        {"op": "replace", "path": "/apiKeyRequired", "value": "true"},
        {"op": "replace", "path": "/operationName", "value": "AddPet"},
        {"op": "replace", "path": "/requestValidatorId", "value": world.name("validator")},
        {"op": "add", "path": "/requestModels/application~1json", "value": "Pet"},
        {"op": "add", "path": "/requestParameters/method.request.querystring.q", "value": "true"},
        {"op": "add", "path": "/requestParameters/method.request.multivaluequerystring.all", "value": "false"},
        {"op": "add", "path": "/requestParameters/method.request.header.h", "value": "false"},
        {"op": "add", "path": "/requestParameters/method.request.path.id", "value": "true"}]});
    world.make("m", &format!("PATCH {at} {patch}")).await;
    for (status, extra, of_integration) in [
        (
            "200",
            r#""responseModels":{"application/json":"Pets"},"responseParameters":{"method.response.header.h":false}"#,
            r#""responseParameters":{"method.response.header.h":"integration.response.header.h"},"responseTemplates":{"application/json":"$input.body"}"#,
        ),
        (
            "404",
            r#""responseModels":{"application/json":"Error"}"#,
            r#""selectionPattern":"4\\d\\d","contentHandling":"CONVERT_TO_TEXT""#,
        ),
    ] {
        world.make("r", &format!("PUT {at}/responses/{status} {{{extra}}}")).await;
        world.make("r", &format!("PUT {at}/integration/responses/{status} {{{of_integration}}}")).await;
    }
}

async fn deploy_documented(world: &World) {
    world.deploy("dev").await;
    let version = r#"{"documentationVersion":"1","stageName":"dev"}"#;
    world.make("version", &format!("POST /restapis/$api/documentation/versions {version}")).await;
}

/// An export whose values that differ from API to API are masked.
async fn export(world: &World, kind: &str) -> Value {
    let line = format!("GET /restapis/$api/stages/dev/exports/{kind}?extensions=apigateway");
    let (status, json) = world.control(&line).await;
    assert_eq!(status, 200, "{json}");
    let text = json.to_string().replace(&world.name("api"), "API");
    let mut json: Value = serde_json::from_str(&text).unwrap();
    json["x-amazon-apigateway-documentation"]["createdDate"] = json!("then");
    json
}

/// What is exported and imported and exported again is the same.
#[tokio::test]
async fn nothing_is_lost_on_the_way_round() {
    let from = whole().await;
    for kind in ["oas30", "swagger"] {
        let first = export(&from, kind).await;
        let to = World::new();
        to.make("api", &format!("POST /restapis?mode=import {first}")).await;
        deploy_documented(&to).await;
        let second = export(&to, kind).await;
        let pretty = |json: &Value| serde_json::to_string_pretty(json).unwrap();
        assert_eq!(pretty(&first), pretty(&second));
        let (_, api) = to.control("GET /restapis/$api").await;
        assert_eq!(api["disableExecuteApiEndpoint"], true);
        assert_eq!(api["apiKeySource"], "AUTHORIZER");
        // Put over what it was, it is what it was.
        to.make("api", &format!("PUT /restapis/$api?mode=overwrite {first}")).await;
        to.deploy("dev").await;
        assert_eq!(export(&to, kind).await["paths"], first["paths"]);
    }
}

/// The whole of a definition, so that a change of it is seen.
#[tokio::test]
async fn a_definition_says_everything() {
    let json = export(&whole().await, "oas30").await;
    let post = &json["paths"]["/pets/{id}"]["post"];
    assert_eq!(post["operationId"], "AddPet");
    assert_eq!(post["security"], json!([{"pool": ["pets/write"]}, {"api_key": []}]));
    assert_eq!(post["x-amazon-apigateway-request-validator"], "body only");
    assert_eq!(
        post["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/Pet"
    );
    assert_eq!(
        post["x-amazon-apigateway-integration"]["responses"]["4\\d\\d"],
        json!({"statusCode": "404", "contentHandling": "CONVERT_TO_TEXT"})
    );
    let any = &json["paths"]["/any/{proxy+}"]["x-amazon-apigateway-any-method"];
    assert_eq!(any["security"], json!([{"sigv4": []}]));
    assert_eq!(any["x-amazon-apigateway-integration"]["type"], "aws_proxy");
    let schemes = &json["components"]["securitySchemes"];
    assert_eq!(schemes["token"]["name"], "X-Token");
    assert_eq!(schemes["request"]["x-amazon-apigateway-authorizer"]["type"], "request");
    assert_eq!(schemes["sigv4"]["x-amazon-apigateway-authtype"], "awsSigv4");
    assert_eq!(json["x-amazon-apigateway-gateway-responses"]["DEFAULT_4XX"]["statusCode"], "418");
    assert_eq!(json["x-amazon-apigateway-policy"]["Statement"][0]["Effect"], "Allow");
    assert_eq!(json["components"]["schemas"]["Pets"]["items"]["$ref"], "#/components/schemas/Pet");
    let documented = &json["x-amazon-apigateway-documentation"]["documentationParts"][0];
    assert_eq!(documented["properties"]["description"], "pets");
    assert_eq!(json["servers"][0]["variables"]["basePath"]["default"], "dev");
}

/// Without extensions there are none of API Gateway's.
#[tokio::test]
async fn extensions_are_asked_for() {
    let world = whole().await;
    let exports = "GET /restapis/$api/stages/dev/exports";
    let (_, json) = world.control(&format!("{exports}/swagger")).await;
    assert!(!json.to_string().contains("x-amazon-apigateway-integration"), "{json}");
    assert_eq!(json["definitions"]["Pets"]["items"]["$ref"], "#/definitions/Pet");
    let (_, json) = world.control(&format!("{exports}/swagger?extensions=integrations,postman")).await;
    let text = json.to_string();
    assert!(
        text.contains("x-amazon-apigateway-integration") && !text.contains("x-amazon-apigateway-authorizer")
    );
    for (line, wanted) in [
        ("oas30?extensions=nonsense", "Invalid extensions specified"),
        ("raml", "No API exporter for type 'raml'"),
    ] {
        let (status, body) = world.control(&format!("{exports}/{line}")).await;
        assert_eq!((status, body["message"].as_str()), (400, Some(wanted)));
    }
    let (status, _) = world.control("GET /restapis/$api/stages/none/exports/oas30").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn definitions_are_merged_or_put_in_place() {
    let world = whole().await;
    let mock = json!({"type": "mock", "requestTemplates": {"application/json": "{\"statusCode\": 200}"},
        "responses": {"default": {"statusCode": "200", "responseTemplates": {"application/json": "new"}}}});
    let one = json!({"responses": {"200": {"description": "ok"}}, "x-amazon-apigateway-integration": mock});
    let definition = json!({"openapi": "3.0.1", "info": {"title": "new", "version": "2"}, "paths": {"/": {"get": one}, "/new": {"put": one}}});
    let names = async || {
        let (_, all) = world.control("GET /restapis/$api/resources?limit=500").await;
        let shown = all["item"].as_array().unwrap().iter().map(|item| {
            let methods =
                item["resourceMethods"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            format!("{} {}", item["path"].as_str().unwrap(), methods.collect::<Vec<_>>().join(","))
        });
        shown.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(names().await, "/ GET; /any ; /any/{proxy+} ANY; /pets ; /pets/{id} POST");
    world.make("put", &format!("PUT /restapis/$api?mode=merge {definition}")).await;
    assert_eq!(names().await, "/ GET; /any ; /any/{proxy+} ANY; /new PUT; /pets ; /pets/{id} POST");
    assert_eq!(world.control("GET /restapis/$api/models/Pet").await.0, 200);
    let root = world.name("api_root");
    let put = world.make("put", &format!("PUT /restapis/$api?mode=overwrite {definition}")).await;
    assert_eq!(names().await, "/ GET; /new PUT");
    assert_eq!((put["name"].as_str(), put["rootResourceId"].as_str()), (Some("new"), Some(&*root)));
    for gone in ["models/Pet", "models/Empty", "authorizers/$token", "requestvalidators/$validator"] {
        assert_eq!(world.control(&format!("GET /restapis/$api/{gone}")).await.0, 404, "{gone}");
    }
    let patch =
        r#"{"patchOperations":[{"op":"replace","path":"/disableExecuteApiEndpoint","value":"false"}]}"#;
    world.make("patched", &format!("PATCH /restapis/$api {patch}")).await;
    world.make("deployment", r#"POST /restapis/$api/deployments {"stageName":"prod"}"#).await;
    assert_eq!(world.get("GET /prod/").await, "200 new");
}

#[tokio::test]
async fn definitions_that_are_none() {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let operation = |integration: Value| json!({"openapi": "3.0.1", "info": {"title": "x"}, "paths": {"/a": {"get": {"x-amazon-apigateway-integration": integration}}}});
    let errors = "Errors found during import:\n\t";
    for (definition, wanted) in [
        (json!("x"), "Invalid OpenAPI input.".to_owned()),
        (json!({"openapi": "4.0"}), "Invalid OpenAPI input.".to_owned()),
        (json!({"paths": {}}), "Invalid OpenAPI input.".to_owned()),
        (
            operation(json!({"type": "aws_proxy", "httpMethod": "POST", "uri": "nonsense"})),
            format!(
                "{errors}Unable to put integration on 'GET' for resource at path '/a': Invalid ARN specified in the request"
            ),
        ),
        (
            operation(json!({"type": "carrier pigeon"})),
            format!(
                "{errors}Unable to put integration on 'GET' for resource at path '/a': Enumeration value for type must be one of [HTTP, MOCK, AWS_PROXY, AWS, HTTP_PROXY]"
            ),
        ),
        (
            json!({"swagger": "2.0", "info": {"title": "x"}, "definitions": {"A": {"type": "strin"}}}),
            format!(
                "{errors}Unable to create model 'A': Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified]"
            ),
        ),
        (
            json!({"swagger": "2.0", "info": {"title": "x"}, "paths": {"/a": {"get": {"x-amazon-apigateway-request-validator": "none"}}}}),
            format!(
                "{errors}Unable to put method 'GET' on resource at path '/a': Invalid Request Validator identifier specified"
            ),
        ),
    ] {
        for line in ["POST /restapis?mode=import", "PUT /restapis/$api?mode=merge"] {
            let (status, body) = world.control(&format!("{line} {definition}")).await;
            assert_eq!((status, body["message"].as_str()), (400, Some(&*wanted)), "{line} {definition}");
        }
    }
    let (_, all) = world.control("GET /restapis").await;
    assert_eq!(all["item"].as_array().unwrap().len(), 1, "what failed left nothing");
    let warned = json!({"openapi": "3.0.1", "info": {"title": "x"},
        "x-amazon-apigateway-documentation": {"documentationParts": [{"location": {"type": "NOTHING"}, "properties": {}}]}});
    let warning = "Documentation part 0: Invalid documentation part location: there is no known type";
    let (status, body) =
        world.control(&format!("POST /restapis?mode=import&failonwarnings=true {warned}")).await;
    assert_eq!(
        (status, body["message"].as_str()),
        (400, Some(&*format!("Warnings found during import:\n\t{warning}")))
    );
    let (status, body) = world.control(&format!("POST /restapis?mode=import {warned}")).await;
    assert_eq!((status, &body["warnings"]), (201, &json!([warning])));
    let (status, body) =
        world.control(&format!("POST /restapis?mode=import&ignore=documentation {warned}")).await;
    assert_eq!((status, &body["warnings"]), (201, &Value::Null));
}

#[tokio::test]
async fn base_paths_and_written_references() {
    let world = World::new();
    let one = json!({"$ref": "#/paths/c"});
    let item = json!({"parameters": [{"$ref": "#/parameters/q"}], "get": {"responses": {"200": {"$ref": "#/responses/ok"}}}});
    let swagger = json!({"swagger": "2.0", "info": {"title": "x"}, "basePath": "/v1/shop/", "paths": {"/a": item, "/b": one, "c": {"get": {}}},
        "parameters": {"q": {"name": "q", "in": "query", "required": true, "type": "string"}},
        "responses": {"ok": {"description": "ok", "schema": {"type": "array", "items": {"type": "string", "example": "x"}}}},
    });
    let server = json!([{"url": "https://example.com/{basePath}/shop", "variables": {"basePath": {"default": "/v1"}}}]);
    let openapi = json!({"openapi": "3.0.1", "info": {"title": "x"}, "servers": server, "paths": {"/a": {"get": {}}, "/b": {"get": {}}}});
    for definition in [&swagger, &openapi] {
        for (mode, wanted) in [
            ("", "/ /a /b"),
            ("&basepath=ignore", "/ /a /b"),
            ("&basepath=prepend", "/ /v1 /v1/shop /v1/shop/a /v1/shop/b"),
            ("&basepath=split", "/ /shop /shop/a /shop/b"),
        ] {
            world.make("api", &format!("POST /restapis?mode=import{mode} {definition}")).await;
            let (_, all) = world.control("GET /restapis/$api/resources?embed=methods").await;
            let all = all["item"].as_array().unwrap();
            let paths: Vec<&str> = all.iter().map(|item| item["path"].as_str().unwrap()).collect();
            assert_eq!(paths.join(" "), wanted, "{mode}");
        }
    }
    world.make("api", &format!("POST /restapis?mode=import {swagger}")).await;
    let (_, all) = world.control("GET /restapis/$api/resources?embed=methods").await;
    let get = &all["item"][1]["resourceMethods"]["GET"];
    assert_eq!(get["requestParameters"], json!({"method.request.querystring.q": true}));
    let model = get["methodResponses"]["200"]["responseModels"]["application/json"].as_str().unwrap();
    let (_, model) = world.control(&format!("GET /restapis/$api/models/{model}")).await;
    assert_eq!(model["schema"], r#"{"items":{"type":"string"},"type":"array"}"#);
}

/// Definitions that are made to cost have a clear end, and quickly.
#[tokio::test]
async fn hostile_definitions() {
    let world = World::new();
    let mut bomb = "openapi: 3.0.1\na0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for at in 1..12 {
        let alias = format!("*a{},", at - 1).repeat(9);
        bomb.push_str(&format!("a{at}: &a{at} [{alias}]\n"));
    }
    let many = |name: &str, count: usize| {
        let members =
            (0..count).map(|at| (format!("/{at}"), json!({"get": {}}))).collect::<serde_json::Map<_, _>>();
        json!({"openapi": "3.0.1", "info": {"title": "x"}, name: members}).to_string()
    };
    let round = json!({"openapi": "3.0.1", "info": {"title": "x"}, "paths": {"/a": {"$ref": "#/paths/~1b"}, "/b": {"$ref": "#/paths/~1a"}}});
    let deep = format!(r#"{{"openapi":"3.0.1","x":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
    for (definition, status) in [
        (bomb, 400),
        (deep, 400),
        (many("paths", 299), 201),
        (many("paths", 301), 400),
        (many("paths", 100_000), 400),
        (many("definitions", 50_000), 400),
        (round.to_string(), 201),
    ] {
        let (got, body) = world.control(&format!("POST /restapis?mode=import {definition}")).await;
        let text = body["message"].as_str().unwrap_or_default();
        assert_eq!(got, status, "{} {text}", &definition[..40]);
        assert!(text.len() < 20_000);
    }
}
