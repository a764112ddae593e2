//! Runs jobs behind the requests that start them, and after a restart those that had not ended. Each commits its work in
//! small parts together with how far it is, and lets others run in between.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Clock;
use bytes::Bytes;
use ports::{ObjectError, Objects};
use store::{Batch, KeyRange, KvError, Lease, Leases, Store};
use tokio::sync::watch;

use crate::catalogue::{Catalogue, Decision};
use crate::error::{Error, Result};
use crate::job::{self, Job, JobFailure, JobState, Work};
use crate::table::{Table, TablePhase};
use crate::{backup, bulk, export, import, layout, restore};

/// What jobs work with.
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) objects: Option<Arc<dyn Objects>>,
    /// The keys of the jobs that run in this process.
    running: Arc<Mutex<HashSet<Bytes>>>,
    count: watch::Sender<usize>,
    /// None: no other node runs jobs of this store.
    leases: Option<Arc<Leases>>,
    /// Of the job that these are for.
    lease: Option<Arc<Lease>>,
}

/// Why a job does not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("{}: {}", .0.code, .0.message)]
    Failed(JobFailure),
    #[error("cancelled")]
    Cancelled,
    /// What it worked for is no more.
    #[error("the table or backup is no longer there")]
    Gone,
    #[error(transparent)]
    Broken(#[from] Error),
}

/// Between two attempts while the store does not answer.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Stop {
    pub(crate) fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Failed(JobFailure { code: code.into(), message: message.into() })
    }
}

impl From<ObjectError> for Stop {
    fn from(error: ObjectError) -> Self {
        let code = match &error {
            ObjectError::NoSuchBucket => "S3NoSuchBucket",
            ObjectError::NoSuchKey => "S3NoSuchKey",
            ObjectError::Refused(_) => "S3AccessDenied",
            ObjectError::TooMany(_) => "LimitExceeded",
            ObjectError::Failed(_) => "S3InternalError",
        };
        Self::failed(code, error.to_string())
    }
}

impl Jobs {
    pub(crate) async fn new(store: Store, clock: Clock, catalogue: Arc<Catalogue>) -> Result<Self> {
        let (running, count) = (Arc::default(), watch::channel(0).0);
        let leases = match catalogue.is_shared() {
            true => Some(Arc::new(Leases::open(store.clone(), layout::job_leases(), true).await?)),
            false => None,
        };
        Ok(Self { store, clock, catalogue, objects: None, running, count, leases, lease: None })
    }

    pub(crate) fn with_objects(self, objects: Arc<dyn Objects>) -> Self {
        Self { objects: Some(objects), ..self }
    }

    /// Runs a job whose beginning is committed.
    pub(crate) fn start(&self, job: Job) {
        if !self.lock().insert(job.key()) {
            return;
        }
        self.count.send_modify(|count| *count += 1);
        let jobs = self.clone();
        tokio::spawn(async move {
            let key = job.key();
            jobs.run_alone(job).await;
            jobs.lock().remove(&key);
            jobs.count.send_modify(|count| *count -= 1);
        });
    }

    /// Goes on with what has not ended and does not run here.
    pub(crate) async fn resume(&self) -> Result<()> {
        for job in job::unfinished(&self.store).await? {
            self.start(job);
        }
        Ok(())
    }

