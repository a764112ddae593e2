//! The suite, strict and relaxed.

use std::sync::Arc;

use kv::suite::Factory;
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
