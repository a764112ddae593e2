//! Asynchronous invocations: accepted once they are durable, run by a worker, tried again after failures.
//! At least once: an event leaves the store only after its function ran. Knows no request.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Clock, RequestId, Scope, Timestamp, Trace};
use bytes::Bytes;
use minicbor::{Decode, Encode};
use ports::{InvokeError, InvokeReply};
use store::{Batch, KeyRange, KvError, ScanOptions, Store};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::keys;

/// Waits before the second and third attempt, as on AWS.
const RETRY_AFTER: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];
/// A throttled event waits twice as long each time, between these.
const THROTTLE_FIRST: Duration = Duration::from_secs(1);
const THROTTLE_LAST: Duration = Duration::from_secs(300);
/// AWS's default MaximumEventAgeInSeconds.
const AGE_MAX: Duration = Duration::from_secs(6 * 3600);
/// Events run at a time; the account's concurrency is the other bound.
const RUNNING_MAX: usize = 256;
/// Events waiting; further ones are throttled.
const WAITING_MAX: usize = 1_000_000;

/// An accepted event.
#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct Event {
    #[n(0)]
    account: String,
    #[n(1)]
    region: String,
    /// Name and, if there is one, qualifier.
    #[n(2)]
    function: String,
    #[cbor(n(3), with = "minicbor::bytes")]
    payload: Vec<u8>,
    #[cbor(n(4), with = "minicbor::bytes")]
    request_id: [u8; 16],
    #[n(5)]
    trace: String,
    #[n(6)]
    accepted_ms: i64,
    /// Failures of the function so far.
    #[n(7)]
    failures: u32,
    #[n(8)]
    throttles: u32,
    #[n(9)]
    client_context: Option<String>,
}

/// What an event asks to run.
#[derive(Debug)]
pub(crate) struct EventCall {
    pub(crate) scope: Scope,
    pub(crate) function: String,
    pub(crate) payload: Bytes,
    pub(crate) request_id: RequestId,
    pub(crate) trace: Trace,
    pub(crate) client_context: Option<String>,
}

impl EventCall {
    fn into_event(self, now: Timestamp) -> Event {
        Event {
            account: self.scope.account.to_string(),
            region: self.scope.region.to_string(),
            function: self.function,
            payload: self.payload.to_vec(),
            request_id: self.request_id.0.to_be_bytes(),
            trace: self.trace.0.to_string(),
            accepted_ms: now.0,
            failures: 0,
            throttles: 0,
            client_context: self.client_context,
        }
    }
}

impl Event {
    fn call(&self) -> Option<EventCall> {
        let scope = Scope { account: self.account.parse().ok()?, region: base::Region::new(&self.region) };
        Some(EventCall {
            scope,
            function: self.function.clone(),
            payload: self.payload.clone().into(),
            request_id: RequestId(u128::from_be_bytes(self.request_id)),
            trace: Trace(self.trace.as_str().into()),
            client_context: self.client_context.clone(),
        })
    }

    /// What becomes of the event after an attempt.
    fn after(mut self, result: &Result<InvokeReply, InvokeError>, now: Timestamp) -> Next {
        let wait = match result {
            Ok(reply) if reply.function_error.is_none() => return Next::Done,
            Err(InvokeError::Throttled(_)) => {
                let wait = THROTTLE_FIRST.saturating_mul(1 << self.throttles.min(16)).min(THROTTLE_LAST);
                self.throttles += 1;
                wait
            }
            // Nothing that comes later brings a deleted function back to this event.
            Err(InvokeError::NotFound(_)) => return Next::GivenUp,
            _ => {
                self.failures += 1;
                match RETRY_AFTER.get(self.failures as usize - 1) {
                    Some(wait) => *wait,
                    None => return Next::GivenUp,
                }
            }
        };
        let due = now.plus(wait);
        if due.since(Timestamp(self.accepted_ms)) > AGE_MAX { Next::GivenUp } else { Next::Again(due, self) }
    }
}

#[derive(Debug)]
enum Next {
    Done,
    GivenUp,
    Again(Timestamp, Event),
}

#[derive(Debug)]
pub(crate) struct Queue {
    store: Store,
    clock: Clock,
    /// The keys of the events that nobody runs now, which are in the order in which they are due.
    waiting: Mutex<BTreeSet<Bytes>>,
    woken: Notify,
    slots: Arc<Semaphore>,
}

