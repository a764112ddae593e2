//! ListBulkOperations.

use api::dynamodb::{BulkOperationSummary, ListBulkOperationsInput, ListBulkOperationsOutput};
use base::Cx;

use crate::error::Result;
use crate::job::{self, BULK};
use crate::{DynamoDb, bulk, layout};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: ListBulkOperationsInput,
) -> Result<ListBulkOperationsOutput> {
    let jobs = job::list(&db.store, &cx.scope, BULK).await?;
    let (jobs, next_token) = job::page(jobs, input.max_results, input.next_token.as_deref())?;
    let mut summaries = Vec::with_capacity(jobs.len());
    for job in &jobs {
        let cancelling = db.store.get(&layout::to_cancel(&job.key())).await?.is_some();
        summaries.push(BulkOperationSummary {
            bulk_operation_arn: job.arn("bulk-operation"),
            bulk_operation_status: bulk::status(job, cancelling),
            start_time: job.started(),
            end_time: job.ended(),
        });
    }
    Ok(ListBulkOperationsOutput { bulk_operations_summary_list: Some(summaries), next_token })
}
