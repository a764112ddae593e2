//! Who wakes watchers: the writes of this node at once; those of other nodes by notifications, gathered for a moment so
//! that they cost one small transaction for many writes; and a slow pulse as a net under both, so that a lost
//! notification costs time and nothing else. A write that became visible before an older one is told again once that
//! is settled. Knows no rows.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use kv::{KvError, Seq, Watch, Watchers};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use crate::{
    dialect::{Role, Sql},
    link::{Connector, Session, jittered},
    schema::HIGH_STEP,
};

/// Changes of this time make one notification.
const GATHER: Duration = Duration::from_millis(4);
/// While a write is not settled: how often the horizon is asked for.
const SETTLE_PAUSE: Duration = Duration::from_millis(2);
/// A key is told by its beginning.
const TOLD_BYTES: usize = 40;
/// The database takes 8,000 bytes; more keys than fit are told as "anything".
const PAYLOAD_MAX: usize = 7_800;
const ANYTHING: &str = "*";
/// Keys kept for one notification; beyond them it says "anything".
const KEYS_MAX: usize = 1_000;
/// Notifications that wait to be read; the net catches what falls.
const HEARD_MAX: usize = 256;
/// Pulses between two looks at the size of the tables.
const SIZE_PULSES: u32 = 30;

#[derive(Debug)]
pub(crate) struct Waker {
    watchers: Watchers,
    state: Mutex<State>,
    work: Notify,
    /// Others are connected to the same tables.
    has_peers: AtomicBool,
    /// Bytes of the tables, as last seen.
    bytes: AtomicU64,
    node: u64,
}

#[derive(Debug, Default)]
struct State {
    /// Beginnings of changed keys that the other nodes have not been told; `None`: too many.
    untold: Option<HashSet<Bytes>>,
    /// Visible before it was settled.
    unsettled: Vec<(Seq, Vec<Bytes>)>,
}

impl Default for Waker {
    fn default() -> Self {
        let state = State { untold: Some(HashSet::new()), unsettled: Vec::new() };
        Self {
            watchers: Watchers::default(),
            state: Mutex::new(state),
            work: Notify::new(),
            // Until it is known better.
            has_peers: AtomicBool::new(true),
            bytes: AtomicU64::new(0),
            node: getrandom::u64().unwrap_or_default(),
        }
    }
}

impl Waker {
    pub(crate) fn watch(&self, prefix: Bytes) -> Watch {
        self.watchers.watch(prefix)
    }

    pub(crate) fn close(&self) {
        self.watchers.close();
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Somebody may watch, here or elsewhere.
    pub(crate) fn wants_keys(&self) -> bool {
        !self.watchers.is_empty() || self.has_peers.load(Ordering::Relaxed)
    }

    /// These keys were changed by commits up to `seq`, which are visible, and settled or not.
    pub(crate) fn committed(&self, keys: Vec<Bytes>, seq: Seq, is_settled: bool) {
        self.watchers.wake(keys.iter().map(Bytes::as_ref), seq);
        let has_peers = self.has_peers.load(Ordering::Relaxed);
        if is_settled && !has_peers {
            return;
        }
        {
            let mut state = self.lock();
            if has_peers {
                state.tell(&keys);
            }
            if !is_settled {
                state.unsettled.push((seq, keys));
            }
        }
        self.work.notify_one();
    }

    /// Wakes all again whose commits are below the horizon.
    fn settled(&self, horizon: Seq) {
        let mut state = self.lock();
        let has_peers = self.has_peers.load(Ordering::Relaxed);
        let (settled, rest) =
            std::mem::take(&mut state.unsettled).into_iter().partition(|(seq, _)| *seq < horizon);
        state.unsettled = rest;
        for (_, keys) in settled {
            self.watchers.wake_again(keys.iter().map(Bytes::as_ref));
            if has_peers {
                state.tell(&keys);
            }
        }
    }

    fn heard(&self, payload: &str) {
        let Some((node, keys)) = payload.split_once(' ') else { return };
        if node == self.node.to_string() {
            return;
        }
        if keys == ANYTHING {
            return self.watchers.wake_all();
        }
        let keys: Vec<Vec<u8>> = keys.split(',').filter_map(|key| STANDARD_NO_PAD.decode(key).ok()).collect();
        self.watchers.wake_again(keys.iter().map(Vec::as_slice));
        let cut = keys.iter().filter(|key| key.len() == TOLD_BYTES);
        self.watchers.wake_below(cut.map(Vec::as_slice));
    }

    /// The next notification, if there is something to tell.
    fn payload(&self) -> Option<String> {
        let untold = self.lock().untold.replace(HashSet::new());
        let keys = match untold {
            Some(keys) if keys.is_empty() => return None,
            Some(keys) => keys.iter().map(|key| STANDARD_NO_PAD.encode(key)).collect::<Vec<_>>().join(","),
            None => ANYTHING.to_owned(),
        };
        let keys = if keys.len() > PAYLOAD_MAX { ANYTHING } else { &keys };
        Some(format!("{} {keys}", self.node))
    }

    fn has_unsettled(&self) -> bool {
        !self.lock().unsettled.is_empty()
    }

    fn has_work(&self) -> bool {
        let state = self.lock();
        !state.unsettled.is_empty() || state.untold.as_ref().is_none_or(|keys| !keys.is_empty())
    }

    // Nothing that can panic happens while the state is half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tell(&mut self, keys: &[Bytes]) {
        let Some(untold) = &mut self.untold else { return };
        untold.extend(keys.iter().map(|key| key.slice(..key.len().min(TOLD_BYTES))));
        if untold.len() > KEYS_MAX {
            self.untold = None;
        }
    }
}

