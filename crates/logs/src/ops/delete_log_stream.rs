//! DeleteLogStream: the stream and its events.

use api::logs::{DeleteLogStreamInput, DeleteLogStreamOutput};
use base::Cx;
use wire::Failure;

use crate::Journal;
use crate::writer::Change;

pub(super) async fn run(
    journal: &Journal,
    cx: &Cx,
    input: DeleteLogStreamInput,
) -> Result<DeleteLogStreamOutput, Failure> {
    let DeleteLogStreamInput { log_group_name: group, log_stream_name: stream } = input;
    journal.change(cx, Change::DeleteStream { group, stream }).await?;
    Ok(DeleteLogStreamOutput {})
}
