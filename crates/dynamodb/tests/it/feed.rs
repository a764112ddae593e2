//! The change feed, as an event source mapping reads it.

use ports::{ChangeFeed, FeedError, FeedPosition, FeedStart};
use serde_json::{Value, json};

use crate::engine::{Engine, on_each_engine};
use crate::world::World;

async fn table(world: &World) -> String {
    let made = world
        .ok(
            "CreateTable",
            json!({"TableName": "feed", "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
                "KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "Id", "AttributeType": "N"}],
                "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"}}),
        )
        .await;
    made["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_owned()
}

async fn put(world: &World, id: &str) {
    let item = json!({"Id": {"N": id}, "Message": {"S": "New item!"}});
    world.ok("PutItem", json!({"TableName": "feed", "Item": item})).await;
    world.settle().await;
}

async fn events_are_as_lambda_receives_them(engine: Engine) {
    let world = engine.ground().await;
    let arn = table(&world).await;
    let shards = world.db.shards(&arn).await.unwrap();
    assert_eq!(shards.len(), 1);
    assert!(!shards[0].closed);
    let start = world.db.position(&arn, &shards[0].id, FeedStart::TrimHorizon).await.unwrap();
    put(&world, "101").await;
    let page = world.db.read(&arn, &start, 100).await.unwrap();
    assert_eq!(page.records.len(), 1);
    let record = &page.records[0];
    let event: Value = serde_json::from_slice(&record.event_json).unwrap();
    assert_eq!(event["eventID"].as_str().unwrap().len(), 32);
    assert_eq!(event["dynamodb"]["SequenceNumber"], record.sequence_number);
    let mut event = event;
    event.as_object_mut().unwrap().remove("eventID");
    event["dynamodb"].as_object_mut().unwrap().remove("SequenceNumber");
    // The example of AWS's page on Lambda and DynamoDB has these sizes and names.
    assert_eq!(
        event,
        json!({"eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
            "dynamodb": {"ApproximateCreationDateTime": 1_795_368_060, "Keys": {"Id": {"N": "101"}},
                "NewImage": {"Id": {"N": "101"}, "Message": {"S": "New item!"}}, "SizeBytes": 26, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            "eventSourceARN": arn})
    );
}

async fn latest_begins_after_what_is_there_and_positions_go_on(engine: Engine) {
    let world = engine.ground().await;
    let arn = table(&world).await;
    put(&world, "1").await;
    let shard = world.db.shards(&arn).await.unwrap().remove(0).id;
    let start = world.db.position(&arn, &shard, FeedStart::Latest).await.unwrap();
    assert!(world.db.read(&arn, &start, 10).await.unwrap().records.is_empty());
    for id in ["2", "3", "4"] {
        put(&world, id).await;
    }
    let first = world.db.read(&arn, &start, 2).await.unwrap();
    let rest = world.db.read(&arn, &first.next, 2).await.unwrap();
    assert_eq!((first.records.len(), rest.records.len()), (2, 1));
    assert!(first.records[0].sequence < first.records[1].sequence);
    assert_eq!(rest.next, FeedPosition { shard, after: rest.records[0].sequence });
}

async fn a_change_wakes_who_asked_before_it(engine: Engine) {
    let world = engine.ground().await;
    let arn = table(&world).await;
    let changed = world.db.changed(&arn);
    put(&world, "1").await;
    changed.await;
}

async fn the_shards_of_a_disabled_stream_end(engine: Engine) {
    let world = engine.ground().await;
    let arn = table(&world).await;
    put(&world, "1").await;
    let shard = world.db.shards(&arn).await.unwrap().remove(0).id;
    let start = world.db.position(&arn, &shard, FeedStart::TrimHorizon).await.unwrap();
    let changed = world.db.changed(&arn);
    world
        .ok("UpdateTable", json!({"TableName": "feed", "StreamSpecification": {"StreamEnabled": false}}))
        .await;
    world.db.quiet().await;
    changed.await;
    let page = world.db.read(&arn, &start, 10).await.unwrap();
    assert_eq!((page.records.len(), page.ended), (1, false));
    assert!(world.db.read(&arn, &page.next, 10).await.unwrap().ended);
    assert!(world.db.shards(&arn).await.unwrap()[0].closed);
}

async fn old_records_are_swept(engine: Engine) {
    let world = engine.ground().await;
    let arn = table(&world).await;
    let shard = world.db.shards(&arn).await.unwrap().remove(0).id;
    let start = world.db.position(&arn, &shard, FeedStart::TrimHorizon).await.unwrap();
    put(&world, "1").await;
    world.clock.advance(std::time::Duration::from_secs(12 * 3600));
    put(&world, "2").await;
    let ids = async || {
        let page = world.db.read(&arn, &start, 10).await.unwrap();
        page.records.len()
    };
    assert_eq!(ids().await, 2);
    world.clock.advance(std::time::Duration::from_secs(12 * 3600 + 1));
    assert_eq!(ids().await, 1);
    world.db.sweep().await.unwrap();
    assert_eq!(ids().await, 1);
    let missing = world.db.shards("arn:aws:dynamodb:us-east-1:000000000000:table/x/stream/y").await;
    assert!(matches!(missing, Err(FeedError::NotFound(_))));
}

async fn the_stream_of_a_deleted_table_is_read_to_its_end(engine: Engine) {
    let world = engine.ground().await;
    let arn = table(&world).await;
    put(&world, "1").await;
    let shard = world.db.shards(&arn).await.unwrap().remove(0).id;
    let mut position = world.db.position(&arn, &shard, FeedStart::TrimHorizon).await.unwrap();
    world.ok("DeleteTable", json!({"TableName": "feed"})).await;
    let mut seen = 0;
    loop {
        let changed = world.db.changed(&arn);
        let page = world.db.read(&arn, &position, 10).await.unwrap();
        seen += page.records.len();
        position = page.next;
        if page.ended {
            break;
        }
        if page.records.is_empty() {
            changed.await;
        }
    }
    assert_eq!(seen, 1);
}

on_each_engine! {
    events_are_as_lambda_receives_them
    latest_begins_after_what_is_there_and_positions_go_on
    a_change_wakes_who_asked_before_it
    the_shards_of_a_disabled_stream_end
    old_records_are_swept
    the_stream_of_a_deleted_table_is_read_to_its_end
}
