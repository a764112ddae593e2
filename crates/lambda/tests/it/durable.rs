//! Durable executions, with a function that does what AWS's SDKs do: it reads its operations, tells of its progress, and
//! answers PENDING when it has to wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::lambda::*;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::fixture::{Answer, World, check_failure, function, settle};

/// What the function is given, and the service that it tells of its progress.
#[derive(Clone)]
struct Context {
    world: Arc<World>,
    arn: String,
    token: Arc<Mutex<String>>,
    operations: Arc<Vec<Value>>,
}

impl Context {
    fn status(&self, id: &str) -> Option<&str> {
        self.operations.iter().find(|o| o["Id"] == id).and_then(|o| o["Status"].as_str())
    }

    fn operation(&self, id: &str) -> &Value {
        self.operations.iter().find(|o| o["Id"] == id).unwrap()
    }

    async fn tell(&self, updates: Vec<OperationUpdate>) -> CheckpointUpdatedExecutionState {
        let token = self.token.lock().unwrap().clone();
        let input = CheckpointDurableExecutionInput {
            durable_execution_arn: self.arn.clone(),
            checkpoint_token: token,
            updates: Some(updates),
            client_token: None,
        };
        let told = self.world.lambda.checkpoint_durable_execution(&self.world.cx, input).await.unwrap();
        if let Some(token) = told.checkpoint_token {
            *self.token.lock().unwrap() = token;
        }
        told.new_execution_state
    }
}

fn update(id: &str, kind: OperationType, action: OperationAction) -> OperationUpdate {
    OperationUpdate {
        id: id.to_owned(),
        parent_id: None,
        name: Some(id.to_owned()),
        r#type: kind,
        sub_type: None,
        action,
        payload: None,
        error: None,
        context_options: None,
        step_options: None,
        wait_options: None,
        callback_options: None,
        chained_invoke_options: None,
    }
}

fn step(id: &str, result: &str) -> OperationUpdate {
    let done = update(id, OperationType::Step, OperationAction::Succeed);
    OperationUpdate { payload: Some(result.to_owned()), ..done }
}

fn wait(id: &str, seconds: i32) -> OperationUpdate {
    let wait_options = Some(WaitOptions { wait_seconds: Some(seconds) });
    OperationUpdate { wait_options, ..update(id, OperationType::Wait, OperationAction::Start) }
}

fn succeeded(result: &str) -> String {
    json!({ "Status": "SUCCEEDED", "Result": result }).to_string()
}

const PENDING: &str = r#"{"Status":"PENDING"}"#;

/// A world with the durable function `f`, which does `work` at each invocation.
async fn world<F, W>(work: W) -> Arc<World>
where
    F: Future<Output = String> + Send + 'static,
    W: Fn(Context) -> F + Send + Sync + 'static,
{
    let world = Arc::new(World::new().await);
    perform(&world, work);
    create(&world, Some(600)).await;
    world
}

fn perform<F, W>(world: &Arc<World>, work: W)
where
    F: Future<Output = String> + Send + 'static,
    W: Fn(Context) -> F + Send + Sync + 'static,
{
    let (weak, work) = (Arc::downgrade(world), Arc::new(work));
    world.executor.answer(move |spec, invocation| {
        if spec.name != "f" {
            return Answer::Json(format!(
                "\"{} of {}\"",
                String::from_utf8_lossy(&invocation.payload),
                spec.name
            ));
        }
        let event: Value = serde_json::from_slice(&invocation.payload).unwrap();
        let context = Context {
            world: weak.upgrade().unwrap(),
            arn: event["DurableExecutionArn"].as_str().unwrap().to_owned(),
            token: Arc::new(Mutex::new(event["CheckpointToken"].as_str().unwrap().to_owned())),
            operations: Arc::new(event["InitialExecutionState"]["Operations"].as_array().unwrap().clone()),
        };
        let work = Arc::clone(&work);
        Answer::Act(Box::pin(async move { work(context).await }))
    });
}

async fn create(world: &World, timeout_s: Option<i32>) {
    let durable_config = Some(DurableConfig {
        execution_timeout: timeout_s,
        retention_period_in_days: Some(1),
        kms_key_arn: None,
    });
    let input = CreateFunctionInput { durable_config, ..function("f") };
    world.lambda.create_function(&world.cx, input).await.unwrap();
}

