//! CreateEventSourceMapping: a function behind a table's stream.

use api::lambda::{
    CreateEventSourceMappingInput, CreateEventSourceMappingOutput, EventSourcePosition, FunctionResponseType,
};
use base::{Arn, Cx, RequestId};
use ports::{FeedError, FeedStart};
use wire::Failure;

use super::named;
use crate::mapping::{Mapping, Phase, Rules};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: CreateEventSourceMappingInput,
) -> Result<CreateEventSourceMappingOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let source_arn = stream_arn(&input)?.to_owned();
    let start = start(&input, &source_arn)?;
    refuse_unsupported(&input)?;
    let mut rules = Rules::default();
    apply(&mut rules, &changes_of(&input))?;
    let function = lambda.catalogue.get(&reference.scope, reference.name);
    if function.and_then(|f| f.version(reference.qualifier(), || 1.0).cloned()).is_none() {
        return Err(error::invalid("Function does not exist"));
    }
    let mapping = Mapping {
        uuid: RequestId::random().to_string(),
        account: reference.scope.account.to_string(),
        region: reference.scope.region.to_string(),
        source_arn,
        function: reference.name.to_owned(),
        qualifier: reference.qualifier.map(str::to_owned),
        enabled: input.enabled.unwrap_or(true),
        deleting: false,
        from_latest: start == FeedStart::Latest,
        modified_ms: lambda.config.clock.now().0,
        rules,
        tags: input.tags.unwrap_or_default(),
    };
    let _turn = lambda.mappings.edit.lock().await;
    refuse_twin(lambda, &mapping)?;
    let positions = lambda.first_positions(&mapping.uuid, &mapping.source_arn, start).await;
    let positions = positions.map_err(|error| match error {
        FeedError::NotFound(_) => error::invalid(format!("Stream not found: {}", mapping.source_arn)),
        FeedError::Internal(error) => error::internal("read a stream", &error),
    })?;
    let created = lambda.commit_mapping(mapping, Phase::Creating, positions).await;
    created.map_err(|error| error::store(&error))
}

fn stream_arn(input: &CreateEventSourceMappingInput) -> Result<&str, Failure> {
    let unrecognized = || error::invalid("Unrecognized event source.");
    let text = input.event_source_arn.as_deref().ok_or_else(unrecognized)?;
    let arn: Arn = text.parse().map_err(|_| unrecognized())?;
    match &arn.service[..] {
        "dynamodb" if arn.resource.starts_with("table/") && arn.resource.contains("/stream/") => Ok(text),
        "dynamodb" => Err(unrecognized()),
        "sqs" | "kinesis" | "kafka" | "mq" | "rds" => {
            Err(error::unsupported(&format!("An event source of {}", arn.service)))
        }
        _ => Err(unrecognized()),
    }
}

fn start(input: &CreateEventSourceMappingInput, source_arn: &str) -> Result<FeedStart, Failure> {
    match input.starting_position {
        Some(EventSourcePosition::TrimHorizon) => Ok(FeedStart::TrimHorizon),
        Some(EventSourcePosition::Latest) => Ok(FeedStart::Latest),
        Some(EventSourcePosition::AtTimestamp) => {
            Err(error::invalid(format!("Unsupported starting position for arn type: {source_arn}")))
        }
        None => Err(error::invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must \
             not be null.",
        )),
    }
}

/// What would change which records the function sees is refused rather than left out.
fn refuse_unsupported(input: &CreateEventSourceMappingInput) -> Result<(), Failure> {
    for (set, what) in [
        (input.topics.is_some(), "Topics"),
        (input.queues.is_some(), "Queues"),
        (input.self_managed_event_source.is_some(), "SelfManagedEventSource"),
        (input.document_db_event_source_config.is_some(), "DocumentDBEventSourceConfig"),
    ] {
        if set {
            return Err(error::unsupported(what));
        }
    }
    Ok(())
}

fn refuse_twin(lambda: &Lambda, mapping: &Mapping) -> Result<(), Failure> {
    let same = |known: &Mapping| {
        known.source_arn == mapping.source_arn
            && known.function == mapping.function
            && known.qualifier == mapping.qualifier
            && !known.deleting
    };
    let twin = lambda.mappings.list(&mapping.scope()).into_iter().find(|live| same(&live.mapping));
    match twin {
        None => Ok(()),
        Some(twin) => Err(error::conflict(format!(
            "The event source arn (\" {} \") and function (\" {} \") provided mapping already exists. Please update or \
             delete the existing mapping with UUID {}",
            mapping.source_arn, mapping.function, twin.mapping.uuid
        ))),
    }
}

/// What both create and update may set.
pub(super) struct Changes<'a> {
    pub(super) batch_size: Option<i32>,
    pub(super) window_s: Option<i32>,
    pub(super) parallelization: Option<i32>,
    pub(super) record_age_s: Option<i32>,
    pub(super) bisect: Option<bool>,
    pub(super) retries: Option<i32>,
    pub(super) tumbling_s: Option<i32>,
    pub(super) response_types: Option<&'a [FunctionResponseType]>,
    pub(super) on_failure: Option<Option<&'a String>>,
    pub(super) filters: usize,
    pub(super) kms_key_arn: Option<&'a String>,
}

fn changes_of(input: &CreateEventSourceMappingInput) -> Changes<'_> {
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

pub(super) fn apply(rules: &mut Rules, changes: &Changes<'_>) -> Result<(), Failure> {
    if changes.filters > 0 {
        return Err(error::unsupported("FilterCriteria"));
    }
    if changes.tumbling_s.is_some_and(|seconds| seconds > 0) {
        return Err(error::unsupported("TumblingWindowInSeconds"));
    }
    if let Some(age @ 0..60) = changes.record_age_s {
        return Err(error::invalid(format!(
            "1 validation error detected: Value '{age}' at 'maximumRecordAgeInSeconds' failed to satisfy constraint: \
             Member must have value greater than or equal to 60 or be equal to -1"
        )));
    }
    let set = |place: &mut u32, value: Option<i32>| {
        if let Some(value) = value.and_then(|value| u32::try_from(value).ok()) {
            *place = value;
        }
    };
    set(&mut rules.batch_size, changes.batch_size);
    set(&mut rules.window_s, changes.window_s);
    set(&mut rules.parallelization, changes.parallelization);
    rules.record_age_s = changes.record_age_s.unwrap_or(rules.record_age_s);
    rules.bisect = changes.bisect.unwrap_or(rules.bisect);
    rules.retries = changes.retries.unwrap_or(rules.retries);
    if let Some(types) = changes.response_types {
        rules.reports_items = types.contains(&FunctionResponseType::ReportBatchItemFailures);
    }
    if let Some(destination) = changes.on_failure {
        rules.on_failure = destination.cloned();
    }
    if let Some(key) = changes.kms_key_arn {
        rules.kms_key_arn = (!key.is_empty()).then(|| key.clone());
    }
    Ok(())
}
