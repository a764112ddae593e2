//! UntagResource.

use api::dynamodb::{UntagResourceInput, UntagResourceOutput};
use base::Cx;

use crate::catalogue::Decision;
use crate::error::{Error, Result};
use crate::table::Table;
use crate::{DynamoDb, name};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: UntagResourceInput) -> Result<UntagResourceOutput> {
    if input.tag_keys.is_empty() {
        return Err(Error::invalid("Atleast one Tag Key needs to be provided as Input."));
    }
    let name = name::tagged_table(&cx.scope, &input.resource_arn)?;
    let decide = |before: Option<&Table>| {
        let mut table = before.ok_or_else(|| name::no_tagged(&input.resource_arn))?.clone();
        table.tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(Decision::becomes(table))
    };
    db.catalogue.alter(&cx.scope, name, decide).await?;
    Ok(UntagResourceOutput {})
}
