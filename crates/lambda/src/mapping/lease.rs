//! Which node reads: each mapping belongs to a group, and one node at a time holds a group's lease, so that what is idle
//! costs a few rows, however many mappings there are. Knows nothing of what a poller does.

use std::sync::{Arc, OnceLock, Weak};

use store::{KvError, Lease, Leases, Store};

use crate::keys;

const GROUPS: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// None: no other node reads.
    leases: OnceLock<Leases>,
    held: [tokio::sync::Mutex<Weak<Lease>>; GROUPS],
}

impl Turns {
    pub(crate) async fn open(&self, store: &Store) -> Result<(), KvError> {
        if store.is_shared() && self.leases.get().is_none() {
            let leases = Leases::open(store.clone(), keys::mapping_leases(), true).await?;
            // Of two that open at once either is good.
            _ = self.leases.set(leases);
        }
        Ok(())
    }

    /// Waits until this node may read for the mapping. Safe to cancel.
    pub(crate) async fn take(&self, uuid: &str) -> Result<Option<Arc<Lease>>, KvError> {
        let Some(leases) = self.leases.get() else { return Ok(None) };
        let group =
            uuid.bytes().fold(0, |sum: usize, byte| sum.wrapping_mul(31) + usize::from(byte)) % GROUPS;
        let mut held = self.held[group].lock().await;
        if let Some(lease) = held.upgrade().filter(|lease| lease.is_held()) {
            return Ok(Some(lease));
        }
        let lease = Arc::new(leases.take(&group.to_be_bytes()).await?);
        *held = Arc::downgrade(&lease);
        Ok(Some(lease))
    }
}

/// Lets the next node in at once if no other mapping of the group is read here.
pub(crate) async fn give_back(lease: Option<Arc<Lease>>) {
    if let Some(lease) = lease.and_then(Arc::into_inner)
        && let Err(error) = lease.release().await
    {
        tracing::debug!(%error, "the lease of event source mappings runs out by itself");
    }
}
