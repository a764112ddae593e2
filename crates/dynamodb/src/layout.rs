//! Where things lie in the store: the keys of this service's records. Pure; knows no values.
//!
//! | first byte | key | value |
//! |---|---|---|
//! | 10 | account, region, 0, table name | [`Table`] |
//! | 11 | | the next table id |
//! | 12 | account, region, 0, table name, 0, label | [`crate::table::Stream`] |
//! | 13 | | a counter of the changes of tables |
//! | 14 | table id, index number, hash of the partition key, partition key, sort key, then for an index the table's key | item |
//! | 15 | table id, stream number, shard, commit sequence, ordinal | [`crate::record::Record`] |
//! | 16 | table id, commit sequence, ordinal | [`crate::history::Past`] |
//! | 17 | account, region, 0, table name, 0, id | [`crate::backup::Backup`] |
//! | 17 FF | number, then as 14 after the index number | item of a backup, or what an export gathers |
//! | 18 | second of expiry, table id, the item's key after the index number | nothing |
//! | 19 | table id, 0, hash of the partition key, partition key | the size of an item collection: a counter |
//! | 1a | slot of ten minutes, account, region, 0, ClientRequestToken | what [`crate::token`] keeps |
//! | 1B | account, region, 0, kind, id | [`crate::job::Job`] |
//! | 1B FF | the rest of the key of a job that has not ended | |
//! | 1B FE | the rest of the key of a job that is to be cancelled | |
//! | 1d | table id | [`store::Lease`] of the work on it |
//! | 1d 6A | the key of a job | [`store::Lease`] of it |
//!
//! No account's number begins with FF or FE.
//!
//! Integers are big endian. Index number 0 is the table itself. These bytes are on disk: a change needs a new format.

use base::{AccountId, Region, Scope};
use bytes::{BufMut, Bytes, BytesMut};
use item::key::{self, KeyError};
use item::{Item, Place, Value};
use store::KeyRange;

use crate::table::{Index, Reach, Table};

const TABLE: u8 = 0x10;
const NEXT_TABLE_ID: u8 = 0x11;
const STREAM: u8 = 0x12;
const EPOCH: u8 = 0x13;
const ITEM: u8 = 0x14;
const RECORD: u8 = 0x15;
const HISTORY: u8 = 0x16;
const BACKUP: u8 = 0x17;
const LEASE: u8 = 0x1d;
const EXPIRY: u8 = 0x18;
const COLLECTION: u8 = 0x19;
const TOKEN: u8 = 0x1a;
const JOB: u8 = 0x1b;

/// The index number of the table itself.
pub(crate) const BASE: u8 = 0;
/// Bytes before the hash of the partition key.
pub(crate) const SPACE_BYTES: usize = 6;

pub(crate) fn tables() -> Bytes {
    Bytes::from_static(&[TABLE])
}

pub(crate) fn table(scope: &Scope, name: &str) -> Bytes {
    let mut key = scoped(TABLE, scope);
    key.put_slice(name.as_bytes());
    key.freeze()
}

/// The account and region of a key that [`table`] made.
pub(crate) fn scope_of_table(key: &[u8]) -> Option<Scope> {
    let (account, rest) = key.get(1..)?.split_first_chunk::<8>()?;
    let region = rest.split(|byte| *byte == 0).next()?;
    let account: AccountId = format!("{:012}", u64::from_be_bytes(*account)).parse().ok()?;
    Some(Scope { account, region: Region::new(std::str::from_utf8(region).ok()?) })
}

pub(crate) fn next_table_id() -> Bytes {
    Bytes::from_static(&[NEXT_TABLE_ID])
}

/// Changes with every table.
pub(crate) fn epoch() -> Bytes {
    Bytes::from_static(&[EPOCH])
}

/// Who works behind the requests; a table's id follows.
pub(crate) fn leases() -> Bytes {
    Bytes::from_static(&[LEASE])
}

/// All streams of an account and region, by table name and label.
pub(crate) fn streams(scope: &Scope) -> Bytes {
    scoped(STREAM, scope).freeze()
}

/// All streams there are.
pub(crate) fn all_streams() -> Bytes {
    Bytes::from_static(&[STREAM])
}

