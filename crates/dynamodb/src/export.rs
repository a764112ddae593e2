//! Exports: what a table was at a time, or how it changed between two, as objects in the layout of AWS.
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html>

use std::collections::HashMap;

use api::dynamodb as shape;
use api::dynamodb::{ExportFormat, ExportStatus, ExportType, ExportViewType, S3SseAlgorithm};
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use item::codec;
use md5::{Digest as _, Md5};
use minicbor::{Decode, Encode};
use ports::Objects;
use store::{Batch, Entry, KeyRange, ScanOptions};
use wire::json::Writer;

use crate::catalogue::{decode, encode, refusal};
use crate::error::{Error, Result};
use crate::history::{self, Past};
use crate::job::{ExportWork, Increment, Job, JobState, Work};
use crate::jobs::{Jobs, Stop};
use crate::layout;
use crate::picture::{self, Source, TAKEN, Target};
use crate::record::decode as decode_item;
use crate::written::{LinesWriter, key_below, put};

/// The steps after the rows have been gathered; incremental exports gather in the steps before in their own way.
const GATHERED: u8 = TAKEN + 1;
const WRITING: u8 = GATHERED + 1;
const LOOKING_BACK: u8 = 0;
const LOOKING: u8 = 1;
const LOOKING_FORWARD: u8 = 2;

const PAGE_ROWS: usize = 100;
/// Uncompressed bytes after which the next object begins.
const FILE_BYTES: usize = 32 << 20;

/// How an item changed between two times.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
struct Delta {
    /// When it was last written.
    #[n(0)]
    at_ms: i64,
    #[cbor(n(1), with = "minicbor::bytes")]
    old: Option<Vec<u8>>,
    #[cbor(n(2), with = "minicbor::bytes")]
    new: Option<Vec<u8>>,
    /// Any form that it had: its key is in it.
    #[cbor(n(3), with = "minicbor::bytes")]
    any: Option<Vec<u8>>,
}

pub(crate) async fn run(jobs: &Jobs, job: &mut Job, work: &ExportWork) -> Result<(), Stop> {
    let objects = jobs.objects()?;
    put(&*objects, &work.place.bucket, &key(job, work, "_started"), Bytes::new()).await?;
    cut(jobs, job, work).await?;
    if job.progress.step < GATHERED {
        match &work.incremental {
            None => picture::take(jobs, job, Source::Table(job.table.id), Target::Aside(work.number)).await?,
            Some(_) => gather(jobs, job, work.number).await?,
        }
        next_step(jobs, job, GATHERED).await?;
    }
    if job.progress.step == GATHERED {
        jobs.let_go(job).await?;
        next_step(jobs, job, WRITING).await?;
    }
    write(jobs, job, work, &*objects).await?;
    write_manifests(jobs, job, work, &*objects).await?;
    jobs.end(job, Batch::new()).await?;
    forget(jobs, work).await;
    Ok(())
}

/// Rows that stay go with the next sweep.
async fn forget(jobs: &Jobs, work: &ExportWork) {
    if let Err(error) = jobs.store.delete_range(KeyRange::prefix(layout::aside(work.number))).await {
        tracing::warn!(%error, "what an export gathered waits for the next sweep");
    }
}

pub(crate) async fn give_up(jobs: &Jobs, job: &mut Job, work: &ExportWork) -> Result<()> {
    jobs.let_go(job).await?;
    jobs.end(job, Batch::new()).await?;
    forget(jobs, work).await;
    Ok(())
}

async fn next_step(jobs: &Jobs, job: &mut Job, step: u8) -> Result<()> {
    job.progress.step = step;
    job.progress.cursor = None;
    jobs.save(job).await
}

