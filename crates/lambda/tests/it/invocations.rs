//! Invocations now: environments, answers, errors, logs, limits.

use std::time::Duration;

use api::lambda::*;
use base::Limits;
use bytes::Bytes;
use ports::InvokeError;
use sandbox::FaultKind;
use tokio::sync::mpsc;

use crate::fixture::{Answer, World, check_failure, function, settle, zip};

fn event(payload: &str) -> InvokeInput {
    InvokeInput {
        function_name: "f".to_owned(),
        payload: Some(Bytes::copy_from_slice(payload.as_bytes())),
        ..InvokeInput::default()
    }
}

#[tokio::test]
async fn the_answer_and_its_headers() {
    let world = World::new().await;
    world.create("f").await;
    world.executor.answer(|spec, invocation| {
        assert_eq!(invocation.function_arn, "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST");
        assert!(spec.code_dir.join("index.js").is_file());
        Answer::Json(format!("[{}]", String::from_utf8_lossy(&invocation.payload)))
    });
    let input = InvokeInput {
        log_type: Some(LogType::Tail),
        qualifier: Some("$LATEST".to_owned()),
        ..event(r#"{ "name" : "sy" }"#)
    };
    let output = world.lambda.invoke(&world.cx, input.clone()).await.unwrap();
    assert_eq!(output.payload.as_deref(), Some(&br#"[{ "name" : "sy" }]"#[..]));
    assert_eq!(
        (output.status_code, output.function_error, output.executed_version.as_deref()),
        (Some(200), None, Some("$LATEST"))
    );
    let log = base64_text(&output.log_result.unwrap());
    let id = world.cx.request_id;
    assert_eq!(
        log,
        format!(
            "START RequestId: {id} Version: $LATEST\nEND RequestId: {id}\nREPORT RequestId: {id}\tDuration: 1.50 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB\tInit Duration: 20.00 ms\t\n"
        )
    );
    let warm = world.lambda.invoke(&world.cx, input).await.unwrap();
    assert!(!base64_text(&warm.log_result.unwrap()).contains("Init Duration"));
    let batches = world.logs.batches.lock().unwrap();
    assert_eq!(batches.len(), 2);
    assert_eq!(batches[0].stream, batches[1].stream);
    assert_eq!(&*batches[0].group, "/aws/lambda/f");
    assert!(batches[0].stream.starts_with("2026/11/23/[$LATEST]"), "{}", batches[0].stream);
    assert_eq!(batches[0].stream.len(), "2026/11/23/[$LATEST]".len() + 32);
}

fn base64_text(text: &str) -> String {
    use base64::Engine;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

#[tokio::test]
async fn what_invoke_refuses() {
    let world = World::with(|config| {
        config.limits =
            Limits { invoke_sync_bytes_max: 100, invoke_async_bytes_max: 10, ..Limits::default() };
    })
    .await;
    world.create("f").await;
    let long = format!("\"{}\"", "x".repeat(100));
    let not_found = "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f:9";
    let single = "Could not parse request body into json: Could not parse payload into json: Unexpected character (''' (code 39)): was expecting double-quote to start field name\n at [Source: (byte[])\"{'name':'sy'}\"; line: 1, column: 3]";
    for (input, code, status, message) in [
        (event("{'name':'sy'}"), "InvalidRequestContentException", 400, single),
        (
            event(&long),
            "RequestEntityTooLargeException",
            413,
            "102 byte payload is too large for the RequestResponse invocation type (limit 100 bytes)",
        ),
        (
            InvokeInput { invocation_type: Some(InvocationType::Event), ..event("\"0123456789\"") },
            "RequestEntityTooLargeException",
            413,
            "12 byte payload is too large for the Event invocation type (limit 10 bytes)",
        ),
        (
            InvokeInput { qualifier: Some("9".to_owned()), ..event("{}") },
            "ResourceNotFoundException",
            404,
            not_found,
        ),
        (
            InvokeInput { function_name: "f:1".to_owned(), qualifier: Some("2".to_owned()), ..event("{}") },
            "InvalidParameterValueException",
            400,
            "The derived qualifier from the function name does not match the specified qualifier.",
        ),
        (
            InvokeInput { client_context: Some("no base64".to_owned()), ..event("{}") },
            "InvalidRequestContentException",
            400,
            "Client context must be a valid Base64-encoded JSON object.",
        ),
    ] {
        check_failure(world.lambda.invoke(&world.cx, input).await, code, status, message);
    }
    let dry = InvokeInput { invocation_type: Some(InvocationType::DryRun), ..event("{}") };
    assert_eq!(world.lambda.invoke(&world.cx, dry).await.unwrap().status_code, Some(204));
    assert!(world.seen().await.is_empty());
    world.lambda.invoke(&world.cx, event("")).await.unwrap();
    assert_eq!(world.seen().await, ["{}"]);
}

#[tokio::test]
async fn an_environment_serves_one_at_a_time_and_is_used_again() {
    let world = World::new().await;
    world.create("f").await;
    let (open, mut gates) = mpsc::unbounded_channel();
    world.executor.answer(move |_, _| {
        let (hold, gate) = mpsc::channel(1);
        open.send(hold).unwrap();
        Answer::Later(gate)
    });
    let calls: Vec<_> = (0..3)
        .map(|i| {
            let (lambda, call) = (world.lambda.clone(), world.call("f", &i.to_string()));
            tokio::spawn(async move { ports::Invoke::invoke(&*lambda, call).await })
        })
        .collect();
    settle().await;
    assert_eq!((world.executor.launched(), world.executor.alive()), (3, 3));
    while let Ok(gate) = gates.try_recv() {
        drop(gate);
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
    world.executor.answer(|_, _| Answer::Json("1".to_owned()));
    for _ in 0..5 {
        world.invoke("f", "{}").await.unwrap();
    }
    assert_eq!(world.executor.launched(), 3);
    // The two that are not used end first; then the third.
    world.clock.advance(Duration::from_secs(599));
    settle().await;
    world.invoke("f", "{}").await.unwrap();
    for (seconds, alive) in [(70, 1), (600, 0)] {
        world.clock.advance(Duration::from_secs(seconds));
        settle().await;
        assert_eq!(world.executor.alive(), alive, "{seconds}");
    }
}

#[tokio::test]
async fn a_change_of_code_or_settings_ends_environments() {
    let world = World::new().await;
    world.create("f").await;
    world.invoke("f", "{}").await.unwrap();
    let code = UpdateFunctionCodeInput {
        function_name: "f".to_owned(),
        zip_file: Some(zip("other")),
        ..UpdateFunctionCodeInput::default()
    };
    world.lambda.update_function_code(&world.cx, code).await.unwrap();
    assert_eq!(world.executor.alive(), 0);
    world.executor.answer(|spec, _| {
        let code = std::fs::read_to_string(spec.code_dir.join("index.js")).unwrap();
        Answer::Json(format!("{code:?}"))
    });
    assert_eq!(world.invoke("f", "{}").await.unwrap().payload, "\"other\"");
    let settings = UpdateFunctionConfigurationInput {
        function_name: "f".to_owned(),
        memory_size: Some(256),
        ..UpdateFunctionConfigurationInput::default()
    };
    world.lambda.update_function_configuration(&world.cx, settings).await.unwrap();
    world.executor.answer(|spec, _| Answer::Json(spec.memory_mib.to_string()));
    assert_eq!(world.invoke("f", "{}").await.unwrap().payload, "256");
    assert_eq!((world.executor.launched(), world.executor.alive()), (3, 1));
}

#[tokio::test]
async fn a_fault_is_an_answer_and_ends_what_it_must() {
    let world = World::new().await;
    world.create("f").await;
    for (kind, launched) in
        [(FaultKind::Handler, 1), (FaultKind::Handler, 1), (FaultKind::Timeout, 1), (FaultKind::Exit, 2)]
    {
        world
            .executor
            .answer(move |_, _| Answer::Fault(kind, r#"{"errorType":"E","errorMessage":"m"}"#.to_owned()));
        let output = world.lambda.invoke(&world.cx, event("{}")).await.unwrap();
        assert_eq!((output.status_code, output.function_error.as_deref()), (Some(200), Some("Unhandled")));
        assert_eq!(world.executor.launched(), launched);
    }
    let batches = world.logs.batches.lock().unwrap();
    let timeout =
        batches[2].events.iter().find(|e| e.message.ends_with(b"Task timed out after 3.00 seconds\n\n"));
    assert!(timeout.is_some(), "{batches:?}");
}

#[tokio::test]
async fn an_event_that_an_ended_environment_did_not_hear_goes_to_another() {
    let world = World::new().await;
    world.create("f").await;
    world.invoke("f", "1").await.unwrap();
    let mut deaf = 1;
    world.executor.answer(move |_, invocation| {
        deaf -= 1;
        if deaf >= 0 {
            return Answer::Unheard;
        }
        Answer::Json(String::from_utf8_lossy(&invocation.payload).into_owned())
    });
    let reply = world.invoke("f", "2").await.unwrap();
    assert_eq!((&reply.payload[..], reply.function_error), (&b"2"[..], None));
    assert_eq!((world.executor.launched(), world.executor.alive()), (2, 1));
    // A new one is asked once only.
    world.executor.answer(|_, _| Answer::Unheard);
    assert!(world.invoke("f", "3").await.unwrap().function_error.is_some());
    assert_eq!((world.executor.launched(), world.executor.alive()), (3, 0));
    let batches = world.logs.batches.lock().unwrap();
    let said = batches.iter().flat_map(|batch| &batch.events);
    assert_eq!(said.filter(|event| event.message.starts_with(b"START")).count(), 3);
}

#[tokio::test]
async fn an_account_that_is_busy_throttles() {
    let world = World::with(|config| config.limits.concurrency_max = 1).await;
    world.create("f").await;
    let (hold, gate) = mpsc::channel(1);
    let mut gate = Some(gate);
    world.executor.answer(move |_, _| gate.take().map_or(Answer::Json("1".to_owned()), Answer::Later));
    let (lambda, call) = (world.lambda.clone(), world.call("f", "{}"));
    let running = tokio::spawn(async move { ports::Invoke::invoke(&*lambda, call).await });
    settle().await;
    let refused = world.lambda.invoke(&world.cx, event("{}")).await.unwrap_err();
    assert_eq!(
        (&*refused.code, refused.status, &*refused.message),
        ("TooManyRequestsException", 429, "Rate Exceeded.")
    );
    assert!(
        refused.members.contains(&("Reason", Bytes::from_static(b"\"ConcurrentInvocationLimitExceeded\"")))
    );
    assert!(matches!(world.invoke("f", "{}").await, Err(InvokeError::Throttled(_))));
    drop(hold);
    running.await.unwrap().unwrap();
    world.invoke("f", "{}").await.unwrap();
}

#[tokio::test]
async fn an_environment_is_busy_after_its_answer_until_all_are_done() {
    let world = World::with(|config| config.limits.concurrency_max = 1).await;
    let mut input = function("f");
    input.runtime = Some("provided.al2023".to_owned());
    world.lambda.create_function(&world.cx, input).await.unwrap();
    let (hold, gate) = mpsc::channel(1);
    let mut gate = Some(gate);
    world.executor.answer(move |_, _| gate.take().map_or(Answer::Json("1".to_owned()), Answer::Later));
    assert_eq!(world.invoke("f", "{}").await.unwrap().payload, "null");
    assert!(matches!(world.invoke("f", "{}").await, Err(InvokeError::Throttled(_))));
    drop(hold);
    settle().await;
    assert_eq!(world.invoke("f", "{}").await.unwrap().payload, "1");
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_end_the_invocation() {
    let world = World::new().await;
    world.create("f").await;
    let (hold, gate) = mpsc::channel(1);
    let mut gate = Some(gate);
    world.executor.answer(move |_, _| Answer::Later(gate.take().unwrap()));
    let (lambda, call) = (world.lambda.clone(), world.call("f", "{}"));
    let caller = tokio::spawn(async move { ports::Invoke::invoke(&*lambda, call).await });
    settle().await;
    caller.abort();
    settle().await;
    assert!(world.logs.batches.lock().unwrap().is_empty());
    drop(hold);
    settle().await;
    assert_eq!(world.logs.batches.lock().unwrap().len(), 1);
    assert_eq!(world.executor.alive(), 1);
    world.lambda.stop(Duration::from_secs(2)).await;
    assert_eq!(world.executor.alive(), 0);
}

#[tokio::test]
async fn the_longest_idle_environments_make_room() {
    let world = World::with(|config| config.environments_max = 2).await;
    for name in ["a", "b", "c"] {
        world.create(name).await;
        world.invoke(name, "{}").await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        settle().await;
    }
    assert_eq!(world.executor.alive(), 2);
    for name in ["c", "b", "a"] {
        world.invoke(name, "{}").await.unwrap();
    }
    assert_eq!(world.executor.launched(), 4);
}

#[tokio::test]
async fn a_reservation_bounds_its_function_and_the_others() {
    let world = World::new().await;
    world.create("f").await;
    let put = |count| PutFunctionConcurrencyInput {
        function_name: "f".to_owned(),
        reserved_concurrent_executions: count,
    };
    check_failure(
        world.lambda.put_function_concurrency(&world.cx, put(901)).await,
        "InvalidParameterValueException",
        400,
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
    );
    world.lambda.put_function_concurrency(&world.cx, put(900)).await.unwrap();
    let settings = world.lambda.get_account_settings(&world.cx, GetAccountSettingsInput {}).await.unwrap();
    assert_eq!(settings.account_limit.unwrap().unreserved_concurrent_executions, Some(100));
    world.lambda.put_function_concurrency(&world.cx, put(0)).await.unwrap();
    let get = GetFunctionConcurrencyInput { function_name: "f".to_owned() };
    let reserved = world.lambda.get_function_concurrency(&world.cx, get).await.unwrap();
    assert_eq!(reserved.reserved_concurrent_executions, Some(0));
    let next = world.reopened().await;
    let throttled = InvokeError::Throttled("ReservedFunctionConcurrentInvocationLimitExceeded".to_owned());
    assert_eq!(next.invoke("f", "{}").await.unwrap_err(), throttled);
    let delete = DeleteFunctionConcurrencyInput { function_name: "f".to_owned() };
    next.lambda.delete_function_concurrency(&next.cx, delete).await.unwrap();
    next.invoke("f", "{}").await.unwrap();
}
