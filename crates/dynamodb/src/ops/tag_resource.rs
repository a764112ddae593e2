//! TagResource.

use api::dynamodb::{TagResourceInput, TagResourceOutput};
use base::Cx;
use store::Batch;

use crate::error::{Error, Result};
use crate::table::Table;
use crate::{DynamoDb, schema};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: TagResourceInput) -> Result<TagResourceOutput> {
    if input.tags.is_empty() {
        return Err(Error::invalid("Atleast one Tag needs to be provided as Input."));
    }
    let _changing = db.catalogue.change().await;
    let table = db.tagged_table(cx, &input.resource_arn)?;
    let tags = schema::tags(&input.tags, table.tags.clone())?;
    db.catalogue.commit(&db.store, Batch::new(), Table { tags, ..Table::clone(&table) }).await?;
    Ok(TagResourceOutput {})
}