async fn cut(jobs: &Jobs, job: &mut Job, work: &ExportWork) -> Result<()> {
    if job.progress.cut.is_some() {
        return Ok(());
    }
    if let Some(increment) = &work.incremental {
        let from = history::cut(&jobs.store, job.table.id, Timestamp(increment.from_ms)).await?;
        job.progress.from_cut = Some(from);
    }
    job.progress.cut = Some(history::cut(&jobs.store, job.table.id, Timestamp(work.when_ms)).await?);
    jobs.save(job).await
}

/// Gathers the items that changed between the cuts: from the history what they were before, from the table what they
/// are, and from the history again what they were after.
async fn gather(jobs: &Jobs, job: &mut Job, number: u32) -> Result<(), Stop> {
    let (from, to) = (job.progress.from_cut.unwrap_or(0), job.progress.cut.unwrap_or(0));
    if job.progress.step == LOOKING_BACK {
        look_through(jobs, job, number, (from, to), |delta, past| {
            let delta = delta.get_or_insert_default();
            delta.at_ms = delta.at_ms.max(past.at_ms);
            delta.any = delta.any.take().or_else(|| past.old.clone());
            delta.old = past.old;
        })
        .await?;
        next_step(jobs, job, LOOKING).await?;
    }
    if job.progress.step == LOOKING {
        look(jobs, job, number).await?;
        jobs.store.settle().await.map_err(Error::from)?;
        job.progress.end = Some(jobs.store.safe_seq().await.map_err(Error::from)?);
        next_step(jobs, job, LOOKING_FORWARD).await?;
    }
    let end = job.progress.end.unwrap_or(to);
    look_through(jobs, job, number, (to, end), |delta, past| {
        if let Some(delta) = delta {
            delta.new = past.old;
        }
    })
    .await
}

/// Shows each item of the history between two commits, the newest first, to what is gathered of it.
async fn look_through(
    jobs: &Jobs,
    job: &mut Job,
    number: u32,
    (after, upto): (u64, u64),
    change: impl Fn(&mut Option<Delta>, Past) + Send + Sync,
) -> Result<(), Stop> {
    let whole = layout::history_between(job.table.id, after, upto);
    let mut range = match &job.progress.cursor {
        Some(cursor) => whole.resume(cursor.clone().into(), true),
        None => whole,
    };
    loop {
        let options = ScanOptions::limit(PAGE_ROWS).reversed();
        let page = jobs.store.scan(range.clone(), options).await.map_err(Error::from)?;
        let mut pasts = Vec::with_capacity(page.entries.len());
        for (_, past) in &page.entries {
            pasts.push(decode::<Past>(past)?);
        }
        job.progress.cursor = page.next.as_ref().map(|next| next.to_vec());
        let mut keys: Vec<Bytes> = pasts.iter().map(|past| layout::aside_at(number, &past.tail)).collect();
        keys.sort_unstable();
        keys.dedup();
        let decide = |entries: &[Option<Entry>]| {
            let mut deltas: HashMap<&Bytes, Option<Delta>> = HashMap::with_capacity(keys.len());
            for (key, entry) in keys.iter().zip(entries) {
                deltas.insert(key, entry.as_ref().map(|entry| decode(&entry.value)).transpose()?);
            }
            for past in &pasts {
                if let Some(delta) = deltas.get_mut(&layout::aside_at(number, &past.tail)) {
                    change(delta, past.clone());
                }
            }
            let mut batch = Batch::new();
            for (key, delta) in deltas {
                if let Some(delta) = delta {
                    batch = batch.put(key.clone(), encode(&delta));
                }
            }
            Ok::<_, Error>((job.save(batch), ()))
        };
        jobs.check()?;
        jobs.store.transact(keys.clone(), decide).await.map_err(refusal)?;
        match page.next {
            Some(next) => range = range.resume(next, true),
            None => return Ok(()),
        }
        tokio::task::yield_now().await;
    }
}

