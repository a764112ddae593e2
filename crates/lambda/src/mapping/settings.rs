//! How a mapping turns records into invocations: its settings, AWS's bounds on them, and how they are printed.
//! Pure; knows no stream.

use api::lambda as shapes;
use base::Arn;
use minicbor::{Decode, Encode};
use wire::Failure;

use super::filter::{PATTERN_BYTES_MAX, Pattern};
use crate::destination::DestinationKind;
use crate::error;

/// AWS's, unless an account asks for more.
const FILTERS_MAX: usize = 5;

/// How records become invocations.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Rules {
    #[n(0)]
    pub(crate) batch_size: u32,
    #[n(1)]
    pub(crate) window_s: u32,
    /// Batches of one shard that run at a time.
    #[n(2)]
    pub(crate) parallelization: u32,
    /// Older records are discarded; -1: never.
    #[n(3)]
    pub(crate) record_age_s: i32,
    #[n(4)]
    pub(crate) bisect: bool,
    /// -1: for ever.
    #[n(5)]
    pub(crate) retries: i32,
    /// `ReportBatchItemFailures`.
    #[n(6)]
    pub(crate) reports_items: bool,
    /// The ARN of the destination of what is discarded.
    #[n(7)]
    pub(crate) on_failure: Option<String>,
    #[n(8)]
    pub(crate) kms_key_arn: Option<String>,
    #[n(9)]
    #[cbor(default)]
    pub(crate) tumbling_s: u32,
    /// The texts of the patterns.
    #[n(10)]
    #[cbor(default)]
    pub(crate) filters: Vec<String>,
    /// `EventCount`, printed only.
    #[n(11)]
    #[cbor(default)]
    pub(crate) counts_events: bool,
}

impl Default for Rules {
    /// AWS's for DynamoDB streams.
    fn default() -> Self {
        Self {
            batch_size: 100,
            window_s: 0,
            parallelization: 1,
            record_age_s: -1,
            bisect: false,
            retries: -1,
            reports_items: false,
            on_failure: None,
            kms_key_arn: None,
            tumbling_s: 0,
            filters: Vec::new(),
            counts_events: false,
        }
    }
}

/// What both create and update may set.
#[derive(Debug)]
pub(crate) struct Changes<'a> {
    batch_size: Option<i32>,
    window_s: Option<i32>,
    parallelization: Option<i32>,
    record_age_s: Option<i32>,
    bisect: Option<bool>,
    retries: Option<i32>,
    tumbling_s: Option<i32>,
    response_types: Option<&'a [shapes::FunctionResponseType]>,
    destinations: Option<&'a shapes::DestinationConfig>,
    filters: Option<&'a shapes::FilterCriteria>,
    metrics: Option<&'a shapes::EventSourceMappingMetricsConfig>,
    kms_key_arn: Option<&'a String>,
    /// The first setting that belongs to another kind of source.
    foreign: Option<&'static str>,
}

macro_rules! changes_of {
    ($input:ident, $($foreign:ident => $name:literal),*) => {
        Changes {
            batch_size: $input.batch_size,
            window_s: $input.maximum_batching_window_in_seconds,
            parallelization: $input.parallelization_factor,
            record_age_s: $input.maximum_record_age_in_seconds,
            bisect: $input.bisect_batch_on_function_error,
            retries: $input.maximum_retry_attempts,
            tumbling_s: $input.tumbling_window_in_seconds,
            response_types: $input.function_response_types.as_deref(),
            destinations: $input.destination_config.as_ref(),
            filters: $input.filter_criteria.as_ref(),
            metrics: $input.metrics_config.as_ref(),
            kms_key_arn: $input.kms_key_arn.as_ref(),
            foreign: [$(($input.$foreign.is_some(), $name)),*]
                .into_iter()
                .find_map(|(set, name)| set.then_some(name)),
        }
    };
}

impl<'a> From<&'a shapes::CreateEventSourceMappingInput> for Changes<'a> {
    fn from(input: &'a shapes::CreateEventSourceMappingInput) -> Self {
        changes_of!(input,
            topics => "Topics",
            queues => "Queues",
            scaling_config => "ScalingConfig",
            logging_config => "LoggingConfig",
            source_access_configurations => "SourceAccessConfigurations",
            self_managed_event_source => "SelfManagedEventSource",
            amazon_managed_kafka_event_source_config => "AmazonManagedKafkaEventSourceConfig",
            self_managed_kafka_event_source_config => "SelfManagedKafkaEventSourceConfig",
            document_db_event_source_config => "DocumentDBEventSourceConfig",
            provisioned_poller_config => "ProvisionedPollerConfig",
            starting_position_timestamp => "StartingPositionTimestamp"
        )
    }
}

impl<'a> From<&'a shapes::UpdateEventSourceMappingInput> for Changes<'a> {
    fn from(input: &'a shapes::UpdateEventSourceMappingInput) -> Self {
        changes_of!(input,
            scaling_config => "ScalingConfig",
            logging_config => "LoggingConfig",
            source_access_configurations => "SourceAccessConfigurations",
            amazon_managed_kafka_event_source_config => "AmazonManagedKafkaEventSourceConfig",
            self_managed_kafka_event_source_config => "SelfManagedKafkaEventSourceConfig",
            document_db_event_source_config => "DocumentDBEventSourceConfig",
            provisioned_poller_config => "ProvisionedPollerConfig"
        )
    }
}

