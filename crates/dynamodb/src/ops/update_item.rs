//! UpdateItem.

use std::sync::Arc;

use api::dynamodb::{ReturnValue, UpdateItemInput, UpdateItemOutput};
use base::Cx;
use expr::Update;
use item::Item;

use crate::asked::AskedWrite;
use crate::change::Outcome;
use crate::error::Result;
use crate::plan::{Plan, Surface};
use crate::record::Kept;
use crate::request::Envelope;
use crate::{DynamoDb, change, collection};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: UpdateItemInput) -> Result<UpdateItemOutput> {
    let (update, condition) = AskedWrite::from(&input).parse(Envelope::Enveloped)?;
    let surface = if input.attribute_updates.is_some() { Surface::Parameters } else { Surface::Expression };
    let plan = Plan::update(db.table(cx, &input.table_name).await?, input.key, (update, surface), condition)?;

    let outcome = change::commit(db, &plan, true).await?;
    let (units, size) = (input.return_consumed_capacity, input.return_item_collection_metrics);
    outcome.tally.record(&cx.trace);
    Ok(UpdateItemOutput {
        attributes: attributes(&outcome, plan.updates(), input.return_values),
        consumed_capacity: outcome.tally.told(&plan.table, &input.table_name, units),
        item_collection_metrics: collection::metrics(&plan.table, plan.named(), outcome.collection, size),
    })
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
