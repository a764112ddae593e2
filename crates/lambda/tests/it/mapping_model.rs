//! Random records, settings, failures, partial failures and deaths of the process: every wanted record is taken or goes
//! to the destination, those of a key in their order, and no other is seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::lambda::*;

use crate::fixture::{Answer, World, broken, settle};
use crate::mapping_settings::{Bucket, mapping, numbers};

const RECORDS: u64 = 60;
const KEYS: u64 = 7;

/// A small generator: the same numbers for the same seed.
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What became of the records.
#[derive(Debug, Default)]
struct Model {
    wanted: BTreeMap<u64, Vec<u64>>,
    done: BTreeSet<u64>,
}

impl Model {
    fn key_of(n: u64) -> u64 {
        n * 31 % KEYS
    }

    /// Taken or given up: what came before with the same key is already.
    fn settle(&mut self, records: &[u64], seed: u64) {
        for n in records {
            let of_key = &self.wanted[&Self::key_of(*n)];
            assert!(of_key.contains(n), "seed {seed}: {n} was not wanted");
            let missed: Vec<_> = of_key.iter().filter(|m| *m < n && !self.done.contains(m)).collect();
            assert!(missed.is_empty(), "seed {seed}: {n} came before {missed:?}");
            self.done.insert(*n);
        }
    }

    fn is_complete(&self) -> bool {
        self.wanted.values().flatten().all(|n| self.done.contains(n))
    }
}

