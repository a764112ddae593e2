//! Transactions: many actions, all or none, and reads of many items as they were at one moment. Knows no request:
//! TransactWriteItems, TransactGetItems and ExecuteTransaction make [`Action`]s and [`Get`]s of theirs.
//!
//! To run writes: parse what needs no table (its faults refuse the whole request), make an [`Action`] of each with
//! [`Plan`]'s makers, [`gather`] them (what a table refuses is a reason for cancellation), then [`write`], and let
//! [`Applied`] tell the price. To read: [`gather`] [`Get`]s, then [`read`].
//!
//! An engine runs transactions as if one after the other, so `TransactionConflict` is rare: only a remote engine that
//! lost to others too often answers it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use api::dynamodb::{
    ConsumedCapacity, ItemCollectionMetrics, ReturnConsumedCapacity, ReturnItemCollectionMetrics,
};
use base::Cx;
use bytes::Bytes;
use expr::Projection;
use item::{Image, Item};
use store::{Entry, KvError, TransactError};

use crate::DynamoDb;
use crate::capacity::{Tally, Told, read_units};
use crate::catalogue::refusal;
use crate::change::{Decisions, Outcome};
use crate::collection::{self, Collections};
use crate::error::{Error, Result, text};
use crate::ops::get_item::{projected, stored};
use crate::plan::Plan;
use crate::table::Table;
use crate::throttle::{Admission, Way};
use crate::token::Token;

/// Items that a transaction holds at most, in bytes.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>
pub(crate) const BYTES_MAX: usize = 4 << 20;

/// One write or check.
#[derive(Debug)]
pub(crate) struct Action {
    /// The table as the request names it.
    pub(crate) name: String,
    pub(crate) plan: Plan,
}

/// One read.
#[derive(Debug)]
pub(crate) struct Get {
    /// The table as the request names it.
    pub(crate) name: String,
    pub(crate) table: Arc<Table>,
    pub(crate) key: Bytes,
    pub(crate) projection: Option<Projection>,
}

/// Why one action cancels its transaction, or that it does not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
    pub(crate) message: Option<String>,
    pub(crate) item: Option<Box<Item>>,
}

/// What a transaction did.
#[derive(Debug)]
pub(crate) enum Applied {
    /// The outcome of each action.
    Now(Vec<Outcome>),
    /// Its token came before: the read units of each action.
    Before(Vec<u32>),
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) items: Vec<Option<Image>>,
    pub(crate) consumed: Option<Vec<ConsumedCapacity>>,
}

/// What lies at one place: an action, or a get.
pub(crate) trait Aimed {
    fn key(&self) -> &Bytes;
}

impl Aimed for Action {
    fn key(&self) -> &Bytes {
        &self.plan.key
    }
}

impl Aimed for Get {
    fn key(&self) -> &Bytes {
        &self.key
    }
}

impl Reason {
    pub(crate) const NONE: Self = Self { code: "None", message: None, item: None };

    /// The reason that `error` of one action is; an error of the whole request is handed back.
    pub(crate) fn of(error: Error) -> Result<Self> {
        let message = Some(error.to_string());
        match error {
            Error::Validation(_) => Ok(Self { code: "ValidationError", message, item: None }),
            Error::ConditionFailed(item) => Ok(Self { code: "ConditionalCheckFailed", message, item }),
            Error::Throttled(throttled) => Ok(Self { code: throttled.reason_code(), message, item: None }),
            Error::DuplicateItem => Ok(Self { code: "DuplicateItem", message, item: None }),
            Error::NotFound(_) => Ok(Self { code: "ResourceNotFound", message, item: None }),
            Error::Conflict => Ok(Self { code: "TransactionConflict", message, item: None }),
            Error::CollectionSize => {
                Ok(Self { code: "ItemCollectionSizeLimitExceeded", message, item: None })
            }
            error => Err(error),
        }
    }
}

/// The message of a TransactionCanceledException.
pub(crate) fn summary(reasons: &[Reason]) -> String {
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code).collect();
    format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    )
}

/// The table of each action, as the request names them.
pub(crate) async fn tables(
    db: &DynamoDb,
    cx: &Cx,
    names: impl Iterator<Item = &str>,
) -> Result<Vec<Arc<Table>>> {
    let mut tables = Vec::new();
    for name in names {
        tables.push(db.table(cx, name).await?);
    }
    Ok(tables)
}

