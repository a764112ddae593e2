//! CancelBulkOperation. What is already put stays.

use api::dynamodb::{BulkOperationStatus, CancelBulkOperationInput, CancelBulkOperationOutput};
use base::Cx;
use bytes::Bytes;
use store::{Batch, Entry};

use super::describe_bulk_operation::find;
use crate::catalogue::{decode, refusal};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::{DynamoDb, bulk, layout};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: CancelBulkOperationInput,
) -> Result<CancelBulkOperationOutput> {
    let job = find(db, &cx.scope, &input.bulk_operation_arn).await?;
    let mark = layout::to_cancel(&job.key());
    // One that has ended leaves no mark behind.
    let decide = |entries: &[Option<Entry>]| {
        let job = entries[0].as_ref().map(|entry| decode::<Job>(&entry.value)).transpose()?;
        Ok::<_, Error>(match job.filter(|job| job.ended_ms.is_some()) {
            Some(job) => (Batch::new(), Some(job)),
            None => (Batch::new().put(mark.clone(), Bytes::new()), None),
        })
    };
    let (ended, _) = db.store.transact(vec![job.key()], decide).await.map_err(refusal)?;
    let status = ended.map_or(BulkOperationStatus::Cancelling, |job| bulk::status(&job, false));
    Ok(CancelBulkOperationOutput {
        bulk_operation_arn: job.arn("bulk-operation"),
        bulk_operation_status: status,
    })
}
