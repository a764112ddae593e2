//! Work that goes on behind its request, and over restarts: what it is, how far it is, how it ended. Knows how none
//! of it is done.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use base::{Scope, Timestamp};
use bytes::Bytes;
use minicbor::{Decode, Encode};
use store::{Batch, KeyRange, ScanOptions, Store};
use wire::json::{ReadJson, WriteJson, Writer};

use crate::catalogue::{decode, encode};
use crate::error::{Error, Result};
use crate::layout;
use crate::table::{Table, table_arn};

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Job {
    /// Given by the key of the record.
    #[cbor(skip)]
    pub(crate) scope: Scope,
    /// Milliseconds of the start and something random: ids are in the order of their jobs.
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) work: Work,
    #[n(2)]
    pub(crate) state: JobState,
    #[n(3)]
    pub(crate) started_ms: i64,
    #[n(4)]
    pub(crate) ended_ms: Option<i64>,
    #[n(5)]
    pub(crate) failure: Option<JobFailure>,
    /// The table that is read, or that is written.
    #[n(6)]
    pub(crate) table: TableRef,
    #[n(7)]
    pub(crate) token: Option<String>,
    /// Of the request: the same token with another request is a conflict.
    #[n(8)]
    pub(crate) fingerprint: u64,
    #[n(9)]
    pub(crate) progress: Progress,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) enum Work {
    #[n(0)]
    Backup(#[n(0)] BackupWork),
    #[n(1)]
    Restore(#[n(0)] RestoreWork),
    #[n(2)]
    Export(#[n(0)] ExportWork),
    #[n(3)]
    Import(#[n(0)] ImportWork),
    #[n(4)]
    Bulk(#[n(0)] BulkWork),
}

/// Copies a table aside.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct BackupWork {
    /// Of the rows of the backup, whose id is the job's.
    #[n(0)]
    pub(crate) number: u32,
}

/// Fills the table `target` with what `Job::table` was.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct RestoreWork {
    #[n(0)]
    pub(crate) target: TableRef,
    #[n(1)]
    pub(crate) from: RestoreFrom,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) enum RestoreFrom {
    #[n(0)]
    Backup {
        #[n(0)]
        arn: String,
        #[n(1)]
        number: u32,
    },
    #[n(1)]
    Time {
        #[n(0)]
        when_ms: i64,
    },
}

/// Writes what a table was, or how it changed.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct ExportWork {
    /// Of the rows that are gathered before they are written.
    #[n(0)]
    pub(crate) number: u32,
    /// The state that is exported; of an incremental export the end.
    #[n(1)]
    pub(crate) when_ms: i64,
    #[n(2)]
    pub(crate) incremental: Option<Increment>,
    #[n(3)]
    pub(crate) place: Place,
    /// Whether the request named the type of the export: it is told only then.
    #[n(4)]
    pub(crate) typed: bool,
    /// The key attributes of the table.
    #[n(5)]
    pub(crate) keys: Vec<String>,
}

/// Where an export or a report is written to, as the request says it.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Place {
    #[n(0)]
    pub(crate) bucket: String,
    #[n(1)]
    pub(crate) prefix: Option<String>,
    #[n(2)]
    pub(crate) owner: Option<String>,
    #[n(3)]
    pub(crate) kms: bool,
    #[n(4)]
    pub(crate) kms_key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Increment {
    #[n(0)]
    pub(crate) from_ms: i64,
    #[n(1)]
    pub(crate) old_images: bool,
}

/// Makes a table of objects. What the request says of it is kept as JSON, to be told back.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct ImportWork {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) source: Vec<u8>,
    #[n(1)]
    pub(crate) csv: bool,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) options: Option<Vec<u8>>,
    #[n(3)]
    pub(crate) gzip: bool,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(crate) creation: Vec<u8>,
}

/// Puts the items of objects into a table. What the request says of it is kept as JSON, to be told back.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct BulkWork {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) input: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) output: Vec<u8>,
    #[n(2)]
    pub(crate) units_max: Option<i64>,
    #[n(3)]
    pub(crate) accelerated: Option<bool>,
    /// Of the rows of the report.
    #[n(4)]
    pub(crate) number: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TableRef {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) id: u32,
    #[n(2)]
    pub(crate) uuid: String,
}

