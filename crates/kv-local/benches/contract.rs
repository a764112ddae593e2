//! Measures the embedded engine at the level of the contract: `cargo bench -p kv-local`. Bounded: about a minute.
//! Words after `--` choose the measurements whose names contain one of them. KV_BENCH_DIR chooses the disk.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program for a person at a terminal")]

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kv::{Batch, Entry, KeyRange, Kv, Memory, ScanOptions};
use kv_local::{Durability, Local, Options};
use tempfile::TempDir;

const ROWS: u64 = 100_000;
const ROW_BYTES: usize = 1_000;
const SPAN: Duration = Duration::from_millis(1_500);
const COUNTERS: u64 = 16;
const FEW_ROWS: u64 = 1_000;

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
        let mut bytes = Vec::with_capacity(ROW_BYTES);
        while bytes.len() < ROW_BYTES {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(ROW_BYTES);
        bytes.into()
    }
}

fn row(at: u64) -> Bytes {
    Bytes::from(
        [b"row/".as_ref(), &at.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes(), &at.to_be_bytes()].concat(),
    )
}

#[derive(Clone, Copy)]
enum Work {
    Put,
    Get,
    Scan,
    Count,
    Append,
    /// 25 rows as one batch.
    Batch,
    /// One of few rows.
    Overwrite,
    /// 25 of few rows.
    ScanOverwritten,
}

async fn step<K: Kv>(engine: &K, work: Work, random: &mut Random) {
    let at = random.next() % ROWS;
    match work {
        Work::Put => {
            engine.commit(Batch::new().put(row(at), random.value())).await.unwrap();
        }
        Work::Get => assert!(engine.get(&row(at)).await.unwrap().is_some()),
        Work::Scan => {
            let range = KeyRange { start: row(at), end: Bytes::from_static(b"row0") };
            engine.scan(range, ScanOptions::limit(25)).await.unwrap();
        }
        Work::Count => {
            let key = counter(at % COUNTERS);
            let decide = |rows: &[Option<Entry>]| {
                let next = number(rows[0].as_ref()) + 1;
                Ok::<_, Infallible>((Batch::new().put(key.clone(), next.to_le_bytes().to_vec()), ()))
            };
            engine.transact(vec![key.clone()], decide).await.unwrap();
        }
        Work::Append => {
            engine.commit(Batch::new().append("log/", "", random.value())).await.unwrap();
        }
        Work::Batch => {
            let rows = at..at + 25;
            let batch = rows.fold(Batch::new(), |batch, at| batch.put(row(at % ROWS), random.value()));
            engine.commit(batch).await.unwrap();
        }
        Work::Overwrite => {
            engine.commit(Batch::new().put(few(at % FEW_ROWS), random.value())).await.unwrap();
        }
        Work::ScanOverwritten => {
            let range = KeyRange { start: few(at % FEW_ROWS / 25 * 25), end: Bytes::from_static(b"few0") };
            engine.scan(range, ScanOptions::limit(25)).await.unwrap();
        }
    }
}

fn few(at: u64) -> Bytes {
    Bytes::from(format!("few/{at:04}"))
}

fn counter(at: u64) -> Bytes {
    Bytes::from(format!("counter/{at}"))
}

fn number(entry: Option<&Entry>) -> u64 {
    entry.map_or(0, |entry| u64::from_le_bytes(entry.value.as_ref().try_into().unwrap()))
}

/// Runs so many clients for the span; answers how many steps they took.
async fn measure<K: Kv + 'static>(name: &str, engine: &Arc<K>, work: Work, clients: u64) -> u64 {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let mut random = Random(client * 7_919 + 1);
                let mut took = Vec::new();
                let mut now = Instant::now();
                while now.duration_since(begun) < SPAN {
                    step(&*engine, work, &mut random).await;
                    let then = std::mem::replace(&mut now, Instant::now());
                    took.push(u32::try_from(now.duration_since(then).as_nanos()).unwrap_or(u32::MAX));
                    if took.len() % 64 == 0 {
                        tokio::task::yield_now().await;
                    }
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
    let at = |part: f64| f64::from(took[((took.len() - 1) as f64 * part) as usize]) / 1e3;
    let rate = took.len() as f64 / seconds;
    println!("{name:<22}{clients:>8}{rate:>12.0}{:>12.1}{:>12.1}", at(0.5), at(0.99));
    took.len() as u64
}

