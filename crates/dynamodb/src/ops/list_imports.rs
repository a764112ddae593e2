//! ListImports.

use api::dynamodb::{ListImportsInput, ListImportsOutput};
use base::Cx;

use crate::error::Result;
use crate::job::{self, IMPORTS, Work};
use crate::{DynamoDb, import};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: ListImportsInput) -> Result<ListImportsOutput> {
    let mut jobs = job::list(&db.store, &cx.scope, IMPORTS).await?;
    if let Some(arn) = &input.table_arn {
        jobs.retain(|job| job.table_arn() == *arn);
    }
    let (jobs, next_token) = job::page(jobs, input.page_size, input.next_token.as_deref())?;
    let mut summaries = Vec::with_capacity(jobs.len());
    for job in &jobs {
        if let Work::Import(work) = &job.work {
            summaries.push(import::summary(job, work)?);
        }
    }
    Ok(ListImportsOutput { import_summary_list: Some(summaries), next_token })
}
