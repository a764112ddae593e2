//! The contract on a database. Knows no statement's text.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use kv::{
    Batch, Conflict, Decision, Entry, Expect, KeyRange, Kv, KvError, Limits, Page, ScanOptions, Seq, Watch,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep, timeout},
};
use tokio_util::task::TaskTracker;

use crate::{
    committer::{self, Jobs},
    dialect::{DELETE_ROWS, Role, Sql},
    failure::Failure,
    job::Job,
    key::{self, SHORT_MAX},
    latches::Latches,
    link::{Connector, Link, Session, jittered},
    reader::{self, Asks},
    scan,
    target::Target,
    waker::{self, Waker},
};

/// Bytes of batches that wait or are being written; more wait outside.
const WAITING_KIB_MAX: usize = 192 << 10;
/// What a decision that lost a race waits before it is made again, at first.
const RACE_PAUSE: Duration = Duration::from_millis(1);
const RACE_PAUSE_MAX: Duration = Duration::from_millis(60);
const SETTLE_PAUSE: Duration = Duration::from_millis(1);
const SETTLE_PAUSE_MAX: Duration = Duration::from_millis(20);

#[derive(Debug, Clone)]
pub struct Options {
    /// Connections that read rows by key, read ranges, and write.
    pub readers: usize,
    pub scanners: usize,
    pub committers: usize,
    /// What one operation may take, connecting and losing races included.
    pub deadline: Duration,
    /// All watchers are woken so often, should a notification be lost.
    pub pulse: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 2,
            scanners: 2,
            committers: 4,
            deadline: Duration::from_secs(15),
            pulse: Duration::from_secs(1),
        }
    }
}

/// One node's view of the database. Its tasks run on the runtime that opened it, and end when it is dropped.
#[derive(Debug)]
pub struct Postgres {
    connector: Arc<Connector>,
    asks: Asks,
    jobs: Jobs,
    scanners: Vec<Link>,
    next_scanner: AtomicUsize,
    latches: Latches,
    waker: Arc<Waker>,
    /// The newest sequence this node has seen.
    newest: AtomicU64,
    room: Semaphore,
    closed: AtomicBool,
    tasks: TaskTracker,
    deadline: Duration,
}

/// What became of a decided write.
enum Written {
    Done(Seq),
    /// A guard did not hold: somebody was faster.
    Lost,
}

impl Postgres {
    /// Connects, and makes the tables when they are not there. Fails when the database cannot be reached now; once open
    /// the engine waits for it.
    pub async fn open(target: Target, options: Options) -> Result<Self, KvError> {
        let connector = Arc::new(Connector::new(target, options.deadline));
        connector.open(Role::Scan, None).await?;
        let link = |role| Link::start(&connector, role);
        let (asks, jobs, waker) = (Asks::default(), Jobs::default(), Arc::new(Waker::default()));
        let tasks = TaskTracker::new();
        for _ in 0..options.readers.max(1) {
            tasks.spawn(reader::run(asks.clone(), link(Role::Read)));
        }
        for _ in 0..options.committers.max(1) {
            tasks.spawn(committer::run(jobs.clone(), link(Role::Write), waker.clone()));
        }
        tokio::spawn(waker::run(waker.clone(), connector.clone(), options.pulse));
        Ok(Self {
            scanners: (0..options.scanners.max(1)).map(|_| link(Role::Scan)).collect(),
            connector,
            asks,
            jobs,
            next_scanner: AtomicUsize::new(0),
            latches: Latches::default(),
            waker,
            newest: AtomicU64::new(0),
            room: Semaphore::new(WAITING_KIB_MAX),
            closed: AtomicBool::new(false),
            tasks,
            deadline: options.deadline,
        })
    }

    /// Where the rows are, without the secret.
    pub fn target(&self) -> &Target {
        &self.connector.target
    }

    /// Bytes of the tables and their index, as seen lately.
    pub fn bytes(&self) -> u64 {
        self.waker.bytes()
    }

