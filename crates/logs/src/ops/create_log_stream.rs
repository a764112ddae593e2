//! CreateLogStream.

use api::logs::{CreateLogStreamInput, CreateLogStreamOutput};
use base::Cx;
use wire::Failure;

use crate::writer::Change;
use crate::{Journal, error};

pub(super) async fn run(
    journal: &Journal,
    cx: &Cx,
    input: CreateLogStreamInput,
) -> Result<CreateLogStreamOutput, Failure> {
    let CreateLogStreamInput { log_group_name: group, log_stream_name: stream } = input;
    if stream.contains([':', '*']) {
        return Err(error::invalid(format!(
            "1 validation error detected: Value '{stream}' at 'logStreamName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [^:*]*"
        )));
    }
    journal.change(cx, Change::CreateStream { group, stream }).await?;
    Ok(CreateLogStreamOutput {})
}
