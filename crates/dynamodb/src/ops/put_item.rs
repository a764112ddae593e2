//! PutItem.

use std::sync::Arc;

use api::dynamodb::{PutItemInput, PutItemOutput, ReturnConsumedCapacity, ReturnValue};
use base::Cx;
use item::codec;
use store::Batch;

use crate::error::{Error, Result, text};
use crate::record::Kept;
use crate::request::{AskedCondition, Maps, WriteCondition};
use crate::{DynamoDb, change, write};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: PutItemInput) -> Result<PutItemOutput> {
    let wants_old = wants_old(input.return_values)?;
    let asked = AskedCondition {
        expression: input.condition_expression.as_deref(),
        expected: input.expected.as_ref(),
        operator: input.conditional_operator,
        on_failure: input.return_values_on_condition_check_failure,
    };
    let maps = Maps {
        names: input.expression_attribute_names.as_ref(),
        values: input.expression_attribute_values.as_deref(),
    };
    let condition = WriteCondition::parse(&asked, maps)?;
    input.item.size_check().map_err(|_| Error::invalid(text::ITEM_SIZE))?;
    let table = db.table(cx, &input.table_name).await?;
    condition.check_keys(&table)?;
    let key = write::item_key(&table, &input.item)?;

    let told = input.return_consumed_capacity.unwrap_or(ReturnConsumedCapacity::None);
    let metrics = change::collection_metrics(&table, &input.item, input.return_item_collection_metrics);
    let blind = condition.is_none() && !wants_old && told == ReturnConsumedCapacity::None;
    if blind && change::is_blind(&table) {
        table.check_current()?;
        db.store.commit(Batch::new().put(key, codec::encode(&input.item))).await?;
        return Ok(PutItemOutput { item_collection_metrics: metrics, ..PutItemOutput::default() });
    }
    let new = Arc::new(Kept::new(input.item));
    let outcome = change::commit(db, &table, key, |old| {
        condition.check(old.map(|old| &old.item))?;
        Ok(Some(new.clone()))
    })
    .await?;
    Ok(PutItemOutput {
        attributes: outcome.old.filter(|_| wants_old).map(|old| old.item.clone()),
        consumed_capacity: outcome.tally.told(&table, &input.table_name, Some(told)),
        item_collection_metrics: metrics,
    })
}

/// Whether a Put or Delete answers the item as it was.
pub(crate) fn wants_old(asked: Option<ReturnValue>) -> Result<bool> {
    match asked {
        None | Some(ReturnValue::None) => Ok(false),
        Some(ReturnValue::AllOld) => Ok(true),
        Some(_) => Err(Error::invalid("ReturnValues can only be ALL_OLD or NONE")),
    }
}
