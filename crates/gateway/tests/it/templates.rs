//! Mapping templates between a caller and an integration: what they see, what they make and what they override.

use ports::InvokeError;
use serde_json::json;

use crate::world::{Play, World, function_uri, show, show_headers};

const RESPONSES: &str = "/restapis/$api/resources/$resource/methods/POST/integration/responses";

/// A MOCK whose response template is `response`, at `POST /dev/things/{id}`.
pub(crate) async fn mock(request: &str, response: &str) -> World {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let integration = json!({ "type": "MOCK", "requestTemplates": { "application/json": request } });
    world.add_method("POST", "/things/{id}", &integration.to_string()).await;
    let mapped = json!({ "responseTemplates": { "application/json": response } });
    world.make("r", &format!("PUT {RESPONSES}/200 {mapped}")).await;
    world.deploy("dev").await;
    world
}

/// `POST /dev/things/a%20b?q=1&q=x+y`
async fn post(world: &World, body: &str) -> String {
    let headers = [("content-type", "application/json"), ("x-one", "1")];
    show(&world.gateway.serve(world.request_with("POST /dev/things/a%20b?q=1&q=x+y", &headers, body)).await)
}

#[tokio::test]
async fn templates_see_the_call() {
    let table = [
        ("$input.params('id') $input.params('q') $input.params('x-one')", "a%20b x y 1"),
        ("$input.params().querystring $input.params().path.id", "{q=x y} a%20b"),
        (
            "$context.stage $context.httpMethod $context.resourcePath $context.protocol",
            "dev POST /things/{id} HTTP/1.1",
        ),
        ("$context.identity.sourceIp $context.path", "127.0.0.1 /dev/things/a%20b"),
        ("#set($s = $context.requestTimeEpoch / 1000)$s [$context.authorizer.principalId]", "1795454469 []"),
        ("$input.params().header.keySet().contains('X-One')", "true"),
        ("[$stageVariables.none]", "[]"),
        // The response of a MOCK has no body.
        ("[$input.body]$input.json('$')", "[]{}"),
    ];
    for (template, expected) in table {
        let world = mock("{\"statusCode\": 200}", template).await;
        assert_eq!(post(&world, "{}").await, format!("200 {expected}"), "{template}");
    }
}

