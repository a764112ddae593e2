//! The tables: made at the first opening, with a format that says which versions may open them, and the offset that
//! keeps sequences rising when the tables move to another server. Looked at by every new connection, so that a
//! database exchanged under a running node is noticed. Knows no rows.

use kv::KvError;
use tokio_postgres::{Client, Error, error::SqlState};

use crate::{
    dialect::{Dialect, Sql, TABLES},
    failure::Failure,
};

/// The format this version writes, and the newest it reads.
pub const FORMAT: u32 = 1;

/// Nodes that open an empty database at once meet in the system's tables; the later ones then find it made.
const TRIES_MAX: usize = 6;
/// Transactions after which the mark of how far sequences have come is moved on.
pub(crate) const HIGH_STEP: i64 = 1 << 20;
/// Transactions that tables may have seen beyond that mark when they are moved.
const MOVE_MARGIN: i64 = 16 * HIGH_STEP;

/// What the table of settings says.
#[derive(Debug, Default)]
struct Meta {
    format: Option<u32>,
    /// The server on which the offset was chosen.
    server: String,
    offset: i64,
    /// How far sequences have come, without their slots; behind by [`HIGH_STEP`] and a few pulses.
    high: i64,
}

/// Makes what is not there, checks the format, answers the offset of sequences.
pub(crate) async fn open(client: &Client, schema: &str) -> Result<i64, KvError> {
    let mut tries = 0;
    loop {
        let error = match offset(client, schema).await {
            Ok(offset) => return offset,
            Err(error) => error,
        };
        tries += 1;
        let code = error.as_db_error().map(|database| database.code());
        if tries == TRIES_MAX || !code.is_some_and(is_meeting) {
            return Err(Failure::of(error).into());
        }
    }
}

fn is_meeting(code: &SqlState) -> bool {
    let codes = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_SCHEMA,
        SqlState::DUPLICATE_OBJECT,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        // "tuple concurrently updated", of a system table.
        SqlState::INTERNAL_ERROR,
    ];
    codes.contains(code)
}

async fn offset(client: &Client, schema: &str) -> Result<Result<i64, KvError>, Error> {
    let made = client
        .query_typed_one(
            "SELECT to_regclass($1 || '.meta') IS NOT NULL, to_regnamespace($1) IS NOT NULL",
            &[(&format!("\"{schema}\""), tokio_postgres::types::Type::TEXT)],
        )
        .await?;
    let server = server(client).await?;
    if !made.get::<_, bool>(0) {
        // Not asked for without need: a role that owns a schema may not be allowed to make one.
        if !made.get::<_, bool>(1) {
            client.batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"")).await?;
        }
        client.batch_execute(&TABLES.replace("{schema}", schema)).await?;
    }
    let mut meta = read(client, schema).await?;
    if meta.format.is_none() {
        client
            .batch_execute(&format!(
                "INSERT INTO \"{schema}\".meta VALUES ('format', '{FORMAT}'), ('server', '{server}'), ('offset', '0'), ('high', '0') \
                 ON CONFLICT DO NOTHING"
            ))
            .await?;
        meta = read(client, schema).await?;
    }
    match meta.format {
        Some(found) if found > FORMAT => return Ok(Err(KvError::Newer { found, known: FORMAT })),
        Some(_) => {}
        None => return Ok(Err(KvError::Damaged("the table of settings names no format".to_owned()))),
    }
    if meta.server == server { Ok(Ok(meta.offset)) } else { moved(client, schema, &server).await.map(Ok) }
}

/// The tables came here from another server, whose transaction ids may have been higher.
async fn moved(client: &Client, schema: &str, server: &str) -> Result<i64, Error> {
    client.batch_execute("BEGIN").await?;
    // Who comes second waits here, and then finds it done.
    client
        .batch_execute(&format!("SELECT 1 FROM \"{schema}\".meta WHERE name = 'server' FOR UPDATE"))
        .await?;
    let meta = read(client, schema).await?;
    if meta.server == server {
        client.batch_execute("COMMIT").await?;
        return Ok(meta.offset);
    }
    let now = client
        .query_typed_one(&Dialect::new(schema, meta.offset).text(Sql::Mark), &[])
        .await?
        .get::<_, i64>(0);
    let missing = meta.high - (now >> 8);
    let offset = if missing > -MOVE_MARGIN { meta.offset + missing + MOVE_MARGIN } else { meta.offset };
    client
        .batch_execute(&format!(
            "UPDATE \"{schema}\".meta SET value = '{offset}' WHERE name = 'offset'; \
             UPDATE \"{schema}\".meta SET value = '{server}' WHERE name = 'server'; COMMIT"
        ))
        .await?;
    tracing::info!(
        offset,
        "the tables were moved to this database server: sequences go on above the old ones"
    );
    Ok(offset)
}

async fn read(client: &Client, schema: &str) -> Result<Meta, Error> {
    let rows = client.query_typed(&format!("SELECT name, value FROM \"{schema}\".meta"), &[]).await?;
    let mut meta = Meta::default();
    for row in rows {
        let value: String = row.get(1);
        match row.get(0) {
            "format" => meta.format = value.parse().ok(),
            "server" => meta.server = value,
            "offset" => meta.offset = value.parse().unwrap_or_default(),
            "high" => meta.high = value.parse().unwrap_or_default(),
            _ => {}
        }
    }
    Ok(meta)
}

/// A number that stays when the server restarts and changes when the tables go to another.
async fn server(client: &Client) -> Result<String, Error> {
    let row = client.query_typed_one("SELECT system_identifier::text FROM pg_control_system()", &[]).await?;
    Ok(row.get(0))
}
