//! What stands behind the `Arc` of a table: until when requests may work with the table as it is there, and who waits
//! for the last of them to let go. Knows no store and nothing of tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// How long a node may go on with its catalogue after it last saw that the catalogue is the newest.
pub(crate) const LEASE: Duration = Duration::from_millis(300);

const NOT_REPLACED: u64 = u64::MAX;

/// Until when the catalogue of a node that shares its store is valid.
#[derive(Debug)]
pub(crate) struct Lease {
    start: Instant,
    /// Microseconds after `start`.
    until: AtomicU64,
}

/// Belongs to one table in memory. A clone is that of another table, so it begins anew.
#[derive(Debug)]
pub(crate) struct Hold {
    /// Dropped with the table.
    gone: watch::Sender<()>,
    /// None: this process has its store alone.
    lease: Option<Arc<Lease>>,
    /// When requests must have ended that work with a table that was replaced.
    frozen: AtomicU64,
}

impl Lease {
    /// Not valid yet.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), until: AtomicU64::new(0) }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.is_before(self.until.load(Ordering::Acquire))
    }

    /// Notes that a look that began at `seen` found nothing newer.
    pub(crate) fn extend(&self, seen: Instant) {
        let until = micros(seen.saturating_duration_since(self.start) + LEASE);
        self.until.fetch_max(until, Ordering::AcqRel);
    }

    fn is_before(&self, until: u64) -> bool {
        micros(self.start.elapsed()) < until
    }
}

impl Hold {
    pub(crate) fn leased(lease: Option<Arc<Lease>>) -> Self {
        Self { lease, ..Self::default() }
    }

    /// Whether a write may be committed that was made for this table as it is. Ask right before the commit.
    pub(crate) fn is_current(&self) -> bool {
        let Some(lease) = &self.lease else { return true };
        match self.frozen.load(Ordering::Acquire) {
            NOT_REPLACED => lease.is_valid(),
            until => lease.is_before(until),
        }
    }

    /// The table has been replaced: it may be used as long as it was known to be the newest, and no longer.
    pub(crate) fn freeze(&self) {
        if let Some(lease) = &self.lease {
            self.frozen.store(lease.until.load(Ordering::Acquire), Ordering::Release);
        }
    }

    /// Ready when the last `Arc` of the table has been dropped: drop yours before you wait.
    pub(crate) fn gone(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut gone = self.gone.subscribe();
        async move { while gone.changed().await.is_ok() {} }
    }
}

impl Default for Hold {
    fn default() -> Self {
        Self { gone: watch::channel(()).0, lease: None, frozen: AtomicU64::new(NOT_REPLACED) }
    }
}

impl Clone for Hold {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Tables are compared by what they declare.
impl PartialEq for Hold {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_table_is_current_as_long_as_it_was_known_to_be_the_newest() {
        assert!(Hold::default().is_current());
        let lease = Arc::new(Lease::new());
        let hold = Hold::leased(Some(lease.clone()));
        assert!(!hold.is_current());
        // Far ahead, so that the test may stand still for as long as it likes.
        let hour = Duration::from_secs(3600);
        lease.extend(Instant::now() + hour);
        assert!(hold.is_current());
        hold.freeze();
        assert!(hold.is_current());
        let frozen = hold.frozen.load(Ordering::Acquire);
        lease.extend(Instant::now() + 2 * hour);
        assert!(lease.until.load(Ordering::Acquire) > frozen);
        assert!(!lease.is_before(0));
        let late = Hold::leased(Some(Arc::new(Lease::new())));
        late.freeze();
        assert!(!late.is_current());
    }

    #[tokio::test]
    async fn the_last_to_let_go_wakes_who_waits() {
        let table = Arc::new(Hold::default());
        let user = table.clone();
        let gone = tokio::spawn(table.gone());
        drop(table);
        tokio::task::yield_now().await;
        assert!(!gone.is_finished());
        drop(user);
        gone.await.unwrap();
    }
}
