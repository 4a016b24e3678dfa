//! The event sources that Lambda polls: their properties, and the managed policy that each needs.

use std::sync::OnceLock;

use super::super::value::Kind;
use super::Shape;

type Properties = Vec<(&'static str, Kind)>;

/// What every polled source may have, and what single ones add.
const ALL: [(&str, Kind); 33] = [
    ("BatchSize", Kind::Integer),
    ("StartingPosition", Kind::Any),
    ("StartingPositionTimestamp", Kind::Any),
    ("Enabled", Kind::Flag),
    ("MaximumBatchingWindowInSeconds", Kind::Integer),
    ("MaximumRetryAttempts", Kind::Integer),
    ("BisectBatchOnFunctionError", Kind::Flag),
    ("MaximumRecordAgeInSeconds", Kind::Integer),
    ("DestinationConfig", Kind::Map),
    ("ParallelizationFactor", Kind::Integer),
    ("Topics", Kind::List),
    ("Queues", Kind::List),
    ("SourceAccessConfigurations", Kind::List),
    ("SecretsManagerKmsKeyId", Kind::Text),
    ("TumblingWindowInSeconds", Kind::Integer),
    ("FunctionResponseTypes", Kind::List),
    ("KafkaBootstrapServers", Kind::List),
    ("FilterCriteria", Kind::Map),
    ("KmsKeyArn", Kind::Any),
    ("ConsumerGroupId", Kind::Text),
    ("ScalingConfig", Kind::Map),
    ("ProvisionedPollerConfig", Kind::Map),
    ("SchemaRegistryConfig", Kind::Map),
    ("MetricsConfig", Kind::Map),
    ("LoggingConfig", Kind::Map),
    ("Stream", Kind::Any),
    ("Queue", Kind::Any),
    ("Broker", Kind::Any),
    ("DynamicPolicyName", Kind::PlainFlag),
    ("Cluster", Kind::Any),
    ("DatabaseName", Kind::Any),
    ("CollectionName", Kind::Any),
    ("FullDocument", Kind::Any),
];

/// How many of them all sources have.
const COMMON: usize = 25;

/// Where the properties of a source stand in the list of all, and which it must have.
struct Facts {
    own: std::ops::Range<usize>,
    required: &'static [&'static str],
    source: Option<&'static str>,
    policy: Option<&'static str>,
}

fn facts(kind: &str) -> Option<Facts> {
    let stream = |policy| Facts {
        own: 25..26,
        required: &["StartingPosition", "Stream"],
        source: Some("Stream"),
        policy: Some(policy),
    };
    Some(match kind {
        "Kinesis" => stream("AWSLambdaKinesisExecutionRole"),
        "DynamoDB" => stream("AWSLambdaDynamoDBExecutionRole"),
        "MSK" => stream("AWSLambdaMSKExecutionRole"),
        "SQS" => Facts {
            own: 26..27,
            required: &["Queue"],
            source: Some("Queue"),
            policy: Some("AWSLambdaSQSQueueExecutionRole"),
        },
        "MQ" => Facts { own: 27..29, required: &["Broker"], source: Some("Broker"), policy: None },
        "DocumentDB" => Facts {
            own: 29..33,
            required: &["Cluster", "DatabaseName"],
            source: Some("Cluster"),
            policy: None,
        },
        "SelfManagedKafka" => Facts { own: 0..0, required: &[], source: None, policy: None },
        _ => return None,
    })
}

/// The properties of a polled event source.
pub(super) fn shape(kind: &str) -> Option<Shape> {
    static SHAPES: OnceLock<Vec<(&str, Properties)>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(|| {
        let kinds = ["Kinesis", "DynamoDB", "MSK", "SQS", "MQ", "DocumentDB", "SelfManagedKafka"];
        let all = |kind| {
            let own = facts(kind).map(|facts| facts.own).unwrap_or_default();
            let common = ALL.iter().take(COMMON);
            common.chain(ALL.get(own).unwrap_or_default()).copied().collect()
        };
        kinds.into_iter().map(|kind| (kind, all(kind))).collect()
    });
    let (_, properties) = shapes.iter().find(|(name, _)| *name == kind)?;
    Some((properties, facts(kind)?.required))
}

/// The property that names the source.
pub(super) fn source(kind: &str) -> Option<&'static str> {
    facts(kind)?.source
}

/// The managed policy that reading it takes.
pub(super) fn policy(kind: &str) -> Option<&'static str> {
    facts(kind)?.policy
}
