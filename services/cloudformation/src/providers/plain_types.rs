//! The tables of [`super::plain`].

use super::plain::{Id, Part, Plain};
use super::{Property, optional, required};

const INVOKE_CONFIG: [Property; 5] = [
    optional("DestinationConfig"),
    required("FunctionName").fixed(),
    optional("MaximumEventAgeInSeconds"),
    optional("MaximumRetryAttempts"),
    required("Qualifier").fixed(),
];

pub(super) static EVENT_INVOKE_CONFIG: Plain = Plain {
    kind: "AWS::Lambda::EventInvokeConfig",
    service: "lambda",
    properties: &INVOKE_CONFIG,
    name: None,
    create: "PutFunctionEventInvokeConfig",
    // Putting it anew also takes away what the template does not say any more.
    update: Some("PutFunctionEventInvokeConfig"),
    delete: "DeleteFunctionEventInvokeConfig",
    members: &[],
    id: Id::Planned,
    attributes: &[],
    keys: &[("FunctionName", Part::Property("FunctionName")), ("Qualifier", Part::Property("Qualifier"))],
};

const URL_PROPERTIES: [Property; 5] = [
    required("AuthType"),
    optional("Cors"),
    optional("InvokeMode"),
    optional("Qualifier").fixed(),
    required("TargetFunctionArn").fixed(),
];

pub(super) static URL: Plain = Plain {
    kind: "AWS::Lambda::Url",
    service: "lambda",
    properties: &URL_PROPERTIES,
    name: None,
    create: "CreateFunctionUrlConfig",
    update: Some("UpdateFunctionUrlConfig"),
    delete: "DeleteFunctionUrlConfig",
    members: &[("TargetFunctionArn", "FunctionName")],
    id: Id::Answer("/FunctionArn"),
    attributes: &[("FunctionArn", "/FunctionArn"), ("FunctionUrl", "/FunctionUrl")],
    keys: &[
        ("FunctionName", Part::Property("TargetFunctionArn")),
        ("Qualifier", Part::Property("Qualifier")),
    ],
};

const LAYER_PROPERTIES: [Property; 6] = [
    optional("CompatibleArchitectures").fixed(),
    optional("CompatibleRuntimes").fixed(),
    required("Content").fixed(),
    optional("Description").fixed(),
    optional("LayerName").fixed(),
    optional("LicenseInfo").fixed(),
];

pub(super) static LAYER_VERSION: Plain = Plain {
    kind: "AWS::Lambda::LayerVersion",
    service: "lambda",
    properties: &LAYER_PROPERTIES,
    name: Some(("LayerName", 140)),
    create: "PublishLayerVersion",
    update: None,
    delete: "DeleteLayerVersion",
    members: &[],
    id: Id::Answer("/LayerVersionArn"),
    attributes: &[("LayerVersionArn", "/LayerVersionArn")],
    keys: &[("LayerName", Part::OfArn(6)), ("VersionNumber", Part::OfArn(7))],
};

const MAPPING_PROPERTIES: [Property; 18] = [
    optional("BatchSize"),
    optional("BisectBatchOnFunctionError"),
    optional("DestinationConfig"),
    optional("Enabled"),
    optional("EventSourceArn").fixed(),
    optional("FilterCriteria"),
    required("FunctionName"),
    optional("FunctionResponseTypes"),
    optional("KmsKeyArn"),
    optional("MaximumBatchingWindowInSeconds"),
    optional("MaximumRecordAgeInSeconds"),
    optional("MaximumRetryAttempts"),
    optional("ParallelizationFactor"),
    optional("ScalingConfig"),
    optional("StartingPosition").fixed(),
    optional("StartingPositionTimestamp").fixed(),
    optional("Tags").fixed(),
    optional("TumblingWindowInSeconds"),
];

pub(super) static EVENT_SOURCE_MAPPING: Plain = Plain {
    kind: "AWS::Lambda::EventSourceMapping",
    service: "lambda",
    properties: &MAPPING_PROPERTIES,
    name: None,
    create: "CreateEventSourceMapping",
    update: Some("UpdateEventSourceMapping"),
    delete: "DeleteEventSourceMapping",
    members: &[("KmsKeyArn", "KMSKeyArn")],
    id: Id::Answer("/UUID"),
    attributes: &[("Id", "/UUID"), ("EventSourceMappingArn", "/EventSourceMappingArn")],
    keys: &[("UUID", Part::Id)],
};

const STREAM_PROPERTIES: [Property; 2] =
    [required("LogGroupName").fixed(), optional("LogStreamName").fixed()];

pub(super) static LOG_STREAM: Plain = Plain {
    kind: "AWS::Logs::LogStream",
    service: "logs",
    properties: &STREAM_PROPERTIES,
    name: Some(("LogStreamName", 512)),
    create: "CreateLogStream",
    update: None,
    delete: "DeleteLogStream",
    members: &[("LogGroupName", "logGroupName"), ("LogStreamName", "logStreamName")],
    id: Id::Planned,
    attributes: &[],
    keys: &[("logGroupName", Part::Property("LogGroupName")), ("logStreamName", Part::Id)],
};
