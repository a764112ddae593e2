//! `Store` is the same over every engine, and embedded reads are ready at their first poll.
#![allow(clippy::unwrap_used, reason = "a test says no better than by failing")]

mod lease;

use std::{
    convert::Infallible,
    pin::pin,
    task::{Context, Poll, Waker},
};

use store::{Batch, Durability, KeyRange, ScanOptions, Store};
use tempfile::TempDir;

fn at_first_poll<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("not ready at the first poll"),
    }
}

/// An embedded engine's reads are ready at their first poll.
fn read_at_once(store: &Store) {
    assert_eq!(at_first_poll(store.get(b"a")).unwrap().unwrap().value.as_ref(), b"2");
    assert_eq!(at_first_poll(store.multi_get(&["a".into(), "b".into()])).unwrap().len(), 2);
    let page = at_first_poll(store.scan(KeyRange::prefix("log/"), ScanOptions::default())).unwrap();
    assert_eq!(page.entries.len(), 1);
    assert!(store.describe().bytes > 0);
}

async fn check(store: &Store) {
    let mut watch = store.watch("a");
    let seq = store.commit(Batch::new().put("a", "1").append("log/", "", "x")).await.unwrap();
    assert_eq!(watch.changed().await.unwrap(), seq);
    let (before, _) = store
        .transact(vec!["a".into()], |rows| {
            let value = rows[0].as_ref().map(|row| row.value.clone());
            Ok::<_, Infallible>((Batch::new().put("a", "2"), value))
        })
        .await
        .unwrap();
    assert_eq!(before.as_deref(), Some(b"1".as_ref()));

    if store.describe().engine == "postgres" {
        assert_eq!(store.get(b"a").await.unwrap().unwrap().value.as_ref(), b"2");
    } else {
        read_at_once(store);
    }
    assert_eq!(store.delete_range(KeyRange::prefix("log/")).await.unwrap(), 1);
    store.settle().await.unwrap();
    assert!(store.checkpoint().await.unwrap() <= store.safe_seq().await.unwrap());
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_over_every_engine() {
    let memory = Store::memory();
    assert_eq!(memory.describe().engine, "memory");
    check(&memory).await;
    let postgres = testkit::Cluster::shared().store().await;
    let told = postgres.describe();
    assert_eq!((told.engine, told.path), ("postgres", None));
    assert!(told.url.unwrap().starts_with("postgres://rushlight@"));
    check(&postgres).await;
    for durability in [Durability::Strict, Durability::Relaxed] {
        let folder = TempDir::new().unwrap();
        let local = Store::open(folder.path(), durability).unwrap();
        check(&local).await;
        let told = local.describe();
        assert_eq!((told.engine, told.path.as_deref()), ("local", Some(folder.path())));
        assert_eq!(told.durability, Some(durability));
        drop(local);
        let again = Store::open(folder.path(), durability).unwrap();
        assert_eq!(again.get(b"a").await.unwrap().unwrap().value.as_ref(), b"2");
    }
}
