//! UpdateGlobalTableSettings: of global tables of the version of 2017, of which there are none.

use api::dynamodb::{UpdateGlobalTableSettingsInput, UpdateGlobalTableSettingsOutput};
use base::Cx;

use crate::DynamoDb;
use crate::error::{Result, global};

#[expect(clippy::unused_async, reason = "all operations have one form")]
pub(crate) async fn run(
    _: &DynamoDb,
    _: &Cx,
    input: UpdateGlobalTableSettingsInput,
) -> Result<UpdateGlobalTableSettingsOutput> {
    Err(global::none(&input.global_table_name))
}
