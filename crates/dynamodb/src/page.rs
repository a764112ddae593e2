//! One page of a Query or Scan: which attributes are wanted, where to begin, what was read, what is shown of it.
//! Knows ranges of keys, not how a request describes them.

use api::dynamodb::{ConsumedCapacity, ReturnConsumedCapacity, Select};
use bytes::Bytes;
use expr::{Condition, Projection};
use item::{Image, Item, codec};
use store::{KeyRange, ScanOptions, Store};

use crate::capacity::{Tally, read_units};
use crate::error::{Error, Result, text};
use crate::ops::get_item::{projected, stored};
use crate::request::{Envelope, all_key_names, check_projection};
use crate::table::{Index, Reach, Table};
use crate::throttle::Way;
use crate::{DynamoDb, layout, write};

/// Items read for one page, before the filter.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html>
pub(crate) const PAGE_BYTES_MAX: usize = 1 << 20;

/// Items looked at before others get their turn on the thread.
const WORK_BYTES_MAX: usize = 128 << 10;

/// What a page is made of.
#[derive(Debug)]
pub(crate) struct Sweep<'a> {
    pub(crate) table: &'a Table,
    pub(crate) index: Option<&'a Index>,
    pub(crate) range: KeyRange,
    pub(crate) reverse: bool,
    /// Items read at most.
    pub(crate) limit: Option<i32>,
    /// The page ends with the item that fills this: [`PAGE_BYTES_MAX`], unless part of it was read already.
    pub(crate) bytes_max: usize,
    pub(crate) filter: Option<&'a Condition>,
    pub(crate) view: View<'a>,
    pub(crate) consistent: bool,
}

/// What is shown of an item.
#[derive(Debug)]
pub(crate) struct View<'a> {
    projection: Option<&'a Projection>,
    count_only: bool,
    /// A local index does not have all that is wanted: the table is read for each entry.
    fetch: bool,
}

/// A page as it is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) items: Option<Vec<Image>>,
    pub(crate) count: i32,
    pub(crate) scanned: i32,
    pub(crate) last_key: Option<Item>,
    /// The sizes of the items read, summed.
    pub(crate) bytes: usize,
    pub(crate) tally: Tally,
}

/// Raw rows.
#[derive(Debug)]
struct Rows {
    values: Vec<Bytes>,
    /// The sizes of the items, summed.
    bytes: usize,
    more: bool,
}

impl Sweep<'_> {
    pub(crate) async fn run(self, db: &DynamoDb) -> Result<Answer> {
        let admission = db.admission();
        admission.check(self.table, self.index, Way::Read)?;
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let rows = read_rows(&db.store, self.range.clone(), self.reverse, (limit, self.bytes_max)).await?;
        let last_key = match rows.values.last().filter(|_| rows.more) {
            Some(last) => Some(self.position_of(last)?),
            None => None,
        };
        let mut tally = Tally::default();
        let units = read_units(rows.bytes, self.consistent);
        match self.index {
            Some(index) => tally.add_index(index.number, units),
            None => tally.add_table(units),
        }
        let scanned = rows.values.len();
        let values = match self.view.fetch {
            true => self.fetch(db, rows.values, &mut tally).await?,
            false => rows.values,
        };
        admission.charge(self.table, Way::Read, &tally);
        let (items, count) = self.show(values).await?;
        Ok(Answer {
            items,
            count: i32::try_from(count).unwrap_or(i32::MAX),
            scanned: i32::try_from(scanned).unwrap_or(i32::MAX),
            last_key,
            bytes: rows.bytes,
            tally,
        })
    }

    async fn show(&self, values: Vec<Bytes>) -> Result<(Option<Vec<Image>>, usize)> {
        let mut items = Vec::new();
        let mut count = 0;
        let mut worked = 0;
        for value in values {
            worked += value.len();
            if worked > WORK_BYTES_MAX {
                worked = 0;
                tokio::task::yield_now().await;
            }
            if let Some(filter) = self.filter {
                let looked_at = codec::decode_some(&value, |name| filter.reads(name));
                if !filter.eval(&looked_at.map_err(|error| Error::Corrupt(error.to_string()))?) {
                    continue;
                }
            }
            count += 1;
            if !self.view.count_only {
                items.push(projected(stored(value)?, self.view.projection)?);
            }
        }
        Ok(((!self.view.count_only).then_some(items), count))
    }

    /// The items of the table behind entries of a local index. Each costs as if it were read alone.
    async fn fetch(&self, db: &DynamoDb, entries: Vec<Bytes>, tally: &mut Tally) -> Result<Vec<Bytes>> {
        let mut keys = Vec::with_capacity(entries.len());
        for entry in &entries {
            let key = self.table.key.of(&key_attributes(entry, self.table, None)?);
            keys.extend(layout::item(self.table, &key));
        }
        let found = db.store.multi_get(&keys).await?;
        let mut values = Vec::with_capacity(found.len());
        for entry in found.into_iter().flatten() {
            tally.add_table(read_units(stored_size(&entry.value)?, self.consistent));
            values.push(entry.value);
        }
        Ok(values)
    }

    /// What ExclusiveStartKey must be to go on after this row.
    fn position_of(&self, row: &[u8]) -> Result<Item> {
        key_attributes(row, self.table, self.index)
    }
}

impl Answer {
    pub(crate) fn consumed(
        &self,
        table: &Table,
        name: &str,
        wanted: Option<ReturnConsumedCapacity>,
    ) -> Option<ConsumedCapacity> {
        self.tally.told(table, name, wanted)
    }
}

fn key_attributes(row: &[u8], table: &Table, index: Option<&Index>) -> Result<Item> {
    let wanted = |name: &str| table.key.has(name) || index.is_some_and(|index| index.key.has(name));
    codec::decode_some(row, wanted).map_err(|error| Error::Corrupt(error.to_string()))
}

