//! A decided write, and several of them as one database transaction: which rows are checked, claimed, put, deleted and
//! added to. Pure; knows no connection.

use std::collections::{HashMap, VecDeque, hash_map::Entry as Slot};

use bytes::Bytes;
use kv::{Batch, Entry, Expect, KvError, Mutation, Seq};
use tokio::sync::oneshot;

use crate::{
    failure::Failure,
    key::{SHORT_MAX, StoredKey},
    reader::stored_seq,
};

/// The last byte of a sequence tells the jobs of one database transaction apart.
const JOBS_MAX: usize = 256;
/// A transaction beyond this is not made larger.
const GROUP_BYTES_MAX: usize = 4 << 20;
/// Jobs that a connection looks at for its next transaction.
const LOOKED_AT_MAX: usize = 1_024;

/// What happens to one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Put(Bytes),
    Delete,
    Add(i64),
}

/// What must be found there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    Version(Seq),
    Absent,
}

#[derive(Debug, Clone, Default)]
struct Touch {
    rest: Option<Bytes>,
    guard: Option<Guard>,
    change: Option<Change>,
}

#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) prefix: Bytes,
    pub(crate) suffix: Bytes,
    pub(crate) value: Bytes,
}

#[derive(Debug)]
pub(crate) struct Job {
    touches: HashMap<Bytes, Touch>,
    appends: Vec<Append>,
    bytes: usize,
    done: oneshot::Sender<Result<Seq, Failure>>,
}

pub(crate) type Done = oneshot::Receiver<Result<Seq, Failure>>;

impl Job {
    /// A batch, guarded by its own expectations and by the rows `seen` that it was decided on.
    pub(crate) fn new<'a>(
        batch: Batch,
        seen: impl Iterator<Item = (&'a Bytes, Option<&'a Entry>)>,
    ) -> Result<(Self, Done), KvError> {
        let (done, told) = oneshot::channel();
        let bytes = batch.bytes();
        let mut job = Self { touches: HashMap::new(), appends: Vec::new(), bytes, done };
        for (key, expect) in &batch.expects {
            let guard = match expect {
                Expect::Version(seq) => Guard::Version(*seq),
                Expect::Absent => Guard::Absent,
            };
            // Two that contradict each other cannot both hold; the second contradicts what is found.
            let touch = job.touch(key);
            if touch.guard.is_some_and(|other| other != guard) {
                touch.guard = Some(Guard::Version(0));
            } else {
                touch.guard = Some(guard);
            }
        }
        for (key, entry) in seen {
            let guard = entry.map_or(Guard::Absent, |entry| Guard::Version(entry.version));
            let touch = job.touch(key);
            touch.guard.get_or_insert(guard);
        }
        for mutation in batch.mutations {
            job.mutate(mutation)?;
        }
        Ok((job, told))
    }

    fn touch(&mut self, key: &Bytes) -> &mut Touch {
        let stored = StoredKey::of(key);
        let touch = self.touches.entry(stored.key).or_default();
        touch.rest = stored.rest;
        touch
    }

    fn mutate(&mut self, mutation: Mutation) -> Result<(), KvError> {
        let (key, change) = match mutation {
            Mutation::Put { key, value } => (key, Change::Put(value)),
            Mutation::Delete { key } => (key, Change::Delete),
            Mutation::Append { prefix, suffix, value } => {
                let bytes = prefix.len() + size_of::<Seq>() + suffix.len();
                if bytes > SHORT_MAX {
                    return Err(KvError::TooLarge { what: "an appended key", bytes, bytes_max: SHORT_MAX });
                }
                self.appends.push(Append { prefix, suffix, value });
                return Ok(());
            }
            Mutation::Add { key, delta } => {
                let sum = match &self.touch(&key).change {
                    None => Change::Add(delta),
                    Some(Change::Add(before)) => Change::Add(before.wrapping_add(delta)),
                    Some(Change::Delete) => Change::Put(number(delta)),
                    Some(Change::Put(value)) => {
                        let raw = value
                            .as_ref()
                            .try_into()
                            .map_err(|_| KvError::NotACounter { key: key.clone() })?;
                        Change::Put(number(i64::from_le_bytes(raw).wrapping_add(delta)))
                    }
                };
                (key, sum)
            }
        };
        self.touch(&key).change = Some(change);
        Ok(())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The keys that are changed, as stored; appended ones without their sequence.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &Bytes> {
        let rows = self.touches.iter().filter(|(_, touch)| touch.change.is_some()).map(|(key, _)| key);
        rows.chain(self.appends.iter().map(|append| &append.prefix))
    }

    /// The caller may have gone away; the write stands all the same.
    pub(crate) fn finish(self, result: Result<Seq, Failure>) {
        let _ = self.done.send(result);
    }
}

pub(crate) fn number(number: i64) -> Bytes {
    Bytes::copy_from_slice(&number.to_le_bytes())
}

/// Jobs of one database transaction. No guarded row of one is touched by another.
#[derive(Debug, Default)]
pub(crate) struct Group {
    jobs: Vec<Job>,
    /// Rows touched, and whether under a guard.
    touched: HashMap<Bytes, bool>,
    bytes: usize,
}

impl Group {
    /// Takes from what waits all that goes together, in order.
    pub(crate) fn choose(waiting: &mut VecDeque<Job>) -> Self {
        let mut group = Self::default();
        let mut left = VecDeque::new();
        for _ in 0..waiting.len().min(LOOKED_AT_MAX) {
            let Some(job) = waiting.pop_front() else { break };
            if group.admits(&job) {
                group.add(job);
            } else {
                left.push_back(job);
            }
            if group.jobs.len() == JOBS_MAX || group.bytes >= GROUP_BYTES_MAX {
                break;
            }
        }
        while let Some(job) = left.pop_back() {
            waiting.push_front(job);
        }
        group
    }

