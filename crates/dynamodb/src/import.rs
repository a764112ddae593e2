//! Imports: a new table of the items of objects. The table comes when the objects have been found, and everybody may
//! use it when all have been read; bad records are left out, and make the import a failure, as on AWS.

use api::dynamodb as shape;
use api::dynamodb::{CreateTableInput, ImportStatus, InputCompressionType, InputFormat};
use base::{Arn, Scope};
use store::Batch;

use crate::catalogue::Decision;
use crate::error::Result;
use crate::job::{ImportWork, Job, JobFailure, JobState, told_json};
use crate::jobs::{Jobs, Stop};
use crate::load::{Csv, Load};
use crate::recovery::{Making, Recovery};
use crate::table::{Table, TablePhase};
use crate::{restore, schema};

const LISTED: u8 = 0;
const LOADING: u8 = 1;

/// The table that a request describes.
pub(crate) fn declare(
    scope: &Scope,
    asked: shape::TableCreationParameters,
    now: base::Timestamp,
) -> Result<Table> {
    let input = CreateTableInput {
        table_name: asked.table_name,
        attribute_definitions: Some(asked.attribute_definitions),
        key_schema: Some(asked.key_schema),
        billing_mode: asked.billing_mode,
        provisioned_throughput: asked.provisioned_throughput,
        on_demand_throughput: asked.on_demand_throughput,
        sse_specification: asked.sse_specification,
        global_secondary_indexes: asked.global_secondary_indexes,
        vector_indexes: asked.vector_indexes,
        ..CreateTableInput::default()
    };
    schema::declare(scope, &input, now)
}

pub(crate) async fn run(jobs: &Jobs, job: &mut Job, work: &ImportWork) -> Result<(), Stop> {
    let load = load_of(work)?;
    if job.progress.step == LISTED {
        let objects = load.list(jobs).await?;
        job.progress.input_bytes_all =
            objects.iter().map(|object| i64::try_from(object.size).unwrap_or(i64::MAX)).sum();
        job.progress.step = LOADING;
        create(jobs, job, work).await?;
    }
    load.run(jobs, job).await?;
    if job.progress.errors > 0 {
        job.state = JobState::Failed;
        job.failure = Some(JobFailure {
            code: "ItemValidationError".to_owned(),
            message: "Some of the items failed validation checks and were not imported. Please check CloudWatch error \
                      logs for more details."
                .to_owned(),
        });
    }
    let target = job.table.clone();
    restore::show(jobs, job, &target).await
}

async fn create(jobs: &Jobs, job: &Job, work: &ImportWork) -> Result<(), Stop> {
    let asked: shape::TableCreationParameters = told_json(&work.creation)?;
    let declared = declare(&job.scope, asked, job.started())?;
    let making = Making { job: job.id.clone(), restored: None };
    let table = Table {
        id: job.table.id,
        uuid: job.table.uuid.clone(),
        phase: Some(TablePhase::Creating),
        recovery: Some(Recovery { making: Some(making), ..Recovery::default() }),
        ..declared
    };
    let decide = |before: Option<&Table>| match before {
        Some(_) => Ok(Decision::stays().answering(false)),
        None => {
            let batch = job.save(Batch::new());
            Ok(Decision::becomes(table.clone()).with(batch).answering(true))
        }
    };
    match jobs.catalogue.alter(&job.scope, &table.name, decide).await? {
        true => Ok(()),
        false => Err(Stop::failed("TableAlreadyExists", format!("Table already exists: {}", table.name))),
    }
}

/// What was read of a table that nobody saw goes with it.
pub(crate) async fn give_up(jobs: &Jobs, job: &mut Job) -> Result<()> {
    let target = job.table.clone();
    restore::give_up(jobs, job, &target).await
}

fn load_of(work: &ImportWork) -> Result<Load> {
    let source: shape::S3BucketSource = told_json(&work.source)?;
    let options = work.options.as_deref().map(told_json::<shape::InputFormatOptions>).transpose()?;
    let options = options.and_then(|options| options.csv);
    let csv = work.csv.then(|| Csv {
        delimiter: options.as_ref().and_then(|csv| csv.delimiter.as_ref()?.bytes().next()).unwrap_or(b','),
        header: options.as_ref().and_then(|csv| csv.header_list.clone()),
    });
    Ok(Load {
        bucket: source.s3_bucket,
        prefix: source.s3_key_prefix.unwrap_or_default(),
        gzip: work.gzip,
        csv,
        report: None,
        units_max: None,
    })
}

pub(crate) fn status(job: &Job) -> ImportStatus {
    match job.state {
        JobState::Running => ImportStatus::InProgress,
        JobState::Completed => ImportStatus::Completed,
        JobState::Failed => ImportStatus::Failed,
        JobState::Cancelled => ImportStatus::Cancelled,
    }
}

fn log_group(scope: &Scope) -> String {
    Arn::new("logs", scope, "log-group:/aws-dynamodb/imports:*").to_string()
}

fn source(job: &Job, work: &ImportWork) -> Result<shape::S3BucketSource> {
    let source: shape::S3BucketSource = told_json(&work.source)?;
    let owner = source.s3_bucket_owner.unwrap_or_else(|| job.scope.account.to_string());
    Ok(shape::S3BucketSource { s3_bucket_owner: Some(owner), ..source })
}

fn format(work: &ImportWork) -> InputFormat {
    if work.csv { InputFormat::Csv } else { InputFormat::DynamodbJson }
}

pub(crate) fn summary(job: &Job, work: &ImportWork) -> Result<shape::ImportSummary> {
    Ok(shape::ImportSummary {
        import_arn: Some(job.arn("import")),
        import_status: Some(status(job)),
        table_arn: Some(job.table_arn()),
        s3_bucket_source: Some(source(job, work)?),
        cloud_watch_log_group_arn: Some(log_group(&job.scope)),
        input_format: Some(format(work)),
        start_time: Some(job.started()),
        end_time: job.ended(),
    })
}

pub(crate) fn description(job: &Job, work: &ImportWork) -> Result<shape::ImportTableDescription> {
    let failure = job.failure.as_ref();
    let compression = if work.gzip { InputCompressionType::Gzip } else { InputCompressionType::None };
    Ok(shape::ImportTableDescription {
        import_arn: Some(job.arn("import")),
        import_status: Some(status(job)),
        table_arn: Some(job.table_arn()),
        table_id: Some(job.table.uuid.clone()),
        client_token: job.token.clone(),
        s3_bucket_source: Some(source(job, work)?),
        error_count: Some(job.progress.errors),
        cloud_watch_log_group_arn: Some(log_group(&job.scope)),
        input_format: Some(format(work)),
        input_format_options: work.options.as_deref().map(told_json).transpose()?,
        input_compression_type: Some(compression),
        table_creation_parameters: Some(told_json(&work.creation)?),
        start_time: Some(job.started()),
        end_time: job.ended(),
        processed_size_bytes: Some(job.progress.input_bytes),
        processed_item_count: Some(job.progress.processed),
        imported_item_count: Some(job.progress.items),
        failure_code: failure.map(|failure| failure.code.clone()),
        failure_message: failure.map(|failure| failure.message.clone()),
    })
}
