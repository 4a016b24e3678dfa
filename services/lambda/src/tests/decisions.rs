//! What is decided on one state of a function is not carried out on another.

use std::sync::Arc;

use base::Timestamp;
use identity::Principal;
use serde_json::{Value, json};
use service::testkit::between::{Moment, is_over};

use super::{ARN, Fixture, create_input, zip_base64};
use crate::kept::key;
use crate::mappings::{MAPPINGS, MappingRecord};
use crate::records::Record as _;

/// Somebody who may do everything with what is tagged `c=pub`, and with nothing else.
async fn who_may_what_is_public(fixture: &Fixture) -> Arc<Principal> {
    let leave = json!({"Effect": "Allow", "Action": "lambda:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/c": "pub"}}});
    fixture.kit.user("who", json!([leave])).await
}

/// Each of these calls is refused once this, tagged `pub`, is tagged `sec` before anything is done.
async fn nothing_is_done_once_tagged_otherwise(fixture: &Fixture, arn: &str, operations: &[(&str, Value)]) {
    let who = who_may_what_is_public(fixture).await;
    let tagging = |value: &str| json!({"Resource": arn, "Tags": {"c": value}});
    for (operation, input) in operations {
        fixture.ok("TagResource", tagging("pub")).await;
        let meanwhile = ("lambda", "TagResource", tagging("sec"));
        fixture.kit.refused_after(&who, meanwhile, ("lambda", operation, input)).await;
    }
}

#[tokio::test]
async fn leave_for_a_function_is_none_once_it_is_tagged_otherwise() {
    let fixture = Fixture::start().await;
    let name = json!({"FunctionName": "orders"});
    let permission = json!({"FunctionName": "orders", "StatementId": "s", "Action": "lambda:InvokeFunction",
        "Principal": "210987654321"});
    let code = json!({"FunctionName": "orders", "ZipFile": zip_base64("2"), "DryRun": true});
    let operations = [
        ("GetFunction", name.clone()),
        ("GetFunctionConfiguration", name.clone()),
        ("ListVersionsByFunction", name.clone()),
        ("GetRuntimeManagementConfig", name.clone()),
        ("ListFunctionUrlConfigs", name.clone()),
        ("GetFunctionEventInvokeConfig", name.clone()),
        ("ListFunctionEventInvokeConfigs", name.clone()),
        ("ListTags", json!({"Resource": ARN})),
        ("UpdateFunctionCode", code),
        ("UpdateFunctionConfiguration", json!({"FunctionName": "orders", "Timeout": 9})),
        ("PutFunctionConcurrency", json!({"FunctionName": "orders", "ReservedConcurrentExecutions": 1})),
        ("AddPermission", permission),
        ("PublishVersion", name.clone()),
        ("TagResource", json!({"Resource": ARN, "Tags": {"c": "pub"}})),
        ("DeleteFunction", name),
    ];
    nothing_is_done_once_tagged_otherwise(&fixture, ARN, &operations).await;
}

