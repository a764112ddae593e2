//! InvokeWithResponseStream and the port's streams: what comes when, how it ends, who outlives whom.

use api::lambda::{
    InvocationType, InvokeInput, InvokeWithResponseStreamInput, InvokeWithResponseStreamOutput,
    InvokeWithResponseStreamResponseEvent as Event, Lambda as _, LogType, ResponseStreamingInvocationType,
};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use http::Method;
use ports::{Invoke, InvokeAnswer, InvokePiece};
use sandbox::StreamPiece;
use tokio::sync::mpsc;

use crate::fixture::{Answer, World, broken, check_failure, settle};

pub(crate) fn head(content_type: &str) -> StreamPiece {
    StreamPiece::Head { content_type: content_type.to_owned() }
}

pub(crate) fn data(text: &'static str) -> StreamPiece {
    StreamPiece::Data(Bytes::from_static(text.as_bytes()))
}

/// The function's next answer is what the sender says.
pub(crate) fn streams(world: &World, fault: Option<&str>) -> mpsc::Sender<StreamPiece> {
    let (to, from) = mpsc::channel(4);
    let (mut from, fault) = (Some(from), fault.map(str::to_owned));
    world.executor.answer(move |_, _| Answer::Streamed(from.take().unwrap(), fault.clone()));
    to
}

async fn invoke(world: &World, tail: bool) -> InvokeWithResponseStreamOutput {
    let input = InvokeWithResponseStreamInput {
        function_name: "f".to_owned(),
        payload: Some(Bytes::from_static(b"{\"a\":1}")),
        log_type: tail.then_some(LogType::Tail),
        ..InvokeWithResponseStreamInput::default()
    };
    world.lambda.invoke_with_response_stream(&world.cx, input).await.unwrap()
}

fn show(event: &Event) -> String {
    match event {
        Event::PayloadChunk(chunk) => String::from_utf8_lossy(chunk.payload.as_deref().unwrap()).into_owned(),
        Event::InvokeComplete(end) => {
            let log = end.log_result.as_ref().map_or("", |_| " with its log");
            format!("end {:?} {:?}{log}", end.error_code, end.error_details)
        }
    }
}

