//! The open connections of this node, and those of other nodes on the same database: which node holds one is a row, and
//! what another node has to say to it is a letter, which the holder answers in its place. Knows no route.
//!
//! | first bytes | rest of the key | row |
//! |---|---|---|
//! | 0x3d | connection id | [`HeldRecord`]: who holds it |
//! | 0x3e 0 | node | the node's lease: as long as it is renewed the node lives |
//! | 0x3e 1 | node, connection id | empty: the connections of a node |
//! | 0x3e 2 | node, letter id | [`LetterRecord`] |
//!
//! On a database of its own a node writes none of these.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use minicbor::{Decode, Encode};
use store::{Batch, KeyRange, Lease, Leases, Store};
use tokio::sync::OnceCell;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::rows::{self, Record};
use crate::websocket::connection::Connection;
use crate::websocket::frame::Close;

const HELD: u8 = 0x3d;
const NODES: u8 = 0x3e;
const LEASES: u8 = 0;
const HOLDINGS: u8 = 1;
const LETTERS: u8 = 2;

/// How long an answer of another node is waited for.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// A node looks by itself whether there is something, should it not have been woken.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const SWEEP_EVERY: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
struct HeldRecord {
    #[n(0)]
    node: String,
    #[n(1)]
    api_id: String,
    #[n(2)]
    stage: String,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
struct LetterRecord {
    #[n(0)]
    connection_id: String,
    #[n(1)]
    api_id: String,
    #[n(2)]
    stage: String,
    #[n(3)]
    errand: Errand,
    #[n(4)]
    answer: Option<AnswerRecord>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
struct AnswerRecord {
    /// None: there is no such connection.
    #[n(0)]
    seen: Option<Seen>,
}

impl Record for HeldRecord {}
impl Record for LetterRecord {}

/// What is to be done with a connection.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) enum Errand {
    #[n(0)]
    Say(#[cbor(n(0), with = "cbor_bytes")] Bytes),
    #[n(1)]
    Look,
    #[n(2)]
    HangUp,
}

/// What is known of a connection where it is held.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Seen {
    #[n(0)]
    pub(crate) connected_ms: i64,
    #[n(1)]
    pub(crate) active_ms: i64,
    #[n(2)]
    pub(crate) source_ip: String,
    #[n(3)]
    pub(crate) user_agent: String,
}

/// Bytes as CBOR has them.
mod cbor_bytes {
    use bytes::Bytes;
    use minicbor::decode::{Decoder, Error};
    use minicbor::encode::{self, Encoder, Write};

    pub(super) fn encode<C, W: Write>(
        bytes: &Bytes,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.bytes(bytes)?.ok()
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Bytes, Error> {
        d.bytes().map(Bytes::copy_from_slice)
    }
}

/// The connections that a gateway can speak to.
#[derive(Debug)]
pub(crate) struct Connections {
    here: Mutex<HashMap<Box<str>, Arc<Connection>>>,
    stopping: AtomicBool,
    /// None on a database of its own.
    others: Option<Others>,
}

/// What there is beside this node.
#[derive(Debug)]
struct Others {
    store: Store,
    node: String,
    begun: OnceCell<Lease>,
    tasks: OnceLock<Vec<AbortHandle>>,
}

impl Connections {
    pub(crate) fn new(store: &Store) -> Self {
        let others = store.is_shared().then(|| Others::new(store.clone()));
        Self { here: Mutex::default(), stopping: AtomicBool::new(false), others }
    }

    /// As if other processes worked on the store too.
    pub(crate) fn sharing(store: &Store) -> Self {
        Self { others: Some(Others::new(store.clone())), ..Self::new(store) }
    }

    fn here(&self) -> std::sync::MutexGuard<'_, HashMap<Box<str>, Arc<Connection>>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Connection>> {
        self.here().get(id).cloned()
    }

    /// From now on it can be spoken to; fails with what to close it with.
    pub(crate) async fn enter(
        &self,
        gateway: &Arc<Gateway>,
        connection: &Arc<Connection>,
    ) -> std::result::Result<(), Close> {
        if let Some(others) = &self.others
            && let Err(error) = others.hold(gateway, connection).await
        {
            tracing::error!(%error, "a connection cannot be written down");
            return Err(Close::new(1011, "Internal server error"));
        }
        self.here().insert(connection.peer.id.clone(), Arc::clone(connection));
        if self.stopping.load(Ordering::Acquire) { Err(Close::going_away()) } else { Ok(()) }
    }

    pub(crate) async fn leave(&self, connection: &Connection) {
        {
            let mut here = self.here();
            here.remove(&connection.peer.id);
            // A crowd that has gone leaves no large table behind.
            if here.capacity() > 4096 && here.len() < here.capacity() / 8 {
                here.shrink_to_fit();
            }
        }
        if let Some(others) = &self.others
            && let Err(error) = others.let_go(&connection.peer.id).await
        {
            tracing::warn!(%error, "a connection that has ended is still written down");
        }
    }

