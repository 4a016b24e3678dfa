//! What is refused before anything is created.

use serde_json::json;

use super::{SMALL, Stage};

#[allow(clippy::too_many_lines, reason = "a table")]
#[tokio::test]
async fn bad_requests_get_awss_answers_and_create_nothing() {
    let stage = Stage::new().await;
    let role = "Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}";
    let named =
        "Resources: {R: {Type: AWS::IAM::Role, Properties: {RoleName: r, AssumeRolePolicyDocument: {}}}}";
    let sam = "Transform: AWS::Serverless-2016-10-31\nResources: {T: {Type: AWS::Serverless::SimpleTable}}";
    let secret = "Parameters: {P: {Type: String, MinLength: 9, NoEcho: true}}\nResources: {T: {Type: AWS::Logs::LogGroup}}";
    let table = [
        (
            json!({ "TemplateBody": "Resources: {T: {Type: AWS::SNS::Topic}}" }),
            "ValidationError",
            "Unrecognized resource types: [AWS::SNS::Topic]",
        ),
        (
            json!({ "TemplateBody": "Resources:\n  L: {Type: AWS::Logs::LogGroup, Properties: {Retention: 1}}" }),
            "ValidationError",
            "extraneous key [Retention] is not permitted (line 2)",
        ),
        (
            json!({ "TemplateBody": "Resources: {L: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Ref X}}}" }),
            "ValidationError",
            "Unresolved resource dependencies [X]",
        ),
        (json!({ "TemplateBody": "nonsense" }), "ValidationError", "unsupported structure"),
        (json!({}), "ValidationError", "Either Template URL or Template Body must be specified."),
        (json!({ "TemplateURL": "https://b.s3.amazonaws.com/k" }), "ValidationError", "S3 error"),
        (
            json!({ "TemplateBody": role }),
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_IAM]",
        ),
        (
            json!({ "TemplateBody": named, "Capabilities": ["CAPABILITY_IAM"] }),
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_NAMED_IAM]",
        ),
        (
            json!({ "TemplateBody": sam }),
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_AUTO_EXPAND]",
        ),
        (
            json!({ "TemplateBody": SMALL, "RoleARN": "arn:aws:iam::123456789012:role/r" }),
            "ValidationError",
            "is invalid or cannot be assumed",
        ),
        (
            json!({ "TemplateBody": SMALL, "Parameters": [{ "ParameterKey": "P", "ParameterValue": "x" }] }),
            "ValidationError",
            "Parameters: [P] do not exist in the template",
        ),
        (json!({ "TemplateBody": secret }), "ValidationError", "Parameters: [P] must have values"),
        (
            json!({ "TemplateBody": secret, "Parameters": [{ "ParameterKey": "P", "ParameterValue": "hunter2" }] }),
            "ValidationError",
            "must contain at least 9 characters",
        ),
        (
            json!({ "TemplateBody": "Resources: {L: {Type: AWS::Logs::LogGroup, DeletionPolicy: Snapshot}}" }),
            "ValidationError",
            "does not support deletion policy Snapshot",
        ),
        (
            json!({ "TemplateBody": SMALL, "Tags": [{ "Key": "aws:x", "Value": "y" }] }),
            "ValidationError",
            "reserved",
        ),
    ];
    for (mut input, code, message) in table {
        input["StackName"] = json!("x");
        let fault = stage.call("CreateStack", input.clone()).await.unwrap_err();
        assert_eq!(fault.code, code, "{input}: {}", fault.message);
        assert!(fault.message.contains(message), "{input}: {}", fault.message);
        assert!(!fault.message.contains("hunter2"));
    }
    assert_eq!(stage.world.things().calls, ["s3:GetObject "], "the template that is not there");
    assert!(stage.call("DescribeStacks", json!({ "StackName": "x" })).await.is_err());
}

