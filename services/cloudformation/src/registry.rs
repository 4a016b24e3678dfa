//! What CloudFormation's public registry says of types: which properties and attributes they have on AWS.
//!
//! Says nothing of what is offered here: that is the providers'. What is not offered is listed, each with its reason.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The facts, one type a line.
const FACTS: &str = include_str!("registry.txt");

/// The attributes of each type.
static ATTRIBUTES: LazyLock<BTreeMap<&'static str, Vec<&'static str>>> =
    LazyLock::new(|| entries().map(|(kind, _, attributes)| (kind, attributes.collect())).collect());

type Words = std::str::SplitWhitespace<'static>;

/// Each type, its properties and its attributes.
fn entries() -> impl Iterator<Item = (&'static str, Words, Words)> {
    FACTS.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut parts = line.split('|').map(str::trim);
        let mut part = || parts.next().unwrap_or_default();
        (part(), part().split_whitespace(), part().split_whitespace())
    })
}

/// True for types whose service is here, offered or not.
pub(crate) fn knows(kind: &str) -> bool {
    ATTRIBUTES.contains_key(kind)
}

/// True where a type is known to have no such attribute here.
pub(crate) fn lacks_attribute(kind: &str, attribute: &str) -> bool {
    let Some(known) = ATTRIBUTES.get(kind) else { return false };
    let is_open = kind == "AWS::CloudFormation::Stack" || kind == "AWS::CloudFormation::CustomResource";
    !is_open && (!known.contains(&attribute) || why_omitted(kind, attribute).is_some())
}

/// Why a property or attribute that a type has on AWS is not offered here.
pub(crate) fn why_omitted(kind: &str, name: &str) -> Option<&'static str> {
    OMITTED.iter().find(|(of, names, _)| *of == kind && names.contains(&name)).map(|(_, _, why)| *why)
}

/// What is left out of types that are offered.
const OMITTED: &[(&str, &[&str], &str)] = &[
    (
        "AWS::ApiGateway::Deployment",
        &["DeploymentCanarySettings"],
        "stages serve one deployment, and none on trial",
    ),
    (
        "AWS::ApiGateway::RestApi",
        &["CloneFrom", "EndpointAccessMode", "SecurityPolicy"],
        "APIs are imported or made, not cloned, and listen with the platform's own certificate",
    ),
    (
        "AWS::ApiGateway::Stage",
        STAGE_SETTINGS,
        "stages have no caches, trials, client certificates or documentation",
    ),
    ("AWS::CloudFormation::Stack", &["NotificationARNs"], "there is no SNS service"),
    ("AWS::CloudFormation::Stack", &["StackId"], "Ref gives it"),
    (
        "AWS::DynamoDB::Table",
        &[
            "ContributorInsightsSpecification",
            "ImportSourceSpecification",
            "KinesisStreamSpecification",
            "VectorIndexes",
        ],
        "tables have no contributor insights, imports, Kinesis streams or vector indexes",
    ),
    (
        "AWS::DynamoDB::GlobalTable",
        &["ReadProvisionedThroughputSettings", "WriteProvisionedThroughputSettings"],
        "throughput is not scaled",
    ),
    (
        "AWS::DynamoDB::GlobalTable",
        &["GlobalTableSourceArn", "GlobalTableWitnesses", "MultiRegionConsistency", "TableType"],
        "there is one region",
    ),
    ("AWS::DynamoDB::GlobalTable", &["VectorIndexes"], "tables have no vector indexes"),
    ("AWS::Lambda::EventSourceMapping", MAPPING_SOURCES, "streams of tables are the only sources"),
    (
        "AWS::Lambda::EventSourceMapping",
        &["LoggingConfig", "MetricsConfig", "ProvisionedPollerConfig"],
        "mappings have neither metrics and logs of their own nor provisioned pollers",
    ),
    (
        "AWS::Lambda::Function",
        &["CapacityProviderConfig", "FunctionScalingConfig", "PublishToLatestPublished"],
        "there are no capacity providers",
    ),
    (
        "AWS::Lambda::Function",
        &["DurableConfig", "ImageConfig", "TenancyConfig", "VpcConfig"],
        "functions are packages in sandboxes, without images, tenants, durable executions or subnets",
    ),
    ("AWS::Lambda::Version", &["FunctionScalingConfig"], "there are no capacity providers"),
    (
        "AWS::Logs::LogGroup",
        &[
            "BearerTokenAuthenticationEnabled",
            "DataProtectionPolicy",
            "FieldIndexPolicies",
            "ResourcePolicyDocument",
        ],
        "log groups have no data protection, indexes, tokens or policies",
    ),
    ("AWS::S3::Bucket", BUCKET_SETTINGS, "buckets have no such settings"),
    ("AWS::S3::Bucket", BUCKET_TABLES, "buckets have no metadata tables and no websites"),
];

