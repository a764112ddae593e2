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
    pub(crate) async fn open(&self, store: &Store, shared: bool) -> Result<(), KvError> {
        if shared && self.leases.get().is_none() {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn one_node_at_a_time_reads() {
        let store = Store::memory();
        let (one, two, alone) = (Turns::default(), Turns::default(), Turns::default());
        one.open(&store, true).await.unwrap();
        two.open(&store, true).await.unwrap();
        alone.open(&store, false).await.unwrap();
        let (first, again) = (one.take("a").await.unwrap(), one.take("a").await.unwrap());
        assert!(first.is_some() && again.is_some());
        assert!(alone.take("a").await.unwrap().is_none(), "there are no other nodes");
        let waiting = two.take("a");
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.is_err());
        give_back(first).await;
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.is_err());
        give_back(again).await;
        let taken = tokio::time::timeout(Duration::from_secs(2), waiting).await.unwrap().unwrap();
        assert!(taken.unwrap().is_held());
    }
}
