//! TagResource.

use api::dynamodb::{TagResourceInput, TagResourceOutput};
use base::Cx;

use crate::catalogue::Decision;
use crate::error::{Error, Result};
use crate::table::Table;
use crate::{DynamoDb, name, tag};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: TagResourceInput) -> Result<TagResourceOutput> {
    if input.tags.is_empty() {
        return Err(Error::invalid("Atleast one Tag needs to be provided as Input."));
    }
    let name = name::tagged_table(&cx.scope, &input.resource_arn)?;
    let decide = |before: Option<&Table>| {
        let table = tag::holder(before, &input.resource_arn)?;
        let tags = tag::added(&input.tags, table.tags.clone())?;
        Ok(Decision::becomes(Table { tags, ..table.clone() }))
    };
    db.catalogue.alter(&cx.scope, name, decide).await?;
    Ok(TagResourceOutput {})
}
