//! What `aws cloudformation deploy` does.

use serde_json::{Value, json};

use super::{SMALL, Stage};

async fn change_set(stage: &Stage, name: &str, kind: &str, template: &str) -> Value {
    let input = json!({ "StackName": "small", "ChangeSetName": name, "ChangeSetType": kind, "TemplateBody": template });
    stage.call("CreateChangeSet", input).await.unwrap();
    stage.call("DescribeChangeSet", json!({ "StackName": "small", "ChangeSetName": name })).await.unwrap()
}

#[tokio::test]
async fn deploy_creates_then_changes_then_finds_nothing_to_do() {
    let stage = Stage::new().await;
    let set = change_set(&stage, "first", "CREATE", SMALL).await;
    assert_eq!(
        (set["Status"].as_str(), set["ExecutionStatus"].as_str()),
        (Some("CREATE_COMPLETE"), Some("AVAILABLE"))
    );
    assert_eq!(set["Changes"][0]["ResourceChange"]["Action"], "Add");
    assert_eq!(stage.describe("small").await["StackStatus"], "REVIEW_IN_PROGRESS");
    let by_arn = json!({ "ChangeSetName": set["ChangeSetId"] });
    stage.call("ExecuteChangeSet", by_arn.clone()).await.unwrap();
    assert_eq!(stage.settled("small").await, "CREATE_COMPLETE");
    let again = stage.call("ExecuteChangeSet", by_arn).await.unwrap_err();
    assert_eq!(again.code, "InvalidChangeSetStatusException");

    let set =
        change_set(&stage, "second", "UPDATE", &SMALL.replace("TableName: orders", "TableName: sales")).await;
    let changes: Vec<(&str, &str)> = set["Changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| &change["ResourceChange"])
        .map(|change| {
            (change["LogicalResourceId"].as_str().unwrap(), change["Replacement"].as_str().unwrap())
        })
        .collect();
    assert_eq!(changes, [("Table", "True"), ("Group", "Conditional")]);
    stage.call("ExecuteChangeSet", json!({ "StackName": "small", "ChangeSetName": "second" })).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    assert_eq!(stage.world.names("table"), ["sales"]);

    let set =
        change_set(&stage, "third", "UPDATE", &SMALL.replace("TableName: orders", "TableName: sales")).await;
    assert_eq!(set["Status"], "FAILED");
    assert!(
        set["StatusReason"]
            .as_str()
            .unwrap()
            .starts_with("The submitted information didn't contain changes.")
    );
    let execute = json!({ "StackName": "small", "ChangeSetName": "third" });
    assert_eq!(
        stage.call("ExecuteChangeSet", execute.clone()).await.unwrap_err().code,
        "InvalidChangeSetStatusException"
    );
    stage.call("DeleteChangeSet", execute.clone()).await.unwrap();
    stage.call("DeleteChangeSet", execute.clone()).await.unwrap();
    assert_eq!(
        stage.call("DescribeChangeSet", execute).await.unwrap_err().code,
        "ChangeSetNotFoundException"
    );
}

const CHAIN: &str = "\
Resources:
  First: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: first, RetentionInDays: 7}}
  Named: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub 'named-${First}'}}
  Second: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Join ['-', [second, !Select [3, !Split [':', !GetAtt First.Arn]]]]}}
  Third: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Join ['-', [third, !Select [3, !Split [':', !GetAtt Second.Arn]]]]}}
";

#[tokio::test]
async fn what_follows_from_attributes_of_what_changes_in_place_is_told() {
    let stage = Stage::new().await;
    change_set(&stage, "first", "CREATE", CHAIN).await;
    stage.call("ExecuteChangeSet", json!({ "StackName": "small", "ChangeSetName": "first" })).await.unwrap();
    assert_eq!(stage.settled("small").await, "CREATE_COMPLETE");
    let told = |set: &Value| -> Vec<(String, String)> {
        let text = |change: &Value, name: &str| change["ResourceChange"][name].as_str().unwrap().to_owned();
        let of = |change: &Value| (text(change, "LogicalResourceId"), text(change, "Replacement"));
        set["Changes"].as_array().unwrap().iter().map(of).collect()
    };
    let owned = |told: [(&str, &str); 3]| told.map(|(id, replaced)| (id.to_owned(), replaced.to_owned()));
    let set =
        change_set(&stage, "second", "UPDATE", &CHAIN.replace("RetentionInDays: 7", "RetentionInDays: 14"))
            .await;
    assert_eq!(told(&set), owned([("First", "False"), ("Second", "Conditional"), ("Third", "Conditional")]));
    let detail = &set["Changes"][1]["ResourceChange"]["Details"][0];
    assert_eq!(
        (&detail["Evaluation"], &detail["ChangeSource"], &detail["CausingEntity"]),
        (&json!("Dynamic"), &json!("ResourceAttribute"), &json!("First.Arn"))
    );
}

