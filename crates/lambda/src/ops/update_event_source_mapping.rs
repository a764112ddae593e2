//! UpdateEventSourceMapping: other rules, another function, on or off; the position stays.

use api::lambda::{UpdateEventSourceMappingInput, UpdateEventSourceMappingOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::create_event_source_mapping::{Changes, apply};
use super::{get_event_source_mapping, named};
use crate::mapping::{Mapping, Phase};
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
    apply(&mut mapping.rules, &changes_of(&input))?;
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

fn changes_of(input: &UpdateEventSourceMappingInput) -> Changes<'_> {
    Changes {
        batch_size: input.batch_size,
        window_s: input.maximum_batching_window_in_seconds,
        parallelization: input.parallelization_factor,
        record_age_s: input.maximum_record_age_in_seconds,
        bisect: input.bisect_batch_on_function_error,
        retries: input.maximum_retry_attempts,
        tumbling_s: input.tumbling_window_in_seconds,
        response_types: input.function_response_types.as_deref(),
        on_failure: input
            .destination_config
            .as_ref()
            .map(|config| config.on_failure.as_ref().and_then(|target| target.destination.as_ref())),
        filters: input.filter_criteria.iter().flat_map(|criteria| &criteria.filters).flatten().count(),
        kms_key_arn: input.kms_key_arn.as_ref(),
    }
}
