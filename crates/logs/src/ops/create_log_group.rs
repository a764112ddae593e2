//! CreateLogGroup.

use api::logs::{CreateLogGroupInput, CreateLogGroupOutput};
use base::Cx;
use wire::Failure;

use crate::writer::Change;
use crate::{Journal, error};

pub(super) async fn run(
    journal: &Journal,
    cx: &Cx,
    input: CreateLogGroupInput,
) -> Result<CreateLogGroupOutput, Failure> {
    let group = input.log_group_name;
    // The pattern of the model, which keeps the separators of our keys out of names.
    if !group.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/#".contains(&b)) {
        return Err(error::invalid(format!(
            "1 validation error detected: Value '{group}' at 'logGroupName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
        )));
    }
    journal.change(cx, Change::CreateGroup { group }).await?;
    Ok(CreateLogGroupOutput {})
}
