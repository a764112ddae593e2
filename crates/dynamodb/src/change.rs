//! Committing planned writes: read the items, let the plans decide, write them with their index entries and stream
//! records, as one transaction. Knows no operation.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use store::{Batch, Entry, KvError, Mutation, Seq, TransactError};

use crate::DynamoDb;
use crate::capacity::{Tally, write_units};
use crate::catalogue::refusal;
use crate::collection::Collections;
use crate::error::{Error, Result};
use crate::layout;
use crate::plan::Plan;
use crate::record::Kept;
use crate::table::Table;
use crate::throttle::{Admission, Way};
use crate::write::Change;

/// A write that is committed.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) old: Option<Arc<Kept>>,
    pub(crate) new: Option<Arc<Kept>>,
    pub(crate) tally: Tally,
    /// The size of its item collection, of a table with local indexes.
    pub(crate) collection: i64,
}

/// Writes that are decided and not yet committed.
#[derive(Debug)]
pub(crate) struct Decisions<'a> {
    pub(crate) mutations: Vec<Mutation>,
    collections: Collections,
    admission: Admission<'a>,
    now: Timestamp,
    /// Tells the changes of one commit apart.
    ordinal: u8,
}

/// Commits one write. Unless its outcome is `told`, it is committed without a look at the item where that can be.
pub(crate) async fn commit(db: &DynamoDb, plan: &Plan, told: bool) -> Result<Outcome> {
    if !told && commit_blind(db, std::slice::from_ref(plan)).await? {
        return Ok(Outcome::default());
    }
    let now = db.clock.now();
    let collections = Collections::read(&db.store, std::iter::once(plan)).await?;
    let whole = |entries: &[Option<Entry>]| {
        let mut decisions = Decisions::new(now, &collections, db.admission());
        let outcome = decisions.decide(plan, entries[0].as_ref())?;
        let (batch, admission) = decisions.batch();
        Ok::<_, Error>((batch, (outcome, admission)))
    };
    let ((outcome, admission), _) = db.transact(vec![plan.key.clone()], whole).await.map_err(refusal)?;
    admission.settle();
    Ok(outcome)
}

/// Commits writes of different items without a look at what is there, if all of them can be; else does nothing and
/// says so.
pub(crate) async fn commit_blind(db: &DynamoDb, plans: &[Plan]) -> Result<bool> {
    // What a write costs depends on what it replaces.
    if db.throttle.is_some() {
        return Ok(false);
    }
    let mut batch = Batch::new();
    for plan in plans {
        let key = plan.key.clone();
        batch = match plan.blind() {
            Some(Some(bytes)) => batch.put(key, bytes.clone()),
            Some(None) => batch.delete(key),
            None => return Ok(false),
        };
    }
    let mut confirmed: Option<&Arc<Table>> = None;
    for plan in plans {
        if confirmed.is_none_or(|table| !Arc::ptr_eq(table, &plan.table)) {
            db.catalogue.confirm(&plan.table).await?;
            confirmed = Some(&plan.table);
        }
    }
    db.store.commit(batch).await?;
    Ok(true)
}

/// How often a write looks at the catalogue before it is refused: a machine under load may take longer than a lease.
const LOOKS_MAX: usize = 3;

impl DynamoDb {
    /// A transaction on items; a conflict if others were faster for too long. A node that was slow to look at the
    /// catalogue does so, and tries again.
    pub(crate) async fn transact<T, F>(
        &self,
        keys: Vec<Bytes>,
        mut decide: F,
    ) -> Result<(T, Seq), TransactError<Error>>
    where
        T: Send,
        F: FnMut(&[Option<Entry>]) -> Result<(Batch, T)> + Send,
    {
        if !self.catalogue.is_shared() {
            return self.store.transact(keys, decide).await;
        }
        for _ in 0..LOOKS_MAX {
            match self.store.transact(keys.clone(), &mut decide).await {
                Err(TransactError::Refused(Error::Outdated)) => {
                    self.catalogue.look().await.map_err(TransactError::Refused)?;
                }
                Err(TransactError::Store(KvError::Contended)) => {
                    return Err(TransactError::Refused(Error::Conflict));
                }
                done => return done,
            }
        }
        Err(TransactError::Refused(Error::Outdated))
    }
}

impl<'a> Decisions<'a> {
    /// `collections`: as they were read for these writes.
    pub(crate) fn new(now: Timestamp, collections: &Collections, admission: Admission<'a>) -> Self {
        Self { mutations: Vec::new(), collections: collections.clone(), admission, now, ordinal: 0 }
    }

    /// Lets `plan` decide about the stored item `entry`.
    pub(crate) fn decide(&mut self, plan: &Plan, entry: Option<&Entry>) -> Result<Outcome> {
        let table = &plan.table;
        let old = entry.map(|entry| Kept::stored(&entry.value)).transpose()?.map(Arc::new);
        self.admission.check(table, None, Way::Write)?;
        let new = plan.decide(old.as_ref()).inspect_err(|error| self.charge_failed(plan, &old, error))?;
        let change = Change {
            key: &plan.key,
            old: old.as_deref(),
            new: new.as_deref(),
            now: self.now,
            ordinal: self.ordinal,
        };
        let effects = change.effects(table)?;
        self.admission.write(table, &effects.tally)?;
        let mut collection = 0;
        if table.has_locals()
            && let Some(key) = layout::collection(table, plan.named())
        {
            collection = self.collections.grow(&key, effects.growth)?;
        }
        self.mutations.extend(effects.mutations);
        self.ordinal = self.ordinal.saturating_add(1);
        Ok(Outcome { old, new, tally: effects.tally, collection })
    }

    /// A condition that does not hold costs as if the item were written that is there.
    fn charge_failed(&self, plan: &Plan, old: &Option<Arc<Kept>>, error: &Error) {
        if let Error::ConditionFailed(_) | Error::DuplicateItem = error {
            let size = old.as_ref().map_or(0, |old| old.item.size());
            self.admission.charge(&plan.table, Way::Write, &Tally::of_table(write_units(size)));
        }
    }

    /// What is to be committed, and what then is to be settled.
    pub(crate) fn batch(self) -> (Batch, Admission<'a>) {
        (Batch { expects: Vec::new(), mutations: self.mutations }, self.admission)
    }
}
