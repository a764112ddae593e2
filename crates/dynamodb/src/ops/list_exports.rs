//! ListExports.

use api::dynamodb::{ListExportsInput, ListExportsOutput};
use base::Cx;

use crate::error::Result;
use crate::job::{self, EXPORTS};
use crate::{DynamoDb, export};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: ListExportsInput) -> Result<ListExportsOutput> {
    let mut jobs = job::list(&db.store, &cx.scope, EXPORTS).await?;
    if let Some(arn) = &input.table_arn {
        // Those of the table that has this name now.
        let tables = db.catalogue.names(&cx.scope);
        jobs.retain(|job| {
            job.table_arn() == *arn
                && tables.get(&job.table.name).is_some_and(|table| table.id == job.table.id)
        });
    }
    let (jobs, next_token) = job::page(jobs, input.max_results, input.next_token.as_deref())?;
    let summaries = jobs.iter().map(export::summary).collect();
    Ok(ListExportsOutput { export_summaries: Some(summaries), next_token })
}