/// Takes the actions that their tables were asked about. The first that was refused cancels the transaction, as the
/// only one with a reason; but two actions on one item, a missing table and an empty key refuse the whole request.
pub(crate) fn gather<T: Aimed>(planned: impl Iterator<Item = Result<T>>) -> Result<Vec<T>> {
    let mut actions = Vec::new();
    let mut refused = None;
    let mut count = 0;
    for planned in planned {
        match planned {
            Ok(action) => actions.push(action),
            Err(error @ Error::Validation(_)) => refused = refused.or(Some((count, error))),
            Err(error) => return Err(error),
        }
        count += 1;
    }
    let mut seen = HashSet::with_capacity(actions.len());
    if !actions.iter().all(|action| seen.insert(action.key())) {
        return Err(Error::invalid("Transaction request cannot include multiple operations on one item"));
    }
    let Some((at, error)) = refused else { return Ok(actions) };
    let mut reasons = vec![Reason::NONE; count];
    reasons[at] = Reason::of(error)?;
    Err(Error::Cancelled(reasons))
}

/// Commits all of `actions` or none. With a token it does so once, however often it is asked.
pub(crate) async fn write(db: &DynamoDb, actions: &[Action], token: Option<&Token>) -> Result<Applied> {
    let now = db.clock.now();
    let collections = Collections::read(&db.store, actions.iter().map(|action| &action.plan)).await?;
    let mut keys: Vec<Bytes> = actions.iter().map(|action| action.plan.key.clone()).collect();
    keys.extend(token.iter().flat_map(|token| token.keys()).cloned());
    let whole = |entries: &[Option<Entry>]| {
        let (items, tokens) = entries.split_at(actions.len());
        if let Some(units) = token.map(|token| token.done(tokens)).transpose()?.flatten() {
            return Ok((store::Batch::new(), (Applied::Before(units), db.admission())));
        }
        let mut decisions = Decisions::new(now, &collections, db.admission().of_transaction());
        let outcomes = decide(&mut decisions, actions, items)?;
        let (batch, admission) = decisions.batch();
        let batch = match token {
            Some(token) => token.keep(batch, outcomes.iter().map(read_units_of).collect()),
            None => batch,
        };
        Ok((batch, (Applied::Now(outcomes), admission)))
    };
    match db.transact(keys, whole).await {
        Ok(((applied, admission), _)) => {
            admission.settle();
            Ok(applied)
        }
        // Few actions on large items of many indexes: more than AWS takes, and more than an engine does.
        Err(TransactError::Store(KvError::TooLarge { .. })) => Err(Error::invalid(text::TRANSACTION_SIZE)),
        // Which of the items others write is not known.
        Err(TransactError::Refused(Error::Conflict)) => {
            Err(Error::Cancelled(vec![Reason::of(Error::Conflict)?; actions.len()]))
        }
        Err(error) => Err(refusal(error)),
    }
}

/// Refuses reads of tables that have no capacity left.
fn admit(admission: &Admission<'_>, gets: &[Get]) -> Result<()> {
    let mut reasons = Vec::with_capacity(gets.len());
    for get in gets {
        reasons.push(match admission.check(&get.table, None, Way::Read) {
            Ok(()) => Reason::NONE,
            Err(error) => Reason::of(error)?,
        });
    }
    if reasons.iter().all(|reason| *reason == Reason::NONE) { Ok(()) } else { Err(Error::Cancelled(reasons)) }
}

fn decide(
    decisions: &mut Decisions<'_>,
    actions: &[Action],
    items: &[Option<Entry>],
) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(actions.len());
    let mut reasons = Vec::new();
    for (at, (action, entry)) in actions.iter().zip(items).enumerate() {
        match decisions.decide(&action.plan, entry.as_ref()) {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => {
                reasons.resize(at, Reason::NONE);
                reasons.push(Reason::of(error)?);
            }
        }
    }
    if reasons.is_empty() {
        return Ok(outcomes);
    }
    reasons.resize(actions.len(), Reason::NONE);
    Err(Error::Cancelled(reasons))
}

