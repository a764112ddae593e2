//! What becomes of asynchronous events: configurations, destinations, dead letters, loops, a crowded queue.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::lambda::*;
use base::Trace;
use bytes::Bytes;
use ports::{Invoke, InvokeCall, InvokeKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fixture::{Answer, World, broken, check_failure, function, null, settle};

const F: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

async fn send(world: &World, name: &str, payload: &str, trace: Trace) {
    let call = InvokeCall { kind: InvokeKind::Event, trace, ..world.call(name, payload) };
    Invoke::invoke(&*world.lambda, call).await.unwrap();
}

fn put(qualifier: Option<&str>) -> PutFunctionEventInvokeConfigInput {
    PutFunctionEventInvokeConfigInput {
        function_name: "f".to_owned(),
        qualifier: qualifier.map(str::to_owned),
        ..PutFunctionEventInvokeConfigInput::default()
    }
}

fn to(on_success: Option<&str>, on_failure: Option<&str>) -> Option<DestinationConfig> {
    let text = |arn: Option<&str>| arn.map(str::to_owned);
    Some(DestinationConfig {
        on_success: Some(OnSuccess { destination: text(on_success) }),
        on_failure: Some(OnFailure { destination: text(on_failure) }),
    })
}

/// An endpoint that keeps what it is sent and answers as a bus does.
async fn endpoint() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let kept: Arc<Mutex<Vec<String>>> = kept.clone();
            tokio::spawn(async move {
                let mut text = String::new();
                let mut buffer = vec![0; 65536];
                while let Ok(read @ 1..) = socket.read(&mut buffer).await {
                    text.push_str(&String::from_utf8_lossy(&buffer[..read]));
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    if body.len() < length.unwrap().parse().unwrap() {
                        continue;
                    }
                    kept.lock().unwrap().push(std::mem::take(&mut text));
                    let answer = r#"{"FailedEntryCount":0}"#;
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
                    socket.write_all((head + answer).as_bytes()).await.unwrap();
                }
            });
        }
    });
    (url, seen)
}

/// The requests of the endpoint, when there are `count`.
async fn requests(seen: &Mutex<Vec<String>>, count: usize) -> Vec<String> {
    for _ in 0..100_000 {
        tokio::task::yield_now().await;
        if seen.lock().unwrap().len() >= count {
            break;
        }
        std::thread::yield_now();
    }
    std::mem::take(&mut *seen.lock().unwrap())
}

#[tokio::test]
async fn a_configuration_is_kept_by_qualifier() {
    let world = World::new().await;
    world.create("f").await;
    let lambda = &world.lambda;
    let empty = lambda.put_function_event_invoke_config(&world.cx, put(None)).await;
    let message = "You must specify at least one of error handling or destination setting.";
    check_failure(empty, "InvalidParameterValueException", 400, message);
    let input = PutFunctionEventInvokeConfigInput { maximum_retry_attempts: Some(1), ..put(Some("gone")) };
    let gone = lambda.put_function_event_invoke_config(&world.cx, input).await;
    check_failure(gone, "ResourceNotFoundException", 404, "The function doesn't exist.");
    let itself = PutFunctionEventInvokeConfigInput { destination_config: to(None, Some(F)), ..put(None) };
    let itself = lambda.put_function_event_invoke_config(&world.cx, itself).await;
    let message = "You can't specify the function as a destination for itself.";
    check_failure(itself, "InvalidParameterValueException", 400, message);
    let bucket = Some("arn:aws:s3:::b");
    let wrong = PutFunctionEventInvokeConfigInput { destination_config: to(bucket, None), ..put(None) };
    let wrong = lambda.put_function_event_invoke_config(&world.cx, wrong).await;
    let message = "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:s3:::b), \
                   onFailure=null) is invalid.";
    check_failure(wrong, "InvalidParameterValueException", 400, message);

    let input = PutFunctionEventInvokeConfigInput { maximum_retry_attempts: Some(0), ..put(None) };
    let set = lambda.put_function_event_invoke_config(&world.cx, input).await.unwrap();
    assert_eq!(set.function_arn, Some(format!("{F}:$LATEST")));
    let update = UpdateFunctionEventInvokeConfigInput {
        function_name: "f".to_owned(),
        maximum_event_age_in_seconds: Some(60),
        ..UpdateFunctionEventInvokeConfigInput::default()
    };
    let updated = lambda.update_function_event_invoke_config(&world.cx, update).await.unwrap();
    let world = world.reopened().await;
    let get = || GetFunctionEventInvokeConfigInput { function_name: "f".to_owned(), qualifier: None };
    let kept = world.lambda.get_function_event_invoke_config(&world.cx, get()).await.unwrap();
    assert_eq!(kept, updated);
    assert_eq!((kept.maximum_retry_attempts, kept.maximum_event_age_in_seconds), (Some(0), Some(60)));
    let list =
        ListFunctionEventInvokeConfigsInput { function_name: "f".to_owned(), marker: None, max_items: None };
    let list = world.lambda.list_function_event_invoke_configs(&world.cx, list).await.unwrap();
    assert_eq!(list.function_event_invoke_configs, Some(vec![kept]));
    let delete = || DeleteFunctionEventInvokeConfigInput { function_name: "f".to_owned(), qualifier: None };
    world.lambda.delete_function_event_invoke_config(&world.cx, delete()).await.unwrap();
    let again = world.lambda.delete_function_event_invoke_config(&world.cx, delete()).await;
    let message = format!("The function {F} doesn't have an EventInvokeConfig");
    check_failure(again, "ResourceNotFoundException", 404, &message);
    let message = format!("The function {F}:$LATEST doesn't have an EventInvokeConfig");
    let none = world.lambda.get_function_event_invoke_config(&world.cx, get()).await;
    check_failure(none, "ResourceNotFoundException", 404, &message);
}

