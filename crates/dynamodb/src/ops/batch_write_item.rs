//! BatchWriteItem. As a rule all of it is one commit, and so one wait for the disk; AWS promises less.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use api::dynamodb::{BatchWriteItemInput, BatchWriteItemOutput, DeleteRequest, PutRequest, WriteRequest};
use base::Cx;
use store::Entry;

use crate::capacity::Tally;
use crate::catalogue::refusal;
use crate::change::{Decisions, Outcome};
use crate::collection::Collections;
use crate::error::{Error, Result, text};
use crate::plan::Plan;
use crate::request::WriteCondition;
use crate::table::{KeyPart, Table};
use crate::{DynamoDb, capacity, change, collection};

const WRITES_MAX: usize = 25;
/// What one commit writes at most, index entries and images in the stream estimated.
const COMMIT_BYTES_MAX: usize = 32 << 20;

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: BatchWriteItemInput) -> Result<BatchWriteItemOutput> {
    if input.request_items.is_empty() {
        return Err(Error::invalid("The requestItems parameter is required for BatchWriteItem"));
    }
    if input.request_items.values().map(Vec::len).sum::<usize>() > WRITES_MAX {
        return Err(Error::invalid("Too many items requested for the BatchWriteItem call"));
    }
    let mut tables: Vec<(String, Arc<Table>, Range<usize>)> = Vec::new();
    let mut plans = Vec::new();
    for (name, requests) in input.request_items {
        let table = db.table(cx, &name).await?;
        let first = plans.len();
        for request in requests {
            plans.push(plan(&table, request)?);
        }
        tables.push((name, table, first..plans.len()));
    }
    let mut seen = HashSet::with_capacity(plans.len());
    if !plans.iter().all(|plan| seen.insert(&plan.key)) {
        return Err(Error::invalid(text::DUPLICATE_KEYS));
    }
    let outcomes = commit(db, &plans, capacity::is_told(input.return_consumed_capacity)).await?;
    let (mut consumed, mut metrics, mut unprocessed) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for (name, table, range) in tables {
        let mut tally = Tally::default();
        let (mut collections, mut left) = (Vec::new(), Vec::new());
        for (plan, outcome) in plans[range.clone()].iter().zip(&outcomes[range]) {
            let Ok(outcome) = outcome else {
                left.push(request_of(plan));
                continue;
            };
            tally.merge(&outcome.tally);
            let wanted = input.return_item_collection_metrics;
            if let Some(told) = collection::metrics(&table, plan.named(), outcome.collection, wanted) {
                collection::merge(&mut collections, told);
            }
        }
        consumed.extend(tally.told(&table, &name, input.return_consumed_capacity));
        if !left.is_empty() {
            unprocessed.insert(name.clone(), left);
        }
        if !collections.is_empty() {
            metrics.insert(name, collections);
        }
    }
    Ok(BatchWriteItemOutput {
        unprocessed_items: Some(unprocessed),
        item_collection_metrics: (!metrics.is_empty()).then_some(metrics),
        consumed_capacity: (!consumed.is_empty()).then_some(consumed),
    })
}

fn plan(table: &Arc<Table>, request: WriteRequest) -> Result<Plan> {
    match (request.put_request, request.delete_request) {
        (Some(put), None) => {
            // PutItem says more of it.
            let misfits =
                |part: &KeyPart| put.item.get(&part.name).is_some_and(|value| !part.kind.fits(value));
            if table.key.parts().any(misfits) {
                return Err(Error::invalid(text::KEY_SCHEMA));
            }
            put.item.size_check().map_err(|_| Error::invalid(text::ITEM_SIZE))?;
            Plan::put(table.clone(), put.item, WriteCondition::default())
        }
        (None, Some(delete)) => Plan::delete(table.clone(), delete.key, WriteCondition::default()),
        (Some(_), Some(_)) => Err(Error::invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported \
             datatypes",
        )),
        (None, None) => Err(Error::invalid(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        )),
    }
}

/// What asks for `plan` again.
fn request_of(plan: &Plan) -> WriteRequest {
    match plan.put_item() {
        Some(item) => {
            WriteRequest { put_request: Some(PutRequest { item: item.clone() }), delete_request: None }
        }
        None => {
            let key = plan.named().clone();
            WriteRequest { put_request: None, delete_request: Some(DeleteRequest { key }) }
        }
    }
}

/// One outcome a plan, or why it was throttled. Unless what they cost is `told`, the items are not looked at where that
/// can be. If all were, that refuses the request.
async fn commit(db: &DynamoDb, plans: &[Plan], told: bool) -> Result<Vec<Result<Outcome>>> {
    let now = db.clock.now();
    let mut outcomes = Vec::with_capacity(plans.len());
    let mut rest = plans;
    while !rest.is_empty() {
        let (part, following) = rest.split_at(fitting(rest));
        rest = following;
        if !told && change::commit_blind(db, part).await? {
            outcomes.resize_with(outcomes.len() + part.len(), || Ok(Outcome::default()));
            continue;
        }
        let collections = Collections::read(&db.store, part.iter()).await?;
        let keys = part.iter().map(|plan| plan.key.clone()).collect();
        let decide = |entries: &[Option<Entry>]| {
            let mut decisions = Decisions::new(now, &collections, db.admission());
            let mut outcomes = Vec::with_capacity(part.len());
            for (plan, entry) in part.iter().zip(entries) {
                outcomes.push(match decisions.decide(plan, entry.as_ref()) {
                    Err(error @ Error::Throttled(_)) => Err(error),
                    decided => Ok(decided?),
                });
            }
            let (batch, admission) = decisions.batch();
            Ok::<_, Error>((batch, (outcomes, admission)))
        };
        let ((decided, admission), _) = db.transact(keys, decide).await.map_err(refusal)?;
        admission.settle();
        outcomes.extend(decided);
    }
    match outcomes.pop() {
        Some(Err(error)) if outcomes.iter().all(Result::is_err) => Err(error),
        last => {
            outcomes.extend(last);
            Ok(outcomes)
        }
    }
}

/// How many of `plans` one commit takes: at least one.
fn fitting(plans: &[Plan]) -> usize {
    let mut bytes = 0;
    let beyond = plans.iter().position(|plan| {
        let copies = 3 + plan.table.indexes.len();
        bytes += copies * plan.named().size();
        bytes > COMMIT_BYTES_MAX
    });
    beyond.unwrap_or(plans.len()).max(1)
}
