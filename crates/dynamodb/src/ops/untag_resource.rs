//! UntagResource.

use api::dynamodb::{UntagResourceInput, UntagResourceOutput};
use base::Cx;
use store::Batch;

use crate::DynamoDb;
use crate::error::{Error, Result};
use crate::table::Table;

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: UntagResourceInput) -> Result<UntagResourceOutput> {
    if input.tag_keys.is_empty() {
        return Err(Error::invalid("Atleast one Tag Key needs to be provided as Input."));
    }
    let _changing = db.catalogue.change().await;
    let mut table = Table::clone(&*db.tagged_table(cx, &input.resource_arn)?);
    table.tags.retain(|key, _| !input.tag_keys.contains(key));
    db.catalogue.commit(&db.store, Batch::new(), table).await?;
    Ok(UntagResourceOutput {})
}