#[tokio::test]
async fn pieces_come_before_the_function_ends() {
    let world = World::new().await;
    world.create("f").await;
    let to = streams(&world, None);
    to.send(head("text/plain")).await.unwrap();
    let output = invoke(&world, true).await;
    assert_eq!((output.status_code, output.executed_version.as_deref()), (Some(200), Some("$LATEST")));
    let mut events = output.event_stream.unwrap().take().unwrap();
    for piece in ["one", "two"] {
        assert!(events.next().now_or_never().is_none());
        to.send(data(piece)).await.unwrap();
        assert_eq!(show(&events.next().await.unwrap()), piece);
    }
    assert!(events.next().now_or_never().is_none());
    drop(to);
    assert_eq!(show(&events.next().await.unwrap()), "end None None with its log");
    assert!(events.next().await.is_none());
    assert_eq!(world.seen().await, [r#"{"a":1}"#]);
}

#[tokio::test]
async fn ends() {
    let world = World::new().await;
    world.create("f").await;
    let fault = r#"{"errorType":"Error","errorMessage":"no"}"#;
    let told = format!("end Some(\"Unhandled\") Some({fault:?})");
    for (pieces, fails, expected) in [
        (vec![head("x"), data("a")], true, vec!["a".to_owned(), told.clone()]),
        (vec![head("x")], false, vec!["end None None".to_owned()]),
        (vec![], true, vec![told.clone()]),
    ] {
        let to = streams(&world, fails.then_some(fault));
        for piece in pieces {
            to.send(piece).await.unwrap();
        }
        drop(to);
        let events = invoke(&world, false).await.event_stream.unwrap().take().unwrap();
        assert_eq!(events.map(|event| show(&event)).collect::<Vec<_>>().await, expected);
    }
    // Functions that answer whole.
    world
        .executor
        .answer(|_, invocation| Answer::Json(String::from_utf8_lossy(&invocation.payload).into_owned()));
    let events = invoke(&world, false).await.event_stream.unwrap().take().unwrap();
    assert_eq!(events.map(|event| show(&event)).collect::<Vec<_>>().await, [r#"{"a":1}"#, "end None None"]);
    world.executor.answer(|_, _| broken());
    let events = invoke(&world, false).await.event_stream.unwrap().take().unwrap();
    assert_eq!(events.map(|event| show(&event)).collect::<Vec<_>>().await, [told]);
}

#[tokio::test]
async fn the_answer_is_an_event_stream_and_errors_before_it_are_not() {
    let world = World::new().await;
    world.create("f").await;
    let request = |name: &str, kind: &'static str| {
        let mut request = wire::Request {
            method: Method::POST,
            path: format!("/2021-11-15/functions/{name}/response-streaming-invocations"),
            query: String::new(),
            headers: http::HeaderMap::new(),
            body: Bytes::from_static(b"{}"),
        };
        request.headers.insert("x-amz-invocation-type", http::HeaderValue::from_static(kind));
        request
    };
    let response = world.lambda.answer(&world.cx, request("f", "RequestResponse")).await;
    assert_eq!(
        (response.status, &response.headers["content-type"]),
        (200, &"application/vnd.amazon.eventstream".parse().unwrap())
    );
    let pieces: Vec<_> = response.stream.unwrap().take().unwrap().collect().await;
    assert_eq!(pieces.len(), 2);
    assert!(String::from_utf8_lossy(pieces[0].as_ref().unwrap()).contains("PayloadChunk"));

    let missing = world.lambda.answer(&world.cx, request("g", "RequestResponse")).await;
    assert_eq!((missing.status, missing.stream.is_none()), (404, true));
    assert!(String::from_utf8_lossy(&missing.body).contains("Function not found"));
    let dry = world.lambda.answer(&world.cx, request("f", "DryRun")).await;
    assert_eq!((dry.status, dry.stream.is_none(), dry.body.len()), (204, true, 0));
    assert_eq!(world.executor.launched(), 1);
}

#[tokio::test]
async fn what_is_refused() {
    let world = World::with(|config| config.limits.concurrency_max = 0).await;
    world.create("f").await;
    let call = |payload: &'static [u8], context: Option<&str>| InvokeWithResponseStreamInput {
        function_name: "f".to_owned(),
        payload: Some(Bytes::from_static(payload)),
        client_context: context.map(str::to_owned),
        invocation_type: Some(ResponseStreamingInvocationType::RequestResponse),
        ..InvokeWithResponseStreamInput::default()
    };
    let lambda = &world.lambda;
    let busy = lambda.invoke_with_response_stream(&world.cx, call(b"{}", None)).await;
    check_failure(busy, "TooManyRequestsException", 429, "Rate Exceeded.");
    let failure = lambda.invoke_with_response_stream(&world.cx, call(b"'", None)).await.unwrap_err();
    assert_eq!(failure.code, "InvalidRequestContentException");
    let context = lambda.invoke_with_response_stream(&world.cx, call(b"{}", Some("!"))).await;
    check_failure(
        context,
        "InvalidRequestContentException",
        400,
        "Client context must be a valid Base64-encoded JSON object.",
    );
}

#[tokio::test]
async fn a_plain_invocation_collects_a_stream() {
    let world = World::new().await;
    world.create("f").await;
    let to = streams(&world, None);
    for piece in [head("text/html"), data("<p>"), data("hi")] {
        to.send(piece).await.unwrap();
    }
    drop(to);
    let input = InvokeInput {
        function_name: "f".to_owned(),
        invocation_type: Some(InvocationType::RequestResponse),
        ..InvokeInput::default()
    };
    let output = api::lambda::Lambda::invoke(&*world.lambda, &world.cx, input).await.unwrap();
    assert_eq!(output.payload.unwrap(), "<p>hi");
}

/// Its environment serves the next invocation: nothing was ended, nothing is left.
#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_the_function() {
    let world = World::new().await;
    world.create("f").await;
    let to = streams(&world, None);
    to.send(head("x")).await.unwrap();
    let output = invoke(&world, false).await;
    drop(output);
    for _ in 0..100 {
        to.send(data("on and on")).await.unwrap();
    }
    drop(to);
    settle().await;
    world.executor.answer(|_, _| Answer::Json("1".to_owned()));
    assert_eq!(world.invoke("f", "{}").await.unwrap().payload, "1");
    assert_eq!((world.executor.launched(), world.executor.alive()), (1, 1));
}

#[tokio::test]
async fn the_port_gives_streams_to_gateways() {
    let world = World::new().await;
    world.create("f").await;
    let to = streams(&world, None);
    to.send(head("text/plain")).await.unwrap();
    let answer = Invoke::invoke_streamed(&*world.lambda, world.call("f", "{}")).await.unwrap();
    let InvokeAnswer::Streamed(mut stream) = answer else { panic!("{answer:?}") };
    assert_eq!((&*stream.content_type, &*stream.executed_version), ("text/plain", "$LATEST"));
    to.send(data("a")).await.unwrap();
    assert!(matches!(stream.pieces.next().await, Some(InvokePiece::Data(bytes)) if bytes == "a"));
    drop(to);
    assert!(
        matches!(stream.pieces.next().await, Some(InvokePiece::End(reply)) if reply.function_error.is_none())
    );
    assert!(stream.pieces.next().await.is_none());
    world.executor.answer(|_, _| Answer::Json("2".to_owned()));
    let answer = Invoke::invoke_streamed(&*world.lambda, world.call("f", "{}")).await.unwrap();
    assert!(matches!(answer, InvokeAnswer::Whole(reply) if reply.payload == "2"));
}
