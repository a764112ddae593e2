//! Time to live beside the server: the sweeper by the clock, many items, restarts, deleted tables.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use store::{KeyRange, ScanOptions, Store};

use crate::world::World;

/// Where the world's clock begins, in seconds.
const START: i64 = 1_795_368_060;

async fn table(world: &World, name: &str) {
    let table = json!({"TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]});
    world.ok("CreateTable", table).await;
}

async fn set(world: &World, name: &str, enabled: bool) {
    let asked =
        json!({"TableName": name, "TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": "ttl"}});
    world.ok("UpdateTimeToLive", asked).await;
}

async fn put(world: &World, table: &str, items: impl Iterator<Item = (String, i64)>) {
    let items: Vec<Value> = items
        .map(|(pk, ttl)| json!({"PutRequest": {"Item": {"pk": {"S": pk}, "ttl": {"N": ttl.to_string()}}}}))
        .collect();
    for batch in items.chunks(25) {
        world.ok("BatchWriteItem", json!({"RequestItems": {table: batch}})).await;
    }
}

async fn count(world: &World, table: &str) -> i64 {
    world.ok("Scan", json!({"TableName": table, "Select": "COUNT"})).await["Count"].as_i64().unwrap()
}

/// How many rows the queue has.
async fn queued(store: &Store) -> usize {
    store.scan(KeyRange::prefix(vec![0x18]), ScanOptions::limit(2_000)).await.unwrap().entries.len()
}

/// Waits, without turning the clock, for what goes on behind requests.
async fn settled(mut is: impl AsyncFnMut() -> bool) {
    tokio::time::timeout(Duration::from_secs(20), async {
        while !is().await {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_sweeper_wakes_by_the_clock() {
    let world = Arc::new(World::new().await);
    table(&world, "mine").await;
    set(&world, "mine", true).await;
    put(&world, "mine", [("soon".to_owned(), START + 5), ("late".to_owned(), START + 1_000_000)].into_iter())
        .await;
    let running = world.clone();
    let task = tokio::spawn(async move { running.db.run().await });
    settled(async || {
        world.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
        count(&world, "mine").await == 1
    })
    .await;
    task.abort();
}

#[tokio::test]
async fn thousands_of_items_expire_in_many_commits_and_the_queue_is_empty_then() {
    let store = Store::memory();
    let world = World::on(store.clone()).await;
    table(&world, "before").await;
    put(&world, "before", (0..700).map(|n| (format!("{n}"), START - n))).await;
    set(&world, "before", true).await;
    table(&world, "after").await;
    set(&world, "after", true).await;
    put(&world, "after", (0..700).map(|n| (format!("{n}"), START - n % 3))).await;
    put(&world, "after", (0..50).map(|n| (format!("kept {n}"), START + 1 + n))).await;
    assert_eq!(queued(&store).await, 1_450);
    world.db.expire().await.unwrap();
    assert_eq!((count(&world, "before").await, count(&world, "after").await), (0, 50));
    assert_eq!(queued(&store).await, 50);
}

#[tokio::test]
async fn disabling_and_deleting_clear_the_queue() {
    let store = Store::memory();
    let world = World::on(store.clone()).await;
    for name in ["disabled", "deleted", "kept"] {
        table(&world, name).await;
        set(&world, name, true).await;
        put(&world, name, (0..30).map(|n| (format!("{n}"), START + 1 + n))).await;
    }
    set(&world, "disabled", false).await;
    world.ok("DeleteTable", json!({"TableName": "deleted"})).await;
    settled(async || queued(&store).await == 30).await;
    world.clock.advance(Duration::from_secs(1_000));
    world.db.expire().await.unwrap();
    assert_eq!((count(&world, "disabled").await, count(&world, "kept").await), (30, 0));
}

#[tokio::test]
async fn a_restart_goes_on_and_rows_of_nothing_are_dropped() {
    let store = Store::memory();
    let world = World::on(store.clone()).await;
    table(&world, "mine").await;
    put(&world, "mine", (0..30).map(|n| (format!("{n}"), START + n))).await;
    set(&world, "mine", true).await;
    drop(world);
    // As a server leaves them that ends while it clears the queue after a table.
    let row = |table: u8| vec![0x18, 0, 0, 0, 0, 0x6b, 1, 0, 0, 0, 0, 0, table, 1, 2, 3, 4, 5];
    store.commit(store::Batch::new().put(row(99), "").put(row(1), "")).await.unwrap();

    let world = World::on(store.clone()).await;
    let described = world.ok("DescribeTimeToLive", json!({"TableName": "mine"})).await;
    assert_eq!(
        described["TimeToLiveDescription"],
        json!({"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"})
    );
    world.clock.advance(Duration::from_secs(9));
    world.db.expire().await.unwrap();
    assert_eq!(count(&world, "mine").await, 20);
    assert_eq!(queued(&store).await, 20);
}
