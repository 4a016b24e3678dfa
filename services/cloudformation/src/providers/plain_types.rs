//! The tables of [`super::plain`].

use serde_json::{Map, Value};

use super::plain::{Id, Part, Plain, Read, Tagging, as_it_is};
use super::{Property, Work, finders, optional, reading, required, text};
use crate::drift::Rules;

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
    defaults: &[],
    overwrites: true,
    members: &[],
    id: Id::Planned,
    attributes: &[],
    find: None,
    keys: &[("FunctionName", Part::Property("FunctionName")), ("Qualifier", Part::Property("Qualifier"))],
    read: Some(Read {
        operation: "GetFunctionEventInvokeConfig",
        place: "",
        places: &[],
        given: &["FunctionName", "Qualifier"],
        rules: &Rules::PLAIN,
        adapt: as_it_is,
        keys: None,
    }),
    tagging: None,
};

const URL_PROPERTIES: [Property; 5] = [
    required("AuthType"),
    optional("Cors"),
    optional("InvokeMode"),
    optional("Qualifier").fixed(),
    required("TargetFunctionArn").fixed(),
];

const URL_DEFAULTS: [(&str, &str); 2] = [("Cors", "{}"), ("InvokeMode", "\"BUFFERED\"")];

pub(super) static URL: Plain = Plain {
    kind: "AWS::Lambda::Url",
    service: "lambda",
    properties: &URL_PROPERTIES,
    name: None,
    create: "CreateFunctionUrlConfig",
    update: Some("UpdateFunctionUrlConfig"),
    delete: "DeleteFunctionUrlConfig",
    defaults: &URL_DEFAULTS,
    overwrites: false,
    members: &[("TargetFunctionArn", "FunctionName")],
    id: Id::Answer("/FunctionArn"),
    attributes: &[("FunctionArn", "/FunctionArn"), ("FunctionUrl", "/FunctionUrl")],
    find: Some(finders::url),
    keys: &[
        ("FunctionName", Part::Property("TargetFunctionArn")),
        ("Qualifier", Part::Property("Qualifier")),
    ],
    read: Some(Read {
        operation: "GetFunctionUrlConfig",
        place: "",
        places: &[],
        given: &["Qualifier", "TargetFunctionArn"],
        rules: &Rules::PLAIN,
        adapt: as_it_is,
        keys: None,
    }),
    tagging: None,
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
    defaults: &[],
    overwrites: false,
    members: &[],
    id: Id::Answer("/LayerVersionArn"),
    attributes: &[("LayerVersionArn", "/LayerVersionArn")],
    find: None,
    keys: &[("LayerName", Part::OfArn(6)), ("VersionNumber", Part::OfArn(7))],
    read: Some(Read {
        operation: "GetLayerVersion",
        place: "",
        places: &[],
        given: &["LayerName"],
        rules: &Rules { unread: &["/Content"], whole: &[], ordered: &[] },
        adapt: as_it_is,
        keys: None,
    }),
    tagging: None,
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
    optional("Tags"),
    optional("TumblingWindowInSeconds"),
];

/// `KmsKeyArn` and `ScalingConfig` are refused where they are given, so they are never there to be taken away.
const MAPPING_DEFAULTS: [(&str, &str); 11] = [
    ("BatchSize", "100"),
    ("BisectBatchOnFunctionError", "false"),
    ("DestinationConfig", "{\"OnFailure\": {}}"),
    ("Enabled", "true"),
    ("FilterCriteria", "{}"),
    ("FunctionResponseTypes", "[]"),
    ("MaximumBatchingWindowInSeconds", "0"),
    ("MaximumRecordAgeInSeconds", "-1"),
    ("MaximumRetryAttempts", "-1"),
    ("ParallelizationFactor", "1"),
    ("TumblingWindowInSeconds", "0"),
];

pub(super) static EVENT_SOURCE_MAPPING: Plain = Plain {
    kind: "AWS::Lambda::EventSourceMapping",
    service: "lambda",
    properties: &MAPPING_PROPERTIES,
    name: None,
    create: "CreateEventSourceMapping",
    update: Some("UpdateEventSourceMapping"),
    delete: "DeleteEventSourceMapping",
    defaults: &MAPPING_DEFAULTS,
    overwrites: false,
    members: &[("KmsKeyArn", "KMSKeyArn")],
    id: Id::Answer("/UUID"),
    attributes: &[("Id", "/UUID"), ("EventSourceMappingArn", "/EventSourceMappingArn")],
    find: Some(finders::mapping),
    keys: &[("UUID", Part::Id)],
    read: Some(Read {
        operation: "GetEventSourceMapping",
        place: "",
        places: &[("Enabled", "/State"), ("FunctionName", "/FunctionArn")],
        given: &["StartingPosition", "StartingPositionTimestamp"],
        rules: &Rules::PLAIN,
        adapt: mapping,
        keys: None,
    }),
    tagging: Some(Tagging {
        tag: "TagResource",
        untag: "UntagResource",
        list: "ListTags",
        resource: "Resource",
        attribute: Some("EventSourceMappingArn"),
        tags: "Tags",
        keys: "TagKeys",
        is_map: true,
    }),
};

