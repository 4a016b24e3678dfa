//! Values that were taken before are not held against the same declaration again, whatever is known of patterns since.

use serde_json::{Value, json};

use super::Stage;
use super::restart::{made, written};

const TEXT: &str = "{Parameters: {P: {Type: String, AllowedPattern: 'a.*', Default: abc}, Days: {Type: Number, Default: 7}}, \
    Resources: {G: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Ref P, RetentionInDays: !Ref Days}}}}";
/// What was taken for a pattern once.
const PATTERN: &str = "a)|(?:.*";

/// A stack with a pattern that is none.
async fn stage() -> Stage {
    let stage = Stage::new().await;
    made(&stage, TEXT).await;
    written(&stage, |stack| {
        for text in [&mut stack.content.template, &mut stack.content.processed] {
            *text = text.replace("a.*", PATTERN);
            assert!(text.contains(PATTERN));
        }
    })
    .await;
    stage
}

fn same(p: &Value) -> Value {
    json!({ "StackName": "small", "UsePreviousTemplate": true,
        "Parameters": [p, { "ParameterKey": "Days", "ParameterValue": "30" }] })
}

fn previous() -> Value {
    json!({ "ParameterKey": "P", "UsePreviousValue": true })
}

#[tokio::test]
async fn what_the_stack_has_stays_under_its_own_template() {
    let stage = stage().await;
    stage.call("UpdateStack", same(&previous())).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    assert_eq!(stage.world.things().existing["group/abc"]["retentionInDays"], 30);
}

#[tokio::test]
async fn a_default_stays_under_its_own_template() {
    let stage = stage().await;
    let days = json!([{ "ParameterKey": "Days", "ParameterValue": "30" }]);
    let input = json!({ "StackName": "small", "UsePreviousTemplate": true, "Parameters": days });
    stage.call("UpdateStack", input).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    // Submitted, the template is held against what is asked of one, and so is its default.
    let text = TEXT.replace("a.*", PATTERN);
    let refused = stage.update("small", &text.replace("Default: 7", "Default: 14")).await.unwrap_err();
    assert!(refused.message.contains("AllowedPattern cannot be evaluated"), "{}", refused.message);
}

/// A stack with a null, as they were taken once.
#[tokio::test]
async fn a_null_stays_under_its_own_template() {
    let stage = Stage::new().await;
    made(&stage, TEXT).await;
    let nulls = [
        ("Type: AWS::Logs::LogGroup,", "Type: AWS::Logs::LogGroup, Metadata: {Note: null},"),
        (r#""Type":"AWS::Logs::LogGroup","#, r#""Type":"AWS::Logs::LogGroup","Metadata":{"Note":null},"#),
    ];
    written(&stage, |stack| {
        let content = &mut stack.content;
        for (text, (plain, null)) in [&mut content.template, &mut content.processed].into_iter().zip(nulls) {
            *text = text.replace(plain, null);
            assert!(text.contains(null), "{text}");
        }
    })
    .await;
    stage.call("GetTemplateSummary", json!({ "StackName": "small" })).await.unwrap();
    let mut input = same(&previous());
    stage.call("UpdateStack", input.clone()).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    assert_eq!(stage.world.things().existing["group/abc"]["retentionInDays"], 30);
    input["ChangeSetName"] = json!("c");
    input["Parameters"][1]["ParameterValue"] = json!("14");
    stage.call("CreateChangeSet", input).await.unwrap();
    stage.call("ExecuteChangeSet", json!({ "StackName": "small", "ChangeSetName": "c" })).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    let submitted = TEXT.replace(nulls[0].0, nulls[0].1);
    for (operation, name) in [("UpdateStack", "small"), ("CreateStack", "other")] {
        let refused =
            stage.call(operation, json!({ "StackName": name, "TemplateBody": submitted })).await.unwrap_err();
        assert!(
            refused.message.contains("'null' values are not allowed in templates"),
            "{}",
            refused.message
        );
    }
}

#[tokio::test]
async fn a_change_set_takes_it_too() {
    let stage = stage().await;
    let mut input = same(&previous());
    input["ChangeSetName"] = json!("c");
    stage.call("CreateChangeSet", input).await.unwrap();
    stage.call("ExecuteChangeSet", json!({ "StackName": "small", "ChangeSetName": "c" })).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
}

#[tokio::test]
async fn a_new_template_takes_the_place_of_one_that_is_refused_now() {
    let stage = stage().await;
    stage.update("small", &TEXT.replace("Default: 7", "Default: 30")).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
}

#[tokio::test]
async fn what_is_given_is_held_against_what_is_declared() {
    let stage = stage().await;
    let given = json!({ "ParameterKey": "P", "ParameterValue": "abd" });
    let refused = stage.call("UpdateStack", same(&given)).await.unwrap_err();
    assert!(refused.message.contains("AllowedPattern cannot be evaluated"), "{}", refused.message);
    // Another template declares anew, also where it says the same of the parameter.
    let text = TEXT.replace("a.*", "b.*");
    let input = json!({ "StackName": "small", "TemplateBody": text, "Parameters": [previous()] });
    let refused = stage.call("UpdateStack", input).await.unwrap_err();
    assert!(refused.message.contains("must match pattern b.*"), "{}", refused.message);
}
