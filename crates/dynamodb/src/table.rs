//! A table as it is declared and stored: key schema, indexes, billing, stream. Knows no store and no request.

use std::collections::BTreeMap;

use base::{Arn, Scope, Timestamp};
use item::{Item, KeyKind, Kind, Value};
use minicbor::{Decode, Encode};

use crate::settings::Settings;
use crate::vector::Vector;

use crate::hold::Hold;
use crate::recovery::Recovery;

/// One table. Immutable: a change makes a new one with the same id.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Table {
    /// Given by the key of the record.
    #[cbor(skip)]
    pub(crate) scope: Scope,
    #[cbor(skip)]
    pub(crate) hold: Hold,
    /// Never used for another table.
    #[n(0)]
    pub(crate) id: u32,
    #[n(1)]
    pub(crate) name: String,
    #[n(2)]
    pub(crate) uuid: String,
    #[n(3)]
    pub(crate) created_ms: i64,
    /// In the order of the request that made the table.
    #[n(4)]
    pub(crate) attributes: Vec<KeyPart>,
    #[n(5)]
    pub(crate) key: KeySchema,
    #[n(6)]
    pub(crate) indexes: Vec<Index>,
    /// The number for the next index; those of deleted ones are not used again.
    #[n(7)]
    pub(crate) next_index: u8,
    #[n(8)]
    pub(crate) billing: Billing,
    /// The newest stream, whether or not it is still enabled.
    #[n(9)]
    pub(crate) stream: Option<Stream>,
    #[n(10)]
    pub(crate) class: Option<Class>,
    #[n(11)]
    pub(crate) deletion_protection: bool,
    #[n(12)]
    pub(crate) tags: BTreeMap<String, String>,
    #[n(13)]
    pub(crate) encryption: Option<Encryption>,
    #[n(14)]
    pub(crate) on_demand: Option<OnDemand>,
    #[n(15)]
    pub(crate) warm: Option<Warm>,
    /// None: disabled, and nothing of it is left in the queue.
    #[n(20)]
    pub(crate) expiry: Option<Expiry>,
    #[n(21)]
    pub(crate) recovery: Option<Recovery>,
    #[n(22)]
    pub(crate) settings: Option<Settings>,
    /// None: items are read and written.
    #[n(24)]
    pub(crate) phase: Option<TablePhase>,
}

/// A table without items for anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum TablePhase {
    /// Its items are still being brought.
    #[n(0)]
    Creating,
    /// Its last writers, or what is left of it, are still to go.
    #[n(1)]
    Deleting,
}

/// AWS counts so many bytes more for each entry of an index; see the page on index storage.
pub(crate) const ENTRY_OVERHEAD: usize = 100;

/// An attribute that is part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct KeyPart {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) kind: PartKind,
}

/// `ScalarAttributeType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum PartKind {
    #[n(0)]
    S,
    #[n(1)]
    N,
    #[n(2)]
    B,
}

