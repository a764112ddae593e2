//! Who waits for writes below a prefix. Woken after visibility, never polled. Knows no engine.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::watch;

use crate::{KvError, Seq};

/// Waits for writes below a prefix. Dropping it ends the watch.
#[derive(Debug)]
pub struct Watch {
    prefix: Bytes,
    receiver: watch::Receiver<Seq>,
    registry: Arc<Registry>,
}

impl Watch {
    /// Whether [`Self::changed`] would return at once; true when the store is gone. One atomic load.
    pub fn has_changed(&self) -> bool {
        self.receiver.has_changed().unwrap_or(true)
    }

    /// Returns once a write below the prefix became visible since the watch was made or last returned, with the
    /// sequence of the newest, which on a remote engine is known for writes of this node only and else 0. May return
    /// for nothing. Safe to cancel. [`KvError::Closed`] when the store is gone.
    pub async fn changed(&mut self) -> Result<Seq, KvError> {
        self.receiver.changed().await.map_err(|_| KvError::Closed)?;
        Ok(*self.receiver.borrow_and_update())
    }
}

impl Clone for Watch {
    fn clone(&self) -> Self {
        let Self { prefix, receiver, registry } = self;
        Self { prefix: prefix.clone(), receiver: receiver.clone(), registry: registry.clone() }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Let go under the registry's lock: of two that leave at once one must see that it is the last.
        let receiver = std::mem::replace(&mut self.receiver, watch::channel(0).1);
        self.registry.leave(&self.prefix, receiver);
    }
}

/// The watches of one engine.
#[derive(Debug, Default)]
pub struct Watchers {
    registry: Arc<Registry>,
}

#[derive(Debug, Default)]
struct Registry {
    /// Distinct prefixes; read without the lock so that a commit that nobody watches costs nothing.
    count: AtomicUsize,
    prefixes: RwLock<Prefixes>,
}

#[derive(Debug, Default)]
struct Prefixes {
    closed: bool,
    senders: HashMap<Bytes, watch::Sender<Seq>>,
    /// Distinct lengths of the prefixes with their number: a written key is looked up once a length.
    lengths: Vec<(usize, usize)>,
}

impl Watchers {
    pub fn watch(&self, prefix: Bytes) -> Watch {
        let mut prefixes = self.registry.prefixes.write().unwrap_or_else(PoisonError::into_inner);
        let receiver = if prefixes.closed {
            watch::channel(0).1
        } else if let Some(sender) = prefixes.senders.get(&prefix) {
            sender.subscribe()
        } else {
            let (sender, receiver) = watch::channel(0);
            prefixes.senders.insert(prefix.clone(), sender);
            prefixes.count_length(prefix.len());
            self.registry.count.store(prefixes.senders.len(), Ordering::SeqCst);
            receiver
        };
        Watch { prefix, receiver, registry: self.registry.clone() }
    }

    /// Nobody watches: a caller may skip collecting the keys it wrote.
    pub fn is_empty(&self) -> bool {
        self.registry.count.load(Ordering::SeqCst) == 0
    }

    /// Wakes the watchers of these keys; call it after the commit `seq` is visible.
    pub fn wake<'k>(&self, keys: impl Iterator<Item = &'k [u8]>, seq: Seq) {
        if self.is_empty() {
            return;
        }
        let prefixes = self.registry.prefixes.read().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            for (length, _) in &prefixes.lengths {
                let Some(sender) = key.get(..*length).and_then(|prefix| prefixes.senders.get(prefix)) else {
                    continue;
                };
                sender.send_if_modified(|newest| std::mem::replace(newest, seq) != seq);
            }
        }
    }

    /// Wakes the watchers of these keys, whatever they know: for what another node did.
    pub fn wake_again<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        if self.is_empty() {
            return;
        }
        let prefixes = self.registry.prefixes.read().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            for (length, _) in &prefixes.lengths {
                if let Some(sender) = key.get(..*length).and_then(|prefix| prefixes.senders.get(prefix)) {
                    sender.send_modify(|_| {});
                }
            }
        }
    }

    /// Wakes the watchers of prefixes that are longer than these beginnings of keys.
    pub fn wake_below<'k>(&self, beginnings: impl Iterator<Item = &'k [u8]>) {
        let prefixes = self.registry.prefixes.read().unwrap_or_else(PoisonError::into_inner);
        for beginning in beginnings {
            let below = prefixes.senders.iter().filter(|(prefix, _)| prefix.starts_with(beginning));
            below.for_each(|(_, sender)| sender.send_modify(|_| {}));
        }
    }

    /// Wakes everybody: something may have been missed.
    pub fn wake_all(&self) {
        let prefixes = self.registry.prefixes.read().unwrap_or_else(PoisonError::into_inner);
        prefixes.senders.values().for_each(|sender| sender.send_modify(|_| {}));
    }

    /// Ends every watch, now and later, with [`KvError::Closed`].
    pub fn close(&self) {
        let mut prefixes = self.registry.prefixes.write().unwrap_or_else(PoisonError::into_inner);
        prefixes.closed = true;
        prefixes.senders.clear();
        prefixes.lengths.clear();
        self.registry.count.store(0, Ordering::SeqCst);
    }
}

impl Registry {
    fn leave(&self, prefix: &Bytes, receiver: watch::Receiver<Seq>) {
        let mut prefixes = self.prefixes.write().unwrap_or_else(PoisonError::into_inner);
        drop(receiver);
        let Some(sender) = prefixes.senders.get(prefix) else { return };
        if sender.receiver_count() > 0 {
            return;
        }
        prefixes.senders.remove(prefix);
        prefixes.uncount_length(prefix.len());
        self.count.store(prefixes.senders.len(), Ordering::SeqCst);
    }
}

impl Prefixes {
    fn count_length(&mut self, length: usize) {
        match self.lengths.iter_mut().find(|(known, _)| *known == length) {
            Some((_, count)) => *count += 1,
            None => self.lengths.push((length, 1)),
        }
    }

    fn uncount_length(&mut self, length: usize) {
        self.lengths.retain_mut(|(known, count)| {
            if *known == length {
                *count -= 1;
            }
            *count > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_watch_of_a_prefix_leaves_nothing() {
        let watchers = Watchers::default();
        assert!(watchers.is_empty());
        let first = watchers.watch(Bytes::from_static(b"a/"));
        let second = first.clone();
        let other = watchers.watch(Bytes::from_static(b"b/"));
        drop(first);
        drop(other);
        watchers.wake([b"a/x".as_ref()].into_iter(), 7);
        assert_eq!(*second.receiver.borrow(), 7);
        drop(second);
        assert!(watchers.is_empty());
        let prefixes = watchers.registry.prefixes.read().unwrap();
        assert!(prefixes.senders.is_empty() && prefixes.lengths.is_empty());
    }
}