    /// Answers what waits and lets go of the connections; later operations answer [`KvError::Closed`], watches end.
    pub async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.asks.close();
        self.jobs.close();
        self.tasks.close();
        self.tasks.wait().await;
        self.waker.close();
        self.connector.ended.cancel();
    }

    async fn scanner(&self) -> Result<Arc<Session>, KvError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(KvError::Closed);
        }
        let at = self.next_scanner.fetch_add(1, Ordering::Relaxed) % self.scanners.len();
        self.scanners[at].session().await
    }

    /// The answer of a statement that answers one number.
    async fn number(&self, sql: Sql) -> Result<Seq, KvError> {
        let session = self.scanner().await?;
        let row = session.within(session.client.query_one(session.sql(sql), &[])).await?;
        Ok(row.get::<_, i64>(0).cast_unsigned())
    }

    /// What comes only when others have been answered.
    async fn soon<T>(&self, turn: impl Future<Output = T>) -> Result<T, KvError> {
        let late = |_| KvError::Unavailable("too many writes are waiting".to_owned());
        timeout(self.deadline, turn).await.map_err(late)
    }

    async fn room(&self, bytes: usize) -> Result<SemaphorePermit<'_>, KvError> {
        let kib = u32::try_from(bytes >> 10).unwrap_or(u32::MAX).saturating_add(1);
        self.soon(self.room.acquire_many(kib)).await?.map_err(|_| KvError::Closed)
    }

    /// Hands a job to the committers and waits for its end.
    async fn write(&self, (job, done): (Job, crate::job::Done)) -> Result<Written, Failure> {
        let _room = self.room(job.bytes()).await.map_err(Failure::Store)?;
        self.jobs.push(job).map_err(|_| Failure::Store(KvError::Closed))?;
        match done.await {
            Ok(Ok(seq)) => {
                self.newest.fetch_max(seq, Ordering::AcqRel);
                Ok(Written::Done(seq))
            }
            Ok(Err(Failure::Guard | Failure::Again)) => Ok(Written::Lost),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::Store(KvError::Closed)),
        }
    }

    /// The rows of these keys. The newest sequence among them is the newest seen.
    async fn read(&self, keys: &[Bytes]) -> Result<Vec<Option<Entry>>, KvError> {
        let rows = reader::read(&self.asks, keys).await?;
        let newest = rows.iter().flatten().map(|entry| entry.version).max();
        self.newest.fetch_max(newest.unwrap_or_default(), Ordering::AcqRel);
        Ok(rows)
    }

    fn newest(&self) -> Seq {
        self.newest.load(Ordering::Acquire)
    }

    /// An error of an addition, by the row that is no counter.
    async fn not_a_counter(&self, added: &[Bytes]) -> KvError {
        let rows = match self.read(added).await {
            Ok(rows) => rows,
            Err(error) => return error,
        };
        let is_other = |(_, entry): &(&Bytes, Option<Entry>)| {
            entry.as_ref().is_some_and(|entry| entry.value.len() != size_of::<i64>())
        };
        match added.iter().zip(rows).find(is_other) {
            Some((key, _)) => KvError::NotACounter { key: key.clone() },
            None => KvError::Unavailable("a counter was replaced while it was added to".to_owned()),
        }
    }

    async fn told(&self, failure: Failure, added: &[Bytes]) -> KvError {
        match failure {
            Failure::NotACounter => self.not_a_counter(added).await,
            other => other.into(),
        }
    }

    /// One decision: what was read, what was decided on it, and whether it stood.
    async fn attempt(
        &self,
        keys: &[Bytes],
        entries: &[Option<Entry>],
        batch: Batch,
    ) -> Result<ControlFlow<Seq, Vec<(Bytes, Expect)>>, KvError> {
        if batch.expects.is_empty() && batch.mutations.is_empty() {
            return Ok(ControlFlow::Break(self.newest()));
        }
        let (expects, added) = (batch.expects.clone(), added(&batch));
        let job = Job::new(batch, keys.iter().zip(entries.iter().map(Option::as_ref)))?;
        match self.write(job).await {
            Ok(Written::Done(seq)) => Ok(ControlFlow::Break(seq)),
            Ok(Written::Lost) => Ok(ControlFlow::Continue(expects)),
            Err(failure) => Err(self.told(failure, &added).await),
        }
    }
}

