//! What every service must do.

use proptest::prelude::*;
use serde_json::{Value, json};
use service::testkit::compliance::Subject;

use super::{ARN, Fixture, create_input, zip_base64};

const CONFIG: &str = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-aaaaaaaaaaaaaaaaa";
const PUBLISHER: &str = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c/1234567890";

fn samples() -> Vec<(&'static str, Value)> {
    let named = || json!({"FunctionName": "orders"});
    let permission = json!({"FunctionName": "orders", "StatementId": "s", "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com"});
    let alias = json!({"FunctionName": "orders", "Name": "live"});
    let new_alias = json!({"FunctionName": "orders", "Name": "live", "FunctionVersion": "1"});
    let mut samples = later_samples();
    samples.extend([
        ("AddPermission", permission),
        ("CreateAlias", new_alias.clone()),
        ("CreateFunction", create_input()),
        ("DeleteAlias", alias.clone()),
        ("DeleteFunction", named()),
        ("DeleteFunctionConcurrency", named()),
        ("GetAccountSettings", json!({})),
        ("GetAlias", alias),
        ("GetFunction", named()),
        ("GetFunctionCodeSigningConfig", named()),
        ("GetFunctionConcurrency", named()),
        ("GetFunctionConfiguration", named()),
        ("DeleteFunctionEventInvokeConfig", named()),
        ("GetFunctionEventInvokeConfig", named()),
        ("GetFunctionRecursionConfig", named()),
        ("GetPolicy", named()),
        ("GetRuntimeManagementConfig", named()),
        ("Invoke", json!({"FunctionName": "orders", "Payload": "InBheWxvYWQtc2VjcmV0Ig=="})),
        ("ListAliases", named()),
        ("ListFunctions", json!({})),
        ("ListTags", json!({"Resource": ARN})),
        ("ListVersionsByFunction", named()),
        ("PublishVersion", named()),
        ("ListFunctionEventInvokeConfigs", named()),
        ("PutFunctionEventInvokeConfig", json!({"FunctionName": "orders", "MaximumRetryAttempts": 1})),
        ("PutFunctionRecursionConfig", json!({"FunctionName": "orders", "RecursiveLoop": "Allow"})),
        ("PutRuntimeManagementConfig", json!({"FunctionName": "orders", "UpdateRuntimeOn": "Auto"})),
        ("UpdateFunctionEventInvokeConfig", json!({"FunctionName": "orders", "MaximumRetryAttempts": 1})),
        ("PutFunctionConcurrency", json!({"FunctionName": "orders", "ReservedConcurrentExecutions": 1})),
        ("RemovePermission", json!({"FunctionName": "orders", "StatementId": "s"})),
        ("TagResource", json!({"Resource": ARN, "Tags": {"a": "b"}})),
        ("UntagResource", json!({"Resource": ARN, "TagKeys": ["a"]})),
        ("UpdateAlias", new_alias),
        ("UpdateFunctionCode", json!({"FunctionName": "orders", "ZipFile": zip_base64("2")})),
        ("UpdateFunctionConfiguration", json!({"FunctionName": "orders", "Timeout": 5})),
    ]);
    samples
}

fn later_samples() -> Vec<(&'static str, Value)> {
    let named = || json!({"FunctionName": "orders"});
    vec![
        (
            "AddLayerVersionPermission",
            json!({"LayerName": "deps", "VersionNumber": 1, "StatementId": "s",
            "Action": "lambda:GetLayerVersion", "Principal": "*"}),
        ),
        (
            "CreateEventSourceMapping",
            json!({"FunctionName": "orders", "StartingPosition": "LATEST",
            "EventSourceArn": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-01-01T00:00:00.000"}),
        ),
        ("CreateCodeSigningConfig", json!({"AllowedPublishers": {"SigningProfileVersionArns": [PUBLISHER]}})),
        ("DeleteCodeSigningConfig", json!({"CodeSigningConfigArn": CONFIG})),
        ("DeleteFunctionCodeSigningConfig", named()),
        ("GetCodeSigningConfig", json!({"CodeSigningConfigArn": CONFIG})),
        ("ListCodeSigningConfigs", json!({})),
        ("ListFunctionsByCodeSigningConfig", json!({"CodeSigningConfigArn": CONFIG})),
        ("PutFunctionCodeSigningConfig", json!({"FunctionName": "orders", "CodeSigningConfigArn": CONFIG})),
        ("UpdateCodeSigningConfig", json!({"CodeSigningConfigArn": CONFIG, "Description": "d"})),
        (
            "InvokeWithResponseStream",
            json!({"FunctionName": "orders", "Payload": "InBheWxvYWQtc2VjcmV0Ig=="}),
        ),
        ("DeleteEventSourceMapping", json!({"UUID": "u"})),
        ("GetEventSourceMapping", json!({"UUID": "u"})),
        ("ListEventSourceMappings", json!({})),
        ("UpdateEventSourceMapping", json!({"UUID": "u", "BatchSize": 5})),
        ("CreateFunctionUrlConfig", json!({"FunctionName": "orders", "AuthType": "NONE"})),
        ("DeleteFunctionUrlConfig", named()),
        ("DeleteLayerVersion", json!({"LayerName": "deps", "VersionNumber": 1})),
        ("GetFunctionUrlConfig", named()),
        ("GetLayerVersion", json!({"LayerName": "deps", "VersionNumber": 1})),
        ("GetLayerVersionByArn", json!({"Arn": "arn:aws:lambda:us-east-1:123456789012:layer:deps:1"})),
        ("GetLayerVersionPolicy", json!({"LayerName": "deps", "VersionNumber": 1})),
        ("ListFunctionUrlConfigs", named()),
        ("ListLayerVersions", json!({"LayerName": "deps"})),
        ("ListLayers", json!({})),
        ("DeleteProvisionedConcurrencyConfig", json!({"FunctionName": "orders", "Qualifier": "1"})),
        ("GetProvisionedConcurrencyConfig", json!({"FunctionName": "orders", "Qualifier": "1"})),
        ("ListProvisionedConcurrencyConfigs", named()),
        (
            "PutProvisionedConcurrencyConfig",
            json!({"FunctionName": "orders", "Qualifier": "1", "ProvisionedConcurrentExecutions": 1}),
        ),
        ("PublishLayerVersion", json!({"LayerName": "deps", "Content": {"ZipFile": zip_base64("1")}})),
        (
            "RemoveLayerVersionPermission",
            json!({"LayerName": "deps", "VersionNumber": 1, "StatementId": "s"}),
        ),
        ("UpdateFunctionUrlConfig", json!({"FunctionName": "orders", "AuthType": "AWS_IAM"})),
    ]
}

#[tokio::test]
async fn the_service_is_compliant() {
    let fixture = Fixture::empty().await;
    let subject = Subject {
        service: "lambda",
        samples: &samples(),
        open: &[],
        secrets: &["hello-secret", "payload-secret", "InBheWxvYWQtc2VjcmV0Ig"],
    };
    service::testkit::compliance::check(&fixture.kit, &subject).await;
}

proptest! {
    #[test]
    fn no_text_breaks_the_reading_of_names(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        crate::fuzz::fuzz_function_name(&bytes);
    }

    #[test]
    fn names_that_look_right_are_read_back(text in "(arn:aws:lambda:)?([a-z]{2}-[a-z]{4}-[0-9]:)?([0-9]{12}:)?(function:)?[a-z0-9-]{1,8}(:[a-z0-9$]{1,8})?") {
        crate::fuzz::fuzz_function_name(text.as_bytes());
    }
}