#[tokio::test]
async fn a_change_set_for_a_stack_that_is_not_there_must_say_that_it_creates() {
    let stage = Stage::new().await;
    let input = json!({ "StackName": "small", "ChangeSetName": "c", "TemplateBody": SMALL });
    let fault = stage.call("CreateChangeSet", input).await.unwrap_err();
    assert_eq!(fault.message, "Stack [small] does not exist");
    let fault = stage
        .call("DescribeChangeSet", json!({ "StackName": "small", "ChangeSetName": "c" }))
        .await
        .unwrap_err();
    assert_eq!(fault.message, "Stack [small] does not exist");
}

#[tokio::test]
async fn a_change_set_made_before_another_change_is_stale() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    change_set(&stage, "early", "UPDATE", &SMALL.replace("'7'", "30")).await;
    stage.update("small", &SMALL.replace("'7'", "14")).await.unwrap();
    stage.settled("small").await;
    let execute = json!({ "StackName": "small", "ChangeSetName": "early" });
    let fault = stage.call("ExecuteChangeSet", execute).await.unwrap_err();
    assert_eq!(fault.code, "InvalidChangeSetStatusException");
}

#[tokio::test]
async fn templates_are_validated_and_summarised_without_a_stack() {
    let stage = Stage::new().await;
    let template = "Description: d\nParameters: {P: {Type: Number, Default: 5}}\nResources: {R: {Type: AWS::IAM::Role, Properties: {RoleName: r}}}";
    let answer = stage.call("ValidateTemplate", json!({ "TemplateBody": template })).await.unwrap();
    assert_eq!(answer["Capabilities"], json!(["CAPABILITY_NAMED_IAM"]));
    assert_eq!(
        answer["CapabilitiesReason"],
        "The following resource(s) require capabilities: [AWS::IAM::Role]"
    );
    assert_eq!(answer["Parameters"][0]["DefaultValue"], "5");
    let answer = stage.call("GetTemplateSummary", json!({ "TemplateBody": template })).await.unwrap();
    assert_eq!(answer["ResourceTypes"], json!(["AWS::IAM::Role"]));
    assert_eq!(answer["Parameters"][0]["ParameterType"], "Number");
    assert!(stage.call("ValidateTemplate", json!({ "TemplateBody": "Resources: [" })).await.is_err());
}

#[tokio::test]
async fn a_change_set_that_is_being_executed_is_not_forgotten() {
    let stage = Stage::new().await;
    change_set(&stage, "first", "CREATE", SMALL).await;
    let this = json!({ "StackName": "small", "ChangeSetName": "first" });
    let held = stage.world.hold("CreateTable");
    stage.call("ExecuteChangeSet", this.clone()).await.unwrap();
    let refused = stage.call("DeleteChangeSet", this.clone()).await.unwrap_err();
    assert_eq!(refused.code, "InvalidChangeSetStatusException");
    assert!(refused.message.contains("cannot be deleted in its current status of [EXECUTE_IN_PROGRESS]"));
    drop(held);
    assert_eq!(stage.settled("small").await, "CREATE_COMPLETE");
    let set = stage.call("DescribeChangeSet", this.clone()).await.unwrap();
    assert_eq!(set["ExecutionStatus"], "EXECUTE_COMPLETE");
    stage.call("DeleteChangeSet", this).await.unwrap();
}

#[tokio::test]
async fn a_template_with_a_type_that_is_not_there_is_not_valid() {
    let stage = Stage::new().await;
    let bad = "Resources: {A: {Type: AWS::Nothing::Here}, G: {Type: AWS::Logs::LogGroup}, B: {Type: AWS::Nothing::Else}}";
    let refused = stage.call("ValidateTemplate", json!({ "TemplateBody": bad })).await.unwrap_err();
    let told = "Template format error: Unrecognized resource types: [AWS::Nothing::Else, AWS::Nothing::Here]";
    assert_eq!((refused.code.as_ref(), &*refused.message), ("ValidationError", told));
    let transformed = format!("Transform: AWS::LanguageExtensions\n{bad}");
    let refused = stage.call("ValidateTemplate", json!({ "TemplateBody": transformed })).await.unwrap_err();
    assert_eq!(&*refused.message, told, "what a transform leaves is judged as well");
}
