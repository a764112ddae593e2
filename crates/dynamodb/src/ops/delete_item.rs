//! DeleteItem.

use api::dynamodb::{DeleteItemInput, DeleteItemOutput};
use base::Cx;

use crate::asked::AskedWrite;
use crate::error::Result;
use crate::ops::put_item::wants_old;
use crate::plan::Plan;
use crate::request::Envelope;
use crate::{DynamoDb, capacity, change, collection};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: DeleteItemInput) -> Result<DeleteItemOutput> {
    let wants_old = wants_old(input.return_values)?;
    let (_, condition) = AskedWrite::from(&input).parse(Envelope::Enveloped)?;
    let plan = Plan::delete(db.table(cx, &input.table_name).await?, input.key, condition)?;

    let (units, size) = (input.return_consumed_capacity, input.return_item_collection_metrics);
    let outcome = change::commit(db, &plan, wants_old || capacity::is_told(units)).await?;
    outcome.tally.record(&cx.trace);
    Ok(DeleteItemOutput {
        attributes: outcome.old.filter(|_| wants_old).map(|old| old.item.clone()),
        consumed_capacity: outcome.tally.told(&plan.table, &input.table_name, units),
        item_collection_metrics: collection::metrics(&plan.table, plan.named(), outcome.collection, size),
    })
}
