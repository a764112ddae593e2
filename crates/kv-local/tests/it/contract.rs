//! The suite, strict and relaxed.

use std::sync::Arc;

use kv::{Batch, Kv, KvError, suite::Factory};
use kv_local::{Durability, Local, Options};
use tempfile::TempDir;

struct InFolder {
    folder: TempDir,
    durability: Durability,
}

impl InFolder {
    fn new(durability: Durability) -> Self {
        Self { folder: TempDir::new().unwrap(), durability }
    }

    fn open(&self) -> Arc<Local> {
        let options = Options { durability: self.durability, ..Options::default() };
        Arc::new(Local::open(self.folder.path(), options).unwrap())
    }
}

impl Factory for InFolder {
    type Engine = Local;

    fn make(&self) -> Arc<Local> {
        self.open()
    }

    fn reopen(&self, engine: Arc<Local>) -> Option<Arc<Local>> {
        drop(Arc::into_inner(engine).expect("nobody else holds it"));
        Some(self.open())
    }
}

mod strict {
    use super::*;
    kv::suite!(InFolder::new(Durability::Strict));
}

mod relaxed {
    use super::*;
    kv::suite!(InFolder::new(Durability::Relaxed));
}

/// Many large batches at once are written in parts; the largest value fits in one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_batches_at_once() {
    let factory = InFolder::new(Durability::Strict);
    let mut engine = factory.open();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8_u8 {
        let engine = engine.clone();
        writers.spawn(async move {
            let value = vec![writer; 5 << 20];
            engine
                .commit(Batch::new().put(vec![b'a', writer], value.clone()).put(vec![b'b', writer], value))
                .await
        });
    }
    writers.join_all().await.into_iter().for_each(|seq| assert!(seq.is_ok()));
    let largest = engine.limits().value_bytes_max;
    engine.commit(Batch::new().put("largest", vec![7; largest])).await.unwrap();
    let over = engine.commit(Batch::new().put("largest", vec![7; largest + 1])).await;
    assert!(matches!(over, Err(KvError::TooLarge { .. })));
    for _ in 0..2 {
        for writer in 0..8_u8 {
            for first in *b"ab" {
                let row = engine.get(&[first, writer]).await.unwrap().unwrap();
                assert!(row.value.len() == 5 << 20 && row.value[0] == writer);
            }
        }
        assert_eq!(engine.get(b"largest").await.unwrap().unwrap().value.len(), largest);
        engine = factory.reopen(engine).unwrap();
    }
}