/// The counters of a batch.
fn added(batch: &Batch) -> Vec<Bytes> {
    let added = |mutation: &kv::Mutation| match mutation {
        kv::Mutation::Add { key, .. } => Some(key.clone()),
        _ => None,
    };
    batch.mutations.iter().filter_map(added).collect()
}

/// The expectations that do not hold for these rows.
fn broken(expects: &[(Bytes, Expect)], rows: Vec<Option<Entry>>) -> Option<KvError> {
    let broken = |(_, row): &(&(Bytes, Expect), Option<Entry>), expect: Expect| match expect {
        Expect::Absent => row.is_some(),
        Expect::Version(seq) => row.as_ref().is_none_or(|row| row.version != seq),
    };
    let rows: Vec<_> = expects
        .iter()
        .zip(rows)
        .filter(|pair| broken(pair, pair.0.1))
        .map(|((key, _), row)| (key.clone(), row))
        .collect();
    (!rows.is_empty()).then(|| KvError::Conflict(Box::new(Conflict { rows })))
}

/// Pauses between decisions that lost, until the deadline.
struct Race {
    until: Instant,
    pause: Duration,
}

impl Race {
    fn new(deadline: Duration) -> Self {
        Self { until: Instant::now() + deadline, pause: RACE_PAUSE }
    }

    async fn pause(&mut self) -> Result<(), KvError> {
        if Instant::now() >= self.until {
            return Err(KvError::Contended);
        }
        sleep(jittered(self.pause)).await;
        self.pause = (self.pause * 2).min(RACE_PAUSE_MAX);
        Ok(())
    }
}

impl Kv for Postgres {
    async fn get(&self, key: &[u8]) -> Result<Option<Entry>, KvError> {
        let rows = self.read(&[Bytes::copy_from_slice(key)]).await?;
        Ok(rows.into_iter().next().flatten())
    }

    async fn multi_get(&self, keys: &[Bytes]) -> Result<Vec<Option<Entry>>, KvError> {
        self.read(keys).await
    }

    async fn scan(&self, range: KeyRange, options: ScanOptions) -> Result<Page, KvError> {
        let session = self.scanner().await?;
        scan::page(&session, range, options).await
    }

    async fn commit(&self, batch: Batch) -> Result<Seq, KvError> {
        batch.check(&self.limits())?;
        if batch.expects.is_empty() && batch.mutations.is_empty() {
            return Ok(self.newest());
        }
        let alone = batch.expects.iter().map(|(key, _)| key.as_ref());
        let _held = self.soon(self.latches.hold(alone, batch.touched().map(|key| key.as_ref()))).await?;
        let (expects, added) = (batch.expects.clone(), added(&batch));
        let mut race = Race::new(self.deadline);
        loop {
            let job = Job::new(batch.clone(), std::iter::empty())?;
            match self.write(job).await {
                Ok(Written::Done(seq)) => return Ok(seq),
                Ok(Written::Lost) => {}
                Err(failure) => return Err(self.told(failure, &added).await),
            }
            let keys: Vec<Bytes> = expects.iter().map(|(key, _)| key.clone()).collect();
            if let Some(conflict) = broken(&expects, self.read(&keys).await?) {
                return Err(conflict);
            }
            race.pause().await?;
        }
    }

