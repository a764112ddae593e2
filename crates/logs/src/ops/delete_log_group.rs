//! DeleteLogGroup: the group, its streams and their events.

use api::logs::{DeleteLogGroupInput, DeleteLogGroupOutput};
use base::Cx;
use wire::Failure;

use crate::Journal;
use crate::writer::Change;

pub(super) async fn run(
    journal: &Journal,
    cx: &Cx,
    input: DeleteLogGroupInput,
) -> Result<DeleteLogGroupOutput, Failure> {
    journal.change(cx, Change::DeleteGroup { group: input.log_group_name }).await?;
    Ok(DeleteLogGroupOutput {})
}
