//! Guards, atomic batches and the order of mutations.

use super::{Factory, key, number, put, text};
use crate::{Batch, Expect, Kv, KvError};

pub async fn guards_hold_or_name_the_winner<F: Factory>(factory: &F) {
    let engine = factory.make();
    let first = put(&*engine, "a", "1").await;
    let guarded = |expect| Batch::new().expect("a", expect).put("a", "guarded");

    let error = engine.commit(guarded(Expect::Absent)).await.unwrap_err();
    let KvError::Conflict(conflict) = error else { panic!("{error:?}") };
    let (at, row) = &conflict.rows[0];
    assert_eq!((at.as_ref(), row.as_ref().unwrap().version), (b"a".as_ref(), first));
    assert_eq!(row.as_ref().unwrap().value.as_ref(), b"1");

    let second = engine.commit(guarded(Expect::Version(first))).await.unwrap();
    assert!(second > first);
    assert!(matches!(engine.commit(guarded(Expect::Version(first))).await, Err(KvError::Conflict(_))));

    let both = Batch::new()
        .expect("a", Expect::Version(second))
        .expect("none", Expect::Version(first))
        .expect("b", Expect::Absent)
        .put("b", "1");
    let KvError::Conflict(conflict) = engine.commit(both).await.unwrap_err() else { panic!() };
    assert_eq!(conflict.rows, [(key("none"), None)], "only what did not hold is named");
    assert_eq!(text(&*engine, "b").await, None);

    let held = engine.commit(Batch::new().expect("a", Expect::Version(second))).await.unwrap();
    assert!(held >= second, "guards alone are checked");
    assert_eq!(engine.get(b"a").await.unwrap().unwrap().version, second);
}

pub async fn batches_are_all_or_nothing<F: Factory>(factory: &F) {
    let engine = factory.make();
    put(&*engine, "text", "not eight").await;
    let batch = Batch::new().put("a", "1").append("log/", "", "1").add("text", 1);
    assert!(matches!(engine.commit(batch).await, Err(KvError::NotACounter { .. })));
    assert_eq!(text(&*engine, "a").await, None);
    let logged = engine.scan(crate::KeyRange::prefix("log/"), Default::default()).await.unwrap();
    assert_eq!(logged.entries, []);
}

pub async fn mutations_apply_in_order<F: Factory>(factory: &F) {
    let engine = factory.make();
    let batch = Batch::new()
        .put("a", "1")
        .delete("a")
        .delete("b")
        .put("b", "2")
        .put("c", "3")
        .put("c", "4")
        .add("n", 5)
        .add("n", -7)
        .put("m", 40_i64.to_le_bytes().to_vec())
        .add("m", 2)
        .add("gone", 1)
        .delete("gone");
    engine.commit(batch).await.unwrap();
    assert_eq!(text(&*engine, "a").await, None);
    assert_eq!(text(&*engine, "b").await.as_deref(), Some("2"));
    assert_eq!(text(&*engine, "c").await.as_deref(), Some("4"));
    assert_eq!(number(engine.get(b"n").await.unwrap().as_ref()), -2);
    assert_eq!(number(engine.get(b"m").await.unwrap().as_ref()), 42);
    assert_eq!(text(&*engine, "gone").await, None);
    engine.commit(Batch::new().add("n", 10).delete("m").add("m", 1)).await.unwrap();
    assert_eq!(number(engine.get(b"n").await.unwrap().as_ref()), 8);
    assert_eq!(number(engine.get(b"m").await.unwrap().as_ref()), 1, "a deleted counter begins again");
}
