//! Asynchronous invocations, on a clock that the test turns.

use std::time::Duration;

use api::lambda::*;
use bytes::Bytes;

use crate::fixture::{World, broken, null, settle};

async fn send(world: &World, payload: &str) {
    let input = InvokeInput {
        function_name: "f".to_owned(),
        invocation_type: Some(InvocationType::Event),
        payload: Some(Bytes::copy_from_slice(payload.as_bytes())),
        ..InvokeInput::default()
    };
    let output = world.lambda.invoke(&world.cx, input).await.unwrap();
    assert_eq!((output.status_code, output.payload.as_deref()), (Some(202), Some(&b""[..])));
}

async fn queued(world: &World) -> usize {
    settle().await;
    world.store.scan(store::KeyRange::prefix(&b"\x25"[..]), Default::default()).await.unwrap().entries.len()
}

#[tokio::test]
async fn an_event_runs_soon_and_is_forgotten() {
    let world = World::new().await;
    world.create("f").await;
    for i in 0..5 {
        send(&world, &i.to_string()).await;
    }
    let mut seen = world.seen().await;
    seen.sort();
    assert_eq!(seen, ["0", "1", "2", "3", "4"]);
    assert_eq!(queued(&world).await, 0);
}

#[tokio::test]
async fn a_failed_event_is_tried_again_after_one_and_two_minutes() {
    let world = World::new().await;
    world.create("f").await;
    world.executor.answer(|_, _| broken());
    send(&world, "1").await;
    assert_eq!(world.seen().await, ["1"]);
    for (seconds, tries, left) in [(59, 0, 1), (1, 1, 1), (119, 0, 1), (1, 1, 0), (3600, 0, 0)] {
        world.clock.advance(Duration::from_secs(seconds));
        assert_eq!((world.seen().await.len(), queued(&world).await), (tries, left), "after {seconds}");
    }
}

#[tokio::test]
async fn an_event_survives_the_process() {
    let world = World::new().await;
    world.create("f").await;
    world.executor.answer(|_, _| broken());
    send(&world, "1").await;
    assert_eq!(world.seen().await, ["1"]);
    world.lambda.stop(Duration::from_secs(2)).await;
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.seen().await.len(), 0);
    let next = world.reopened().await;
    next.executor.answer(|_, _| null());
    assert_eq!(next.seen().await, ["1"]);
    assert_eq!(queued(&next).await, 0);
}

#[tokio::test]
async fn an_event_of_a_deleted_function_is_given_up() {
    let world = World::new().await;
    world.create("f").await;
    world.executor.answer(|_, _| broken());
    send(&world, "1").await;
    settle().await;
    let delete = DeleteFunctionInput { function_name: "f".to_owned(), qualifier: None };
    world.lambda.delete_function(&world.cx, delete).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(queued(&world).await, 0);
}

#[tokio::test]
async fn a_node_runs_what_another_had_taken_for_a_function_it_never_heard_of() {
    let first = World::new().await;
    let second = first.reopened().await;
    // It has looked into the queue, which both read here as one, before there is anything in it.
    assert!(second.seen().await.is_empty());
    first.create("f").await;
    first.executor.answer(|_, _| broken());
    send(&first, "1").await;
    // Unpacking is the work of other threads, for which turns of this one do not wait.
    let mut seen = first.seen().await;
    for _ in 0..1000 {
        if !seen.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        seen = first.seen().await;
    }
    assert_eq!(seen, ["1"]);
    first.lambda.stop(Duration::from_secs(1)).await;
    let mut seen = Vec::new();
    for _ in 0..90 {
        first.clock.advance(Duration::from_secs(1));
        seen.extend(second.seen().await);
    }
    assert_eq!(seen, ["1"]);
}

/// More than are read ahead: however many wait when the process is killed, all run once, those first that are due first.
#[test]
fn what_waits_outlives_a_kill_in_the_order_of_its_time() {
    const EVENTS: u64 = 3_000;
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let process = runtime();
    let world = process.block_on(async {
        let world = World::new().await;
        world.create("f").await;
        world.executor.answer(|_, _| broken());
        for n in 0..EVENTS {
            // Two share each time.
            world.clock.advance(Duration::from_millis(n % 2));
            send(&world, &n.to_string()).await;
        }
        let mut tried = 0;
        while tried < EVENTS as usize {
            tried += world.seen().await.len();
        }
        settle().await;
        world
    });
    drop(process);
    let process = runtime();
    process.block_on(async {
        let next = world.reopened().await;
        next.executor.answer(|_, _| null());
        assert!(next.seen().await.is_empty());
        next.clock.advance(Duration::from_secs(60));
        let mut seen: Vec<u64> = Vec::new();
        while seen.len() < EVENTS as usize {
            seen.extend(next.seen().await.iter().map(|payload| payload.parse::<u64>().unwrap()));
        }
        let times: Vec<_> = seen.iter().map(|n| n.div_ceil(2)).collect();
        assert!(times.is_sorted(), "{seen:?}");
        seen.sort_unstable();
        assert_eq!(seen, (0..EVENTS).collect::<Vec<_>>());
        assert_eq!(queued(&next).await, 0);
    });
}
