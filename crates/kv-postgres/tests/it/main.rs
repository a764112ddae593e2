//! The engine on a PostgreSQL server of the tests' own.
#![allow(clippy::unwrap_used, reason = "a test says no better than by failing")]

mod contract;
mod loss;
mod model;
mod nodes;
mod tables;
mod turns;

use std::time::Duration;

use kv_postgres::{Options, Postgres};
use testkit::Cluster;

/// Longer than any test: what happens does not happen by the net.
const NEVER: Duration = Duration::from_secs(3_600);

/// An engine on an empty schema of the shared server.
async fn fresh() -> Postgres {
    Postgres::open(Cluster::shared().url().parse().unwrap(), Options::default()).await.unwrap()
}