#[tokio::test]
async fn a_success_and_a_failure_are_told_to_their_destinations() {
    let (url, seen) = endpoint().await;
    let world = World::with(|config| config.destination_endpoint = Some(url)).await;
    let dead = DeadLetterConfig { target_arn: Some("arn:aws:sqs:us-east-1:000000000000:dead".to_owned()) };
    let created = CreateFunctionInput { dead_letter_config: Some(dead), ..function("f") };
    world.lambda.create_function(&world.cx, created).await.unwrap();
    world.create("g").await;
    let topic = "arn:aws:sns:us-east-1:000000000000:t";
    let input = PutFunctionEventInvokeConfigInput {
        destination_config: to(Some(&F.replace(":f", ":g").replace(":gunction", ":function")), Some(topic)),
        maximum_retry_attempts: Some(1),
        ..put(None)
    };
    world.lambda.put_function_event_invoke_config(&world.cx, input).await.unwrap();
    world.executor.answer(|_, invocation| match &invocation.payload[..] {
        b"1" => Answer::Json(r#"{"a":1}"#.to_owned()),
        b"2" => broken(),
        _ => null(),
    });
    send(&world, "f", "1", Trace::new("Root=1")).await;
    let told = world.seen().await;
    assert_eq!(told.len(), 2, "{told:?}");
    let record: serde_json::Value = serde_json::from_str(&told[1]).unwrap();
    let request_id = record["requestContext"]["requestId"].as_str().unwrap();
    let expected = serde_json::json!({
        "version": "1.0",
        "timestamp": record["timestamp"],
        "requestContext": {
            "requestId": request_id, "functionArn": format!("{F}:$LATEST"), "condition": "Success",
            "approximateInvokeCount": 1
        },
        "requestPayload": 1,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"a": 1}
    });
    assert_eq!(record, expected);

    send(&world, "f", "2", Trace::new("Root=1")).await;
    assert_eq!(world.seen().await, ["2"]);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.seen().await, ["2"]);
    let sent = requests(&seen, 2).await;
    assert_eq!(sent.len(), 2, "{sent:?}");
    let body = sent[0].split_once("\r\n\r\n").unwrap().1;
    let form: std::collections::HashMap<_, _> =
        form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!((&*form["Action"], &*form["TopicArn"]), ("Publish", topic));
    let record: serde_json::Value = serde_json::from_str(&form["Message"]).unwrap();
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 2);
    assert_eq!(record["responseContext"]["functionError"], "Unhandled");
    assert_eq!(record["responsePayload"]["errorMessage"], "no");
    assert!(sent[1].contains("x-amz-target: AmazonSQS.SendMessage"), "{}", sent[1]);
    assert!(sent[1].contains("/us-east-1/sqs/aws4_request"), "{}", sent[1]);
    let body: serde_json::Value = serde_json::from_str(sent[1].split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["MessageBody"], "2");
    let attribute = |name: &str| body["MessageAttributes"][name].clone();
    assert_eq!(attribute("ErrorCode"), serde_json::json!({"DataType": "Number", "StringValue": "200"}));
    assert_eq!(attribute("ErrorMessage"), serde_json::json!({"DataType": "String", "StringValue": "no"}));
}

