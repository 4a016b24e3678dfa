//! `CreateEventSourceMapping`, `GetEventSourceMapping`, `UpdateEventSourceMapping`, `ListEventSourceMappings`,
//! `DeleteEventSourceMapping`. What a mapping reads is the poller's.

use std::sync::Arc;

use base::{AccountId, Arn, Region};
use protocol::{Structure, Value};
use service::{Call, Permit, Source};

use super::invoke::choose;
use super::{existing, page, target};
use crate::Lambda;
use crate::api;
use crate::checkpoints;
use crate::destinations::check_bucket;
use crate::error::Error;
use crate::mappings::{Mapping, MappingRecord};
use crate::model::mapping::{Asked, BATCH_SIZE_DEFAULT, check_position, check_source, failure_bucket, shape};
use crate::model::name::Target;
use crate::model::tags;

/// The mappings of one account.
const MAPPINGS_MAX: usize = 1_000;

/// A mapping's ARN.
pub(crate) fn arn(account: AccountId, region: &Region, uuid: &str) -> String {
    let resource = format!("event-source-mapping:{uuid}");
    Arn::new("lambda", region.as_str(), account.as_str(), resource).to_string()
}

fn not_found() -> Error {
    Error::ResourceNotFound("The resource you requested does not exist.".to_owned())
}

fn shown(
    lambda: &Lambda,
    call: &Call,
    record: &MappingRecord,
    moment: Option<&str>,
) -> api::EventSourceMappingConfiguration {
    let settled = if record.is_enabled { "Enabled" } else { "Disabled" };
    let result = lambda.results.of(&record.uuid);
    shape(record, arn(record.account, call.region(), &record.uuid), moment.unwrap_or(settled), result)
}

pub(crate) async fn create(
    lambda: Arc<Lambda>,
    permit: Permit<api::CreateEventSourceMapping>,
) -> Result<api::EventSourceMappingConfiguration, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, None)?;
    let asked = Asked::from(&input);
    let Some(source_arn) = input.event_source_arn else {
        return Err(Error::InvalidParameterValue("Unrecognized event source.".to_owned()));
    };
    check_source(&source_arn)?;
    let mut record = MappingRecord {
        uuid: crypto::random::uuid(),
        account: call.account(),
        function_arn: target.arn(),
        starting_position: check_position(
            input.starting_position.as_deref(),
            input.starting_position_timestamp.is_some(),
            &source_arn,
        )?,
        source_arn,
        is_enabled: true,
        batch_size: BATCH_SIZE_DEFAULT,
        window_secs: 0,
        filters: Vec::new(),
        bisects: false,
        retries_max: None,
        age_max_secs: None,
        reports_failures: false,
        created_at: call.now(),
        modified_at: call.now(),
        lanes: 1,
        tumbling_secs: 0,
        on_failure: None,
        tags: Vec::new(),
    };
    asked.apply(&mut record)?;
    tags::set(&mut record.tags, input.tags.into_iter().flatten())?;
    record.tags.extend(call.marks());
    check_room(&lambda, &call, &record)?;
    check_access(&lambda, &call, &target, &record).await?;
    lambda.mappings.write(&call, record.clone()).await?;
    Ok(shown(&lambda, &call, &record, Some("Creating")))
}

fn check_room(lambda: &Lambda, call: &Call, record: &MappingRecord) -> Result<(), Error> {
    let known = lambda.mappings.of(call.account());
    if known.len() >= MAPPINGS_MAX {
        return Err(Error::InvalidParameterValue(format!("An account has at most {MAPPINGS_MAX} mappings.")));
    }
    let same = |mapping: &&Arc<Mapping>| {
        let other = &mapping.record;
        other.source_arn == record.source_arn
            && other.function_arn == record.function_arn
            && other.uuid != record.uuid
    };
    match known.iter().find(same) {
        Some(mapping) => Err(Error::ResourceConflict(format!(
            "The event source arn (\" {} \") and function (\" {} \") provided mapping already exists. Please update or \
             delete the existing mapping with UUID {}",
            record.source_arn,
            record.function_arn.rsplit(':').next().unwrap_or_default(),
            mapping.record.uuid
        ))),
        None => Ok(()),
    }
}

