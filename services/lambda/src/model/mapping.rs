//! What an event source mapping may be.
//!
//! Members that this platform does not act on are refused by name. What the model states was checked before.

use base::Arn;

use crate::api;
use crate::error::Error;
use crate::mappings::MappingRecord;
use crate::model::destination::Destination;
use crate::model::name::FunctionId;
use crate::model::pattern::Pattern;
use crate::model::settings::not_supported;

/// Records of one batch, unless the owner says otherwise.
pub(crate) const BATCH_SIZE_DEFAULT: u32 = 100;
/// The most records of one batch.
const BATCH_SIZE_MAX: i64 = 10_000;
/// The most filters of one mapping.
const FILTERS_MAX: usize = 5;
/// What says that the function answers which records failed.
const REPORTS_FAILURES: &str = "ReportBatchItemFailures";
/// Without end, in the API's words.
const WITHOUT_END: i64 = -1;

fn refuse<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::InvalidParameterValue(message.into()))
}

/// What both requests may ask for.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) is_enabled: Option<bool>,
    pub(crate) batch_size: Option<i64>,
    pub(crate) window_secs: Option<i64>,
    pub(crate) lanes: Option<i64>,
    pub(crate) tumbling_secs: Option<i64>,
    pub(crate) filters: Option<api::FilterCriteria>,
    pub(crate) bisects: Option<bool>,
    pub(crate) retries_max: Option<i64>,
    pub(crate) age_max_secs: Option<i64>,
    pub(crate) response_types: Option<Vec<String>>,
    pub(crate) destinations: Option<api::DestinationConfig>,
    unsupported: Option<&'static str>,
}

/// The members that both requests have, and what only one has and this platform does not act on.
macro_rules! asked {
    ($request:expr, [$($more:expr),*]) => {{
        let request = $request;
        let access = request.source_access_configurations.as_ref();
        let members = [
            ("AmazonManagedKafkaEventSourceConfig", request.amazon_managed_kafka_event_source_config.is_some()),
            ("SelfManagedKafkaEventSourceConfig", request.self_managed_kafka_event_source_config.is_some()),
            ("DocumentDBEventSourceConfig", request.document_db_event_source_config.is_some()),
            ("SourceAccessConfigurations", access.is_some_and(|it| !it.is_empty())),
            ("ScalingConfig", request.scaling_config.is_some()),
            ("KMSKeyArn", request.kms_key_arn.is_some()),
            ("MetricsConfig", request.metrics_config.is_some()),
            ("LoggingConfig", request.logging_config.is_some()),
            ("ProvisionedPollerConfig", request.provisioned_poller_config.is_some()),
            $($more),*
        ];
        Self {
            is_enabled: request.enabled,
            batch_size: request.batch_size,
            window_secs: request.maximum_batching_window_in_seconds,
            lanes: request.parallelization_factor,
            tumbling_secs: request.tumbling_window_in_seconds,
            filters: request.filter_criteria.clone(),
            bisects: request.bisect_batch_on_function_error,
            retries_max: request.maximum_retry_attempts,
            age_max_secs: request.maximum_record_age_in_seconds,
            response_types: request.function_response_types.clone(),
            destinations: request.destination_config.clone(),
            unsupported: members.iter().find(|(_, is_asked_for)| *is_asked_for).map(|(name, _)| *name),
        }
    }};
}

impl From<&api::CreateEventSourceMappingRequest> for Asked {
    fn from(request: &api::CreateEventSourceMappingRequest) -> Self {
        let has = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
        asked!(
            request,
            [
                ("Topics", has(&request.topics)),
                ("Queues", has(&request.queues)),
                ("SelfManagedEventSource", request.self_managed_event_source.is_some())
            ]
        )
    }
}

impl From<&api::UpdateEventSourceMappingRequest> for Asked {
    fn from(request: &api::UpdateEventSourceMappingRequest) -> Self {
        asked!(request, [])
    }
}

impl Asked {
    /// Puts what is asked over what is there.
    pub(crate) fn apply(self, record: &mut MappingRecord) -> Result<(), Error> {
        if let Some(member) = self.unsupported {
            return Err(not_supported(member));
        }
        if let Some(size) = self.batch_size {
            record.batch_size = match u32::try_from(size) {
                Ok(bounded) if (1..=BATCH_SIZE_MAX).contains(&size) => bounded,
                _ => return refuse(format!("BatchSize is between 1 and {BATCH_SIZE_MAX}.")),
            };
        }
        if let Some(criteria) = self.filters {
            record.filters = filters(criteria)?;
        }
        if let Some(secs) = self.window_secs {
            record.window_secs = bounded(secs);
        }
        record.lanes = self.lanes.map_or(record.lanes, |lanes| bounded(lanes).max(1));
        record.tumbling_secs = self.tumbling_secs.map_or(record.tumbling_secs, bounded);
        record.is_enabled = self.is_enabled.unwrap_or(record.is_enabled);
        record.bisects = self.bisects.unwrap_or(record.bisects);
        if let Some(retries) = self.retries_max {
            record.retries_max = (retries != WITHOUT_END).then(|| bounded(retries));
        }
        if let Some(secs) = self.age_max_secs {
            if secs != WITHOUT_END && secs < 60 {
                return refuse("MaximumRecordAgeInSeconds is -1, or between 60 and 604800.");
            }
            record.age_max_secs = (secs != WITHOUT_END).then(|| bounded(secs));
        }
        if let Some(types) = self.response_types {
            record.reports_failures = types.iter().any(|kind| kind == REPORTS_FAILURES);
        }
        if let Some(config) = self.destinations {
            record.on_failure = on_failure(config)?;
        }
        Ok(())
    }
}

