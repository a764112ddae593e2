//! The data folder: its lock, its format, interrupted making, and the fixture of every format.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use kv::{Batch, KeyRange, Kv, KvError, ScanOptions};
use kv_local::{FORMAT, Local, Options};
use tempfile::TempDir;

use crate::random::Random;

fn open(folder: &Path) -> Result<Local, KvError> {
    Local::open(folder, Options::default())
}

#[test]
fn one_server_at_a_time() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path()).unwrap();
    let error = open(folder.path()).unwrap_err();
    let KvError::Locked { pid, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*pid, Some(std::process::id()));
    assert!(error.to_string().contains("is in use by process"), "{error}");
    drop(engine);
    open(folder.path()).unwrap();
}

#[test]
fn formats_are_told_apart() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()).unwrap());
    let file = folder.path().join("FORMAT");
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("rushlight-data {FORMAT}\n"));

    fs::write(&file, "rushlight-data 99\n").unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, KvError::Newer { found: 99, known: FORMAT }), "{error:?}");
    assert!(error.to_string().contains("use a newer version"), "{error}");

    fs::write(&file, "something").unwrap();
    assert!(matches!(open(folder.path()), Err(KvError::Damaged(_))));
    fs::remove_file(&file).unwrap();
    assert!(
        matches!(open(folder.path()), Err(KvError::Damaged(_))),
        "rows without a format are not guessed at"
    );
}

#[tokio::test]
async fn an_interrupted_making_begins_again() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()).unwrap());
    fs::write(folder.path().join("UNFINISHED"), "").unwrap();
    fs::remove_file(folder.path().join("db/version")).unwrap();
    let engine = open(folder.path()).unwrap();
    engine.commit(Batch::new().put("a", "1")).await.unwrap();
    drop(engine);
    let engine = open(folder.path()).unwrap();
    assert!(engine.get(b"a").await.unwrap().is_some());
}

#[tokio::test]
async fn a_closed_engine_says_so() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path()).unwrap();
    engine.commit(Batch::new().put("a", "1")).await.unwrap();
    let mut watch = engine.watch(Bytes::from_static(b"a"));
    engine.close().await.unwrap();
    engine.close().await.unwrap();
    assert!(matches!(engine.commit(Batch::new().put("a", "2")).await, Err(KvError::Closed)));
    assert!(matches!(watch.changed().await, Err(KvError::Closed)));
    assert!(engine.get(b"a").await.unwrap().is_some());
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open(&file.join("data")).unwrap_err();
    assert!(error.to_string().contains("file/data"), "{error}");
}

fn fixture(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/format-{format}"))
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

const FIXTURE_ROWS: u64 = 120;

fn fixture_row(at: u64) -> (Bytes, Bytes) {
    (Bytes::from(format!("row/{at:03}")), Random(at + 1).bytes(200))
}

/// What every fixture holds: rows in sorted files and in the journal, a counter, an appended row, a deleted one.
async fn write_fixture(engine: &Local) {
    for at in 0..FIXTURE_ROWS {
        let (key, value) = fixture_row(at);
        engine.commit(Batch::new().put(key, value).add("counter", 2)).await.unwrap();
    }
    engine.commit(Batch::new().delete("row/005").append("log/", "/end", "said")).await.unwrap();
}

async fn check_fixture(engine: &Local) {
    let rows = engine.scan(KeyRange::prefix("row/"), ScanOptions::default()).await.unwrap().entries;
    assert!(rows.into_iter().eq((0..FIXTURE_ROWS).filter(|at| *at != 5).map(fixture_row)));
    let counter = engine.get(b"counter").await.unwrap().unwrap();
    assert_eq!(counter.value.as_ref(), (2 * FIXTURE_ROWS).to_le_bytes());
    assert_eq!(counter.version, FIXTURE_ROWS);
    assert_eq!(engine.safe_seq().await.unwrap(), FIXTURE_ROWS + 1);
    let key = [b"log/".as_ref(), &(FIXTURE_ROWS + 1).to_be_bytes(), b"/end"].concat();
    assert_eq!(engine.get(&key).await.unwrap().unwrap().value.as_ref(), b"said");
    assert_eq!(engine.commit(Batch::new().add("counter", 1)).await.unwrap(), FIXTURE_ROWS + 2);
}

#[tokio::test]
async fn every_format_opens() {
    for format in 1..=FORMAT {
        let folder = TempDir::new().unwrap();
        copy(&fixture(format), folder.path());
        check_fixture(&open(folder.path()).unwrap()).await;
        let engine = open(folder.path()).unwrap();
        assert_eq!(engine.safe_seq().await.unwrap(), FIXTURE_ROWS + 2);
    }
}

/// `cargo test -p kv-local -- --ignored make_fixture`, once for each format; never again for an old one.
#[tokio::test]
#[ignore = "writes the fixture of the present format"]
async fn make_fixture() {
    let folder = fixture(FORMAT);
    assert!(!folder.exists(), "{} is there; a fixture is never changed", folder.display());
    let options = Options { memtable_bytes: 8 << 10, ..Options::default() };
    write_fixture(&Local::open(&folder, options).unwrap()).await;
    // Opening cuts the journal's preallocated zeros.
    drop(open(&folder).unwrap());
}
