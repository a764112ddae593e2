//! What a crash or a failing disk leaves behind: torn journals open with a prefix of the commits, a failed write
//! poisons.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
    process::Command,
};

use bytes::Bytes;
use kv::{Batch, KeyRange, Kv, KvError, ScanOptions};
use kv_local::{Local, Options};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

use crate::{folder::copy, random::Random};

const COMMITS: u64 = 40;

/// A folder with so many commits, as a kill leaves it: copied while the engine is open, the journal without its
/// preallocated zeros.
struct Image {
    folder: TempDir,
    journal: Vec<u8>,
}

const JOURNAL: &str = "db/0.jnl";

impl Image {
    async fn make() -> Self {
        let live = TempDir::new().unwrap();
        let engine = Local::open(live.path(), Options::default()).unwrap();
        for at in 1..=COMMITS {
            engine.commit(Batch::new().put(row(at), value_of(&row(at)))).await.unwrap();
        }
        let folder = TempDir::new().unwrap();
        copy(live.path(), folder.path());
        let mut journal = Vec::new();
        let begin = File::open(folder.path().join(JOURNAL)).unwrap();
        begin.take(1 << 20).read_to_end(&mut journal).unwrap();
        let used = journal.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        journal.truncate(used);
        fs::remove_file(folder.path().join(JOURNAL)).unwrap();
        Self { folder, journal }
    }

    /// Opens a copy with this journal.
    async fn open_with(&self, journal: &[u8]) -> Result<u64, KvError> {
        let folder = TempDir::new().unwrap();
        copy(self.folder.path(), folder.path());
        fs::write(folder.path().join(JOURNAL), journal).unwrap();
        commits_found(folder.path()).await
    }
}

/// Opens and checks that the rows are the first so many commits; answers how many. Writing goes on after them.
async fn commits_found(folder: &Path) -> Result<u64, KvError> {
    let engine = Local::open(folder, Options::default())?;
    let last = engine.safe_seq().await.unwrap();
    let page = engine.scan(KeyRange::prefix("row/"), ScanOptions::default()).await.unwrap();
    let expected: Vec<Bytes> = (1..=last).map(row).collect();
    assert!(page.entries.iter().map(|(key, _)| key).eq(&expected), "{last} commits");
    assert!(page.entries.iter().all(|(key, value)| *value == value_of(key)), "{last} commits");
    assert_eq!(engine.commit(Batch::new().put(row(last + 1), "again")).await.unwrap(), last + 1);
    drop(engine);
    let engine = Local::open(folder, Options::default())?;
    assert_eq!(engine.safe_seq().await.unwrap(), last + 1);
    Ok(last)
}

fn row(at: u64) -> Bytes {
    Bytes::from(format!("row/{at:04}"))
}

fn value_of(row: &Bytes) -> Bytes {
    Random(u64::from(row[row.len() - 1]) | u64::from(row[row.len() - 2]) << 8).bytes(700)
}

#[tokio::test]
async fn torn_journals_open_with_what_was_whole() {
    let image = Image::make().await;
    for cut in [0_usize, 1, 2, 5, 12, 13, 40, 300, 700, 760, 780, 900, 5_000] {
        for zeros in [0, 4_096] {
            let mut journal = image.journal[..image.journal.len() - cut].to_vec();
            journal.resize(journal.len() + zeros, 0);
            let found = image.open_with(&journal).await;
            let found = found.unwrap_or_else(|error| panic!("cut {cut}, zeros {zeros}: {error}"));
            match cut {
                0 => assert_eq!(found, COMMITS),
                1..=700 => assert_eq!(found, COMMITS - 1, "cut {cut}"),
                _ => assert!(found < COMMITS && found > COMMITS - 12, "cut {cut}: {found}"),
            }
        }
    }
}

/// A row whose bytes the disk changed is never answered: opening says that the data is damaged.
#[tokio::test]
async fn a_changed_value_is_noticed() {
    let image = Image::make().await;
    for at in [1, COMMITS / 2, COMMITS] {
        let value = value_of(&row(at));
        let position = image.journal.windows(64).position(|window| window == &value[..64]).unwrap();
        let mut journal = image.journal.clone();
        journal[position + 30] ^= 0x40;
        let error = image.open_with(&journal).await.unwrap_err();
        assert!(matches!(error, KvError::Damaged(_)), "{error:?}");
    }
}

const CHILD: &str = "KV_FAULT_CHILD";

/// Not a test of its own: runs where a file may not grow beyond a limit. SIGXFSZ is ignored by the parent.
#[tokio::test]
async fn limited_child() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let engine = Local::open(&folder, Options::default()).unwrap();
    engine.commit(Batch::new().put("a", "1")).await.unwrap();
    let before = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(1 << 20), ..before }).unwrap();

    let mut random = Random(3);
    let mut written = 0;
    let error = loop {
        match engine.commit(Batch::new().put(row(written), random.bytes(10_000))).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, KvError::Poisoned), "{error:?}");
    assert!(written > 50, "{written}");
    setrlimit(Resource::Fsize, before).unwrap();
    let again = engine.commit(Batch::new().put("b", "1")).await;
    assert!(matches!(again, Err(KvError::Poisoned)), "once failed, a write stays refused: {again:?}");
    assert!(matches!(engine.checkpoint().await, Err(KvError::Poisoned)));
    assert!(engine.watch(Bytes::from_static(b"a")).changed().await.is_err());
    assert_eq!(engine.get(b"a").await.unwrap().unwrap().value.as_ref(), b"1", "reading goes on");
    assert_eq!(engine.get(&row(written)).await.unwrap(), None, "what failed is not visible");
    let seq = engine.safe_seq().await.unwrap();
    drop(engine);

    let engine = Local::open(&folder, Options::default()).unwrap();
    assert!(engine.safe_seq().await.unwrap() >= seq);
    for at in 0..written {
        assert!(engine.get(&row(at)).await.unwrap().is_some(), "{at}");
    }
    engine.commit(Batch::new().put("b", "1")).await.unwrap();
    println!("recovered");
}

#[test]
fn a_failed_write_poisons_until_reopened() {
    let folder = TempDir::new().unwrap();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["faults::limited_child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && out.contains("recovered"),
        "{out}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
