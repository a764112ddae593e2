//! Idempotency tokens: what a transaction with a ClientRequestToken leaves behind for ten minutes, so that the same
//! request again does nothing. SDKs send a token with every transaction, so tokens lie by time: those past their day
//! go as a range, unread. Knows no action.

use std::time::Duration;

use base::{Scope, Timestamp};
use bytes::Bytes;
use item::{Item, Value, codec};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};
use store::{Batch, Entry, KeyRange, Store};

use crate::catalogue::{decode, encode};
use crate::error::{Error, Result};
use crate::layout;

/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const VALID_FOR: Duration = Duration::from_secs(600);
const SLOT_MS: i64 = 600_000;

/// The token of a request that is under way.
#[derive(Debug)]
pub(crate) struct Token {
    /// Where it lies if it came before: in this slot of time or in the last.
    keys: [Bytes; 2],
    request: [u8; 32],
    now: Timestamp,
}

/// What a request with a token asks for, of which a later one must not differ.
#[derive(Debug, Default)]
pub(crate) struct Fingerprint(Sha256);

#[derive(Debug, Encode, Decode)]
struct Record {
    #[cbor(n(0), with = "minicbor::bytes")]
    request: Vec<u8>,
    #[n(1)]
    at_ms: i64,
    /// Of each action: read units of its item afterwards.
    #[n(2)]
    units: Vec<u32>,
}

impl Fingerprint {
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn item(&mut self, item: &Item) {
        self.bytes(&codec::encode(item));
    }

    pub(crate) fn values(&mut self, values: &[Value]) {
        let numbered = values.iter().enumerate().map(|(number, value)| (number.to_string(), value.clone()));
        self.item(&numbered.collect());
    }

    pub(crate) fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }
}

impl Token {
    pub(crate) fn new(scope: &Scope, token: &str, request: Fingerprint, now: Timestamp) -> Self {
        let slot = u64::try_from(now.0.div_euclid(SLOT_MS)).unwrap_or(0);
        let key = |slot| layout::token(slot, scope, token);
        Self { keys: [key(slot), key(slot.saturating_sub(1))], request: request.digest(), now }
    }

    /// What must be read to know whether the token came before.
    pub(crate) fn keys(&self) -> &[Bytes] {
        &self.keys
    }

    /// The read units of each action, if the same request was done before; refused if it was another.
    pub(crate) fn done(&self, found: &[Option<Entry>]) -> Result<Option<Vec<u32>>> {
        for entry in found.iter().flatten() {
            let record: Record = decode(&entry.value)?;
            if self.now.since(Timestamp(record.at_ms)) >= VALID_FOR {
                continue;
            }
            if record.request != self.request {
                return Err(Error::TokenReused);
            }
            return Ok(Some(record.units));
        }
        Ok(None)
    }

    /// Keeps the token with the batch of its transaction.
    pub(crate) fn keep(&self, batch: Batch, units: Vec<u32>) -> Batch {
        let record = Record { request: self.request.to_vec(), at_ms: self.now.0, units };
        batch.put(self.keys[0].clone(), encode(&record))
    }
}

/// Deletes the tokens whose time is over.
pub(crate) async fn sweep(store: &Store, now: Timestamp) -> Result<()> {
    let slot = u64::try_from(now.0.div_euclid(SLOT_MS)).unwrap_or(0);
    let range = KeyRange::new(layout::tokens(0), layout::tokens(slot.saturating_sub(1)));
    store.delete_range(range).await?;
    Ok(())
}
