//! Function URLs: their operations, and what requests to them come to.

use std::net::{IpAddr, Ipv4Addr};

use api::lambda::{
    AddPermissionInput, Cors, CreateAliasInput, CreateFunctionUrlConfigInput, DeleteAliasInput,
    DeleteFunctionInput, DeleteFunctionUrlConfigInput, FunctionUrlAuthType, GetFunctionUrlConfigInput,
    InvokeMode, Lambda as _, ListFunctionUrlConfigsInput, PublishVersionInput, PutFunctionConcurrencyInput,
    TagResourceInput, UpdateFunctionUrlConfigInput,
};
use base::{Cx, Principal, Region, Scope};
use bytes::Bytes;
use expect_test::expect;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use lambda::UrlCall;
use sigv4::{SignatureError, Signer};
use wire::{Request, Response};

use crate::fixture::{Answer, World, broken, check_failure};
use crate::streaming::{data, head, streams};

const ID: &str = "my-url";
const FORBIDDEN: &str = r#"403 {"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}"#;

fn create(name: &str) -> CreateFunctionUrlConfigInput {
    CreateFunctionUrlConfigInput { function_name: name.to_owned(), ..CreateFunctionUrlConfigInput::default() }
}

/// The function `f` with the URL `my-url`, to which everybody may come.
async fn open(change: impl FnOnce(&mut CreateFunctionUrlConfigInput)) -> World {
    let world = World::new().await;
    world.create("f").await;
    tag(&world, ID).await;
    let mut input = create("f");
    change(&mut input);
    world.lambda.create_function_url_config(&world.cx, input).await.unwrap();
    permit(&world, "*", Some("NONE")).await;
    world
}

async fn tag(world: &World, id: &str) {
    let tags = TagResourceInput {
        resource: "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned(),
        tags: [("_custom_id_".to_owned(), id.to_owned())].into(),
    };
    world.lambda.tag_resource(&world.cx, tags).await.unwrap();
}

/// Both permissions that AWS asks for.
async fn permit(world: &World, principal: &str, auth_type: Option<&str>) {
    for (action, auth, via_url) in
        [("lambda:InvokeFunctionUrl", auth_type, None), ("lambda:InvokeFunction", None, Some(true))]
    {
        let input = AddPermissionInput {
            function_name: "f".to_owned(),
            statement_id: format!("{}-{}", &action[7..], principal.replace('*', "all")),
            action: action.to_owned(),
            principal: principal.to_owned(),
            function_url_auth_type: auth.map(|auth| auth.parse().unwrap()),
            invoked_via_function_url: via_url,
            ..AddPermissionInput::default()
        };
        world.lambda.add_permission(&world.cx, input).await.unwrap();
    }
}

/// `line`: method and path with query; then headers, each `name: value`.
fn call(line: &str, headers: &[&str], body: &'static [u8]) -> UrlCall {
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut map = HeaderMap::new();
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    UrlCall {
        request: Request {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: map,
            body: Bytes::from_static(body),
        },
        host: "127.0.0.1:4566".to_owned(),
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        signature: Ok(None),
        protocol: "HTTP/1.1",
        secure: false,
    }
}

/// The same request, signed by this access key for a service.
fn signed(key: &str, service: &str, call: UrlCall) -> UrlCall {
    let signer = Signer {
        access_key: key.to_owned(),
        account: key.parse().unwrap(),
        region: Region::default(),
        service: service.to_owned(),
    };
    UrlCall { signature: Ok(Some(signer)), ..call }
}

async fn get(world: &World, line: &str) -> Response {
    world.lambda.serve_url(&outside(), call(line, &[], b"")).await
}

/// As the server makes it for a request that says nothing of its caller.
fn outside() -> Cx {
    Cx { principal: Principal::Anonymous, ..Cx::internal(Scope::default()) }
}

/// Status and body; a body that breaks off ends in `!`.
async fn show(response: Response) -> String {
    let mut body = String::from_utf8_lossy(&response.body).into_owned();
    if let Some(mut pieces) = response.stream.and_then(|stream| stream.take()) {
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(bytes) => body.push_str(&String::from_utf8_lossy(&bytes)),
                Err(wire::Cut) => body.push('!'),
            }
        }
    }
    format!("{} {body}", response.status)
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.get(name).and_then(|value| value.to_str().ok())
}

