//! Keys that tell whose network endpoint a call came through: only some services' calls bring them.
//!
//! The policy of a resource is about one service whatever its actions say: wildcards in it are not judged.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-vpceaccount>

use super::{Kind, Walk, conditions};
use crate::json::Node;

/// Services that bring all of the keys.
const ALL: [&str; 39] = [
    "acm-pca",
    "applicationinsights",
    "apprunner",
    "athena",
    "cloudformation",
    "comprehendmedical",
    "compute-optimizer",
    "datasync",
    "discovery",
    "dynamodb",
    "ebs",
    "ecr",
    "ecs",
    "firehose",
    "gamelift",
    "healthlake",
    "iam",
    "iotfleetwise",
    "iotwireless",
    "kinesisanalytics",
    "kms",
    "lambda",
    "medical-imaging",
    "omics",
    "payment-cryptography",
    "polly",
    "rbin",
    "rekognition",
    "route53",
    "s3",
    "scheduler",
    "servicediscovery",
    "servicequotas",
    "shield",
    "ssm-contacts",
    "storagegateway",
    "textract",
    "transcribe",
    "transfer",
];
/// Services that bring the organization's id, and neither account nor path.
const ORGANIZATION: [&str; 13] = [
    "b2bi",
    "cassandra",
    "cognito-identity",
    "dms",
    "ds-data",
    "identitystore",
    "iottwinmaker",
    "network-firewall",
    "pricing",
    "ses",
    "sms-voice",
    "sqs",
    "workmail",
];

pub(super) fn statement(walk: &mut Walk<'_>, node: &Node) {
    for found in conditions::each(node) {
        let is_brought = match found.key.as_str() {
            "aws:vpceaccount" | "aws:vpceorgpaths" => |service: &str| ALL.contains(&service),
            "aws:vpceorgid" => |service: &str| ALL.contains(&service) || ORGANIZATION.contains(&service),
            _ => continue,
        };
        if !is_scoped(walk.kind, node, is_brought) {
            let details = format!(
                "The condition key {} works only with specific AWS services and must be scoped to supported services in your policies.",
                found.name
            );
            walk.warn("USE_CONDITION_KEY_ONLY_WITH_SUPPORTED_SERVICES", found.span, details);
        }
    }
}

/// Whether every action that the statement is about is one of services that bring the key.
fn is_scoped(kind: Kind, node: &Node, is_brought: fn(&str) -> bool) -> bool {
    let of_one_service = kind == Kind::Resource;
    let Some(actions) = node.get("Action") else { return of_one_service };
    actions.texts().iter().all(|action| {
        let action = action.to_ascii_lowercase();
        let service = action.split(':').next().unwrap_or_default();
        let is_any = service.contains(['*', '?']);
        // Nobody calls for a role to be passed: another call does it.
        (is_any && of_one_service) || (is_brought(service) && action != "iam:passrole")
    })
}