/// Notes what the gathered items are now.
async fn look(jobs: &Jobs, job: &mut Job, number: u32) -> Result<(), Stop> {
    let space = layout::aside(number);
    let whole = KeyRange::prefix(space.clone());
    let mut range = match &job.progress.cursor {
        Some(cursor) => whole.resume(cursor.clone().into(), false),
        None => whole,
    };
    loop {
        let page =
            jobs.store.scan(range.clone(), ScanOptions::limit(PAGE_ROWS)).await.map_err(Error::from)?;
        let item_at = |key: &Bytes| layout::item_at(job.table.id, &key[space.len()..]);
        let items: Vec<Bytes> = page.entries.iter().map(|(key, _)| item_at(key)).collect();
        let found = jobs.store.multi_get(&items).await.map_err(Error::from)?;
        let mut batch = Batch::new();
        for ((key, delta), entry) in page.entries.iter().zip(found) {
            let new = entry.map(|entry| entry.value.to_vec());
            let mut delta: Delta = decode(delta)?;
            delta.any = delta.any.take().or_else(|| new.clone());
            delta.new = new;
            batch = batch.put(key.clone(), encode(&delta));
        }
        job.progress.cursor = page.next.as_ref().map(|next| next.to_vec());
        jobs.check()?;
        jobs.store.commit(job.save(batch)).await.map_err(Error::from)?;
        match page.next {
            Some(next) => range = range.resume(next, false),
            None => return Ok(()),
        }
        tokio::task::yield_now().await;
    }
}

/// Writes the gathered rows to objects; at least one, which may be empty.
async fn write(jobs: &Jobs, job: &mut Job, work: &ExportWork, objects: &dyn Objects) -> Result<(), Stop> {
    let whole = KeyRange::prefix(layout::aside(work.number));
    let mut rest = match &job.progress.cursor {
        Some(cursor) => Some(whole.resume(cursor.clone().into(), false)),
        None if job.progress.files.is_empty() => Some(whole),
        None => None,
    };
    while let Some(range) = rest {
        let mut file = LinesWriter::create(objects, &work.place.bucket, data_key(job, work)).await?;
        rest = fill(jobs, job, work, &mut file, range).await?;
        job.progress.files.push(file.finish().await?);
        job.progress.cursor = rest.as_ref().map(|rest| rest.start.to_vec());
        jobs.save(job).await?;
    }
    Ok(())
}

/// Writes rows of `range` until the object is large enough; answers what is left.
async fn fill(
    jobs: &Jobs,
    job: &mut Job,
    work: &ExportWork,
    file: &mut LinesWriter,
    mut range: KeyRange,
) -> Result<Option<KeyRange>, Stop> {
    loop {
        let page =
            jobs.store.scan(range.clone(), ScanOptions::limit(PAGE_ROWS)).await.map_err(Error::from)?;
        for (_, row) in &page.entries {
            let (json, bytes) = match &work.incremental {
                None => item_json(row)?,
                Some(increment) => delta_json(&decode(row)?, &work.keys, increment)?,
            };
            file.line(&json).await?;
            job.progress.items += 1;
            job.progress.bytes += bytes;
        }
        let Some(next) = page.next else { return Ok(None) };
        range = range.resume(next, false);
        if file.bytes >= FILE_BYTES {
            return Ok(Some(range));
        }
        tokio::task::yield_now().await;
    }
}

fn corrupt(error: codec::CodecError) -> Error {
    Error::Corrupt(error.to_string())
}

fn item_json(row: &[u8]) -> Result<(Vec<u8>, i64)> {
    let mut writer = Writer::with_capacity(row.len() * 2);
    writer.begin_object();
    writer.key("Item");
    codec::write_json(row, &mut writer).map_err(corrupt)?;
    writer.end_object();
    let size = codec::size(row).map_err(corrupt)?;
    Ok((writer.into_vec(), i64::try_from(size).unwrap_or(i64::MAX)))
}

