//! Each setting of event source mappings: filters, lanes, windows, destinations, and what of them outlives a process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::lambda::*;
use base::Timestamp;
use bytes::{Bytes, BytesMut};
use ports::{BoxFuture, ObjectEntry, ObjectError, ObjectReader, ObjectWriter, Objects};
use tokio::sync::mpsc;

use crate::fixture::{Answer, START, STREAM, World, broken, check_failure, null, settle};

type Input = CreateEventSourceMappingInput;

pub(crate) fn mapping(change: impl FnOnce(&mut Input)) -> Input {
    let mut input = Input {
        event_source_arn: Some(STREAM.to_owned()),
        function_name: "f".to_owned(),
        starting_position: Some(EventSourcePosition::TrimHorizon),
        ..Input::default()
    };
    change(&mut input);
    input
}

/// Keeps objects in memory: a destination that a test can look into.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) objects: Arc<Mutex<Vec<(String, Bytes)>>>,
}

#[derive(Debug)]
struct Writer(Arc<Mutex<Vec<(String, Bytes)>>>, String, BytesMut);

impl ObjectWriter for Writer {
    fn write(&mut self, piece: Bytes) -> BoxFuture<'_, Result<(), ObjectError>> {
        self.2.extend_from_slice(&piece);
        Box::pin(std::future::ready(Ok(())))
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), ObjectError>> {
        self.0.lock().unwrap().push((self.1, self.2.freeze()));
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Objects for Bucket {
    fn list<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<ObjectEntry>, ObjectError>> {
        Box::pin(std::future::ready(Err(ObjectError::NoSuchBucket)))
    }

    fn open<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ObjectError>> {
        Box::pin(std::future::ready(Err(ObjectError::NoSuchBucket)))
    }

    fn create<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectWriter>, ObjectError>> {
        let writer = Writer(self.objects.clone(), format!("{bucket}/{key}"), BytesMut::new());
        Box::pin(std::future::ready(Ok(Box::new(writer) as Box<dyn ObjectWriter>)))
    }
}

async fn world() -> (World, Arc<Bucket>) {
    let bucket = Arc::new(Bucket::default());
    let objects = bucket.clone();
    let world = World::with(|config| config.objects = Some(objects)).await;
    world.create("f").await;
    world.feed.open_shard("s0", None);
    (world, bucket)
}

async fn create(world: &World, input: Input) -> String {
    world.lambda.create_event_source_mapping(&world.cx, input).await.unwrap().uuid.unwrap()
}

fn event(key: &str, n: u64) -> String {
    format!(r#"{{"eventName":"INSERT","dynamodb":{{"Keys":{{"id":{{"S":"{key}"}}}}}},"n":{n}}}"#)
}

/// The `n` of the records of an event.
pub(crate) fn numbers(payload: &str) -> Vec<u64> {
    let event: serde_json::Value = serde_json::from_str(payload).unwrap();
    let number = |record: &serde_json::Value| record.get("n").unwrap_or(record).as_u64().unwrap();
    event["Records"].as_array().unwrap().iter().map(number).collect()
}

async fn seen(world: &World) -> Vec<Vec<u64>> {
    world.seen().await.iter().map(|payload| numbers(payload)).collect()
}

fn filters(patterns: &[&str]) -> Option<FilterCriteria> {
    let filter = |pattern: &&str| Filter { pattern: Some((*pattern).to_owned()) };
    Some(FilterCriteria { filters: Some(patterns.iter().map(filter).collect()) })
}

fn destination(arn: &str) -> Option<DestinationConfig> {
    let on_failure = Some(OnFailure { destination: Some(arn.to_owned()) });
    Some(DestinationConfig { on_success: None, on_failure })
}

#[tokio::test]
async fn settings_are_printed_and_bad_ones_refused() {
    let (world, _) = world().await;
    let invalid = "InvalidParameterValueException";
    let pattern = "Invalid filter pattern definition.";
    for (input, message) in [
        (mapping(|m| m.filter_criteria = filters(&[r#"{"a":"b"}"#])), pattern),
        (mapping(|m| m.filter_criteria = filters(&["x"])), pattern),
        (
            mapping(|m| m.filter_criteria = filters(&[r#"{"a":[1]}"#; 6])),
            "The maximum number of filters per event source mapping is 5.",
        ),
        (
            mapping(|m| {
                m.destination_config = destination("arn:aws:lambda:us-east-1:000000000000:function:g")
            }),
            "The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination=arn:aws:lambda:us-east-1:000000000000:function:g)) is invalid.",
        ),
        (
            mapping(|m| m.scaling_config = Some(ScalingConfig::default())),
            "ScalingConfig is not supported for DynamoDB event source mappings.",
        ),
        (
            mapping(|m| m.provisioned_poller_config = Some(ProvisionedPollerConfig::default())),
            "ProvisionedPollerConfig is not supported for DynamoDB event source mappings.",
        ),
    ] {
        let made = world.lambda.create_event_source_mapping(&world.cx, input).await;
        check_failure(made, invalid, 400, message);
    }
    let uuid = create(
        &world,
        mapping(|m| {
            m.filter_criteria = filters(&[r#"{"n":[1]}"#]);
            m.tumbling_window_in_seconds = Some(60);
            m.parallelization_factor = Some(3);
            m.destination_config = destination("arn:aws:s3:::lost");
            let metrics = Some(vec![EventSourceMappingMetric::EventCount]);
            m.metrics_config = Some(EventSourceMappingMetricsConfig { metrics });
        }),
    )
    .await;
    let input = GetEventSourceMappingInput { uuid: uuid.clone() };
    let told = world.lambda.get_event_source_mapping(&world.cx, input).await.unwrap();
    assert_eq!(told.filter_criteria, filters(&[r#"{"n":[1]}"#]));
    assert_eq!(told.tumbling_window_in_seconds, Some(60));
    assert_eq!(told.parallelization_factor, Some(3));
    assert_eq!(told.destination_config, destination("arn:aws:s3:::lost"));
    assert_eq!(told.metrics_config.unwrap().metrics.unwrap().len(), 1);
    let update = UpdateEventSourceMappingInput { uuid, filter_criteria: filters(&[]), ..Default::default() };
    let told = world.lambda.update_event_source_mapping(&world.cx, update).await.unwrap();
    assert_eq!((told.filter_criteria, told.tumbling_window_in_seconds), (None, Some(60)));
}

#[tokio::test]
async fn filtered_records_are_passed_over() {
    let (world, _) = world().await;
    let odd = filters(&[r#"{"n":[1,3,5]}"#, r#"{"dynamodb":{"Keys":{"id":{"S":[{"prefix":"x"}]}}}}"#]);
    create(&world, mapping(|m| m.filter_criteria = odd)).await;
    for n in 1..=6 {
        world.feed.put_event("s0", n, event(if n == 6 { "xy" } else { "a" }, n), START);
    }
    assert_eq!(seen(&world).await, [[1, 3, 5, 6]]);
    for n in 10..14 {
        world.feed.put_event("s0", n, event("a", n), START);
    }
    assert!(seen(&world).await.is_empty());
    world.lambda.stop(Duration::from_secs(1)).await;
    let next = world.reopened().await;
    next.feed.put_event("s0", 20, event("x", 20), START);
    assert_eq!(seen(&next).await, [[20]]);
}

#[tokio::test]
async fn a_lane_that_stands_holds_up_its_own_keys_only() {
    let (world, _) = world().await;
    create(
        &world,
        mapping(|m| {
            m.parallelization_factor = Some(4);
            m.batch_size = Some(1);
        }),
    )
    .await;
    let (hold, gate) = mpsc::channel(1);
    let gate = Mutex::new(Some(gate));
    world.executor.answer(move |_, invocation| {
        if invocation.payload.windows(8).any(|w| w == br#""S":"k0""#)
            && let Some(gate) = gate.lock().unwrap().take()
        {
            return Answer::Later(gate);
        }
        null()
    });
    for n in 1..=12 {
        world.feed.put_event("s0", n, event(&format!("k{}", (n - 1) % 6), n), START);
    }
    let first: Vec<u64> = seen(&world).await.concat();
    assert!(first.contains(&1) && !first.contains(&7), "{first:?}");
    assert!(first.len() > 4, "other lanes go on: {first:?}");
    // The process dies: the lane that stood is done again, those that had ended are not.
    let next = world.reopened().await;
    let second: Vec<u64> = seen(&next).await.concat();
    assert!(second.starts_with(&[1]) && second.contains(&7), "{second:?}");
    let twice = second.iter().filter(|n| first.contains(n)).count();
    assert_eq!(twice, 1, "{first:?} {second:?}");
    assert_eq!(first.len() + second.len(), 13);
    drop(hold);
}

#[tokio::test]
async fn what_is_given_up_goes_to_the_destination() {
    let (world, bucket) = world().await;
    world
        .executor
        .answer(|_, invocation| if numbers_of(invocation).contains(&2) { broken() } else { null() });
    let uuid = create(
        &world,
        mapping(|m| {
            m.maximum_retry_attempts = Some(1);
            m.bisect_batch_on_function_error = Some(true);
            m.destination_config = destination("arn:aws:s3:::lost");
        }),
    )
    .await;
    for n in 1..=3 {
        world.feed.put_event("s0", n, event("a", n), START);
    }
    let mut all = Vec::new();
    for _ in 0..8 {
        all.extend(seen(&world).await);
        world.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(all, [vec![1, 2, 3], vec![1], vec![2, 3], vec![2], vec![2], vec![3]]);
    let objects = bucket.objects.lock().unwrap().clone();
    let [(key, body)] = &objects[..] else { panic!("{objects:?}") };
    assert!(key.starts_with(&format!("lost/aws/lambda/{uuid}/s0/2026/")), "{key}");
    let record: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert_eq!(record["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 4);
    assert_eq!(record["requestContext"]["functionArn"], "arn:aws:lambda:us-east-1:000000000000:function:f");
    assert_eq!(record["responseContext"]["functionError"], "Unhandled");
    assert_eq!(record["responseContext"]["executedVersion"], "$LATEST");
    assert_eq!(record["DDBStreamBatchInfo"]["startSequenceNumber"], "002");
    assert_eq!(record["DDBStreamBatchInfo"]["batchSize"], 1);
    assert_eq!(record["DDBStreamBatchInfo"]["streamArn"], STREAM);
    assert_eq!(numbers(record["payload"].as_str().unwrap()), [2]);
}

fn numbers_of(invocation: &sandbox::Invocation) -> Vec<u64> {
    numbers(std::str::from_utf8(&invocation.payload).unwrap())
}

#[tokio::test]
async fn old_records_are_given_up() {
    let (world, bucket) = world().await;
    world.executor.answer(|_, _| broken());
    create(
        &world,
        mapping(|m| {
            m.maximum_record_age_in_seconds = Some(60);
            m.destination_config = destination("arn:aws:s3:::lost");
        }),
    )
    .await;
    world.feed.put_event("s0", 1, event("a", 1), START);
    assert_eq!(seen(&world).await, [[1]]);
    world.executor.answer(|_, _| null());
    world.clock.advance(Duration::from_secs(61));
    world.feed.put_event("s0", 2, event("a", 2), START.plus(Duration::from_secs(61)));
    assert_eq!(seen(&world).await, [[2]]);
    let record = bucket.objects.lock().unwrap()[0].1.clone();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["requestContext"]["condition"], "RecordAgeExceeded");
}

#[tokio::test]
async fn attempts_pieces_and_the_last_result_outlive_the_process() {
    let (world, _) = world().await;
    world.executor.answer(|_, _| broken());
    let uuid = create(
        &world,
        mapping(|m| {
            m.batch_size = Some(4);
            m.maximum_retry_attempts = Some(2);
            m.bisect_batch_on_function_error = Some(true);
        }),
    )
    .await;
    for n in 1..=4 {
        world.feed.put_event("s0", n, event("a", n), START);
    }
    assert_eq!(seen(&world).await, [[1, 2, 3, 4]]);
    let mut world = world;
    for expected in [vec![1, 2], vec![1], vec![1]] {
        world.lambda.stop(Duration::from_secs(1)).await;
        world = world.reopened().await;
        world.executor.answer(|_, _| broken());
        let input = GetEventSourceMappingInput { uuid: uuid.clone() };
        let told = world.lambda.get_event_source_mapping(&world.cx, input).await.unwrap();
        assert_eq!(told.last_processing_result.as_deref(), Some("PROBLEM: Function call failed"));
        assert_eq!(seen(&world).await, [expected]);
    }
    world.lambda.stop(Duration::from_secs(1)).await;
    world = world.reopened().await;
    // The third and last attempt with the first record, then the second alone.
    let mut all = seen(&world).await;
    world.clock.advance(Duration::from_secs(60));
    all.extend(seen(&world).await);
    assert_eq!(all, [vec![1], vec![2], vec![3, 4]]);
}

/// Counts records into the state, as a function would.
fn count(invocation: &sandbox::Invocation) -> Answer {
    let event: serde_json::Value = serde_json::from_slice(&invocation.payload).unwrap();
    let before = event["state"]["n"].as_u64().unwrap_or(0);
    let now = before + event["Records"].as_array().unwrap().len() as u64;
    Answer::Json(format!(r#"{{"state":{{"n":{now}}}}}"#))
}

fn shown(payload: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(payload).unwrap();
    let last = if event["isFinalInvokeForWindow"] == true { " final" } else { "" };
    let early = if event["isWindowTerminatedEarly"] == true { " early" } else { "" };
    let start = event["window"]["start"].as_str().unwrap();
    assert_eq!(event["shardId"], "s0");
    assert_eq!(event["eventSourceARN"], STREAM);
    format!("{:?} {} {}{last}{early}", numbers(payload), event["state"]["n"], &start[14..])
}

#[tokio::test]
async fn windows_carry_their_state_and_outlive_the_process() {
    let (world, _) = world().await;
    world.executor.answer(|_, invocation| count(invocation));
    create(
        &world,
        mapping(|m| {
            m.tumbling_window_in_seconds = Some(60);
            m.batch_size = Some(2);
        }),
    )
    .await;
    let minute = Timestamp(START.0 - START.0.rem_euclid(60_000) + 60_000);
    world.clock.advance(minute.since(world.clock.now()));
    for n in 1..=3 {
        world.feed.put_event("s0", n, event("a", n), minute);
    }
    // As `shown` prints the start of a window: minutes and seconds.
    let at = |seconds| format!("{}Z", &minute.plus(Duration::from_secs(seconds)).iso8601()[14..19]);
    let (first, second) = (at(0), at(60));
    let all: Vec<_> = world.seen().await.iter().map(|payload| shown(payload)).collect();
    assert_eq!(all, [format!("[1, 2] null {first}"), format!("[3] 2 {first}")]);
    world.lambda.stop(Duration::from_secs(1)).await;
    let world = world.reopened().await;
    world.executor.answer(|_, invocation| count(invocation));
    assert!(world.seen().await.is_empty());
    // A record of the next window ends this one, and so does time.
    world.clock.advance(Duration::from_secs(59));
    assert!(world.seen().await.is_empty());
    world.feed.put_event("s0", 4, event("a", 4), minute.plus(Duration::from_secs(60)));
    let all: Vec<_> = world.seen().await.iter().map(|payload| shown(payload)).collect();
    assert_eq!(all, [format!("[] 3 {first} final"), format!("[4] null {second}")]);
    world.clock.advance(Duration::from_secs(61));
    let all: Vec<_> = world.seen().await.iter().map(|payload| shown(payload)).collect();
    assert_eq!(all, [format!("[] 1 {second} final")]);
}

#[tokio::test]
async fn a_state_that_grows_too_large_ends_its_window_early_and_none_is_a_failure() {
    let (world, _) = world().await;
    world.executor.answer(|_, invocation| {
        if numbers_of(invocation) == [1] {
            return Answer::Json(format!(r#"{{"state":{{"n":7,"x":"{}"}}}}"#, "y".repeat(1 << 20)));
        }
        count(invocation)
    });
    create(
        &world,
        mapping(|m| {
            m.tumbling_window_in_seconds = Some(900);
            m.batch_size = Some(1);
        }),
    )
    .await;
    world.feed.put_event("s0", 1, event("a", 1), START);
    world.feed.put_event("s0", 2, event("a", 2), START);
    let all: Vec<_> = world.seen().await.iter().map(|payload| shown(payload)[..5].to_owned()).collect();
    assert_eq!(all, ["[1] n", "[] 7 ", "[2] n"]);
    world.executor.answer(|_, _| null());
    world.feed.put_event("s0", 3, event("a", 3), START);
    assert_eq!(seen(&world).await, [[3]]);
    settle().await;
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(seen(&world).await, [[3]]);
}
