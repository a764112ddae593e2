//! Two nodes on one store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ports::{ChangeFeed, FeedStart};
use serde_json::{Value, json};
use store::Store;
use testkit::{Cluster, Fsync};

use crate::world::World;

/// Where two nodes meet.
#[derive(Debug, Clone)]
enum Shared {
    /// Two services in one process.
    Memory(Store),
    /// The database, and its address.
    Postgres(String),
}

impl Shared {
    fn memory() -> Self {
        Self::Memory(Store::memory())
    }

    fn postgres() -> Self {
        Self::Postgres(Cluster::shared().url())
    }

    /// Another node, with connections of its own.
    async fn node(&self) -> World {
        match self {
            Self::Memory(store) => World::node(store.clone()).await,
            Self::Postgres(url) => World::on(Store::connect(url).await.unwrap()).await,
        }
    }
}

/// Runs `$test`, which takes where the nodes meet.
macro_rules! on_each_shared_store {
    ($($test:ident)*) => { $(
        mod $test {
            use super::Shared;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn in_memory() {
                super::$test(Shared::memory()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn in_postgres() {
                super::$test(Shared::postgres()).await;
            }
        }
    )* };
}

on_each_shared_store! {
    what_one_node_does_the_other_sees_at_once
    a_deleted_table_is_deleting_until_no_node_can_use_it
    an_index_that_comes_and_goes_while_two_nodes_write_is_the_table
    the_work_of_a_node_that_died_is_done_by_the_other
    nothing_is_lost_or_doubled_when_a_node_dies
}

fn declaration(name: &str) -> Value {
    json!({"TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]})
}

fn put(name: &str, pk: &str) -> Value {
    json!({"TableName": name, "Item": {"pk": {"S": pk}, "g": {"S": pk}}})
}

fn create_index(name: &str) -> Value {
    json!({"TableName": name, "AttributeDefinitions": [{"AttributeName": "g", "AttributeType": "S"}],
        "GlobalSecondaryIndexUpdates": [{"Create": {"IndexName": "byg", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"}}}]})
}

fn delete_index(name: &str) -> Value {
    json!({"TableName": name, "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "byg"}}]})
}

/// Asks `world` until the table is as `wanted` says.
async fn until(world: &World, name: &str, wanted: impl Fn(&Value) -> bool) {
    loop {
        let reply = world.call("DescribeTable", &json!({"TableName": name}).to_string()).await;
        if wanted(&reply.body) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

fn index_status(described: &Value) -> &Value {
    &described["Table"]["GlobalSecondaryIndexes"][0]["IndexStatus"]
}

/// All items of a table or index, by key.
async fn scan(world: &World, name: &str, index: Option<&str>) -> BTreeMap<String, Value> {
    let mut items = BTreeMap::new();
    let mut request = json!({"TableName": name, "IndexName": index});
    if index.is_none() {
        request = json!({"TableName": name});
    }
    loop {
        let page = world.ok("Scan", request.clone()).await;
        for item in page["Items"].as_array().unwrap() {
            items.insert(item["pk"]["S"].as_str().unwrap().to_owned(), item.clone());
        }
        match &page["LastEvaluatedKey"] {
            Value::Null => return items,
            key => request["ExclusiveStartKey"] = key.clone(),
        }
    }
}

async fn what_one_node_does_the_other_sees_at_once(shared: Shared) {
    let (here, there) = (shared.node().await, shared.node().await);
    here.ok("CreateTable", declaration("shared")).await;
    there.ok("PutItem", put("shared", "a")).await;
    let key = json!({"TableName": "shared", "Key": {"pk": {"S": "a"}}});
    assert_eq!(here.ok("GetItem", key.clone()).await["Item"]["g"]["S"], "a");
    assert_eq!(there.ok("ListTables", json!({})).await["TableNames"], json!(["shared"]));
    assert!(there.refused("CreateTable", declaration("shared")).await.starts_with("ResourceInUse"));

    let arn = here.ok("DescribeTable", json!({"TableName": "shared"})).await["Table"]["TableArn"].clone();
    for (node, tag) in [(&here, "x"), (&there, "y")] {
        let tags = json!({"ResourceArn": arn, "Tags": [{"Key": tag, "Value": "1"}]});
        node.ok("TagResource", tags).await;
    }
    for node in [&here, &there] {
        let tags = node.ok("ListTagsOfResource", json!({"ResourceArn": arn})).await;
        assert_eq!(tags["Tags"].as_array().unwrap().len(), 2);
    }

    let enable = json!({"TableName": "shared", "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}});
    let changed = there.ok("UpdateTable", enable).await;
    let stream = &changed["TableDescription"]["LatestStreamArn"];
    let described = here.ok("DescribeStream", json!({"StreamArn": stream})).await;
    assert_eq!(described["StreamDescription"]["StreamStatus"], "ENABLED");
}

async fn a_deleted_table_is_deleting_until_no_node_can_use_it(shared: Shared) {
    let (here, there) = (shared.node().await, shared.node().await);
    here.ok("CreateTable", declaration("short")).await;
    there.ok("PutItem", put("short", "a")).await;
    let before = here.ok("DescribeTable", json!({"TableName": "short"})).await["Table"]["TableId"].clone();
    let answer = here.ok("DeleteTable", json!({"TableName": "short"})).await;
    assert_eq!(answer["TableDescription"]["TableStatus"], "DELETING");
    if here.call("DescribeTable", r#"{"TableName": "short"}"#).await.status == 200 {
        assert!(there.refused("CreateTable", declaration("short")).await.starts_with("ResourceInUse"));
        assert!(
            there.refused("DeleteTable", json!({"TableName": "short"})).await.starts_with("ResourceInUse")
        );
        assert!(here.refused("PutItem", put("short", "b")).await.starts_with("ResourceNotFound"));
    }
    until(&there, "short", |described| described["Table"].is_null()).await;
    there.ok("CreateTable", declaration("short")).await;
    assert!(scan(&here, "short", None).await.is_empty());
    let after = here.ok("DescribeTable", json!({"TableName": "short"})).await["Table"]["TableId"].clone();
    assert_ne!(before, after);
}

/// Writes to "busy" from both nodes until told to end; what was acknowledged is remembered.
fn write(world: Arc<World>, writer: usize, end: Arc<AtomicBool>) -> tokio::task::JoinHandle<usize> {
    tokio::spawn(async move {
        let mut written = 0;
        while !end.load(Ordering::Relaxed) {
            let pk = format!("{writer}-{}", written % 60);
            let item = json!({"pk": {"S": pk}, "g": {"S": format!("{}", written % 7)}, "n": {"N": written.to_string()}});
            let reply = match written % 5 {
                4 => {
                    world
                        .call(
                            "DeleteItem",
                            &json!({"TableName": "busy", "Key": {"pk": {"S": pk}}}).to_string(),
                        )
                        .await
                }
                _ => world.call("PutItem", &json!({"TableName": "busy", "Item": item}).to_string()).await,
            };
            // A table that was changed meanwhile asks to try again.
            assert!(matches!(reply.status, 200 | 503), "{}", reply.body);
            written += 1;
            tokio::task::yield_now().await;
        }
        written
    })
}

async fn an_index_that_comes_and_goes_while_two_nodes_write_is_the_table(shared: Shared) {
    let (here, there) = (shared.node().await, shared.node().await);
    let (here, there) = (Arc::new(here), Arc::new(there));
    here.ok("CreateTable", declaration("busy")).await;
    let end = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|n| write(if n % 2 == 0 { here.clone() } else { there.clone() }, n, end.clone()))
        .collect();
    for node in [&here, &there] {
        node.ok("UpdateTable", create_index("busy")).await;
        let other = if Arc::ptr_eq(node, &here) { &there } else { &here };
        until(other, "busy", |described| index_status(described) == "ACTIVE").await;
        node.ok("UpdateTable", delete_index("busy")).await;
        until(other, "busy", |described| index_status(described).is_null()).await;
    }
    there.ok("UpdateTable", create_index("busy")).await;
    until(&here, "busy", |described| index_status(described) == "ACTIVE").await;
    end.store(true, Ordering::Relaxed);
    for writer in writers {
        assert!(writer.await.unwrap() > 0);
    }
    let table = scan(&here, "busy", None).await;
    assert!(!table.is_empty());
    assert_eq!(scan(&there, "busy", Some("byg")).await, table);
}

async fn the_work_of_a_node_that_died_is_done_by_the_other(shared: Shared) {
    let dying = runtime();
    let first = shared.clone();
    let begun = dying.spawn(async move {
        let here = first.node().await;
        here.ok("CreateTable", declaration("left")).await;
        for n in 0..50 {
            here.ok("PutItem", put("left", &n.to_string())).await;
        }
        // Answers before the index is filled, and is not waited for.
        let request = create_index("left").to_string();
        tokio::select! {
            biased;
            _ = here.call("UpdateTable", &request) => {}
            () = until(&here, "left", |described| index_status(described) == "CREATING") => {}
        }
    });
    begun.await.unwrap();
    dying.shutdown_background();
    let there = shared.node().await;
    until(&there, "left", |described| index_status(described) == "ACTIVE").await;
    assert_eq!(scan(&there, "left", Some("byg")).await.len(), 50);
}

/// What a node lives in that is to die in the middle of its work.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// What was acknowledged, by item.
type Acknowledged = Arc<Mutex<BTreeMap<String, Vec<u64>>>>;

/// Puts ever greater numbers into 20 items of its own, until told to end.
async fn count_up(world: Arc<World>, writer: usize, acknowledged: Acknowledged, end: Arc<AtomicBool>) {
    for n in 1.. {
        if end.load(Ordering::Relaxed) {
            return;
        }
        let pk = format!("{writer}-{}", n % 20);
        let item = json!({"pk": {"S": pk}, "g": {"S": format!("{}", n % 7)}, "n": {"N": n.to_string()}});
        let reply = world.call("PutItem", &json!({"TableName": "load", "Item": item}).to_string()).await;
        assert!(matches!(reply.status, 200 | 503), "{}", reply.body);
        if reply.status == 200 {
            acknowledged.lock().unwrap().entry(pk).or_default().push(n);
        }
        tokio::task::yield_now().await;
    }
}

/// All records of a shard from its beginning, until `done` says that they are enough: item and number.
async fn read_shard(
    world: Arc<World>,
    arn: String,
    shard: String,
    done: Arc<AtomicBool>,
) -> Vec<(String, u64)> {
    let mut position = world.db.position(&arn, &shard, FeedStart::TrimHorizon).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let enough = done.load(Ordering::Relaxed);
        let page = world.db.read(&arn, &position, 100).await.unwrap();
        position = page.next;
        for record in &page.records {
            let event: Value = serde_json::from_slice(&record.event_json).unwrap();
            let image = &event["dynamodb"]["NewImage"];
            let n = image["n"]["N"].as_str().unwrap().parse().unwrap();
            seen.push((image["pk"]["S"].as_str().unwrap().to_owned(), n));
        }
        if page.records.is_empty() && enough {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

async fn nothing_is_lost_or_doubled_when_a_node_dies(shared: Shared) {
    let there = Arc::new(shared.node().await);
    let mut table = declaration("load");
    table["AttributeDefinitions"] =
        json!([{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "g", "AttributeType": "S"}]);
    table["GlobalSecondaryIndexes"] = json!([{"IndexName": "byg", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"}}]);
    table["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"});
    let made = there.ok("CreateTable", table).await;
    let arn = made["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_owned();

    let (end, read_enough) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let acknowledged = Acknowledged::default();
    let dying = runtime();
    let (first, lost) = (shared.clone(), acknowledged.clone());
    dying.spawn(async move {
        let here = Arc::new(first.node().await);
        for writer in 0..4 {
            tokio::spawn(count_up(here.clone(), writer, lost.clone(), Arc::default()));
        }
        std::future::pending::<()>().await;
    });
    let writers: Vec<_> = (4..8)
        .map(|writer| tokio::spawn(count_up(there.clone(), writer, acknowledged.clone(), end.clone())))
        .collect();
    let mut readers = Vec::new();
    for shard in there.db.shards(&arn).await.unwrap() {
        readers.push(tokio::spawn(read_shard(there.clone(), arn.clone(), shard.id, read_enough.clone())));
    }
    let until = async |wanted: usize| {
        let count = || acknowledged.lock().unwrap().values().map(Vec::len).sum::<usize>();
        while count() < wanted {
            tokio::task::yield_now().await;
        }
    };
    until(400).await;
    dying.shutdown_background();
    until(800).await;
    end.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }

    // Writes of the dead node that are still on their way come before this.
    there
        .ok("UpdateTable", json!({"TableName": "load", "StreamSpecification": {"StreamEnabled": false}}))
        .await;
    let items = scan(&there, "load", None).await;
    let number = |item: &Value| item["n"]["N"].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(scan(&there, "load", Some("byg")).await, items);

    read_enough.store(true, Ordering::Relaxed);
    let mut told: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for reader in readers {
        for (pk, n) in reader.await.unwrap() {
            told.entry(pk).or_default().push(n);
        }
    }
    for (pk, told) in &told {
        assert!(told.is_sorted_by(|before, after| before < after), "{pk}: {told:?}");
        assert_eq!(told.last(), Some(&number(&items[pk])), "{pk}");
    }
    assert_eq!(told.len(), items.len());
    // What was not acknowledged may have happened; what was, has.
    for (pk, acknowledged) in acknowledged.lock().unwrap().iter() {
        let missing: Vec<&u64> = acknowledged.iter().filter(|n| !told[pk].contains(n)).collect();
        assert!(missing.is_empty(), "{pk}: {missing:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_comes_back_is_used_again() {
    let cluster = Cluster::start(Fsync::Off);
    let world = World::on(Store::connect(&cluster.url()).await.unwrap()).await;
    world.ok("CreateTable", declaration("kept")).await;
    world.ok("PutItem", put("kept", "a")).await;
    let read = json!({"TableName": "kept", "Key": {"pk": {"S": "a"}}}).to_string();
    cluster.stop();
    for (operation, body) in [
        ("GetItem", read.clone()),
        ("PutItem", put("kept", "b").to_string()),
        ("ListTables", "{}".to_owned()),
    ] {
        let reply = world.call(operation, &body).await;
        assert_eq!(reply.status, 503, "{operation}: {}", reply.body);
        assert!(reply.refusal().starts_with("ServiceUnavailable"), "{}", reply.refusal());
    }
    cluster.restart();
    loop {
        let reply = world.call("GetItem", &read).await;
        if reply.status == 200 {
            assert_eq!(reply.body["Item"]["g"]["S"], "a");
            break;
        }
        assert_eq!(reply.status, 503, "{}", reply.body);
        tokio::task::yield_now().await;
    }
    world.ok("PutItem", put("kept", "c")).await;
}
