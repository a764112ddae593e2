//! CreateGlobalTable: of the version of 2017, which AWS makes no more.

use api::dynamodb::{CreateGlobalTableInput, CreateGlobalTableOutput};
use base::Cx;

use crate::DynamoDb;
use crate::error::{Result, global};

#[expect(clippy::unused_async, reason = "all operations have one form")]
pub(crate) async fn run(_: &DynamoDb, _: &Cx, _: CreateGlobalTableInput) -> Result<CreateGlobalTableOutput> {
    Err(global::version_2017())
}
