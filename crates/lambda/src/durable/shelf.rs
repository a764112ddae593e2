//! Durable executions in the store, and those that run in memory. Knows no function and no event.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base::Scope;
use bytes::Bytes;
use store::{Batch, Expect, KvError, Store};
use tokio::sync::watch;

use super::history::EventRecord;
use super::operation::Operation;
use super::state::{Changes, ExecutionRecord, State};
use crate::keys;

type Name = (Scope, String);

/// One execution in memory.
#[derive(Debug)]
pub(crate) struct Execution {
    pub(crate) scope: Scope,
    pub(crate) name: String,
    pub(crate) state: tokio::sync::Mutex<Current>,
    /// Counts its changes.
    pub(super) changed: watch::Sender<u64>,
}

/// What is kept of it, and what is known only while it runs.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) state: State,
    /// With which the running invocation tells of its progress next.
    pub(crate) token: Option<String>,
    /// The last checkpoint's own token, the checkpoint token it was sent with, and that which it was answered with.
    pub(super) last: Option<(String, String, String)>,
    /// A change could not be kept: what is in memory is not what is in the store.
    pub(super) lost: bool,
}

#[derive(Debug)]
pub(crate) struct Shelf {
    store: Store,
    open: Mutex<HashMap<Name, Arc<Execution>>>,
}

impl Shelf {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, open: Mutex::default() }
    }

    /// Keeps a new execution, unless one has its name.
    pub(super) async fn create(
        &self,
        scope: &Scope,
        state: State,
        changes: &Changes,
    ) -> Result<Option<Arc<Execution>>, KvError> {
        let name = state.record.name.clone();
        let key = keys::execution(scope, &name);
        let batch = batch(scope, &state, changes).expect(key, Expect::Absent);
        match self.store.commit(batch).await {
            Ok(_) => Ok(Some(self.show(scope, name, state))),
            Err(KvError::Conflict(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The execution of this name.
    pub(crate) async fn find(&self, scope: &Scope, name: &str) -> Result<Option<Arc<Execution>>, KvError> {
        if let Some(execution) = self.lock().get(&(scope.clone(), name.to_owned())) {
            return Ok(Some(Arc::clone(execution)));
        }
        let Some(entry) = self.store.get(&keys::execution(scope, name)).await? else { return Ok(None) };
        let record: ExecutionRecord = decode(&entry.value)?;
        let rows = self.store.rows(keys::execution_operations(scope, name)).await?;
        let operations =
            rows.iter().map(|(_, value)| decode(value)).collect::<Result<Vec<Operation>, _>>()?;
        if operations.is_empty() {
            return Err(KvError::Damaged(format!("the durable execution {name} has no operations")));
        }
        Ok(Some(self.show(scope, name.to_owned(), State::restored(record, operations))))
    }

    /// One that runs is known to all who look for it from now on; the first to bring it wins.
    fn show(&self, scope: &Scope, name: String, state: State) -> Arc<Execution> {
        let runs = !state.is_over();
        let current = Current { state, token: None, last: None, lost: false };
        let execution = Arc::new(Execution {
            scope: scope.clone(),
            name: name.clone(),
            state: tokio::sync::Mutex::new(current),
            changed: watch::Sender::new(0),
        });
        if !runs {
            return execution;
        }
        Arc::clone(self.lock().entry((scope.clone(), name)).or_insert(execution))
    }

    /// Makes `changes` durable, then tells who waits. What cannot be kept is read from the store again by the next who
    /// asks for it.
    pub(crate) async fn keep(
        &self,
        execution: &Execution,
        current: &mut Current,
        changes: &Changes,
    ) -> Result<(), KvError> {
        let kept = self.store.commit(batch(&execution.scope, &current.state, changes)).await;
        current.lost = kept.is_err();
        if current.lost || current.state.is_over() {
            self.lock().remove(&(execution.scope.clone(), execution.name.clone()));
        }
        execution.changed.send_modify(|count| *count += 1);
        kept.map(drop)
    }

    /// All events, oldest first.
    pub(crate) async fn history(&self, scope: &Scope, name: &str) -> Result<Vec<EventRecord>, KvError> {
        let rows = self.store.rows(keys::execution_events(scope, name)).await?;
        rows.iter().map(|(_, value)| decode(value)).collect()
    }

    /// All executions, with where they are.
    pub(crate) async fn all(&self) -> Result<Vec<(Scope, ExecutionRecord)>, KvError> {
        let rows = self.store.rows(keys::executions()).await?;
        rows.iter()
            .filter_map(|(key, value)| Some((keys::parse_scoped(key)?.0, value)))
            .map(|(scope, value)| Ok((scope, decode(value)?)))
            .collect()
    }

    pub(crate) async fn remove(&self, scope: &Scope, name: &str) -> Result<(), KvError> {
        let mut batch = Batch::new().delete(keys::execution(scope, name));
        for range in [keys::execution_operations(scope, name), keys::execution_events(scope, name)] {
            for (key, _) in self.store.rows(range).await? {
                batch = batch.delete(key);
            }
        }
        self.store.commit(batch).await.map(drop)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Name, Arc<Execution>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn batch(scope: &Scope, state: &State, changes: &Changes) -> Batch {
    let name = &state.record.name;
    let mut batch = Batch::new().put(keys::execution(scope, name), encode(&state.record));
    for &place in &changes.operations {
        let operation = &state.operations[place];
        batch = batch.put(keys::execution_operation(scope, name, operation.place), encode(operation));
    }
    for event in &changes.events {
        batch = batch.put(keys::execution_event(scope, name, event.number), encode(event));
    }
    batch
}

fn encode<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to a Vec does not fail")
}

fn decode<'a, T: minicbor::Decode<'a, ()>>(value: &'a Bytes) -> Result<T, KvError> {
    minicbor::decode(value).map_err(|error| KvError::Damaged(format!("a durable execution: {error}")))
}