fn stored_size(value: &[u8]) -> Result<usize> {
    codec::size(value).map_err(|error| Error::Corrupt(error.to_string()))
}

/// Reads until the limit, the size of a page, or the end of the range. A page that ends by its limit has more, even
/// when nothing follows: AWS does not look.
async fn read_rows(
    store: &Store,
    mut range: KeyRange,
    reverse: bool,
    (limit, bytes_max): (usize, usize),
) -> Result<Rows> {
    let mut rows = Rows { values: Vec::new(), bytes: 0, more: false };
    while !range.is_empty() {
        let options = ScanOptions {
            reverse,
            limit: (limit - rows.values.len()).min(ScanOptions::LIMIT_MAX),
            // Keys are counted too; what is read too much is read again.
            max_bytes: bytes_max.saturating_sub(rows.bytes) + 4096,
            ..ScanOptions::default()
        };
        let page = store.scan(range.clone(), options).await?;
        for (_, value) in page.entries {
            rows.bytes += stored_size(&value)?;
            rows.values.push(value);
            if rows.values.len() == limit || rows.bytes >= bytes_max {
                rows.more = true;
                return Ok(rows);
            }
        }
        match page.next {
            Some(next) => range = range.resume(next, reverse),
            None => break,
        }
    }
    Ok(rows)
}

/// The index that a request names, if it may read it so.
pub(crate) fn index_to_read<'t>(
    table: &'t Table,
    name: Option<&str>,
    consistent: bool,
) -> Result<Option<&'t Index>> {
    let Some(name) = name else { return Ok(None) };
    let Some(index) = table.index(name).filter(|index| index.vector.is_none()) else {
        return Err(Error::invalid(format!("The table does not have the specified index: {name}")));
    };
    if consistent && index.reach == Reach::Global {
        return Err(Error::invalid(text::CONSISTENT_INDEX));
    }
    if index.is_deleting() {
        return Err(Error::invalid(format!("The table does not have the specified index: {name}")));
    }
    if index.building {
        return Err(Error::invalid(format!("Cannot read from backfilling global secondary index: {name}")));
    }
    Ok(Some(index))
}

/// Refuses a Select that contradicts the rest of the request. `projection_member` is the parameter that asks for a
/// projection.
pub(crate) fn check_select(
    select: Option<Select>,
    has_index: bool,
    projection_member: Option<&str>,
) -> Result<()> {
    let envelope = Envelope::Enveloped;
    let clash = |member: &str, what: &str| {
        Err(envelope.invalid(&format!("Cannot specify the {member} when choosing to get {what}")))
    };
    match (select, projection_member) {
        (Some(Select::SpecificAttributes), None) => Err(envelope.invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        )),
        (Some(Select::Count), Some(member)) => clash(member, "only the Count"),
        (Some(Select::AllAttributes), Some(member)) => clash(member, "ALL_ATTRIBUTES"),
        (Some(Select::AllProjectedAttributes), Some(member)) => clash(member, "ALL_PROJECTED_ATTRIBUTES"),
        (Some(Select::AllProjectedAttributes), None) if !has_index => Err(envelope.invalid(
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        )),
        _ => Ok(()),
    }
}

/// What of the items is shown, held against what `index` has.
pub(crate) fn view<'a>(
    table: &Table,
    index: Option<&Index>,
    select: Option<Select>,
    projection: Option<&'a Projection>,
) -> Result<View<'a>> {
    check_projection(projection, table, index)?;
    let mut view = View { projection, count_only: select == Some(Select::Count), fetch: false };
    let Some(index) = index else { return Ok(view) };
    let missing: Vec<&str> = projection
        .iter()
        .flat_map(|projection| projection.attributes())
        .filter(|name| !index.projects(table, name))
        .collect();
    let wants_all = select == Some(Select::AllAttributes);
    match index.reach {
        Reach::Local => {
            let partial = index.projection != crate::table::Projection::All;
            view.fetch = partial && (wants_all || !missing.is_empty());
        }
        // Not read so.
        Reach::Vector => {}
        Reach::Global => {
            if wants_all && index.projection != crate::table::Projection::All {
                return Err(Error::parameter(format_args!(
                    "Select type ALL_ATTRIBUTES is not supported for global secondary index {} because its \
                     projection type is not ALL",
                    index.name
                )));
            }
            if !missing.is_empty() {
                return Err(Error::parameter(format_args!(
                    "Global secondary index {} does not project [{}]",
                    index.name,
                    missing.join(", ")
                )));
            }
        }
    }
    Ok(view)
}

/// Where the row lies after which a page begins. Refuses what is no key of the table and the index.
pub(crate) fn start_key(table: &Table, index: Option<&Index>, start: &Item) -> Result<Bytes> {
    let refuse = || Error::invalid(format!("{}: {}", text::STARTING_KEY, text::KEY_SCHEMA));
    let mut names = all_key_names(table, index);
    names.sort_unstable();
    names.dedup();
    if start.len() != names.len() || !names.iter().all(|name| start.contains(name)) {
        return Err(Error::invalid(text::STARTING_KEY));
    }
    let key = table.key.of(start);
    let lies = write::request_key(table, &key).map_err(|_| refuse())?;
    match index {
        None => Ok(lies),
        Some(index) => layout::entry(table, index, start).ok_or_else(refuse),
    }
}

/// What is left of `range` after the row at `start`.
pub(crate) fn after(range: KeyRange, start: &Bytes, reverse: bool) -> KeyRange {
    if reverse {
        return KeyRange { start: range.start, end: start.clone() };
    }
    let mut following = start.to_vec();
    following.push(0);
    KeyRange { start: following.into(), end: range.end }
}