/// What reading the item of a committed action costs in a transaction: the price of the same request again.
fn read_units_of(outcome: &Outcome) -> u32 {
    let bytes = outcome.new.as_ref().map_or(0, |new| new.item.size());
    read_units(bytes, true) as u32 * 2
}

impl Applied {
    /// What the transaction cost: writes the first time, reads when it is asked for again.
    pub(crate) fn consumed(
        &self,
        actions: &[Action],
        wanted: Option<ReturnConsumedCapacity>,
    ) -> Option<Vec<ConsumedCapacity>> {
        let tables = actions.iter().map(|action| (&action.plan.table, action.name.as_str()));
        match self {
            Self::Now(outcomes) => {
                let tallies = outcomes.iter().zip(actions);
                let tallies = tallies.map(|(outcome, action)| outcome.tally.doubled(&action.plan.table));
                consumed(tables.zip(tallies), Told::Writes, wanted)
            }
            Self::Before(units) => {
                let tallies = units.iter().map(|units| Tally::of_table(f64::from(*units)));
                consumed(tables.zip(tallies), Told::Reads, wanted)
            }
        }
    }

    /// The item collections that were written to.
    pub(crate) fn metrics(
        &self,
        actions: &[Action],
        wanted: Option<ReturnItemCollectionMetrics>,
    ) -> Option<BTreeMap<String, Vec<ItemCollectionMetrics>>> {
        let Self::Now(outcomes) = self else { return None };
        let mut tables: BTreeMap<String, Vec<ItemCollectionMetrics>> = BTreeMap::new();
        for (action, outcome) in actions.iter().zip(outcomes).filter(|(action, _)| !action.plan.is_check()) {
            let plan = &action.plan;
            if let Some(told) = collection::metrics(&plan.table, plan.named(), outcome.collection, wanted) {
                collection::merge(tables.entry(action.name.clone()).or_default(), told);
            }
        }
        (!tables.is_empty()).then_some(tables)
    }
}

/// One element a table, in the order in which the tables were named first.
fn consumed<'t>(
    parts: impl Iterator<Item = ((&'t Arc<Table>, &'t str), Tally)>,
    told: Told,
    wanted: Option<ReturnConsumedCapacity>,
) -> Option<Vec<ConsumedCapacity>> {
    let mut tables: Vec<((&Arc<Table>, &str), Tally)> = Vec::new();
    for (table, tally) in parts {
        match tables.iter_mut().find(|((known, _), _)| known.id == table.0.id) {
            Some((_, sum)) => sum.merge(&tally),
            None => tables.push((table, tally)),
        }
    }
    let consumed: Vec<_> =
        tables.iter().filter_map(|((table, name), tally)| tally.told_as(told, table, name, wanted)).collect();
    (!consumed.is_empty()).then_some(consumed)
}

/// Reads all of `gets` as they were at one moment.
pub(crate) async fn read(
    db: &DynamoDb,
    gets: &[Get],
    wanted: Option<ReturnConsumedCapacity>,
) -> Result<Found> {
    let keys: Vec<Bytes> = gets.iter().map(|get| get.key.clone()).collect();
    let admission = db.admission().of_transaction();
    admit(&admission, gets)?;
    let entries = db.store.multi_get(&keys).await?;
    let mut items = Vec::with_capacity(gets.len());
    let mut tallies = Vec::with_capacity(gets.len());
    let mut bytes = 0;
    for (get, entry) in gets.iter().zip(entries) {
        let image = entry.map(|entry| stored(entry.value)).transpose()?;
        let size = image.as_ref().map_or(0, Image::size);
        bytes += size;
        let tally = Tally::of_table(read_units(size, true));
        admission.charge(&get.table, Way::Read, &tally);
        tallies.push(tally.doubled(&get.table));
        items.push(image.map(|image| projected(image, get.projection.as_ref())).transpose()?);
    }
    if bytes > BYTES_MAX {
        return Err(Error::invalid(text::TRANSACTION_SIZE));
    }
    let tables = gets.iter().map(|get| (&get.table, get.name.as_str()));
    Ok(Found { items, consumed: consumed(tables.zip(tallies), Told::Reads, wanted) })
}
