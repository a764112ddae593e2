//! Measures the engine at the level of the contract, on a server of its own with fsync: `cargo bench -p kv-postgres`.
//! Bounded: about half a minute. Words after `--` choose the measurements whose names contain one of them.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program for a person at a terminal")]

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kv::{Batch, Entry, KeyRange, Kv, ScanOptions};
use kv_postgres::{Options, Postgres};
use testkit::{Cluster, Fsync};

const ROWS: u64 = 50_000;
const ROW_BYTES: usize = 1_000;
const SPAN: Duration = Duration::from_millis(2_000);
const COUNTERS: u64 = 16;
const BATCH: u64 = 25;

/// A small, seeded generator; the distribution of keys is all that matters.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn value(&mut self) -> Bytes {
        (0..ROW_BYTES / 8).flat_map(|_| self.next().to_le_bytes()).collect()
    }
}

fn row(at: u64) -> Bytes {
    let spread = at.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Bytes::from([b"row/".as_ref(), &spread.to_be_bytes(), &at.to_be_bytes()].concat())
}

#[derive(Clone, Copy)]
enum Work {
    Put,
    Batch,
    Get,
    Scan,
    Conditional,
    Count,
    Add,
}

async fn step(engine: &Postgres, work: Work, random: &mut Random) {
    let at = random.next() % ROWS;
    match work {
        Work::Put => drop(engine.commit(Batch::new().put(row(at), random.value())).await.unwrap()),
        Work::Batch => {
            let batch = (0..BATCH)
                .fold(Batch::new(), |batch, _| batch.put(row(random.next() % ROWS), random.value()));
            engine.commit(batch).await.unwrap();
        }
        Work::Get => assert!(engine.get(&row(at)).await.unwrap().is_some()),
        Work::Scan => {
            let range = KeyRange::new(row(at), "row0");
            engine.scan(range, ScanOptions::limit(25)).await.unwrap();
        }
        Work::Conditional => {
            let value = random.value();
            let decide = |rows: &[Option<Entry>]| {
                assert!(rows[0].is_some());
                Ok::<_, Infallible>((Batch::new().put(row(at), value.clone()), ()))
            };
            engine.transact(vec![row(at)], decide).await.unwrap();
        }
        Work::Count => {
            let key = Bytes::from(format!("counter/{}", at % COUNTERS));
            let decide = |rows: &[Option<Entry>]| {
                let count = rows[0].as_ref().map_or(0, |row| row.value.len() % 100);
                Ok::<_, Infallible>((Batch::new().put(key.clone(), vec![1; count + 1]), ()))
            };
            engine.transact(vec![key.clone()], decide).await.unwrap();
        }
        Work::Add => {
            engine.commit(Batch::new().add(format!("sum/{}", at % COUNTERS), 1)).await.unwrap();
        }
    }
}

/// Runs so many clients for the span and prints steps a second and their times.
async fn measure(name: &str, engine: &Arc<Postgres>, work: Work, clients: u64) {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let mut random = Random(client * 7_919 + 1);
                let mut took = Vec::new();
                let mut now = Instant::now();
                while now.duration_since(begun) < SPAN {
                    step(&engine, work, &mut random).await;
                    let then = std::mem::replace(&mut now, Instant::now());
                    took.push(u32::try_from(now.duration_since(then).as_micros()).unwrap_or(u32::MAX));
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    let seconds = begun.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |part: f64| f64::from(took[((took.len() - 1) as f64 * part) as usize]);
    println!(
        "{name:<22}{clients:>8}{:>12.0}{:>12.0}{:>12.0}",
        took.len() as f64 / seconds,
        at(0.5),
        at(0.99)
    );
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let cluster = Cluster::start(Fsync::On);
    let engine = Postgres::open(cluster.url().parse().unwrap(), Options::default()).await.unwrap();
    let engine = Arc::new(engine);
    let mut random = Random(1);
    for chunk in 0..ROWS / 500 {
        let rows = chunk * 500..(chunk + 1) * 500;
        let batch = rows.fold(Batch::new(), |batch, at| batch.put(row(at), random.value()));
        engine.commit(batch).await.unwrap();
    }
    println!("{:<22}{:>8}{:>12}{:>12}{:>12}", "", "clients", "a second", "p50 us", "p99 us");
    for (name, work, clients) in [
        ("put", Work::Put, 1),
        ("put", Work::Put, 16),
        ("put", Work::Put, 64),
        ("batch of 25 puts", Work::Batch, 16),
        ("get", Work::Get, 1),
        ("get", Work::Get, 16),
        ("get", Work::Get, 64),
        ("scan of 25", Work::Scan, 16),
        ("conditional put", Work::Conditional, 1),
        ("conditional put", Work::Conditional, 16),
        ("conditional put", Work::Conditional, 64),
        ("16 hot counters", Work::Count, 64),
        ("16 hot sums", Work::Add, 64),
    ] {
        if words.is_empty() || words.iter().any(|word| name.contains(word.as_str())) {
            measure(name, &engine, work, clients).await;
        }
    }
}
