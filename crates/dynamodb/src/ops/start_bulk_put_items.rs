//! StartBulkPutItems. The items are put behind the request.

use api::dynamodb::{
    BulkOperationInputFormat, BulkOperationPerformanceTier, InputCompressionType, StartBulkPutItemsInput,
    StartBulkPutItemsOutput, errors,
};
use base::Cx;
use store::Batch;

use crate::catalogue::allocate_id;
use crate::error::{Error, Result};
use crate::job::{self, BULK, BulkWork, Job, TableRef, Work, kept_json};
use crate::{DynamoDb, bulk};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: StartBulkPutItemsInput,
) -> Result<StartBulkPutItemsOutput> {
    let now = db.clock.now();
    if input.input_s3_configuration.input_format == BulkOperationInputFormat::Ion {
        return Err(Error::parameter("Rushlight does not support InputFormat ION; use DYNAMODB_JSON"));
    }
    if input.input_s3_configuration.input_compression_type == Some(InputCompressionType::Zstd) {
        return Err(super::import_table::no_zstd());
    }
    db.jobs.objects().map_err(super::import_table::no_objects)?;
    let fingerprint = job::fingerprint(&input);
    let token = (input.client_token.as_deref(), now);
    if let Some(job) = job::of_token(&db.store, &cx.scope, BULK, token).await? {
        if job.fingerprint != fingerprint {
            return Err(Error::shaped(errors::idempotent_parameter_mismatch(
                "The request uses the same client token as a previous, but non-identical request.",
            )));
        }
        return output(db, &job);
    }
    let table = db.named_table(cx, &input.table_name).await?;
    let work = BulkWork {
        input: kept_json(&input.input_s3_configuration),
        output: kept_json(&input.output_s3_configuration),
        units_max: input.max_write_request_units,
        accelerated: input.performance_tier.map(|tier| tier == BulkOperationPerformanceTier::Accelerated),
        number: allocate_id(&db.store).await?,
    };
    let job = Job::new(&cx.scope, now, TableRef::of(&table), Work::Bulk(work));
    drop(table);
    let job = job.asked(input.client_token.as_deref(), fingerprint);
    db.store.commit(job.begin(Batch::new())).await?;
    db.jobs.start(job.clone());
    output(db, &job)
}

fn output(db: &DynamoDb, job: &Job) -> Result<StartBulkPutItemsOutput> {
    let Work::Bulk(work) = &job.work else { return Ok(StartBulkPutItemsOutput::default()) };
    let table = db.catalogue.get(&job.scope, &job.table.name);
    let bulk_operation_description = bulk::description(job, work, (table.as_deref(), false))?;
    Ok(StartBulkPutItemsOutput { bulk_operation_description })
}
