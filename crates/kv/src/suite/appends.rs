//! Sequences: without gaps, in visible order.

use bytes::Bytes;

use super::{Factory, put};
use crate::{Batch, KeyRange, Kv, ScanOptions, Seq};

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
            for _ in 0..ROUNDS {
                let seq = engine.commit(Batch::new().append("log/", "", format!("{client}"))).await.unwrap();
                assert!(seq > newest);
                assert!(engine.safe_seq() >= seq, "acknowledged means visible");
                newest = seq;
            }
        }));
    }
    let total = Seq::try_from(CLIENTS * ROUNDS).unwrap();
    let mut seen = 0;
    let mut watch = engine.watch(Bytes::from_static(b"log/"));
    while seen < total {
        let safe = engine.safe_seq();
        let start = [b"log/".as_ref(), &(seen + 1).to_be_bytes()].concat();
        let end = [b"log/".as_ref(), &(safe + 1).to_be_bytes()].concat();
        let page = engine.scan(KeyRange::new(start, end), ScanOptions::default()).await.unwrap();
        for (key, _) in &page.entries {
            assert_eq!(seq_of("log/", key), seen + 1, "no gap below the safe sequence");
            seen += 1;
        }
        assert!(page.next.is_some() || seen == safe, "everything below the safe sequence is there");
        if seen < total && page.next.is_none() && engine.safe_seq() == seen {
            watch.changed().await.unwrap();
        }
    }
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(engine.safe_seq(), total);
}
