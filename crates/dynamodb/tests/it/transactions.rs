//! Transactions beside each other, over a restart, and at their limits.

use std::sync::Arc;

use serde_json::{Value, json};
use store::{Batch, Durability, KeyRange, ScanOptions, Store};

use crate::engine::{Engine, on_each_engine};
use crate::world::World;

on_each_engine! {
    money_is_neither_made_nor_lost_and_every_read_sees_all_of_it
    a_token_works_once_however_many_send_it
}

const ACCOUNTS: usize = 6;
const WORKERS: usize = 8;
const TRANSFERS: usize = 60;
const BALANCE: i64 = 100;

async fn table(world: &World, name: &str, more: Value) {
    let mut request = json!({"TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.ok("CreateTable", request).await;
}

/// A table with items of one partition key, in a local index.
async fn collections(world: &World) {
    let keys = json!({"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "l", "AttributeType": "S"}],
        "LocalSecondaryIndexes": [{"IndexName": "byl", "Projection": {"ProjectionType": "KEYS_ONLY"},
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "l", "KeyType": "RANGE"}]}]});
    table(world, "wide", keys).await;
}

fn balance(item: &Value) -> i64 {
    item["balance"]["N"].as_str().unwrap().parse().unwrap()
}

fn transfer(from: usize, to: usize, amount: i64) -> Value {
    let change = |account: usize, amount: i64| {
        json!({"Update": {"TableName": "accounts", "Key": {"pk": {"S": account.to_string()}},
            "UpdateExpression": "SET balance = balance + :amount", "ConditionExpression": "balance >= :least",
            "ExpressionAttributeValues": {":amount": {"N": amount.to_string()}, ":least": {"N": (-amount).max(0).to_string()}}}})
    };
    json!({"TransactItems": [change(from, -amount), change(to, amount)]})
}