/// The attributes of a key. A table has one hash part and at most one range part; a global secondary index may
/// have four of each.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct KeySchema {
    #[n(0)]
    pub(crate) hash: Vec<KeyPart>,
    #[n(1)]
    pub(crate) range: Vec<KeyPart>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Index {
    /// The byte after the table's id in the keys of this index's entries; 0 is the table itself.
    #[n(0)]
    pub(crate) number: u8,
    #[n(1)]
    pub(crate) name: String,
    #[n(2)]
    pub(crate) key: KeySchema,
    #[n(3)]
    pub(crate) projection: Projection,
    #[n(4)]
    pub(crate) reach: Reach,
    /// Of a global index of a provisioned table.
    #[n(5)]
    pub(crate) throughput: Option<Throughput>,
    #[n(6)]
    pub(crate) on_demand: Option<OnDemand>,
    #[n(7)]
    pub(crate) warm: Option<Warm>,
    /// Added to a table with items, which are not all in it yet: writes go to it, reads are refused.
    #[n(8)]
    #[cbor(default)]
    pub(crate) building: bool,
    #[n(9)]
    pub(crate) phase: Option<IndexPhase>,
    /// Of an index of vectors.
    #[n(10)]
    pub(crate) vector: Option<Vector>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum IndexPhase {
    /// Some requests may not know of it yet; filling it begins after them.
    #[n(0)]
    Allocating,
    /// Nobody reads it or writes to it; its entries are being deleted.
    #[n(1)]
    Deleting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Reach {
    #[n(0)]
    Global,
    #[n(1)]
    Local,
    /// Global, of vectors: only SearchVectors reads it.
    #[n(2)]
    Vector,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Projection {
    #[n(0)]
    All,
    #[n(1)]
    KeysOnly,
    #[n(2)]
    Include(#[n(0)] Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Billing {
    /// None: on demand.
    #[n(0)]
    pub(crate) provisioned: Option<Throughput>,
    /// When the table last became on-demand; AWS shows the mode only of tables that ever were.
    #[n(1)]
    pub(crate) on_demand_since_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Throughput {
    #[n(0)]
    pub(crate) read: i64,
    #[n(1)]
    pub(crate) write: i64,
    #[n(2)]
    pub(crate) increased_ms: Option<i64>,
    #[n(3)]
    pub(crate) decreased_ms: Option<i64>,
    /// Decreases on the day of `decreased_ms`.
    #[n(4)]
    pub(crate) decreases: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct OnDemand {
    #[n(0)]
    pub(crate) read_max: Option<i64>,
    #[n(1)]
    pub(crate) write_max: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Warm {
    #[n(0)]
    pub(crate) read: i64,
    #[n(1)]
    pub(crate) write: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Class {
    #[n(0)]
    pub(crate) infrequent: bool,
    #[n(1)]
    pub(crate) changed_ms: Option<i64>,
}

/// Server-side encryption as asked for: it is told back, the data are not encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Encryption {
    #[n(0)]
    pub(crate) key_arn: String,
}

/// A stream of a table's changes. It outlives being disabled, and its table, by a day.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Stream {
    #[n(0)]
    pub(crate) table_id: u32,
    #[n(1)]
    pub(crate) table_name: String,
    /// Counts the streams of a table, in keys.
    #[n(2)]
    pub(crate) number: u16,
    /// The time of creation, which is also the end of the ARN.
    #[n(3)]
    pub(crate) label: String,
    #[n(4)]
    pub(crate) view: StreamView,
    #[n(5)]
    pub(crate) shards: u8,
    #[n(6)]
    pub(crate) created_ms: i64,
    #[n(7)]
    pub(crate) disabled_ms: Option<i64>,
    /// The commit before its first record.
    #[n(8)]
    pub(crate) first_seq: u64,
    /// The commit after its last record, of a disabled stream.
    #[n(9)]
    pub(crate) last_seq: Option<u64>,
    #[n(10)]
    pub(crate) key: KeySchema,
}

/// Time to live: which attribute says when an item expires.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Expiry {
    #[n(0)]
    pub(crate) attribute: String,
    #[n(1)]
    pub(crate) phase: ExpiryPhase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum ExpiryPhase {
    /// Writes go to the queue; items that are older are being added.
    #[n(0)]
    Enabling,
    #[n(1)]
    Enabled,
    /// Writes do not go to the queue; it is being cleared.
    #[n(2)]
    Disabling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum StreamView {
    #[n(0)]
    KeysOnly,
    #[n(1)]
    NewImage,
    #[n(2)]
    OldImage,
    #[n(3)]
    NewAndOldImages,
}

impl Table {
    pub(crate) fn arn(&self) -> String {
        table_arn(&self.scope, &self.name)
    }

    pub(crate) fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    pub(crate) fn globals(&self) -> impl Iterator<Item = &Index> {
        self.indexes.iter().filter(|index| index.reach == Reach::Global)
    }

    pub(crate) fn locals(&self) -> impl Iterator<Item = &Index> {
        self.indexes.iter().filter(|index| index.reach == Reach::Local)
    }

    pub(crate) fn has_locals(&self) -> bool {
        self.locals().next().is_some()
    }

    /// The indexes that writes keep up.
    pub(crate) fn kept_indexes(&self) -> impl Iterator<Item = &Index> {
        self.indexes.iter().filter(|index| !index.is_deleting())
    }

    /// Forgets the attributes that are no part of any key.
    pub(crate) fn drop_unused_attributes(&mut self) {
        let Self { attributes, key, indexes, .. } = self;
        attributes.retain(|part| key.has(&part.name) || indexes.iter().any(|index| index.uses(&part.name)));
    }

    /// The stream that records are written to.
    pub(crate) fn live_stream(&self) -> Option<&Stream> {
        self.stream.as_ref().filter(|stream| stream.disabled_ms.is_none())
    }

    /// The time to live that writes must keep the queue for.
    pub(crate) fn live_expiry(&self) -> Option<&Expiry> {
        self.expiry.as_ref().filter(|expiry| expiry.phase != ExpiryPhase::Disabling)
    }

    /// The one hash attribute of the table.
    pub(crate) fn hash(&self) -> &KeyPart {
        &self.key.hash[0]
    }

    pub(crate) fn range(&self) -> Option<&KeyPart> {
        self.key.range.first()
    }
}

pub(crate) fn table_arn(scope: &Scope, name: &str) -> String {
    Arn::new("dynamodb", scope, format!("table/{name}")).to_string()
}

impl Index {
    pub(crate) fn arn(&self, table: &Table) -> String {
        format!("{}/index/{}", table.arn(), self.name)
    }

    /// Whether `name` must be among the definitions of attributes.
    pub(crate) fn uses(&self, name: &str) -> bool {
        let filters = self.vector.iter().flat_map(|vector| &vector.filters);
        self.key.has(name) || filters.into_iter().any(|part| part.name == name)
    }

    pub(crate) fn is_deleting(&self) -> bool {
        self.phase == Some(IndexPhase::Deleting)
    }

    /// Whether entries carry the attribute `name`.
    pub(crate) fn projects(&self, table: &Table, name: &str) -> bool {
        match &self.projection {
            Projection::All => true,
            _ if self.key.has(name) || table.key.has(name) => true,
            Projection::KeysOnly => false,
            Projection::Include(names) => names.iter().any(|included| included == name),
        }
    }

    /// What this index keeps of `item`.
    pub(crate) fn project(&self, table: &Table, item: &Item) -> Item {
        let mut kept = item.clone();
        if self.projection != Projection::All {
            kept.retain(|name, _| self.projects(table, name));
        }
        kept
    }
}

impl KeySchema {
    pub(crate) fn parts(&self) -> impl Iterator<Item = &KeyPart> + Clone {
        self.hash.iter().chain(&self.range)
    }

    pub(crate) fn len(&self) -> usize {
        self.hash.len() + self.range.len()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.parts().any(|part| part.name == name)
    }

    /// The key attributes of `item`, as far as it has them.
    pub(crate) fn of(&self, item: &Item) -> Item {
        self.parts()
            .filter_map(|part| item.get(&part.name).map(|value| (part.name.as_str(), value.clone())))
            .collect()
    }
}

impl PartKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
        }
    }

    pub(crate) fn fits(self, value: &Value) -> bool {
        matches!((self, value.kind()), (Self::S, Kind::S) | (Self::N, Kind::N) | (Self::B, Kind::B))
    }

    pub(crate) fn key_kind(self) -> KeyKind {
        match self {
            Self::S => KeyKind::S,
            Self::N => KeyKind::N,
            Self::B => KeyKind::B,
        }
    }
}

impl Throughput {
    pub(crate) fn new(read: i64, write: i64) -> Self {
        Self { read, write, increased_ms: None, decreased_ms: None, decreases: 0 }
    }

    /// This throughput changed to `read` and `write` at `now`.
    pub(crate) fn changed(&self, read: i64, write: i64, now: Timestamp) -> Self {
        let decreased = read < self.read || write < self.write;
        let increased = read > self.read || write > self.write;
        let decreases = self.decreases_on(now) + u32::from(decreased);
        Self {
            read,
            write,
            increased_ms: if increased { Some(now.0) } else { self.increased_ms },
            decreased_ms: if decreased { Some(now.0) } else { self.decreased_ms },
            decreases,
        }
    }

    pub(crate) fn decreases_on(&self, now: Timestamp) -> u32 {
        const DAY_MS: i64 = 86_400_000;
        match self.decreased_ms {
            Some(at) if at.div_euclid(DAY_MS) == now.0.div_euclid(DAY_MS) => self.decreases,
            _ => 0,
        }
    }
}

impl Stream {
    pub(crate) fn arn(&self, scope: &Scope) -> String {
        format!("{}/stream/{}", table_arn(scope, &self.table_name), self.label)
    }
}

impl StreamView {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::KeysOnly => "KEYS_ONLY",
            Self::NewImage => "NEW_IMAGE",
            Self::OldImage => "OLD_IMAGE",
            Self::NewAndOldImages => "NEW_AND_OLD_IMAGES",
        }
    }

    pub(crate) fn shows_new(self) -> bool {
        matches!(self, Self::NewImage | Self::NewAndOldImages)
    }

    pub(crate) fn shows_old(self) -> bool {
        matches!(self, Self::OldImage | Self::NewAndOldImages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{decode, encode};

    fn table() -> Table {
        let part = |name: &str, kind| KeyPart { name: name.to_owned(), kind };
        let key = KeySchema { hash: vec![part("pk", PartKind::S)], range: vec![part("sk", PartKind::N)] };
        Table {
            scope: Scope::default(),
            hold: Hold::default(),
            id: 7,
            name: "t".to_owned(),
            uuid: "u".to_owned(),
            created_ms: 1,
            attributes: vec![part("pk", PartKind::S), part("sk", PartKind::N), part("b", PartKind::B)],
            key: key.clone(),
            indexes: vec![Index {
                number: 1,
                name: "i".to_owned(),
                key: KeySchema { hash: vec![part("b", PartKind::B)], range: vec![] },
                projection: Projection::Include(vec!["x".to_owned()]),
                reach: Reach::Global,
                throughput: Some(Throughput::new(1, 2)),
                on_demand: None,
                warm: None,
                building: false,
                phase: None,
                vector: None,
            }],
            next_index: 2,
            billing: Billing { provisioned: Some(Throughput::new(3, 4)), on_demand_since_ms: None },
            stream: Some(Stream {
                table_id: 7,
                table_name: "t".to_owned(),
                number: 0,
                label: "l".to_owned(),
                view: StreamView::NewAndOldImages,
                shards: 4,
                created_ms: 1,
                disabled_ms: None,
                first_seq: 5,
                last_seq: None,
                key,
            }),
            class: Some(Class { infrequent: true, changed_ms: None }),
            deletion_protection: true,
            tags: [("k".to_owned(), "v".to_owned())].into(),
            encryption: Some(Encryption { key_arn: "a".to_owned() }),
            on_demand: Some(OnDemand { read_max: Some(9), write_max: None }),
            warm: Some(Warm { read: 1, write: 1 }),
            expiry: None,
            recovery: None,
            settings: None,
            phase: None,
        }
    }

    /// As the first version wrote it. Data folders hold such records: this text never changes.
    const FIRST: &str = "90076174617501838262706b008262736b018261620282818262706b00818262736b0181890161698281826162028082\
        028181617800850102f6f600f6f6f40281850304f6f6008b07617400616c030401f605f682818262706b00818262736b\
        0181f5f5a1616b61768161618109820101";

    #[test]
    fn records_of_the_first_version_open() {
        let bytes: Vec<u8> = (0..FIRST.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&FIRST[at..at + 2], 16).unwrap())
            .collect();
        assert_eq!(decode::<Table>(&bytes).unwrap(), table());
        let written: String = encode(&table()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            written, FIRST,
            "the form has changed: add fields with new numbers, and keep the old text"
        );
    }
}