fn delta_json(delta: &Delta, keys: &[String], increment: &Increment) -> Result<(Vec<u8>, i64)> {
    let mut writer = Writer::new();
    writer.begin_object();
    writer.key("Metadata");
    writer.begin_object();
    writer.key("WriteTimestampMicros");
    writer.begin_object();
    writer.key("N");
    writer.string(&(delta.at_ms * 1_000).to_string());
    writer.end_object();
    writer.end_object();
    writer.key("Keys");
    let mut key = decode_item(delta.any.as_deref().unwrap_or_default())?;
    key.retain(|name, _| keys.iter().any(|key| key == name));
    wire::json::WriteJson::write_json(&key, &mut writer);
    let old = delta.old.as_ref().filter(|_| increment.old_images);
    let mut bytes = 0;
    for (name, image) in [("OldImage", old), ("NewImage", delta.new.as_ref())] {
        if let Some(image) = image {
            writer.key(name);
            codec::write_json(image, &mut writer).map_err(corrupt)?;
            bytes += codec::size(image).map_err(corrupt)?;
        }
    }
    writer.end_object();
    Ok((writer.into_vec(), i64::try_from(bytes).unwrap_or(i64::MAX)))
}

/// The key of an object of this export.
fn key(job: &Job, work: &ExportWork, name: &str) -> String {
    key_below(work.place.prefix.as_deref(), &format!("AWSDynamoDB/{}/{name}", job.id))
}

/// The key of the next object of data. The same after a restart, so that none is there twice. Incremental exports
/// share a folder.
fn data_key(job: &Job, work: &ExportWork) -> String {
    let name = format!("{}{:04}.json.gz", job.id.replace('-', ""), job.progress.files.len());
    match &work.incremental {
        None => key(job, work, &format!("data/{name}")),
        Some(_) => key_below(work.place.prefix.as_deref(), &format!("AWSDynamoDB/data/{name}")),
    }
}

async fn write_manifests(
    jobs: &Jobs,
    job: &Job,
    work: &ExportWork,
    objects: &dyn Objects,
) -> Result<(), Stop> {
    let mut files = Vec::new();
    for file in &job.progress.files {
        let mut writer = Writer::new();
        writer.begin_object();
        writer.member("itemCount", &file.items);
        writer.member("md5Checksum", STANDARD.encode(&file.md5).as_str());
        let etag: String = file.md5.iter().map(|byte| format!("{byte:02x}")).collect();
        writer.member("etag", etag.as_str());
        writer.member("dataFileS3Key", file.key.as_str());
        writer.end_object();
        files.extend(writer.into_vec());
        files.push(b'\n');
    }
    let summary = summary_json(job, work, jobs.clock.now());
    for (name, content) in [("manifest-files", files), ("manifest-summary", summary)] {
        let md5 = STANDARD.encode(Md5::digest(&content));
        put(objects, &work.place.bucket, &key(job, work, &format!("{name}.json")), content).await?;
        put(objects, &work.place.bucket, &key(job, work, &format!("{name}.md5")), md5).await?;
    }
    Ok(())
}