/// Refuses a stream that the function's role cannot read, and a destination that it cannot use.
async fn check_access(
    lambda: &Lambda,
    call: &Call,
    target: &Target,
    record: &MappingRecord,
) -> Result<(), Error> {
    // SECURITY: a mapping runs a function with what its role may read: both are of the caller's own account.
    if target.id.account != call.account() {
        return Err(Error::InvalidParameterValue(
            "Cross-account event source mappings are not allowed.".to_owned(),
        ));
    }
    let loaded = existing(lambda, target)?;
    let role = choose(&loaded, target)?.role_arn.clone();
    let stream_arn = &record.source_arn;
    let refused = || {
        Error::InvalidParameterValue(format!(
            "Cannot access stream {stream_arn}. Please ensure the role can perform the GetRecords, GetShardIterator, \
             DescribeStream, and ListStreams Actions on your stream in IAM."
        ))
    };
    let principal = lambda.roles.session(&role, &target.id).await.ok_or_else(refused)?;
    let input = Value::Structure(Structure::new().with("StreamArn", stream_arn.as_str()));
    let source = Source::platform("lambda.amazonaws.com");
    let described =
        call.pipeline().invoke(Arc::new(principal), source, "dynamodbstreams", "DescribeStream", input).await;
    match described {
        Ok(_) => {}
        Err(fault) if fault.code == "ResourceNotFoundException" => {
            return Err(Error::InvalidParameterValue(format!("Stream not found: {stream_arn}")));
        }
        Err(_) => return Err(refused()),
    }
    match &record.on_failure {
        Some(destination) => {
            let bucket = failure_bucket(destination, &target.id)?;
            check_bucket(lambda, call, &target.id, &role, &bucket).await
        }
        None => Ok(()),
    }
}

pub(crate) async fn get(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetEventSourceMapping>,
) -> Result<api::EventSourceMappingConfiguration, Error> {
    let (input, call) = super::parts(permit);
    let found = lambda.mappings.get(call.account(), &input.uuid);
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    Ok(shown(&lambda, &call, &found.ok_or_else(not_found)?.record, None))
}

pub(crate) async fn update(
    lambda: Arc<Lambda>,
    permit: Permit<api::UpdateEventSourceMapping>,
) -> Result<api::EventSourceMappingConfiguration, Error> {
    let (input, call) = super::parts(permit);
    let found = lambda.mappings.get(call.account(), &input.uuid).ok_or_else(not_found)?;
    let mut planned = found.record.clone();
    if let Some(name) = &input.function_name {
        planned.function_arn = target(&call, name, None)?.arn();
        check_room(&lambda, &call, &planned)?;
    }
    Asked::from(&input).apply(&mut planned)?;
    if input.function_name.is_some() || planned.on_failure != found.record.on_failure {
        let target = target(&call, &planned.function_arn, None)?;
        check_access(&lambda, &call, &target, &planned).await?;
    }
    let changed = lambda.mappings.change(&call, call.account(), &input.uuid, |record| {
        record.function_arn = planned.function_arn;
        record.modified_at = call.now();
        Asked::from(&input).apply(record)
    });
    let record = changed.await?.ok_or_else(not_found)?;
    Ok(shown(&lambda, &call, &record, Some("Updating")))
}

pub(crate) async fn list(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListEventSourceMappings>,
) -> Result<api::ListEventSourceMappingsResponse, Error> {
    let (input, call) = super::parts(permit);
    let function = input.function_name.as_deref().map(|name| target(&call, name, None)).transpose()?;
    let function = function.map(|target| target.arn());
    let after = page::after(input.marker.as_deref())?;
    let mut found = lambda.mappings.of(call.account());
    found.retain(|mapping| {
        let record = &mapping.record;
        after.as_ref().is_none_or(|after| record.uuid > *after)
            && function.as_ref().is_none_or(|arn| record.function_arn == *arn)
            && input.event_source_arn.as_ref().is_none_or(|arn| record.source_arn == *arn)
    });
    let next_marker = page::cut(&mut found, input.max_items, |mapping| mapping.record.uuid.clone());
    let mappings = found.iter().map(|mapping| shown(&lambda, &call, &mapping.record, None)).collect();
    Ok(api::ListEventSourceMappingsResponse { next_marker, event_source_mappings: Some(mappings) })
}

pub(crate) async fn delete(
    lambda: Arc<Lambda>,
    permit: Permit<api::DeleteEventSourceMapping>,
) -> Result<api::EventSourceMappingConfiguration, Error> {
    let (input, call) = super::parts(permit);
    let found = lambda.mappings.get(call.account(), &input.uuid).ok_or_else(not_found)?;
    let (account, uuid) = (call.account(), input.uuid.as_str());
    let deleted = lambda
        .mappings
        .delete(&call, account, uuid, |transaction| checkpoints::delete(transaction, account, uuid));
    deleted.await?;
    lambda.results.forget(uuid);
    Ok(shown(&lambda, &call, &found.record, Some("Deleting")))
}
