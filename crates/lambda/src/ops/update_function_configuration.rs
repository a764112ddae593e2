//! UpdateFunctionConfiguration: other settings for `$LATEST`; what is not named stays.

use api::lambda::{UpdateFunctionConfigurationInput, UpdateFunctionConfigurationOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{changeable, check_revision, edited};
use crate::catalogue::Version;
use crate::function::{new_revision, updating};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    mut input: UpdateFunctionConfigurationInput,
) -> Result<UpdateFunctionConfigurationOutput, Failure> {
    let name = input.function_name.clone();
    let reference = changeable(cx, &name)?;
    // No capacity provider is deleted between being found and being named.
    let _turn = lambda.registry.turn.lock().await;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    let mut record = function.latest.record.clone();
    check_revision(input.revision_id.as_ref(), &record.revision, "GetFunction/GetAlias")?;
    let layers = input.layers.take();
    let replaced = layers.is_some();
    record.settings.apply(input)?;
    lambda.check_capacity(&reference.scope, &record.settings).await?;
    record.revision = new_revision();
    record.modified_ms = lambda.config.clock.now().0;
    // What the function gives back when it is done: the layers it had, or those it could not get.
    let mut unused = Vec::new();
    if let Some(arns) = layers {
        let layers = lambda.use_layers(&reference.scope, &arns).await?;
        unused = std::mem::replace(&mut record.settings.layers, layers);
    }
    let new = record.settings.layers.clone();
    let decided = lambda.check_unzipped(&record);
    let answer = record.describe(&function.scope, &function.name, None);
    lambda.runner.warm(&record);
    function.latest = Version::new(record);
    let committed = match decided {
        Ok(()) => edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error)),
        Err(failure) => Err(failure),
    };
    if committed.is_err() && replaced {
        unused = new;
    }
    lambda.codes.release_all(unused.iter().map(|layer| &layer.code)).await;
    committed.map(|()| updating(answer))
}
