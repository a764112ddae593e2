//! DescribeTable.

use api::dynamodb::{DescribeTableInput, DescribeTableOutput};
use base::Cx;

use crate::error::Result;
use crate::{DynamoDb, describe};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: DescribeTableInput) -> Result<DescribeTableOutput> {
    let table = db.any_table(cx, &input.table_name).await?;
    let counts = db.census.of(&table).await?;
    let status = describe::status(&table);
    let standing = describe::Standing { status, now: db.clock.now(), counts: &counts };
    Ok(DescribeTableOutput { table: Some(describe::table(&table, &standing)) })
}
