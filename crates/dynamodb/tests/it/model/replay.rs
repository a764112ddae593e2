//! A history against the service, held step by step against the reference. A difference is an answer, not a panic,
//! so that a failing history can be made smaller.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use store::Store;

use super::reference::{Reference, Refusal};
use super::step::{Guarded, Range, Reading, Source, Step, TABLE, Write};
use super::value::{Item, Key, item_json, normal};
use crate::world::World;

#[derive(Debug)]
pub(super) struct Failure {
    pub(super) step: usize,
    pub(super) text: String,
}

type Checked = Result<(), String>;

pub(super) async fn run(store: Store, steps: &[Step]) -> Result<(), Failure> {
    let world = World::on(store).await;
    let stream = world.ok("CreateTable", table()).await["TableDescription"]["LatestStreamArn"].clone();
    let mut replay = Replay { world, reference: Reference::default() };
    for (number, step) in steps.iter().enumerate() {
        replay.step(step).await.map_err(|text| Failure { step: number, text })?;
    }
    let at_the_end = |text| Failure { step: steps.len(), text };
    replay.everything().await.map_err(at_the_end)?;
    replay.world.settle().await;
    replay.stream(&stream).await.map_err(at_the_end)
}

/// A step as it is told of a failing history.
pub(super) fn told(step: &Step) -> String {
    match step {
        Step::Write(guarded) => {
            let (kind, request) = guarded.request();
            format!("{kind}Item {request}")
        }
        Step::TransactWrite(actions) => format!("TransactWriteItems {}", transaction(actions)),
        Step::Query { reading, hash, range, forward } => {
            format!("Query {}", Step::query_request(reading, hash, *range, *forward))
        }
        Step::Scan { reading, segments } => format!("Scan {}", Step::scan_request(reading, 0, *segments)),
        Step::BatchWrite(writes) => format!("BatchWriteItem {}", batch(writes)),
        other => format!("{other:?}"),
    }
}

fn table() -> Json {
    let key = |hash: &str, range: &str| json!([{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]);
    let of = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    json!({
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", "KeySchema": key("pk", "sk"),
        "AttributeDefinitions": [of("pk", "S"), of("sk", "N"), of("g", "S"), of("h", "N"), of("l", "N")],
        "GlobalSecondaryIndexes": [{"IndexName": "byg", "Projection": {"ProjectionType": "ALL"}, "KeySchema": key("g", "h")}],
        "LocalSecondaryIndexes": [{"IndexName": "byl", "Projection": {"ProjectionType": "KEYS_ONLY"}, "KeySchema": key("pk", "l")}],
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    })
}

fn transaction(actions: &[Guarded]) -> Json {
    let actions: Vec<Json> = actions
        .iter()
        .map(|action| {
            let (kind, request) = action.request();
            json!({kind: request})
        })
        .collect();
    json!({"TransactItems": actions})
}

fn batch(writes: &[Write]) -> Json {
    let request = |write: &Write| match write {
        Write::Put(item) => json!({"PutRequest": {"Item": item_json(item)}}),
        other => json!({"DeleteRequest": {"Key": other.key().json()}}),
    };
    json!({"RequestItems": {TABLE: writes.iter().map(request).collect::<Vec<_>>()}})
}

fn same(what: &str, found: &Json, expected: &Json) -> Checked {
    let (found, expected) = (normal(found), normal(expected));
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what}: {found} and not {expected}")),
    }
}

fn shown(item: Option<&Item>) -> Json {
    item.map_or(Json::Null, item_json)
}

fn code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Condition => "ConditionalCheckFailedException",
        Refusal::Validation => "ValidationException",
    }
}

struct Replay {
    world: World,
    reference: Reference,
}

impl Replay {
    /// The answer, or `Code: message`.
    async fn call(&self, operation: &str, request: &Json) -> Result<Json, String> {
        let reply = self.world.call(operation, &request.to_string()).await;
        if reply.status == 200 { Ok(reply.body) } else { Err(reply.refusal()) }
    }

