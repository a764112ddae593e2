//! Every statement, as text. What only PostgreSQL has is in its first two functions: a number that rises with each
//! transaction, and the horizon below which all transactions have ended. The rest is plain SQL of ordinary statements,
//! none of which changes one table twice. Knows no connection.
//!
//! A sequence is `(transaction id + offset) << 8 | slot`. The offset is 0 until the tables move to a server whose ids
//! are lower, see [`crate::schema`].

use crate::key::SHORT_MAX;

/// The statements, each prepared on the connections of its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sql {
    Get,
    Scan { reverse: bool, settled: bool },
    Group { settled: bool },
    Horizon,
    Mark,
    DeleteRange,
    PutAlone,
    Guard,
    Claim,
    Put,
    Delete,
    Add,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Read,
    Scan,
    Write,
    Listen,
}

/// Long keys with one beginning, all of which a scan has to sort: more is refused.
pub(crate) const GROUP_MAX: usize = 1_000;
/// Rows that one statement deletes.
pub(crate) const DELETE_ROWS: usize = 1_000;

impl Role {
    pub(crate) fn statements(self) -> &'static [Sql] {
        use Sql::*;
        match self {
            Role::Read => &[Get],
            Role::Scan => &[
                Scan { reverse: false, settled: false },
                Scan { reverse: false, settled: true },
                Scan { reverse: true, settled: false },
                Scan { reverse: true, settled: true },
                Group { settled: false },
                Group { settled: true },
                Horizon,
                Mark,
                DeleteRange,
            ],
            Role::Write => &[PutAlone, Guard, Claim, Put, Delete, Add, Mark, Horizon],
            Role::Listen => &[Horizon],
        }
    }
}

/// The statements for the tables of one schema.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    rows: String,
    offset: i64,
}

impl Dialect {
    pub(crate) fn new(schema: &str, offset: i64) -> Self {
        Self { rows: format!("\"{schema}\".rows"), offset }
    }

    /// This transaction's number, with room for the slot. Asking gives the transaction its number.
    fn base(&self) -> String {
        format!("((pg_current_xact_id()::text::int8 + {}) << 8)", self.offset)
    }

    /// Every sequence below it is visible to this statement, or will never be.
    fn horizon(&self) -> String {
        format!("((pg_snapshot_xmin(pg_current_snapshot())::text::int8 + {}) << 8)", self.offset)
    }

    /// For every connection: one kind of plan whatever the table's size, nothing that holds others up, and the
    /// isolation that the statements were written for.
    pub(crate) fn session(statement_ms: u128) -> String {
        format!(
            "SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off; \
             SET statement_timeout = {statement_ms}; SET idle_in_transaction_session_timeout = {statement_ms}; \
             SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; \
             SET enable_mergejoin = off; SET jit = off; SET plan_cache_mode = force_generic_plan"
        )
    }

    pub(crate) fn text(&self, sql: Sql) -> String {
        let Self { rows, .. } = self;
        match sql {
            Sql::Get => format!("SELECT k, v, s FROM {rows} WHERE k = ANY($1)"),
            Sql::Scan { reverse, settled } => self.scan(reverse, settled),
            Sql::Group { settled } => {
                let settled = self.settled(settled);
                format!("SELECT k, v, r FROM {rows} WHERE k > $1 AND k < $2{settled} LIMIT {}", GROUP_MAX + 1)
            }
            Sql::Horizon => format!("SELECT {}", self.horizon()),
            Sql::Mark => format!("SELECT {}", self.base()),
            Sql::DeleteRange => format!(
                "DELETE FROM {rows} WHERE k IN (SELECT k FROM {rows} WHERE k >= $1 AND k < $2 AND s < $3 \
                 ORDER BY k LIMIT {DELETE_ROWS} FOR UPDATE) RETURNING k"
            ),
            Sql::PutAlone => format!("WITH put AS ({} RETURNING s) SELECT max(s) FROM put", self.put()),
            Sql::Guard => self.guard(),
            Sql::Claim => format!(
                "INSERT INTO {rows} (k, v, s, r) SELECT k, v, base | slot, r \
                 FROM unnest($1::bytea[], $2::bytea[], $3::int8[], $4::bytea[]) AS new (k, v, slot, r), \
                 (SELECT {}) AS this (base) ORDER BY k",
                self.base()
            ),
            Sql::Put => self.put(),
            // Locked in the order of the keys first: a plain delete locks as it finds.
            Sql::Delete => format!(
                "DELETE FROM {rows} WHERE k IN (SELECT k FROM {rows} WHERE k = ANY($1) ORDER BY k FOR UPDATE)"
            ),
            Sql::Add => self.add(),
        }
    }

