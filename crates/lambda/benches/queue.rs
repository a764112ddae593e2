//! What the durable queue of asynchronous invocations costs over the store's own commits: events accepted and events
//! run a second, on the embedded engine with every commit on the disk, as ratios of bare appends of the same run.
//!
//! `cargo bench -p lambda --bench queue`

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may panic, and prints")]

#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/it/fixture.rs"]
mod fixture;

use std::time::{Duration, Instant};

use base::Clock;
use bytes::Bytes;
use ports::{Invoke, InvokeCall, InvokeKind};
use store::{Batch, Durability, Store};

use fixture::World;

const CLIENTS: usize = 64;
const EVENTS: usize = 20_000;
const PAYLOAD: &str = r#"{"order":"0123456789abcdef0123456789abcdef","amount":12345}"#;

/// Events a second.
async fn rate<F, W>(work: F) -> f64
where
    F: Fn() -> W + Clone + Send + 'static,
    W: Future<Output = ()> + Send,
{
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let work = work.clone();
            tokio::spawn(async move {
                for _ in 0..EVENTS / CLIENTS {
                    work().await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    EVENTS as f64 / began.elapsed().as_secs_f64()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Durability::Strict).unwrap();
    let bare = {
        let store = store.clone();
        rate(move || {
            let store = store.clone();
            async move {
                let batch = Batch::new().append(&b"\x4f"[..], Bytes::new(), PAYLOAD.as_bytes());
                store.commit(batch).await.unwrap();
            }
        })
        .await
    };
    let world = World::on(store, Clock::default(), |_| {}).await;
    world.create("f").await;
    // Nothing runs now: what is measured is the accepting.
    world.lambda.stop(Duration::from_secs(5)).await;
    let lambda = world.lambda.clone();
    let call = InvokeCall { kind: InvokeKind::Event, ..world.call("f", PAYLOAD) };
    let accepted = rate(move || {
        let (lambda, call) = (lambda.clone(), call.clone());
        async move {
            Invoke::invoke(&*lambda, call).await.unwrap();
        }
    })
    .await;
    let began = Instant::now();
    let world = world.reopened().await;
    let opened = began.elapsed();
    let all = EVENTS / CLIENTS * CLIENTS;
    let seen = || world.executor.seen.lock().unwrap().len();
    while seen() < all {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let drained = all as f64 / began.elapsed().as_secs_f64();
    println!("bare durable appends {bare:>9.0}/s");
    println!("accepted             {accepted:>9.0}/s  {:.2} of bare", accepted / bare);
    println!("run                  {drained:>9.0}/s  {:.2} of bare", drained / bare);
    println!("start with {all} waiting: {opened:?}");
    world.lambda.stop(Duration::from_secs(5)).await;
}
