//! PutItem.

use api::dynamodb::{PutItemInput, PutItemOutput, ReturnValue};
use base::Cx;

use crate::asked::AskedWrite;
use crate::error::{Error, Result, text};
use crate::plan::Plan;
use crate::request::Envelope;
use crate::{DynamoDb, capacity, change, collection};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: PutItemInput) -> Result<PutItemOutput> {
    let wants_old = wants_old(input.return_values)?;
    let (_, condition) = AskedWrite::from(&input).parse(Envelope::Enveloped)?;
    input.item.size_check().map_err(|_| Error::invalid(text::ITEM_SIZE))?;
    let plan = Plan::put(db.table(cx, &input.table_name).await?, input.item, condition)?;

    let (units, size) = (input.return_consumed_capacity, input.return_item_collection_metrics);
    let outcome = change::commit(db, &plan, wants_old || capacity::is_told(units)).await?;
    outcome.tally.record(&cx.trace);
    Ok(PutItemOutput {
        attributes: outcome.old.filter(|_| wants_old).map(|old| old.item.clone()),
        consumed_capacity: outcome.tally.told(&plan.table, &input.table_name, units),
        item_collection_metrics: collection::metrics(&plan.table, plan.named(), outcome.collection, size),
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