impl TableRef {
    pub(crate) fn of(table: &Table) -> Self {
        Self { name: table.name.clone(), id: table.id, uuid: table.uuid.clone() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum JobState {
    #[n(0)]
    Running,
    #[n(1)]
    Completed,
    #[n(2)]
    Failed,
    #[n(3)]
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct JobFailure {
    #[n(0)]
    pub(crate) code: String,
    #[n(1)]
    pub(crate) message: String,
}

/// How far a job is. Written with what it says is done, so that nothing is done twice or left out after a restart.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct Progress {
    /// The commit that is copied.
    #[n(0)]
    pub(crate) cut: Option<u64>,
    /// The commit that a copy that was made over some time may have parts of; none: it is still being made.
    #[n(1)]
    pub(crate) end: Option<u64>,
    /// Which of the steps of the job goes on.
    #[n(2)]
    #[cbor(default)]
    pub(crate) step: u8,
    /// Where the step goes on: a key.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(crate) cursor: Option<Vec<u8>>,
    #[n(4)]
    #[cbor(default)]
    pub(crate) items: i64,
    #[n(5)]
    #[cbor(default)]
    pub(crate) bytes: i64,
    #[n(6)]
    #[cbor(default)]
    pub(crate) processed: i64,
    #[n(7)]
    #[cbor(default)]
    pub(crate) errors: i64,
    #[n(8)]
    #[cbor(default)]
    pub(crate) input_bytes: i64,
    #[n(9)]
    #[cbor(default)]
    pub(crate) input_bytes_all: i64,
    /// Objects that have been read whole, and the records of the next that have been.
    #[n(10)]
    #[cbor(default)]
    pub(crate) objects: u64,
    #[n(11)]
    #[cbor(default)]
    pub(crate) records: u64,
    /// Objects that have been written.
    #[n(12)]
    #[cbor(default)]
    pub(crate) files: Vec<Written>,
    /// Bytes that went into each index, by its number; 0 is the table.
    #[n(13)]
    #[cbor(default)]
    pub(crate) usage: Vec<(u8, i64)>,
    /// The commit before the first that is looked at.
    #[n(14)]
    pub(crate) from_cut: Option<u64>,
    /// Items whose condition did not hold.
    #[n(15)]
    #[cbor(default)]
    pub(crate) unmet: i64,
}

/// An object that a job has written.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Written {
    #[n(0)]
    pub(crate) key: String,
    #[n(1)]
    pub(crate) items: i64,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) md5: Vec<u8>,
}

/// The kind of a job in its key.
pub(crate) const BACKUPS: u8 = 0;
pub(crate) const RESTORES: u8 = 1;
pub(crate) const EXPORTS: u8 = 2;
pub(crate) const IMPORTS: u8 = 3;
pub(crate) const BULK: u8 = 4;

impl Job {
    pub(crate) fn new(scope: &Scope, now: Timestamp, table: TableRef, work: Work) -> Self {
        Self {
            scope: scope.clone(),
            id: new_id(now),
            work,
            state: JobState::Running,
            started_ms: now.0,
            ended_ms: None,
            failure: None,
            table,
            token: None,
            fingerprint: 0,
            progress: Progress::default(),
        }
    }

    /// Started by a request, which may come again.
    pub(crate) fn asked(self, token: Option<&str>, fingerprint: u64) -> Self {
        // AWS tells a token even of requests without one.
        let token = token.map_or_else(|| base::RequestId::random().to_string(), str::to_owned);
        Self { token: Some(token), fingerprint, ..self }
    }

    fn kind(&self) -> u8 {
        match self.work {
            Work::Backup(_) => BACKUPS,
            Work::Restore(_) => RESTORES,
            Work::Export(_) => EXPORTS,
            Work::Import(_) => IMPORTS,
            Work::Bulk(_) => BULK,
        }
    }

    pub(crate) fn key(&self) -> Bytes {
        layout::job(&self.scope, self.kind(), &self.id)
    }

    /// The table whose rows and history must stay until this has ended.
    pub(crate) fn reads(&self) -> Option<u32> {
        let reads = match &self.work {
            Work::Backup(_) | Work::Export(_) => true,
            Work::Restore(restore) => matches!(restore.from, RestoreFrom::Time { .. }),
            Work::Import(_) | Work::Bulk(_) => false,
        };
        reads.then_some(self.table.id)
    }

    /// The rows aside that belong to this as long as it runs.
    pub(crate) fn gathers(&self) -> Option<u32> {
        match &self.work {
            Work::Export(export) => Some(export.number),
            Work::Backup(backup) => Some(backup.number),
            Work::Bulk(bulk) => Some(bulk.number),
            _ => None,
        }
    }

    /// `batch` with the beginning of this job.
    pub(crate) fn begin(&self, batch: Batch) -> Batch {
        self.save(batch).put(layout::unfinished(&self.key()), Bytes::new())
    }

    /// `batch` with how far this job is.
    pub(crate) fn save(&self, batch: Batch) -> Batch {
        batch.put(self.key(), encode(self))
    }

    /// `batch` with the end of this job.
    pub(crate) fn end(&self, batch: Batch) -> Batch {
        let key = self.key();
        self.save(batch).delete(layout::unfinished(&key)).delete(layout::to_cancel(&key))
    }

    pub(crate) fn table_arn(&self) -> String {
        table_arn(&self.scope, &self.table.name)
    }

    /// `kind` is `export`, `import` or `bulk-operation`.
    pub(crate) fn arn(&self, kind: &str) -> String {
        format!("{}/{kind}/{}", self.table_arn(), self.id)
    }

    pub(crate) fn started(&self) -> Timestamp {
        Timestamp(self.started_ms)
    }

