//! What other nodes on the same store do to functions and layers. Each such change writes one row, the epoch: a request
//! that asks about functions looks at it first, so that it sees what any node acknowledged before; an invocation does
//! not wait for that, and hears of a change when the store tells of it. Knows no operation.

use ports::InvokeError;
use store::KvError;
use tokio::sync::Mutex;

use crate::invoke::Target;
use crate::name::FunctionRef;
use crate::{Lambda, keys};

/// The epoch at which functions and layers were read last; held while they are read.
#[derive(Debug, Default)]
pub(crate) struct Epoch(Mutex<Option<u64>>);

impl Lambda {
    /// Takes in what other nodes changed since the last look.
    pub(crate) async fn catch_up(&self) -> Result<(), KvError> {
        if !self.store.is_shared() {
            return Ok(());
        }
        // Read without the lock: whoever waits for it is mostly served by the look that it waits for.
        let asked = self.store.get(&keys::epoch()).await?.map(|row| row.version);
        let mut seen = self.epoch.0.lock().await;
        // Of two nodes that write it at once the later one may have the smaller number.
        if *seen == asked {
            return Ok(());
        }
        self.catalogue.reload().await?;
        self.layers.load().await?;
        *seen = asked;
        Ok(())
    }

    /// Keeps functions and layers up to date between requests.
    pub(crate) fn follow_functions(&self) {
        if !self.store.is_shared() {
            return;
        }
        let mut changed = self.store.watch(keys::epoch());
        let (me, stopping) = (self.me.clone(), self.stopping.clone());
        self.workers.spawn(async move {
            loop {
                let Some(lambda) = me.upgrade() else { return };
                if let Err(error) = lambda.catch_up().await {
                    tracing::debug!(%error, "functions are read again with their next change");
                }
                drop(lambda);
                tokio::select! {
                    () = stopping.cancelled() => return,
                    woken = changed.changed() => if woken.is_err() { return },
                }
            }
        });
    }

    /// What a call runs. When it, or its package, is not here, another node may have just made it, or given it other code.
    pub(crate) async fn find_target(
        &self,
        reference: &FunctionRef<'_>,
        call: base::RequestId,
    ) -> Result<Target, InvokeError> {
        let found = self.target(reference, call);
        let is_here = |target: &Target| target.version.record.packages().all(|code| self.codes.is_here(code));
        if !self.store.is_shared() || found.as_ref().is_ok_and(is_here) {
            return found;
        }
        self.catch_up().await.map_err(|error| InvokeError::Internal(error.to_string()))?;
        self.target(reference, call)
    }
}