impl Rules {
    /// These rules with `changes`. What is not named stays; an empty destination or filter goes.
    pub(crate) fn apply(&mut self, changes: &Changes<'_>) -> Result<(), Failure> {
        if let Some(name) = changes.foreign {
            return Err(error::invalid(format!(
                "{name} is not supported for DynamoDB event source mappings."
            )));
        }
        if let Some(age @ 0..60) = changes.record_age_s {
            return Err(error::invalid(format!(
                "1 validation error detected: Value '{age}' at 'maximumRecordAgeInSeconds' failed to satisfy \
                 constraint: Member must have value greater than or equal to 60 or be equal to -1"
            )));
        }
        let set = |place: &mut u32, value: Option<i32>| {
            if let Some(value) = value.and_then(|value| u32::try_from(value).ok()) {
                *place = value;
            }
        };
        set(&mut self.batch_size, changes.batch_size);
        set(&mut self.window_s, changes.window_s);
        set(&mut self.parallelization, changes.parallelization);
        set(&mut self.tumbling_s, changes.tumbling_s);
        self.record_age_s = changes.record_age_s.unwrap_or(self.record_age_s);
        self.bisect = changes.bisect.unwrap_or(self.bisect);
        self.retries = changes.retries.unwrap_or(self.retries);
        if let Some(types) = changes.response_types {
            self.reports_items = types.contains(&shapes::FunctionResponseType::ReportBatchItemFailures);
        }
        if let Some(destinations) = changes.destinations {
            self.on_failure = on_failure(destinations)?;
        }
        if let Some(criteria) = changes.filters {
            self.filters = filters(criteria)?;
        }
        if let Some(metrics) = changes.metrics {
            self.counts_events = counts_events(metrics)?;
        }
        if let Some(key) = changes.kms_key_arn {
            self.kms_key_arn = (!key.is_empty()).then(|| key.clone());
        }
        Ok(())
    }

    /// Batches of a shard that may run at a time. The state of a tumbling window is one for the shard.
    pub(crate) fn lanes(&self) -> u32 {
        if self.tumbling_s > 0 { 1 } else { self.parallelization.max(1) }
    }

    pub(crate) fn patterns(&self) -> Vec<Pattern> {
        // They compiled when they were set; one that no longer does would let nothing through.
        self.filters.iter().filter_map(|text| Pattern::compile(text).ok()).collect()
    }

    /// Puts what is set into what AWS prints.
    pub(crate) fn describe(&self, into: &mut shapes::EventSourceMappingConfiguration) {
        let number = |value: u32| i32::try_from(value).ok();
        let response_types =
            self.reports_items.then_some(shapes::FunctionResponseType::ReportBatchItemFailures);
        let filter = |pattern: &String| shapes::Filter { pattern: Some(pattern.clone()) };
        into.batch_size = number(self.batch_size);
        into.maximum_batching_window_in_seconds = number(self.window_s);
        into.parallelization_factor = number(self.parallelization);
        into.kms_key_arn.clone_from(&self.kms_key_arn);
        into.destination_config = Some(shapes::DestinationConfig {
            on_success: None,
            on_failure: Some(shapes::OnFailure { destination: self.on_failure.clone() }),
        });
        into.maximum_record_age_in_seconds = Some(self.record_age_s);
        into.bisect_batch_on_function_error = Some(self.bisect);
        into.maximum_retry_attempts = Some(self.retries);
        into.tumbling_window_in_seconds = number(self.tumbling_s);
        into.function_response_types = Some(response_types.into_iter().collect());
        into.filter_criteria = (!self.filters.is_empty())
            .then(|| shapes::FilterCriteria { filters: Some(self.filters.iter().map(filter).collect()) });
        into.metrics_config = self.counts_events.then(|| shapes::EventSourceMappingMetricsConfig {
            metrics: Some(vec![shapes::EventSourceMappingMetric::EventCount]),
        });
    }
}

fn filters(criteria: &shapes::FilterCriteria) -> Result<Vec<String>, Failure> {
    let given = criteria.filters.as_deref().unwrap_or_default();
    if given.len() > FILTERS_MAX {
        return Err(error::invalid(format!(
            "The maximum number of filters per event source mapping is {FILTERS_MAX}."
        )));
    }
    let checked = given.iter().map(|filter| {
        let pattern = filter.pattern.as_deref().unwrap_or_default();
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(error::invalid(format!(
                "Filter pattern exceeds the maximum of {PATTERN_BYTES_MAX} characters."
            )));
        }
        Pattern::compile(pattern).map_err(|error| error::invalid(error.to_string()))?;
        Ok(pattern.to_owned())
    });
    checked.collect()
}

fn on_failure(destinations: &shapes::DestinationConfig) -> Result<Option<String>, Failure> {
    let given = |destination: Option<&String>| destination.filter(|arn| !arn.is_empty()).cloned();
    let on_success = destinations.on_success.as_ref().and_then(|to| given(to.destination.as_ref()));
    if on_success.is_some() {
        return Err(error::invalid(
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ));
    }
    let Some(arn) = destinations.on_failure.as_ref().and_then(|to| given(to.destination.as_ref())) else {
        return Ok(None);
    };
    match DestinationKind::of(&arn) {
        Some(DestinationKind::Queue | DestinationKind::Topic | DestinationKind::Bucket)
            if arn.parse::<Arn>().is_ok() =>
        {
            Ok(Some(arn))
        }
        _ => Err(error::invalid(format!(
            "The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination={arn})) is invalid."
        ))),
    }
}

fn counts_events(config: &shapes::EventSourceMappingMetricsConfig) -> Result<bool, Failure> {
    let metrics = config.metrics.as_deref().unwrap_or_default();
    match metrics.iter().find(|metric| **metric != shapes::EventSourceMappingMetric::EventCount) {
        Some(_) => {
            Err(error::invalid("Only EventCount metrics are supported for this event source mapping."))
        }
        None => Ok(!metrics.is_empty()),
    }
}