impl Queue {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        let slots = Arc::new(Semaphore::new(RUNNING_MAX));
        Self { store, clock, waiting: Mutex::default(), woken: Notify::new(), slots }
    }

    /// Finds what an earlier process left.
    pub(crate) async fn load(&self) -> Result<(), KvError> {
        let mut range = KeyRange::prefix(keys::queue());
        loop {
            let page = self.store.scan(range.clone(), ScanOptions::default()).await?;
            self.waiting().extend(page.entries.into_iter().map(|(key, _)| key));
            match page.next {
                Some(next) => range = range.resume(next, false),
                None => return Ok(()),
            }
        }
    }

    /// Returns once the event is durable.
    pub(crate) async fn accept(&self, call: EventCall) -> Result<(), InvokeError> {
        if self.waiting().len() >= WAITING_MAX {
            return Err(InvokeError::Throttled("ConcurrentInvocationLimitExceeded".to_owned()));
        }
        let now = self.clock.now();
        let event = call.into_event(now);
        self.enqueue(&event, now, Batch::new()).await.map_err(|error| {
            tracing::error!(%error, "an event could not be stored");
            InvokeError::Internal("the event could not be stored".to_owned())
        })
    }

    async fn enqueue(&self, event: &Event, due: Timestamp, batch: Batch) -> Result<(), KvError> {
        let prefix = keys::queue_due(u64::try_from(due.0).unwrap_or(0));
        let value = minicbor::to_vec(event).expect("writing to a Vec does not fail");
        let seq = self.store.commit(batch.append(prefix.clone(), Bytes::new(), value)).await?;
        self.waiting().insert([&prefix[..], &seq.to_be_bytes()].concat().into());
        self.woken.notify_one();
        Ok(())
    }

    /// Runs events as they become due, until `stop`.
    pub(crate) async fn work<R, F>(self: Arc<Self>, stop: CancellationToken, tasks: TaskTracker, run: R)
    where
        R: Fn(EventCall) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<InvokeReply, InvokeError>> + Send,
    {
        loop {
            let slot = tokio::select! {
                () = stop.cancelled() => return,
                slot = self.slots.clone().acquire_owned() => slot,
            };
            let (Ok(slot), Some(key)) = (slot, self.next_due(&stop).await) else { return };
            let (queue, run) = (self.clone(), run.clone());
            tasks.spawn(async move {
                queue.attempt(key, run).await;
                drop(slot);
            });
        }
    }

    /// The next event, when it is due; none when the queue is to stop.
    async fn next_due(&self, stop: &CancellationToken) -> Option<Bytes> {
        loop {
            let due = {
                let mut waiting = self.waiting();
                let due = waiting.first().map(|key| keys::due_of(key).unwrap_or(0));
                let now = u64::try_from(self.clock.now().0).unwrap_or(0);
                if due.is_some_and(|due| due <= now) {
                    return waiting.pop_first();
                }
                due
            };
            let due = Timestamp(due.and_then(|due| i64::try_from(due).ok()).unwrap_or(i64::MAX));
            tokio::select! {
                () = stop.cancelled() => return None,
                () = self.woken.notified() => {}
                () = self.clock.sleep_until(due), if due.0 != i64::MAX => {}
            }
        }
    }

    async fn attempt<R, F>(&self, key: Bytes, run: R)
    where
        R: Fn(EventCall) -> F,
        F: Future<Output = Result<InvokeReply, InvokeError>>,
    {
        let event = match self.store.get(&key).await {
            Ok(Some(entry)) => minicbor::decode::<Event>(&entry.value).ok(),
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "a queued event could not be read; it waits for the next start");
                return;
            }
        };
        let next = match event.as_ref().and_then(Event::call).zip(event) {
            Some((call, event)) => {
                let result = run(call).await;
                event.after(&result, self.clock.now())
            }
            None => Next::GivenUp,
        };
        let done = Batch::new().delete(key);
        let stored = match next {
            Next::Again(due, event) => self.enqueue(&event, due, done).await,
            Next::GivenUp => {
                tracing::warn!("an asynchronous event was given up after its last attempt");
                self.store.commit(done).await.map(drop)
            }
            Next::Done => self.store.commit(done).await.map(drop),
        };
        if let Err(error) = stored {
            tracing::error!(%error, "an event's end could not be stored; it runs again after the next start");
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeSet<Bytes>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
