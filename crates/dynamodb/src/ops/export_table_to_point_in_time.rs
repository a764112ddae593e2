//! ExportTableToPointInTime. The objects are written behind the request.

use api::dynamodb::{
    ExportFormat, ExportTableToPointInTimeInput, ExportTableToPointInTimeOutput, ExportType, ExportViewType,
    IncrementalExportSpecification, S3SseAlgorithm, errors,
};
use base::{Arn, Cx, Timestamp};
use store::Batch;

use super::describe_continuous_backups::second;
use super::restore_table_to_point_in_time::recovery_is_off;
use crate::catalogue::{Decision, allocate_id};
use crate::error::{Error, Result};
use crate::job::{self, EXPORTS, ExportWork, Increment, Job, Place, TableRef, Work};
use crate::table::Table;
use crate::{DynamoDb, export};

const PERIOD_MS_MIN: i64 = 15 * 60_000;
const PERIOD_MS_MAX: i64 = 24 * 3_600_000;

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: ExportTableToPointInTimeInput,
) -> Result<ExportTableToPointInTimeOutput> {
    let now = db.clock.now();
    check(&input)?;
    db.jobs.objects().map_err(super::import_table::no_objects)?;
    let fingerprint = job::fingerprint(&input);
    let token = (input.client_token.as_deref(), now);
    if let Some(job) = job::of_token(&db.store, &cx.scope, EXPORTS, token).await? {
        if job.fingerprint != fingerprint {
            return Err(Error::shaped(errors::export_conflict(
                "Export conflict: Duplicate request detected with conflicting parameters",
            )));
        }
        return Ok(output(&job));
    }
    let name = table_name(cx, &input.table_arn)?;
    let missing = || Error::shaped(errors::table_not_found(format!("Table not found: {}", input.table_arn)));
    let table = db.backed_up_table(cx, name).await.map_err(|_| missing())?;
    let (when, incremental) = times(&table, &input, now)?;
    let source = TableRef::of(&table);
    let work = ExportWork {
        number: allocate_id(&db.store).await?,
        when_ms: when.0,
        incremental,
        place: Place {
            bucket: input.s3_bucket.clone(),
            prefix: input.s3_prefix.clone(),
            owner: input.s3_bucket_owner.clone(),
            kms: input.s3_sse_algorithm == Some(S3SseAlgorithm::Kms),
            kms_key: input.s3_sse_kms_key_id.clone(),
        },
        typed: input.export_type.is_some(),
        keys: table.key.parts().map(|part| part.name.clone()).collect(),
    };
    drop(table);
    let job = Job::new(&cx.scope, now, source.clone(), Work::Export(work));
    let job = job.asked(input.client_token.as_deref(), fingerprint);
    let decide = |before: Option<&Table>| {
        let before = before.filter(|before| before.id == source.id && before.recovery_window(now).is_some());
        let held = before.ok_or_else(missing)?.held_for(&job.id);
        Ok(Decision::becomes(held).with(job.begin(Batch::new())))
    };
    db.catalogue.alter(&cx.scope, name, decide).await?;
    db.jobs.start(job.clone());
    Ok(output(&job))
}

fn output(job: &Job) -> ExportTableToPointInTimeOutput {
    let Work::Export(work) = &job.work else { return ExportTableToPointInTimeOutput::default() };
    ExportTableToPointInTimeOutput { export_description: Some(export::description(job, work)) }
}

fn check(input: &ExportTableToPointInTimeInput) -> Result<()> {
    if input.export_format == Some(ExportFormat::Ion) {
        return Err(Error::parameter("Rushlight does not support ExportFormat ION; use DYNAMODB_JSON"));
    }
    if input.filter_specification.is_some() {
        return Err(Error::parameter("Rushlight does not support FilterSpecification yet"));
    }
    if input.s3_sse_kms_key_id.is_some() && input.s3_sse_algorithm != Some(S3SseAlgorithm::Kms) {
        return Err(Error::invalid("Invalid Request: KMS Key Id is not supported for this encryption type"));
    }
    let asked = &input.incremental_export_specification;
    match (input.export_type, asked) {
        (None, Some(_)) => Err(Error::invalid(
            "Invalid Request: Export Type expected to be Incremental Export when incremental export specification \
             is provided",
        )),
        (Some(ExportType::FullExport), Some(_)) => Err(Error::invalid(
            "Invalid Request: When Export Type is Full Export , Incremental Export Specification should not be \
             provided",
        )),
        (Some(ExportType::IncrementalExport), None) => Err(Error::invalid(
            "Invalid Request: Incremental Export Specification expected when export type is set as Incremental \
             Export",
        )),
        (_, Some(IncrementalExportSpecification { export_from_time: None, .. })) => Err(Error::invalid(
            "Invalid Request: ExportFromTime must be provided in IncrementalExportSpecification",
        )),
        _ => Ok(()),
    }
}

/// As on AWS the region of the ARN does not matter.
fn table_name<'a>(cx: &Cx, arn: &'a str) -> Result<&'a str> {
    let parsed: Arn = arn.parse().map_err(|_| Error::parameter("tableArn is not a valid ARN"))?;
    let resource = arn.splitn(6, ':').nth(5).and_then(|resource| resource.strip_prefix("table/"));
    match resource.filter(|name| !name.contains('/') && parsed.service == "dynamodb") {
        Some(_) if parsed.account != cx.scope.account.to_string() => Err(Error::access_denied()),
        Some(name) => Ok(name),
        None => Err(Error::invalid("Invalid Request: Table ARN is invalid.")),
    }
}

fn times(
    table: &Table,
    input: &ExportTableToPointInTimeInput,
    now: Timestamp,
) -> Result<(Timestamp, Option<Increment>)> {
    let refuse = |message: String| Err(Error::shaped(errors::invalid_export_time(message)));
    let window = table.recovery_window(now);
    let Some(asked) = &input.incremental_export_specification else {
        let window = window.ok_or_else(|| recovery_is_off(&table.name))?;
        return match input.export_time {
            Some(when) if when.0 > now.0 || when.0 < window.earliest.0 => {
                refuse("Export Time is invalid".to_owned())
            }
            when => Ok((when.unwrap_or(now), None)),
        };
    };
    let from = asked.export_from_time.unwrap_or(now);
    let to = asked.export_to_time.unwrap_or(now);
    if window.is_none_or(|window| from.0 < window.earliest.0) {
        return refuse(format!(
            "Incremental export period from time cannot be less than the table creation time : {}",
            second(from)
        ));
    }
    if to.0 > now.0 {
        return refuse(format!(
            "Incremental export period to time cannot be greater than the current time : {}",
            second(to)
        ));
    }
    let difference = "Difference between export period from time and export period to time is";
    match to.0 - from.0 {
        ms if ms < PERIOD_MS_MIN => refuse(format!("{difference} less than 15 minutes")),
        ms if ms > PERIOD_MS_MAX => refuse(format!("{difference} greater than 24 hours")),
        _ => {
            let old_images = asked.export_view_type != Some(ExportViewType::NewImage);
            Ok((to, Some(Increment { from_ms: from.0, old_images })))
        }
    }
}