#[tokio::test]
async fn leave_for_a_mapping_is_none_once_it_is_tagged_otherwise() {
    let fixture = Fixture::start().await;
    let uuid = "11111111-2222-3333-4444-555555555555";
    let record = MappingRecord {
        uuid: uuid.to_owned(),
        account: fixture.kit.account,
        function_arn: ARN.to_owned(),
        source_arn: "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-01-01T00:00:00.000"
            .to_owned(),
        is_enabled: false,
        batch_size: 1,
        window_secs: 0,
        starting_position: "LATEST".to_owned(),
        filters: Vec::new(),
        bisects: false,
        retries_max: None,
        age_max_secs: None,
        reports_failures: false,
        created_at: Timestamp::from_secs(1),
        modified_at: Timestamp::from_secs(1),
        lanes: 1,
        tumbling_secs: 0,
        on_failure: None,
        tags: Vec::new(),
    };
    let (at, encoded) = (key(record.account, uuid), record.encode().unwrap());
    let written: Result<(), store::StoreError> =
        fixture.kit.pipeline.store().transact(|tx| tx.put(MAPPINGS, at, encoded)).await;
    written.unwrap();
    let fixture = fixture.restarted().await;
    let arn = format!("arn:aws:lambda:us-east-1:123456789012:event-source-mapping:{uuid}");
    let operations = [
        ("GetEventSourceMapping", json!({"UUID": uuid})),
        ("UpdateEventSourceMapping", json!({"UUID": uuid, "BatchSize": 2})),
        ("ListTags", json!({"Resource": arn})),
        ("TagResource", json!({"Resource": arn, "Tags": {"c": "pub"}})),
        ("UntagResource", json!({"Resource": arn, "TagKeys": ["c"]})),
        ("DeleteEventSourceMapping", json!({"UUID": uuid})),
    ];
    nothing_is_done_once_tagged_otherwise(&fixture, &arn, &operations).await;
}

#[tokio::test]
async fn leave_for_a_code_signing_configuration_is_none_once_it_is_tagged_otherwise() {
    let fixture = Fixture::start().await;
    let publishers = json!({"SigningProfileVersionArns":
        [format!("arn:aws:signer:us-east-1:123456789012:/signing-profiles/{}/1234567890", "3d".repeat(32))]});
    let made = fixture.ok("CreateCodeSigningConfig", json!({"AllowedPublishers": publishers})).await;
    let arn = made["CodeSigningConfig"]["CodeSigningConfigArn"].as_str().unwrap();
    let config = json!({"CodeSigningConfigArn": arn});
    fixture.ok("TagResource", json!({"Resource": ARN, "Tags": {"c": "pub"}})).await;
    let operations = [
        ("GetCodeSigningConfig", config.clone()),
        ("ListFunctionsByCodeSigningConfig", config.clone()),
        ("ListTags", json!({"Resource": arn})),
        ("UpdateCodeSigningConfig", json!({"CodeSigningConfigArn": arn, "Description": "d"})),
        ("PutFunctionCodeSigningConfig", json!({"FunctionName": "orders", "CodeSigningConfigArn": arn})),
        ("DeleteCodeSigningConfig", config),
    ];
    nothing_is_done_once_tagged_otherwise(&fixture, arn, &operations).await;
}

