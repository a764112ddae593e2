//! ImportTable. The table is made, and filled, behind the request.

use api::dynamodb::{ImportTableInput, ImportTableOutput, InputCompressionType, InputFormat, errors};
use base::Cx;
use store::Batch;

use crate::catalogue::allocate_id;
use crate::error::{Error, Result};
use crate::job::{self, IMPORTS, ImportWork, Job, TableRef, Work, kept_json};
use crate::jobs::Stop;
use crate::{DynamoDb, import};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: ImportTableInput) -> Result<ImportTableOutput> {
    let now = db.clock.now();
    check(&input)?;
    db.jobs.objects().map_err(no_objects)?;
    let creation = &input.table_creation_parameters;
    let declared = import::declare(&cx.scope, creation.clone(), now)?;
    let token = (input.client_token.as_deref(), now);
    if let Some(job) = job::of_token(&db.store, &cx.scope, IMPORTS, token).await? {
        // As captured: of all that may differ, AWS looks at the name of the table.
        if job.table.name != creation.table_name {
            return Err(Error::shaped(errors::import_conflict(
                "Import conflict: Duplicate request detected with conflicting parameters",
            )));
        }
        return output(&job);
    }
    if let Some(table) = db.catalogue.fresh(&cx.scope, &declared.name).await? {
        // Another import of this name is told at its end.
        if table.making().is_none_or(|making| making.restored.is_some()) {
            return Err(Error::InUse(format!("Table already exists: {}", declared.name)));
        }
    }
    let work = ImportWork {
        source: kept_json(&input.s3_bucket_source),
        csv: input.input_format == InputFormat::Csv,
        options: input.input_format_options.as_ref().map(kept_json),
        gzip: input.input_compression_type == Some(InputCompressionType::Gzip),
        creation: kept_json(creation),
    };
    let table = TableRef { id: allocate_id(&db.store).await?, ..TableRef::of(&declared) };
    let fingerprint = job::fingerprint(&input);
    let job = Job::new(&cx.scope, now, table, Work::Import(work));
    let job = job.asked(input.client_token.as_deref(), fingerprint);
    db.store.commit(job.begin(Batch::new())).await?;
    db.jobs.start(job.clone());
    output(&job)
}

fn output(job: &Job) -> Result<ImportTableOutput> {
    let Work::Import(work) = &job.work else { return Ok(ImportTableOutput::default()) };
    Ok(ImportTableOutput { import_table_description: import::description(job, work)? })
}

fn check(input: &ImportTableInput) -> Result<()> {
    if input.input_format == InputFormat::Ion {
        return Err(Error::parameter("Rushlight does not support InputFormat ION; use DYNAMODB_JSON or CSV"));
    }
    if input.input_compression_type == Some(InputCompressionType::Zstd) {
        return Err(no_zstd());
    }
    if input.input_format != InputFormat::Csv && input.input_format_options.is_some() {
        return Err(Error::invalid(format!(
            "Invalid Request: Unsupported InputFormatOptions for the given input format: {}.",
            input.input_format.as_str()
        )));
    }
    Ok(())
}

pub(crate) fn no_zstd() -> Error {
    Error::parameter("Rushlight does not support InputCompressionType ZSTD; use GZIP or NONE")
}

/// Said when there is nowhere to write to or to read from.
pub(crate) fn no_objects(_: Stop) -> Error {
    Error::invalid("Rushlight has no folder for the objects of S3: start it with --objects DIR")
}