    pub(crate) fn ended(&self) -> Option<Timestamp> {
        self.ended_ms.map(Timestamp)
    }
}

/// As the ids of backups, exports and imports are.
pub(crate) fn new_id(now: Timestamp) -> String {
    format!("{:014}-{}", now.0.max(0), base::random_hex(8))
}

/// Tells requests apart that come with the same token.
pub(crate) fn fingerprint(request: &impl std::fmt::Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{request:?}").hash(&mut hasher);
    hasher.finish()
}

pub(crate) async fn find(store: &Store, scope: &Scope, kind: u8, id: &str) -> Result<Option<Job>> {
    read(store, &layout::job(scope, kind, id)).await
}

/// The jobs of one kind, oldest first.
pub(crate) async fn list(store: &Store, scope: &Scope, kind: u8) -> Result<Vec<Job>> {
    let mut range = KeyRange::prefix(layout::jobs(scope, kind));
    let mut jobs = Vec::new();
    loop {
        let page = store.scan(range.clone(), ScanOptions::default()).await?;
        for (key, value) in &page.entries {
            jobs.push(stored(key, value)?);
        }
        match page.next {
            Some(next) => range = range.resume(next, false),
            None => return Ok(jobs),
        }
    }
}

/// How long a token stands for its request.
const TOKEN_MS: i64 = 8 * 3_600_000;

/// The job that a request with this token began in the last hours.
pub(crate) async fn of_token(
    store: &Store,
    scope: &Scope,
    kind: u8,
    (token, now): (Option<&str>, Timestamp),
) -> Result<Option<Job>> {
    let Some(token) = token else { return Ok(None) };
    let jobs = list(store, scope, kind).await?;
    let fits = |job: &Job| job.token.as_deref() == Some(token) && now.0 - job.started_ms < TOKEN_MS;
    Ok(jobs.into_iter().rev().find(fits))
}

/// The jobs of everybody that have not ended.
pub(crate) async fn unfinished(store: &Store) -> Result<Vec<Job>> {
    let mut range = KeyRange::prefix(layout::unfinished_jobs());
    let mut jobs = Vec::new();
    loop {
        let page = store.scan(range.clone(), ScanOptions::default()).await?;
        for (mark, _) in &page.entries {
            // It may have ended since.
            jobs.extend(read(store, &layout::marked_job(mark)).await?.filter(|job| job.ended_ms.is_none()));
        }
        match page.next {
            Some(next) => range = range.resume(next, false),
            None => return Ok(jobs),
        }
    }
}

/// The tables that jobs read which have not ended.
pub(crate) async fn held(store: &Store) -> Result<HashSet<u32>> {
    Ok(unfinished(store).await?.iter().filter_map(Job::reads).collect())
}

pub(crate) async fn read(store: &Store, key: &Bytes) -> Result<Option<Job>> {
    store.get(key).await?.map(|entry| stored(key, &entry.value)).transpose()
}

fn stored(key: &[u8], value: &[u8]) -> Result<Job> {
    let mut job: Job = decode(value)?;
    job.scope = layout::scope_of_table(key).ok_or_else(|| Error::Corrupt(format!("job at {key:?}")))?;
    Ok(job)
}

/// A part of a request in the form in which it is kept.
pub(crate) fn kept_json(part: &impl WriteJson) -> Vec<u8> {
    let mut writer = Writer::new();
    part.write_json(&mut writer);
    writer.into_vec()
}

/// The part of a request that [`kept_json`] kept.
pub(crate) fn told_json<T: ReadJson>(kept: &[u8]) -> Result<T> {
    let read = wire::json::document(kept, 64, wire::Wording::Newer);
    read.map_err(|_| Error::Corrupt("a request in the record of a job".to_owned()))
}

/// One page of jobs, the newest first, and the token of the next.
pub(crate) fn page(
    mut jobs: Vec<Job>,
    limit: Option<i32>,
    token: Option<&str>,
) -> Result<(Vec<Job>, Option<String>)> {
    const LIMIT: usize = 10;
    jobs.sort_by(|a, b| b.id.cmp(&a.id));
    if let Some(token) = token {
        let invalid = || Error::invalid(format!("Invalid Request: Provided nextToken is invalid: {token}"));
        let after = id_of_token(token).ok_or_else(invalid)?;
        jobs.retain(|job| job.id < after);
    }
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIMIT);
    let more = jobs.len() > limit;
    jobs.truncate(limit);
    let next = jobs.last().filter(|_| more).map(|job| token_of(&job.id));
    Ok((jobs, next))
}

/// Hexadecimal digits, as many as AWS asks for: the id and blanks.
fn token_of(id: &str) -> String {
    format!("{id:<56}").bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn id_of_token(token: &str) -> Option<String> {
    let digits =
        token.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let text = String::from_utf8(digits.collect::<Option<Vec<u8>>>()?).ok()?;
    Some(text.trim_end().to_owned()).filter(|id| id.len() == 23)
}