    async fn decide(&self, keys: Vec<Bytes>, decision: &mut Decision<'_>) -> Result<Option<Seq>, KvError> {
        let alone = keys.iter().map(|key| key.as_ref());
        let mut held = self.soon(self.latches.hold(alone, std::iter::empty())).await?;
        let mut race = Race::new(self.deadline);
        let mut expects: Vec<(Bytes, Expect)> = Vec::new();
        loop {
            let all: Vec<Bytes> = keys.iter().chain(expects.iter().map(|(key, _)| key)).cloned().collect();
            let mut entries = self.read(&all).await?;
            let expected = entries.split_off(keys.len());
            if let Some(conflict) = broken(&expects, expected) {
                return Err(conflict);
            }
            let Some(batch) = decision(&entries) else { return Ok(None) };
            batch.check(&self.limits())?;
            self.latches.extend(&mut held, batch.touched().map(|key| key.as_ref()));
            match self.attempt(&keys, &entries, batch).await? {
                ControlFlow::Break(seq) => return Ok(Some(seq)),
                ControlFlow::Continue(others) => expects = others,
            }
            race.pause().await?;
        }
    }

    async fn safe_seq(&self) -> Result<Seq, KvError> {
        Ok(self.number(Sql::Horizon).await?.saturating_sub(1))
    }

    async fn settle(&self) -> Result<(), KvError> {
        // Whatever began before has a smaller number than this.
        let mark = self.number(Sql::Mark).await?;
        let until = Instant::now() + self.deadline;
        let mut pause = SETTLE_PAUSE;
        while self.number(Sql::Horizon).await? <= mark {
            if Instant::now() >= until {
                let text =
                    "a transaction in the database server has been open for long: see pg_stat_activity";
                return Err(KvError::Unavailable(text.to_owned()));
            }
            sleep(pause).await;
            pause = (pause * 2).min(SETTLE_PAUSE_MAX);
        }
        Ok(())
    }

    fn watch(&self, prefix: Bytes) -> Watch {
        self.waker.watch(prefix)
    }

    async fn delete_range(&self, range: KeyRange) -> Result<u64, KvError> {
        if range.start.len() > SHORT_MAX || range.end.len() > SHORT_MAX {
            return Err(KvError::TooLarge {
                what: "a bound of a range to delete",
                bytes: range.start.len().max(range.end.len()),
                bytes_max: SHORT_MAX,
            });
        }
        if range.is_empty() {
            return Ok(0);
        }
        // Rows written from now on have a larger number.
        let newest = reader::stored_seq(self.number(Sql::Mark).await?);
        let (mut from, to) = (key::lower(&range.start), key::upper(&range.end));
        let mut deleted = 0;
        loop {
            let session = self.scanner().await?;
            let sql = session.sql(Sql::DeleteRange);
            let answer =
                session.within(session.client.query(sql, &[&from.as_ref(), &to.as_ref(), &newest])).await;
            let rows = match answer {
                Ok(rows) => rows,
                Err(Failure::Again) => continue,
                Err(failure) => return Err(failure.into()),
            };
            deleted += rows.len() as u64;
            let keys: Vec<Bytes> = rows.iter().map(|row| Bytes::copy_from_slice(row.get(0))).collect();
            let last = keys.iter().max().cloned();
            if self.waker.wants_keys() {
                self.waker.committed(keys, newest.cast_unsigned(), true);
            }
            match last {
                // One more byte: the next key there can be.
                Some(last) if rows.len() == DELETE_ROWS => from = [&last[..], &[0]].concat().into(),
                _ => return Ok(deleted),
            }
        }
    }

    async fn checkpoint(&self) -> Result<Seq, KvError> {
        let seq = self.safe_seq().await?;
        let session = self.scanner().await?;
        // A commit that waits for the log takes all before it along.
        let text = format!(
            "BEGIN; SET LOCAL synchronous_commit = on; \
             UPDATE \"{}\".meta SET value = value WHERE name = 'format'; COMMIT",
            self.connector.target.schema
        );
        session.within(session.client.batch_execute(&text)).await?;
        Ok(seq)
    }

    fn limits(&self) -> Limits {
        Limits::EMBEDDED
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.asks.close();
        self.jobs.close();
        self.waker.close();
        self.connector.ended.cancel();
    }
}
