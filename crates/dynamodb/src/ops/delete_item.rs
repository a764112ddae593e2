//! DeleteItem.

use api::dynamodb::{DeleteItemInput, DeleteItemOutput, ReturnConsumedCapacity};
use base::Cx;
use store::Batch;

use crate::error::Result;
use crate::ops::put_item::wants_old;
use crate::request::{AskedCondition, Maps, WriteCondition};
use crate::{DynamoDb, change, write};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: DeleteItemInput) -> Result<DeleteItemOutput> {
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
    let table = db.table(cx, &input.table_name).await?;
    condition.check_keys(&table)?;
    let key = write::request_key(&table, &input.key)?;

    let told = input.return_consumed_capacity.unwrap_or(ReturnConsumedCapacity::None);
    let metrics = change::collection_metrics(&table, &input.key, input.return_item_collection_metrics);
    let blind = condition.is_none() && !wants_old && told == ReturnConsumedCapacity::None;
    if blind && change::is_blind(&table) {
        table.check_current()?;
        db.store.commit(Batch::new().delete(key)).await?;
        return Ok(DeleteItemOutput { item_collection_metrics: metrics, ..DeleteItemOutput::default() });
    }
    let outcome = change::commit(db, &table, key, |old| {
        condition.check(old.map(|old| &old.item))?;
        Ok(None)
    })
    .await?;
    Ok(DeleteItemOutput {
        attributes: outcome.old.filter(|_| wants_old).map(|old| old.item.clone()),
        consumed_capacity: outcome.tally.told(&table, &input.table_name, Some(told)),
        item_collection_metrics: metrics,
    })
}
