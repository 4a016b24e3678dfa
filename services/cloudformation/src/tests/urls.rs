//! What policies say of the addresses that templates and stack policies are read from.

use serde_json::{Value, json};

use super::{SMALL, Stage};

const GOOD: &str = "https://s3.us-east-1.amazonaws.com/b/good.json";
const BAD: &str = "https://s3.us-east-1.amazonaws.com/b/bad.json";

/// Whether policies refuse the call; what else becomes of it does not matter.
async fn is_denied(stage: &Stage, statements: Value, operation: &str, input: &Value) -> bool {
    let who = stage.kit.user("who", statements).await;
    let answer = stage.kit.json(&who, "cloudformation", operation, input).await;
    answer.is_err_and(|fault| fault.code.starts_with("AccessDenied"))
}

#[tokio::test]
async fn every_address_that_is_read_has_its_condition_key() {
    let stage = Stage::new().await;
    stage.create("one", SMALL).await.unwrap();
    stage.settled("one").await;
    for (operation, member, key) in [
        ("CreateStack", "StackPolicyURL", "StackPolicyUrl"),
        ("SetStackPolicy", "StackPolicyURL", "StackPolicyUrl"),
        ("UpdateStack", "StackPolicyURL", "StackPolicyUrl"),
        ("UpdateStack", "StackPolicyDuringUpdateURL", "StackPolicyUrl"),
        ("CreateStack", "TemplateURL", "TemplateUrl"),
        ("UpdateStack", "TemplateURL", "TemplateUrl"),
        ("CreateChangeSet", "TemplateURL", "TemplateUrl"),
        ("ValidateTemplate", "TemplateURL", "TemplateUrl"),
        ("GetTemplateSummary", "TemplateURL", "TemplateUrl"),
    ] {
        let mut input = json!({ member: GOOD });
        if !["ValidateTemplate", "GetTemplateSummary"].contains(&operation) {
            input["StackName"] = json!("one");
        }
        if operation == "CreateChangeSet" {
            input["ChangeSetName"] = json!("set");
        }
        let (allow, deny) = (
            json!({"Effect": "Allow", "Action": "*", "Resource": "*"}),
            json!({"Effect": "Deny", "Action": "*", "Resource": "*",
                "Condition": {"StringLike": {format!("cloudformation:{key}"): "*"}}}),
        );
        assert!(is_denied(&stage, json!([allow, deny]), operation, &input).await, "{operation} {member}");
        let only = |value: &str| {
            json!([{"Effect": "Allow", "Action": "*", "Resource": "*",
                "Condition": {"StringEquals": {format!("cloudformation:{key}"): value}}}])
        };
        assert!(!is_denied(&stage, only(GOOD), operation, &input).await, "{operation} {member}");
        assert!(is_denied(&stage, only(BAD), operation, &input).await, "{operation} {member}");
    }
}

#[tokio::test]
async fn the_two_stack_policies_of_an_update_are_asked_for_each_by_itself() {
    let stage = Stage::new().await;
    stage.create("one", SMALL).await.unwrap();
    stage.settled("one").await;
    let only = || {
        json!([{"Effect": "Allow", "Action": "cloudformation:UpdateStack", "Resource": "*",
        "Condition": {"StringEquals": {"cloudformation:StackPolicyUrl": GOOD}}}])
    };
    for (lasting, during, denied) in
        [(GOOD, GOOD, false), (GOOD, BAD, true), (BAD, GOOD, true), (BAD, BAD, true)]
    {
        let input = json!({"StackName": "one", "UsePreviousTemplate": true, "StackPolicyURL": lasting,
            "StackPolicyDuringUpdateURL": during});
        assert_eq!(is_denied(&stage, only(), "UpdateStack", &input).await, denied, "{lasting} {during}");
    }
}
