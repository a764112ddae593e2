//! Two nodes on one store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use store::Store;

use crate::world::World;

async fn two() -> (World, World) {
    let store = Store::memory();
    (World::node(store.clone()).await, World::node(store).await)
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

#[tokio::test]
async fn what_one_node_does_the_other_sees_at_once() {
    let (here, there) = two().await;
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

#[tokio::test]
async fn a_deleted_table_is_deleting_until_no_node_can_use_it() {
    let (here, there) = two().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_comes_and_goes_while_two_nodes_write_is_the_table() {
    let (here, there) = two().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_work_of_a_node_that_died_is_done_by_the_other() {
    let store = Store::memory();
    let dying = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let first = store.clone();
    let begun = dying.spawn(async move {
        let here = World::node(first).await;
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
    let there = World::node(store).await;
    until(&there, "left", |described| index_status(described) == "ACTIVE").await;
    assert_eq!(scan(&there, "left", Some("byg")).await.len(), 50);
}
