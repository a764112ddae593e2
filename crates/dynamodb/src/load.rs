//! Putting the items of many objects into a table, in batches that are committed with how far the job is: after a restart
//! each record is written once, as before. Bad records are counted and told, and stop nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ports::ObjectEntry;
use store::{Batch, Entry};
use tokio::time::Instant;
use wire::json::{WriteJson, Writer};

use crate::catalogue::refusal;
use crate::error::{Error, Result, text};
use crate::job::Job;
use crate::jobs::{Jobs, Stop};
use crate::layout;
use crate::lines::{LineError, Lines};
use crate::parsed::{self, Fault, Put};
use crate::record::Kept;
use crate::table::Table;
use crate::write::{self, Change};

/// What is read, and how.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) gzip: bool,
    pub(crate) csv: Option<Csv>,
    /// Rows aside for what was not put; none: it is only counted.
    pub(crate) report: Option<Report>,
    pub(crate) units_max: Option<i64>,
}

#[derive(Debug)]
pub(crate) struct Csv {
    pub(crate) delimiter: u8,
    /// None: the first record of each object.
    pub(crate) header: Option<Vec<String>>,
}

/// Which records a report has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    pub(crate) number: u32,
    pub(crate) errors: bool,
    pub(crate) unmet: bool,
}

/// The first byte of rows of a report.
pub(crate) const ERRORS: u8 = 0;
pub(crate) const UNMET: u8 = 1;

pub(crate) const OBJECTS_MAX: usize = 50_000;
const BATCH_ITEMS: usize = 100;
const BATCH_BYTES: usize = 1 << 20;
/// Records that are told in the log, of one object.
const TOLD: u64 = 20;

/// Records that are read and not yet written.
#[derive(Debug, Default)]
struct Pending {
    puts: Vec<(Bytes, Put, Kept, u64)>,
    keys: HashSet<Bytes>,
    bytes: usize,
    /// Of records that give no item: the line and why.
    faults: Vec<(u64, String)>,
    /// Records that this has, with those that are skipped.
    records: u64,
}

impl Load {
    pub(crate) async fn list(&self, jobs: &Jobs) -> Result<Vec<ObjectEntry>, Stop> {
        Ok(jobs.objects()?.list(&self.bucket, &self.prefix, OBJECTS_MAX).await?)
    }

    /// Puts what has not been put yet. `name` is that of the job's table.
    pub(crate) async fn run(&self, jobs: &Jobs, job: &mut Job) -> Result<(), Stop> {
        let objects = self.list(jobs).await?;
        job.progress.input_bytes_all = objects.iter().map(size_of).sum();
        let done = usize::try_from(job.progress.objects).unwrap_or(usize::MAX);
        for object in objects.iter().skip(done) {
            self.load_object(jobs, job, object).await?;
            job.progress.objects += 1;
            job.progress.records = 0;
            job.progress.input_bytes += size_of(object);
            jobs.save(job).await?;
        }
        Ok(())
    }

