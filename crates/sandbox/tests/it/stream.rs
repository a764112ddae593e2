//! Streamed answers of Node.js handlers: what comes when, backpressure, failures before and after the first byte.

use expect_test::{Expect, expect};
use sandbox::{Invocation, Outcome, SandboxMode, StreamPiece};
use tokio::sync::mpsc;

use crate::world::{World, invocation, show};

/// What came, and what it ended with.
async fn streamed(code: &str, payload: &str) -> (Vec<StreamPiece>, Outcome) {
    let world = World::new(SandboxMode::BestEffort).await;
    let mut spec = world.function("nodejs20.x", &[("index.js", code)]);
    spec.timeout_ms = 5000;
    let mut environment = world.launch(spec).await;
    let (to, mut from) = mpsc::channel(1);
    let taking = tokio::spawn(async move {
        let mut pieces = Vec::new();
        while let Some(piece) = from.recv().await {
            pieces.push(piece);
        }
        pieces
    });
    let outcome = environment.invoke(Invocation { stream: Some(to), ..invocation(payload) }).await;
    (taking.await.unwrap(), outcome)
}

/// Pieces of data are joined: how many there are is not told by what the function writes.
async fn check(body: &str, expected: Expect) {
    let code = format!(
        "exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {{ {body} }});"
    );
    let (pieces, outcome) = streamed(&code, r#"{"a":1}"#).await;
    let mut text = String::new();
    for piece in &pieces {
        match piece {
            StreamPiece::Head { content_type } => text.push_str(&format!("[{content_type}] ")),
            StreamPiece::Data(bytes) => text.push_str(&String::from_utf8_lossy(bytes).replace('\0', "~")),
        }
    }
    assert_eq!(outcome.streamed, !pieces.is_empty());
    expected.assert_eq(&format!("{text}\n{}", show(&outcome)));
}

#[tokio::test]
async fn handlers_stream() {
    check(
        "stream.write('a'); stream.write(Buffer.from('b')); stream.write({ c: event.a }); stream.end('d');",
        expect![[r#"
            [application/octet-stream] ab{"c":1}d
            ok "#]],
    )
    .await;
    check(
        "stream.setContentType('text/plain'); stream.end();",
        expect![[r#"
        [text/plain] 
        ok "#]],
    )
    .await;
    check(
        "stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 }); stream.end('hi');",
        expect![[r#"
            [application/vnd.awslambda.http-integration-response] {"statusCode":201}~~~~~~~~hi
            ok "#]],
    )
    .await;
    check(
        "await require('stream/promises').pipeline(require('stream').Readable.from(['x', 'y', 'z']), stream); return 1;",
        expect![[r#"
            [application/octet-stream] xyz
            ok 
            | T	ID	WARN	Streaming handlers ignore return values."#]],
    )
    .await;
}

#[tokio::test]
async fn failures_before_and_after_the_first_byte() {
    check("throw new TypeError('early');", expect![[r#"

        Handler {"errorType":"TypeError","errorMessage":"early","trace":["TypeError: early"..]}
        | T	ID	ERROR	Invoke Error 	{"errorType":"TypeError","errorMessage":"early","stack":["TypeError: early"..]}"#]]).await;
    check("stream.write('some'); throw new TypeError('late');", expect![[r#"
        [application/octet-stream] some
        Handler {"errorType":"TypeError","errorMessage":"late","trace":["TypeError: late"..]}
        | T	ID	ERROR	Invoke Error 	{"errorType":"TypeError","errorMessage":"late","stack":["TypeError: late"..]}"#]]).await;
    check("stream.write('some'); setTimeout(() => { throw new Error('thrown apart') }, 5); await new Promise(() => {});", expect![[r#"
        [application/octet-stream] some
        Handler {"errorType":"Error","errorMessage":"thrown apart","trace":["Error: thrown apart"..]}
        | T	ID	ERROR	Uncaught Exception 	{"errorType":"Error","errorMessage":"thrown apart","stack":["Error: thrown apart"..]}
        (ended)"#]]).await;
    check("stream.write('some'); stream.once('drain', () => {}); stream.write('x', () => process.exit(3)); await new Promise(() => {});", expect![[r#"
        [application/octet-stream] somex
        Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"}
        (ended)"#]]).await;
    check("stream.write('x'); stream.setContentType('late');", expect![[r#"
        [application/octet-stream] x
        Handler {"errorType":"Runtime.InvalidStreamingOperation","errorMessage":"Cannot set content-type, too late.","trace":["Runtime.InvalidStreamingOperation: Cannot set content-type, too late."..]}
        | T	ID	ERROR	Invoke Error 	{"errorType":"Runtime.InvalidStreamingOperation","errorMessage":"Cannot set content-type, too late.","stack":["Runtime.InvalidStreamingOperation: Cannot set content-type, too late."..]}"#]]).await;
    check("stream.write('never ended');", expect![[r#"
        [application/octet-stream] never ended
        Handler {"errorType":"Runtime.NodeJsExit","errorMessage":"The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#process_exit_codes","trace":["Runtime.NodeJsExit: The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#process_exit_codes"..]}
        | T	ID	ERROR	Invoke Error 	{"errorType":"Runtime.NodeJsExit","errorMessage":"The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#process_exit_codes","stack":["Runtime.NodeJsExit: The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#process_exit_codes"..]}"#]]).await;
}

#[tokio::test]
async fn a_plain_answer_is_no_stream_and_a_stream_is_collected() {
    let (pieces, outcome) = streamed("exports.handler = async (event) => event.a;", r#"{"a":1}"#).await;
    assert_eq!((pieces.len(), outcome.streamed, outcome.result.unwrap().as_ref()), (0, false, &b"1"[..]));
    let (pieces, outcome) = streamed(
        "exports.handler = awslambda.streamifyResponse((event, stream) => { stream.end('sync'); });",
        "{}",
    )
    .await;
    assert!(pieces.is_empty() || outcome.result.is_err(), "{outcome:?}");
    let fault = outcome.result.unwrap_err();
    assert!(String::from_utf8_lossy(&fault.body).contains("Streaming does not support non-async handlers."));

    // Who takes no stream gets the prelude as it stands, as on AWS.
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "exports.handler = awslambda.streamifyResponse(async (event, stream, context) => { awslambda.HttpResponseStream.from(stream, { a: context.functionName }).end('hi'); })";
    let whole = world.once(world.function("nodejs20.x", &[("index.js", code)]), "{}").await;
    assert_eq!(
        (whole.streamed, whole.result.unwrap().as_ref()),
        (false, &b"{\"a\":\"fn\"}\0\0\0\0\0\0\0\0hi"[..])
    );

    let world = World::with(SandboxMode::BestEffort, |config| config.response_bytes_max = 10).await;
    let code = "exports.handler = awslambda.streamifyResponse(async (n, stream) => { for (let i = 0; i < n; i++) stream.write('12345'); stream.end(); })";
    let mut environment = world.launch(world.function("nodejs20.x", &[("index.js", code)])).await;
    assert_eq!(environment.invoke(invocation("2")).await.result.unwrap().as_ref(), b"1234512345");
    let fault = environment.invoke(invocation("3")).await.result.unwrap_err();
    assert!(
        String::from_utf8_lossy(&fault.body).contains("exceeded maximum allowed payload size (10 bytes)")
    );
    // The environment lives on, and serves.
    assert_eq!(environment.invoke(invocation("1")).await.result.unwrap().as_ref(), b"12345");
}

/// The function tells how often it had to wait, and goes on only when what it wrote before has been taken.
#[tokio::test]
async fn a_slow_reader_slows_the_function_down() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "exports.handler = awslambda.streamifyResponse(async (event, stream) => {
        const piece = Buffer.alloc(64 * 1024, 'x');
        let waits = 0;
        for (let i = 0; i < 64; i++) {
            console.log(i);
            if (!stream.write(piece)) { waits++; await new Promise((go) => stream.once('drain', go)); }
        }
        stream.end('waits ' + waits);
    }, { highWaterMark: 65536 });";
    let mut environment = world.launch(world.function("nodejs20.x", &[("index.js", code)])).await;
    let (to, mut from) = mpsc::channel(1);
    let mut running =
        tokio::spawn(
            async move { environment.invoke(Invocation { stream: Some(to), ..invocation("{}") }).await },
        );
    // Four megabytes fit into no socket: without a reader the function does not come to its end.
    assert!(tokio::time::timeout(std::time::Duration::from_millis(300), &mut running).await.is_err());
    let mut bytes = Vec::new();
    while let Some(piece) = from.recv().await {
        if let StreamPiece::Data(data) = piece {
            bytes.extend_from_slice(&data);
        }
    }
    let outcome = running.await.unwrap();
    assert_eq!((outcome.result.is_ok(), outcome.logs.len()), (true, 64), "{outcome:?}");
    assert!(bytes.len() > 64 * 65536 && bytes.ends_with(b"waits 64"));
}

/// Each piece is taken before the function may write the next: it waits for a file that the test writes.
#[tokio::test]
async fn pieces_come_while_the_function_runs() {
    let world = World::new(SandboxMode::Off).await;
    let gate = world.folder.path().join("gate");
    let code = format!(
        "const fs = require('fs');
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {{
            stream.write('first');
            while (!fs.existsSync({:?})) await new Promise((go) => setTimeout(go, 1));
            stream.end('last');
        }});",
        gate.display().to_string()
    );
    let mut environment = world.launch(world.function("nodejs20.x", &[("index.js", &code)])).await;
    let (to, mut from) = mpsc::channel(4);
    let running =
        tokio::spawn(
            async move { environment.invoke(Invocation { stream: Some(to), ..invocation("{}") }).await },
        );
    assert!(matches!(from.recv().await, Some(StreamPiece::Head { .. })));
    assert_eq!(from.recv().await, Some(StreamPiece::Data("first".into())));
    assert!(!running.is_finished());
    std::fs::write(&gate, "").unwrap();
    assert_eq!(from.recv().await, Some(StreamPiece::Data("last".into())));
    assert!(running.await.unwrap().result.is_ok());
}

/// The reader goes away; the function does not notice.
#[tokio::test]
async fn a_function_outlives_its_reader() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "exports.handler = awslambda.streamifyResponse(async (event, stream) => {
        for (let i = 0; i < 50; i++) if (!stream.write('x'.repeat(100000))) await new Promise((go) => stream.once('drain', go));
        stream.end();
        console.log('done');
    });";
    let mut environment = world.launch(world.function("nodejs20.x", &[("index.js", code)])).await;
    let (to, from) = mpsc::channel(1);
    drop(from);
    let outcome = environment.invoke(Invocation { stream: Some(to), ..invocation("{}") }).await;
    assert!(outcome.result.is_ok() && outcome.reusable, "{outcome:?}");
    assert!(outcome.logs[0].bytes.ends_with(b"done"));
}

/// Time runs out while nobody takes what the function says.
#[tokio::test]
async fn a_stream_ends_with_the_functions_time() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "exports.handler = awslambda.streamifyResponse(async (event, stream) => {
        for (;;) if (!stream.write('x'.repeat(100000))) await new Promise((go) => stream.once('drain', go));
    });";
    let mut spec = world.function("nodejs20.x", &[("index.js", code)]);
    spec.timeout_ms = 400;
    let mut environment = world.launch(spec).await;
    let (to, from) = mpsc::channel(1);
    let outcome = environment.invoke(Invocation { stream: Some(to), ..invocation("{}") }).await;
    drop(from);
    let fault = outcome.result.unwrap_err();
    assert!(String::from_utf8_lossy(&fault.body).contains("Task timed out after 0.40 seconds"));
    assert!(outcome.streamed && !outcome.reusable);
}