#[tokio::test]
async fn an_event_grows_too_old() {
    let (url, seen) = endpoint().await;
    let world = World::with(|config| config.destination_endpoint = Some(url)).await;
    world.create("f").await;
    let bus = "arn:aws:events:us-east-1:000000000000:event-bus/default";
    let input = PutFunctionEventInvokeConfigInput {
        destination_config: to(None, Some(bus)),
        maximum_event_age_in_seconds: Some(60),
        ..put(None)
    };
    world.lambda.put_function_event_invoke_config(&world.cx, input).await.unwrap();
    let none =
        PutFunctionConcurrencyInput { function_name: "f".to_owned(), reserved_concurrent_executions: 0 };
    world.lambda.put_function_concurrency(&world.cx, none).await.unwrap();
    send(&world, "f", "1", Trace::new("Root=1")).await;
    for _ in 0..7 {
        settle().await;
        world.clock.advance(Duration::from_secs(10));
    }
    let sent = requests(&seen, 1).await;
    let body: serde_json::Value = serde_json::from_str(sent[0].split_once("\r\n\r\n").unwrap().1).unwrap();
    let entry = &body["Entries"][0];
    assert_eq!(entry["Source"], "lambda");
    assert_eq!(entry["DetailType"], "Lambda Function Invocation Result - Failure");
    assert_eq!(entry["Resources"], serde_json::json!([format!("{F}:$LATEST"), bus]));
    let detail: serde_json::Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail["requestContext"]["condition"], "EventAgeExceeded");
    assert_eq!(detail["requestContext"]["approximateInvokeCount"], 0);
    assert!(world.seen().await.is_empty());
}

#[tokio::test]
async fn a_loop_is_cut_unless_it_is_allowed() {
    let world = World::new().await;
    world.create("f").await;
    let trace = Arc::new(Mutex::new(String::from("Root=1-a-b")));
    let kept = trace.clone();
    world.executor.answer(move |_, invocation| {
        *kept.lock().unwrap() = invocation.trace.clone();
        null()
    });
    let get = GetFunctionRecursionConfigInput { function_name: "f".to_owned() };
    let answer = world.lambda.get_function_recursion_config(&world.cx, get).await.unwrap();
    assert_eq!(answer.recursive_loop, Some(RecursiveLoop::Terminate));
    // As a function does that invokes itself, its SDK passing the trace on.
    let mut rounds = 0;
    for _ in 0..20 {
        let next = trace.lock().unwrap().clone();
        send(&world, "f", "1", Trace::new(next)).await;
        rounds += world.seen().await.len();
    }
    assert_eq!(rounds, 16);
    let next = Trace::new(trace.lock().unwrap().clone());
    let cx = base::Cx { trace: next.clone(), ..world.cx.clone() };
    let input = InvokeInput { function_name: "f".to_owned(), ..InvokeInput::default() };
    let sync = Lambda::invoke(&*world.lambda, &cx, input).await;
    let message = "Lambda has detected your function being invoked in a recursive loop with other AWS resources and \
                   stopped your function's invocation.";
    check_failure(sync, "RecursiveInvocationException", 400, message);
    let allow = PutFunctionRecursionConfigInput {
        function_name: "f".to_owned(),
        recursive_loop: RecursiveLoop::Allow,
    };
    world.lambda.put_function_recursion_config(&world.cx, allow).await.unwrap();
    let world = world.reopened().await;
    send(&world, "f", "1", next).await;
    assert_eq!(world.seen().await.len(), 1);
}

#[tokio::test]
async fn the_old_operation_accepts_an_event() {
    let world = World::new().await;
    world.create("f").await;
    let input = InvokeAsyncInput { function_name: "f".to_owned(), invoke_args: Bytes::from_static(b"[1]") };
    let output = world.lambda.invoke_async(&world.cx, input).await.unwrap();
    assert_eq!((output.status, world.seen().await), (Some(202), vec!["[1]".to_owned()]));
}

#[tokio::test]
async fn many_events_wait_in_the_store_and_all_run() {
    const EVENTS: usize = 3000;
    let world = World::new().await;
    world.create("f").await;
    let reserved = |count| PutFunctionConcurrencyInput {
        function_name: "f".to_owned(),
        reserved_concurrent_executions: count,
    };
    // Nothing can run: all are throttled and wait.
    world.lambda.put_function_concurrency(&world.cx, reserved(0)).await.unwrap();
    for event in 0..EVENTS {
        send(&world, "f", &event.to_string(), Trace::new("Root=1")).await;
    }
    settle().await;
    world.lambda.stop(Duration::from_secs(5)).await;
    let world = world.reopened().await;
    world.lambda.put_function_concurrency(&world.cx, reserved(500)).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..400 {
        world.clock.advance(Duration::from_secs(2));
        seen.extend(world.seen().await);
        if seen.len() >= EVENTS {
            break;
        }
    }
    seen.sort_by_key(|event| event.parse::<usize>().unwrap());
    let expected: Vec<String> = (0..EVENTS).map(|event| event.to_string()).collect();
    assert_eq!(seen, expected);
}
