//! Connections to backends between their requests. Knows no API.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::{Authority, Scheme};

use super::link::Link;
use super::tls::Terms;

const IDLE_PER_BACKEND_MAX: usize = 64;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Scheme and authority of a URL: where a connection leads, and on which terms.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place(Scheme, Authority, Terms);

impl Place {
    /// `None` for a URL that names no host.
    pub(super) fn of(uri: &Uri, terms: &Terms) -> Option<Self> {
        Some(Self(uri.scheme()?.clone(), uri.authority()?.clone(), terms.clone()))
    }
}

struct Idle {
    link: Link,
    since: Instant,
}

#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<HashMap<Place, Vec<Idle>>>,
}

impl Pool {
    /// The connection to `place` that was used last, if it is still open.
    pub(super) fn take(&self, place: &Place) -> Option<Link> {
        loop {
            let mut link = self.locked().get_mut(place)?.pop()?.link;
            if link.rest() {
                return Some(link);
            }
        }
    }

    pub(super) fn put(self: &Arc<Self>, place: Place, mut link: Link) {
        if !link.rest() {
            return;
        }
        let mut idle = self.locked();
        let first = idle.is_empty();
        let kept = idle.entry(place).or_default();
        if kept.len() < IDLE_PER_BACKEND_MAX {
            kept.push(Idle { link, since: Instant::now() });
        }
        drop(idle);
        if first {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Ends connections that nobody used for long; false when none is left.
    fn prune(&self) -> bool {
        let mut old = Vec::new();
        let mut idle = self.locked();
        idle.retain(|_, kept| {
            old.extend(kept.extract_if(.., |one| one.since.elapsed() >= IDLE_TIMEOUT || !one.link.rest()));
            !kept.is_empty()
        });
        let left = !idle.is_empty();
        drop(idle);
        left
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs as long as there is something to prune.
async fn sweep(pool: std::sync::Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE_TIMEOUT / 2).await;
        if !pool.upgrade().is_some_and(|pool| pool.prune()) {
            return;
        }
    }
}
