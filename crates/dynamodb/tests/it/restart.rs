//! What is kept over a restart: everything.

use serde_json::{Value, json};
use store::{Durability, Store};
use testkit::Cluster;

use crate::engine::{Engine, on_each_engine};
use crate::world::World;

on_each_engine! {
    rows_of_tables_that_are_no_more_are_swept
}

#[tokio::test]
async fn a_new_server_on_the_same_data_knows_everything() {
    let folder = tempfile::tempdir().unwrap();
    knows_everything_after_a_restart(async || Store::open(folder.path(), Durability::Strict).unwrap()).await;
}

#[tokio::test]
async fn a_new_server_on_the_same_database_knows_everything() {
    let url = Cluster::shared().url();
    knows_everything_after_a_restart(async || Store::connect(&url).await.unwrap()).await;
}

async fn knows_everything_after_a_restart(open: impl AsyncFn() -> Store) {
    let store = open().await;
    let world = World::on(store.clone()).await;
    world
        .ok(
            "CreateTable",
            json!({"TableName": "kept", "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "g", "AttributeType": "N"}],
                "GlobalSecondaryIndexes": [{"IndexName": "byg", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "KEYS_ONLY"},
                    "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}],
                "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}, "Tags": [{"Key": "k", "Value": "v"}]}),
        )
        .await;
    let put = |pk: &str| json!({"TableName": "kept", "Item": {"pk": {"S": pk}, "g": {"N": "1.5"}}});
    world.ok("PutItem", put("a")).await;
    let described = world.ok("DescribeTable", json!({"TableName": "kept"})).await;
    let arn = described["Table"]["LatestStreamArn"].clone();
    let stream = world.ok("DescribeStream", json!({"StreamArn": arn})).await;
    let shard = &stream["StreamDescription"]["Shards"][0]["ShardId"];
    let asked = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "LATEST"});
    world.settle().await;
    let iterator = world.ok("GetShardIterator", asked).await["ShardIterator"].clone();
    drop(world);
    store.close().await.unwrap();
    drop(store);

    let store = open().await;
    let world = World::on(store.clone()).await;
    assert_eq!(world.ok("DescribeTable", json!({"TableName": "kept"})).await, described);
    let query = json!({"TableName": "kept", "IndexName": "byg", "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"N": "1.50"}}});
    assert_eq!(world.ok("Query", query).await["Items"], json!([{"pk": {"S": "a"}, "g": {"N": "1.5"}}]));
    let tags = json!({"ResourceArn": described["Table"]["TableArn"]});
    assert_eq!(world.ok("ListTagsOfResource", tags).await["Tags"], json!([{"Key": "k", "Value": "v"}]));
    // The iterator from before the restart goes on where it stood, and new records come after the old ones.
    world.ok("PutItem", put("b")).await;
    world.settle().await;
    let read = world.ok("GetRecords", json!({"ShardIterator": iterator})).await;
    let keys: Vec<&Value> =
        read["Records"].as_array().unwrap().iter().map(|r| &r["dynamodb"]["Keys"]["pk"]["S"]).collect();
    assert_eq!(keys, ["b"]);
    // Ids go on too: a new table does not share the keys of an old one.
    world
        .ok(
            "CreateTable",
            json!({"TableName": "second", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}),
        )
        .await;
    assert_eq!(world.ok("Scan", json!({"TableName": "second"})).await["Count"], 0);
    store.close().await.unwrap();
}

async fn rows_of_tables_that_are_no_more_are_swept(engine: Engine) {
    let world = engine.ground().await;
    let store = world.store.clone();
    world
        .ok(
            "CreateTable",
            json!({"TableName": "live", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}),
        )
        .await;
    for pk in ["a", "b"] {
        world.ok("PutItem", json!({"TableName": "live", "Item": {"pk": {"S": pk}}})).await;
    }
    // As a server leaves it that ends between the deletion of a table or index and that of its rows.
    let row = |table: u8, index: u8| vec![0x14, 0, 0, 0, table, index, 1, 2, 3, 4, 5];
    for (table, index) in [(1, 7), (99, 0), (99, 1)] {
        store.commit(store::Batch::new().put(row(table, index), "x")).await.unwrap();
    }
    world.db.sweep().await.unwrap();
    for (table, index) in [(1, 7), (99, 0), (99, 1)] {
        assert_eq!(store.get(&row(table, index)).await.unwrap(), None, "{table} {index}");
    }
    assert_eq!(world.ok("Scan", json!({"TableName": "live"})).await["Count"], 2);
}
