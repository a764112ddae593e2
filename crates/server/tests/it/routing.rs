//! The routing table, line by line.

use http::Method;
use server::{Head, find};

/// `line`: method, host, path[?query], and optionally `target=`, `signed=` or `form`; then ` -> ` and the route.
fn check(line: &str) {
    let (request, expected) = line.split_once(" -> ").expect("an arrow");
    let mut words = request.split_whitespace();
    let method: Method = words.next().and_then(|word| word.parse().ok()).expect("a method");
    let host = words.next().expect("a host");
    let (path, query) = words.next().map(|word| word.split_once('?').unwrap_or((word, ""))).expect("a path");
    let mut head = Head { method: &method, host, path, query, target: None, signing_name: None, form: false };
    for word in words {
        match word.split_once('=') {
            Some(("target", target)) => head.target = Some(target),
            Some(("signed", name)) => head.signing_name = Some(name),
            _ => head.form = true,
        }
    }
    assert_eq!(format!("{:?}", find(&head)), expected, "{request}");
}

#[test]
fn routes() {
    for line in TABLE.lines().map(str::trim).filter(|line| !line.is_empty()) {
        check(line);
    }
}

const TABLE: &str = r#"
    GET  h:1 /_rushlight/health -> Own(Health)
    GET  h:1 /_rushlight/metrics -> Own(Metrics)
    GET  h:1 /_rushlight/else -> Own(Other)
    GET  h:1 /_console -> Own(Console)
    GET  h:1 /_console/assets/a.js -> Own(Console)
    GET  h:1 /_consoles -> Unknown
    PUT  h:1 /_rushlight/test-events/f/e -> Own(Records)
    GET  h:1 /_rushlight/rest-apis/a1/stages -> Own(Records)
    GET  h:1 /_localstack/health -> Own(CompatibleHealth)

    POST h / target=DynamoDB_20120810.PutItem -> Service(DynamoDb)
    POST h / target=DynamoDBStreams_20120810.ListStreams signed=dynamodb -> Service(DynamoDbStreams)
    POST h / target=Logs_20140328.DescribeLogGroups -> Service(Logs)
    POST h / target=AWSSecurityTokenServiceV20110615.GetCallerIdentity -> Service(Sts)
    POST h / target=AmazonSQS.SendMessage signed=sqs -> Unserved("AmazonSQS")
    POST h / signed=dynamodb -> Service(DynamoDb)
    POST h / signed=sts form -> Service(Sts)
    POST h / signed=cloudformation form -> Unserved("cloudformation")
    PUT  h /bucket/key signed=s3 -> Unserved("s3")

    POST h / form -> Form
    GET  h /?Action=GetCallerIdentity&Version=2011-06-15 -> Service(Sts)
    GET  h /?Action=CreateStack&Version=2010-05-15 -> Unserved("CreateStack")
    POST h / -> Unknown
    GET  h / -> Unknown
    GET  h /favicon.ico -> Unknown

    GET  h /2015-03-31/functions -> Service(Lambda)
    GET  h /2018-10-31/layers signed=lambda -> Service(Lambda)
    GET  h /2020-05-31/distribution signed=cloudfront -> Unserved("cloudfront")
    GET  h /2015-03-3x/functions -> Unknown
    GET  h /restapis -> Service(ApiGateway)
    GET  h /restapis/a1/resources signed=apigateway -> Service(ApiGateway)
    GET  h /restapis/a1/stages/dev -> Service(ApiGateway)
    GET  h /v2/apis signed=apigateway -> Service(ApiGatewayV2)
    GET  h /v2/apis -> Service(ApiGatewayV2)

    GET  h /restapis/a1/dev/_user_request_ -> Stage
    GET  h /restapis/a1/dev/_user_request_/ -> Stage
    POST h /restapis/a1/dev/_user_request_/m/%2F/n?x=1 signed=execute-api -> Stage
    POST h /restapis/a1/dev/_user_request_x -> Service(ApiGateway)
    GET  h /_aws/execute-api/a1/dev/p//q -> Stage
    GET  h /_aws/execute-api/a1/dev -> Stage
    GET  h /_aws/execute-api/ -> Unknown
    GET  a1.execute-api.localhost:4566 /dev/p -> Stage
    GET  A1.Execute-API.LocalHost:4566 /dev/p -> Stage
    GET  a1.execute-api.eu-west-1.amazonaws.com /_rushlight/health -> Stage
    GET  a1.execute-api:80 /dev target=DynamoDB_20120810.PutItem -> Stage
    GET  a1.execute-apix.local /dev -> Unknown
    GET  h /else signed=execute-api -> Unknown

    GET  h /_aws/lambda-url/abc -> FunctionUrl
    POST h /_aws/lambda-url/abc/p//q?x=1 signed=lambda -> FunctionUrl
    GET  h /_aws/lambda-url/ -> Unknown
    GET  abc.lambda-url.us-east-1.localhost:4566 /2015-03-31/functions -> FunctionUrl
    GET  ABC.Lambda-URL.eu-west-1.on.aws /_rushlight/health -> FunctionUrl
    GET  abc.lambda-urls.local / -> Unknown
"#;
