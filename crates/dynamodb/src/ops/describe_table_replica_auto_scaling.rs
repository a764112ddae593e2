//! DescribeTableReplicaAutoScaling: of tables with replicas, which no table here has.

use api::dynamodb::{DescribeTableReplicaAutoScalingInput, DescribeTableReplicaAutoScalingOutput};
use base::Cx;

use crate::error::{Error, Result, global};
use crate::{DynamoDb, name};

#[expect(clippy::unused_async, reason = "all operations have one form")]
pub(crate) async fn run(
    _: &DynamoDb,
    cx: &Cx,
    input: DescribeTableReplicaAutoScalingInput,
) -> Result<DescribeTableReplicaAutoScalingOutput> {
    let name = name::table_name(&cx.scope, &input.table_name)?;
    Err(Error::NotFound(global::missing(name)))
}
