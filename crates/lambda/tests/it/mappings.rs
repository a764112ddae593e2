//! Event source mappings: order, positions, failures, states, restarts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::lambda::*;
use sandbox::FaultKind;
use tokio::sync::mpsc;

use crate::fixture::{Answer, STREAM, World, broken, check_failure, null, settle};

fn mapping() -> CreateEventSourceMappingInput {
    CreateEventSourceMappingInput {
        event_source_arn: Some(STREAM.to_owned()),
        function_name: "f".to_owned(),
        starting_position: Some(EventSourcePosition::TrimHorizon),
        batch_size: Some(3),
        ..CreateEventSourceMappingInput::default()
    }
}

async fn world() -> World {
    let world = World::new().await;
    world.create("f").await;
    world.feed.open_shard("s0", None);
    world
}

async fn create(world: &World, input: CreateEventSourceMappingInput) -> String {
    let made = world.lambda.create_event_source_mapping(&world.cx, input).await.unwrap();
    assert_eq!(made.state.as_deref(), Some("Creating"));
    made.uuid.unwrap()
}

async fn get(world: &World, uuid: &str) -> EventSourceMappingConfiguration {
    settle().await;
    let input = GetEventSourceMappingInput { uuid: uuid.to_owned() };
    world.lambda.get_event_source_mapping(&world.cx, input).await.unwrap()
}