    /// Ends all connections of this node, and those that come.
    pub(crate) fn hang_up(&self) {
        self.stopping.store(true, Ordering::Release);
        let all: Vec<_> = self.here().values().cloned().collect();
        all.iter().for_each(|connection| connection.hang_up(Close::going_away()));
    }

    /// Called when no connection is left.
    pub(crate) async fn close(&self) {
        if let Some(others) = &self.others {
            others.close().await;
        }
    }

    /// Does what is asked with a connection of the stage `at` (an API's id and a name), wherever it is held; none if
    /// there is no such connection.
    pub(crate) async fn send(
        &self,
        gateway: &Gateway,
        at: (&str, &str),
        id: &str,
        errand: Errand,
    ) -> Result<Option<Seen>> {
        if let Some(connection) = self.find(id) {
            return Ok(perform(gateway, &connection, at, &errand).await);
        }
        match &self.others {
            Some(others) => others.send(at, id, errand).await,
            None => Ok(None),
        }
    }
}

async fn perform(
    gateway: &Gateway,
    connection: &Connection,
    at: (&str, &str),
    errand: &Errand,
) -> Option<Seen> {
    let peer = &connection.peer;
    if (&*peer.api_id, &*peer.stage) != at {
        return None;
    }
    match errand {
        Errand::Say(data) => connection.say(gateway, &String::from_utf8_lossy(data)).await.ok()?,
        Errand::Look => {}
        Errand::HangUp => connection.hang_up(Close::normal()),
    }
    Some(Seen {
        connected_ms: peer.connected.as_millis(),
        active_ms: connection.last_active().as_millis(),
        source_ip: peer.source_ip.to_string(),
        user_agent: peer.user_agent.as_deref().unwrap_or_default().to_owned(),
    })
}

fn held_key(id: &str) -> Bytes {
    rows::key(HELD, &[id.as_bytes()])
}

fn node_key(kind: u8, node: &str, rest: &str) -> Bytes {
    rows::key(NODES, &[&[kind], node.as_bytes(), rest.as_bytes()])
}

impl Others {
    fn new(store: Store) -> Self {
        let node = base::random_hex(16);
        Self { store, node, begun: OnceCell::new(), tasks: OnceLock::new() }
    }

    /// Writes down that this node holds a connection; the first time, that there is this node.
    async fn hold(&self, gateway: &Arc<Gateway>, connection: &Connection) -> Result<()> {
        self.begun.get_or_try_init(|| self.begin(gateway)).await?;
        let peer = &connection.peer;
        let (api_id, stage) = (peer.api_id.to_string(), peer.stage.to_string());
        let held = HeldRecord { node: self.node.clone(), api_id, stage };
        let batch = Batch::new().put(held_key(&peer.id), rows::encode(&held));
        self.store.commit(batch.put(node_key(HOLDINGS, &self.node, &peer.id), Vec::new())).await?;
        Ok(())
    }

    async fn let_go(&self, id: &str) -> Result<()> {
        let batch = Batch::new().delete(held_key(id)).delete(node_key(HOLDINGS, &self.node, id));
        self.store.commit(batch).await?;
        Ok(())
    }

    async fn begin(&self, gateway: &Arc<Gateway>) -> Result<Lease> {
        let leases = leases(&self.store).await?;
        let lease = leases.take(self.node.as_bytes()).await?;
        let letters =
            tokio::spawn(read_letters(Arc::downgrade(gateway), self.store.clone(), self.node.clone()));
        let sweep = tokio::spawn(sweep(self.store.clone(), leases, self.node.clone()));
        self.tasks.get_or_init(|| vec![letters.abort_handle(), sweep.abort_handle()]);
        Ok(lease)
    }

    async fn close(&self) {
        self.tasks.get().into_iter().flatten().for_each(AbortHandle::abort);
        if self.begun.initialized()
            && let Err(error) = bury(&self.store, &self.node).await
        {
            tracing::warn!(%error, "the connections of this node are still written down");
        }
    }