    async fn step(&mut self, step: &Step) -> Checked {
        match step {
            Step::Write(guarded) => self.write(guarded).await,
            Step::TransactWrite(actions) => self.transact(actions).await,
            Step::BatchWrite(writes) => {
                let answer = self.call("BatchWriteItem", &batch(writes)).await?;
                for write in writes {
                    let guarded = Guarded { write: write.clone(), condition: None };
                    self.reference.write(&guarded).map_err(|refusal| format!("{refusal:?}"))?;
                }
                same("unprocessed", &answer["UnprocessedItems"], &json!({}))
            }
            Step::Get(key) => {
                let answer = self.call("GetItem", &json!({"TableName": TABLE, "Key": key.json()})).await?;
                same("item", &answer["Item"], &shown(self.reference.items.get(key)))
            }
            Step::BatchGet(keys) => self.batch_get(keys).await,
            Step::TransactGet(keys) => self.transact_get(keys).await,
            Step::Query { reading, hash, range, forward } => {
                self.query(reading, hash, *range, *forward).await
            }
            Step::Scan { reading, segments } => self.scan(reading, *segments).await,
        }
    }

    async fn write(&mut self, guarded: &Guarded) -> Checked {
        let (kind, mut request) = guarded.request();
        let asked = if kind == "Update" { "ALL_NEW" } else { "ALL_OLD" };
        request["ReturnValues"] = json!(asked);
        let answer = self.call(&format!("{kind}Item"), &request).await;
        match (answer, self.reference.write(guarded)) {
            (Ok(answer), Ok((before, after))) => {
                let told = if asked == "ALL_NEW" { after } else { before };
                same("attributes", &answer["Attributes"], &shown(told.as_ref()))
            }
            (Err(refused), Err(refusal)) if refused.starts_with(code(refusal)) => Ok(()),
            (answer, expected) => Err(format!("{answer:?} and not {expected:?}")),
        }
    }

    async fn transact(&mut self, actions: &[Guarded]) -> Checked {
        let answer = self.call("TransactWriteItems", &transaction(actions)).await;
        match (answer, self.reference.transact(actions)) {
            (Ok(_), Ok(())) => Ok(()),
            (Err(refused), Err(reasons)) => {
                let reasons: Vec<&str> = reasons
                    .into_iter()
                    .map(|reason| match reason {
                        None => "None",
                        Some(Refusal::Condition) => "ConditionalCheckFailed",
                        Some(Refusal::Validation) => "ValidationError",
                    })
                    .collect();
                let list = format!("[{}]", reasons.join(", "));
                match refused.starts_with("TransactionCanceledException") && refused.contains(&list) {
                    true => Ok(()),
                    false => Err(format!("{refused} and not {list}")),
                }
            }
            (answer, expected) => Err(format!("{answer:?} and not {expected:?}")),
        }
    }

    async fn batch_get(&self, keys: &[Key]) -> Checked {
        let request =
            json!({"RequestItems": {TABLE: {"Keys": keys.iter().map(Key::json).collect::<Vec<_>>()}}});
        let answer = self.call("BatchGetItem", &request).await?;
        let expected: Vec<Json> =
            keys.iter().filter_map(|key| self.reference.items.get(key)).map(item_json).collect();
        same_set("items", answer["Responses"][TABLE].as_array().unwrap_or(&Vec::new()), &expected)
    }

    async fn transact_get(&self, keys: &[Key]) -> Checked {
        let gets: Vec<Json> =
            keys.iter().map(|key| json!({"Get": {"TableName": TABLE, "Key": key.json()}})).collect();
        let answer = self.call("TransactGetItems", &json!({"TransactItems": gets})).await?;
        let expected: Vec<Json> = keys
            .iter()
            .map(|key| {
                self.reference.items.get(key).map_or(json!({}), |item| json!({"Item": item_json(item)}))
            })
            .collect();
        same("responses", &answer["Responses"], &Json::Array(expected))
    }