async fn money_is_neither_made_nor_lost_and_every_read_sees_all_of_it(engine: Engine) {
    let world = Arc::new(engine.ground().await);
    table(
        &world,
        "accounts",
        json!({"StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"}}),
    )
    .await;
    for account in 0..ACCOUNTS {
        let item = json!({"pk": {"S": account.to_string()}, "balance": {"N": BALANCE.to_string()}});
        world.ok("PutItem", json!({"TableName": "accounts", "Item": item})).await;
    }
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let world = world.clone();
            tokio::spawn(async move {
                let mut done = 0;
                for n in 0..TRANSFERS {
                    let (from, to) = ((worker + n) % ACCOUNTS, (worker + n * 5 + 1) % ACCOUNTS);
                    let to = if to == from { (to + 1) % ACCOUNTS } else { to };
                    let amount = i64::try_from((worker * 31 + n * 17) % 60 + 1).unwrap();
                    let reply =
                        world.call("TransactWriteItems", &transfer(from, to, amount).to_string()).await;
                    match reply.status {
                        200 => done += 1,
                        _ => {
                            assert!(reply.refusal().contains("ConditionalCheckFailed"), "{}", reply.refusal())
                        }
                    }
                    if n % 4 == 0 {
                        assert_eq!(sum(&world).await, BALANCE * ACCOUNTS as i64);
                    }
                    tokio::task::yield_now().await;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for worker in workers {
        done += worker.await.unwrap();
    }
    assert_eq!(sum(&world).await, BALANCE * ACCOUNTS as i64);
    assert!(done > 0);
    assert_eq!(records(&world).await, 2 * done + ACCOUNTS, "one record for each item of each transaction");
}

async fn sum(world: &World) -> i64 {
    let gets: Vec<_> = (0..ACCOUNTS)
        .map(|account| json!({"Get": {"TableName": "accounts", "Key": {"pk": {"S": account.to_string()}}}}))
        .collect();
    let read = world.ok("TransactGetItems", json!({"TransactItems": gets})).await;
    let balances = read["Responses"].as_array().unwrap().iter().map(|found| balance(&found["Item"]));
    balances.inspect(|balance| assert!(*balance >= 0)).sum()
}

async fn records(world: &World) -> usize {
    let streams = world.ok("ListStreams", json!({"TableName": "accounts"})).await;
    let arn = &streams["Streams"][0]["StreamArn"];
    let described = world.ok("DescribeStream", json!({"StreamArn": arn})).await;
    let mut count = 0;
    for shard in described["StreamDescription"]["Shards"].as_array().unwrap() {
        let asked =
            json!({"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
        let mut iterator = world.ok("GetShardIterator", asked).await["ShardIterator"].clone();
        loop {
            let page = world.ok("GetRecords", json!({"ShardIterator": iterator})).await;
            let found = page["Records"].as_array().unwrap().len();
            if found == 0 {
                break;
            }
            count += found;
            iterator = page["NextShardIterator"].clone();
        }
    }
    count
}

async fn a_token_works_once_however_many_send_it(engine: Engine) {
    let world = Arc::new(engine.ground().await);
    table(&world, "hash", json!({})).await;
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.ok("TransactWriteItems", count("token")).await })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(counted(&world).await, "1");
}

fn count(token: &str) -> Value {
    json!({"ClientRequestToken": token, "TransactItems": [{"Update": {"TableName": "hash", "Key": {"pk": {"S": "count"}},
        "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}}]})
}

async fn counted(world: &World) -> String {
    let read = json!({"TableName": "hash", "Key": {"pk": {"S": "count"}}});
    world.ok("GetItem", read).await["Item"]["n"]["N"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn tokens_outlive_the_server_and_go_when_their_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Store::open(folder.path(), Durability::Strict).unwrap();
    let store = open();
    let world = World::on(store.clone()).await;
    table(&world, "hash", json!({})).await;
    world.ok("TransactWriteItems", count("kept")).await;
    drop(world);
    store.close().await.unwrap();
    drop(store);

    let store = open();
    let world = World::on(store.clone()).await;
    world.ok("TransactWriteItems", count("kept")).await;
    assert_eq!(counted(&world).await, "1");
    let tokens = || rows(&store, 0x1a);
    world.db.sweep().await.unwrap();
    assert_eq!(tokens().await.len(), 1);
    world.clock.advance(std::time::Duration::from_secs(1_200));
    world.db.sweep().await.unwrap();
    assert_eq!(tokens().await.len(), 0);
}

async fn rows(store: &Store, space: u8) -> Vec<(bytes::Bytes, bytes::Bytes)> {
    store.scan(KeyRange::prefix(vec![space]), ScanOptions::default()).await.unwrap().entries
}

#[tokio::test]
async fn a_transaction_brings_and_reads_at_most_4_mb_and_deletes_more() {
    let world = World::new().await;
    table(&world, "hash", json!({})).await;
    let text = "x".repeat(350_000);
    let puts = |count: usize| {
        let put = |n| json!({"Put": {"TableName": "hash", "Item": {"pk": {"S": n}, "v": {"S": text}}}});
        json!({"TransactItems": (0..count).map(|n| put(n.to_string())).collect::<Vec<_>>()})
    };
    world.ok("TransactWriteItems", puts(11)).await;
    let refused = world.refused("TransactWriteItems", puts(12)).await;
    assert_eq!(refused, "ValidationException: Transaction payload size cannot exceed 4194304 bytes");
    let item = json!({"pk": {"S": "11"}, "v": {"S": text}});
    world.ok("PutItem", json!({"TableName": "hash", "Item": item})).await;
    let get = |n: usize| json!({"Get": {"TableName": "hash", "Key": {"pk": {"S": n.to_string()}}}});
    let gets = |count: usize| json!({"TransactItems": (0..count).map(get).collect::<Vec<_>>()});
    world.ok("TransactGetItems", gets(11)).await;
    assert!(world.refused("TransactGetItems", gets(12)).await.starts_with("ValidationException"));
    let delete = |n: usize| json!({"Delete": {"TableName": "hash", "Key": {"pk": {"S": n.to_string()}}}});
    world.ok("TransactWriteItems", json!({"TransactItems": (0..12).map(delete).collect::<Vec<_>>()})).await;
}

#[tokio::test]
async fn items_are_weighed_flat_and_an_update_too_large_is_a_reason() {
    let world = World::new().await;
    table(&world, "hash", json!({})).await;
    let update = |bytes: usize| {
        json!({"TransactItems": [{"Update": {"TableName": "hash", "Key": {"pk": {"S": "k"}}, "UpdateExpression": "SET p = :p",
            "ExpressionAttributeValues": {":p": {"S": "x".repeat(bytes - 4)}}}}]})
    };
    let put = |bytes: usize| json!({"TransactItems": [{"Put": {"TableName": "hash", "Item": {"pk": {"S": "k"}, "p": {"S": "x".repeat(bytes - 4)}}}}]});
    world.ok("TransactWriteItems", put(409_600)).await;
    assert_eq!(
        world.refused("TransactWriteItems", put(409_601)).await,
        "ValidationException: Item size has exceeded the maximum allowed size"
    );
    world.ok("TransactWriteItems", update(409_600)).await;
    let refused = world.refused("TransactWriteItems", update(409_601)).await;
    assert!(
        refused.starts_with("TransactionCanceledException")
            && refused.contains("Item size to update has exceeded the maximum allowed size"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_item_collection_is_measured_and_ends_at_10_gb() {
    let store = Store::memory();
    let world = World::on(store.clone()).await;
    collections(&world).await;
    let put = |sk: &str, l: Option<&str>| {
        let mut item = json!({"pk": {"S": "p"}, "sk": {"S": sk}, "v": {"S": "x".repeat(100)}});
        if let Some(l) = l {
            item["l"] = json!({"S": l});
        }
        json!({"TableName": "wide", "Item": item, "ReturnItemCollectionMetrics": "SIZE"})
    };
    let size = || async {
        let found = rows(&store, 0x19).await;
        found.first().map(|(_, value)| i64::from_le_bytes(value.as_ref().try_into().unwrap()))
    };
    world.ok("PutItem", put("1", None)).await;
    // "pk" + "p" + "sk" + "1" + "v" + 100.
    assert_eq!(size().await, Some(107));
    world.ok("PutItem", put("1", Some("l"))).await;
    // Two more, and an entry of three keys with its 100.
    assert_eq!(size().await, Some(109 + 8 + 100));
    let told = world.ok("PutItem", put("2", None)).await;
    assert_eq!(
        told["ItemCollectionMetrics"],
        json!({"ItemCollectionKey": {"pk": {"S": "p"}}, "SizeEstimateRangeGB": [0.0, 1.0]})
    );
    world.ok("DeleteItem", json!({"TableName": "wide", "Key": {"pk": {"S": "p"}, "sk": {"S": "1"}}})).await;
    assert_eq!(size().await, Some(107));

    // As if others had filled it.
    let (key, _) = rows(&store, 0x19).await.remove(0);
    store.commit(Batch::new().add(key, (10 << 30) - 207)).await.unwrap();
    let full = "ItemCollectionSizeLimitExceededException: Collection size exceeded";
    assert_eq!(world.refused("PutItem", put("3", None)).await, full);
    let batch = json!({"RequestItems": {"wide": [{"PutRequest": {"Item": put("3", None)["Item"]}}]}});
    assert_eq!(world.refused("BatchWriteItem", batch).await, full);
    let transaction =
        json!({"TransactItems": [{"Put": {"TableName": "wide", "Item": put("3", None)["Item"]}}]});
    let refused = world.refused("TransactWriteItems", transaction).await;
    assert!(refused.contains("[ItemCollectionSizeLimitExceeded]"), "{refused}");
    // What makes it smaller or leaves it as it is goes on.
    let told = world.ok("PutItem", put("2", None)).await;
    assert_eq!(told["ItemCollectionMetrics"]["SizeEstimateRangeGB"], json!([9.0, 10.0]));
    world.ok("DeleteItem", json!({"TableName": "wide", "Key": {"pk": {"S": "p"}, "sk": {"S": "2"}}})).await;
    world.ok("PutItem", put("3", None)).await;
    world.ok("DeleteTable", json!({"TableName": "wide"})).await;
    while !rows(&store, 0x19).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_batch_reads_16_mb_and_leaves_the_rest_to_be_asked_for_again() {
    let world = World::new().await;
    table(&world, "small", json!({})).await;
    table(&world, "large", json!({})).await;
    for n in 0..45 {
        let item = json!({"pk": {"S": n.to_string()}, "v": {"S": "x".repeat(400_000)}});
        world.ok("PutItem", json!({"TableName": "large", "Item": item})).await;
    }
    world.ok("PutItem", json!({"TableName": "small", "Item": {"pk": {"S": "0"}}})).await;
    let keys: Vec<_> = (0..45).map(|n| json!({"pk": {"S": n.to_string()}})).collect();
    let asked = json!({"large": {"Keys": keys, "ProjectionExpression": "#pk", "ExpressionAttributeNames": {"#pk": "pk"}},
        "small": {"Keys": [{"pk": {"S": "0"}}]}});
    let read =
        world.ok("BatchGetItem", json!({"RequestItems": asked, "ReturnConsumedCapacity": "TOTAL"})).await;
    assert_eq!(read["Responses"]["large"].as_array().unwrap().len(), 41);
    assert_eq!(read["Responses"]["small"].as_array().unwrap().len(), 1);
    assert_eq!(read["ConsumedCapacity"][0]["CapacityUnits"], json!(41.0 * 49.0));
    let rest = &read["UnprocessedKeys"];
    assert_eq!(rest["large"]["Keys"].as_array().unwrap()[..], keys[41..]);
    assert_eq!(rest["large"]["ExpressionAttributeNames"], json!({"#pk": "pk"}));
    assert!(rest.get("small").is_none());
    let read = world.ok("BatchGetItem", json!({"RequestItems": rest})).await;
    assert_eq!(read["Responses"]["large"].as_array().unwrap().len(), 4);
    assert_eq!(read["UnprocessedKeys"], json!({}));
}
