//! DescribeImport.

use api::dynamodb::{DescribeImportInput, DescribeImportOutput, errors};
use base::Cx;

use crate::backup::{ArnFault, resource_parts};
use crate::error::{Error, Result};
use crate::job::{self, IMPORTS, Work};
use crate::{DynamoDb, import};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: DescribeImportInput) -> Result<DescribeImportOutput> {
    let arn = &input.import_arn;
    let (table, id) = resource_parts(&cx.scope, arn, "/import/").map_err(|fault| match fault {
        ArnFault::Malformed => Error::invalid("Invalid Import ARN"),
        ArnFault::Foreign => Error::access_denied(),
    })?;
    let found = job::find(&db.store, &cx.scope, IMPORTS, id).await?.filter(|job| job.table.name == table);
    let missing =
        || Error::shaped(errors::import_not_found(format!("Import not found: Import not found: {arn}")));
    let job = found.ok_or_else(missing)?;
    let Work::Import(work) = &job.work else { return Err(missing()) };
    Ok(DescribeImportOutput { import_table_description: import::description(&job, work)? })
}