const STAGE_SETTINGS: &[&str] = &[
    "CacheClusterEnabled",
    "CacheClusterSize",
    "CanarySetting",
    "ClientCertificateId",
    "DocumentationVersion",
];

const MAPPING_SOURCES: &[&str] = &[
    "AmazonManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "Queues",
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations",
    "Topics",
];

const BUCKET_SETTINGS: &[&str] = &[
    "AbacStatus",
    "AccelerateConfiguration",
    "AnalyticsConfigurations",
    "BucketNamePrefix",
    "BucketNamespace",
    "CorsConfiguration",
    "IntelligentTieringConfigurations",
    "InventoryConfigurations",
    "LifecycleConfiguration",
    "LoggingConfiguration",
    "MetricsConfigurations",
    "NotificationConfiguration",
    "ObjectLockConfiguration",
    "ObjectLockEnabled",
    "ReplicationConfiguration",
];

const BUCKET_TABLES: &[&str] = &[
    "MetadataConfiguration",
    "MetadataConfiguration.AnnotationTableConfiguration.TableArn",
    "MetadataConfiguration.AnnotationTableConfiguration.TableName",
    "MetadataConfiguration.Destination",
    "MetadataConfiguration.InventoryTableConfiguration.TableArn",
    "MetadataConfiguration.InventoryTableConfiguration.TableName",
    "MetadataConfiguration.JournalTableConfiguration.TableArn",
    "MetadataConfiguration.JournalTableConfiguration.TableName",
    "MetadataTableConfiguration",
    "MetadataTableConfiguration.S3TablesDestination.TableArn",
    "MetadataTableConfiguration.S3TablesDestination.TableNamespace",
    "WebsiteConfiguration",
    "WebsiteURL",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{self, Update};

    /// A property, with whether it is required and whether a change replaces the resource.
    struct Fact {
        name: &'static str,
        required: bool,
        replaces: bool,
    }

    fn properties() -> impl Iterator<Item = (&'static str, Vec<Fact>)> {
        entries().map(|(kind, properties, _)| {
            let facts = properties.map(|property| Fact {
                name: property.trim_end_matches(['!', '=']),
                required: property.contains('!'),
                replaces: property.contains('='),
            });
            (kind, facts.collect())
        })
    }

    /// Types whose service is here and that are not offered: by the beginning of their names, and why.
    const DECLINED: &[(&str, &str)] = &[
        ("AWS::ApiGateway::BasePathMapping", "APIs have no domain names of their own"),
        ("AWS::ApiGateway::ClientCertificate", "integrations are functions"),
        ("AWS::ApiGateway::Documentation", "APIs have no documentation parts"),
        ("AWS::ApiGateway::DomainName", "APIs have no domain names of their own"),
        ("AWS::ApiGateway::VpcLink", "there are no subnets"),
        ("AWS::CloudFormation::ChangeSet", "change sets are made by their own call"),
        ("AWS::CloudFormation::GeneratedTemplate", "templates are not generated from what exists"),
        ("AWS::CloudFormation::GuardHook", "there are no hooks"),
        ("AWS::CloudFormation::Hook", "there are no hooks"),
        ("AWS::CloudFormation::LambdaHook", "there are no hooks"),
        ("AWS::CloudFormation::Macro", "transforms are the platform's own"),
        ("AWS::CloudFormation::Module", "there is no registry of modules"),
        ("AWS::CloudFormation::PublicTypeVersion", "there is no registry of third-party types"),
        ("AWS::CloudFormation::Publisher", "there is no registry of third-party types"),
        ("AWS::CloudFormation::Resource", "there is no registry of third-party types"),
        ("AWS::CloudFormation::StackSet", "stacks are made one at a time, each in its own account"),
        ("AWS::CloudFormation::TypeActivation", "there is no registry of third-party types"),
        ("AWS::IAM::SAMLProvider", "identity providers speak OpenID Connect"),
        ("AWS::Lambda::CapacityProvider", "functions run on this platform's host"),
        ("AWS::Lambda::MicrovmImage", "functions run in sandboxes"),
        ("AWS::Lambda::NetworkConnector", "functions reach out through the operator's rules"),
        ("AWS::Lambda::ResourcePolicy", "the API has no such call here"),
        ("AWS::Lambda::WebFunction", "the API has no such call here"),
        ("AWS::Logs::AccountPolicy", "logs have no account policies"),
        ("AWS::Logs::Deliver", "logs are not delivered elsewhere"),
        ("AWS::Logs::Destination", "logs are not delivered elsewhere"),
        ("AWS::Logs::Integration", "logs are not delivered elsewhere"),
        ("AWS::Logs::LogAnomalyDetector", "there are no queries over logs"),
        ("AWS::Logs::MetricFilter", "there are no metrics"),
        ("AWS::Logs::QueryDefinition", "there are no queries over logs"),
        ("AWS::Logs::ResourcePolicy", "no service writes another's logs"),
        ("AWS::Logs::ScheduledQuery", "there are no queries over logs"),
        ("AWS::Logs::StorageTierPolicy", "logs have one tier"),
        ("AWS::Logs::SubscriptionFilter", "logs are not delivered elsewhere"),
        ("AWS::Logs::Transformer", "logs are kept as they come"),
        ("AWS::Organizations::ResourcePolicy", "the API has no such call here"),
        ("AWS::S3::Access", "buckets have no access points and grants"),
        ("AWS::S3::MultiRegionAccessPoint", "there is one region"),
        ("AWS::S3::StorageLens", "there are no metrics"),
    ];

    /// Where a property behaves otherwise than the registry says: type, property, and why.
    const OTHERWISE: &[(&str, &str, &str)] = &[
        (
            "AWS::ApiGateway::Deployment",
            "StageDescription",
            "a deployment and the stage that it makes are one: another one takes their place",
        ),
        ("AWS::ApiGateway::Deployment", "StageName", "likewise"),
        ("AWS::ApiGateway::Stage", "StageName", "no call makes a stage without a name"),
        ("AWS::CloudFormation::CustomResource", "ServiceToken", "a change is refused, as AWS does"),
        ("AWS::CloudFormation::WaitCondition", "Count", "a change of a wait would never be noticed"),
        ("AWS::CloudFormation::WaitCondition", "Handle", "a change of a wait would never be noticed"),
        ("AWS::CloudFormation::WaitCondition", "Timeout", "a change of a wait would never be noticed"),
        (
            "AWS::DynamoDB::GlobalTable",
            "KeySchema",
            "replaces under a condition, which is told where it is changed",
        ),
        ("AWS::DynamoDB::GlobalTable", "LocalSecondaryIndexes", "replaces under a condition"),
        ("AWS::DynamoDB::Table", "KeySchema", "replaces under a condition"),
        ("AWS::DynamoDB::Table", "LocalSecondaryIndexes", "no call changes them"),
    ];

    #[test]
    fn every_type_of_the_services_here_is_offered_or_declined() {
        for kind in ATTRIBUTES.keys() {
            let declined = DECLINED.iter().filter(|(start, _)| kind.starts_with(start)).count();
            let offered = usize::from(providers::find(kind).is_some());
            assert_eq!(declined.min(1) + offered, 1, "{kind} is neither offered nor declined, or both");
        }
        for (start, _) in DECLINED {
            assert!(ATTRIBUTES.keys().any(|kind| kind.starts_with(start)), "{start} is no type");
        }
    }

    #[test]
    fn every_property_is_as_the_registry_says() {
        let mut wrong = Vec::new();
        for (kind, known) in properties() {
            let Some(provider) = providers::find(kind) else { continue };
            for property in provider.properties() {
                let Some(fact) = known.iter().find(|fact| fact.name == property.name) else {
                    wrong.push(format!("{kind}.{} is unknown to the registry", property.name));
                    continue;
                };
                let excused = OTHERWISE.iter().any(|(of, name, _)| *of == kind && *name == property.name);
                let replaces = property.update == Update::Replace;
                if !excused && (fact.required, fact.replaces) != (property.required, replaces) {
                    wrong.push(format!(
                        "{kind}.{}: required {} and not {}, replaces {} and not {replaces}",
                        property.name, fact.required, property.required, fact.replaces
                    ));
                }
            }
            for fact in &known {
                let offered = provider.properties().iter().any(|property| property.name == fact.name);
                if offered == why_omitted(kind, fact.name).is_some() {
                    wrong.push(format!("{kind}.{} is neither offered nor left out, or both", fact.name));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn what_is_left_out_exists() {
        for (kind, names, _) in OMITTED {
            let (_, known) = properties().find(|(known, _)| known == kind).unwrap();
            for name in *names {
                let property = known.iter().any(|fact| fact.name == *name);
                assert!(property || ATTRIBUTES[kind].contains(name), "{kind}.{name}");
            }
        }
    }

    #[test]
    fn attributes_are_known_by_type() {
        assert!(!lacks_attribute("AWS::IAM::Role", "Arn") && lacks_attribute("AWS::IAM::Role", "Nope"));
        assert!(lacks_attribute("AWS::S3::Bucket", "WebsiteURL"));
        assert!(
            !lacks_attribute("AWS::CloudFormation::Stack", "Outputs.X") && !lacks_attribute("Custom::X", "Y")
        );
    }
}
