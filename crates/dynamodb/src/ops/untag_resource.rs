//! UntagResource.

use api::dynamodb::{UntagResourceInput, UntagResourceOutput};
use base::Cx;

use crate::catalogue::Decision;
use crate::error::{Error, Result};
use crate::table::Table;
use crate::{DynamoDb, name, tag};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: UntagResourceInput) -> Result<UntagResourceOutput> {
    if input.tag_keys.is_empty() {
        return Err(Error::invalid("Atleast one Tag Key needs to be provided as Input."));
    }
    let name = name::tagged_table(&cx.scope, &input.resource_arn)?;
    let decide = |before: Option<&Table>| {
        let table = tag::holder(before, &input.resource_arn)?;
        let tags = tag::removed(&input.tag_keys, table.tags.clone())?;
        Ok(Decision::becomes(Table { tags, ..table.clone() }))
    };
    db.catalogue.alter(&cx.scope, name, decide).await?;
    Ok(UntagResourceOutput {})
}
