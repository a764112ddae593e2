//! Kill -9 under load, again and again on the same folder. Every commit of the child also appends what it did to one
//! log, so the parent can replay the log: numbers without gaps, every acknowledged commit there, and the rows exactly
//! what the log says, which no torn, reordered or half-visible batch would give.
//! KV_CRASH_ROUNDS and KV_CRASH_SEED choose more rounds and other moments.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use bytes::Bytes;
use kv::{Batch, Entry, KeyRange, Kv, ScanOptions, Seq};
use kv_local::{Durability, Local, Options};
use tempfile::TempDir;

use crate::random::Random;

const CHILD: &str = "KV_CRASH_CHILD";
const WRITERS: u64 = 12;
const KEYS: u64 = 10;

/// Small tables, so that flushes, compactions and journal rotations happen while the process is killed.
fn options(durability: Durability) -> Options {
    Options { durability, memtable_bytes: 1 << 20, ..Options::default() }
}

fn value(seed: u64, len: usize) -> Bytes {
    Random(seed | 1).bytes(len)
}

fn number(value: Option<&Bytes>) -> i64 {
    value.map_or(0, |value| i64::from_le_bytes(value.as_ref().try_into().unwrap()))
}

/// One commit of writer `writer`; answers its sequence and what it logged.
async fn write(engine: &Local, writer: u64, random: &mut Random) -> (Seq, String) {
    let own = format!("row/{writer}/{}", random.next() % KEYS);
    let shared = format!("sum/{}", random.next() % 3);
    match random.next() % 6 {
        0 => {
            let said = format!("delete {own}");
            (engine.commit(Batch::new().delete(own).append("log/", "", said.clone())).await.unwrap(), said)
        }
        1 => {
            let said = format!("add {shared}");
            (engine.commit(Batch::new().add(shared, 1).append("log/", "", said.clone())).await.unwrap(), said)
        }
        2 => {
            let decide = |rows: &[Option<Entry>]| {
                let next = number(rows[0].as_ref().map(|row| &row.value)) + 1;
                let said = format!("set {shared} {next}");
                let batch = Batch::new().put(shared.clone(), next.to_le_bytes().to_vec());
                Ok::<_, Infallible>((batch.append("log/", "", said.clone()), said))
            };
            let (said, seq) = engine.transact(vec![Bytes::from(shared.clone())], decide).await.unwrap();
            (seq, said)
        }
        _ => {
            let seed = random.next();
            let len = if seed.is_multiple_of(20) { 30_000 } else { (seed % 900) as usize };
            let said = format!("put {own} {seed} {len}");
            let batch = Batch::new().put(own, value(seed, len)).append("log/", "", said.clone());
            (engine.commit(batch).await.unwrap(), said)
        }
    }
}

async fn write_forever(engine: Arc<Local>, writer: u64, seed: u64) {
    let mut random = Random((seed + writer * 101) | 1);
    loop {
        let (seq, said) = write(&engine, writer, &mut random).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "ack {seq} {said}").unwrap();
        out.flush().unwrap();
    }
}

/// Not a test of its own: the process that is killed. Does nothing unless the parent started it.
#[test]
fn child() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let (durability, seed) =
        (std::env::var("KV_CRASH_DURABILITY").unwrap(), std::env::var("KV_CRASH_CHILD_SEED").unwrap());
    let (durability, seed): (Durability, u64) = (durability.parse().unwrap(), seed.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    runtime.block_on(async {
        let engine = Arc::new(Local::open(folder, options(durability)).unwrap());
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            writers.spawn(write_forever(engine.clone(), writer, seed));
        }
        writers.join_next().await.unwrap().unwrap();
    });
}