/// A mapping tells its state and its function's ARN, a template whether it is on and what it calls the function.
fn mapping(work: &Work, now: &mut Map<String, Value>) {
    let state = text(now.get("Enabled"));
    let on = !matches!(state.as_str(), "Disabled" | "Disabling");
    now.insert("Enabled".to_owned(), Value::Bool(on));
    let function = reading::function(work.get("FunctionName"), now.get("FunctionName"));
    now.insert("FunctionName".to_owned(), function);
}

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
    defaults: &[],
    overwrites: false,
    members: &[("LogGroupName", "logGroupName"), ("LogStreamName", "logStreamName")],
    id: Id::Planned,
    attributes: &[],
    find: Some(finders::log_stream),
    keys: &[("logGroupName", Part::Property("LogGroupName")), ("logStreamName", Part::Id)],
    read: Some(Read {
        operation: "DescribeLogStreams",
        place: "/logStreams/0",
        places: &[],
        given: &["LogGroupName"],
        rules: &Rules::PLAIN,
        adapt: as_it_is,
        keys: Some(&[("logGroupName", Part::Property("LogGroupName")), ("logStreamNamePrefix", Part::Id)]),
    }),
    tagging: None,
};

const SIGNING_PROPERTIES: [Property; 4] = [
    required("AllowedPublishers"),
    optional("CodeSigningPolicies"),
    optional("Description"),
    optional("Tags"),
];

const SIGNING_DEFAULTS: [(&str, &str); 2] =
    [("CodeSigningPolicies", "{\"UntrustedArtifactOnDeployment\": \"Warn\"}"), ("Description", "\"\"")];

pub(super) static CODE_SIGNING_CONFIG: Plain = Plain {
    kind: "AWS::Lambda::CodeSigningConfig",
    service: "lambda",
    properties: &SIGNING_PROPERTIES,
    name: None,
    create: "CreateCodeSigningConfig",
    update: Some("UpdateCodeSigningConfig"),
    delete: "DeleteCodeSigningConfig",
    defaults: &SIGNING_DEFAULTS,
    overwrites: false,
    members: &[],
    id: Id::Answer("/CodeSigningConfig/CodeSigningConfigArn"),
    attributes: &[
        ("CodeSigningConfigArn", "/CodeSigningConfig/CodeSigningConfigArn"),
        ("CodeSigningConfigId", "/CodeSigningConfig/CodeSigningConfigId"),
    ],
    find: Some(finders::signing),
    keys: &[("CodeSigningConfigArn", Part::Id)],
    read: Some(Read {
        operation: "GetCodeSigningConfig",
        place: "/CodeSigningConfig",
        places: &[],
        given: &[],
        rules: &Rules::PLAIN,
        adapt: as_it_is,
        keys: None,
    }),
    tagging: Some(Tagging {
        tag: "TagResource",
        untag: "UntagResource",
        list: "ListTags",
        resource: "Resource",
        attribute: None,
        tags: "Tags",
        keys: "TagKeys",
        is_map: true,
    }),
};

const BACKUP_PROPERTIES: [Property; 2] = [required("BackupName").fixed(), required("TableName").fixed()];

pub(super) static BACKUP: Plain = Plain {
    kind: "AWS::DynamoDB::Backup",
    service: "dynamodb",
    properties: &BACKUP_PROPERTIES,
    name: None,
    create: "CreateBackup",
    update: None,
    delete: "DeleteBackup",
    defaults: &[],
    overwrites: false,
    members: &[],
    id: Id::Answer("/BackupDetails/BackupArn"),
    attributes: &[
        ("BackupArn", "/BackupDetails/BackupArn"),
        ("BackupId", "/BackupDetails/BackupArn"),
        ("BackupCreationDateTime", "/BackupDetails/BackupCreationDateTime"),
        ("BackupSizeBytes", "/BackupDetails/BackupSizeBytes"),
        ("BackupStatus", "/BackupDetails/BackupStatus"),
        ("BackupType", "/BackupDetails/BackupType"),
    ],
    find: None,
    keys: &[("BackupArn", Part::Id)],
    read: Some(Read {
        operation: "DescribeBackup",
        place: "/BackupDescription/BackupDetails",
        places: &[],
        given: &["TableName"],
        rules: &Rules::PLAIN,
        adapt: as_it_is,
        keys: None,
    }),
    tagging: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_json_of_properties_that_change_in_place() {
        for plain in [&URL, &EVENT_SOURCE_MAPPING, &CODE_SIGNING_CONFIG] {
            for (name, json) in plain.defaults {
                assert!(serde_json::from_str::<Value>(json).is_ok(), "{name}");
                let property = plain.properties.iter().find(|property| property.name == *name).unwrap();
                assert!(!property.required && property.update == super::super::Update::InPlace, "{name}");
            }
        }
    }
}
