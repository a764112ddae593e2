//! Linearizability: what clients saw of one item at the same time must be explained by doing their operations one by
//! one, each at a moment between its call and its answer (Wing and Gong's search, with a memory of what was tried).

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value as Json, json};
use store::Store;
use testkit::Cluster;

use crate::engine::{Engine, Ground, on_each_engine};
use crate::model::dice::Dice;
use crate::world::World;

const CLIENTS: usize = 6;
const OPERATIONS: usize = 10;
const ITEMS: usize = 12;

/// An operation on a register, with what it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Read {
        found: Option<i64>,
    },
    /// PutItem, which answers what was there.
    Write {
        value: i64,
        old: Option<i64>,
    },
    Delete {
        old: Option<i64>,
    },
    /// PutItem on the condition that the value is `expected`.
    Swap {
        expected: i64,
        value: i64,
        done: bool,
    },
    /// `ADD v :by`, which answers the sum.
    Add {
        by: i64,
        sum: i64,
    },
}

/// When an operation was called and when it was answered, on a clock that all clients share.
#[derive(Debug, Clone, Copy)]
struct Call {
    called: u64,
    answered: u64,
    event: Event,
}

impl Event {
    /// The register after this, if it can have answered what it did on `before`.
    fn apply(self, before: Option<i64>) -> Option<Option<i64>> {
        match self {
            Self::Read { found } => (found == before).then_some(before),
            Self::Write { value, old } => (old == before).then_some(Some(value)),
            Self::Delete { old } => (old == before).then_some(None),
            Self::Swap { expected, value, done } => match (before == Some(expected), done) {
                (true, true) => Some(Some(value)),
                (false, false) => Some(before),
                _ => None,
            },
            Self::Add { by, sum } => (before.unwrap_or(0) + by == sum).then_some(Some(sum)),
        }
    }
}

/// Whether there is an order that explains all calls, which begin with an absent register.
fn is_linearizable(calls: &[Call]) -> bool {
    assert!(calls.len() <= 64, "a set of calls is the bits of one word");
    let mut tried: HashSet<(u64, Option<i64>)> = HashSet::new();
    let mut open: Vec<(u64, Option<i64>)> = vec![(0, None)];
    let all = if calls.len() == 64 { u64::MAX } else { (1 << calls.len()) - 1 };
    while let Some((done, register)) = open.pop() {
        if done == all {
            return true;
        }
        let waiting = || (0..calls.len()).filter(|at| done & (1 << at) == 0);
        let Some(first_answer) = waiting().map(|at| calls[at].answered).min() else { continue };
        // Only what was called before the first answer can have come first.
        for at in waiting().filter(|at| calls[*at].called < first_answer) {
            if let Some(after) = calls[at].event.apply(register) {
                let next = (done | 1 << at, after);
                if tried.insert(next) {
                    open.push(next);
                }
            }
        }
    }
    false
}

#[test]
fn the_check_finds_what_cannot_be() {
    let call = |called, answered, event| Call { called, answered, event };
    let write = |value, old| Event::Write { value, old };
    let stale = [
        call(0, 1, write(1, None)),
        call(2, 3, write(2, Some(1))),
        call(4, 5, Event::Read { found: Some(1) }),
    ];
    assert!(!is_linearizable(&stale), "a read of what was overwritten before it began");
    let at_once = [
        call(0, 1, write(1, None)),
        call(2, 5, write(2, Some(1))),
        call(3, 4, Event::Read { found: Some(1) }),
    ];
    assert!(is_linearizable(&at_once), "a read beside the write sees either");
    let lost = [call(0, 9, Event::Add { by: 1, sum: 1 }), call(1, 8, Event::Add { by: 1, sum: 1 })];
    assert!(!is_linearizable(&lost), "an update that was lost");
    let swapped = [
        call(0, 1, write(1, None)),
        call(2, 7, Event::Swap { expected: 1, value: 2, done: true }),
        call(3, 6, Event::Swap { expected: 1, value: 3, done: true }),
    ];
    assert!(!is_linearizable(&swapped), "only one can have found the first value");
}

