//! The database goes away and comes back: nothing acknowledged is missing, nothing hangs, nobody restarts.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use kv::{Batch, Entry, Kv, KvError, TransactError};
use kv_postgres::{Options, Postgres};
use testkit::{Cluster, Fsync};
use tokio::{task::block_in_place, time::sleep};

const WRITERS: u64 = 8;
const COUNTERS: u64 = 3;

fn row(writer: u64, at: u64) -> Bytes {
    Bytes::from(format!("row/{writer}/{at}"))
}

/// One more, with a row that says so. Answers whether it was acknowledged; if not, it may have happened or not.
async fn count(engine: &Postgres, writer: u64, at: u64) -> bool {
    let counter = Bytes::from(format!("counter/{}", writer % COUNTERS));
    let decide = |rows: &[Option<Entry>]| {
        let next = number(rows[0].as_ref()) + 1;
        let batch = Batch::new().put(counter.clone(), next.to_le_bytes().to_vec()).put(row(writer, at), "1");
        Ok::<_, Infallible>((batch, ()))
    };
    match engine.transact(vec![counter.clone()], decide).await {
        Ok(_) => true,
        Err(TransactError::Store(KvError::Unavailable(_))) => false,
        Err(other) => panic!("{other:?}"),
    }
}

fn number(entry: Option<&Entry>) -> u64 {
    entry.map_or(0, |entry| u64::from_le_bytes(entry.value.as_ref().try_into().unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_database_loses_nothing_acknowledged() {
    let cluster = block_in_place(|| Cluster::start(Fsync::On));
    let engine = Postgres::open(cluster.url().parse().unwrap(), Options::default()).await.unwrap();
    let engine = Arc::new(engine);
    let (ended, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut watch = engine.watch(Bytes::from_static(b"counter/"));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (engine, ended, refused) = (engine.clone(), ended.clone(), refused.clone());
            let acknowledged = acknowledged.clone();
            tokio::spawn(async move {
                let mut done = Vec::new();
                let mut at = 0;
                while !ended.load(Ordering::Relaxed) {
                    if count(&engine, writer, at).await {
                        done.push(at);
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    } else {
                        refused.fetch_add(1, Ordering::Relaxed);
                        sleep(Duration::from_millis(5)).await;
                    }
                    at += 1;
                }
                (done, at)
            })
        })
        .collect();
    for _ in 0..2 {
        let before = acknowledged.load(Ordering::Relaxed);
        while acknowledged.load(Ordering::Relaxed) < before + 100 {
            sleep(Duration::from_millis(1)).await;
        }
        block_in_place(|| cluster.stop());
        let error = engine.get(b"counter/0").await.unwrap_err();
        assert!(matches!(error, KvError::Unavailable(_)), "{error:?}");
        let error = engine.scan(kv::KeyRange::prefix("a"), Default::default()).await.unwrap_err();
        assert!(matches!(error, KvError::Unavailable(_)), "{error:?}");
        block_in_place(|| cluster.restart());
        watch.changed().await.unwrap();
    }
    let before = acknowledged.load(Ordering::Relaxed);
    while acknowledged.load(Ordering::Relaxed) < before + 100 {
        sleep(Duration::from_millis(1)).await;
    }
    ended.store(true, Ordering::Relaxed);
    let mut rows = 0;
    for (writer, task) in (0..).zip(writers) {
        let (done, tried) = task.await.unwrap();
        let keys: Vec<Bytes> = (0..tried).map(|at| row(writer, at)).collect();
        let found = engine.multi_get(&keys).await.unwrap();
        let lost = done.iter().find(|at| found[usize::try_from(**at).unwrap()].is_none());
        assert_eq!(lost, None, "an acknowledged write of {writer} is lost");
        rows += found.iter().flatten().count() as u64;
    }
    let mut counted = 0;
    for counter in 0..COUNTERS {
        counted += number(engine.get(format!("counter/{counter}").as_bytes()).await.unwrap().as_ref());
    }
    assert_eq!(counted, rows, "each transaction wholly or not at all, and once");
    assert!(refused.load(Ordering::Relaxed) > 0);
    engine.close().await;
    assert!(matches!(engine.get(b"a").await, Err(KvError::Closed)));
    assert!(matches!(engine.commit(Batch::new().put("a", "1")).await, Err(KvError::Closed)));
    let ended = loop {
        // What it had not looked at yet comes first.
        if let Err(error) = watch.changed().await {
            break error;
        }
    };
    assert!(matches!(ended, KvError::Closed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_database_is_given_up() {
    let cluster = block_in_place(|| Cluster::start(Fsync::Off));
    let options = Options { deadline: Duration::from_millis(500), ..Options::default() };
    let engine = Postgres::open(cluster.url().parse().unwrap(), options).await.unwrap();
    engine.commit(Batch::new().put("a", "1")).await.unwrap();
    block_in_place(|| cluster.freeze());
    let (get, put) = tokio::join!(engine.get(b"a"), engine.commit(Batch::new().put("a", "2")));
    assert!(matches!(get, Err(KvError::Unavailable(_))), "{get:?}");
    assert!(matches!(put, Err(KvError::Unavailable(_))), "{put:?}");
    block_in_place(|| cluster.thaw());
    while engine.get(b"a").await.is_err() {
        sleep(Duration::from_millis(5)).await;
    }
    // The put that nobody heard of again may be done by now, or later.
    // On a busy machine the connections that write come back after those that read.
    while engine.commit(Batch::new().put("b", "1")).await.is_err() {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(engine.get(b"b").await.unwrap().unwrap().value.as_ref(), b"1");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_said_so() {
    let target = "postgres://nobody@127.0.0.1:1/none".parse().unwrap();
    let error = Postgres::open(target, Options::default()).await.unwrap_err();
    let KvError::Unavailable(cause) = &error else { panic!("{error:?}") };
    assert!(cause.contains("refused"), "{cause}");
}
