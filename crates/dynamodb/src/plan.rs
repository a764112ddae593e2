//! One write of one item, held against its table: what PutItem, UpdateItem and DeleteItem share with batches,
//! transactions and statements. A plan decides what the item becomes, as often as it is asked. Pure; knows no store.

use std::sync::Arc;

use bytes::Bytes;
use expr::{Update, UpdateFault};
use item::{ITEM_BYTES_MAX, Item, KeyRole, ValueError, depth_check, key_check};

use crate::error::{Error, Result, text};
use crate::record::Kept;
use crate::request::{WriteCondition, key_fault, key_names};
use crate::table::{KeyPart, Table};
use crate::{vector, write};

#[derive(Debug)]
pub(crate) struct Plan {
    /// Held until the write is committed; see the invariants of the crate.
    pub(crate) table: Arc<Table>,
    /// Where the item lies.
    pub(crate) key: Bytes,
    condition: WriteCondition,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Put(Arc<Kept>),
    Update(Updating),
    Delete {
        key: Item,
    },
    /// Only the condition counts.
    Check {
        key: Item,
    },
}

#[derive(Debug)]
struct Updating {
    key: Item,
    update: Option<Update>,
    surface: Surface,
}

/// Where an update comes from: they weigh it and word its faults differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// UpdateItem with an UpdateExpression (or with nothing).
    Expression,
    /// UpdateItem with AttributeUpdates.
    Parameters,
    /// An action of TransactWriteItems.
    Transaction,
    /// A statement.
    Statement,
}

impl Plan {
    pub(crate) fn put(table: Arc<Table>, item: Item, condition: WriteCondition) -> Result<Self> {
        condition.check_keys(&table)?;
        let key = write::item_key(&table, &item)?;
        Ok(Self { table, key, condition, step: Step::Put(Arc::new(Kept::new(item))) })
    }

    pub(crate) fn update(
        table: Arc<Table>,
        named: Item,
        (update, surface): (Option<Update>, Surface),
        condition: WriteCondition,
    ) -> Result<Self> {
        if let Some(update) = &update {
            update.check_keys(&key_names(&table.key)).map_err(key_fault)?;
        }
        condition.check_keys(&table)?;
        let key = write::request_key(&table, &named)?;
        Ok(Self { table, key, condition, step: Step::Update(Updating { key: named, update, surface }) })
    }

    pub(crate) fn delete(table: Arc<Table>, named: Item, condition: WriteCondition) -> Result<Self> {
        condition.check_keys(&table)?;
        let key = write::request_key(&table, &named)?;
        Ok(Self { table, key, condition, step: Step::Delete { key: named } })
    }

    pub(crate) fn check(table: Arc<Table>, named: Item, condition: WriteCondition) -> Result<Self> {
        condition.check_keys(&table)?;
        let key = write::request_key(&table, &named)?;
        Ok(Self { table, key, condition, step: Step::Check { key: named } })
    }

    /// What the item becomes that is now `old`; refused if the condition does not hold.
    pub(crate) fn decide(&self, old: Option<&Arc<Kept>>) -> Result<Option<Arc<Kept>>> {
        self.condition.check(old.map(|old| &old.item))?;
        match &self.step {
            Step::Put(new) => Ok(Some(new.clone())),
            Step::Update(updating) => updating.decide(&self.table, old),
            Step::Delete { .. } => Ok(None),
            Step::Check { .. } => Ok(old.cloned()),
        }
    }

    /// What is stored, if that can be known without a look at the item: the put or the delete depends on nothing,
    /// and nothing else is kept of it.
    pub(crate) fn blind(&self) -> Option<Option<&Bytes>> {
        let table = &self.table;
        let alone = table.indexes.is_empty()
            && table.live_stream().is_none()
            && table.live_expiry().is_none()
            && !table.records_history()
            && self.condition.is_none();
        match &self.step {
            Step::Put(new) if alone => Some(Some(&new.bytes)),
            Step::Delete { .. } if alone => Some(None),
            _ => None,
        }
    }