async fn invoke(world: &World, name: Option<&str>, kind: InvocationType, payload: &str) -> InvokeOutput {
    try_invoke(world, name, kind, payload).await.unwrap()
}

async fn try_invoke(
    world: &World,
    name: Option<&str>,
    kind: InvocationType,
    payload: &str,
) -> Result<InvokeOutput, wire::Failure> {
    let input = InvokeInput {
        function_name: "f:$LATEST".to_owned(),
        invocation_type: Some(kind),
        payload: Some(Bytes::copy_from_slice(payload.as_bytes())),
        durable_execution_name: name.map(str::to_owned),
        ..InvokeInput::default()
    };
    world.lambda.invoke(&world.cx, input).await
}

/// Begins an execution that nobody waits for.
async fn begin(world: &World, payload: &str) -> String {
    let begun = invoke(world, None, InvocationType::Event, payload).await;
    settle().await;
    begun.durable_execution_arn.unwrap()
}

async fn look(world: &World, arn: &str) -> GetDurableExecutionOutput {
    let input =
        GetDurableExecutionInput { durable_execution_arn: arn.to_owned(), include_execution_data: None };
    world.lambda.get_durable_execution(&world.cx, input).await.unwrap()
}

async fn history(world: &World, arn: &str) -> Vec<String> {
    let input = GetDurableExecutionHistoryInput {
        durable_execution_arn: arn.to_owned(),
        include_execution_data: Some(true),
        max_items: None,
        marker: None,
        reverse_order: None,
    };
    let history = world.lambda.get_durable_execution_history(&world.cx, input).await.unwrap();
    assert!(history.events.iter().enumerate().all(|(i, event)| event.event_id == i32::try_from(i + 1).ok()));
    history
        .events
        .iter()
        .map(|event| {
            format!(
                "{} {}",
                event.event_type.as_ref().unwrap().as_str(),
                event.name.as_deref().unwrap_or("-")
            )
        })
        .collect()
}