/// A boundary that was forgotten behind its name is not taken for none.
#[tokio::test]
async fn null_is_refused_before_anything_is_made() {
    let stage = Stage::new().await;
    let empty = "
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      PermissionsBoundary:
      AssumeRolePolicyDocument: {}";
    let told = "[/Resources/R/Type/PermissionsBoundary] 'null' values are not allowed in templates";
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    let made = stage.world.things().calls.len();
    let capable = |name: &str, more: serde_json::Value| {
        let mut input =
            json!({ "StackName": name, "TemplateBody": empty, "Capabilities": ["CAPABILITY_IAM"] });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let calls = [
        ("CreateStack", capable("x", json!({}))),
        ("UpdateStack", capable("small", json!({}))),
        ("CreateChangeSet", capable("x", json!({ "ChangeSetName": "c", "ChangeSetType": "CREATE" }))),
        ("CreateChangeSet", capable("small", json!({ "ChangeSetName": "c" }))),
        ("ValidateTemplate", json!({ "TemplateBody": empty })),
        ("GetTemplateSummary", json!({ "TemplateBody": empty })),
    ];
    for (operation, input) in calls {
        let fault = stage.call(operation, input).await.unwrap_err();
        assert_eq!(fault.code, "ValidationError", "{operation}");
        assert!(fault.message.starts_with(told), "{operation}: {}", fault.message);
    }
    assert_eq!(stage.world.things().calls.len(), made);
    assert!(stage.call("DescribeStacks", json!({ "StackName": "x" })).await.is_err());
    let left_out = empty.replace("Boundary:", "Boundary: !Ref AWS::NoValue");
    stage.create("x", &left_out).await.unwrap();
    assert_eq!(stage.settled("x").await, "CREATE_COMPLETE");
}

#[tokio::test]
async fn names_of_stacks_are_theirs_alone() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    let fault = stage.create("small", SMALL).await.unwrap_err();
    assert_eq!(
        (fault.code.as_ref(), fault.message.as_str()),
        ("AlreadyExistsException", "Stack [small] already exists")
    );
    let fault = stage.update("other", SMALL).await.unwrap_err();
    assert_eq!(fault.message, "Stack [other] does not exist");
    for bad in ["1x", "a_b", ""] {
        assert!(stage.create(bad, SMALL).await.is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_protected_stack_is_not_deleted() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    let protect = |on: bool| json!({ "StackName": "small", "EnableTerminationProtection": on });
    stage.call("UpdateTerminationProtection", protect(true)).await.unwrap();
    let fault = stage.call("DeleteStack", json!({ "StackName": "small" })).await.unwrap_err();
    assert_eq!(fault.message, "Stack [small] cannot be deleted while TerminationProtection is enabled");
    stage.call("UpdateTerminationProtection", protect(false)).await.unwrap();
    stage.call("DeleteStack", json!({ "StackName": "small" })).await.unwrap();
}

#[tokio::test]
async fn a_type_does_not_change_under_a_logical_id() {
    let stage = Stage::new().await;
    stage.create("small", "Resources: {A: {Type: AWS::Logs::LogGroup}}").await.unwrap();
    stage.settled("small").await;
    let other = "Resources: {A: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}}";
    let fault = stage.update("small", other).await.unwrap_err();
    assert!(fault.message.starts_with("Update of resource type is not permitted."), "{}", fault.message);
}

#[tokio::test]
async fn secrets_are_masked_wherever_they_could_be_seen() {
    let stage = Stage::new().await;
    let template = "Parameters: {P: {Type: String, NoEcho: true}}\nResources: {L: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub 'g-${P}'}}}";
    let input = json!({ "StackName": "s", "TemplateBody": template,
        "Parameters": [{ "ParameterKey": "P", "ParameterValue": "hunter2" }] });
    stage.call("CreateStack", input).await.unwrap();
    assert_eq!(stage.settled("s").await, "CREATE_COMPLETE");
    assert_eq!(stage.world.names("group"), ["g-hunter2"]);
    assert_eq!(stage.describe("s").await["Parameters"][0]["ParameterValue"], "****");
    let records = stage.kit.records().await;
    let record = records.iter().find(|record| record["eventName"] == "CreateStack").unwrap();
    assert!(!record.to_string().contains("hunter2"), "{record}");
    let keep = json!({ "StackName": "s", "UsePreviousTemplate": true, "Tags": [{ "Key": "k", "Value": "v" }],
        "Parameters": [{ "ParameterKey": "P", "UsePreviousValue": true }] });
    stage.call("UpdateStack", keep).await.unwrap();
    assert_eq!(stage.settled("s").await, "UPDATE_COMPLETE");
    assert_eq!(stage.world.names("group"), ["g-hunter2"]);
}

#[tokio::test]
async fn a_secret_that_a_service_quotes_is_masked() {
    let stage = Stage::new().await;
    let template = "Parameters: {P: {Type: String, NoEcho: true}}\nResources: {L: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: g, RetentionInDays: !Ref P}}}";
    let input = json!({ "StackName": "s", "TemplateBody": template,
        "Parameters": [{ "ParameterKey": "P", "ParameterValue": "not*a*name" }] });
    stage.call("CreateStack", input).await.unwrap();
    assert_eq!(stage.settled("s").await, "ROLLBACK_COMPLETE");
    let answer = stage.call("DescribeStackEvents", json!({ "StackName": "s" })).await.unwrap().to_string();
    assert!(!answer.contains("not*a*name"), "{answer}");
}

#[tokio::test]
async fn resources_are_made_with_the_rights_of_whoever_asked() {
    let mut stage = Stage::new().await;
    stage.who = stage
        .kit
        .user(
            "deployer",
            json!([
                { "Effect": "Allow", "Action": ["cloudformation:*", "dynamodb:*"], "Resource": "*" },
            ]),
        )
        .await;
    stage.create("small", SMALL).await.unwrap();
    assert_eq!(stage.settled("small").await, "ROLLBACK_COMPLETE");
    let reason = stage.reason("small", "Group", "CREATE_FAILED").await;
    assert!(reason.contains("is not authorized to perform: logs:CreateLogGroup"), "{reason}");
    assert!(stage.world.is_empty());
    let records = stage.kit.records().await;
    let mine = |name: &str| records.iter().find(|record| record["eventName"] == name).cloned().unwrap();
    assert_eq!(mine("CreateTable")["userIdentity"]["userName"], "deployer");
    assert_eq!(mine("CreateTable")["sourceIPAddress"], "cloudformation.amazonaws.com");
    assert_eq!(mine("CreateLogGroup")["errorCode"], "AccessDeniedException");
}

#[tokio::test]
async fn tags_of_a_stack_take_leave_to_tag_it() {
    let stage = Stage::new().await;
    let change_set = json!({"ChangeSetName": "c", "ChangeSetType": "CREATE"});
    for (operation, more) in
        [("CreateStack", json!({})), ("UpdateStack", json!({})), ("CreateChangeSet", change_set)]
    {
        let make =
            json!({"Effect": "Allow", "Action": format!("cloudformation:{operation}"), "Resource": "*"});
        let red = json!({"Effect": "Allow", "Action": "cloudformation:TagResource",
            "Resource": "arn:aws:cloudformation:us-east-1:123456789012:stack/s/*",
            "Condition": {"StringEquals": {"aws:RequestTag/team": "red", "cloudformation:CreateAction": operation}}});
        let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let deny = json!({"Effect": "Deny", "Action": "cloudformation:TagResource", "Resource": "*"});
        for (name, statements, team, allowed) in [
            ("only", json!([make]), Some("red"), false),
            ("denied", json!([all, deny]), Some("red"), false),
            ("blue", json!([make, red]), Some("blue"), false),
            ("red", json!([make, red]), Some("red"), true),
            ("untagged", json!([make]), None, true),
        ] {
            let user = stage.kit.user(&format!("{name}-{operation}"), statements).await;
            let mut input = json!({"StackName": "s", "TemplateBody": SMALL});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input["Tags"] = team.map_or(json!([]), |team| json!([{"Key": "team", "Value": team}]));
            let fault = stage.kit.json(&user, "cloudformation", operation, &input).await.err();
            let refusal = fault.filter(|fault| fault.code == "AccessDenied").map(|fault| fault.message);
            assert_eq!(refusal.is_none(), allowed, "{operation} {name}: {refusal:?}");
            assert!(
                refusal.as_ref().is_none_or(|told| told.contains("cloudformation:TagResource")),
                "{refusal:?}"
            );
        }
    }
}