async fn histories_are_linearizable(engine: Engine) {
    check_on(&[Arc::new(engine.ground().await)]).await;
}

on_each_engine! {
    histories_are_linearizable
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_two_nodes_in_memory_are_linearizable() {
    let store = Store::memory();
    let (here, there) = (World::node(store.clone()).await, World::node(store).await);
    check_on(&[Arc::new(here.into()), Arc::new(there.into())]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_two_nodes_in_postgres_are_linearizable() {
    let url = Cluster::shared().url();
    let node = || async { Arc::new(World::on(Store::connect(&url).await.unwrap()).await.into()) };
    check_on(&[node().await, node().await]).await;
}

/// Clients of several nodes, or of one.
async fn check_on(nodes: &[Arc<Ground>]) {
    nodes[0]
        .ok(
            "CreateTable",
            json!({"TableName": "register", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}),
        )
        .await;
    for item in 0..ITEMS {
        let clock = Arc::new(AtomicU64::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (world, clock) = (nodes[client % nodes.len()].clone(), clock.clone());
                tokio::spawn(client_of(world, clock, item, Dice::new((item * CLIENTS + client) as u64)))
            })
            .collect();
        let mut calls = Vec::new();
        for client in clients {
            calls.extend(client.await.unwrap());
        }
        assert!(is_linearizable(&calls), "no order explains {calls:#?}");
    }
}

async fn client_of(world: Arc<Ground>, clock: Arc<AtomicU64>, item: usize, mut dice: Dice) -> Vec<Call> {
    let mut calls = Vec::new();
    for _ in 0..OPERATIONS {
        let called = clock.fetch_add(1, Ordering::SeqCst);
        let event = operate(&world, item, &mut dice).await;
        calls.push(Call { called, answered: clock.fetch_add(1, Ordering::SeqCst), event });
        if dice.one_in(2) {
            tokio::task::yield_now().await;
        }
    }
    calls
}

async fn operate(world: &World, item: usize, dice: &mut Dice) -> Event {
    let key = json!({"pk": {"S": item.to_string()}});
    let value = dice.below(4) as i64;
    let number = |image: &Json| image["v"]["N"].as_str().map(|text| text.parse().unwrap());
    let with_value = |value: i64| json!({"pk": {"S": item.to_string()}, "v": {"N": value.to_string()}});
    match dice.below(6) {
        0 | 1 => {
            let told = world
                .ok("GetItem", json!({"TableName": "register", "Key": key, "ConsistentRead": true}))
                .await;
            Event::Read { found: number(&told["Item"]) }
        }
        2 => {
            let put = json!({"TableName": "register", "Item": with_value(value), "ReturnValues": "ALL_OLD"});
            Event::Write { value, old: number(&world.ok("PutItem", put).await["Attributes"]) }
        }
        3 => {
            let delete = json!({"TableName": "register", "Key": key, "ReturnValues": "ALL_OLD"});
            Event::Delete { old: number(&world.ok("DeleteItem", delete).await["Attributes"]) }
        }
        4 => {
            let expected = dice.below(4) as i64;
            let put = json!({"TableName": "register", "Item": with_value(value), "ConditionExpression": "v = :e",
                "ExpressionAttributeValues": {":e": {"N": expected.to_string()}}});
            let reply = world.call("PutItem", &put.to_string()).await;
            let refused = reply.status != 200;
            assert!(!refused || reply.refusal().starts_with("ConditionalCheckFailed"), "{}", reply.refusal());
            Event::Swap { expected, value, done: !refused }
        }
        _ => {
            let add = json!({"TableName": "register", "Key": key, "UpdateExpression": "ADD v :by", "ReturnValues": "UPDATED_NEW",
                "ExpressionAttributeValues": {":by": {"N": value.to_string()}}});
            let told = world.ok("UpdateItem", add).await;
            Event::Add { by: value, sum: number(&told["Attributes"]).unwrap() }
        }
    }
}
