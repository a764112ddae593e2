//! A table as it was after one commit, copied while it changes: its rows are read page by page, and what was changed
//! since that commit is undone in the copy from the history. Nobody waits for it, and no snapshot is held.

use std::sync::Arc;

use bytes::Bytes;
use item::codec;
use store::{Batch, Entry, KeyRange, Mutation, ScanOptions, Store};

use crate::catalogue::refusal;
use crate::error::{Error, Result};
use crate::history::{self, Row};
use crate::job::Job;
use crate::jobs::{Jobs, Stop};
use crate::layout;
use crate::record::Kept;
use crate::table::Table;
use crate::write::Change;

/// What is copied.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// A table that may change, by its id, as it was after `Progress::cut`.
    Table(u32),
    /// Rows aside, which do not change.
    Aside(u32),
}

/// Where the copy is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    /// Rows aside.
    Aside(u32),
    /// The table of this name, which the job makes.
    Table(&'a str, u32),
}

/// The steps of [`take`].
const COPY: u8 = 0;
const UNDO: u8 = 1;
/// The first step after [`take`].
pub(crate) const TAKEN: u8 = 2;

/// Rows of a commit.
const PAGE_ROWS: usize = 100;

/// Goes on with the copy that `job` makes, to its end.
pub(crate) async fn take(jobs: &Jobs, job: &mut Job, source: Source, target: Target<'_>) -> Result<(), Stop> {
    let space = match source {
        Source::Table(id) => layout::space(id, layout::BASE),
        Source::Aside(number) => layout::aside(number).to_vec(),
    };
    if job.progress.step == COPY {
        copy(jobs, job, &space, target).await?;
        match source {
            Source::Table(_) => {
                // What the pages may have shown is below this.
                jobs.store.settle().await.map_err(Error::from)?;
                job.progress.end = Some(jobs.store.safe_seq().await.map_err(Error::from)?);
                job.progress.step = UNDO;
            }
            Source::Aside(_) => job.progress.step = TAKEN,
        }
        job.progress.cursor = None;
        jobs.save(job).await?;
    }
    if let (UNDO, Source::Table(id)) = (job.progress.step, source) {
        undo(jobs, job, id, target).await?;
        job.progress.step = TAKEN;
        job.progress.cursor = None;
        jobs.save(job).await?;
    }
    Ok(())
}

async fn copy(jobs: &Jobs, job: &mut Job, space: &[u8], target: Target<'_>) -> Result<(), Stop> {
    let whole = KeyRange::prefix(space.to_vec());
    let mut range = match &job.progress.cursor {
        Some(cursor) => whole.resume(cursor.clone().into(), false),
        None => whole,
    };
    loop {
        let page =
            jobs.store.scan(range.clone(), ScanOptions::limit(PAGE_ROWS)).await.map_err(Error::from)?;
        let rows: Vec<Row> =
            page.entries.iter().map(|(key, value)| (tail_in(key, space), Some(value.clone()))).collect();
        let Some(next) = page.next else {
            // Not the end of the step yet: that is told after the rows are written.
            return put(jobs, job, target, rows).await;
        };
        job.progress.cursor = Some(next.to_vec());
        put(jobs, job, target, rows).await?;
        range = range.resume(next, false);
        tokio::task::yield_now().await;
    }
}

fn tail_in(key: &Bytes, space: &[u8]) -> Bytes {
    key.slice(space.len().min(key.len())..)
}

async fn undo(jobs: &Jobs, job: &mut Job, table_id: u32, target: Target<'_>) -> Result<(), Stop> {
    let (cut, end) = (job.progress.cut.unwrap_or(0), job.progress.end.unwrap_or(0));
    let whole = layout::history_between(table_id, cut, end);
    let mut range = match &job.progress.cursor {
        Some(cursor) => whole.resume(cursor.clone().into(), true),
        None => whole,
    };
    loop {
        let undone = history::undo(&jobs.store, range).await?;
        job.progress.cursor = undone.rest.as_ref().map(|rest| rest.end.to_vec());
        put(jobs, job, target, undone.rows).await?;
        match undone.rest {
            Some(rest) => range = rest,
            None => return Ok(()),
        }
        tokio::task::yield_now().await;
    }
}

/// Writes rows, with how far the job is then.
async fn put(jobs: &Jobs, job: &Job, target: Target<'_>, rows: Vec<Row>) -> Result<(), Stop> {
    jobs.check()?;
    if rows.is_empty() {
        return Ok(());
    }
    match target {
        Target::Aside(number) => {
            let mut batch = Batch::new();
            for (tail, value) in rows {
                let key = layout::aside_at(number, &tail);
                batch.mutations.push(match value {
                    Some(value) => Mutation::Put { key, value },
                    None => Mutation::Delete { key },
                });
            }
            jobs.store.commit(job.save(batch)).await.map_err(Error::from)?;
            Ok(())
        }
        Target::Table(name, id) => {
            let table = jobs.catalogue.fresh(&job.scope, name).await?.filter(|table| table.id == id);
            let table = table.ok_or(Stop::Gone)?;
            put_items(jobs, job, &table, &rows).await
        }
    }
}

async fn put_items(jobs: &Jobs, job: &Job, table: &Arc<Table>, rows: &[Row]) -> Result<(), Stop> {
    let now = jobs.clock.now();
    let keys: Vec<Bytes> = rows.iter().map(|(tail, _)| layout::item_at(table.id, tail)).collect();
    let decide = |entries: &[Option<Entry>]| {
        let mut batch = Batch::new();
        for (ordinal, ((key, entry), (_, value))) in keys.iter().zip(entries).zip(rows).enumerate() {
            let old = entry.as_ref().map(|entry| Kept::stored(&entry.value)).transpose()?;
            let new = value.as_ref().map(Kept::stored).transpose()?;
            let ordinal = u8::try_from(ordinal).unwrap_or(u8::MAX);
            let change = Change { key, old: old.as_ref(), new: new.as_ref(), now, ordinal };
            batch.mutations.extend(change.effects(table)?.mutations);
        }
        Ok::<_, Error>((job.save(batch), ()))
    };
    jobs.store.transact(keys.clone(), decide).await.map_err(refusal)?;
    Ok(())
}

/// How many rows there are aside, and their size as items.
pub(crate) async fn weigh(store: &Store, number: u32) -> Result<(i64, i64)> {
    let mut range = KeyRange::prefix(layout::aside(number));
    let (mut items, mut bytes) = (0, 0);
    loop {
        let page = store.scan(range.clone(), ScanOptions::limit(PAGE_ROWS)).await?;
        for (_, value) in &page.entries {
            let size = codec::size(value).map_err(|error| Error::Corrupt(error.to_string()))?;
            items += 1;
            bytes += i64::try_from(size).unwrap_or(i64::MAX);
        }
        match page.next {
            Some(next) => range = range.resume(next, false),
            None => return Ok((items, bytes)),
        }
        tokio::task::yield_now().await;
    }
}
