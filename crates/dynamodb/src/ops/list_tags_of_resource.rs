//! ListTagsOfResource. A table has at most 50 tags: one page holds them.

use api::dynamodb::{ListTagsOfResourceInput, ListTagsOfResourceOutput, Tag};
use base::Cx;

use crate::DynamoDb;
use crate::error::Result;

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: ListTagsOfResourceInput,
) -> Result<ListTagsOfResourceOutput> {
    let table = db.tagged_table(cx, &input.resource_arn).await?;
    let tags = table.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() });
    Ok(ListTagsOfResourceOutput { tags: Some(tags.collect()), next_token: None })
}
