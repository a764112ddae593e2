//! Several nodes on one database.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use kv::{Batch, Entry, KeyRange, Kv, ScanOptions, Seq};
use kv_postgres::{Options, Postgres};
use testkit::Cluster;
use tokio::time::timeout;

use crate::NEVER;

const CLIENTS: usize = 4;
const ROUNDS: usize = 50;

async fn pair(first: Duration, second: Duration) -> [Arc<Postgres>; 2] {
    let target: kv_postgres::Target = Cluster::shared().url().parse().unwrap();
    let open = async |pulse| {
        let options = Options { pulse, ..Options::default() };
        Arc::new(Postgres::open(target.clone(), options).await.unwrap())
    };
    [open(first).await, open(second).await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_visible_at_once_and_wakes_the_other_node() {
    let [left, right] = pair(Duration::from_millis(50), NEVER).await;
    left.commit(Batch::new().put("a", "1")).await.unwrap();
    assert_eq!(right.get(b"a").await.unwrap().unwrap().value.as_ref(), b"1");

    let long = Bytes::from([b"long/".as_ref(), &[b'x'; 100]].concat());
    for prefix in [Bytes::from_static(b"log/"), long] {
        let mut watch = right.watch(prefix.clone());
        // Until the left node knows that there is another, it tells nobody.
        loop {
            left.commit(Batch::new().append(prefix.clone(), "", "x")).await.unwrap();
            if timeout(Duration::from_millis(300), watch.changed()).await.is_ok() {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_race_lose_no_update() {
    let nodes = pair(NEVER, NEVER).await;
    let mut clients = Vec::new();
    for client in 0..2 * CLIENTS {
        let node = nodes[client % 2].clone();
        clients.push(tokio::spawn(async move {
            for round in 0..ROUNDS {
                // One counter that is there, and many that are not yet.
                let keys = [Bytes::from_static(b"one"), Bytes::from(format!("many/{}", round / 2))];
                let decide = |rows: &[Option<Entry>]| {
                    let batch = keys.iter().zip(rows).fold(Batch::new(), |batch, (key, row)| {
                        batch.put(key.clone(), (number(row.as_ref()) + 1).to_le_bytes().to_vec())
                    });
                    Ok::<_, Infallible>((batch.add("added", 1), ()))
                };
                node.transact(keys.to_vec(), decide).await.unwrap();
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    let total = 2 * CLIENTS * ROUNDS;
    for counter in ["one", "added"] {
        assert_eq!(number(nodes[0].get(counter.as_bytes()).await.unwrap().as_ref()), total, "{counter}");
    }
    let many = nodes[1].scan(KeyRange::prefix("many/"), ScanOptions::default()).await.unwrap().entries;
    let sum = many.into_iter().map(|(_, value)| number(Some(&Entry { value, version: 0 }))).sum::<usize>();
    assert_eq!(sum, total);
}

fn number(entry: Option<&Entry>) -> usize {
    entry.map_or(0, |entry| usize::from_le_bytes(entry.value.as_ref().try_into().unwrap()))
}

/// A reader that goes on after the last settled row it saw: none lost, none twice, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_two_writers_is_read_whole() {
    let nodes = pair(Duration::from_millis(50), Duration::from_millis(50)).await;
    let mut writers = Vec::new();
    for client in 0..2 * CLIENTS {
        let node = nodes[client % 2].clone();
        writers.push(tokio::spawn(async move {
            for round in 0..ROUNDS {
                let batch = Batch::new().append("log/", "", format!("{client} {round}"));
                let batch = if round % 3 == 0 { batch.add("hot", 1) } else { batch };
                node.commit(batch).await.unwrap();
            }
        }));
    }
    let reader = &nodes[1];
    let mut watch = reader.watch(Bytes::from_static(b"log/"));
    let mut seen: Vec<(Bytes, Bytes)> = Vec::new();
    let mut after: Seq = 0;
    while seen.len() < 2 * CLIENTS * ROUNDS {
        let start = [b"log/".as_ref(), &(after + 1).to_be_bytes()].concat();
        let range = KeyRange::new(start, KeyRange::prefix("log/").end);
        let page = reader.scan(range, ScanOptions::limit(30).settled()).await.unwrap();
        if let Some((key, _)) = page.entries.last() {
            after = Seq::from_be_bytes(*key[4..].first_chunk().unwrap());
        } else {
            watch.changed().await.unwrap();
        }
        seen.extend(page.entries);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let all = reader.scan(KeyRange::prefix("log/"), ScanOptions::default()).await.unwrap().entries;
    assert_eq!(seen, all);
}