#[tokio::test]
async fn leave_to_use_anothers_layer_is_none_once_it_is_taken_back() {
    let fixture = Fixture::start().await;
    let owner = Arc::new(Principal::root("999999999999".parse().unwrap()));
    let layer = json!({"LayerName": "deps", "Content": {"ZipFile": zip_base64("1")}});
    let made = fixture.as_who(&owner, "PublishLayerVersion", layer).await.unwrap();
    let (layer, version) = (made["LayerArn"].clone(), made["LayerVersionArn"].clone());
    let mine = json!({"LayerName": layer, "VersionNumber": 1});
    let allow = json!({"LayerName": layer, "VersionNumber": 1, "StatementId": "s", "Action": "lambda:GetLayerVersion",
        "Principal": "123456789012"});
    let mut other = create_input();
    other["FunctionName"] = json!("other");
    other["Layers"] = json!([version]);
    let operations = [
        ("GetLayerVersion", mine),
        ("GetLayerVersionByArn", json!({"Arn": version})),
        ("UpdateFunctionConfiguration", json!({"FunctionName": "orders", "Layers": [version]})),
        ("CreateFunction", other),
    ];
    let taken_back = json!({"LayerName": layer, "VersionNumber": 1, "StatementId": "s"});
    for (operation, input) in operations {
        fixture.as_who(&owner, "AddLayerVersionPermission", allow.clone()).await.unwrap();
        let taken_back = ("lambda", "RemoveLayerVersionPermission", taken_back.clone());
        fixture.kit.meanwhile_as(&owner, Moment::Work, taken_back);
        let (code, message) = fixture.refused(operation, input).await;
        assert!(is_over() && code == "AccessDeniedException", "{operation}: {code} {message}");
    }
    let gone = fixture.refused("GetFunction", json!({"FunctionName": "other"})).await;
    assert_eq!(gone.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn leave_for_a_url_is_none_once_it_or_another_in_its_place_is_open() {
    let fixture = Fixture::start().await;
    let leave = json!({"Effect": "Allow", "Action": "lambda:*", "Resource": "*"});
    let closed = json!({"Effect": "Deny", "Action": "lambda:*", "Resource": "*",
        "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}});
    let who = fixture.kit.user("who", json!([leave, closed])).await;
    let name = json!({"FunctionName": "orders"});
    let url = |auth: &str| json!({"FunctionName": "orders", "AuthType": auth});
    let mode = json!({"FunctionName": "orders", "InvokeMode": "RESPONSE_STREAM"});
    let operations = [
        ("GetFunctionUrlConfig", &name),
        ("UpdateFunctionUrlConfig", &mode),
        ("DeleteFunctionUrlConfig", &name),
    ];
    for (operation, input) in operations {
        // There is none when leave is asked, and one before anything is done.
        let made = ("lambda", "CreateFunctionUrlConfig", url("NONE"));
        fixture.kit.refused_after(&who, made, ("lambda", operation, input)).await;
        fixture.ok("UpdateFunctionUrlConfig", url("AWS_IAM")).await;
        let opened = ("lambda", "UpdateFunctionUrlConfig", url("NONE"));
        fixture.kit.refused_after(&who, opened, ("lambda", operation, input)).await;
        fixture.ok("DeleteFunctionUrlConfig", name.clone()).await;
    }
}

/// What another account has is not looked at before the caller's own side was taken alone.
#[tokio::test]
async fn what_other_accounts_have_is_looked_at_last() {
    let fixture = Fixture::start().await;
    let open = |action: &str, more: Value| {
        let mut input = json!({"StatementId": "s", "Action": action, "Principal": "999999999999"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    fixture.ok("AddPermission", open("lambda:InvokeFunction", json!({"FunctionName": "orders"}))).await;
    fixture.ok("CreateFunctionUrlConfig", json!({"FunctionName": "orders", "AuthType": "NONE"})).await;
    let layer = json!({"LayerName": "deps", "Content": {"ZipFile": zip_base64("1")}});
    fixture.ok("PublishLayerVersion", layer).await;
    let version = json!({"LayerName": "deps", "VersionNumber": 1});
    fixture.ok("AddLayerVersionPermission", open("lambda:GetLayerVersion", version)).await;
    let other = Arc::new(Principal::root("210987654321".parse().unwrap()));
    let of_function = |arn: &str| json!({"FunctionName": arn});
    let layer = "arn:aws:lambda:us-east-1:123456789012:layer:deps:1";
    for operation in ["Invoke", "GetFunction", "GetFunctionUrlConfig", "DeleteFunction"] {
        let both = (&of_function(ARN), &of_function(&ARN.replace("orders", "absent")));
        fixture.kit.looks_alone_first(&other, ("lambda", operation), both, ("orders", "absent"));
    }
    let of_layer = |arn: &str| json!({"Arn": arn});
    let both = (&of_layer(layer), &of_layer(&layer.replace("deps", "none")));
    fixture.kit.looks_alone_first(&other, ("lambda", "GetLayerVersionByArn"), both, ("deps", "none"));
    let mut with_layer = create_input();
    with_layer["Role"] = json!("arn:aws:iam::210987654321:role/app");
    let of_function = |arn: &str| {
        let mut input = with_layer.clone();
        input["Layers"] = json!([arn]);
        input
    };
    let both = (&of_function(layer), &of_function(&layer.replace("deps", "none")));
    fixture.kit.looks_alone_first(&other, ("lambda", "CreateFunction"), both, ("deps", "none"));
}
