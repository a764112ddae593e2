//! Sequences: in the keys of appended rows, in visible order.

use bytes::Bytes;

use super::{Factory, put};
use crate::{Batch, Expect, KeyRange, Kv, ScanOptions, Seq};

const CLIENTS: usize = 16;
const ROUNDS: usize = 40;

fn seq_of(prefix: &str, key: &Bytes) -> Seq {
    Seq::from_be_bytes(*key[prefix.len()..].first_chunk().unwrap())
}

pub async fn appended_keys_carry_the_sequence<F: Factory>(factory: &F) {
    let engine = factory.make();
    put(&*engine, "a", "1").await;
    let batch = Batch::new().append("log/", "/x", "one").append("log/", "/y", "two").put("a", "2");
    let seq = engine.commit(batch).await.unwrap();
    let page = engine.scan(KeyRange::prefix("log/"), ScanOptions::default()).await.unwrap();
    let keys: Vec<Vec<u8>> = page.entries.iter().map(|(key, _)| key.to_vec()).collect();
    let expected = |suffix: &[u8]| [b"log/".as_ref(), &seq.to_be_bytes(), suffix].concat();
    assert_eq!(keys, [expected(b"/x"), expected(b"/y")]);
    assert_eq!(engine.get(&keys[1]).await.unwrap().unwrap().version, seq);
    assert_eq!(engine.get(b"a").await.unwrap().unwrap().version, seq, "one number for the whole batch");
}

/// Many append while one reads on from where it was: it sees every record once, in order, and none is missing.
pub async fn appends_come_in_visible_order<F: Factory>(factory: &F) {
    let engine = factory.make();
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let engine = engine.clone();
        clients.push(tokio::spawn(async move {
            let mut newest = 0;
            for round in 0..ROUNDS {
                let said = format!("{client} {round}");
                let seq = engine.commit(Batch::new().append("log/", "", said)).await.unwrap();
                assert!(seq > newest);
                newest = seq;
                let key = [b"log/".as_ref(), &seq.to_be_bytes()].concat();
                assert!(engine.get(&key).await.unwrap().is_some(), "acknowledged means visible");
            }
            newest
        }));
    }
    let mut told: Vec<String> = Vec::new();
    let mut seen: Seq = 0;
    let mut watch = engine.watch(Bytes::from_static(b"log/"));
    while told.len() < CLIENTS * ROUNDS {
        let start = [b"log/".as_ref(), &(seen + 1).to_be_bytes()].concat();
        let range = KeyRange::new(start, KeyRange::prefix("log/").end);
        let page = engine.scan(range, ScanOptions::default().settled()).await.unwrap();
        for (key, said) in &page.entries {
            assert!(seq_of("log/", key) > seen, "in order");
            seen = seq_of("log/", key);
            told.push(String::from_utf8(said.to_vec()).unwrap());
        }
        if page.entries.is_empty() {
            watch.changed().await.unwrap();
        }
    }
    let mut newest = 0;
    for client in clients {
        newest = newest.max(client.await.unwrap());
    }
    assert_eq!(seen, newest);
    engine.settle().await.unwrap();
    assert!(engine.safe_seq().await.unwrap() >= newest);
    for client in 0..CLIENTS {
        let of_client = told.iter().filter(|said| said.split(' ').next() == Some(&client.to_string()));
        let expected = (0..ROUNDS).map(|round| format!("{client} {round}"));
        assert!(of_client.cloned().eq(expected), "every record once, in the order of its writer");
    }
}

/// An engine that counts gives a number to each commit that changes something, however many commit at once, and to
/// nothing else: no conflict, no refusal, no guard alone, no transaction that writes nothing, no opening.
pub async fn numbers_have_no_gaps<F: Factory>(factory: &F) {
    if !F::COUNTS_COMMITS {
        return;
    }
    let engine = factory.make();
    let first = put(&*engine, "text", "not eight").await;
    assert_eq!(engine.safe_seq().await.unwrap(), first);
    engine.commit(Batch::new().expect("text", Expect::Absent).put("a", "")).await.unwrap_err();
    engine.commit(Batch::new().add("text", 1)).await.unwrap_err();
    assert_eq!(engine.commit(Batch::new()).await.unwrap(), first);
    assert_eq!(engine.commit(Batch::new().expect("text", Expect::Version(first))).await.unwrap(), first);
    let read = engine.transact(vec![Bytes::from_static(b"text")], |_| Ok::<_, ()>((Batch::new(), ()))).await;
    assert_eq!(read.unwrap(), ((), first));
    assert_eq!(put(&*engine, "a", "1").await, first + 1);
    let clients = (0..CLIENTS).map(|_| {
        let engine = engine.clone();
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                engine.commit(Batch::new().append("log/", "", "").add("sum", 1)).await.unwrap();
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let last = first + 1 + Seq::try_from(CLIENTS * ROUNDS).unwrap();
    assert_eq!(engine.safe_seq().await.unwrap(), last);
    let page = engine.scan(KeyRange::prefix("log/"), ScanOptions::default()).await.unwrap();
    let numbers = page.entries.iter().map(|(key, _)| seq_of("log/", key));
    assert!(numbers.eq(first + 2..=last));
    if let Some(engine) = factory.reopen(engine) {
        assert_eq!(engine.safe_seq().await.unwrap(), last);
        assert_eq!(put(&*engine, "a", "2").await, last + 1);
    }
}