    async fn load_object(&self, jobs: &Jobs, job: &mut Job, object: &ObjectEntry) -> Result<(), Stop> {
        let reader = jobs.objects()?.open(&self.bucket, &object.key).await?;
        let mut lines = Lines::new(reader, self.gzip, self.csv.is_some());
        let skipped = job.progress.records;
        let mut header = self.csv.as_ref().and_then(|csv| csv.header.clone());
        let mut pending = Pending::default();
        let mut line_number = 0;
        loop {
            let line = match lines.next().await {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(LineError::Object(error)) => return Err(error.into()),
                Err(error) => {
                    pending.fault(line_number + 1, error.to_string());
                    break;
                }
            };
            line_number += 1;
            if self.csv.is_some() && header.is_none() {
                match self.fields(&line) {
                    Ok(fields) => header = Some(fields),
                    Err(fault) => {
                        pending.fault(line_number, told(&fault));
                        break;
                    }
                }
                pending.records += u64::from(line_number > skipped);
                continue;
            }
            if line_number <= skipped {
                continue;
            }
            let table = self.table(jobs, job).await?;
            match self.put_of(&table, header.as_deref().unwrap_or_default(), &line) {
                Ok(None) => pending.records += 1,
                Ok(Some((key, put, kept))) => {
                    if pending.is_full() || pending.keys.contains(&key) {
                        self.commit(jobs, job, &object.key, std::mem::take(&mut pending)).await?;
                    }
                    pending.push(key, put, kept, line_number);
                }
                Err(fault) => {
                    pending.fault(line_number, told(&fault));
                    if matches!(fault, Fault::Malformed(_)) {
                        break;
                    }
                }
            }
            if line_number % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
        self.commit(jobs, job, &object.key, pending).await
    }

    async fn table(&self, jobs: &Jobs, job: &Job) -> Result<Arc<Table>, Stop> {
        let table = jobs.catalogue.get(&job.scope, &job.table.name);
        table.filter(|table| table.id == job.table.id).ok_or(Stop::Gone)
    }

    fn fields(&self, line: &[u8]) -> Result<Vec<String>, Fault> {
        parsed::fields(line, self.csv.as_ref().map_or(b',', |csv| csv.delimiter))
    }

    /// The put of a record; none if it is blank.
    fn put_of(
        &self,
        table: &Table,
        header: &[String],
        line: &[u8],
    ) -> Result<Option<(Bytes, Put, Kept)>, Fault> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let put = match &self.csv {
            None => parsed::json(line)?,
            Some(_) => parsed::csv(table, header, self.fields(line)?)?,
        };
        put.item.size_check().map_err(|_| Fault::Invalid(Error::invalid(text::ITEM_SIZE)))?;
        put.condition.check_keys(table).map_err(Fault::Invalid)?;
        let key = write::item_key(table, &put.item).map_err(Fault::Invalid)?;
        let kept = Kept::new(put.item.clone());
        Ok(Some((key, put, kept)))
    }

    /// Writes what is pending, with how far the job is then.
    async fn commit(&self, jobs: &Jobs, job: &mut Job, object: &str, pending: Pending) -> Result<(), Stop> {
        if pending.records == 0 {
            return Ok(());
        }
        let begun = Instant::now();
        jobs.check()?;
        jobs.check_cancelled(job).await?;
        for (line, why) in pending.faults.iter().filter(|(line, _)| *line <= TOLD) {
            tracing::info!(object, line, why, job = job.id, "a record was not put");
        }
        let table = jobs.catalogue.fresh(&job.scope, &job.table.name).await?;
        let table = table.filter(|table| table.id == job.table.id).ok_or(Stop::Gone)?;
        let keys: Vec<Bytes> = pending.puts.iter().map(|(key, ..)| key.clone()).collect();
        let now = jobs.clock.now();
        let decide = |entries: &[Option<Entry>]| {
            let mut saved = job.clone();
            let mut batch = Batch::new();
            for (ordinal, ((key, put, kept, line), entry)) in pending.puts.iter().zip(entries).enumerate() {
                let old = entry.as_ref().map(|entry| Kept::stored(&entry.value)).transpose()?;
                if let Err(error) = put.condition.check(old.as_ref().map(|old| &old.item)) {
                    let Error::ConditionFailed(_) = error else { return Err(error) };
                    saved.progress.unmet += 1;
                    let row = unmet_json(object, *line, kept, old.as_ref());
                    batch = self.reported(batch, &saved, (UNMET, *line), row);
                    continue;
                }
                let ordinal = u8::try_from(ordinal).unwrap_or(u8::MAX);
                let change = Change { key, old: old.as_ref(), new: Some(kept), now, ordinal };
                batch.mutations.extend(change.effects(&table)?.mutations);
                saved.progress.items += 1;
                weigh(&mut saved, &table, kept);
            }
            for (line, why) in &pending.faults {
                saved.progress.errors += 1;
                batch = self.reported(batch, &saved, (ERRORS, *line), fault_json(object, *line, why));
            }
            saved.progress.processed +=
                i64::try_from(pending.puts.len() + pending.faults.len()).unwrap_or(i64::MAX);
            saved.progress.records += pending.records;
            Ok::<_, Error>((saved.save(batch), saved))
        };
        let (saved, _) = jobs.store.transact(keys, decide).await.map_err(refusal)?;
        *job = saved;
        if let Some(units) = self.units_max {
            let written =
                pending.puts.iter().map(|(_, _, kept, _)| kept.bytes.len().div_ceil(1_024)).sum::<usize>();
            let pace = Duration::from_secs_f64(written as f64 / units.max(1) as f64);
            tokio::time::sleep(pace.saturating_sub(begun.elapsed())).await;
        }
        Ok(())
    }

