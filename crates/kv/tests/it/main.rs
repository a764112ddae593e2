//! The in-memory engine passes the suite.

use std::sync::Arc;

use kv::{Memory, suite::Factory};

struct Fresh;

impl Factory for Fresh {
    type Engine = Memory;

    fn make(&self) -> Arc<Memory> {
        Arc::new(Memory::new())
    }

    fn reopen(&self, _: Arc<Memory>) -> Option<Arc<Memory>> {
        None
    }
}

kv::suite!(Fresh);
