//! Watches: woken after visibility, only for their prefix, never missing one.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::{Factory, number, put, text};
use crate::{Batch, Kv, Seq, Watch};

/// Far above any delay of a healthy engine; only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn watches_wake_after_visibility<F: Factory>(factory: &F) {
    let engine = factory.make();
    put(&*engine, "a/1", "before").await;
    let mut watch = engine.watch(Bytes::from_static(b"a/"));
    let mut other = engine.watch(Bytes::from_static(b"a"));
    let mut same = watch.clone();
    if F::WAKES_EXACTLY {
        let quiet = timeout(Duration::from_millis(5), watch.changed()).await;
        assert!(quiet.is_err(), "what was before the watch does not wake it");
        put(&*engine, "b/1", "elsewhere").await;
        let quiet = timeout(Duration::from_millis(5), watch.changed()).await;
        assert!(quiet.is_err(), "what is elsewhere does not wake it");
        assert!(!watch.has_changed());
    }

    let waiting = tokio::spawn({
        let engine = engine.clone();
        async move {
            loop {
                let seq = watch.changed().await.unwrap();
                let read = text(&*engine, "a/2").await;
                if F::WAKES_EXACTLY || read.is_some() {
                    return (seq, read, watch);
                }
            }
        }
    });
    let seq = put(&*engine, "a/2", "new").await;
    let (woken, read, mut watch) = timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert_eq!(read.as_deref(), Some("new"));
    assert!(!F::WAKES_EXACTLY || woken == seq);
    woken_by::<F>(&mut same, seq).await;
    woken_by::<F>(&mut other, seq).await;
    drop((same, other));

    let seq = engine.commit(Batch::new().append("a/", "", "x")).await.unwrap();
    assert!(watch.has_changed());
    woken_by::<F>(&mut watch, seq).await;
    // A delete is a change.
    let seq = engine.commit(Batch::new().delete("a/1")).await.unwrap();
    woken_by::<F>(&mut watch, seq).await;
}

async fn woken_by<F: Factory>(watch: &mut Watch, seq: Seq) {
    loop {
        let woken = timeout(PATIENCE, watch.changed()).await.unwrap().unwrap();
        if woken == seq {
            return;
        }
        assert!(!F::WAKES_EXACTLY, "woken by {woken}, not {seq}");
    }
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
