//! Many writers at once.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::engine::{Engine, on_each_engine};

const WRITERS: usize = 16;
const WRITES: usize = 50;

async fn no_increment_is_lost_and_the_stream_has_each_in_order(engine: Engine) {
    let world = Arc::new(engine.ground().await);
    let made = world
        .ok(
            "CreateTable",
            json!({"TableName": "count", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}}),
        )
        .await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move {
                for _ in 0..WRITES {
                    let add = json!({"TableName": "count", "Key": {"pk": {"S": "hot"}}, "UpdateExpression": "ADD n :one",
                        "ExpressionAttributeValues": {":one": {"N": "1"}}});
                    world.ok("UpdateItem", add).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let read = json!({"TableName": "count", "Key": {"pk": {"S": "hot"}}});
    assert_eq!(world.ok("GetItem", read).await["Item"]["n"]["N"], (WRITERS * WRITES).to_string());

    world.settle().await;
    let arn = &made["TableDescription"]["LatestStreamArn"];
    let described = world.ok("DescribeStream", json!({"StreamArn": arn})).await;
    let shards = described["StreamDescription"]["Shards"].as_array().unwrap();
    assert_eq!(shards.len(), 4);
    let mut counts = Vec::new();
    for shard in shards {
        let asked =
            json!({"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
        let mut iterator = world.ok("GetShardIterator", asked).await["ShardIterator"].clone();
        loop {
            let page = world.ok("GetRecords", json!({"ShardIterator": iterator, "Limit": 333})).await;
            let records = page["Records"].as_array().unwrap();
            if records.is_empty() {
                break;
            }
            counts.extend(records.iter().map(|record| record["dynamodb"]["NewImage"]["n"]["N"].clone()));
            iterator = page["NextShardIterator"].clone();
        }
    }
    let expected: Vec<Value> = (1..=WRITERS * WRITES).map(|n| json!(n.to_string())).collect();
    assert_eq!(counts, expected);
}

async fn an_index_that_is_added_while_others_write_misses_nothing(engine: Engine) {
    let world = Arc::new(engine.ground().await);
    world
        .ok(
            "CreateTable",
            json!({"TableName": "grow", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}),
        )
        .await;
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let world = world.clone();
            tokio::spawn(async move {
                for number in 0..200 {
                    let item = json!({"pk": {"S": format!("{writer}-{}", number % 120)}, "g": {"S": format!("{}", number % 7)}});
                    world.ok("PutItem", json!({"TableName": "grow", "Item": item})).await;
                }
            })
        })
        .collect();
    world
        .ok(
            "UpdateTable",
            json!({"TableName": "grow", "AttributeDefinitions": [{"AttributeName": "g", "AttributeType": "S"}],
                "GlobalSecondaryIndexUpdates": [{"Create": {"IndexName": "byg", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}}]}),
        )
        .await;
    for writer in writers {
        writer.await.unwrap();
    }
    while world.ok("DescribeTable", json!({"TableName": "grow"})).await["Table"]["GlobalSecondaryIndexes"][0]
        ["IndexStatus"]
        != "ACTIVE"
    {
        tokio::task::yield_now().await;
    }
    let sorted = |page: Value| {
        let mut items = page["Items"].as_array().unwrap().clone();
        items.sort_by_key(Value::to_string);
        items
    };
    let table = sorted(world.ok("Scan", json!({"TableName": "grow"})).await);
    let index = sorted(world.ok("Scan", json!({"TableName": "grow", "IndexName": "byg"})).await);
    assert_eq!(table.len(), 480);
    assert_eq!(index, table);
}

on_each_engine! {
    no_increment_is_lost_and_the_stream_has_each_in_order
    an_index_that_is_added_while_others_write_misses_nothing
}
