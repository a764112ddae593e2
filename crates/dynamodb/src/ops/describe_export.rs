//! DescribeExport.

use api::dynamodb::{DescribeExportInput, DescribeExportOutput, errors};
use base::Cx;

use crate::backup::{ArnFault, resource_parts};
use crate::error::{Error, Result};
use crate::job::{self, EXPORTS, Job, Work};
use crate::{DynamoDb, export};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: DescribeExportInput) -> Result<DescribeExportOutput> {
    let arn = &input.export_arn;
    let (table, id) = resource_parts(&cx.scope, arn, "/export/").map_err(|fault| match fault {
        ArnFault::Malformed => Error::invalid("Invalid Export ARN"),
        ArnFault::Foreign => Error::access_denied(),
    })?;
    let found = job::find(&db.store, &cx.scope, EXPORTS, id).await?;
    match found.filter(|job| job.table.name == table) {
        Some(job @ Job { work: Work::Export(_), .. }) => {
            let Work::Export(work) = &job.work else { return Ok(DescribeExportOutput::default()) };
            Ok(DescribeExportOutput { export_description: Some(export::description(&job, work)) })
        }
        _ => {
            Err(Error::shaped(errors::export_not_found(format!("Export not found: Export not found: {arn}"))))
        }
    }
}