    /// Has at least the key attributes of the item.
    pub(crate) fn named(&self) -> &Item {
        match &self.step {
            Step::Put(new) => &new.item,
            Step::Update(Updating { key, .. }) | Step::Delete { key } | Step::Check { key } => key,
        }
    }

    /// What the plan does beside its condition, if it is an update.
    pub(crate) fn updates(&self) -> Option<&Update> {
        match &self.step {
            Step::Update(updating) => updating.update.as_ref(),
            _ => None,
        }
    }

    /// The item that a put writes.
    pub(crate) fn put_item(&self) -> Option<&Item> {
        match &self.step {
            Step::Put(new) => Some(&new.item),
            _ => None,
        }
    }

    pub(crate) fn is_check(&self) -> bool {
        matches!(self.step, Step::Check { .. })
    }
}

impl Updating {
    fn decide(&self, table: &Table, old: Option<&Arc<Kept>>) -> Result<Option<Arc<Kept>>> {
        let mut item = old.map_or_else(|| self.key.clone(), |old| old.item.clone());
        if let Some(update) = &self.update {
            update.apply(&mut item).map_err(|fault| self.refused(fault))?;
            // What only removes does not make an item.
            if old.is_none() && item == self.key {
                return Ok(None);
            }
        }
        self.check_index_keys(table, &item)?;
        depth_check(&item).map_err(|fault| self.refused(fault.into()))?;
        let weight = match &self.update {
            Some(update) if self.surface == Surface::Expression => update.weight(&item),
            _ => 0,
        };
        if item.size_check().is_err() || weight > ITEM_BYTES_MAX {
            return Err(Error::invalid(text::ITEM_SIZE_UPDATED));
        }
        Ok(Some(Arc::new(Kept::new(item))))
    }

    /// What an update writes to a key of an index must be a value for a key. What it leaves as it was need not be:
    /// the item may be older than the index.
    fn check_index_keys(&self, table: &Table, item: &Item) -> Result<()> {
        let Some(update) = &self.update else { return Ok(()) };
        for index in &table.indexes {
            let hash = index.key.hash.iter().map(|part| (part, KeyRole::Partition));
            let range = index.key.range.iter().map(|part| (part, KeyRole::Sort));
            for (part, role) in hash.chain(range) {
                let written = update.paths().any(|path| &*path.head == part.name.as_str());
                let Some(value) = item.get(&part.name).filter(|_| written) else { continue };
                if !part.kind.fits(value) {
                    return Err(self.misfit(table, part, value));
                }
                key_check(&part.name, role, value).map_err(unsuited)?;
            }
        }
        vector::check(table, item, |name| update.paths().any(|path| &*path.head == name))
    }

    fn misfit(&self, table: &Table, part: &KeyPart, value: &item::Value) -> Error {
        match self.surface {
            Surface::Transaction => write::index_misfit(table, part, value),
            _ => Error::invalid(
                "The update expression attempted to update the secondary index key to unsupported type",
            ),
        }
    }

    fn refused(&self, fault: UpdateFault) -> Error {
        match fault {
            UpdateFault::OperandKind if self.surface == Surface::Parameters => {
                Error::invalid("Type mismatch for attribute to update")
            }
            UpdateFault::Value(ValueError::TooDeep) if self.surface == Surface::Statement => {
                Error::invalid("Nesting Levels have exceeded supported limits")
            }
            fault => Error::invalid(fault.to_string()),
        }
    }
}

/// Why a value cannot be an index key, as it is told of an update.
fn unsuited(fault: ValueError) -> Error {
    match fault {
        ValueError::EmptyKey { kind, .. } => Error::EmptyKey(format!(
            "One or more parameter values are not valid. The update expression attempted to update a secondary \
             index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an \
             empty {} value.",
            kind.long_name().to_lowercase()
        )),
        ValueError::PartitionKeySize | ValueError::SortKeySize => Error::invalid(
            "The update expression attempted to update the secondary index key beyond allowed size limits",
        ),
        fault => write::refused(fault),
    }
}
