//! UpdateItem.

use std::sync::Arc;

use api::dynamodb::{ReturnValue, UpdateItemInput, UpdateItemOutput};
use base::Cx;
use expr::{Update, UpdateFault};
use item::{ITEM_BYTES_MAX, Item, KeyRole, ValueError, depth_check, key_check};

use crate::change::Outcome;
use crate::error::{Error, Result, text};
use crate::record::Kept;
use crate::request::{key_fault, key_names, parse_update};
use crate::table::Table;
use crate::{DynamoDb, change, write};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: UpdateItemInput) -> Result<UpdateItemOutput> {
    let (update, condition) = parse_update(&input)?;
    let table = db.table(cx, &input.table_name).await?;
    let keys = key_names(&table.key);
    if let Some(update) = &update {
        update.check_keys(&keys).map_err(key_fault)?;
    }
    condition.check_keys(&table)?;
    let key = write::request_key(&table, &input.key)?;

    let outcome = change::commit(db, &table, key, |old| {
        condition.check(old.map(|old| &old.item))?;
        updated(&table, &input, update.as_ref(), old)
    })
    .await?;
    Ok(UpdateItemOutput {
        attributes: attributes(&outcome, update.as_ref(), input.return_values),
        consumed_capacity: outcome.tally.told(&table, &input.table_name, input.return_consumed_capacity),
        item_collection_metrics: change::collection_metrics(
            &table,
            &input.key,
            input.return_item_collection_metrics,
        ),
    })
}

/// The item after the update.
fn updated(
    table: &Table,
    input: &UpdateItemInput,
    update: Option<&Update>,
    old: Option<&Arc<Kept>>,
) -> Result<Option<Arc<Kept>>> {
    let mut item = old.map_or_else(|| input.key.clone(), |old| old.item.clone());
    if let Some(update) = update {
        update.apply(&mut item).map_err(|fault| refused(fault, input))?;
        // What only removes does not make an item.
        if old.is_none() && item == input.key {
            return Ok(None);
        }
    }
    check_index_keys(table, update, &item)?;
    depth_check(&item).map_err(write::refused)?;
    let weight = match update {
        Some(update) if input.update_expression.is_some() => update.weight(&item),
        _ => 0,
    };
    if item.size_check().is_err() || weight > ITEM_BYTES_MAX {
        return Err(Error::invalid(text::ITEM_SIZE_UPDATED));
    }
    Ok(Some(Arc::new(Kept::new(item))))
}

/// What an update writes to a key of an index must be a value for a key. What it leaves as it was need not be: the
/// item may be older than the index.
fn check_index_keys(table: &Table, update: Option<&Update>, item: &Item) -> Result<()> {
    let Some(update) = update else { return Ok(()) };
    for index in &table.indexes {
        let hash = index.key.hash.iter().map(|part| (part, KeyRole::Partition));
        let range = index.key.range.iter().map(|part| (part, KeyRole::Sort));
        for (part, role) in hash.chain(range) {
            let written = update.paths().any(|path| &*path.head == part.name.as_str());
            let Some(value) = item.get(&part.name).filter(|_| written) else { continue };
            if !part.kind.fits(value) {
                return Err(Error::invalid(
                    "The update expression attempted to update the secondary index key to unsupported type",
                ));
            }
            key_check(&part.name, role, value).map_err(unsuited)?;
        }
    }
    Ok(())
}

/// Why a value cannot be an index key, as it is told of an update.
fn unsuited(fault: ValueError) -> Error {
    match fault {
        ValueError::EmptyKey { kind, .. } => Error::invalid(format!(
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

fn refused(fault: UpdateFault, input: &UpdateItemInput) -> Error {
    match fault {
        UpdateFault::OperandKind if input.attribute_updates.is_some() => {
            Error::invalid("Type mismatch for attribute to update")
        }
        fault => Error::invalid(fault.to_string()),
    }
}

fn attributes(outcome: &Outcome, update: Option<&Update>, asked: Option<ReturnValue>) -> Option<Item> {
    let part = |kept: Option<&Arc<Kept>>| {
        let part = update?.touched().apply(&kept?.item);
        (!part.is_empty()).then_some(part)
    };
    let whole = |kept: Option<&Arc<Kept>>| kept.map(|kept| kept.item.clone());
    match asked? {
        ReturnValue::None => None,
        ReturnValue::AllOld => whole(outcome.old.as_ref()),
        ReturnValue::AllNew => whole(outcome.new.as_ref()),
        ReturnValue::UpdatedOld => part(outcome.old.as_ref()),
        ReturnValue::UpdatedNew => part(outcome.new.as_ref()),
    }
}
