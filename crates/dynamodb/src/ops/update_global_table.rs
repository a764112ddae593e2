//! UpdateGlobalTable: of the version of 2017, which AWS makes no more.

use api::dynamodb::{UpdateGlobalTableInput, UpdateGlobalTableOutput};
use base::Cx;

use crate::DynamoDb;
use crate::error::{Error, Result, global};

#[expect(clippy::unused_async, reason = "all operations have one form")]
pub(crate) async fn run(
    _: &DynamoDb,
    _: &Cx,
    input: UpdateGlobalTableInput,
) -> Result<UpdateGlobalTableOutput> {
    if input.replica_updates.is_empty() {
        return Err(Error::invalid("One or more parameter values were invalid"));
    }
    if input.replica_updates.iter().any(|update| update.create.is_some()) {
        return Err(global::version_2017());
    }
    Err(global::described_none(&input.global_table_name))
}