#[tokio::test]
async fn what_a_request_sets_the_response_sees() {
    let request = "#set($context.requestOverride.path.body = $input.body)\
                   #set($context.responseOverride.header.X-From = $input.path('$.name'))\
                   #if($input.path('$.n') > 5){\"statusCode\": 404}#else{\"statusCode\": 200,}#end";
    let response = "#set($body = $util.parseJson($context.requestOverride.path.body))\
                    #set($context.responseOverride.status = 201)\
                    #set($context.responseOverride.header['X-List'] = ['a', 'b'])\
                    hello $body.name";
    let world = mock(request, response).await;
    let call = world.request_with("POST /dev/things/1", &[], r#"{"name":"sy","n":3}"#);
    let answer = world.gateway.serve(call).await;
    assert_eq!(show(&answer), "201 hello sy");
    assert_eq!(show_headers(&answer), "content-type: application/json; x-from: sy; x-list: a; x-list: b");
    let world = mock("{\"statusCode\": 200}", "#set($context.responseOverride.status = \"none\")").await;
    assert_eq!(post(&world, "").await, r#"500 {"message": "Internal server error"}"#);
}

#[tokio::test]
async fn what_is_wrong_is_the_caller_s_or_the_api_s() {
    let world = mock("{\"statusCode\": 200, \"n\": $input.json('$.n')}", "fine").await;
    assert_eq!(post(&world, "{\"n\": 1}").await, "200 fine");
    assert_eq!(
        post(&world, "{\"n\": 1,}").await,
        "400 {\"message\": \"Could not parse request body into json: Unexpected character ('}' (code 125)): was \
         expecting double-quote to start field name\\n at [Source: (String); line: 1, column: 9]\"}"
    );
    for broken in ["#if($x)", "$context.stage.substring(5)", "$util.parseJson('{')", "$input.path('$[')"] {
        let world = mock("{\"statusCode\": 200}", broken).await;
        assert_eq!(post(&world, "{}").await, r#"500 {"message": "Internal server error"}"#, "{broken}");
    }
    let bomb = "#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])$c#end#end#end";
    let world = mock("{\"statusCode\": 200}", bomb).await;
    assert_eq!(post(&world, "{}").await, r#"500 {"message": "Internal server error"}"#);
}

#[tokio::test]
async fn what_is_no_json_for_a_function_is_told_in_lambda_s_words() {
    let world = World::new();
    let said = "Could not parse request body into json: Could not parse payload into json: x";
    world.functions.set("f", Play::Refuse(InvokeError::BadPayload(said.to_owned())));
    let integration = json!({ "type": "AWS", "httpMethod": "POST", "uri": function_uri("f"),
        "requestTemplates": { "application/json": "{'a': $context.stage}" } });
    world.deploy_one("POST", "/things/{id}", &integration.to_string()).await;
    assert_eq!(post(&world, "").await, format!("400 {{\"message\": \"{said}\"}}"));
}

#[tokio::test]
async fn a_function_gets_and_gives_what_templates_make() {
    let world = World::new();
    world.functions.set("f", Play::Answer(r#"{"items":[{"id":1},{"id":2}],"total":2}"#));
    world.functions.set("bad", Play::Fail(r#"{"errorMessage":"[BadRequest] no\nname","errorType":"Error"}"#));
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    for name in ["f", "bad"] {
        let integration = json!({
            "type": "AWS",
            "httpMethod": "POST",
            "uri": function_uri(name),
            "requestTemplates": { "application/json":
                "{\"name\": $input.json('$.name'), \"by\": \"$context.identity.sourceIp\", \"n\": $input.path('$.l').size()}" },
        });
        world.add_method("POST", &format!("/{name}"), &integration.to_string()).await;
        let to = "/restapis/$api/resources/$resource/methods/POST";
        let declared = json!({ "responseParameters": { "method.response.header.X-Total": false } });
        for status in ["200", "400"] {
            world.make("m", &format!("PUT {to}/responses/{status} {declared}")).await;
        }
        let fine = json!({
            "responseParameters": { "method.response.header.X-Total": "integration.response.body.total" },
            "responseTemplates": { "application/json":
                "[#foreach($i in $input.path('$.items'))$i.id#if($foreach.hasNext),#end#end]" },
        });
        world.make("r", &format!("PUT {to}/integration/responses/200 {fine}")).await;
        let refused = json!({
            // What stands behind a line end is not matched by a dot, in Java too.
            "selectionPattern": "(?s)\\[BadRequest\\](?! yes).*+",
            "responseTemplates": { "application/json":
                "{\"error\": \"$input.path('$.errorMessage').replaceAll('\\[.*\\]\\s', '').split('\\n')[0]\"}" },
        });
        world.make("r", &format!("PUT {to}/integration/responses/400 {refused}")).await;
    }
    world.deploy("dev").await;
    let body = r#"{"name":"a\"b","l":[1,2,3]}"#;
    let answer = world.gateway.serve(world.request_with("POST /dev/f", &[], body)).await;
    assert_eq!(show(&answer), "200 [1,2]");
    assert_eq!(show_headers(&answer), "content-type: application/json; x-total: 2");
    let sent = r#"{"name": "a\"b", "by": "127.0.0.1", "n": 3}"#;
    assert_eq!(world.functions.last_call().payload, sent);
    let answer = world.gateway.serve(world.request_with("POST /dev/bad", &[], body)).await;
    assert_eq!(show(&answer), r#"400 {"error": "no"}"#);
}
