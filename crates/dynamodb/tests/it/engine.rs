//! The stores on which everything must be the same.

use std::ops::{Deref, DerefMut};

use store::{Durability, Store};
use tempfile::TempDir;
use testkit::Cluster;

use crate::world::World;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Memory,
    /// In memory, by a service that has to reckon with other nodes.
    Node,
    Local,
    Postgres,
}

/// A world, and what its store needs as long as it is there.
pub(crate) struct Ground {
    world: World,
    _folder: Option<TempDir>,
}

impl Deref for Ground {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Ground {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl From<World> for Ground {
    fn from(world: World) -> Self {
        Self { world, _folder: None }
    }
}

impl Ground {
    /// The same with throttling.
    pub(crate) fn throttled(self) -> Self {
        Self { world: self.world.throttled(), ..self }
    }
}

impl Engine {
    pub(crate) async fn ground(self) -> Ground {
        match self {
            Self::Memory => World::on(Store::memory()).await.into(),
            Self::Node => World::node(Store::memory()).await.into(),
            Self::Postgres => World::on(Cluster::shared().store().await).await.into(),
            Self::Local => {
                let folder = tempfile::tempdir().unwrap();
                let store = Store::open(folder.path(), Durability::Relaxed).unwrap();
                Ground { world: World::on(store).await, _folder: Some(folder) }
            }
        }
    }

    /// Whether every commit, and nothing else, takes the next number.
    pub(crate) fn counts_commits(self) -> bool {
        matches!(self, Self::Memory | Self::Local)
    }
}

/// Runs `$test`, which takes an [`Engine`], on each of them.
macro_rules! on_each_engine {
    ($($test:ident)*) => { $(
        mod $test {
            use crate::engine::Engine;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn in_memory() {
                super::$test(Engine::Memory).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn as_a_node() {
                super::$test(Engine::Node).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_disk() {
                super::$test(Engine::Local).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn in_postgres() {
                super::$test(Engine::Postgres).await;
            }
        }
    )* };
}

pub(crate) use on_each_engine;