fn open(folder: &TempDir, durability: Durability) -> (Arc<Local>, Duration) {
    let begun = Instant::now();
    let engine = Local::open(folder.path(), Options { durability, ..Options::default() }).unwrap();
    (Arc::new(engine), begun.elapsed())
}

async fn fill<K: Kv>(engine: &K) {
    let mut random = Random(1);
    for chunk in 0..ROWS / 500 {
        let rows = chunk * 500..(chunk + 1) * 500;
        let batch = rows.fold(Batch::new(), |batch, at| batch.put(row(at), random.value()));
        engine.commit(batch).await.unwrap();
    }
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim_end_matches("kB").trim().parse::<f64>().unwrap_or_default() / 1024.0
}

fn make_folder() -> TempDir {
    match std::env::var_os("KV_BENCH_DIR") {
        Some(path) => TempDir::new_in(path).unwrap(),
        None => TempDir::new().unwrap(),
    }
}

async fn count_and_check(engine: &Arc<Local>, clients: u64) {
    let before = total(engine).await;
    let counted = measure("hot counters", engine, Work::Count, clients).await;
    let after = total(engine).await;
    assert_eq!(after - before, counted, "no update is lost");
}

async fn total(engine: &Local) -> u64 {
    let keys: Vec<Bytes> = (0..COUNTERS).map(counter).collect();
    engine.multi_get(&keys).await.unwrap().iter().map(|row| number(row.as_ref())).sum()
}

/// Opening empty folders: the middle of several, and what the process keeps for it.
fn measure_opening() {
    let before = resident_mib();
    let mut first: Vec<Duration> = Vec::new();
    let mut again: Vec<Duration> = Vec::new();
    for _ in 0..9 {
        let folder = make_folder();
        first.push(open(&folder, Durability::Strict).1);
        again.push(open(&folder, Durability::Strict).1);
    }
    let folder = make_folder();
    let engine = open(&folder, Durability::Strict);
    first.sort_unstable();
    again.sort_unstable();
    let resident = resident_mib();
    println!(
        "opening: new folder {:.1?}, again {:.1?}, resident {before:.1} -> {resident:.1} MiB",
        first[4], again[4]
    );
    drop(engine);
}

async fn measure_memory() {
    let engine = Arc::new(Memory::new());
    fill(&*engine).await;
    for (name, work) in [
        ("memory put", Work::Put),
        ("memory get", Work::Get),
        ("memory scan of 25", Work::Scan),
        ("memory counters", Work::Count),
    ] {
        for clients in [1, 16] {
            measure(name, &engine, work, clients).await;
        }
    }
}

async fn run(chosen: impl Fn(&str) -> bool) {
    measure_opening();
    let folder = make_folder();
    let (engine, _) = open(&folder, Durability::Strict);
    fill(&*engine).await;
    drop(engine);
    let (engine, opening) = open(&folder, Durability::Strict);
    println!("opening {ROWS} rows of {ROW_BYTES} bytes {opening:.1?}");
    println!("{:<22}{:>8}{:>12}{:>12}{:>12}", "", "clients", "ops/s", "p50 us", "p99 us");
    for (name, work) in [("durable put", Work::Put), ("durable append", Work::Append)] {
        for clients in [1, 16, 64] {
            if chosen(name) {
                measure(name, &engine, work, clients).await;
            }
        }
    }
    for clients in [1, 16, 64] {
        if chosen("counter") {
            count_and_check(&engine, clients).await;
        }
    }
    for (name, work) in [("hot get", Work::Get), ("scan of 25", Work::Scan)] {
        for clients in [1, 16, 64] {
            if chosen(name) {
                measure(name, &engine, work, clients).await;
            }
        }
    }
    let bytes = engine.bytes();
    drop(engine);
    let (engine, opening) = open(&folder, Durability::Relaxed);
    println!("opening {} MiB {opening:.1?}, resident {:.1} MiB", bytes >> 20, resident_mib());
    for (name, work) in [
        ("relaxed put", Work::Put),
        ("relaxed batch of 25", Work::Batch),
        ("relaxed overwrite", Work::Overwrite),
        ("scan of overwritten", Work::ScanOverwritten),
    ] {
        for clients in [1, 16, 64] {
            if chosen(name) {
                measure(name, &engine, work, clients).await;
            }
        }
    }
    engine.close().await.unwrap();
    if chosen("memory") {
        measure_memory().await;
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(chosen));
}