fn settings(random: &mut Random) -> CreateEventSourceMappingInput {
    mapping(|m| {
        m.batch_size = Some(1 + random.below(8) as i32);
        m.parallelization_factor = Some(1 + random.below(4) as i32);
        m.maximum_retry_attempts = Some([-1, 0, 1, 3][random.below(4) as usize]);
        m.bisect_batch_on_function_error = Some(random.below(2) == 0);
        if random.below(2) == 0 {
            m.function_response_types = Some(vec![FunctionResponseType::ReportBatchItemFailures]);
        }
        m.maximum_batching_window_in_seconds = Some([0, 0, 5][random.below(3) as usize]);
        m.tumbling_window_in_seconds = Some([0, 0, 30][random.below(3) as usize]);
        let filter = Filter { pattern: Some(r#"{"eventName":["INSERT"]}"#.to_owned()) };
        m.filter_criteria = Some(FilterCriteria { filters: Some(vec![filter]) });
        let destination = Some("arn:aws:s3:::lost".to_owned());
        m.destination_config =
            Some(DestinationConfig { on_success: None, on_failure: Some(OnFailure { destination }) });
    })
}

/// What outlives the processes of one run.
#[derive(Debug, Clone)]
struct Fixed {
    model: Arc<Mutex<Model>>,
    bucket: Arc<Bucket>,
    /// What decides how functions answer.
    fate: Arc<Mutex<Random>>,
    seed: u64,
    reports: bool,
}

/// The function: succeeds, fails, or reports an item, by chance.
fn script(world: &World, fixed: &Fixed) {
    let Fixed { model, bucket, fate, seed, reports } = fixed.clone();
    world.executor.answer(move |_, invocation| {
        collect_lost(&bucket, &model, seed);
        let records = numbers(std::str::from_utf8(&invocation.payload).unwrap());
        let mut random = fate.lock().unwrap();
        match random.below(10) {
            0..=2 => broken(),
            3 | 4 if reports && !records.is_empty() => {
                let failed = random.below(records.len() as u64) as usize;
                model.lock().unwrap().settle(&records[..failed], seed);
                let item = format!("{:03}", records[failed]);
                Answer::Json(format!(
                    r#"{{"state":{{}},"batchItemFailures":[{{"itemIdentifier":"{item}"}}]}}"#
                ))
            }
            _ => {
                model.lock().unwrap().settle(&records, seed);
                Answer::Json(r#"{"state":{"a":1}}"#.to_owned())
            }
        }
    });
}

/// One process: writes some records, lets time pass, and is killed, or stopped.
async fn live(world: &World, random: &mut Random, model: &Mutex<Model>, next: &mut u64) {
    for _ in 0..1 + random.below(6) {
        for _ in 0..random.below(12) {
            if *next > RECORDS {
                break;
            }
            let n = *next;
            *next += 1;
            let wanted = random.below(5) > 0;
            let name = if wanted { "INSERT" } else { "REMOVE" };
            let key = Model::key_of(n);
            if wanted {
                model.lock().unwrap().wanted.entry(key).or_default().push(n);
            }
            let event = format!(
                r#"{{"eventName":"{name}","dynamodb":{{"Keys":{{"id":{{"S":"k{key}"}}}}}},"n":{n}}}"#
            );
            world.feed.put_event("s0", n, event, world.clock.now());
        }
        for _ in 0..random.below(40) {
            tokio::task::yield_now().await;
        }
        world.clock.advance(Duration::from_secs(random.below(50)));
    }
}

fn collect_lost(bucket: &Bucket, model: &Mutex<Model>, seed: u64) {
    for (_, body) in bucket.objects.lock().unwrap().drain(..) {
        let record: serde_json::Value = serde_json::from_slice(&body).unwrap();
        model.lock().unwrap().done.extend(numbers(record["payload"].as_str().unwrap()));
        assert_eq!(record["DDBStreamBatchInfo"]["shardId"], "s0", "seed {seed}");
    }
}

fn run(seed: u64) {
    let mut random = Random(seed * 7919 + 1);
    let model = Arc::new(Mutex::new(Model::default()));
    let bucket = Arc::new(Bucket::default());
    let fate = Arc::new(Mutex::new(Random(seed + 99)));
    let input = settings(&mut random);
    let reports = input.function_response_types.is_some();
    let fixed = Fixed { model: model.clone(), bucket: bucket.clone(), fate, seed, reports };
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut process = runtime();
    let objects = bucket.clone();
    let mut world = process.block_on(async {
        let world = World::with(|config| config.objects = Some(objects)).await;
        world.create("f").await;
        world.feed.open_shard("s0", None);
        world.lambda.create_event_source_mapping(&world.cx, input).await.unwrap();
        world
    });
    let mut next = 1;
    for _ in 0..5 {
        script(&world, &fixed);
        process.block_on(live(&world, &mut random, &model, &mut next));
        if random.below(3) == 0 {
            process.block_on(world.lambda.stop(Duration::from_secs(1)));
        }
        // What has not ended by now never does.
        drop(process);
        collect_lost(&bucket, &model, seed);
        process = runtime();
        world = process.block_on(world.reopened());
    }
    script(&world, &fixed);
    process.block_on(async {
        for _ in 0..400 {
            settle().await;
            collect_lost(&bucket, &model, seed);
            if model.lock().unwrap().is_complete() {
                return;
            }
            world.clock.advance(Duration::from_secs(61));
        }
        panic!("seed {seed}: not all records were taken: {:?}", model.lock().unwrap());
    });
}

#[test]
fn no_record_is_lost_and_keys_keep_their_order() {
    for seed in 0..40 {
        run(seed);
    }
}

/// What windows said at their ends, by their starts.
type Finals = Arc<Mutex<BTreeMap<String, Vec<u64>>>>;

/// The function of a window: gathers records into the state, fails by chance, tells the state of a final call.
fn gather(world: &World, finals: &Finals, fate: &Arc<Mutex<Random>>, seed: u64) {
    let (finals, fate) = (finals.clone(), fate.clone());
    world.executor.answer(move |_, invocation| {
        let payload = std::str::from_utf8(&invocation.payload).unwrap();
        let event: serde_json::Value = serde_json::from_str(payload).unwrap();
        let before = event["state"]["all"].as_array().cloned().unwrap_or_default();
        let mut all: Vec<u64> = before.iter().filter_map(serde_json::Value::as_u64).collect();
        all.extend(numbers(payload));
        if fate.lock().unwrap().below(10) < 3 {
            return broken();
        }
        if event["isFinalInvokeForWindow"] == true {
            // A final call whose end nobody saw comes again, with the same state.
            let start = event["window"]["start"].as_str().unwrap().to_owned();
            let said = finals.lock().unwrap().insert(start, all.clone());
            assert!(said.is_none_or(|said| said == all), "seed {seed}: {payload}");
        }
        Answer::Json(serde_json::json!({ "state": { "all": all } }).to_string())
    });
}

/// Some records, and time, as long as one process lives.
async fn write_some(world: &World, random: &mut Random, next: &mut u64) {
    for _ in 0..1 + random.below(5) {
        for _ in 0..random.below(9) {
            if *next <= RECORDS {
                let event = format!(
                    r#"{{"eventName":"INSERT","dynamodb":{{"Keys":{{"id":{{"S":"k"}}}}}},"n":{next}}}"#
                );
                world.feed.put_event("s0", *next, event, world.clock.now());
                *next += 1;
            }
        }
        for _ in 0..random.below(40) {
            tokio::task::yield_now().await;
        }
        world.clock.advance(Duration::from_secs(random.below(20)));
    }
}

/// Whenever the process dies: position and state are one.
#[test]
fn windows_have_each_record_once() {
    for seed in 0..40 {
        let mut random = Random(seed * 6_151 + 3);
        let (finals, fate) = (Finals::default(), Arc::new(Mutex::new(Random(seed + 7))));
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut process = runtime();
        let input = mapping(|m| {
            m.batch_size = Some(1 + random.below(6) as i32);
            m.tumbling_window_in_seconds = Some(1 + random.below(60) as i32);
            m.maximum_batching_window_in_seconds = Some([0, 5][random.below(2) as usize]);
        });
        let mut world = process.block_on(async {
            let world = World::new().await;
            world.create("f").await;
            world.feed.open_shard("s0", None);
            world.lambda.create_event_source_mapping(&world.cx, input).await.unwrap();
            world
        });
        let mut next = 1;
        while next <= RECORDS {
            gather(&world, &finals, &fate, seed);
            process.block_on(write_some(&world, &mut random, &mut next));
            drop(process);
            process = runtime();
            world = process.block_on(world.reopened());
        }
        gather(&world, &finals, &fate, seed);
        let gathered = || finals.lock().unwrap().values().flatten().copied().collect::<Vec<_>>();
        process.block_on(async {
            for _ in 0..400 {
                settle().await;
                if gathered().len() as u64 >= RECORDS {
                    return;
                }
                world.clock.advance(Duration::from_secs(31));
            }
        });
        assert_eq!(gathered(), (1..=RECORDS).collect::<Vec<_>>(), "seed {seed}");
    }
}