fn summary_json(job: &Job, work: &ExportWork, now: Timestamp) -> Vec<u8> {
    let mut writer = Writer::new();
    let text = |writer: &mut Writer, name: &'static str, text: Option<&str>| {
        writer.key(name);
        match text {
            Some(text) => writer.string(text),
            None => writer.null(),
        }
    };
    let version = if work.incremental.is_some() { "2023-08-01" } else { "2020-06-30" };
    writer.begin_object();
    text(&mut writer, "version", Some(version));
    text(&mut writer, "exportArn", Some(&job.arn("export")));
    text(&mut writer, "startTime", Some(&job.started().iso8601()));
    text(&mut writer, "endTime", Some(&now.iso8601()));
    text(&mut writer, "tableArn", Some(&job.table_arn()));
    text(&mut writer, "tableId", Some(&job.table.uuid));
    match &work.incremental {
        None => text(&mut writer, "exportTime", Some(&Timestamp(work.when_ms).iso8601())),
        Some(increment) => {
            text(&mut writer, "exportFromTime", Some(&Timestamp(increment.from_ms).iso8601()));
            text(&mut writer, "exportToTime", Some(&Timestamp(work.when_ms).iso8601()));
        }
    }
    text(&mut writer, "s3Bucket", Some(&work.place.bucket));
    text(&mut writer, "s3Prefix", work.place.prefix.as_deref());
    text(&mut writer, "s3SseAlgorithm", Some(if work.place.kms { "KMS" } else { "AES256" }));
    text(&mut writer, "s3SseKmsKeyId", work.place.kms_key.as_deref());
    text(&mut writer, "manifestFilesS3Key", Some(&key(job, work, "manifest-files.json")));
    writer.member("billedSizeBytes", &job.progress.bytes);
    writer.member("itemCount", &job.progress.items);
    text(&mut writer, "outputFormat", Some("DYNAMODB_JSON"));
    if let Some(increment) = &work.incremental {
        text(&mut writer, "outputView", Some(view(increment).as_str()));
    }
    text(&mut writer, "exportType", Some(kind(work).as_str()));
    writer.end_object();
    writer.into_vec()
}

fn view(increment: &Increment) -> ExportViewType {
    if increment.old_images { ExportViewType::NewAndOldImages } else { ExportViewType::NewImage }
}

fn kind(work: &ExportWork) -> ExportType {
    if work.incremental.is_some() { ExportType::IncrementalExport } else { ExportType::FullExport }
}

pub(crate) fn status(job: &Job) -> ExportStatus {
    match job.state {
        JobState::Running => ExportStatus::InProgress,
        JobState::Completed => ExportStatus::Completed,
        JobState::Failed | JobState::Cancelled => ExportStatus::Failed,
    }
}

pub(crate) fn summary(job: &Job) -> shape::ExportSummary {
    let typed = match &job.work {
        Work::Export(work) => Some(kind(work)),
        _ => None,
    };
    shape::ExportSummary {
        export_arn: Some(job.arn("export")),
        export_status: Some(status(job)),
        export_type: typed,
    }
}

/// As DescribeExport tells it: counts and the manifest only at the end.
pub(crate) fn description(job: &Job, work: &ExportWork) -> shape::ExportDescription {
    let completed = job.state == JobState::Completed;
    let failure = job.failure.as_ref();
    shape::ExportDescription {
        export_arn: Some(job.arn("export")),
        export_status: Some(status(job)),
        start_time: Some(job.started()),
        end_time: job.ended(),
        export_manifest: completed.then(|| key(job, work, "manifest-summary.json")),
        table_arn: Some(job.table_arn()),
        table_id: Some(job.table.uuid.clone()),
        export_time: work.incremental.is_none().then_some(Timestamp(work.when_ms)),
        client_token: job.token.clone(),
        s3_bucket: Some(work.place.bucket.clone()),
        s3_bucket_owner: work.place.owner.clone(),
        s3_prefix: work.place.prefix.clone(),
        s3_sse_algorithm: Some(if work.place.kms { S3SseAlgorithm::Kms } else { S3SseAlgorithm::Aes256 }),
        s3_sse_kms_key_id: work.place.kms_key.clone(),
        failure_code: failure.map(|failure| failure.code.clone()),
        failure_message: failure.map(|failure| failure.message.clone()),
        export_format: Some(ExportFormat::DynamodbJson),
        billed_size_bytes: completed.then_some(job.progress.bytes),
        item_count: completed.then_some(job.progress.items),
        export_type: work.typed.then(|| kind(work)),
        incremental_export_specification: work.incremental.as_ref().map(|increment| {
            shape::IncrementalExportSpecification {
                export_from_time: Some(Timestamp(increment.from_ms)),
                export_to_time: Some(Timestamp(work.when_ms)),
                export_view_type: Some(view(increment)),
            }
        }),
        ..shape::ExportDescription::default()
    }
}
