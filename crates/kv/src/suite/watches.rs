//! Watches: woken after visibility, only for their prefix, never missing one.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::{Factory, number, put, text};
use crate::{Batch, Kv};

/// Far above any delay of a healthy engine; only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn watches_wake_after_visibility<F: Factory>(factory: &F) {
    let engine = factory.make();
    put(&*engine, "a/1", "before").await;
    let mut watch = engine.watch(Bytes::from_static(b"a/"));
    let mut other = engine.watch(Bytes::from_static(b"a"));
    let mut same = watch.clone();
    let quiet = timeout(Duration::from_millis(5), watch.changed()).await;
    assert!(quiet.is_err(), "what was before the watch does not wake it");
    put(&*engine, "b/1", "elsewhere").await;
    let quiet = timeout(Duration::from_millis(5), watch.changed()).await;
    assert!(quiet.is_err(), "what is elsewhere does not wake it");

    let waiting = tokio::spawn({
        let engine = engine.clone();
        async move {
            let seq = watch.changed().await.unwrap();
            (seq, text(&*engine, "a/2").await, watch)
        }
    });
    let seq = put(&*engine, "a/2", "new").await;
    let (woken, read, mut watch) = timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert_eq!((woken, read.as_deref()), (seq, Some("new")));
    assert_eq!(timeout(PATIENCE, same.changed()).await.unwrap().unwrap(), seq);
    assert_eq!(timeout(PATIENCE, other.changed()).await.unwrap().unwrap(), seq);
    drop((same, other));

    let seq = engine.commit(Batch::new().append("a/", "", "x")).await.unwrap();
    assert_eq!(timeout(PATIENCE, watch.changed()).await.unwrap().unwrap(), seq);
    let seq = engine.commit(Batch::new().delete("a/1")).await.unwrap();
    assert_eq!(timeout(PATIENCE, watch.changed()).await.unwrap().unwrap(), seq, "a delete is a change");
}

/// Read, wait, read: whoever does so sees the last value, however the writes fall.
pub async fn watches_miss_nothing<F: Factory>(factory: &F) {
    const LAST: i64 = 400;
    let engine = factory.make();
    let mut readers = Vec::new();
    for _ in 0..4 {
        let engine = engine.clone();
        readers.push(tokio::spawn(async move {
            loop {
                // A new watch each time: making it races with the writes too.
                let mut watch = engine.watch(Bytes::from_static(b"counter"));
                if number(engine.get(b"counter").await.unwrap().as_ref()) == LAST {
                    return;
                }
                watch.changed().await.unwrap();
            }
        }));
    }
    for _ in 0..LAST {
        engine.commit(Batch::new().add("counter", 1)).await.unwrap();
    }
    for reader in readers {
        timeout(PATIENCE, reader).await.unwrap().unwrap();
    }
}
