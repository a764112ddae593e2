//! Pages of rows, each one statement. Where long keys of one beginning come, their whole group is read and sorted, in
//! statements of its own. Knows no writing.

use bytes::Bytes;
use kv::{KeyRange, KvError, Page, PageBuilder, ScanOptions};

use crate::{
    dialect::{GROUP_MAX, Sql},
    key::{self, StoredKey},
    link::Session,
};

/// One row of a scan, as stored.
struct Found {
    stored: Bytes,
    /// `None`: it would go beyond the page's bytes.
    value: Option<Bytes>,
    rest: Option<Bytes>,
}

pub(crate) async fn page(session: &Session, range: KeyRange, options: ScanOptions) -> Result<Page, KvError> {
    let mut page = PageBuilder::new(options);
    if range.is_empty() {
        return Ok(page.finish());
    }
    let (mut from, mut to) = (key::lower(&range.start), key::upper(&range.end));
    'statements: loop {
        for found in rows(session, (&from, &to), options).await? {
            if found.rest.is_some() {
                if !push_group(session, &found, &range, options, &mut page).await? {
                    return Ok(page.finish());
                }
                let (before, after) = key::group(&found.stored);
                (from, to) = if options.reverse { (from, before) } else { (after, to) };
                continue 'statements;
            }
            let more = match found.value {
                Some(value) => page.push(found.stored, value),
                None => page.end_at(found.stored),
            };
            if !more {
                return Ok(page.finish());
            }
        }
        return Ok(page.finish());
    }
}

async fn rows(
    session: &Session,
    (from, to): (&Bytes, &Bytes),
    options: ScanOptions,
) -> Result<Vec<Found>, KvError> {
    let ScanOptions { reverse, settled, .. } = options;
    // One more than the page takes: then it is known whether there is more.
    let limit = options.limit.clamp(1, ScanOptions::LIMIT_MAX) as i64 + 1;
    let bytes = options.max_bytes.min(ScanOptions::BYTES_MAX) as i64;
    let sql = session.sql(Sql::Scan { reverse, settled });
    let rows =
        session.within(session.client.query(sql, &[&from.as_ref(), &to.as_ref(), &limit, &bytes])).await?;
    let found = |row: tokio_postgres::Row| Found {
        stored: copy(row.get(0)),
        value: row.get::<_, Option<&[u8]>>(1).map(copy),
        rest: row.get::<_, Option<&[u8]>>(2).map(copy),
    };
    Ok(rows.into_iter().map(found).collect())
}

/// The keys of the group that are in the range, in order. False: the page is full.
async fn push_group(
    session: &Session,
    member: &Found,
    range: &KeyRange,
    options: ScanOptions,
    page: &mut PageBuilder,
) -> Result<bool, KvError> {
    let (before, after) = key::group(&member.stored);
    let sql = session.sql(Sql::Group { settled: options.settled });
    let rows = session.within(session.client.query(sql, &[&before.as_ref(), &after.as_ref()])).await?;
    if rows.len() > GROUP_MAX {
        return Err(KvError::TooLarge {
            what: "a group of keys whose first 2400 bytes are the same",
            bytes: rows.len(),
            bytes_max: GROUP_MAX,
        });
    }
    let whole = |row: tokio_postgres::Row| (StoredKey::whole(row.get(0), row.get(2)), copy(row.get(1)));
    let mut rows: Vec<(Bytes, Bytes)> = rows.into_iter().map(whole).collect();
    rows.sort_unstable();
    if options.reverse {
        rows.reverse();
    }
    Ok(rows.into_iter().filter(|(key, _)| range.contains(key)).all(|(key, value)| page.push(key, value)))
}

fn copy(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