    /// Writes to the node that holds the connection, and waits for its answer.
    async fn send(&self, (api_id, stage): (&str, &str), id: &str, errand: Errand) -> Result<Option<Seen>> {
        let held = rows::read::<HeldRecord>(&self.store, &held_key(id)).await?;
        // Of this node it would have been found: it has just ended.
        let Some(held) = held.filter(|held| held.node != self.node) else { return Ok(None) };
        if (held.api_id.as_str(), held.stage.as_str()) != (api_id, stage) {
            return Ok(None);
        }
        let HeldRecord { node, api_id, stage } = held;
        let letter = LetterRecord { connection_id: id.to_owned(), api_id, stage, errand, answer: None };
        let key = node_key(LETTERS, &node, &base::random_hex(16));
        let mut answered = self.store.watch(key.clone());
        self.store.commit(Batch::new().put(key.clone(), rows::encode(&letter))).await?;
        let deadline = Instant::now() + ANSWER_TIME;
        let answer = loop {
            let letter = rows::read::<LetterRecord>(&self.store, &key).await?;
            match letter {
                // Its node is dead and was buried with its letters.
                None => return Ok(None),
                Some(LetterRecord { answer: Some(answer), .. }) => break Some(answer),
                Some(_) if Instant::now() >= deadline => break None,
                Some(_) => {}
            }
            tokio::select! {
                changed = answered.changed() => drop(changed?),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        };
        self.store.commit(Batch::new().delete(key)).await?;
        match answer {
            Some(answer) => Ok(answer.seen),
            None => {
                tracing::warn!(%node, connection = id, "the node that holds a connection does not answer");
                Ok(None)
            }
        }
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        self.tasks.get().into_iter().flatten().for_each(AbortHandle::abort);
    }
}

async fn leases(store: &Store) -> Result<Leases> {
    Ok(Leases::open(store.clone(), rows::key(NODES, &[&[LEASES]]), true).await?)
}

/// Answers what other nodes ask of the connections of this one.
async fn read_letters(gateway: Weak<Gateway>, store: Store, node: String) {
    let prefix = node_key(LETTERS, &node, "");
    let mut letters = store.watch(prefix.clone());
    let mut begun: HashSet<Bytes> = HashSet::new();
    loop {
        let found = store.rows(prefix.clone()).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "the letters of other nodes cannot be read");
            Vec::new()
        });
        begun.retain(|key| found.iter().any(|(known, _)| known == key));
        for (key, value) in found {
            let Ok(letter) = rows::decode::<LetterRecord>(&value) else { continue };
            let Some(gateway) = gateway.upgrade() else { return };
            if letter.answer.is_none() && begun.insert(key.clone()) {
                // A client that reads slowly does not hold up what is for the others.
                tokio::spawn(answer(gateway, key, letter));
            }
        }
        tokio::select! {
            changed = letters.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn answer(gateway: Arc<Gateway>, key: Bytes, mut letter: LetterRecord) {
    let at = (letter.api_id.as_str(), letter.stage.as_str());
    let seen = match gateway.connections.find(&letter.connection_id) {
        Some(connection) => perform(&gateway, &connection, at, &letter.errand).await,
        None => None,
    };
    letter.answer = Some(AnswerRecord { seen });
    letter.errand = Errand::Look;
    // Who wrote it may have given up and taken it away.
    let answered = gateway.store.transact(vec![key.clone()], |found| match found {
        [Some(_)] => Ok::<_, GatewayError>((Batch::new().put(key.clone(), rows::encode(&letter)), ())),
        _ => Ok((Batch::new(), ())),
    });
    if let Err(error) = answered.await.map_err(GatewayError::from) {
        tracing::warn!(%error, "another node gets no answer about a connection");
    }
}

/// Waits for other nodes to die, and lets go of what they held.
async fn sweep(store: Store, leases: Leases, node: String) {
    let prefix = rows::key(NODES, &[&[LEASES]]);
    let mut waited_for: HashMap<String, tokio::task::JoinHandle<()>> = HashMap::new();
    loop {
        let rows = store.rows(prefix.clone()).await.unwrap_or_default();
        waited_for.retain(|_, task| !task.is_finished());
        for (key, _) in rows {
            let other = String::from_utf8_lossy(key.get(prefix.len()..).unwrap_or_default()).into_owned();
            if other == node || waited_for.contains_key(&other) {
                continue;
            }
            let (store, leases, name) = (store.clone(), leases.clone(), other.clone());
            let task = async move {
                let Ok(lease) = leases.take(name.as_bytes()).await else { return };
                if let Err(error) = bury(&store, &name).await {
                    tracing::warn!(%error, node = name, "the connections of a dead node are still written down");
                }
                drop(lease);
            };
            waited_for.insert(other, tokio::spawn(task));
        }
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}

/// Lets go of all that a node held, at last of its lease.
async fn bury(store: &Store, node: &str) -> Result<()> {
    let holdings = node_key(HOLDINGS, node, "");
    for (key, _) in store.rows(holdings.clone()).await? {
        let id = String::from_utf8_lossy(key.get(holdings.len()..).unwrap_or_default()).into_owned();
        store.commit(Batch::new().delete(held_key(&id)).delete(key)).await?;
    }
    store.delete_range(KeyRange::prefix(node_key(LETTERS, node, ""))).await?;
    store.commit(Batch::new().delete(node_key(LEASES, node, ""))).await?;
    Ok(())
}
