//! DescribeLimits: AWS's defaults.

use api::dynamodb::{DescribeLimitsInput, DescribeLimitsOutput};
use base::Cx;

use crate::error::Result;
use crate::{DynamoDb, quota};

pub(crate) async fn run(_: &DynamoDb, _: &Cx, _: DescribeLimitsInput) -> Result<DescribeLimitsOutput> {
    Ok(DescribeLimitsOutput {
        account_max_read_capacity_units: Some(quota::ACCOUNT_UNITS_MAX),
        account_max_write_capacity_units: Some(quota::ACCOUNT_UNITS_MAX),
        table_max_read_capacity_units: Some(quota::TABLE_UNITS_MAX),
        table_max_write_capacity_units: Some(quota::TABLE_UNITS_MAX),
    })
}
