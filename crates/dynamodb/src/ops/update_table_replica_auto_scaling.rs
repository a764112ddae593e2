//! UpdateTableReplicaAutoScaling: of tables with replicas, which no table here has.

use api::dynamodb::{UpdateTableReplicaAutoScalingInput, UpdateTableReplicaAutoScalingOutput};
use base::Cx;

use crate::error::{Error, Result, global};
use crate::{DynamoDb, name};

#[expect(clippy::unused_async, reason = "all operations have one form")]
pub(crate) async fn run(
    _: &DynamoDb,
    cx: &Cx,
    input: UpdateTableReplicaAutoScalingInput,
) -> Result<UpdateTableReplicaAutoScalingOutput> {
    let name = name::table_name(&cx.scope, &input.table_name)?;
    Err(Error::NotFound(global::missing(name)))
}