    /// All pages of a read, and how many items they looked at.
    async fn pages(&self, operation: &str, mut request: Json) -> Result<(Vec<Json>, usize), String> {
        let (mut found, mut scanned) = (Vec::new(), 0);
        loop {
            let page = self.call(operation, &request).await?;
            let items = page["Items"].as_array().cloned().unwrap_or_default();
            same("count", &page["Count"], &json!(items.len()))?;
            scanned += page["ScannedCount"].as_u64().unwrap_or_default() as usize;
            found.extend(items);
            match page.get("LastEvaluatedKey") {
                Some(last) => request["ExclusiveStartKey"] = last.clone(),
                None => return Ok((found, scanned)),
            }
        }
    }

    async fn query(&self, reading: &Reading, hash: &str, range: Option<Range>, forward: bool) -> Checked {
        let request = Step::query_request(reading, hash, range, forward);
        let (found, scanned) = self.pages("Query", request).await?;
        let (mut expected, looked_at) = self.reference.read(reading, Some((hash, range)));
        same("scanned", &json!(scanned), &json!(looked_at))?;
        expected.sort_by_key(|(range, _)| if forward { *range } else { -*range });
        let (_, range_name) = reading.source.keys();
        let sorts = |item: &Json| item[range_name].clone();
        let order: Vec<Json> = expected.iter().map(|(_, item)| sorts(&item_json(item))).collect();
        same("order", &Json::Array(found.iter().map(sorts).collect()), &Json::Array(order))?;
        same_set("items", &found, &expected.iter().map(|(_, item)| item_json(item)).collect::<Vec<_>>())
    }

    async fn scan(&self, reading: &Reading, segments: usize) -> Checked {
        let (mut found, mut scanned) = (Vec::new(), 0);
        for segment in 0..segments {
            let (items, looked_at) =
                self.pages("Scan", Step::scan_request(reading, segment, segments)).await?;
            found.extend(items);
            scanned += looked_at;
        }
        let (expected, looked_at) = self.reference.read(reading, None);
        same("scanned", &json!(scanned), &json!(looked_at))?;
        same_set("items", &found, &expected.iter().map(|(_, item)| item_json(item)).collect::<Vec<_>>())
    }

    /// The table and its indexes as they are in the end.
    async fn everything(&self) -> Checked {
        for source in [Source::Table, Source::Global, Source::Local] {
            let reading = Reading { source, filter: None, limit: None };
            self.scan(&reading, 1).await.map_err(|text| format!("in the end, {source:?}: {text}"))?;
        }
        let told = self.call("DescribeTable", &json!({"TableName": TABLE})).await?;
        same("ItemCount", &told["Table"]["ItemCount"], &json!(self.reference.items.len()))
    }

    /// Each item's records are its changes, in order, and nothing else.
    async fn stream(&self, arn: &Json) -> Checked {
        let mut found: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        let described = self.call("DescribeStream", &json!({"StreamArn": arn})).await?;
        for shard in described["StreamDescription"]["Shards"].as_array().into_iter().flatten() {
            let asked =
                json!({"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
            let mut iterator = self.call("GetShardIterator", &asked).await?["ShardIterator"].clone();
            loop {
                let page = self.call("GetRecords", &json!({"ShardIterator": iterator, "Limit": 7})).await?;
                let records = page["Records"].as_array().cloned().unwrap_or_default();
                if records.is_empty() {
                    break;
                }
                for record in records {
                    let images = json!([record["dynamodb"]["OldImage"], record["dynamodb"]["NewImage"]]);
                    found.entry(record["dynamodb"]["Keys"].to_string()).or_default().push(images);
                }
                iterator = page["NextShardIterator"].clone();
            }
        }
        let mut expected: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        for (key, before, after) in &self.reference.changes {
            let images = json!([shown(before.as_ref()), shown(after.as_ref())]);
            expected.entry(key.json().to_string()).or_default().push(images);
        }
        same("stream", &json!(found), &json!(expected))
    }
}

/// The same items, in any order.
fn same_set(what: &str, found: &[Json], expected: &[Json]) -> Checked {
    let sorted = |items: &[Json]| {
        let mut items: Vec<Json> = items.iter().map(normal).collect();
        items.sort_by_key(Json::to_string);
        Json::Array(items)
    };
    same(what, &sorted(found), &sorted(expected))
}