fn batch(records: &[u64]) -> String {
    let records: Vec<_> = records.iter().map(u64::to_string).collect();
    format!(r#"{{"Records":[{}]}}"#, records.join(","))
}

#[tokio::test]
async fn a_mapping_says_all_that_aws_says() {
    let world = world().await;
    let uuid = create(&world, CreateEventSourceMappingInput { batch_size: None, ..mapping() }).await;
    let expected = EventSourceMappingConfiguration {
        uuid: Some(uuid.clone()),
        starting_position: Some(EventSourcePosition::TrimHorizon),
        batch_size: Some(100),
        maximum_batching_window_in_seconds: Some(0),
        parallelization_factor: Some(1),
        event_source_arn: Some(STREAM.to_owned()),
        function_arn: Some("arn:aws:lambda:us-east-1:000000000000:function:f".to_owned()),
        last_modified: Some(crate::fixture::START),
        last_processing_result: Some("No records processed".to_owned()),
        state: Some("Enabled".to_owned()),
        state_transition_reason: Some("User action".to_owned()),
        destination_config: Some(DestinationConfig {
            on_success: None,
            on_failure: Some(OnFailure::default()),
        }),
        maximum_record_age_in_seconds: Some(-1),
        bisect_batch_on_function_error: Some(false),
        maximum_retry_attempts: Some(-1),
        tumbling_window_in_seconds: Some(0),
        function_response_types: Some(vec![]),
        event_source_mapping_arn: Some(format!(
            "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:{uuid}"
        )),
        ..EventSourceMappingConfiguration::default()
    };
    assert_eq!(get(&world, &uuid).await, expected);
}

#[tokio::test]
async fn what_is_refused() {
    let world = world().await;
    let uuid = create(&world, mapping()).await;
    let other = "arn:aws:dynamodb:us-east-1:000000000000:table/u/stream/x";
    let invalid = "InvalidParameterValueException";
    let twin = format!(
        "The event source arn (\" {STREAM} \") and function (\" f \") provided mapping already exists. Please update or delete the existing mapping with UUID {uuid}"
    );
    let missing = "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.";
    let at = format!("Unsupported starting position for arn type: {STREAM}");
    let gone = format!("Stream not found: {other}");
    let with = |change: fn(&mut CreateEventSourceMappingInput)| {
        let mut input = mapping();
        change(&mut input);
        input
    };
    for (input, code, status, message) in [
        (mapping(), "ResourceConflictException", 409, &*twin),
        (with(|m| m.function_name = "nobody".to_owned()), invalid, 400, "Function does not exist"),
        (with(|m| m.event_source_arn = None), invalid, 400, "Unrecognized event source."),
        (
            with(|m| m.event_source_arn = Some("arn:aws:dynamodb:us-east-1:000000000000:table/t".to_owned())),
            invalid,
            400,
            "Unrecognized event source.",
        ),
        (with(|m| m.starting_position = None), invalid, 400, missing),
        (with(|m| m.starting_position = Some(EventSourcePosition::AtTimestamp)), invalid, 400, &at),
        (
            CreateEventSourceMappingInput { event_source_arn: Some(other.to_owned()), ..mapping() },
            invalid,
            400,
            &gone,
        ),
        (
            with(|m| m.topics = Some(vec!["t".to_owned()])),
            invalid,
            400,
            "Topics is not supported for DynamoDB event source mappings.",
        ),
    ] {
        check_failure(
            world.lambda.create_event_source_mapping(&world.cx, input).await,
            code,
            status,
            message,
        );
    }
    let input = GetEventSourceMappingInput { uuid: "00000000-0000-0000-0000-000000000000".to_owned() };
    check_failure(
        world.lambda.get_event_source_mapping(&world.cx, input).await,
        "ResourceNotFoundException",
        404,
        "The resource you requested does not exist.",
    );
}

#[tokio::test]
async fn records_come_in_order_and_in_batches() {
    let world = world().await;
    world.feed.put("s0", 1..=4);
    let uuid = create(&world, mapping()).await;
    assert_eq!(world.seen().await, [batch(&[1, 2, 3]), batch(&[4])]);
    world.feed.put("s0", [5]);
    assert_eq!(world.seen().await, [batch(&[5])]);
    assert_eq!(get(&world, &uuid).await.last_processing_result.as_deref(), Some("OK"));
}

#[tokio::test]
async fn latest_sees_only_what_comes_after() {
    let world = world().await;
    world.feed.put("s0", 1..=4);
    create(
        &world,
        CreateEventSourceMappingInput { starting_position: Some(EventSourcePosition::Latest), ..mapping() },
    )
    .await;
    // Written before the poller has begun.
    world.feed.put("s0", [5]);
    assert_eq!(world.seen().await, [batch(&[5])]);
}

#[tokio::test]
async fn children_wait_for_their_parents() {
    let world = world().await;
    world.feed.put("s0", [1, 2]);
    world.feed.open_shard("s1", Some("s0"));
    world.feed.put("s1", [3]);
    create(
        &world,
        CreateEventSourceMappingInput {
            starting_position: Some(EventSourcePosition::TrimHorizon),
            ..mapping()
        },
    )
    .await;
    assert_eq!(world.seen().await, [batch(&[1, 2])]);
    world.feed.close_shard("s0");
    assert_eq!(world.seen().await, [batch(&[3])]);
    // A closed shard is not read again by the next process.
    world.lambda.stop(Duration::from_secs(2)).await;
    let next = world.reopened().await;
    world.feed.put("s1", [4]);
    assert_eq!(next.seen().await, [batch(&[4])]);
}

#[tokio::test]
async fn a_failing_batch_is_tried_again_until_it_succeeds() {
    let world = world().await;
    world.executor.answer(|_, _| broken());
    world.feed.put("s0", 1..=5);
    let uuid = create(&world, mapping()).await;
    assert_eq!(world.seen().await, [batch(&[1, 2, 3])]);
    assert_eq!(
        get(&world, &uuid).await.last_processing_result.as_deref(),
        Some("PROBLEM: Function call failed")
    );
    for seconds in [1, 2, 4] {
        world.clock.advance(Duration::from_secs(seconds));
        assert_eq!(world.seen().await, [batch(&[1, 2, 3])]);
    }
    world.executor.answer(|_, _| null());
    world.clock.advance(Duration::from_secs(8));
    assert_eq!(world.seen().await, [batch(&[1, 2, 3]), batch(&[4, 5])]);
}

#[tokio::test]
async fn retries_end_halves_are_tried_and_items_are_reported() {
    let fail_on_2 = |_: &sandbox::FunctionSpec, invocation: &sandbox::Invocation| {
        if invocation.payload.contains(&b'2') { broken() } else { null() }
    };
    let report_2 = |_: &sandbox::FunctionSpec, invocation: &sandbox::Invocation| {
        let items = if invocation.payload.contains(&b'2') { r#"{"itemIdentifier":"002"}"# } else { "" };
        Answer::Json(format!(r#"{{"batchItemFailures":[{items}]}}"#))
    };
    type Script = fn(&sandbox::FunctionSpec, &sandbox::Invocation) -> Answer;
    for (change, script, expected) in [
        (
            CreateEventSourceMappingInput { maximum_retry_attempts: Some(1), ..mapping() },
            fail_on_2 as Script,
            vec![batch(&[1, 2, 3]), batch(&[1, 2, 3]), batch(&[4])],
        ),
        (
            CreateEventSourceMappingInput {
                maximum_retry_attempts: Some(0),
                bisect_batch_on_function_error: Some(true),
                ..mapping()
            },
            fail_on_2 as Script,
            vec![batch(&[1, 2, 3]), batch(&[1]), batch(&[2, 3]), batch(&[2]), batch(&[3]), batch(&[4])],
        ),
        (
            CreateEventSourceMappingInput {
                maximum_retry_attempts: Some(1),
                function_response_types: Some(vec![FunctionResponseType::ReportBatchItemFailures]),
                ..mapping()
            },
            report_2 as Script,
            vec![batch(&[1, 2, 3]), batch(&[2, 3]), batch(&[4])],
        ),
    ] {
        let world = world().await;
        world.executor.answer(script);
        world.feed.put("s0", 1..=4);
        create(&world, change).await;
        let mut seen = world.seen().await;
        for _ in 0..6 {
            world.clock.advance(Duration::from_secs(60));
            seen.extend(world.seen().await);
        }
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn the_position_outlives_the_process_and_a_batch_it_did_not_see_end() {
    let world = world().await;
    world.feed.put("s0", 1..=3);
    create(&world, mapping()).await;
    assert_eq!(world.seen().await, [batch(&[1, 2, 3])]);
    // The next batch is being worked on when the process dies: no stop, no commit.
    let (hold, gate) = mpsc::channel(1);
    let gate = Mutex::new(Some(gate));
    world.executor.answer(move |_, _| Answer::Later(gate.lock().unwrap().take().unwrap()));
    world.feed.put("s0", 4..=5);
    assert_eq!(world.seen().await, [batch(&[4, 5])]);
    let next = world.reopened().await;
    assert_eq!(next.seen().await, [batch(&[4, 5])]);
    world.feed.put("s0", [6]);
    assert_eq!(next.seen().await, [batch(&[6])]);
    drop(hold);
}

#[tokio::test]
async fn a_mapping_is_turned_off_and_on_and_loses_nothing() {
    let world = world().await;
    let uuid = create(&world, mapping()).await;
    let update = |enabled| UpdateEventSourceMappingInput {
        uuid: uuid.clone(),
        enabled: Some(enabled),
        ..UpdateEventSourceMappingInput::default()
    };
    world.feed.put("s0", [1]);
    assert_eq!(world.seen().await, [batch(&[1])]);
    let off = world.lambda.update_event_source_mapping(&world.cx, update(false)).await.unwrap();
    assert_eq!(off.state.as_deref(), Some("Disabling"));
    assert_eq!(get(&world, &uuid).await.state.as_deref(), Some("Disabled"));
    world.feed.put("s0", [2]);
    assert!(world.seen().await.is_empty());
    let on = world.lambda.update_event_source_mapping(&world.cx, update(true)).await.unwrap();
    assert_eq!(on.state.as_deref(), Some("Enabling"));
    assert_eq!(world.seen().await, [batch(&[2])]);
    assert_eq!(get(&world, &uuid).await.state.as_deref(), Some("Enabled"));

    let list = ListEventSourceMappingsInput { function_name: Some("f".to_owned()), ..Default::default() };
    let listed = world.lambda.list_event_source_mappings(&world.cx, list.clone()).await.unwrap();
    assert_eq!(listed.event_source_mappings.unwrap().len(), 1);
    let delete = DeleteEventSourceMappingInput { uuid: uuid.clone() };
    let deleted = world.lambda.delete_event_source_mapping(&world.cx, delete).await.unwrap();
    assert_eq!(deleted.state.as_deref(), Some("Deleting"));
    settle().await;
    let listed = world.lambda.list_event_source_mappings(&world.cx, list).await.unwrap();
    assert_eq!(listed.event_source_mappings, Some(vec![]));
    world.feed.put("s0", [3]);
    assert!(world.seen().await.is_empty());
    let rows =
        world.store.scan(store::KeyRange::new(&b"\x26"[..], &b"\x28"[..]), Default::default()).await.unwrap();
    assert_eq!(rows.entries.len(), 0);
}

#[tokio::test]
async fn a_batching_window_waits_for_more() {
    let world = world().await;
    let input = CreateEventSourceMappingInput { maximum_batching_window_in_seconds: Some(10), ..mapping() };
    create(&world, input).await;
    world.feed.put("s0", [1]);
    assert!(world.seen().await.is_empty());
    world.feed.put("s0", [2]);
    assert!(world.seen().await.is_empty());
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(world.seen().await, [batch(&[1, 2])]);
    world.feed.put("s0", [3, 4, 5, 6]);
    assert_eq!(world.seen().await, [batch(&[3, 4, 5])]);
}

#[tokio::test]
async fn an_end_of_the_environment_is_a_failure_of_the_batch() {
    let world = world().await;
    let ends = Arc::new(Mutex::new(2));
    let left = ends.clone();
    world.executor.answer(move |_, _| {
        let mut left = left.lock().unwrap();
        if *left == 0 {
            return null();
        }
        *left -= 1;
        Answer::Fault(FaultKind::Exit, "{}".to_owned())
    });
    world.feed.put("s0", [1]);
    create(&world, mapping()).await;
    settle().await;
    world.clock.advance(Duration::from_secs(1));
    settle().await;
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(world.seen().await, [batch(&[1]), batch(&[1]), batch(&[1])]);
    assert_eq!(*ends.lock().unwrap(), 0);
}
