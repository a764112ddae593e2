//! The engine passes the suite.

use std::sync::Arc;

use kv::suite::Factory;
use kv_postgres::{Options, Postgres, Target};
use testkit::Cluster;
use tokio::{runtime::Handle, task::block_in_place};

struct Fresh;

fn wait<T>(answer: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(answer))
}

fn open(target: Target) -> Arc<Postgres> {
    Arc::new(wait(Postgres::open(target, Options::default())).unwrap())
}

impl Factory for Fresh {
    type Engine = Postgres;

    const WAKES_EXACTLY: bool = false;
    const COUNTS_COMMITS: bool = false;

    fn make(&self) -> Arc<Postgres> {
        open(Cluster::shared().url().parse().unwrap())
    }

    fn reopen(&self, engine: Arc<Postgres>) -> Option<Arc<Postgres>> {
        let target = engine.target().clone();
        wait(engine.close());
        Some(open(target))
    }
}

kv::suite!(Fresh);
