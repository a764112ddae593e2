//! DescribeBulkOperation.

use api::dynamodb::{DescribeBulkOperationInput, DescribeBulkOperationOutput};
use base::{Cx, Scope};

use crate::backup::{ArnFault, resource_parts};
use crate::error::{Error, Result};
use crate::job::{self, BULK, Job, Work};
use crate::{DynamoDb, bulk, layout};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: DescribeBulkOperationInput,
) -> Result<DescribeBulkOperationOutput> {
    let job = find(db, &cx.scope, &input.bulk_operation_arn).await?;
    let cancelling = db.store.get(&layout::to_cancel(&job.key())).await?.is_some();
    let Work::Bulk(work) = &job.work else { return Ok(DescribeBulkOperationOutput::default()) };
    let table = db.catalogue.get(&job.scope, &job.table.name);
    let table = table.filter(|table| table.id == job.table.id);
    let bulk_operation_description = bulk::description(&job, work, (table.as_deref(), cancelling))?;
    Ok(DescribeBulkOperationOutput { bulk_operation_description })
}

pub(crate) async fn find(db: &DynamoDb, scope: &Scope, arn: &str) -> Result<Job> {
    let (table, id) = resource_parts(scope, arn, "/bulk-operation/").map_err(|fault| match fault {
        ArnFault::Malformed => Error::invalid("Invalid Bulk Operation ARN"),
        ArnFault::Foreign => Error::access_denied(),
    })?;
    let found = job::find(&db.store, scope, BULK, id).await?.filter(|job| job.table.name == table);
    found.ok_or_else(|| Error::NotFound(format!("Bulk operation not found: {arn}")))
}
