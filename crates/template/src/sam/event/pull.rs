//! Event sources that Lambda polls: Kinesis, DynamoDB streams, SQS, Kafka, MQ and DocumentDB.
//!
//! Each becomes an event source mapping, and adds to the function's role what reading the source takes.

use serde_json::{Map, Value, json};

use super::super::context::Context;
use super::super::error::Problems;
use super::super::policy;
use super::super::role::managed_arn;
use super::super::value::{is_intrinsic, shown};
use super::{Event, Target, access, stream_facts};

/// Properties that the mapping takes over as they are.
const SAME: [&str; 21] = [
    "StartingPosition",
    "StartingPositionTimestamp",
    "BatchSize",
    "Enabled",
    "MaximumBatchingWindowInSeconds",
    "MaximumRetryAttempts",
    "BisectBatchOnFunctionError",
    "MaximumRecordAgeInSeconds",
    "ParallelizationFactor",
    "Topics",
    "Queues",
    "SourceAccessConfigurations",
    "TumblingWindowInSeconds",
    "FunctionResponseTypes",
    "FilterCriteria",
    "KmsKeyArn",
    "ScalingConfig",
    "ProvisionedPollerConfig",
    "MetricsConfig",
    "LoggingConfig",
    "DestinationConfig",
];

const FILTERED: [&str; 7] = ["DocumentDB", "DynamoDB", "Kinesis", "MQ", "MSK", "SelfManagedKafka", "SQS"];

pub(super) fn expand(
    target: &Target<'_>,
    event: &Event<'_>,
    kind: &str,
    context: &Context,
    role: &mut Value,
) -> Result<Vec<(String, Value)>, Problems> {
    let mut mapping = Map::from_iter([("FunctionName".to_owned(), target.name())]);
    if let Some(source) = stream_facts::source(kind).and_then(|name| event.get(name)) {
        mapping.insert("EventSourceArn".to_owned(), source.clone());
    }
    for name in SAME {
        if let Some(value) = event.get(name) {
            mapping.insert(name.to_owned(), value.clone());
        }
    }
    check_filter(event, kind)?;
    if let Some(servers) = event.truthy("KafkaBootstrapServers") {
        let endpoints = json!({ "Endpoints": { "KafkaBootstrapServers": servers } });
        mapping.insert("SelfManagedEventSource".to_owned(), endpoints);
    }
    kafka(event, kind, &mut mapping)?;
    let failures = failures(event, &mut mapping)?;
    if kind == "DocumentDB" {
        let mut config = Map::new();
        for name in ["DatabaseName", "CollectionName", "FullDocument"] {
            if let Some(value) = event.truthy(name) {
                config.insert(name.to_owned(), value.clone());
            }
        }
        mapping.insert("DocumentDBEventSourceConfig".to_owned(), Value::Object(config));
    }
    let policies = access::policies(event, kind, context)?;
    link(role, stream_facts::policy(kind), policies, failures);
    let part = target.source.part("AWS::Lambda::EventSourceMapping", mapping);
    Ok(vec![(event.logical_id.clone(), part)])
}

/// The mapping of a queue that the transform made.
pub(super) fn of_queue(
    target: &Target<'_>,
    event: &str,
    queue: &Value,
    batch_size: &Value,
    role: &mut Value,
) -> (String, Value) {
    let mapping = Map::from_iter([
        ("FunctionName".to_owned(), target.name()),
        ("EventSourceArn".to_owned(), queue.clone()),
        ("BatchSize".to_owned(), batch_size.clone()),
        ("Enabled".to_owned(), json!(true)),
    ]);
    link(role, stream_facts::policy("SQS"), Vec::new(), None);
    (format!("{event}EventSourceMapping"), target.source.part("AWS::Lambda::EventSourceMapping", mapping))
}

fn check_filter(event: &Event<'_>, kind: &str) -> Result<(), Problems> {
    let Some(criteria) = event.truthy("FilterCriteria").filter(|value| !is_intrinsic(value)) else {
        return Ok(());
    };
    if !FILTERED.contains(&kind) {
        let all = FILTERED.join(", ");
        return Err(event.refuse(format_args!("FilterCriteria is only available for {all} events.")));
    }
    match criteria.as_object() {
        Some(map) if map.keys().ne(["Filters"]) => {
            Err(event.refuse("FilterCriteria field has a wrong format"))
        }
        _ => Ok(()),
    }
}

fn kafka(event: &Event<'_>, kind: &str, mapping: &mut Map<String, Value>) -> Result<(), Problems> {
    let name = match kind {
        "MSK" => "AmazonManagedKafkaEventSourceConfig",
        "SelfManagedKafka" => "SelfManagedKafkaEventSourceConfig",
        _ if event.truthy("ConsumerGroupId").is_some() => {
            return Err(event.refuse_long(format_args!(
                "Property ConsumerGroupId not defined for resource of type {kind}."
            )));
        }
        _ => return Ok(()),
    };
    let mut config = Map::new();
    for name in ["ConsumerGroupId", "SchemaRegistryConfig"] {
        if let Some(value) = event.truthy(name) {
            config.insert(name.to_owned(), value.clone());
        }
    }
    if !config.is_empty() {
        mapping.insert(name.to_owned(), Value::Object(config));
    }
    Ok(())
}

/// Where failed batches go: the type is SAM's own, and becomes a policy.
fn failures(event: &Event<'_>, mapping: &mut Map<String, Value>) -> Result<Option<Value>, Problems> {
    let Some(config) = event.truthy("DestinationConfig") else { return Ok(None) };
    let mut config = config.clone();
    let Some(on_failure) = config.get_mut("OnFailure").and_then(Value::as_object_mut) else {
        return Err(event.refuse_long("Property 'DestinationConfig.OnFailure' should be a map."));
    };
    let mut granted = None;
    if let Some(kind) = on_failure.get("Type").filter(|kind| super::super::value::is_truthy(kind)).cloned() {
        on_failure.shift_remove("Type");
        let kind = shown(&kind);
        if !["SQS", "SNS", "S3", "Kafka"].contains(&kind.as_str()) {
            return Err(
                event.refuse_long("The only valid values for 'Type' are 'SQS', 'SNS', 'S3', and 'Kafka'")
            );
        }
        let destination = on_failure.get("Destination").cloned().unwrap_or_default();
        granted = policy::send_to(&kind, &event.logical_id, &destination);
    }
    mapping.insert("DestinationConfig".to_owned(), config);
    Ok(granted)
}

/// Adds to a role what it does not have yet.
fn link(role: &mut Value, managed: Option<&str>, policies: Vec<Value>, failures: Option<Value>) {
    let Some(properties) = role.get_mut("Properties").and_then(Value::as_object_mut) else { return };
    if let Some(name) = managed {
        let arn = Value::from(managed_arn(&format!("service-role/{name}")));
        let list = properties.entry("ManagedPolicyArns").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut().filter(|list| !list.contains(&arn)) {
            list.push(arn);
        }
    }
    for policy in policies.into_iter().chain(failures) {
        let list = properties.entry("Policies").or_insert_with(|| json!([]));
        let Some(list) = list.as_array_mut() else { continue };
        let document = policy.get("PolicyDocument");
        if !list.iter().any(|other| other.get("PolicyDocument") == document) {
            list.push(policy);
        }
    }
}