pub(crate) fn stream(scope: &Scope, table: &str, label: &str) -> Bytes {
    let mut key = scoped(STREAM, scope);
    key.put_slice(table.as_bytes());
    key.put_u8(0);
    key.put_slice(label.as_bytes());
    key.freeze()
}

fn scoped(first: u8, scope: &Scope) -> BytesMut {
    let mut key = BytesMut::with_capacity(64);
    key.put_u8(first);
    put_scope(&mut key, scope);
    key
}

fn put_scope(key: &mut BytesMut, scope: &Scope) {
    key.put_u64(scope.account.as_u64());
    key.put_slice(scope.region.as_str().as_bytes());
    key.put_u8(0);
}

/// Where the tokens of a slot of time begin.
pub(crate) fn tokens(slot: u64) -> BytesMut {
    let mut key = BytesMut::with_capacity(80);
    key.put_u8(TOKEN);
    key.put_u64(slot);
    key
}

pub(crate) fn token(slot: u64, scope: &Scope, token: &str) -> Bytes {
    let mut key = tokens(slot);
    put_scope(&mut key, scope);
    key.put_slice(token.as_bytes());
    key.freeze()
}

/// The items and entries of all tables.
pub(crate) fn all_items() -> Bytes {
    Bytes::from_static(&[ITEM])
}

/// The table id and index number of a key that begins as [`space`] says.
pub(crate) fn space_of(key: &[u8]) -> Option<(u32, u8)> {
    let (table_id, rest) = key.get(1..)?.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*table_id), *rest.first()?))
}

/// The items of a table and the entries of all its indexes.
pub(crate) fn everything(table_id: u32) -> Bytes {
    let mut key = BytesMut::with_capacity(SPACE_BYTES);
    key.put_u8(ITEM);
    key.put_u32(table_id);
    key.freeze()
}

/// The items of a table, or the entries of one of its indexes.
pub(crate) fn space(table_id: u32, index: u8) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.put_u8(ITEM);
    key.put_u32(table_id);
    key.put_u8(index);
    key
}

/// What the keys of one partition begin with.
pub(crate) fn partition<'v>(
    table_id: u32,
    index: u8,
    hash: impl IntoIterator<Item = &'v Value>,
) -> Result<Vec<u8>, KeyError> {
    let mut key = space(table_id, index);
    key.put_u32(0);
    let start = key.len();
    for value in hash {
        key::encode(value, Place::Inner, &mut key)?;
    }
    let hash = key::hash(&key[start..]);
    key[start - 4..start].copy_from_slice(&hash);
    Ok(key)
}

/// The counters of all item collections, or of those of one table.
pub(crate) fn collections(table_id: Option<u32>) -> Bytes {
    let mut key = BytesMut::with_capacity(SPACE_BYTES);
    key.put_u8(COLLECTION);
    if let Some(id) = table_id {
        key.put_u32(id);
    }
    key.freeze()
}

/// The counter of the item collection that `item` is in, of which the partition key is enough.
pub(crate) fn collection(table: &Table, item: &Item) -> Option<Bytes> {
    let mut key = partition(table.id, BASE, [item.get(&table.hash().name)?]).ok()?;
    key[0] = COLLECTION;
    Some(key.into())
}

