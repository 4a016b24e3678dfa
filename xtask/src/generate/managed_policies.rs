//! The AWS managed policies that serverless applications name: name, path, version and document.

use serde_json::{Map, Value, json};

use super::packages::Packages;
use crate::failure::{At, Failure, Outcome};

/// Where the facts stand, inside one string literal of a Python module.
const SOURCE: &str = "moto/iam/aws_managed_policies.py";

/// The policies we carry. One that is missing from the package is an error.
const NAMES: &[&str] = &[
    "APIGatewayServiceRolePolicy",
    "AWSApplicationAutoscalingDynamoDBTablePolicy",
    "AWSApplicationAutoscalingLambdaConcurrencyPolicy",
    "AWSCloudFormationFullAccess",
    "AWSCloudFormationReadOnlyAccess",
    "AWSCloudTrail_FullAccess",
    "AWSCloudTrail_ReadOnlyAccess",
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaDynamoDBExecutionRole",
    "AWSLambdaENIManagementAccess",
    "AWSLambdaExecute",
    "AWSLambdaInvocation-DynamoDB",
    "AWSLambdaKinesisExecutionRole",
    "AWSLambdaMSKExecutionRole",
    "AWSLambdaReplicator",
    "AWSLambdaRole",
    "AWSLambdaSQSQueueExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "AWSLambda_FullAccess",
    "AWSLambda_ReadOnlyAccess",
    "AWSOrganizationsServiceTrustPolicy",
    "AWSStepFunctionsFullAccess",
    "AWSXRayDaemonWriteAccess",
    "AWSXrayFullAccess",
    "AWSXrayWriteOnlyAccess",
    "AccessAnalyzerServiceRolePolicy",
    "AdministratorAccess",
    "AmazonAPIGatewayAdministrator",
    "AmazonAPIGatewayInvokeFullAccess",
    "AmazonAPIGatewayPushToCloudWatchLogs",
    "AmazonCognitoPowerUser",
    "AmazonCognitoReadOnly",
    "AmazonDynamoDBFullAccess",
    "AmazonDynamoDBReadOnlyAccess",
    "AmazonEventBridgeFullAccess",
    "AmazonKinesisFullAccess",
    "AmazonKinesisReadOnlyAccess",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonSNSFullAccess",
    "AmazonSNSReadOnlyAccess",
    "AmazonSQSFullAccess",
    "AmazonSQSReadOnlyAccess",
    "AmazonSSMFullAccess",
    "AmazonSSMReadOnlyAccess",
    "CloudTrailServiceRolePolicy",
    "CloudWatchEventsServiceRolePolicy",
    "CloudWatchFullAccess",
    "CloudWatchLambdaInsightsExecutionRolePolicy",
    "CloudWatchLogsFullAccess",
    "CloudWatchLogsReadOnlyAccess",
    "CloudWatchReadOnlyAccess",
    "DynamoDBReplicationServiceRolePolicy",
    "IAMAuditRootUserCredentials",
    "IAMCreateRootUserPassword",
    "IAMDeleteRootUserCredentials",
    "IAMFullAccess",
    "IAMReadOnlyAccess",
    "IAMUserChangePassword",
    "PowerUserAccess",
    "S3UnlockBucketPolicy",
    "SQSUnlockQueuePolicy",
    "SecretsManagerReadWrite",
    "ViewOnlyAccess",
];

/// One policy a line, sorted by name.
pub(crate) fn generate(packages: &Packages) -> Outcome<String> {
    let all = source(packages)?;
    let mut lines = Vec::new();
    for name in NAMES {
        let policy = all.get(*name).ok_or_else(|| Failure::new(format!("{SOURCE} has no {name}")))?;
        lines.push(format!("{}:{}", Value::from(*name), entry(name, policy)?));
    }
    Ok(format!("{{\n{}\n}}\n", lines.join(",\n")))
}

fn source(packages: &Packages) -> Outcome<Map<String, Value>> {
    let text = String::from_utf8(packages.bytes(SOURCE)?).at(SOURCE)?;
    let json =
        text.split("\"\"\"").nth(1).ok_or_else(|| Failure::new(format!("{SOURCE} changed its form")))?;
    serde_json::from_str(&json.replace("\\\\", "\\")).at(SOURCE)
}

fn entry(name: &str, policy: &Value) -> Outcome<Value> {
    let fact = |key: &str| {
        policy.get(key).cloned().ok_or_else(|| Failure::new(format!("{SOURCE}: {name} has no {key}")))
    };
    Ok(json!({
        "path": fact("Path")?,
        "version": fact("DefaultVersionId")?,
        "created": fact("CreateDate")?,
        "updated": policy.get("UpdateDate").cloned().map_or_else(|| fact("CreateDate"), Ok)?,
        "document": fact("Document")?,
    }))
}
