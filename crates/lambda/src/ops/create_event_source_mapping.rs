//! CreateEventSourceMapping: a function behind a table's stream.

use api::lambda::{CreateEventSourceMappingInput, CreateEventSourceMappingOutput, EventSourcePosition};
use base::{Arn, Cx, RequestId};
use ports::{FeedError, FeedStart};
use wire::Failure;

use super::named;
use crate::mapping::{Changes, Mapping, Phase, Rules};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: CreateEventSourceMappingInput,
) -> Result<CreateEventSourceMappingOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let source_arn = stream_arn(&input)?.to_owned();
    let start = start(&input, &source_arn)?;
    let mut rules = Rules::default();
    rules.apply(&Changes::from(&input))?;
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