    /// Returns when no job runs in this process.
    pub(crate) async fn quiet(&self) {
        let mut count = self.count.subscribe();
        // The sender is in `self`.
        _ = count.wait_for(|count| *count == 0).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<Bytes>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `job` unless another node does.
    async fn run_alone(&self, job: Job) {
        let Some(leases) = &self.leases else { return self.run(job).await };
        match leases.try_take(&job.key()).await {
            Ok(Some(lease)) => {
                let lease = Arc::new(lease);
                let jobs = Self { lease: Some(lease.clone()), ..self.clone() };
                // It may have come further elsewhere.
                match job::read(&self.store, &job.key()).await {
                    Ok(Some(job)) if job.ended_ms.is_none() => jobs.run(job).await,
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, job = job.id, "a job waits for the store"),
                }
                drop(jobs);
                if let Some(lease) = Arc::into_inner(lease)
                    && let Err(error) = lease.release().await
                {
                    tracing::warn!(%error, job = job.id, "the lease of a job runs out by itself");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, job = job.id, "a job waits for the store"),
        }
    }

    async fn run(&self, mut job: Job) {
        loop {
            let stopped = match self.work(&mut job).await {
                Ok(()) => return,
                Err(_) if self.check().is_err() => {
                    tracing::warn!(job = job.id, "another node goes on with a job");
                    return;
                }
                Err(Stop::Broken(error)) if passes(&error) => {
                    tracing::debug!(%error, job = job.id, "a job waits for the store");
                    tokio::time::sleep(AGAIN_AFTER).await;
                    match job::read(&self.store, &job.key()).await {
                        Ok(Some(stored)) => job = stored,
                        Ok(None) => return,
                        Err(_) => {}
                    }
                    continue;
                }
                Err(stopped) => stopped,
            };
            if let Stop::Broken(Error::Store(KvError::Closed | KvError::Poisoned)) = stopped {
                tracing::info!(job = job.id, "a job goes on when the server starts again");
                return;
            }
            tracing::warn!(why = %stopped, job = job.id, table = job.table.name, "a job has not succeeded");
            if let Err(error) = self.give_up(&mut job, stopped).await {
                tracing::error!(%error, job = job.id, "a job goes on when the server starts again");
            }
            return;
        }
    }

    async fn work(&self, job: &mut Job) -> Result<(), Stop> {
        match &job.work {
            Work::Backup(work) => {
                let work = work.clone();
                backup::run(self, job, &work).await
            }
            Work::Restore(work) => {
                let work = work.clone();
                restore::run(self, job, &work).await
            }
            Work::Export(work) => {
                let work = work.clone();
                export::run(self, job, &work).await
            }
            Work::Import(work) => {
                let work = work.clone();
                import::run(self, job, &work).await
            }
            Work::Bulk(work) => {
                let work = work.clone();
                bulk::run(self, job, &work).await
            }
        }
    }

    async fn give_up(&self, job: &mut Job, stopped: Stop) -> Result<()> {
        job.state = if matches!(stopped, Stop::Cancelled) { JobState::Cancelled } else { JobState::Failed };
        job.failure = match stopped {
            Stop::Failed(failure) => Some(failure),
            Stop::Cancelled => None,
            Stop::Gone => Some(JobFailure { code: "TableNotFound".to_owned(), message: stopped.to_string() }),
            Stop::Broken(error) => {
                tracing::error!(%error, job = job.id, "a job failed");
                let message = "Internal server error".to_owned();
                Some(JobFailure { code: "InternalServerError".to_owned(), message })
            }
        };
        match &job.work {
            Work::Backup(_) => backup::give_up(self, job).await,
            Work::Restore(work) => {
                let target = work.target.clone();
                restore::give_up(self, job, &target).await
            }
            Work::Export(work) => {
                let work = work.clone();
                export::give_up(self, job, &work).await
            }
            Work::Import(_) => import::give_up(self, job).await,
            Work::Bulk(work) => {
                let work = work.clone();
                bulk::give_up(self, job, &work).await
            }
        }
    }

    /// Refuses to go on when another node may have taken over.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.lease {
            Some(lease) if !lease.is_held() => Err(Error::Outdated),
            _ => Ok(()),
        }
    }

    /// Stops a job that somebody has cancelled.
    pub(crate) async fn check_cancelled(&self, job: &Job) -> Result<(), Stop> {
        let mark = self.store.get(&layout::to_cancel(&job.key())).await.map_err(Error::from)?;
        if mark.is_some() { Err(Stop::Cancelled) } else { Ok(()) }
    }

    /// Where objects are.
    pub(crate) fn objects(&self) -> Result<Arc<dyn Objects>, Stop> {
        let missing =
            || Stop::failed("S3InternalError", "the server was started without a folder of objects");
        self.objects.clone().ok_or_else(missing)
    }

    pub(crate) async fn save(&self, job: &Job) -> Result<()> {
        self.check()?;
        self.store.commit(job.save(Batch::new())).await?;
        Ok(())
    }

    /// Commits the end of `job`, with `batch`.
    pub(crate) async fn end(&self, job: &mut Job, batch: Batch) -> Result<()> {
        let batch = self.ended(job, batch);
        self.store.commit(batch).await?;
        Ok(())
    }

    /// `batch` with the end of `job`, now.
    pub(crate) fn ended(&self, job: &mut Job, batch: Batch) -> Batch {
        job.ended_ms = Some(self.clock.now().0);
        if job.state == JobState::Running {
            job.state = JobState::Completed;
        }
        job.end(batch)
    }

    /// `job` reads its table no longer: lets go of its history, or of all of it if it has been deleted.
    pub(crate) async fn let_go(&self, job: &Job) -> Result<()> {
        let (scope, table) = (&job.scope, &job.table);
        let newest = self.store.safe_seq().await?;
        let decide = |before: Option<&Table>| {
            let stands =
                |before: &&Table| before.id == table.id && before.phase != Some(TablePhase::Deleting);
            let Some(before) = before.filter(stands) else {
                return Ok(Decision::stays().answering(None));
            };
            Ok(match before.released_by(&job.id) {
                Some(released) => {
                    let forgets = !released.records_history();
                    Decision::becomes(released).answering(Some(forgets))
                }
                None => Decision::stays().answering(Some(false)),
            })
        };
        match self.catalogue.alter(scope, &table.name, decide).await? {
            // What is written from now on by those who still know the hold goes with the next sweep.
            Some(true) => {
                self.store.delete_range(layout::history_between(table.id, 0, newest)).await?;
            }
            Some(false) => {}
            None => {
                let others = job::unfinished(&self.store).await?;
                if !others.iter().any(|other| other.id != job.id && other.reads() == Some(table.id)) {
                    self.clear(table.id).await?;
                }
            }
        }
        Ok(())
    }

    /// Deletes all that a deleted table has left.
    pub(crate) async fn clear(&self, table_id: u32) -> Result<()> {
        self.store.delete_range(KeyRange::prefix(layout::everything(table_id))).await?;
        self.store.delete_range(KeyRange::prefix(layout::history(table_id))).await?;
        Ok(())
    }
}

/// Whether the same may succeed a moment later.
fn passes(error: &Error) -> bool {
    matches!(
        error,
        Error::Outdated | Error::Store(KvError::Unavailable(_) | KvError::Contended | KvError::Conflict(_))
    )
}
