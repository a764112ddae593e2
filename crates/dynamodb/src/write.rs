//! What a change of one item does to the store: the item, its index entries and its stream record in one batch,
//! and what it costs. Also what a table refuses in an item. Pure; knows no request.

use std::borrow::Cow;

use base::Timestamp;
use bytes::Bytes;
use item::{Item, KeyRole, Value, ValueError, key_check};
use store::Mutation;

use crate::capacity::{Tally, vector_bytes, write_units};
use crate::catalogue::encode;
use crate::error::{Error, Result, text};
use crate::record::{Kept, Record};
use crate::table::{ENTRY_OVERHEAD, Expiry, Index, KeyPart, KeySchema, Projection, Reach, Table};
use crate::{expiry, history, layout, vector};

/// Everything to commit for a change, and its price.
#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) mutations: Vec<Mutation>,
    pub(crate) tally: Tally,
    /// Bytes that the item and its entries in local indexes grow by.
    pub(crate) growth: i64,
}

/// One item before and after, at its key.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) key: &'a Bytes,
    pub(crate) old: Option<&'a Kept>,
    pub(crate) new: Option<&'a Kept>,
    pub(crate) now: Timestamp,
    /// Tells the changes of one commit apart.
    pub(crate) ordinal: u8,
}

impl Change<'_> {
    /// Refused when another node may have changed the table meanwhile.
    pub(crate) fn effects(&self, table: &Table) -> Result<Effects> {
        self.effects_by(table, None)
    }

    /// The effects of a change that `service` makes of itself.
    pub(crate) fn effects_by(&self, table: &Table, service: Option<&str>) -> Result<Effects> {
        table.check_current()?;
        let size = |kept: Option<&Kept>| kept.map_or(0, |kept| kept.item.size());
        let mut effects = Effects {
            mutations: Vec::new(),
            tally: Tally::of_table(write_units(size(self.old).max(size(self.new)))),
            growth: difference(size(self.new), size(self.old)),
        };
        let same = match (self.old, self.new) {
            (Some(old), Some(new)) => old.item == new.item,
            (None, None) => true,
            _ => false,
        };
        if same {
            return Ok(effects);
        }
        effects.mutations.push(put_or_delete(self.key.clone(), self.new.map(|new| new.bytes.clone())));
        for index in table.kept_indexes() {
            self.index_effects(table, index, &mut effects);
        }
        if let Some(mutation) = self.stream_effect(table, service) {
            effects.mutations.push(mutation);
        }
        if effects.growth != 0
            && table.has_locals()
            && let Some(kept) = self.new.or(self.old)
            && let Some(key) = layout::collection(table, &kept.item)
        {
            effects.mutations.push(Mutation::Add { key, delta: effects.growth });
        }
        effects.mutations.extend(history::mutation(table, self));
        if let Some(expiry) = table.live_expiry() {
            effects.mutations.extend(self.queue_effects(expiry));
        }
        Ok(effects)
    }

    /// Moves the item in the queue of those that expire.
    fn queue_effects(&self, expiry: &Expiry) -> impl Iterator<Item = Mutation> {
        let second = |kept: Option<&Kept>| expiry.second(&kept?.item);
        let (old, new) = (second(self.old), second(self.new));
        let moved = old != new;
        let old = old.filter(|_| moved).map(|old| put_or_delete(layout::expiry(old, self.key), None));
        let new = new
            .filter(|new| moved && expiry::is_recent(*new, self.now))
            .map(|new| put_or_delete(layout::expiry(new, self.key), Some(Bytes::new())));
        old.into_iter().chain(new)
    }

    fn index_effects(&self, table: &Table, index: &Index, effects: &mut Effects) {
        let mut units = 0.0;
        let cost: fn(usize) -> f64 = if index.vector.is_some() { vector_bytes } else { write_units };
        let (old, new) = (index_entry(table, index, self.old), index_entry(table, index, self.new));
        if index.reach == Reach::Local {
            let size = |entry: &Option<(Bytes, Cow<'_, Kept>)>| {
                entry.as_ref().map_or(0, |(_, entry)| entry.item.size() + ENTRY_OVERHEAD)
            };
            effects.growth += difference(size(&new), size(&old));
        }
        match (old, new) {
            (None, None) => {}
            (Some((old_key, old)), Some((key, new))) if old_key == key => {
                if old.item != new.item {
                    units = cost(old.item.size().max(new.item.size()));
                    effects.mutations.push(put_or_delete(key, Some(new.bytes.clone())));
                }
            }
            (old, new) => {
                if let Some((key, old)) = old {
                    units += cost(old.item.size());
                    effects.mutations.push(put_or_delete(key, None));
                }
                if let Some((key, new)) = new {
                    units += cost(new.item.size());
                    effects.mutations.push(put_or_delete(key, Some(new.bytes.clone())));
                }
            }
        }
        match index.vector {
            Some(_) => effects.tally.add_vectors(index.number, units),
            None => effects.tally.add_index(index.number, units),
        }
    }

    fn stream_effect(&self, table: &Table, service: Option<&str>) -> Option<Mutation> {
        let stream = table.live_stream()?;
        let mut record = Record::of(stream, self.old, self.new, self.now)?;
        record.service = service.map(str::to_owned);
        let shard = (layout::hash_of(self.key) % u32::from(stream.shards.max(1))) as u8;
        Some(Mutation::Append {
            prefix: layout::shard(stream.table_id, stream.number, shard),
            suffix: Bytes::copy_from_slice(&[self.ordinal]),
            value: encode(&record),
        })
    }
}