    fn settled(&self, settled: bool) -> String {
        if settled { format!(" AND s < {}", self.horizon()) } else { String::new() }
    }

    /// `$1` to `$2`, `$3` rows, `$4` bytes. A row that begins beyond the bytes is left out, one that ends beyond them
    /// comes without its value, unless it is the first; then the second tells that there is more.
    fn scan(&self, reverse: bool, settled: bool) -> String {
        let Self { rows, .. } = self;
        let settled = self.settled(settled);
        let order = if reverse { "ORDER BY k DESC" } else { "ORDER BY k" };
        format!(
            "SELECT k, CASE WHEN until <= $4 OR place = 1 THEN v END, r FROM (\
             SELECT k, v, r, octet_length(k) + octet_length(v) AS size, sum(octet_length(k) + octet_length(v)) OVER w \
             AS until, row_number() OVER w AS place FROM (\
             SELECT k, v, r FROM {rows} WHERE k >= $1 AND k < $2{settled} {order} LIMIT $3) AS found \
             WINDOW w AS ({order} ROWS UNBOUNDED PRECEDING)) AS sized \
             WHERE until - size <= $4 OR place = 2 {order}"
        )
    }

    /// Locks the rows `$1`, in order, and fails unless all `$3` of them have the versions `$2`.
    fn guard(&self) -> String {
        let Self { rows, .. } = self;
        format!(
            "SELECT 1 / (CASE WHEN count(*) = $3::int8 THEN 1 ELSE 0 END) FROM (\
             SELECT 1 FROM {rows} AS row JOIN unnest($1::bytea[], $2::int8[]) AS seen (k, s) ON row.k = seen.k \
             WHERE row.s = seen.s ORDER BY row.k FOR UPDATE OF row) AS held"
        )
    }

    /// Keys `$1`, where `$2` is not null with the sequence and `$2` appended; values, slots, rests.
    fn put(&self) -> String {
        let Self { rows, .. } = self;
        format!(
            "INSERT INTO {rows} AS row (k, v, s, r) \
             SELECT CASE WHEN x IS NULL THEN k ELSE k || int8send(base | slot) || x END AS k, v, base | slot, r \
             FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::int8[], $5::bytea[]) AS new (k, x, v, slot, r), \
             (SELECT {}) AS this (base) ORDER BY 1 \
             ON CONFLICT (k) DO UPDATE SET v = excluded.v, s = excluded.s, r = excluded.r",
            self.base()
        )
    }

    /// Keys `$1`, little-endian numbers `$2`, slots, rests. The sum is made of two halves, which cannot overflow, so it
    /// wraps.
    fn add(&self) -> String {
        let Self { rows, .. } = self;
        let half = |of: &str, from: usize| {
            let byte = |at: usize| format!("(get_byte({of}, {})::int8 << {})", from + at, 8 * at);
            (0..4).map(byte).collect::<Vec<_>>().join(" | ")
        };
        let sum = (0..8).fold("excluded.v".to_owned(), |bytes, at| {
            let part = if at < 4 { "low" } else { "high" };
            format!("set_byte({bytes}, {at}, (({part} >> {}) & 255)::int4)", 8 * (at % 4))
        });
        format!(
            "INSERT INTO {rows} AS row (k, v, s, r) SELECT k, v, base | slot, r \
             FROM unnest($1::bytea[], $2::bytea[], $3::int8[], $4::bytea[]) AS new (k, v, slot, r), \
             (SELECT {base}) AS this (base) ORDER BY k \
             ON CONFLICT (k) DO UPDATE SET s = excluded.s, v = (\
             SELECT {sum} FROM (SELECT low, high + (low >> 32) AS high FROM (\
             SELECT ({}) + ({}) AS low, (({}) + ({})) / (CASE WHEN octet_length(row.v) = 8 THEN 1 ELSE 0 END) AS high\
             ) AS sums) AS parts)",
            half("row.v", 0),
            half("excluded.v", 0),
            half("row.v", 4),
            half("excluded.v", 4),
            base = self.base(),
        )
    }
}

/// The tables, in a schema that is there. `{schema}` stands for the schema's name.
pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS \"{schema}\".rows (
  k bytea PRIMARY KEY, v bytea NOT NULL, s int8 NOT NULL, r bytea
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE IF NOT EXISTS \"{schema}\".meta (name text PRIMARY KEY, value text NOT NULL);
";

const _: () = assert!(SHORT_MAX + 32 < 2_700, "an index row holds a stored key");
