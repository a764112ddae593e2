//! Rows: put, get, delete, sizes, snapshots, reopening.

use std::sync::Arc;

use bytes::Bytes;

use super::{Factory, key, put, text};
use crate::{Batch, Kv, KvError, Mutation};

pub async fn rows_come_and_go<F: Factory>(factory: &F) {
    let engine = factory.make();
    assert_eq!(engine.get(b"a").await.unwrap(), None);
    let first = put(&*engine, "a", "1").await;
    let entry = engine.get(b"a").await.unwrap().unwrap();
    assert_eq!((entry.value.as_ref(), entry.version), (b"1".as_ref(), first));

    let second = put(&*engine, "a", "2").await;
    assert!(second > first);
    engine.settle().await.unwrap();
    assert!(engine.safe_seq().await.unwrap() >= second, "what is settled is safe");
    assert_eq!(engine.get(b"a").await.unwrap().unwrap().version, second);

    let third = engine.commit(Batch::new().delete("a").put("b", "").delete("never")).await.unwrap();
    assert!(third > second);
    assert_eq!(text(&*engine, "a").await, None);
    assert_eq!(text(&*engine, "b").await.as_deref(), Some(""));

    let nothing = engine.commit(Batch::new()).await.unwrap();
    assert!(put(&*engine, "c", "3").await > nothing.max(third));
}

pub async fn large_values_and_long_keys<F: Factory>(factory: &F) {
    let mut engine = factory.make();
    let value = Bytes::from(
        (0..1_000_000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect::<Vec<_>>(),
    );
    let long: Vec<Bytes> =
        (0..4_u8).map(|last| Bytes::from([vec![b'k'; 4_095], vec![last]].concat())).collect();
    for at in &long {
        engine.commit(Batch::new().put(at.clone(), value.clone())).await.unwrap();
    }
    for round in 0..2 {
        for at in &long {
            assert_eq!(engine.get(at).await.unwrap().unwrap().value, value, "round {round}");
        }
        match factory.reopen(engine) {
            Some(reopened) => engine = reopened,
            None => break,
        }
    }
}

pub async fn limits_are_refused<F: Factory>(factory: &F) {
    let engine = factory.make();
    let limits = engine.limits();
    let big = Bytes::from(vec![1; limits.key_bytes_max + 1]);
    let refused = [
        Batch::new().put("", "1"),
        Batch::new().put(vec![0, 1], "1"),
        Batch::new().append(vec![0], "", "1"),
        Batch::new().put(big.clone(), "1"),
        Batch::new().append(big.slice(..limits.key_bytes_max), "", "1"),
    ];
    for batch in refused {
        let error = engine.commit(batch).await.unwrap_err();
        assert!(matches!(error, KvError::ReservedKey | KvError::TooLarge { .. }), "{error:?}");
    }
    put(&*engine, "text", "not eight").await;
    let error = engine.commit(Batch::new().add("text", 1)).await.unwrap_err();
    assert!(matches!(error, KvError::NotACounter { .. }), "{error:?}");
    assert_eq!(text(&*engine, "text").await.as_deref(), Some("not eight"));
}

/// A writer keeps two rows equal; nobody may ever read them different.
pub async fn multi_get_reads_one_snapshot<F: Factory>(factory: &F) {
    let engine = factory.make();
    let writer = tokio::spawn({
        let engine = engine.clone();
        async move {
            for at in 0..300 {
                let value = Bytes::from(format!("{at}"));
                engine.commit(Batch::new().put("left", value.clone()).put("right", value)).await.unwrap();
            }
        }
    });
    let keys = [key("left"), key("right"), key("none")];
    while !writer.is_finished() {
        let rows = engine.multi_get(&keys).await.unwrap();
        assert_eq!(rows[0], rows[1]);
        assert_eq!(rows[2], None);
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}

pub async fn everything_survives_reopening<F: Factory>(factory: &F) {
    let engine = factory.make();
    for at in 0..50 {
        put(&*engine, &format!("row/{at:02}"), "before").await;
    }
    let mut batch = Batch::new().add("counter", 7).append("log/", "", "entry");
    batch.mutations.push(Mutation::Delete { key: key("row/07") });
    let last = engine.commit(batch).await.unwrap();
    let rows = engine.scan(crate::KeyRange::new("a", "z"), Default::default()).await.unwrap();

    let Some(engine) = factory.reopen(engine) else { return };
    engine.settle().await.unwrap();
    assert!(engine.safe_seq().await.unwrap() >= last);
    assert_eq!(engine.scan(crate::KeyRange::new("a", "z"), Default::default()).await.unwrap(), rows);
    assert_eq!(engine.get(b"counter").await.unwrap().unwrap().version, last);

    // The last rows are deleted: the numbers go on all the same.
    let deleted = engine.delete_range(crate::KeyRange::new("a", "z")).await.unwrap();
    assert_eq!(deleted, 51);
    let last = engine.safe_seq().await.unwrap();
    let engine: Arc<F::Engine> = factory.reopen(engine).unwrap();
    assert!(engine.safe_seq().await.unwrap() >= last);
    assert!(put(&*engine, "a", "1").await > last);
}