    fn reported(&self, batch: Batch, job: &Job, (kind, line): (u8, u64), row: Vec<u8>) -> Batch {
        let wanted = |report: &Report| if kind == ERRORS { report.errors } else { report.unmet };
        let Some(report) = self.report.filter(wanted) else { return batch };
        let mut tail = vec![kind];
        tail.extend(job.progress.objects.to_be_bytes());
        tail.extend(line.to_be_bytes());
        batch.put(layout::aside_at(report.number, &tail), row)
    }
}

impl Pending {
    fn is_full(&self) -> bool {
        self.puts.len() >= BATCH_ITEMS || self.bytes >= BATCH_BYTES || self.faults.len() >= BATCH_ITEMS
    }

    fn push(&mut self, key: Bytes, put: Put, kept: Kept, line: u64) {
        self.bytes += kept.bytes.len();
        self.keys.insert(key.clone());
        self.puts.push((key, put, kept, line));
        self.records += 1;
    }

    fn fault(&mut self, line: u64, why: String) {
        self.faults.push((line, why));
        self.records += 1;
    }
}

fn size_of(object: &ObjectEntry) -> i64 {
    i64::try_from(object.size).unwrap_or(i64::MAX)
}

fn told(fault: &Fault) -> String {
    match fault {
        Fault::Malformed(why) => why.clone(),
        Fault::Invalid(error) => error.to_string(),
    }
}

/// Counts what an item puts into the table and each index that it is in.
fn weigh(job: &mut Job, table: &Table, kept: &Kept) {
    let size = i64::try_from(kept.item.size()).unwrap_or(i64::MAX);
    job.progress.bytes += size;
    let indexes = table.indexes.iter().filter(|index| layout::entry(table, index, &kept.item).is_some());
    let sizes = indexes.map(|index| (index.number, write::entry_of(table, index, kept).item.size()));
    let sizes: Vec<_> =
        sizes.map(|(number, size)| (number, i64::try_from(size).unwrap_or(i64::MAX))).collect();
    for (number, size) in std::iter::once((layout::BASE, size)).chain(sizes) {
        match job.progress.usage.iter_mut().find(|(known, _)| *known == number) {
            Some((_, bytes)) => *bytes += size,
            None => job.progress.usage.push((number, size)),
        }
    }
}

fn fault_json(object: &str, line: u64, why: &str) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.begin_object();
    writer.member("S3Key", object);
    writer.member("LineNumber", &i64::try_from(line).unwrap_or(i64::MAX));
    writer.member("ErrorCode", "ValidationError");
    writer.member("ErrorMessage", why);
    writer.end_object();
    writer.into_vec()
}

fn unmet_json(object: &str, line: u64, kept: &Kept, old: Option<&Kept>) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.begin_object();
    writer.member("S3Key", object);
    writer.member("LineNumber", &i64::try_from(line).unwrap_or(i64::MAX));
    writer.member("ErrorCode", "ConditionalCheckFailed");
    writer.key("Item");
    kept.item.write_json(&mut writer);
    if let Some(old) = old {
        writer.key("ExistingItem");
        old.item.write_json(&mut writer);
    }
    writer.end_object();
    writer.into_vec()
}
