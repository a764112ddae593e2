//! What waits for the committer. Joining the queue numbers a batch, so order in the queue is order of numbers.
//! Knows no storage.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use kv::{Change, KvError, Seq};
use tokio::sync::{Notify, oneshot};

/// Bytes that may wait before writers are asked to; what is already deciding may still join.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// What a row costs in the queue besides its bytes.
const ROW_BYTES: usize = 128;

/// A batch's rows, numbered.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) key: Bytes,
    pub(crate) value: Option<Bytes>,
}

/// Told once the batch is durable and visible.
pub(crate) type Ticket = oneshot::Receiver<Result<(), KvError>>;

#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) seq: Seq,
    /// None of them: nothing to write, the ticket waits for what is before it.
    pub(crate) rows: Vec<Row>,
    /// Only after a sync, whatever the durability.
    pub(crate) sync: bool,
    pub(crate) bytes: usize,
    pub(crate) done: oneshot::Sender<Result<(), KvError>>,
}

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    room: Notify,
}

#[derive(Debug)]
struct State {
    last: Seq,
    jobs: Vec<Job>,
    bytes: usize,
    /// Why nothing may join any more.
    ended: Option<End>,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Closed,
    Poisoned,
}

impl Queue {
    pub(crate) fn new(last: Seq) -> Self {
        let state = State { last, jobs: Vec::new(), bytes: 0, ended: None };
        Self { state: Mutex::new(state), work: Condvar::new(), room: Notify::new() }
    }

    /// Waits while too much is waiting already.
    pub(crate) async fn room(&self) -> Result<(), KvError> {
        loop {
            let freed = self.room.notified();
            {
                let state = self.lock();
                state.open()?;
                if state.bytes < WAITING_BYTES_MAX {
                    return Ok(());
                }
            }
            freed.await;
        }
    }

    /// Numbers the changes and queues them.
    pub(crate) fn join(&self, changes: Vec<Change>) -> Result<(Seq, Ticket), KvError> {
        let (done, ticket) = oneshot::channel();
        let mut state = self.lock();
        state.open()?;
        let seq = state.last + 1;
        let number = |Change { key, value }| Row { key: key.at(seq), value };
        let rows: Vec<Row> = changes.into_iter().map(number).collect();
        let bytes = rows.iter().map(Row::bytes).sum();
        state.last = seq;
        state.push(Job { seq, rows, sync: false, bytes, done });
        self.work.notify_one();
        Ok((seq, ticket))
    }

    /// A ticket for everything that joined before.
    pub(crate) fn barrier(&self, sync: bool) -> Result<Ticket, KvError> {
        let mut state = self.lock();
        state.open()?;
        Ok(self.push_barrier(&mut state, sync))
    }

    /// Nothing may join after this; the ticket is for what did.
    pub(crate) fn close(&self) -> Result<Ticket, KvError> {
        let mut state = self.lock();
        state.open()?;
        let ticket = self.push_barrier(&mut state, true);
        state.ended = Some(End::Closed);
        self.room.notify_waiters();
        Ok(ticket)
    }

    /// Nothing may join after this; what waits is told so.
    pub(crate) fn poison(&self) {
        let mut state = self.lock();
        state.ended = Some(End::Poisoned);
        for job in std::mem::take(&mut state.jobs) {
            job.finish(Err(KvError::Poisoned));
        }
        state.bytes = 0;
        self.room.notify_waiters();
    }

    /// Waits for work; none once it is closed and empty.
    pub(crate) fn take(&self) -> Option<Vec<Job>> {
        let mut state = self.lock();
        loop {
            if !state.jobs.is_empty() {
                let waited = state.bytes >= WAITING_BYTES_MAX;
                state.bytes = 0;
                let jobs = std::mem::take(&mut state.jobs);
                drop(state);
                if waited {
                    self.room.notify_waiters();
                }
                return Some(jobs);
            }
            if state.ended.is_some() {
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn push_barrier(&self, state: &mut State, sync: bool) -> Ticket {
        let (done, ticket) = oneshot::channel();
        state.push(Job { seq: state.last, rows: Vec::new(), sync, bytes: 0, done });
        self.work.notify_one();
        ticket
    }

    // Nothing that can panic happens while the state is half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open(&self) -> Result<(), KvError> {
        match self.ended {
            None => Ok(()),
            Some(End::Closed) => Err(KvError::Closed),
            Some(End::Poisoned) => Err(KvError::Poisoned),
        }
    }

    fn push(&mut self, job: Job) {
        self.bytes += job.bytes;
        self.jobs.push(job);
    }
}

impl Job {
    /// The caller may have gone away; the write stands all the same.
    pub(crate) fn finish(self, result: Result<(), KvError>) {
        let _ = self.done.send(result);
    }
}

impl Row {
    fn bytes(&self) -> usize {
        ROW_BYTES + self.key.len() + self.value.as_ref().map_or(0, Bytes::len)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use kv::ChangeKey;

    use super::*;

    fn change(bytes: usize) -> Vec<Change> {
        vec![Change { key: ChangeKey::Plain(Bytes::from_static(b"a")), value: Some(vec![0; bytes].into()) }]
    }

    #[test]
    fn writers_wait_for_room() {
        let queue = Queue::new(0);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(pin!(queue.room()).poll(&mut cx), Poll::Ready(Ok(()))));
        let _tickets = [queue.join(change(WAITING_BYTES_MAX / 2)), queue.join(change(WAITING_BYTES_MAX / 2))];
        let mut waiting = pin!(queue.room());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        assert_eq!(queue.take().unwrap().len(), 2);
        assert!(matches!(waiting.poll(&mut cx), Poll::Ready(Ok(()))));
    }

    #[test]
    fn the_end_wakes_who_waits_for_room() {
        for end in [Queue::poison, |queue: &Queue| drop(queue.close())] {
            let queue = Queue::new(0);
            let mut cx = Context::from_waker(Waker::noop());
            let (_, mut ticket) = queue.join(change(WAITING_BYTES_MAX)).unwrap();
            let mut waiting = pin!(queue.room());
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
            end(&queue);
            assert!(matches!(waiting.poll(&mut cx), Poll::Ready(Err(KvError::Poisoned | KvError::Closed))));
            assert!(queue.join(change(1)).is_err());
            // Closed: what joined is still to be done. Poisoned: it was told so.
            match queue.take() {
                Some(jobs) => assert_eq!(jobs.len(), 2),
                None => assert!(matches!(ticket.try_recv(), Ok(Err(KvError::Poisoned)))),
            }
        }
    }

    #[test]
    fn numbers_follow_the_queue() {
        let queue = Queue::new(41);
        for seq in 42..45 {
            assert_eq!(queue.join(change(1)).unwrap().0, seq);
        }
        let jobs = queue.take().unwrap();
        assert!(jobs.iter().map(|job| job.seq).eq(42..45));
    }
}
