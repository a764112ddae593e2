//! Reading rows by their keys: each reader takes all that waits and asks for it in one statement, so that one request
//! is one round trip at once and many share one. Knows no writing.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use kv::{Entry, KvError, Seq};
use tokio::sync::oneshot;

use crate::{
    dialect::Sql,
    key::StoredKey,
    link::{Link, Session},
    queue::Queue,
};

/// Keys of one statement, unless one request has more: its rows come one after the other on one connection.
const KEYS_MAX: usize = 128;

#[derive(Debug)]
pub(crate) struct Ask {
    /// As stored.
    keys: Vec<Bytes>,
    answer: oneshot::Sender<Result<Vec<Option<Entry>>, KvError>>,
}

pub(crate) type Asks = Arc<Queue<Ask>>;

/// The rows of these keys, in their order, from one snapshot.
pub(crate) async fn read(asks: &Asks, keys: &[Bytes]) -> Result<Vec<Option<Entry>>, KvError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (answer, answered) = oneshot::channel();
    let keys = keys.iter().map(|key| StoredKey::of(key).key).collect();
    asks.push(Ask { keys, answer }).map_err(|_| KvError::Closed)?;
    answered.await.unwrap_or(Err(KvError::Closed))
}

/// The loop of one reader.
pub(crate) async fn run(asks: Asks, link: Link) {
    while let Some(taken) = asks.take(choose).await {
        let session = match link.session().await {
            Ok(session) => session,
            Err(error) => {
                refuse(taken.into_iter().chain(asks.drain()), &error);
                continue;
            }
        };
        match rows(&session, &taken).await {
            Ok(rows) => {
                for ask in taken {
                    let found = ask.keys.iter().map(|key| rows.get(key).cloned()).collect();
                    let _ = ask.answer.send(Ok(found));
                }
            }
            Err(error) => refuse(taken.into_iter(), &error),
        }
    }
}

fn choose(waiting: &mut VecDeque<Ask>) -> Vec<Ask> {
    let mut keys = 0;
    let fits = |ask: &&Ask| {
        keys += ask.keys.len();
        keys <= KEYS_MAX
    };
    let count = waiting.iter().take_while(fits).count().max(1);
    waiting.drain(..count).collect()
}

async fn rows(session: &Session, asks: &[Ask]) -> Result<HashMap<Bytes, Entry>, KvError> {
    let mut keys: Vec<&[u8]> = asks.iter().flat_map(|ask| &ask.keys).map(Bytes::as_ref).collect();
    keys.sort_unstable();
    keys.dedup();
    let found = session.within(session.client.query(session.sql(Sql::Get), &[&keys])).await?;
    let mut rows = HashMap::with_capacity(found.len());
    for row in found {
        let key = Bytes::copy_from_slice(row.get(0));
        let version = row.get::<_, i64>(2).cast_unsigned();
        rows.insert(key, Entry { value: Bytes::copy_from_slice(row.get(1)), version });
    }
    Ok(rows)
}

/// The same cause for all of them.
fn refuse(asks: impl Iterator<Item = Ask>, error: &KvError) {
    for ask in asks {
        let _ = ask.answer.send(Err(same(error)));
    }
}

/// An error for one more who waited for the same answer.
pub(crate) fn same(error: &KvError) -> KvError {
    match error {
        KvError::Closed => KvError::Closed,
        KvError::Unavailable(cause) => KvError::Unavailable(cause.clone()),
        other => KvError::Engine(other.to_string().into()),
    }
}

/// A sequence as the table holds it.
pub(crate) fn stored_seq(seq: Seq) -> i64 {
    // Sequences are below 2^56.
    i64::try_from(seq).unwrap_or(i64::MAX)
}
