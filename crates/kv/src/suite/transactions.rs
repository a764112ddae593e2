//! Transactions: reads, refusals, and no lost update under contention.

use std::convert::Infallible;

use bytes::Bytes;

use super::{Factory, key, number, number_bytes, put, text};
use crate::{Batch, Entry, Expect, Kv, KvError, TransactError};

const CLIENTS: usize = 16;
const ROUNDS: usize = 50;

pub async fn transactions_read_and_write<F: Factory>(factory: &F) {
    let engine = factory.make();
    let first = put(&*engine, "a", "1").await;
    let keys = vec![key("a"), key("none"), key("a")];
    let decide = |rows: &[Option<Entry>]| {
        assert_eq!(rows[0], rows[2]);
        assert_eq!(rows[1], None);
        let row = rows[0].clone().unwrap();
        Ok::<_, Infallible>((Batch::new().put("b", row.value).delete("a"), row.version))
    };
    let (version, seq) = engine.transact(keys, decide).await.unwrap();
    assert_eq!(version, first);
    assert!(seq > first);
    assert_eq!(text(&*engine, "a").await, None);
    assert_eq!(text(&*engine, "b").await.as_deref(), Some("1"));

    let refused = engine.transact(vec![key("b")], |rows| Err::<(Batch, ()), _>(rows[0].clone())).await;
    let Err(TransactError::Refused(Some(row))) = refused else { panic!("{refused:?}") };
    assert_eq!(row.version, seq);

    let only_read =
        engine.transact(vec![key("b")], |rows| Ok::<_, Infallible>((Batch::new(), rows[0].is_some())));
    let (found, at) = only_read.await.unwrap();
    assert!(found && at >= seq, "not below what it read");

    let guarded = |_: &[Option<Entry>]| {
        Ok::<_, Infallible>((Batch::new().expect("b", Expect::Absent).put("c", "1"), ()))
    };
    let refused = engine.transact(vec![key("a")], guarded).await;
    assert!(matches!(refused, Err(TransactError::Store(KvError::Conflict(_)))));
    assert_eq!(text(&*engine, "c").await, None);
}

/// Decisions that touch keys they did not read, in all orders, at once: none hangs, none loses an update.
pub async fn transactions_wider_than_their_reads<F: Factory>(factory: &F) {
    let engine = factory.make();
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let engine = engine.clone();
        clients.push(tokio::spawn(async move {
            for round in 0..ROUNDS {
                let read = key(format!("row/{}", (client * 7 + round) % 5));
                let touched = [(client + round * 3) % 5, (client * 3 + round) % 5];
                let decide = |rows: &[Option<Entry>]| {
                    let next = number_bytes(number(rows[0].as_ref()) + 1);
                    let batch = touched.iter().fold(Batch::new().put(read.clone(), next), |batch, other| {
                        batch.add(format!("sum/{other}"), 1)
                    });
                    Ok::<_, Infallible>((batch, ()))
                };
                engine.transact(vec![read.clone()], decide).await.unwrap();
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(sum(&*engine, "row/").await, total());
    assert_eq!(sum(&*engine, "sum/").await, 2 * total());
}

pub async fn counters_lose_no_update<F: Factory>(factory: &F) {
    let engine = factory.make();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let engine = engine.clone();
        clients.push(tokio::spawn(async move {
            for _ in 0..ROUNDS {
                let decide = |rows: &[Option<Entry>]| {
                    let next = number(rows[0].as_ref()) + 1;
                    Ok::<_, Infallible>((Batch::new().put("counter", number_bytes(next)), next))
                };
                let (next, seq) = engine.transact(vec![key("counter")], decide).await.unwrap();
                let read = engine.get(b"counter").await.unwrap().unwrap();
                assert!(number(Some(&read)) >= next, "what was acknowledged is visible");
                assert!(read.version >= seq);
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(number(engine.get(b"counter").await.unwrap().as_ref()), total());
}

pub async fn added_counters_lose_no_update<F: Factory>(factory: &F) {
    let engine = factory.make();
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let engine = engine.clone();
        clients.push(tokio::spawn(async move {
            for _ in 0..ROUNDS {
                if client % 2 == 0 {
                    engine.commit(Batch::new().add("counter", 1)).await.unwrap();
                } else {
                    let add = |_: &[Option<Entry>]| Ok::<_, Infallible>((Batch::new().add("counter", 1), ()));
                    engine.transact(vec![key("counter")], add).await.unwrap();
                }
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(number(engine.get(b"counter").await.unwrap().as_ref()), total());
}

/// Money moves between accounts; every snapshot has all of it.
pub async fn transfers_keep_the_sum<F: Factory>(factory: &F) {
    const ACCOUNTS: usize = 6;
    let engine = factory.make();
    let accounts: Vec<Bytes> = (0..ACCOUNTS).map(|at| key(format!("account/{at}"))).collect();
    let fill = accounts.iter().fold(Batch::new(), |batch, at| batch.put(at.clone(), number_bytes(100)));
    engine.commit(fill).await.unwrap();
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let (engine, accounts) = (engine.clone(), accounts.clone());
        clients.push(tokio::spawn(async move {
            for round in 0..ROUNDS {
                let from = accounts[(client + round) % ACCOUNTS].clone();
                let to = accounts[(client + round * 5 + 1) % ACCOUNTS].clone();
                if from == to {
                    continue;
                }
                let decide = |rows: &[Option<Entry>]| {
                    let (left, right) = (number(rows[0].as_ref()), number(rows[1].as_ref()));
                    if left < 10 {
                        return Err(());
                    }
                    let batch = Batch::new()
                        .put(from.clone(), number_bytes(left - 10))
                        .put(to.clone(), number_bytes(right + 10));
                    Ok((batch, ()))
                };
                let moved = engine.transact(vec![from.clone(), to.clone()], decide).await;
                assert!(matches!(moved, Ok(_) | Err(TransactError::Refused(()))), "{moved:?}");
                let rows = engine.multi_get(&accounts).await.unwrap();
                assert_eq!(rows.iter().map(|row| number(row.as_ref())).sum::<i64>(), 600);
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(sum(&*engine, "account/").await, 600);
}

async fn sum<K: Kv>(engine: &K, prefix: &'static str) -> i64 {
    let page = engine.scan(crate::KeyRange::prefix(prefix), Default::default()).await.unwrap();
    page.entries.into_iter().map(|(_, value)| number(Some(&Entry { value, version: 0 }))).sum()
}

fn total() -> i64 {
    i64::try_from(CLIENTS * ROUNDS).unwrap()
}