/// Keeps a connection that listens, tells and pulses, for as long as the engine is open.
pub(crate) async fn run(waker: Arc<Waker>, connector: Arc<Connector>, pulse: Duration) {
    const PAUSE: Duration = Duration::from_millis(500);
    while !connector.ended.is_cancelled() {
        let (sender, heard) = mpsc::channel(HEARD_MAX);
        let turn = async {
            let (session, _) = connector.open(Role::Listen, Some(sender)).await?;
            connector.note_back();
            let speaker = Speaker { waker: &waker, session: &session, connector: &connector };
            speaker.listen().await?;
            // What was said while nobody listened.
            waker.watchers.wake_all();
            speaker.run(heard, pulse).await
        };
        let ended: Result<(), KvError> = tokio::select! {
            ended = turn => ended,
            () = connector.ended.cancelled() => return,
        };
        if let Err(error) = ended {
            connector.note_lost(&error);
            tokio::select! {
                () = sleep(jittered(PAUSE)) => {}
                () = connector.ended.cancelled() => return,
            }
        }
    }
}

struct Speaker<'a> {
    waker: &'a Waker,
    session: &'a Session,
    connector: &'a Connector,
}

impl Speaker<'_> {
    fn channel(&self) -> String {
        format!("rushlight_{}", self.connector.target.schema)
    }

    /// Others find this node by its application name, which is the channel's.
    async fn listen(&self) -> Result<(), KvError> {
        let channel = self.channel();
        let text =
            format!("SET synchronous_commit = off; SET application_name = '{channel}'; LISTEN \"{channel}\"");
        self.session.within(self.session.client.batch_execute(&text)).await?;
        Ok(())
    }

    async fn run(&self, mut heard: mpsc::Receiver<String>, pulse: Duration) -> Result<(), KvError> {
        let mut pulses = interval(pulse);
        pulses.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count = 0;
        loop {
            let pause = if self.waker.has_unsettled() { SETTLE_PAUSE } else { GATHER };
            tokio::select! {
                payload = heard.recv() => match payload {
                    Some(payload) => self.waker.heard(&payload),
                    None => return Err(KvError::Unavailable("the connection broke".to_owned())),
                },
                _ = pulses.tick() => {
                    self.pulse(count % SIZE_PULSES == 0).await?;
                    // The first comes at once, right after everybody was woken.
                    if count > 0 {
                        self.waker.watchers.wake_all();
                    }
                    count += 1;
                }
                () = self.work(Instant::now() + pause) => self.tell().await?,
            }
        }
    }

    /// Returns at `due` when there is something to do, or else after there is.
    async fn work(&self, due: Instant) {
        while !self.waker.has_work() {
            self.waker.work.notified().await;
        }
        tokio::time::sleep_until(due).await;
    }

    async fn tell(&self) -> Result<(), KvError> {
        let client = &self.session.client;
        if self.waker.has_unsettled() {
            let row = self.session.within(client.query_one(self.session.sql(Sql::Horizon), &[])).await?;
            self.waker.settled(row.get::<_, i64>(0).cast_unsigned());
        }
        if let Some(payload) = self.waker.payload() {
            // Both are of our own making, without quotes.
            let text = format!("NOTIFY \"{}\", '{payload}'", self.channel());
            self.session.within(client.batch_execute(&text)).await?;
        }
        Ok(())
    }

    async fn pulse(&self, with_size: bool) -> Result<(), KvError> {
        let client = &self.session.client;
        let channel = self.channel();
        let peers = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{channel}'");
        let row = self.session.within(client.query_typed_one(&peers, &[])).await?;
        self.waker.has_peers.store(row.get::<_, i64>(0) > 1, Ordering::Relaxed);
        if with_size {
            let size = format!("SELECT pg_total_relation_size('\"{}\".rows')", self.connector.target.schema);
            let row = self.session.within(client.query_typed_one(&size, &[])).await?;
            self.waker.bytes.store(row.get::<_, i64>(0).cast_unsigned(), Ordering::Relaxed);
            let row = self.session.within(client.query_one(self.session.sql(Sql::Horizon), &[])).await?;
            let high = row.get::<_, i64>(0) >> 8;
            let mark = format!(
                "UPDATE \"{}\".meta SET value = '{high}' WHERE name = 'high' \
                 AND CASE WHEN name = 'high' THEN value::int8 < {} END",
                self.connector.target.schema,
                high - HIGH_STEP
            );
            self.session.within(client.batch_execute(&mark)).await?;
        }
        Ok(())
    }
}