impl Table {
    /// Asked right before a write of an item is committed.
    pub(crate) fn check_current(&self) -> Result<()> {
        if self.hold.is_current() { Ok(()) } else { Err(Error::Outdated) }
    }
}

fn difference(new: usize, old: usize) -> i64 {
    let bytes = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
    bytes(new) - bytes(old)
}

fn put_or_delete(key: Bytes, value: Option<Bytes>) -> Mutation {
    match value {
        Some(value) => Mutation::Put { key, value },
        None => Mutation::Delete { key },
    }
}

/// Key and content of an item's entry in `index`, if it has one.
fn index_entry<'k>(table: &Table, index: &Index, kept: Option<&'k Kept>) -> Option<(Bytes, Cow<'k, Kept>)> {
    let kept = kept?;
    Some((layout::entry(table, index, &kept.item)?, entry_of(table, index, kept)))
}

/// What `index` keeps of an item.
pub(crate) fn entry_of<'k>(table: &Table, index: &Index, kept: &'k Kept) -> Cow<'k, Kept> {
    match (&index.vector, &index.projection) {
        (Some(vector), _) => Cow::Owned(Kept::new(vector::entry(table, index, vector, &kept.item))),
        (None, Projection::All) => Cow::Borrowed(kept),
        (None, _) => Cow::Owned(Kept::new(index.project(table, &kept.item))),
    }
}

/// Refuses an item that the table cannot hold; else its key.
pub(crate) fn item_key(table: &Table, item: &Item) -> Result<Bytes> {
    for part in table.key.parts() {
        let Some(value) = item.get(&part.name) else {
            return Err(Error::parameter(format_args!("Missing the key {} in the item", part.name)));
        };
        if !part.kind.fits(value) {
            return Err(Error::parameter(format_args!(
                "Type mismatch for key {} expected: {} actual: {}",
                part.name,
                part.kind.as_str(),
                value.kind().as_str()
            )));
        }
    }
    check_values(&table.key, item)?;
    check_index_keys(table, item)?;
    vector::check(table, item, |_| true)?;
    layout::item(table, item).ok_or_else(|| Error::invalid(text::KEY_SCHEMA))
}

/// Refuses a key that is not the table's; else where its item lies.
pub(crate) fn request_key(table: &Table, key: &Item) -> Result<Bytes> {
    let mut parts = table.key.parts();
    let fits = |part: &KeyPart| key.get(&part.name).is_some_and(|value| part.kind.fits(value));
    if key.len() != table.key.len() || !parts.all(fits) {
        return Err(Error::invalid(text::KEY_SCHEMA));
    }
    check_values(&table.key, key)?;
    layout::item(table, key).ok_or_else(|| Error::invalid(text::KEY_SCHEMA))
}

fn check_values(key: &KeySchema, item: &Item) -> Result<()> {
    let hash = key.hash.iter().map(|part| (part, KeyRole::Partition));
    let range = key.range.iter().map(|part| (part, KeyRole::Sort));
    for (part, role) in hash.chain(range) {
        if let Some(value) = item.get(&part.name) {
            key_check(&part.name, role, value).map_err(refused)?;
        }
    }
    Ok(())
}

/// Refuses an item whose attributes cannot be the keys of indexes that they are.
fn check_index_keys(table: &Table, item: &Item) -> Result<()> {
    for index in table.kept_indexes() {
        for part in index.key.parts().filter(|part| !table.key.has(&part.name)) {
            let Some(value) = item.get(&part.name) else { continue };
            if !part.kind.fits(value) {
                return Err(index_misfit(table, part, value));
            }
            check_index_value(table, index, part, value)?;
        }
    }
    Ok(())
}

/// What is said of a value of a wrong type for the key attribute `part` of indexes.
pub(crate) fn index_misfit(table: &Table, part: &KeyPart, value: &Value) -> Error {
    Error::parameter(format_args!(
        "Type mismatch for Index Key {} Expected: {} Actual: {} IndexName: {}",
        part.name,
        part.kind.as_str(),
        value.kind().as_str(),
        first_index(table, part)
    ))
}

/// Of the indexes with a key attribute, AWS names the first by name.
fn first_index<'t>(table: &'t Table, part: &KeyPart) -> &'t str {
    let indexes = table.indexes.iter().filter(|index| index.key.has(&part.name));
    indexes.map(|index| index.name.as_str()).min().unwrap_or_default()
}

fn check_index_value(table: &Table, index: &Index, part: &KeyPart, value: &Value) -> Result<()> {
    let role = if index.key.hash.contains(part) { KeyRole::Partition } else { KeyRole::Sort };
    key_check(&part.name, role, value).map_err(|error| match error {
        ValueError::EmptyKey { kind, .. } => Error::EmptyKey(format!(
            "One or more parameter values are not valid. A value specified for a secondary index key is not \
             supported. The AttributeValue for a key attribute cannot contain an empty {} value. IndexName: {}, \
             IndexKey: {}",
            kind.long_name().to_lowercase(),
            first_index(table, part),
            part.name
        )),
        error => refused(error),
    })
}

pub(crate) fn refused(error: ValueError) -> Error {
    match error {
        ValueError::EmptyKey { .. } => Error::EmptyKey(error.to_string()),
        error => Error::invalid(error.to_string()),
    }
}