    pub(crate) fn alone(job: Job) -> Self {
        let mut group = Self::default();
        group.add(job);
        group
    }

    fn admits(&self, job: &Job) -> bool {
        let fits = self.jobs.is_empty() || self.bytes + job.bytes <= GROUP_BYTES_MAX;
        let apart = |(key, touch): (&Bytes, &Touch)| match self.touched.get(key) {
            None => true,
            // The last of two blind changes wins; only sums with sums are added up.
            Some(is_guarded) => !is_guarded && touch.guard.is_none() && self.goes_over(key, touch),
        };
        fits && job.touches.iter().all(apart)
    }

    fn goes_over(&self, key: &Bytes, touch: &Touch) -> bool {
        let added = matches!(touch.change, Some(Change::Add(_)));
        let before = self.jobs.iter().rev().find_map(|job| job.touches.get(key));
        !added || matches!(before.and_then(|before| before.change.as_ref()), Some(Change::Add(_)))
    }

    fn add(&mut self, job: Job) {
        for (key, touch) in &job.touches {
            self.touched.insert(key.clone(), touch.guard.is_some());
        }
        self.bytes += job.bytes;
        self.jobs.push(job);
    }

    pub(crate) fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    pub(crate) fn into_jobs(self) -> Vec<Job> {
        self.jobs
    }

    /// What the statements take.
    pub(crate) fn plan(&self) -> Plan<'_> {
        let mut rows: HashMap<&[u8], (Touch, i64)> = HashMap::with_capacity(self.touched.len());
        let mut plan = Plan::default();
        for (slot, job) in (0_i64..).zip(&self.jobs) {
            for (key, touch) in &job.touches {
                match rows.entry(key) {
                    Slot::Vacant(place) => {
                        place.insert((touch.clone(), slot));
                    }
                    Slot::Occupied(mut place) => place.get_mut().follow(touch, slot),
                }
            }
            for append in &job.appends {
                plan.puts.append(append, slot);
            }
        }
        for (key, (touch, slot)) in rows {
            plan.touch(key, touch, slot);
        }
        plan
    }
}

/// A later blind change over an earlier one.
trait Follow {
    fn follow(&mut self, later: &Touch, slot: i64);
}

impl Follow for (Touch, i64) {
    fn follow(&mut self, later: &Touch, slot: i64) {
        self.1 = slot;
        self.0.change = match (self.0.change.take(), later.change.clone()) {
            (Some(Change::Add(before)), Some(Change::Add(delta))) => {
                Some(Change::Add(before.wrapping_add(delta)))
            }
            (before, None) => before,
            (_, later) => later,
        };
    }
}

/// Columns of rows to write.
#[derive(Debug, Default)]
pub(crate) struct Rows<'a> {
    pub(crate) keys: Vec<&'a [u8]>,
    pub(crate) suffixes: Vec<Option<&'a [u8]>>,
    pub(crate) values: Vec<Bytes>,
    pub(crate) slots: Vec<i64>,
    pub(crate) rests: Vec<Option<Bytes>>,
}

impl<'a> Rows<'a> {
    fn push(&mut self, key: &'a [u8], value: Bytes, slot: i64, rest: Option<Bytes>) {
        self.keys.push(key);
        self.suffixes.push(None);
        self.values.push(value);
        self.slots.push(slot);
        self.rests.push(rest);
    }

    fn append(&mut self, Append { prefix, suffix, value }: &'a Append, slot: i64) {
        self.push(prefix, value.clone(), slot, None);
        if let Some(last) = self.suffixes.last_mut() {
            *last = Some(suffix);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// The parameters of a transaction's statements, in the order in which they run.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    pub(crate) guarded: Vec<&'a [u8]>,
    pub(crate) versions: Vec<i64>,
    /// Rows that must be new: their insert fails when they are not.
    pub(crate) claims: Rows<'a>,
    pub(crate) puts: Rows<'a>,
    /// Among them claims of rows that are only expected to be absent.
    pub(crate) deletes: Vec<&'a [u8]>,
    pub(crate) adds: Rows<'a>,
}

impl<'a> Plan<'a> {
    fn touch(&mut self, key: &'a [u8], touch: Touch, slot: i64) {
        let Touch { rest, guard, change } = touch;
        match (guard, change) {
            (Some(Guard::Absent), Some(Change::Put(value))) => self.claims.push(key, value, slot, rest),
            (Some(Guard::Absent), Some(Change::Add(delta))) => {
                self.claims.push(key, number(delta), slot, rest);
            }
            (Some(Guard::Absent), Some(Change::Delete) | None) => {
                self.claims.push(key, Bytes::new(), slot, rest);
                self.deletes.push(key);
            }
            (guard, change) => {
                if let Some(Guard::Version(seq)) = guard {
                    self.guarded.push(key);
                    self.versions.push(stored_seq(seq));
                }
                match change {
                    Some(Change::Put(value)) => self.puts.push(key, value, slot, rest),
                    Some(Change::Delete) => self.deletes.push(key),
                    Some(Change::Add(delta)) => self.adds.push(key, number(delta), slot, rest),
                    None => {}
                }
            }
        }
    }

    /// One statement does it all.
    pub(crate) fn only_puts(&self) -> bool {
        self.guarded.is_empty()
            && self.claims.is_empty()
            && self.deletes.is_empty()
            && self.adds.is_empty()
            && !self.puts.is_empty()
    }
}
