//! DescribeLimits: AWS's defaults, none of which is enforced here.

use api::dynamodb::{DescribeLimitsInput, DescribeLimitsOutput};
use base::Cx;

use crate::DynamoDb;
use crate::error::Result;

pub(crate) async fn run(_: &DynamoDb, _: &Cx, _: DescribeLimitsInput) -> Result<DescribeLimitsOutput> {
    Ok(DescribeLimitsOutput {
        account_max_read_capacity_units: Some(80_000),
        account_max_write_capacity_units: Some(80_000),
        table_max_read_capacity_units: Some(40_000),
        table_max_write_capacity_units: Some(40_000),
    })
}
