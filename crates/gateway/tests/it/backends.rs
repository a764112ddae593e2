//! HTTP integrations against a server in the test's process.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use crate::world::{World, show, show_headers};

/// Answers what it was sent, as text: request line, chosen headers, body.
pub(crate) async fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serve = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(serve);
        }
    });
    address
}

async fn answer(request: http::Request<Incoming>) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut lines = vec![format!("{} {}", parts.method, parts.uri)];
    let chosen =
        ["x-a", "x-mapped", "x-forwarded-for", "connection", "keep-alive", "x-hop", "content-type", "te"];
    for name in chosen {
        lines.extend(
            parts.headers.get_all(name).iter().map(|value| format!("{name}: {}", value.to_str().unwrap())),
        );
    }
    lines.push(String::from_utf8_lossy(&body).into_owned());
    let status = if parts.uri.path().starts_with("/404") { 404 } else { 200 };
    let response = http::Response::builder()
        .status(status)
        .header("x-backend", "yes")
        .header("server", "backend")
        .header("set-cookie", "a")
        .header("set-cookie", "b")
        .body(Full::new(Bytes::from(lines.join("\n"))));
    Ok(response.unwrap())
}

#[tokio::test]
async fn http_proxy() {
    let address = backend().await;
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let integration = json!({ "type": "HTTP_PROXY", "httpMethod": "ANY", "uri": format!("http://{address}/base/{{proxy}}") });
    world.add_method("ANY", "/{proxy+}", &integration.to_string()).await;
    let to = "/restapis/$api/resources/$resource/methods/ANY";
    let declare = r#"{"patchOperations":[{"op":"add","path":"/requestParameters/method.request.path.proxy"},{"op":"add","path":"/requestParameters/method.request.querystring.q","value":"false"}]}"#;
    world.make("m", &format!("PATCH {to} {declare}")).await;
    let map = json!({ "patchOperations": [
        { "op": "add", "path": "/requestParameters/integration.request.path.proxy", "value": "method.request.path.proxy" },
        { "op": "add", "path": "/requestParameters/integration.request.header.x-mapped", "value": "method.request.querystring.q" },
        { "op": "add", "path": "/requestParameters/integration.request.querystring.stage", "value": "context.stage" },
    ]});
    world.make("i", &format!("PATCH {to}/integration {map}")).await;
    world.deploy("dev").await;
    let headers = [
        ("x-a", "1"),
        ("x-a", "2"),
        ("connection", "keep-alive, x-hop"),
        ("keep-alive", "1"),
        ("x-hop", "1"),
        ("te", "trailers"),
        ("content-type", "text/plain"),
    ];
    let response =
        world.gateway.serve(world.request_with("POST /dev/a/b%20c?q=1&r=%2F", &headers, "body")).await;
    assert_eq!(
        show(&response),
        "200 POST /base/a/b%20c?q=1&r=%2F&stage=dev\nx-a: 1\nx-a: 2\nx-mapped: 1\nx-forwarded-for: 127.0.0.1\n\
         content-type: text/plain\nbody"
    );
    let headers = show_headers(&response);
    for expected in ["x-backend: yes", "x-amzn-remapped-server: backend", "set-cookie: a; set-cookie: b"] {
        assert!(headers.contains(expected), "{headers}");
    }
}

#[tokio::test]
async fn http_selects_by_status() {
    let address = backend().await;
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let integration = json!({ "type": "HTTP", "httpMethod": "GET", "uri": format!("http://${{stageVariables.host}}/{{code}}") });
    world.add_method("GET", "/{code}", &integration.to_string()).await;
    let to = "/restapis/$api/resources/$resource/methods/GET";
    world
        .make(
            "m",
            &format!(
                r#"PUT {to}/responses/200 {{"responseParameters":{{"method.response.header.b":false}}}}"#
            ),
        )
        .await;
    let ok = r#"{"responseParameters":{"method.response.header.b":"integration.response.header.x-backend"}}"#;
    world.make("r", &format!("PUT {to}/integration/responses/200 {ok}")).await;
    let missing = r#"{"selectionPattern":"4\\d{2}","responseTemplates":{"application/json":"{}"}}"#;
    world.make("r", &format!("PUT {to}/integration/responses/410 {missing}")).await;
    let variables = json!({ "stageName": "dev", "variables": { "host": address.to_string() } });
    world.make("d", &format!("POST /restapis/$api/deployments {variables}")).await;
    let response = world.gateway.serve(world.request_with("GET /dev/x", &[("x-a", "not passed")], "")).await;
    assert_eq!(show(&response), "200 GET /x\ncontent-type: application/json\n");
    assert_eq!(show_headers(&response), "b: yes; content-type: application/json");
    assert_eq!(world.get("GET /dev/404").await, "410 {}");
}

/// What the request's template overrides replaces what was mapped; the rest stays.
#[tokio::test]
async fn a_template_overrides_path_query_and_headers() {
    let address = backend().await;
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let template = "#set($context.requestOverride.path.code = $input.path('$.to'))\
                    #set($context.requestOverride.querystring.q = 'new one')\
                    #set($context.requestOverride.header['x-a'] = ['1', '2'])\
                    #set($context.requestOverride.header.Content-Type = 'text/plain')\
                    to $input.path('$.to')";
    let integration = json!({
        "type": "HTTP",
        "httpMethod": "POST",
        "uri": format!("http://{address}/{{code}}"),
        "requestTemplates": { "application/json": template },
        "requestParameters": {
            "integration.request.header.x-mapped": "method.request.body.deep.value",
            "integration.request.header.x-a": "'mapped'",
            "integration.request.querystring.q": "'mapped'",
            "integration.request.querystring.stage": "context.stage",
        },
    });
    world.add_method("POST", "/{code}", &integration.to_string()).await;
    let to = "/restapis/$api/resources/$resource/methods/POST";
    world.make("r", &format!("PUT {to}/integration/responses/200 {{}}")).await;
    world.deploy("dev").await;
    let body = r#"{"to":"there","deep":{"value":"found"}}"#;
    let response = world.gateway.serve(world.request_with("POST /dev/here", &[], body)).await;
    assert_eq!(
        show(&response),
        "200 POST /there?stage=dev&q=new%20one\nx-a: 1\nx-a: 2\nx-mapped: found\ncontent-type: text/plain\nto there"
    );
}

#[tokio::test]
async fn a_dead_backend() {
    // A port that nobody listens on: bound, then let go.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = World::new();
    let integration =
        json!({ "type": "HTTP_PROXY", "httpMethod": "GET", "uri": format!("http://{address}/") });
    world.deploy_one("GET", "/", &integration.to_string()).await;
    assert_eq!(
        world.get("GET /dev").await,
        r#"504 {"message": "Network error communicating with endpoint"}"#
    );
}

/// An API that is its own backend ends before it has eaten the server's memory.
#[tokio::test]
async fn a_request_that_came_round_too_often() {
    let address = backend().await;
    let world = World::new();
    let integration =
        json!({ "type": "HTTP_PROXY", "httpMethod": "GET", "uri": format!("http://{address}/") });
    world.deploy_one("GET", "/", &integration.to_string()).await;
    for (hops, expected) in
        [("15", "200 GET /\n"), ("16", r#"508 {"message":"Loop Detected"}"#), ("many", "200 GET /\n")]
    {
        let request = world.request_with("GET /dev", &[("x-rushlight-hops", hops)], "");
        assert!(show(&world.gateway.serve(request).await).starts_with(expected), "{hops}");
    }
}
