//! Bulk operations: the items of objects put into a table that is there, and a report of those that were not.

use std::collections::BTreeMap;

use api::dynamodb as shape;
use api::dynamodb::{
    BulkOperationPerformanceTier, BulkOperationStatus, InputCompressionType, OutputTypeEnum,
};
use bytes::Bytes;
use store::{Batch, KeyRange, ScanOptions};
use wire::json::Writer;

use crate::error::{Error, Result};
use crate::job::{BulkWork, Job, JobState, told_json};
use crate::jobs::{Jobs, Stop};
use crate::layout;
use crate::load::{ERRORS, Load, Report, UNMET};
use crate::table::{Reach, Table};
use crate::written::{LinesWriter, key_below, put};

const PAGE_ROWS: usize = 100;

pub(crate) async fn run(jobs: &Jobs, job: &mut Job, work: &BulkWork) -> Result<(), Stop> {
    let input: shape::InputS3Configuration = told_json(&work.input)?;
    let output: shape::OutputS3Configuration = told_json(&work.output)?;
    let wants = |kind| output.s3_bucket.is_some() && output.output_type.contains(&kind);
    let load = Load {
        bucket: input.s3_bucket,
        prefix: input.s3_key_prefix.unwrap_or_default(),
        gzip: input.input_compression_type == Some(InputCompressionType::Gzip),
        csv: None,
        report: Some(Report {
            number: work.number,
            errors: wants(OutputTypeEnum::Error),
            unmet: wants(OutputTypeEnum::ConditionCheckFailure),
        }),
        units_max: work.units_max,
    };
    let loaded = load.run(jobs, job).await;
    if !matches!(loaded, Ok(()) | Err(Stop::Cancelled)) {
        return loaded;
    }
    if let Some(bucket) = &output.s3_bucket {
        report(jobs, job, work.number, (bucket, output.s3_key_prefix.as_deref())).await?;
    }
    loaded?;
    jobs.end(job, Batch::new()).await?;
    forget(jobs, work).await;
    Ok(())
}

pub(crate) async fn give_up(jobs: &Jobs, job: &mut Job, work: &BulkWork) -> Result<()> {
    jobs.end(job, Batch::new()).await?;
    forget(jobs, work).await;
    Ok(())
}

/// Rows that stay go with the next sweep.
async fn forget(jobs: &Jobs, work: &BulkWork) {
    if let Err(error) = jobs.store.delete_range(KeyRange::prefix(layout::aside(work.number))).await {
        tracing::warn!(%error, "the rows of a report wait for the next sweep");
    }
}

/// Writes what was not put, by its kind, and a manifest.
async fn report(
    jobs: &Jobs,
    job: &Job,
    number: u32,
    (bucket, prefix): (&str, Option<&str>),
) -> Result<(), Stop> {
    let objects = jobs.objects()?;
    let key = |name: &str| key_below(prefix, &format!("AWSDynamoDB/{}/{name}", job.id));
    let mut writer = Writer::new();
    writer.begin_object();
    writer.member("bulkOperationArn", job.arn("bulk-operation").as_str());
    writer.member("processedItemCount", &job.progress.processed);
    writer.member("failedItemCount", &job.progress.errors);
    writer.member("conditionCheckFailureCount", &job.progress.unmet);
    writer.key("files");
    writer.begin_array();
    for (kind, name) in [(ERRORS, "ERROR"), (UNMET, "CONDITION_CHECK_FAILURE")] {
        let mut range = KeyRange::prefix(layout::aside_at(number, &[kind]));
        let first = jobs.store.scan(range.clone(), ScanOptions::limit(1)).await.map_err(Error::from)?;
        if first.entries.is_empty() {
            continue;
        }
        let mut file = LinesWriter::create(&*objects, bucket, key(&format!("data/{name}.json.gz"))).await?;
        loop {
            let page =
                jobs.store.scan(range.clone(), ScanOptions::limit(PAGE_ROWS)).await.map_err(Error::from)?;
            for (_, row) in &page.entries {
                file.line(row).await?;
            }
            match page.next {
                Some(next) => range = range.resume(next, false),
                None => break,
            }
            tokio::task::yield_now().await;
        }
        let written = file.finish().await?;
        writer.begin_object();
        writer.member("outputType", name);
        writer.member("itemCount", &written.items);
        writer.member("dataFileS3Key", written.key.as_str());
        writer.end_object();
    }
    writer.end_array();
    writer.end_object();
    Ok(put(&*objects, bucket, &key("manifest.json"), Bytes::from(writer.into_vec())).await?)
}

pub(crate) fn status(job: &Job, cancelling: bool) -> BulkOperationStatus {
    match job.state {
        JobState::Running if cancelling => BulkOperationStatus::Cancelling,
        JobState::Running => BulkOperationStatus::InProgress,
        JobState::Completed if job.progress.errors > 0 => BulkOperationStatus::CompletedWithErrors,
        JobState::Completed => BulkOperationStatus::Completed,
        JobState::Failed => BulkOperationStatus::Failed,
        JobState::Cancelled => BulkOperationStatus::Cancelled,
    }
}

/// `table` is there to name its indexes.
pub(crate) fn description(
    job: &Job,
    work: &BulkWork,
    (table, cancelling): (Option<&Table>, bool),
) -> Result<shape::BulkOperationDescription> {
    let failure = job.failure.as_ref();
    let tier = work.accelerated.unwrap_or_default();
    Ok(shape::BulkOperationDescription {
        bulk_operation_arn: Some(job.arn("bulk-operation")),
        bulk_operation_status: Some(status(job, cancelling)),
        table_details: Some(vec![shape::BulkOperationTableDetail {
            table_name: Some(job.table.name.clone()),
            table_id: Some(job.table.uuid.clone()),
        }]),
        client_token: job.token.clone(),
        input_s3_configuration: Some(told_json(&work.input)?),
        output_s3_configuration: Some(told_json(&work.output)?),
        start_time: Some(job.started()),
        end_time: job.ended(),
        processed_item_count: Some(job.progress.processed),
        processed_input_bytes: Some(job.progress.input_bytes),
        total_input_bytes: Some(job.progress.input_bytes_all),
        bulk_operation_usage: Some(vec![usage(job, table)]),
        failed_item_count: Some(job.progress.errors),
        failure_code: failure.map(|failure| failure.code.clone()),
        failure_message: failure.map(|failure| failure.message.clone()),
        max_write_request_units: work.units_max,
        performance_tier: Some(match tier {
            true => BulkOperationPerformanceTier::Accelerated,
            false => BulkOperationPerformanceTier::Standard,
        }),
    })
}

fn usage(job: &Job, table: Option<&Table>) -> shape::BulkOperationUsage {
    let of = |bytes: i64| shape::BulkOperationBytes { bulk_put_bytes: Some(bytes) };
    let indexes = |reach: Reach| {
        let known = table.into_iter().flat_map(|table| &table.indexes);
        let found = known.filter(|index| index.reach == reach).filter_map(|index| {
            let (_, bytes) = job.progress.usage.iter().find(|(number, _)| *number == index.number)?;
            Some((index.name.clone(), of(*bytes)))
        });
        let found: BTreeMap<_, _> = found.collect();
        (!found.is_empty()).then_some(found)
    };
    shape::BulkOperationUsage {
        table_name: Some(job.table.name.clone()),
        bulk_put_bytes: Some(job.progress.usage.iter().map(|(_, bytes)| bytes).sum()),
        table: Some(of(job.progress.bytes)),
        local_secondary_indexes: indexes(Reach::Local),
        global_secondary_indexes: indexes(Reach::Global),
        vector_indexes: None,
    }
}
