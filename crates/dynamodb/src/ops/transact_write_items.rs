//! TransactWriteItems. On a remote engine one read and one commit, whatever the number of actions.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::dynamodb::{TransactWriteItem, TransactWriteItemsInput, TransactWriteItemsOutput};
use base::Cx;
use expr::Update;
use item::Item;

use crate::DynamoDb;
use crate::asked::{AskedWrite, Maps};
use crate::error::{Error, Result, text};
use crate::plan::{Plan, Surface};
use crate::request::{Envelope, WriteCondition};
use crate::table::Table;
use crate::token::{Fingerprint, Token};
use crate::transaction::{self, Action};

/// One action, as far as it can be understood without its table.
struct Asked {
    table_name: String,
    step: Step,
    condition: WriteCondition,
}

enum Step {
    Check(Item),
    Put(Item),
    Delete(Item),
    Update(Item, Option<Update>),
}

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: TransactWriteItemsInput,
) -> Result<TransactWriteItemsOutput> {
    if input.transact_items.iter().map(payload).sum::<usize>() > transaction::BYTES_MAX {
        return Err(Error::invalid(text::TRANSACTION_SIZE));
    }
    let token = input.client_request_token.as_deref().map(|token| {
        let mut request = Fingerprint::default();
        input.transact_items.iter().for_each(|action| note(action, &mut request));
        Token::new(&cx.scope, token, request, db.clock.now())
    });
    let asked = input.transact_items.into_iter().map(asked).collect::<Result<Vec<_>>>()?;
    let names = asked.iter().map(|asked| asked.table_name.as_str());
    let tables = transaction::tables(db, cx, names).await?;
    let planned = asked.into_iter().zip(tables).map(|(asked, table)| plan(table, asked));
    let actions = transaction::gather(planned)?;

    let applied = transaction::write(db, &actions, token.as_ref()).await?;
    Ok(TransactWriteItemsOutput {
        consumed_capacity: applied.consumed(&actions, input.return_consumed_capacity),
        item_collection_metrics: applied.metrics(&actions, input.return_item_collection_metrics),
    })
}

fn asked(action: TransactWriteItem) -> Result<Asked> {
    let parse = |asked: AskedWrite<'_>| asked.parse(Envelope::Bare);
    let (table_name, step, condition) = match action {
        TransactWriteItem { condition_check: Some(check), put: None, delete: None, update: None } => {
            let (_, condition) = parse((&check).into())?;
            (check.table_name, Step::Check(check.key), condition)
        }
        TransactWriteItem { condition_check: None, put: Some(put), delete: None, update: None } => {
            let (_, condition) = parse((&put).into())?;
            put.item.size_check().map_err(|_| Error::invalid(text::ITEM_SIZE))?;
            (put.table_name, Step::Put(put.item), condition)
        }
        TransactWriteItem { condition_check: None, put: None, delete: Some(delete), update: None } => {
            let (_, condition) = parse((&delete).into())?;
            (delete.table_name, Step::Delete(delete.key), condition)
        }
        TransactWriteItem { condition_check: None, put: None, delete: None, update: Some(update) } => {
            let (expression, condition) = parse((&update).into())?;
            (update.table_name, Step::Update(update.key, expression), condition)
        }
        TransactWriteItem { condition_check: None, put: None, delete: None, update: None } => {
            return Err(Error::invalid(
                "1 validation error detected: Value '' at 'transactItems' failed to satisfy constraint: \
                 TransactWriteRequest should contain Delete or Put or Update or ConditionCheck",
            ));
        }
        _ => {
            return Err(Error::invalid("TransactItems can only contain one of Check, Put, Update or Delete"));
        }
    };
    Ok(Asked { table_name, step, condition })
}

fn plan(table: Arc<Table>, asked: Asked) -> Result<Action> {
    let plan = match asked.step {
        Step::Check(key) => Plan::check(table, key, asked.condition),
        Step::Put(item) => Plan::put(table, item, asked.condition),
        Step::Delete(key) => Plan::delete(table, key, asked.condition),
        Step::Update(key, update) => {
            Plan::update(table, key, (update, Surface::Transaction), asked.condition)
        }
    };
    Ok(Action { name: asked.table_name, plan: plan? })
}

/// What the action brings with it, not what it finds: a transaction may delete more than it may bring.
fn payload(action: &TransactWriteItem) -> usize {
    let values = |values: &Option<item::Values>| values.as_ref().map_or(0, |values| values.size());
    let check = action.condition_check.as_ref();
    let (put, delete, update) = (action.put.as_ref(), action.delete.as_ref(), action.update.as_ref());
    check.map_or(0, |check| check.key.size() + values(&check.expression_attribute_values))
        + put.map_or(0, |put| put.item.size() + values(&put.expression_attribute_values))
        + delete.map_or(0, |delete| delete.key.size() + values(&delete.expression_attribute_values))
        + update.map_or(0, |update| update.key.size() + values(&update.expression_attribute_values))
}

/// Two actions are the same if these are: the order of members in the JSON does not count.
fn note(action: &TransactWriteItem, request: &mut Fingerprint) {
    if let Some(check) = &action.condition_check {
        request.text("ConditionCheck");
        request.text(&check.table_name);
        request.item(&check.key);
        note_asked(check.into(), request);
    }
    if let Some(put) = &action.put {
        request.text("Put");
        request.text(&put.table_name);
        request.item(&put.item);
        note_asked(put.into(), request);
    }
    if let Some(delete) = &action.delete {
        request.text("Delete");
        request.text(&delete.table_name);
        request.item(&delete.key);
        note_asked(delete.into(), request);
    }
    if let Some(update) = &action.update {
        request.text("Update");
        request.text(&update.table_name);
        request.item(&update.key);
        note_asked(update.into(), request);
    }
}

fn note_asked(asked: AskedWrite<'_>, request: &mut Fingerprint) {
    let Maps { names, values } = asked.maps;
    request.text(asked.update.unwrap_or_default());
    request.text(asked.condition.unwrap_or_default());
    request.text(asked.on_failure.map_or("", |asked| asked.as_str()));
    request.text(&names.map_or(0, BTreeMap::len).to_string());
    for (placeholder, name) in names.into_iter().flatten() {
        request.text(placeholder);
        request.text(name);
    }
    request.item(values.unwrap_or(&Item::new()));
}