/// The hash of the partition key of an item's or entry's key.
pub(crate) fn hash_of(key: &[u8]) -> u32 {
    key.get(SPACE_BYTES..SPACE_BYTES + 4).and_then(|hash| hash.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// The key of the item whose key attributes are in `item`; none if one is missing or cannot be a key.
pub(crate) fn item(table: &Table, item: &Item) -> Option<Bytes> {
    let mut key = partition(table.id, BASE, [item.get(&table.hash().name)?]).ok()?;
    if let Some(range) = table.range() {
        key::encode(item.get(&range.name)?, Place::Last, &mut key).ok()?;
    }
    Some(key.into())
}

/// The key of `item`'s entry in `index`; none if the item has not all of its key attributes, or not its vector.
pub(crate) fn entry(table: &Table, index: &Index, item: &Item) -> Option<Bytes> {
    if index.vector.as_ref().is_some_and(|vector| vector.of(item).is_none()) {
        return None;
    }
    let mut hash = Vec::with_capacity(index.key.hash.len());
    for part in &index.key.hash {
        hash.push(item.get(&part.name).filter(|value| part.kind.fits(value))?);
    }
    let mut key = partition(table.id, index.number, hash).ok()?;
    for part in &index.key.range {
        let value = item.get(&part.name).filter(|value| part.kind.fits(value))?;
        key::encode(value, Place::Inner, &mut key).ok()?;
    }
    if index.reach != Reach::Local {
        key::encode(item.get(&table.hash().name)?, Place::Inner, &mut key).ok()?;
    }
    if let Some(range) = table.range() {
        key::encode(item.get(&range.name)?, Place::Last, &mut key).ok()?;
    }
    Some(key.into())
}

/// The part of a table or index that segment `segment` of `segments` of a parallel scan reads.
pub(crate) fn segment(table_id: u32, index: u8, segment: u32, segments: u32) -> KeyRange {
    let bound = |segment: u32| {
        let hash = (u64::from(segment) << 32).div_ceil(u64::from(segments.max(1)));
        u32::try_from(hash).ok().map(|hash| {
            let mut key = space(table_id, index);
            key.put_u32(hash);
            Bytes::from(key)
        })
    };
    let whole = KeyRange::prefix(space(table_id, index));
    KeyRange {
        start: if segment == 0 { whole.start } else { bound(segment).unwrap_or(whole.start) },
        end: bound(segment.saturating_add(1)).unwrap_or(whole.end),
    }
}

/// The place in the queue of an item, at `item`, that expires at `second`.
pub(crate) fn expiry(second: u64, item: &[u8]) -> Bytes {
    let (id, rest) = (item.get(1..5).unwrap_or_default(), item.get(SPACE_BYTES..).unwrap_or_default());
    let mut key = BytesMut::with_capacity(13 + rest.len());
    key.put_u8(EXPIRY);
    key.put_u64(second);
    key.put_slice(id);
    key.put_slice(rest);
    key.freeze()
}

/// Second, table id and key of the item at a key that [`expiry`] made.
pub(crate) fn expiring(key: &[u8]) -> Option<(u64, u32, Bytes)> {
    let (second, rest) = key.get(1..)?.split_first_chunk::<8>()?;
    let (id, rest) = rest.split_first_chunk::<4>()?;
    let id = u32::from_be_bytes(*id);
    let mut item = space(id, BASE);
    item.put_slice(rest);
    Some((u64::from_be_bytes(*second), id, item.into()))
}

/// The queue up to and with `second`.
pub(crate) fn expired(second: u64) -> KeyRange {
    let mut end = vec![EXPIRY];
    end.put_u64(second.saturating_add(1));
    KeyRange::new(vec![EXPIRY], end)
}

/// The whole queue.
pub(crate) fn expiries() -> KeyRange {
    KeyRange::prefix(vec![EXPIRY])
}

/// The records of all streams.
pub(crate) fn all_records() -> Bytes {
    Bytes::from_static(&[RECORD])
}

/// The records of a stream.
pub(crate) fn records(table_id: u32, stream: u16) -> Bytes {
    let mut key = BytesMut::with_capacity(8);
    key.put_u8(RECORD);
    key.put_u32(table_id);
    key.put_u16(stream);
    key.freeze()
}

/// The records of one shard: a commit sequence and an ordinal follow.
pub(crate) fn shard(table_id: u32, stream: u16, shard: u8) -> Bytes {
    let mut key = BytesMut::with_capacity(17);
    key.put_u8(RECORD);
    key.put_u32(table_id);
    key.put_u16(stream);
    key.put_u8(shard);
    key.freeze()
}

/// The first key of a shard whose record is at `sequence` or after it.
pub(crate) fn shard_from(shard: &[u8], sequence: u64) -> Bytes {
    let mut key = BytesMut::with_capacity(shard.len() + 9);
    key.put_slice(shard);
    key.put_u64(sequence >> 8);
    key.put_u8(sequence as u8);
    key.freeze()
}

/// The sequence of the record at `key`: the commit's and, in the last byte, the record's place in the commit.
pub(crate) fn sequence_of(key: &[u8]) -> Option<u64> {
    let (rest, ordinal) = key.split_last_chunk::<1>()?;
    let (_, commit) = rest.split_last_chunk::<8>()?;
    Some((u64::from_be_bytes(*commit) << 8) | u64::from(ordinal[0]))
}

/// The key of an item without what says whose it is.
pub(crate) fn tail(key: &[u8]) -> &[u8] {
    key.get(SPACE_BYTES..).unwrap_or_default()
}

/// The key of the item of a table that has this tail.
pub(crate) fn item_at(table_id: u32, tail: &[u8]) -> Bytes {
    let mut key = space(table_id, BASE);
    key.put_slice(tail);
    key.into()
}

/// The history of all tables.
pub(crate) fn histories() -> Bytes {
    Bytes::from_static(&[HISTORY])
}

/// What a table was before each of its changes.
pub(crate) fn history(table_id: u32) -> Bytes {
    let mut key = BytesMut::with_capacity(5);
    key.put_u8(HISTORY);
    key.put_u32(table_id);
    key.freeze()
}

/// The history after the commit `after`, up to and with `upto`.
pub(crate) fn history_between(table_id: u32, after: u64, upto: u64) -> KeyRange {
    let at = |commit: u64| {
        let mut key = BytesMut::from(&history(table_id)[..]);
        key.put_u64(commit);
        key
    };
    KeyRange::new(at(after.saturating_add(1)), at(upto.saturating_add(1)))
}

/// Table id and commit of a key of a history.
pub(crate) fn place_in_history(key: &[u8]) -> Option<(u32, u64)> {
    let (id, rest) = key.get(1..)?.split_first_chunk::<4>()?;
    let commit = rest.first_chunk::<8>()?;
    Some((u32::from_be_bytes(*id), u64::from_be_bytes(*commit)))
}

/// All backups of an account and region, or those of one table's name.
pub(crate) fn backups(scope: &Scope, table: Option<&str>) -> Bytes {
    let mut key = scoped(BACKUP, scope);
    if let Some(table) = table {
        key.put_slice(table.as_bytes());
        key.put_u8(0);
    }
    key.freeze()
}

/// The backups of everybody.
pub(crate) fn all_backups() -> KeyRange {
    KeyRange::new(&[BACKUP][..], &[BACKUP, ASIDE][..])
}

pub(crate) fn backup(scope: &Scope, table: &str, id: &str) -> Bytes {
    let mut key = BytesMut::from(&backups(scope, Some(table))[..]);
    key.put_slice(id.as_bytes());
    key.freeze()
}

/// After the byte of a space: what belongs to no account.
const ASIDE: u8 = 0xff;
const TO_CANCEL: u8 = 0xfe;

/// All rows that were set aside for backups and exports.
pub(crate) fn all_aside() -> Bytes {
    Bytes::from_static(&[BACKUP, ASIDE])
}

/// The rows of one backup or export.
pub(crate) fn aside(number: u32) -> Bytes {
    aside_at(number, &[])
}

pub(crate) fn aside_at(number: u32, tail: &[u8]) -> Bytes {
    let mut key = BytesMut::with_capacity(ASIDE_BYTES + tail.len());
    key.put_slice(&[BACKUP, ASIDE]);
    key.put_u32(number);
    key.put_slice(tail);
    key.freeze()
}

const ASIDE_BYTES: usize = 6;

/// The number of a row that [`aside_at`] made the key of.
pub(crate) fn number_of_aside(key: &[u8]) -> Option<u32> {
    key.get(2..)?.first_chunk::<4>().map(|number| u32::from_be_bytes(*number))
}

/// The jobs of one kind of an account and region.
pub(crate) fn jobs(scope: &Scope, kind: u8) -> Bytes {
    let mut key = scoped(JOB, scope);
    key.put_u8(kind);
    key.freeze()
}

pub(crate) fn job(scope: &Scope, kind: u8, id: &str) -> Bytes {
    let mut key = BytesMut::from(&jobs(scope, kind)[..]);
    key.put_slice(id.as_bytes());
    key.freeze()
}

/// Which jobs have not ended.
pub(crate) fn unfinished_jobs() -> Bytes {
    Bytes::from_static(&[JOB, ASIDE])
}

/// The leases of jobs, by their keys.
pub(crate) fn job_leases() -> Bytes {
    Bytes::from_static(&[LEASE, b'j'])
}

/// The mark of a job, by its key, that has not ended.
pub(crate) fn unfinished(job: &[u8]) -> Bytes {
    marked(ASIDE, job)
}

/// The mark of a job, by its key, that is to be cancelled.
pub(crate) fn to_cancel(job: &[u8]) -> Bytes {
    marked(TO_CANCEL, job)
}

fn marked(mark: u8, job: &[u8]) -> Bytes {
    let mut key = BytesMut::with_capacity(job.len() + 1);
    key.put_slice(&[JOB, mark]);
    key.put_slice(job.get(1..).unwrap_or_default());
    key.freeze()
}

/// The key of the job that a mark is of.
pub(crate) fn marked_job(mark: &[u8]) -> Bytes {
    let mut key = BytesMut::with_capacity(mark.len());
    key.put_u8(JOB);
    key.put_slice(mark.get(2..).unwrap_or_default());
    key.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_in_the_order_of_time_and_leads_back_to_items() {
        let mut item = space(7, BASE);
        item.extend([1, 2, 3]);
        let keys = [expiry(1, &item), expiry(255, &item), expiry(256, &item)];
        assert!(keys.is_sorted());
        assert_eq!(expiring(&keys[1]), Some((255, 7, item.into())));
        assert!(expired(255).contains(&keys[1]) && !expired(255).contains(&keys[2]));
    }

    #[test]
    fn segments_cover_the_space_without_overlap() {
        for segments in [1, 2, 3, 7, 1000, 1_000_000] {
            let whole = KeyRange::prefix(space(7, 0));
            let mut at = whole.start.clone();
            for number in 0..segments {
                let range = segment(7, 0, number, segments);
                assert_eq!(range.start, at, "{number} of {segments}");
                assert!(range.start <= range.end);
                at = range.end;
            }
            assert_eq!(at, whole.end);
        }
    }

    #[test]
    fn record_keys_give_back_their_sequence() {
        let shard = shard(1, 2, 3);
        for sequence in [0, 1, 255, 256, 0x1234_5678_9abc] {
            assert_eq!(sequence_of(&shard_from(&shard, sequence)), Some(sequence));
        }
    }

    #[test]
    fn table_keys_give_back_their_scope() {
        let scope = Scope { account: "012345678901".parse().unwrap(), region: Region::new("eu-west-1") };
        assert_eq!(scope_of_table(&table(&scope, "t")), Some(scope));
    }

    /// Keys are on disk: these bytes never change.
    #[test]
    fn keys_of_the_first_version_are_found() {
        let scope = Scope { account: "000000000001".parse().unwrap(), region: Region::new("eu") };
        let hex = |key: &[u8]| key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&table(&scope, "t")), "10000000000000000165750074");
        assert_eq!(hex(&stream(&scope, "t", "l")), "12000000000000000165750074006c");
        assert_eq!(hex(&partition(7, 2, [&Value::from("a")]).unwrap()), "140000000702eccfa654610001");
        assert_eq!(hex(&shard_from(&shard(7, 1, 3), 0x0102)), "1500000007000103000000000000000102");
    }

    /// These keys are on disk too.
    #[test]
    fn keys_of_backups_and_jobs_lead_back() {
        let scope = Scope { account: "000000000001".parse().unwrap(), region: Region::new("eu") };
        let hex = |key: &[u8]| key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&history_between(7, 1, 2).start), "16000000070000000000000002");
        assert_eq!(place_in_history(&history_between(7, 1, 2).start), Some((7, 2)));
        assert_eq!(hex(&backup(&scope, "t", "i")), "170000000000000001657500740069");
        assert!(all_backups().contains(&backup(&scope, "t", "i")) && !all_backups().contains(&aside(1)));
        assert_eq!(hex(&aside_at(258, b"x")), "17ff0000010278");
        assert_eq!(number_of_aside(&aside_at(258, b"x")), Some(258));
        let job = job(&scope, 3, "i");
        assert_eq!(hex(&job), "1b000000000000000165750003".to_owned() + "69");
        assert_eq!(marked_job(&unfinished(&job)), job);
        assert_eq!(marked_job(&to_cancel(&job)), job);
        assert_eq!(scope_of_table(&job), Some(scope));
    }
}