#[tokio::test]
async fn a_url_is_configured() {
    let world = World::new().await;
    world.create("f").await;
    let (lambda, cx) = (&world.lambda, &world.cx);
    let get = || GetFunctionUrlConfigInput { function_name: "f".to_owned(), qualifier: None };
    let nothing = "The resource you requested does not exist.";
    check_failure(lambda.get_function_url_config(cx, get()).await, "ResourceNotFoundException", 404, nothing);
    check_failure(
        lambda.create_function_url_config(cx, create("g")).await,
        "ResourceNotFoundException",
        404,
        "Function does not exist",
    );
    let alias = CreateFunctionUrlConfigInput { qualifier: Some("live".to_owned()), ..create("f") };
    check_failure(
        lambda.create_function_url_config(cx, alias).await,
        "ResourceNotFoundException",
        404,
        "Function does not exist",
    );
    let made = lambda.create_function_url_config(cx, create("f")).await.unwrap();
    expect![[r#"
        CreateFunctionUrlConfigOutput {
            function_url: "http://127.0.0.1:4566/_aws/lambda-url/uudx3bq3wgkypqtboa9hzyk4lixmnekm/",
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:f",
            auth_type: None,
            cors: None,
            creation_time: "2026-11-23T17:21:00.123Z",
            invoke_mode: Some(
                Buffered,
            ),
        }
    "#]]
    .assert_debug_eq(&made);
    check_failure(
        lambda.create_function_url_config(cx, create("f")).await,
        "ResourceConflictException",
        409,
        "Failed to create function url config for [functionArn = arn:aws:lambda:us-east-1:000000000000:function:f]. \
         Error message:  FunctionUrlConfig exists for this Lambda function",
    );
}

/// Changed, listed beside an alias's, the same after a restart, and gone with its alias or by itself.
#[tokio::test]
async fn a_url_changes_and_goes() {
    let world = World::new().await;
    world.create("f").await;
    let (lambda, cx) = (&world.lambda, &world.cx);
    let get = || GetFunctionUrlConfigInput { function_name: "f".to_owned(), qualifier: None };
    let nothing = "The resource you requested does not exist.";
    let alias = CreateFunctionUrlConfigInput { qualifier: Some("live".to_owned()), ..create("f") };
    let made = lambda.create_function_url_config(cx, create("f")).await.unwrap();
    let update = UpdateFunctionUrlConfigInput {
        function_name: "f".to_owned(),
        auth_type: Some(FunctionUrlAuthType::AwsIam),
        cors: Some(Cors { max_age: Some(5), ..Cors::default() }),
        ..UpdateFunctionUrlConfigInput::default()
    };
    let updated = lambda.update_function_url_config(cx, update).await.unwrap();
    assert_eq!(
        (updated.function_url, updated.invoke_mode),
        (made.function_url.clone(), Some(InvokeMode::Buffered))
    );
    let kept = lambda.get_function_url_config(cx, get()).await.unwrap();
    assert_eq!((kept.auth_type, kept.cors.unwrap().max_age), (FunctionUrlAuthType::AwsIam, Some(5)));

    let version = PublishVersionInput { function_name: "f".to_owned(), ..PublishVersionInput::default() };
    lambda.publish_version(cx, version).await.unwrap();
    let live = CreateAliasInput {
        function_name: "f".to_owned(),
        name: "live".to_owned(),
        function_version: "1".to_owned(),
        ..CreateAliasInput::default()
    };
    lambda.create_alias(cx, live).await.unwrap();
    let of_alias = lambda.create_function_url_config(cx, alias).await.unwrap();
    assert!(
        of_alias.function_arn.ends_with(":function:f:live") && of_alias.function_url != made.function_url
    );

    let list =
        |marker| ListFunctionUrlConfigsInput { function_name: "f".to_owned(), marker, max_items: Some(1) };
    let first = lambda.list_function_url_configs(cx, list(None)).await.unwrap();
    let second = lambda.list_function_url_configs(cx, list(first.next_marker)).await.unwrap();
    assert_eq!(first.function_url_configs[0].function_url, made.function_url);
    assert_eq!(second.function_url_configs[0].function_url, of_alias.function_url);
    assert_eq!(second.next_marker, None);

    // It is the same after a restart, and goes with its alias or its function.
    let again = world.reopened().await;
    let kept = again.lambda.get_function_url_config(&again.cx, get()).await.unwrap();
    assert_eq!(kept.function_url, made.function_url);
    let alias = DeleteAliasInput { function_name: "f".to_owned(), name: "live".to_owned() };
    lambda.delete_alias(cx, alias).await.unwrap();
    assert_eq!(lambda.list_function_url_configs(cx, list(None)).await.unwrap().next_marker, None);
    let delete = || DeleteFunctionUrlConfigInput { function_name: "f".to_owned(), qualifier: None };
    lambda.delete_function_url_config(cx, delete()).await.unwrap();
    check_failure(
        lambda.delete_function_url_config(cx, delete()).await,
        "ResourceNotFoundException",
        404,
        nothing,
    );
    check_failure(
        lambda
            .list_function_url_configs(
                cx,
                ListFunctionUrlConfigsInput { function_name: "g".to_owned(), ..list(None) },
            )
            .await,
        "ResourceNotFoundException",
        404,
        "Function does not exist",
    );
}

#[tokio::test]
async fn a_tag_fixes_the_id() {
    let world = World::new().await;
    for name in ["f", "g"] {
        world.create(name).await;
    }
    tag(&world, "not a host").await;
    let refused = world.lambda.create_function_url_config(&world.cx, create("f")).await.unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValueException");
    tag(&world, "Mine").await;
    let made = world.lambda.create_function_url_config(&world.cx, create("f")).await.unwrap();
    assert_eq!(made.function_url, "http://127.0.0.1:4566/_aws/lambda-url/mine/");
    let tags = TagResourceInput {
        resource: "arn:aws:lambda:us-east-1:000000000000:function:g".to_owned(),
        tags: [("_custom_id_".to_owned(), "mine".to_owned())].into(),
    };
    world.lambda.tag_resource(&world.cx, tags).await.unwrap();
    let taken = world.lambda.create_function_url_config(&world.cx, create("g")).await.unwrap_err();
    assert_eq!(taken.message, "The function URL id mine is already in use");
}

#[tokio::test]
async fn the_event() {
    let world = open(|_| {}).await;
    let mut cx = outside();
    cx.request_id = base::RequestId(7);
    cx.trace = base::Trace::new("Root=1-2-3");
    let mut by_host = call(
        "PUT /a%20b/c?x=1&x=2&y=%C3%A9&z",
        &[
            "host: h",
            "x-two: 1",
            "x-two: 2",
            "cookie: a=1; b=2",
            "content-type: application/json",
            "user-agent: me",
            "x-forwarded-for: 10.0.0.1",
        ],
        br#"{"k":"v"}"#,
    );
    by_host.host = "MY-URL.lambda-url.us-east-1.localhost:4566".to_owned();
    world.lambda.serve_url(&cx, by_host).await;
    expect![[r#"{"version":"2.0","routeKey":"$default","rawPath":"/a%20b/c","rawQueryString":"x=1&x=2&y=%C3%A9&z","cookies":["a=1","b=2"],"headers":{"x-two":"1,2","content-type":"application/json","user-agent":"me","host":"MY-URL.lambda-url.us-east-1.localhost:4566","x-forwarded-for":"10.0.0.1,127.0.0.1","x-forwarded-proto":"http","x-forwarded-port":"4566","x-amzn-trace-id":"Root=1-2-3"},"queryStringParameters":{"x":"1,2","y":"é","z":""},"requestContext":{"accountId":"anonymous","apiId":"my-url","domainName":"MY-URL.lambda-url.us-east-1.localhost:4566","domainPrefix":"my-url","http":{"method":"PUT","path":"/a%20b/c","protocol":"HTTP/1.1","sourceIp":"127.0.0.1","userAgent":"me"},"requestId":"00000000-0000-0000-0000-000000000007","routeKey":"$default","stage":"$default","time":"23/Nov/2026:17:21:00 +0000","timeEpoch":1795454460123},"body":"{\"k\":\"v\"}","isBase64Encoded":false}"#]]
        .assert_eq(&world.seen().await[0]);
    let mut by_tls = call("GET /_aws/lambda-url/my-url", &[], b"");
    (by_tls.host, by_tls.secure) = ("localhost".to_owned(), true);
    world.lambda.serve_url(&cx, by_tls).await;
    let event: serde_json::Value = serde_json::from_str(&world.seen().await[0]).unwrap();
    let forwarded = [&event["headers"]["x-forwarded-proto"], &event["headers"]["x-forwarded-port"]];
    assert_eq!(forwarded, ["https", "443"]);
    assert_eq!((event["rawPath"].as_str(), event.get("body"), event.get("cookies")), (Some("/"), None, None));
    assert_eq!(event.get("queryStringParameters"), None);
    for (kind, body, expected) in [
        ("text/plain", &b"hi"[..], ("hi", false)),
        ("application/vnd.x+json; charset=utf-8", "\u{e9}".as_bytes(), ("\u{e9}", false)),
        ("application/x-www-form-urlencoded", b"a=1", ("YT0x", true)),
        ("application/octet-stream", b"hi", ("aGk=", true)),
        ("text/plain", b"\xff", ("/w==", true)),
    ] {
        let posted = call("POST /_aws/lambda-url/my-url/p", &[&format!("content-type: {kind}")], body);
        world.lambda.serve_url(&cx, posted).await;
        let event: serde_json::Value = serde_json::from_str(&world.seen().await[0]).unwrap();
        assert_eq!(
            (event["body"].as_str().unwrap(), event["isBase64Encoded"].as_bool().unwrap()),
            expected,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn answers_and_failures() {
    let world = open(|_| {}).await;
    let url = "GET /_aws/lambda-url/my-url/";
    world.executor.answer(|_, _| {
        Answer::Json(
            r#"{"statusCode":201,"headers":{"x-a":"b"},"cookies":["c=1","d=2"],"body":"hi"}"#.to_owned(),
        )
    });
    let response = get(&world, url).await;
    let cookies: Vec<_> = response.headers.get_all("set-cookie").iter().collect();
    assert_eq!((header(&response, "x-a"), cookies.len()), (Some("b"), 2));
    assert_eq!(header(&response, "x-amzn-requestid").map(str::len), Some(36));
    assert_eq!(show(response).await, "201 hi");
    world.executor.answer(|_, _| broken());
    assert_eq!(show(get(&world, url).await).await, "502 Internal Server Error");
    world.executor.answer(|_, _| Answer::Json(r#"{"statusCode":"?"}"#.to_owned()));
    assert_eq!(show(get(&world, url).await).await, "502 Internal Server Error");
    let nowhere = get(&world, "GET /_aws/lambda-url/else/").await;
    assert_eq!(header(&nowhere, "x-amzn-errortype"), Some("AccessDeniedException"));
    assert_eq!(show(nowhere).await, r#"403 {"Message":null}"#);
    let mut large = call("POST /_aws/lambda-url/my-url/", &["content-type: text/plain"], b"");
    large.request.body = vec![b'x'; 6_291_500].into();
    let response = world.lambda.serve_url(&outside(), large).await;
    assert_eq!(
        show(response).await,
        r#"413 {"Message":"Request must be smaller than 6291556 bytes for the InvokeFunction operation"}"#
    );
    let none =
        PutFunctionConcurrencyInput { function_name: "f".to_owned(), reserved_concurrent_executions: 0 };
    world.lambda.put_function_concurrency(&world.cx, none).await.unwrap();
    assert_eq!(
        show(get(&world, url).await).await,
        r#"429 {"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#
    );
    let function = DeleteFunctionInput { function_name: "f".to_owned(), qualifier: None };
    world.lambda.delete_function(&world.cx, function).await.unwrap();
    assert_eq!(show(get(&world, url).await).await, r#"403 {"Message":null}"#);
}

#[tokio::test]
async fn who_may() {
    let world = World::new().await;
    world.create("f").await;
    tag(&world, ID).await;
    world.lambda.create_function_url_config(&world.cx, create("f")).await.unwrap();
    let url = "GET /_aws/lambda-url/my-url/";
    assert_eq!(show(get(&world, url).await).await, FORBIDDEN);
    // One of the two permissions is not enough.
    let half = AddPermissionInput {
        function_name: "f".to_owned(),
        statement_id: "half".to_owned(),
        action: "lambda:InvokeFunctionUrl".to_owned(),
        principal: "*".to_owned(),
        function_url_auth_type: Some(FunctionUrlAuthType::None),
        ..AddPermissionInput::default()
    };
    world.lambda.add_permission(&world.cx, half).await.unwrap();
    assert_eq!(show(get(&world, url).await).await, FORBIDDEN);
    permit(&world, "*", Some("NONE")).await;
    assert_eq!(show(get(&world, url).await).await, "200 null");

    let by_signature = UpdateFunctionUrlConfigInput {
        function_name: "f".to_owned(),
        auth_type: Some(FunctionUrlAuthType::AwsIam),
        ..UpdateFunctionUrlConfigInput::default()
    };
    world.lambda.update_function_url_config(&world.cx, by_signature).await.unwrap();
    world.seen().await;
    permit(&world, "222222222222", Some("AWS_IAM")).await;
    for (key, expected) in [
        (None, FORBIDDEN),
        (Some("000000000000"), "200 null"),
        (Some("111111111111"), FORBIDDEN),
        (Some("222222222222"), "200 null"),
    ] {
        let unsigned = call(url, &[], b"");
        let request = match key {
            Some(key) => signed(key, "lambda", unsigned),
            None => unsigned,
        };
        let response = world.lambda.serve_url(&outside(), request).await;
        assert_eq!(show(response).await, expected, "{key:?}");
    }
    let elsewhere = signed("000000000000", "execute-api", call(url, &[], b""));
    let forged = UrlCall { signature: Err(SignatureError::Unrecognized), ..call(url, &[], b"") };
    for (request, expected) in [
        (
            elsewhere,
            r#"403 {"message":"Credential should be scoped to correct service: 'lambda', got 'execute-api'"}"#,
        ),
        (forged, r#"403 {"message":"The security token included in the request is invalid."}"#),
    ] {
        assert_eq!(show(world.lambda.serve_url(&outside(), request).await).await, expected);
    }
    let event: serde_json::Value = serde_json::from_str(&world.seen().await[1]).unwrap();
    assert_eq!(event["requestContext"]["accountId"], "222222222222");
    assert_eq!(
        event["requestContext"]["authorizer"]["iam"].to_string(),
        r#"{"accessKey":"222222222222","accountId":"222222222222","callerId":"222222222222","cognitoIdentity":null,"principalOrgId":null,"userArn":"arn:aws:iam::222222222222:root","userId":"222222222222"}"#
    );
}

#[tokio::test]
async fn no_policy_is_asked_where_none_is_enforced() {
    let world = World::with(|config| config.enforce_policies = false).await;
    world.create("f").await;
    tag(&world, ID).await;
    world.lambda.create_function_url_config(&world.cx, create("f")).await.unwrap();
    assert_eq!(show(get(&world, "GET /_aws/lambda-url/my-url/").await).await, "200 null");
}

#[tokio::test]
async fn web_pages_are_let_in_by_the_urls_own_rules() {
    let rules = Cors {
        allow_origins: Some(vec!["https://a.example".to_owned()]),
        allow_methods: Some(vec!["PUT".to_owned()]),
        max_age: Some(9),
        ..Cors::default()
    };
    let world = open(|input| input.cors = Some(rules)).await;
    world.executor.answer(|_, _| {
        Answer::Json(
            r#"{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"*"},"body":""}"#.to_owned(),
        )
    });
    let ask = |line: &str, headers: &[&str]| {
        let asked = call(line, headers, b"");
        let (lambda, cx) = (world.lambda.clone(), outside());
        async move { lambda.serve_url(&cx, asked).await }
    };
    let url = "_aws/lambda-url/my-url/";
    let preflight =
        ask(&format!("OPTIONS /{url}"), &["origin: https://a.example", "access-control-request-method: PUT"])
            .await;
    assert_eq!((preflight.status, header(&preflight, "access-control-allow-methods")), (200, Some("PUT")));
    assert_eq!(header(&preflight, "access-control-max-age"), Some("9"));
    assert!(world.seen().await.is_empty(), "the function sees no preflight");
    let allowed = ask(&format!("PUT /{url}"), &["origin: https://a.example"]).await;
    assert_eq!(header(&allowed, "access-control-allow-origin"), Some("https://a.example"));
    let foreign = ask(&format!("PUT /{url}"), &["origin: https://b.example"]).await;
    assert_eq!(header(&foreign, "access-control-allow-origin"), None);
    // Without rules of its own the URL leaves everything to the function.
    let reset = UpdateFunctionUrlConfigInput {
        function_name: "f".to_owned(),
        cors: Some(Cors::default()),
        ..UpdateFunctionUrlConfigInput::default()
    };
    world.lambda.update_function_url_config(&world.cx, reset).await.unwrap();
    world.seen().await;
    let own =
        ask(&format!("OPTIONS /{url}"), &["origin: https://b.example", "access-control-request-method: PUT"])
            .await;
    assert_eq!((header(&own, "access-control-allow-origin"), world.seen().await.len()), (Some("*"), 1));
}

const PRELUDE: &str = "application/vnd.awslambda.http-integration-response";

#[tokio::test]
async fn streams_pass_through() {
    let world = open(|input| input.invoke_mode = Some(InvokeMode::ResponseStream)).await;
    let url = "GET /_aws/lambda-url/my-url/";
    let to = streams(&world, None);
    for piece in
        [head(PRELUDE), data("{\"statusCode\":201,\"cookies\":[\"a=1\"]}\0\0\0"), data("\0\0\0\0\0first")]
    {
        to.send(piece).await.unwrap();
    }
    let mut response = get(&world, url).await;
    assert_eq!((response.status, header(&response, "set-cookie")), (201, Some("a=1")));
    let mut pieces = response.stream.take().unwrap().take().unwrap();
    assert_eq!(pieces.next().await.unwrap().unwrap(), "first");
    to.send(data("second")).await.unwrap();
    assert_eq!(pieces.next().await.unwrap().unwrap(), "second");
    drop(to);
    assert!(pieces.next().await.is_none());

    for (pieces, fault, expected) in [
        (vec![head("text/plain"), data("a"), data("b")], None, "200 ab"),
        (vec![head("text/plain"), data("a")], Some("{}"), "200 a!"),
        (vec![head(PRELUDE), data("{}\0\0\0\0\0\0\0\0a")], Some("{}"), "200 a!"),
        (vec![head(PRELUDE), data("{}")], None, "502 Internal Server Error"),
        (vec![head(PRELUDE), data("?\0\0\0\0\0\0\0\0")], None, "502 Internal Server Error"),
        (vec![], Some("{}"), "502 Internal Server Error"),
    ] {
        let to = streams(&world, fault);
        for piece in pieces {
            to.send(piece).await.unwrap();
        }
        drop(to);
        assert_eq!(show(get(&world, url).await).await, expected);
    }
    // AWS was recorded to look into no result of a plain handler.
    world.executor.answer(|_, _| Answer::Json(r#"{"statusCode":201,"body":"x"}"#.to_owned()));
    assert_eq!(show(get(&world, url).await).await, r#"200 {"statusCode":201,"body":"x"}"#);
}

#[tokio::test]
async fn a_stream_behind_a_url_of_whole_answers_is_collected() {
    let world = open(|_| {}).await;
    let url = "GET /_aws/lambda-url/my-url/";
    for (pieces, expected) in [
        (vec![head(PRELUDE), data("{\"statusCode\":202}\0\0\0\0\0\0\0\0a"), data("b")], "202 ab"),
        (vec![head("x"), data("{\"statusCode\":203,"), data("\"body\":\"c\"}")], "203 c"),
        (vec![head("text/html"), data("<p>")], "502 Internal Server Error"),
    ] {
        let to = streams(&world, None);
        for piece in pieces {
            to.send(piece).await.unwrap();
        }
        drop(to);
        let response = get(&world, url).await;
        assert!(response.stream.is_none());
        assert_eq!(show(response).await, expected);
    }
}