/// Starts the child, kills it after `acks` acknowledgements or the time, and answers all it acknowledged.
fn run_and_kill(folder: &Path, durability: Durability, random: &mut Random) -> BTreeMap<Seq, String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, folder)
        .env("KV_CRASH_DURABILITY", durability.as_str())
        .env("KV_CRASH_CHILD_SEED", (random.next() >> 8).to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = mpsc::channel();
    let out = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    // Every fourth round dies while it opens or soon after.
    let early = random.next().is_multiple_of(4);
    let patience = Duration::from_micros(if early { random.next() % 20_000 } else { 400_000 });
    let wanted = random.next() % 2_500;
    let deadline = Instant::now() + patience;
    let mut seen = Vec::new();
    while (seen.len() as u64) < wanted {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => seen.push(line),
            Err(mpsc::RecvTimeoutError::Timeout) => break,
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let output = child.wait_with_output().unwrap();
                panic!("the child ended by itself: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    seen.extend(lines);
    seen.iter().filter_map(|line| acknowledged(line)).collect()
}

/// The harness writes lines of its own, and the last one may be cut.
fn acknowledged(line: &str) -> Option<(Seq, String)> {
    let (seq, said) = line.split_once("ack ")?.1.split_once(' ')?;
    Some((seq.parse().ok()?, said.to_owned()))
}

#[derive(Default)]
struct Model {
    last: Seq,
    rows: BTreeMap<Bytes, Bytes>,
}

impl Model {
    fn replay(&mut self, said: &str) {
        let words: Vec<&str> = said.split(' ').collect();
        let key = Bytes::copy_from_slice(words[1].as_bytes());
        match words[0] {
            "delete" => {
                self.rows.remove(&key);
            }
            "add" => {
                let sum = number(self.rows.get(&key)) + 1;
                self.rows.insert(key, Bytes::copy_from_slice(&sum.to_le_bytes()));
            }
            "set" => {
                let next: i64 = words[2].parse().unwrap();
                assert_eq!(next, number(self.rows.get(&key)) + 1, "a transaction saw what was before it");
                self.rows.insert(key, Bytes::copy_from_slice(&next.to_le_bytes()));
            }
            _ => {
                let (seed, len) = (words[2].parse().unwrap(), words[3].parse().unwrap());
                self.rows.insert(key, value(seed, len));
            }
        }
    }

    async fn check(&mut self, engine: &Local, acknowledged: &BTreeMap<Seq, String>) {
        let mut acknowledged = acknowledged.iter().peekable();
        let begin = [b"log/".as_ref(), &(self.last + 1).to_be_bytes()].concat();
        for (key, said) in scan(engine, KeyRange::new(begin, "log0")).await {
            let seq = Seq::from_be_bytes(*key[4..].first_chunk().unwrap());
            assert_eq!(seq, self.last + 1, "a gap in the log");
            let said = String::from_utf8(said.to_vec()).unwrap();
            if let Some((_, expected)) = acknowledged.next_if(|(at, _)| **at == seq) {
                assert_eq!(&said, expected);
            }
            self.replay(&said);
            self.last = seq;
        }
        assert_eq!(acknowledged.next(), None, "an acknowledged commit is lost");
        assert_eq!(engine.safe_seq().await.unwrap(), self.last);
        let mut rows = scan(engine, KeyRange::prefix("row/")).await;
        rows.extend(scan(engine, KeyRange::prefix("sum/")).await);
        assert!(rows.into_iter().eq(self.rows.clone()), "the rows are not what the log says");
    }
}

async fn scan(engine: &Local, range: KeyRange) -> Vec<(Bytes, Bytes)> {
    let (mut found, mut rest) = (Vec::new(), Some(range));
    while let Some(range) = rest {
        let page = engine.scan(range.clone(), ScanOptions::default()).await.unwrap();
        found.extend(page.entries);
        rest = page.next.map(|next| range.resume(next, false));
    }
    found
}

fn from_env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test]
async fn kill_under_load() {
    let folder = TempDir::new().unwrap();
    let (rounds, seed) = (from_env("KV_CRASH_ROUNDS", 20), from_env("KV_CRASH_SEED", 1));
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut model = Model::default();
    let mut total = 0;
    for round in 0..rounds {
        let durability = if round % 2 == 0 { Durability::Strict } else { Durability::Relaxed };
        let acknowledged = run_and_kill(folder.path(), durability, &mut random);
        let engine = Local::open(folder.path(), options(durability)).unwrap();
        model.check(&engine, &acknowledged).await;
        total += acknowledged.len();
    }
    println!("{rounds} rounds, {total} acknowledged, {} committed, none lost", model.last);
    assert!(total > 0);
}
