//! UpdateFunctionConfiguration: other settings for `$LATEST`; what is not named stays.

use api::lambda::{UpdateFunctionConfigurationInput, UpdateFunctionConfigurationOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{check_revision, edited, named};
use crate::catalogue::Version;
use crate::function::new_revision;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: UpdateFunctionConfigurationInput,
) -> Result<UpdateFunctionConfigurationOutput, Failure> {
    let name = input.function_name.clone();
    let reference = named(cx, &name, None)?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    let mut record = function.latest.record.clone();
    check_revision(input.revision_id.as_ref(), &record.revision, "GetFunction/GetAlias")?;
    record.settings.apply(reference.name, input)?;
    record.revision = new_revision();
    record.modified_ms = lambda.config.clock.now().0;
    lambda.runner.warm(&record);
    let answer = record.describe(&function.scope, &function.name, None);
    function.latest = Version::new(record);
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(answer)
}
