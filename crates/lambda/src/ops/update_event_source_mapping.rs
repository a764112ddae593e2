//! UpdateEventSourceMapping: other rules, another function, on or off; the position stays.

use api::lambda::{UpdateEventSourceMappingInput, UpdateEventSourceMappingOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{get_event_source_mapping, named};
use crate::mapping::{Changes, Mapping, Phase};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: UpdateEventSourceMappingInput,
) -> Result<UpdateEventSourceMappingOutput, Failure> {
    let _turn = lambda.mappings.edit.lock().await;
    let old = get_event_source_mapping::existing(lambda, cx, &input.uuid)?;
    if old.mapping.deleting {
        return Err(error::resource_in_use("Cannot update the event source mapping because it is in use."));
    }
    let mut mapping = old.mapping.clone();
    mapping.rules.apply(&Changes::from(&input))?;
    if let Some(name) = &input.function_name {
        change_function(lambda, cx, &mut mapping, name)?;
    }
    mapping.enabled = input.enabled.unwrap_or(mapping.enabled);
    mapping.modified_ms = lambda.config.clock.now().0;
    let phase = match (old.mapping.enabled, mapping.enabled) {
        (false, true) => Phase::Enabling,
        (true, false) => Phase::Disabling,
        _ => Phase::Updating,
    };
    let updated = lambda.commit_mapping(mapping, phase, Batch::new()).await;
    updated.map_err(|error| error::store(&error))
}

fn change_function(lambda: &Lambda, cx: &Cx, mapping: &mut Mapping, name: &str) -> Result<(), Failure> {
    let reference = named(cx, name, None)?;
    let function = lambda.catalogue.get(&reference.scope, reference.name);
    if function.and_then(|f| f.version(reference.qualifier(), || 1.0).cloned()).is_none() {
        return Err(error::invalid("Function does not exist"));
    }
    mapping.function = reference.name.to_owned();
    mapping.qualifier = reference.qualifier.map(str::to_owned);
    Ok(())
}
