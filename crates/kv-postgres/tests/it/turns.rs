//! How often an operation waits for the database. A proxy holds every answer back for a moment, so that what is sent
//! before it is one turn, however many packets it takes.

use std::{
    convert::Infallible,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use kv::{Batch, Entry, KeyRange, Kv, ScanOptions};
use kv_postgres::{Options, Postgres};
use testkit::Cluster;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixStream},
    time::sleep,
};

use crate::NEVER;

const HELD_BACK: Duration = Duration::from_millis(4);

/// Counts a turn whenever a client speaks after it was answered.
async fn count_turns(listener: TcpListener, socket: Arc<Path>, turns: Arc<AtomicUsize>) {
    while let Ok((client, _)) = listener.accept().await {
        let server = UnixStream::connect(&socket).await.unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let answered = Arc::new(AtomicBool::new(true));
        tokio::spawn({
            let (turns, answered) = (turns.clone(), answered.clone());
            pump(from_client, to_server, async move || {
                if answered.swap(false, Ordering::SeqCst) {
                    turns.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        tokio::spawn(pump(from_server, to_client, async move || {
            sleep(HELD_BACK).await;
            answered.store(true, Ordering::SeqCst);
        }));
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut before: impl AsyncFnMut(),
) {
    let mut buffer = vec![0; 1 << 20];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        before().await;
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

fn key(at: usize) -> Bytes {
    Bytes::from(format!("k/{at:03}"))
}

/// Reads these rows, and writes each.
async fn transact(engine: &Postgres, keys: std::ops::Range<usize>) {
    let keys: Vec<Bytes> = keys.map(key).collect();
    let decide = |rows: &[Option<Entry>]| {
        assert_eq!(rows.len(), keys.len());
        Ok::<_, Infallible>((keys.iter().fold(Batch::new(), |batch, key| batch.put(key.clone(), "2")), ()))
    };
    engine.transact(keys.clone(), decide).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_takes_the_turns_it_must() {
    let cluster = Cluster::shared();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let turns = Arc::new(AtomicUsize::new(0));
    tokio::spawn(count_turns(listener, cluster.socket().into(), turns.clone()));
    let (_, schema) = cluster.url().split_once('?').map(|(_, query)| ((), query.to_owned())).unwrap();
    let url = format!("postgres://rushlight@127.0.0.1:{port}/postgres?{schema}");
    let options = Options { readers: 1, scanners: 1, committers: 1, pulse: NEVER, ..Options::default() };
    let engine = Postgres::open(url.parse().unwrap(), options).await.unwrap();

    // All connections are made, and the one that listens has said its first word.
    let fill = (0..60).fold(Batch::new(), |batch, at| batch.put(key(at), "1"));
    engine.commit(fill).await.unwrap();
    engine.get(b"k/000").await.unwrap();
    engine.safe_seq().await.unwrap();
    let mut before = 0;
    while engine.bytes() == 0 || before != turns.load(Ordering::SeqCst) {
        before = turns.load(Ordering::SeqCst);
        sleep(20 * HELD_BACK).await;
    }

    let keys: Vec<Bytes> = (0..100).map(key).collect();
    let meter = Meter(turns);
    meter.check("get", 1, engine.get(b"k/001")).await.unwrap();
    meter.check("multi_get", 1, engine.multi_get(&keys)).await.unwrap();
    let all = KeyRange::prefix("k/");
    let default = ScanOptions::default();
    for options in [ScanOptions::limit(10), default.settled(), default.reversed()] {
        let page = meter.check("scan", 1, engine.scan(all.clone(), options)).await.unwrap();
        assert!(page.entries.len() >= 10);
    }
    let batch = |from: usize, to: usize| (from..to).fold(Batch::new(), |batch, at| batch.put(key(at), "1"));
    let commits = [
        ("put", batch(1, 2)),
        ("batch of 25", batch(50, 75)),
        ("delete", Batch::new().delete("k/059")),
        ("append", Batch::new().append("log/", "", "x")),
        ("all sorts", batch(80, 90).delete("k/058").append("log/", "", "x").add("n", 1)),
        ("guarded", batch(300, 301).expect("k/300", kv::Expect::Absent)),
    ];
    for (name, batch) in commits {
        meter.check(name, 1, engine.commit(batch)).await.unwrap();
    }
    meter.check("transact on a row", 2, transact(&engine, 1..2)).await;
    meter.check("transact on none", 2, transact(&engine, 200..201)).await;
    meter.check("transact on 100", 2, transact(&engine, 0..100)).await;
    meter.check("delete_range", 2, engine.delete_range(KeyRange::prefix("k/1"))).await.unwrap();
}

struct Meter(Arc<AtomicUsize>);

impl Meter {
    async fn check<T>(&self, name: &str, expected: usize, operation: impl Future<Output = T>) -> T {
        let before = self.0.load(Ordering::SeqCst);
        let answer = operation.await;
        assert_eq!(self.0.load(Ordering::SeqCst) - before, expected, "{name}");
        answer
    }
}
