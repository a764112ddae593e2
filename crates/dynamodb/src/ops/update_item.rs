//! UpdateItem.

use std::sync::Arc;

use api::dynamodb::{ReturnValue, UpdateItemInput, UpdateItemOutput};
use base::Cx;
use expr::{Update, UpdateFault};
use item::{Item, depth_check};

use crate::change::Outcome;
use crate::error::{Error, Result, text};
use crate::record::Kept;
use crate::request::{key_fault, key_names, parse_update};
use crate::table::Table;
use crate::{DynamoDb, change, write};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: UpdateItemInput) -> Result<UpdateItemOutput> {
    let (update, condition) = parse_update(&input)?;
    let table = db.table(cx, &input.table_name)?;
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
    item.size_check().map_err(|_| Error::invalid(text::ITEM_SIZE_UPDATED))?;
    Ok(Some(Arc::new(Kept::new(item))))
}

/// An expression that gives an index key a wrong type is refused in words of its own.
fn check_index_keys(table: &Table, update: Option<&Update>, item: &Item) -> Result<()> {
    let parts = table.indexes.iter().flat_map(|index| index.key.parts());
    for part in parts {
        let misfits = item.get(&part.name).is_some_and(|value| !part.kind.fits(value));
        if misfits
            && update.is_some_and(|update| update.paths().any(|path| &*path.head == part.name.as_str()))
        {
            return Err(Error::invalid(
                "The update expression attempted to update the secondary index key to unsupported type",
            ));
        }
    }
    write::check_index_keys(table, item)
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