#[tokio::test]
async fn a_wait_ends_an_invocation_and_begins_another() {
    let world = world(|f| async move {
        match (f.status("a"), f.status("w")) {
            (None, _) => {
                let state = f.tell(vec![step("a", "1"), wait("w", 60)]).await;
                assert_eq!(state.operations.unwrap().len(), 2);
                PENDING.to_owned()
            }
            (Some("SUCCEEDED"), Some("SUCCEEDED")) => {
                assert_eq!(f.operation("a")["StepDetails"]["Result"], "1");
                assert!(f.operation("w")["EndTimestamp"].is_i64(), "times of events are in milliseconds");
                succeeded("\"done\"")
            }
            other => panic!("{other:?}"),
        }
    })
    .await;
    let waiting = tokio::spawn({
        let world = Arc::clone(&world);
        async move { invoke(&world, Some("n"), InvocationType::RequestResponse, r#"{"k":1}"#).await }
    });
    settle().await;
    world.clock.advance(Duration::from_secs(59));
    settle().await;
    assert!(!waiting.is_finished());
    world.clock.advance(Duration::from_secs(1));
    let answer = waiting.await.unwrap();
    assert_eq!(
        (answer.status_code, answer.payload.unwrap(), answer.function_error),
        (Some(200), "\"done\"".into(), None)
    );
    let arn = answer.durable_execution_arn.unwrap();
    assert!(
        arn.starts_with("arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST/durable-execution/n/"),
        "{arn}"
    );
    let seen = look(&world, &arn).await;
    assert_eq!((seen.status, seen.result.as_deref()), (ExecutionStatus::Succeeded, Some("\"done\"")));
    assert_eq!(seen.input_payload.as_deref(), Some(r#"{"k":1}"#));
    assert_eq!(
        history(&world, &arn).await,
        [
            "ExecutionStarted n",
            "StepSucceeded a",
            "WaitStarted w",
            "InvocationCompleted -",
            "WaitSucceeded w",
            "InvocationCompleted -",
            "ExecutionSucceeded n"
        ]
    );
}

#[tokio::test]
async fn a_step_is_tried_again_when_its_time_has_come() {
    let world = world(|f| async move {
        let Some(status) = f.status("s") else {
            let start = update("s", OperationType::Step, OperationAction::Start);
            let error = Some(ErrorObject { error_message: Some("no".to_owned()), ..ErrorObject::default() });
            let step_options = Some(StepOptions { next_attempt_delay_seconds: Some(5) });
            let retry = update("s", OperationType::Step, OperationAction::Retry);
            f.tell(vec![start, OperationUpdate { error, step_options, ..retry }]).await;
            return PENDING.to_owned();
        };
        assert_eq!(status, "READY");
        assert_eq!(f.operation("s")["StepDetails"]["Attempt"], 1);
        f.tell(vec![step("s", "2")]).await;
        succeeded("2")
    })
    .await;
    let arn = begin(&world, "{}").await;
    assert_eq!(look(&world, &arn).await.status, ExecutionStatus::Running);
    world.clock.advance(Duration::from_secs(5));
    settle().await;
    assert_eq!(look(&world, &arn).await.result.as_deref(), Some("2"));
    let events = history(&world, &arn).await;
    assert_eq!(&events[1..4], ["StepStarted s", "StepFailed s", "InvocationCompleted -"]);
}

/// A function that waits for one callback and answers what came of it.
async fn waits_for_callback(f: Context) -> String {
    let Some(status) = f.status("c") else {
        let options = CallbackOptions { timeout_seconds: Some(100), heartbeat_timeout_seconds: Some(10) };
        let start = update("c", OperationType::Callback, OperationAction::Start);
        f.tell(vec![OperationUpdate { callback_options: Some(options), ..start }]).await;
        return PENDING.to_owned();
    };
    let details = &f.operation("c")["CallbackDetails"];
    let said = details["Result"].as_str().or(details["Error"]["ErrorMessage"].as_str()).unwrap_or_default();
    succeeded(&format!("{status} {said}"))
}

/// The id of the callback that the execution waits for.
async fn callback_id(world: &World, arn: &str) -> String {
    let input = GetDurableExecutionHistoryInput {
        durable_execution_arn: arn.to_owned(),
        include_execution_data: None,
        max_items: None,
        marker: None,
        reverse_order: None,
    };
    let events = world.lambda.get_durable_execution_history(&world.cx, input).await.unwrap().events;
    events.into_iter().find_map(|event| event.callback_started_details).unwrap().callback_id
}

#[tokio::test]
async fn a_callback_brings_what_is_waited_for() {
    let world = world(waits_for_callback).await;
    let cx = &world.cx;
    for (outcome, expected) in [
        ("success", "SUCCEEDED yes"),
        ("failure", "FAILED no"),
        ("silence", "TIMED_OUT Callback timed out on heartbeat"),
    ] {
        let arn = begin(&world, "{}").await;
        let callback_id = callback_id(&world, &arn).await;
        let success = SendDurableExecutionCallbackSuccessInput {
            callback_id: callback_id.clone(),
            result: Some(Bytes::from_static(b"yes")),
        };
        match outcome {
            "success" => {
                for _ in 0..3 {
                    world.clock.advance(Duration::from_secs(9));
                    settle().await;
                    let beat =
                        SendDurableExecutionCallbackHeartbeatInput { callback_id: callback_id.clone() };
                    world.lambda.send_durable_execution_callback_heartbeat(cx, beat).await.unwrap();
                }
                world.lambda.send_durable_execution_callback_success(cx, success.clone()).await.unwrap();
            }
            "failure" => {
                let error =
                    Some(ErrorObject { error_message: Some("no".to_owned()), ..ErrorObject::default() });
                let failure = SendDurableExecutionCallbackFailureInput { callback_id, error };
                world.lambda.send_durable_execution_callback_failure(cx, failure).await.unwrap();
            }
            _ => world.clock.advance(Duration::from_secs(10)),
        }
        settle().await;
        assert_eq!(look(&world, &arn).await.result.as_deref(), Some(expected));
        check_failure(
            world.lambda.send_durable_execution_callback_success(cx, success).await,
            "CallbackTimeoutException",
            400,
            "Callback has already timed out or been completed",
        );
    }
}

#[tokio::test]
async fn another_function_is_invoked_and_its_answer_kept() {
    let world = world(|f| async move {
        let Some(status) = f.status("i") else {
            let start = update("i", OperationType::ChainedInvoke, OperationAction::Start);
            let options = ChainedInvokeOptions {
                function_name: "g".to_owned(),
                tenant_id: None,
                x_amzn_trace_id: None,
            };
            let payload = Some("7".to_owned());
            f.tell(vec![OperationUpdate { payload, chained_invoke_options: Some(options), ..start }]).await;
            return PENDING.to_owned();
        };
        assert_eq!(status, "SUCCEEDED");
        succeeded(f.operation("i")["ChainedInvokeDetails"]["Result"].as_str().unwrap())
    })
    .await;
    world.create("g").await;
    let arn = begin(&world, "{}").await;
    assert_eq!(look(&world, &arn).await.result.as_deref(), Some("\"7 of g\""));
}

#[tokio::test]
async fn an_execution_goes_on_in_another_process() {
    let steps = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&steps);
    let work = move |f: Context| {
        let steps = Arc::clone(&counted);
        async move {
            match f.status("w") {
                None => {
                    *steps.lock().unwrap() += 1;
                    f.tell(vec![step("a", "1"), wait("w", 60)]).await;
                    PENDING.to_owned()
                }
                Some("STARTED") => PENDING.to_owned(),
                Some(_) => succeeded("1"),
            }
        }
    };
    let first = world(work.clone()).await;
    let arn = begin(&first, "{}").await;
    first.lambda.stop(Duration::from_secs(1)).await;
    let next = Arc::new(first.reopened().await);
    perform(&next, work);
    next.clock.advance(Duration::from_secs(30));
    settle().await;
    assert_eq!(look(&next, &arn).await.status, ExecutionStatus::Running);
    next.clock.advance(Duration::from_secs(30));
    settle().await;
    assert_eq!(look(&next, &arn).await.status, ExecutionStatus::Succeeded);
    assert_eq!(*steps.lock().unwrap(), 1, "a step that was told is never done again");
}

#[tokio::test]
async fn what_cannot_be_is_refused_word_for_word() {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::clone(&messages);
    let world = world(move |f| {
        let said = Arc::clone(&said);
        async move {
            f.tell(vec![
                step("done", "1"),
                wait("w", 60),
                update("x", OperationType::Context, OperationAction::Start),
            ])
            .await;
            let child =
                |parent: &str| OperationUpdate { parent_id: Some(parent.to_owned()), ..step("child", "1") };
            for updates in [
                vec![wait("w", 1)],
                vec![step("done", "2")],
                vec![update("w", OperationType::Wait, OperationAction::Succeed)],
                vec![update("v", OperationType::Wait, OperationAction::Cancel)],
                vec![child("nobody")],
                vec![child("done")],
                vec![step("s", "1"), step("s", "2")],
                vec![update("s", OperationType::Step, OperationAction::Retry)],
                vec![update("done", OperationType::Context, OperationAction::Succeed)],
                vec![update("e", OperationType::Execution, OperationAction::Succeed), step("s", "1")],
            ] {
                let input = CheckpointDurableExecutionInput {
                    durable_execution_arn: f.arn.clone(),
                    checkpoint_token: f.token.lock().unwrap().clone(),
                    updates: Some(updates),
                    client_token: None,
                };
                let refused = f.world.lambda.checkpoint_durable_execution(&f.world.cx, input).await;
                said.lock().unwrap().push(refused.unwrap_err().message);
            }
            f.tell(vec![child("x")]).await;
            let stale = CheckpointDurableExecutionInput {
                durable_execution_arn: f.arn.clone(),
                checkpoint_token: "c3RhbGU=".to_owned(),
                updates: None,
                client_token: None,
            };
            let refused = f.world.lambda.checkpoint_durable_execution(&f.world.cx, stale).await;
            said.lock().unwrap().push(refused.unwrap_err().message);
            succeeded("1")
        }
    })
    .await;
    let arn = begin(&world, "{}").await;
    assert_eq!(look(&world, &arn).await.status, ExecutionStatus::Succeeded);
    assert_eq!(
        *messages.lock().unwrap(),
        [
            "Cannot start a WAIT that already exists.",
            "Invalid current STEP state to close.",
            "Invalid action for the given operation type.",
            "Cannot cancel a WAIT that does not exist or has already completed.",
            "Invalid parent operation id.",
            "Invalid parent operation id.",
            "Cannot update the same operation twice in a single request.",
            "Invalid StepOptions for the given action.",
            "Operation type mismatch.",
            "EXECUTION checkpoint must be the last update.",
            "Invalid checkpoint token",
        ]
    );
}

#[tokio::test]
async fn a_running_function_reads_its_operations_page_by_page() {
    let world = world(|f| async move {
        f.tell((0..5).map(|n| step(&format!("s{n}"), "1")).collect()).await;
        let mut input = GetDurableExecutionStateInput {
            durable_execution_arn: f.arn.clone(),
            checkpoint_token: f.token.lock().unwrap().clone(),
            marker: None,
            max_items: Some(2),
        };
        let mut read = Vec::new();
        loop {
            let page = f.world.lambda.get_durable_execution_state(&f.world.cx, input.clone()).await.unwrap();
            assert!(page.operations.len() <= 2);
            read.extend(page.operations.into_iter().skip(usize::from(read.is_empty())).map(|o| o.id));
            match page.next_marker {
                Some(next) => input.marker = Some(next),
                None => break,
            }
        }
        input.checkpoint_token = "c3RhbGU=".to_owned();
        let stale = f.world.lambda.get_durable_execution_state(&f.world.cx, input).await;
        check_failure(stale, "InvalidParameterValueException", 400, "Invalid checkpoint token");
        succeeded(&read.join(" "))
    })
    .await;
    let arn = begin(&world, "{}").await;
    assert_eq!(look(&world, &arn).await.result.as_deref(), Some("s0 s1 s2 s3 s4"));
}

#[tokio::test]
async fn a_name_is_an_execution() {
    let world = world(waits_for_callback).await;
    let first = invoke(&world, Some("order"), InvocationType::Event, "1").await;
    let again = invoke(&world, Some("order"), InvocationType::Event, "1").await;
    assert_eq!((first.status_code, &first.durable_execution_arn), (Some(202), &again.durable_execution_arn));
    check_failure(
        try_invoke(&world, Some("order"), InvocationType::Event, "2").await,
        "DurableExecutionAlreadyStartedException",
        409,
        "Durable execution with name order already exists with a different payload.",
    );
    let unqualified = InvokeInput { function_name: "f".to_owned(), ..InvokeInput::default() };
    check_failure(
        world.lambda.invoke(&world.cx, unqualified).await,
        "InvalidParameterValueException",
        400,
        "You cannot invoke a durable function using an unqualified ARN.",
    );
    settle().await;
    let listed = ListDurableExecutionsByFunctionInput { function_name: "f".to_owned(), ..Default::default() };
    let listed = world.lambda.list_durable_executions_by_function(&world.cx, listed).await.unwrap();
    let names: Vec<_> =
        listed.durable_executions.unwrap().into_iter().map(|e| e.durable_execution_name).collect();
    assert_eq!(names, ["order"]);

    let arn = first.durable_execution_arn.unwrap();
    let delete = DeleteDurableExecutionInput { durable_execution_arn: arn.clone() };
    assert!(world.lambda.delete_durable_execution(&world.cx, delete.clone()).await.is_err());
    let error = Some(ErrorObject { error_message: Some("enough".to_owned()), ..ErrorObject::default() });
    let stop = StopDurableExecutionInput { durable_execution_arn: arn.clone(), error };
    world.lambda.stop_durable_execution(&world.cx, stop).await.unwrap();
    let seen = look(&world, &arn).await;
    assert_eq!(
        (seen.status, seen.error.unwrap().error_message.as_deref()),
        (ExecutionStatus::Stopped, Some("enough"))
    );
    world.lambda.delete_durable_execution(&world.cx, delete).await.unwrap();
    let gone = GetDurableExecutionInput { durable_execution_arn: arn, include_execution_data: None };
    assert_eq!(
        world.lambda.get_durable_execution(&world.cx, gone).await.unwrap_err().code,
        "ResourceNotFoundException"
    );
}

/// What begins or happens between two pages moves no page.
#[tokio::test]
async fn pages_hold_each_once_in_both_orders() {
    for reversed in [false, true] {
        let world = world(waits_for_callback).await;
        let mut made = Vec::new();
        for _ in 0..5 {
            made.push(begin(&world, "{}").await);
            world.clock.advance(Duration::from_millis(1));
        }
        let (mut marker, mut seen) = (None, Vec::new());
        loop {
            let input = ListDurableExecutionsByFunctionInput {
                function_name: "f".to_owned(),
                reverse_order: Some(reversed),
                max_items: Some(2),
                marker,
                ..Default::default()
            };
            let page = world.lambda.list_durable_executions_by_function(&world.cx, input).await.unwrap();
            seen.extend(page.durable_executions.unwrap().into_iter().map(|e| e.durable_execution_arn));
            marker = page.next_marker;
            if marker.is_none() {
                break;
            }
            // Newer than all.
            begin(&world, "{}").await;
            world.clock.advance(Duration::from_millis(1));
        }
        if reversed {
            made.reverse();
        }
        assert_eq!(seen[..5], made[..]);
        assert_eq!(seen.len() == 5, reversed, "{seen:?}");
    }
}

#[tokio::test]
async fn a_history_is_paged_in_both_orders() {
    let world = world(waits_for_callback).await;
    let arn = begin(&world, "{}").await;
    let callback_id = callback_id(&world, &arn).await;
    let page = async |marker: Option<String>| {
        let input = GetDurableExecutionHistoryInput {
            durable_execution_arn: arn.clone(),
            include_execution_data: None,
            max_items: Some(2),
            marker,
            reverse_order: Some(true),
        };
        let page = world.lambda.get_durable_execution_history(&world.cx, input).await.unwrap();
        (page.events.iter().filter_map(|event| event.event_id).collect::<Vec<_>>(), page.next_marker)
    };
    let (first, marker) = page(None).await;
    let newest = first[0];
    assert_eq!(first, [newest, newest - 1]);
    let heard = SendDurableExecutionCallbackSuccessInput { callback_id, result: None };
    world.lambda.send_durable_execution_callback_success(&world.cx, heard).await.unwrap();
    settle().await;
    assert!(page(None).await.0[0] > newest);
    assert_eq!(page(marker).await.0[0], newest - 2);
}

#[tokio::test]
async fn time_runs_out_unless_it_is_paused() {
    let world = world(waits_for_callback).await;
    for paused in [false, true] {
        let arn = begin(&world, "{}").await;
        if paused {
            let pause = PauseDurableExecutionInput {
                durable_execution_arn: arn.clone(),
                execution_timeout_paused: Some(true),
                client_token: None,
                reason: Some("lunch".to_owned()),
            };
            world.lambda.pause_durable_execution(&world.cx, pause).await.unwrap();
            assert_eq!(look(&world, &arn).await.pause_details.unwrap().reason.as_deref(), Some("lunch"));
        }
        let callback_id = callback_id(&world, &arn).await;
        for _ in 0..75 {
            world.clock.advance(Duration::from_secs(8));
            settle().await;
            let beat = SendDurableExecutionCallbackHeartbeatInput { callback_id: callback_id.clone() };
            // Until its own hundred seconds are over.
            drop(world.lambda.send_durable_execution_callback_heartbeat(&world.cx, beat).await);
        }
        settle().await;
        let status = look(&world, &arn).await.status;
        if !paused {
            assert_eq!(
                status,
                ExecutionStatus::Succeeded,
                "the callback's time is over before the execution's"
            );
            continue;
        }
        assert_eq!(status, ExecutionStatus::Paused);
        let resume = ResumeDurableExecutionInput {
            durable_execution_arn: arn.clone(),
            client_token: None,
            reason: None,
        };
        world.lambda.resume_durable_execution(&world.cx, resume).await.unwrap();
        settle().await;
        assert_eq!(look(&world, &arn).await.status, ExecutionStatus::Succeeded);
    }
}

#[tokio::test]
async fn an_invocation_without_an_answer_is_tried_again() {
    let tries = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&tries);
    let world = world(|_| async { String::new() }).await;
    world.executor.answer(move |_, _| {
        let mut tries = counted.lock().unwrap();
        *tries += 1;
        if *tries < 4 { crate::fixture::broken() } else { Answer::Json(succeeded("1")) }
    });
    let arn = begin(&world, "{}").await;
    for (seconds, expected) in [(0, 1), (1, 2), (1, 2), (1, 3), (4, 4)] {
        world.clock.advance(Duration::from_secs(seconds));
        settle().await;
        assert_eq!(*tries.lock().unwrap(), expected, "after {seconds} more seconds");
    }
    assert_eq!(look(&world, &arn).await.status, ExecutionStatus::Succeeded);
    world.executor.answer(|_, _| Answer::Json("\"not an envelope\"".to_owned()));
    let arn = begin(&world, "{}").await;
    let error = look(&world, &arn).await.error.unwrap();
    assert_eq!(error.error_message.as_deref(), Some("Invalid Status in invocation output."));
}