/// What is told of records that are given up: nothing, or a destination that is checked with its function.
fn on_failure(config: api::DestinationConfig) -> Result<Option<String>, Error> {
    let given = |name: Option<String>| name.filter(|name| !name.is_empty());
    if given(config.on_success.and_then(|on| on.destination)).is_some() {
        return refuse("OnSuccess is not a destination of an event source mapping.");
    }
    Ok(given(config.on_failure.and_then(|on| on.destination)))
}

/// The bucket that is told of records that are given up: of all destinations that a mapping may have, the one that there is.
pub(crate) fn failure_bucket(destination: &str, function: &FunctionId) -> Result<String, Error> {
    match Destination::parse(destination, function)? {
        Destination::Bucket(bucket) => Ok(bucket),
        Destination::Function(_) => refuse(format!(
            "The destination ARN {destination} is invalid: a function is no destination of an event source mapping."
        )),
    }
}

/// A number that the model bounded.
fn bounded(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn filters(criteria: api::FilterCriteria) -> Result<Vec<String>, Error> {
    let patterns: Vec<String> =
        criteria.filters.unwrap_or_default().into_iter().filter_map(|filter| filter.pattern).collect();
    if patterns.len() > FILTERS_MAX {
        return refuse(format!("A mapping has at most {FILTERS_MAX} filters."));
    }
    match patterns.iter().try_for_each(|text| Pattern::parse(text).map(drop)) {
        Ok(()) => Ok(patterns),
        Err(invalid) => refuse(invalid.to_string()),
    }
}

/// The account that owns a DynamoDB stream; other sources are refused by name.
pub(crate) fn check_source(arn: &str) -> Result<(), Error> {
    let Ok(parsed) = arn.parse::<Arn>() else { return refuse(format!("Invalid event source ARN: {arn}")) };
    let is_stream = parsed.resource.starts_with("table/") && parsed.resource.contains("/stream/");
    match parsed.service.as_str() {
        "dynamodb" if is_stream => Ok(()),
        "dynamodb" => refuse(format!("Unrecognized event source, must be a DynamoDB stream: {arn}")),
        other => {
            refuse(format!("This platform has no event source of {other} yet; DynamoDB streams can be read."))
        }
    }
}

/// Where to begin, for a stream.
pub(crate) fn check_position(
    position: Option<&str>,
    has_timestamp: bool,
    arn: &str,
) -> Result<String, Error> {
    match position {
        Some(position) if has_timestamp && position != "AT_TIMESTAMP" => {
            refuse("Timestamp only valid with StartingPosition AT_TIMESTAMP")
        }
        Some(position @ ("TRIM_HORIZON" | "LATEST")) => Ok(position.to_owned()),
        Some(_) => refuse(format!("Unsupported starting position for arn type: {arn}")),
        None => Err(Error::Validation(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must \
             not be null."
                .to_owned(),
        )),
    }
}

/// The settings in the API's form.
pub(crate) fn shape(
    record: &MappingRecord,
    arn: String,
    state: &str,
    result: String,
) -> api::EventSourceMappingConfiguration {
    let or_without_end = |bound: Option<u32>| bound.map_or(WITHOUT_END, i64::from);
    let filter = |pattern: &String| api::Filter { pattern: Some(pattern.clone()) };
    let filters: Vec<_> = record.filters.iter().map(filter).collect();
    api::EventSourceMappingConfiguration {
        uuid: Some(record.uuid.clone()),
        starting_position: Some(record.starting_position.clone()),
        batch_size: Some(i64::from(record.batch_size)),
        maximum_batching_window_in_seconds: Some(i64::from(record.window_secs)),
        parallelization_factor: Some(i64::from(record.lanes)),
        event_source_arn: Some(record.source_arn.clone()),
        filter_criteria: (!filters.is_empty()).then_some(api::FilterCriteria { filters: Some(filters) }),
        function_arn: Some(record.function_arn.clone()),
        last_modified: Some(record.modified_at),
        last_processing_result: Some(result),
        state: Some(state.to_owned()),
        state_transition_reason: Some("User action".to_owned()),
        destination_config: Some(api::DestinationConfig {
            on_success: None,
            on_failure: Some(api::OnFailure { destination: record.on_failure.clone() }),
        }),
        maximum_record_age_in_seconds: Some(or_without_end(record.age_max_secs)),
        bisect_batch_on_function_error: Some(record.bisects),
        maximum_retry_attempts: Some(or_without_end(record.retries_max)),
        tumbling_window_in_seconds: Some(i64::from(record.tumbling_secs)),
        function_response_types: Some(if record.reports_failures {
            vec![REPORTS_FAILURES.to_owned()]
        } else {
            Vec::new()
        }),
        event_source_mapping_arn: Some(arn),
        ..api::EventSourceMappingConfiguration::default()
    }
}
