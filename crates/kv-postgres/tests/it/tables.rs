//! The tables: made once, of a known format, movable to another server.

use kv::{Batch, Kv, KvError};
use kv_postgres::{FORMAT, Options, Postgres, Target};
use testkit::Cluster;
use tokio_postgres::NoTls;

/// Statements by another hand, on the schema of this URL.
async fn by_hand(url: &str, statements: &str) {
    let (place, schema) = url.split_once("?schema=").unwrap();
    let (client, driver) = tokio_postgres::connect(place, NoTls).await.unwrap();
    tokio::spawn(driver);
    client.batch_execute(&statements.replace("{schema}", schema)).await.unwrap();
}

async fn open(url: &str) -> Result<Postgres, KvError> {
    Postgres::open(url.parse::<Target>().unwrap(), Options::default()).await
}

#[tokio::test]
async fn nodes_that_begin_together_make_the_tables_once() {
    let url = Cluster::shared().url();
    let (left, right, third) = tokio::join!(open(&url), open(&url), open(&url));
    left.unwrap().commit(Batch::new().put("a", "1")).await.unwrap();
    for other in [right.unwrap(), third.unwrap()] {
        assert_eq!(other.get(b"a").await.unwrap().unwrap().value.as_ref(), b"1");
    }
}

#[tokio::test]
async fn a_newer_format_is_not_opened() {
    let url = Cluster::shared().url();
    open(&url).await.unwrap();
    by_hand(&url, "UPDATE {schema}.meta SET value = '99' WHERE name = 'format'").await;
    let error = open(&url).await.unwrap_err();
    assert!(matches!(error, KvError::Newer { found: 99, known: FORMAT }), "{error:?}");
}

#[tokio::test]
async fn a_role_needs_nothing_but_a_schema_of_its_own() {
    let url = Cluster::shared().url();
    by_hand(&url, "CREATE ROLE modest LOGIN; CREATE SCHEMA {schema} AUTHORIZATION modest").await;
    let modest = url.replace("rushlight@", "modest@");
    let engine = open(&modest).await.unwrap();
    let seq = engine.commit(Batch::new().put("a", "1")).await.unwrap();
    engine.settle().await.unwrap();
    assert!(engine.safe_seq().await.unwrap() >= seq);
    let error = open(&modest.replace("?schema=", "?schema=other_")).await.unwrap_err();
    assert!(error.to_string().contains("permission denied"), "{error}");
    assert_eq!(error.to_string().matches("error").count(), 0, "{error}");
}

/// As after a dump is restored into a new server, whose transaction ids begin low.
#[tokio::test]
async fn sequences_go_on_rising_on_another_server() {
    let url = Cluster::shared().url();
    let engine = open(&url).await.unwrap();
    let before = engine.commit(Batch::new().put("a", "1").put("b", "1")).await.unwrap();
    drop(engine);
    let high = before + (1 << 50);
    let moved = format!(
        "UPDATE {{schema}}.rows SET s = {high}; UPDATE {{schema}}.meta SET value = '{}' WHERE name = 'high'; UPDATE {{schema}}.meta SET value = 'other' WHERE name = 'server'",
        (high >> 8) - (1 << 20)
    );
    by_hand(&url, &moved).await;
    let engine = open(&url).await.unwrap();
    let first = engine.commit(Batch::new().put("b", "2")).await.unwrap();
    assert!(first > high, "{first} {high}");
    engine.settle().await.unwrap();
    assert!(engine.safe_seq().await.unwrap() >= first);
    assert_eq!(engine.get(b"a").await.unwrap().unwrap().version, high);
    drop(engine);
    let again = open(&url).await.unwrap().commit(Batch::new().put("b", "3")).await.unwrap();
    assert!(again > first && again < first + (1 << 24), "the offset is chosen once");
}
