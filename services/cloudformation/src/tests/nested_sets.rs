//! Change sets that reach into nested stacks, and changes told value by value.

use serde_json::{Value, json};

use super::Stage;

const OUTER: &str = "
Parameters: {Days: {Type: String, Default: '7'}}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: s3://b/inner
      Parameters: {Days: !Ref Days, Table: !GetAtt Table.Arn}
";
const INNER: &str = "
Parameters: {Days: {Type: Number}, Table: {Type: String, AllowedPattern: 'arn:.*'}}
Resources:
  Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: inner, RetentionInDays: !Ref Days, Tags: [{Key: t, Value: !Ref Table}]}}
";

/// Puts a text where templates are read from.
fn put(stage: &Stage, key: &str, text: &str) {
    let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    stage.world.things().existing.insert(format!("object/{key}"), body.into());
}

async fn set(stage: &Stage, name: &str, kind: &str, more: Value) -> Value {
    let mut input = json!({ "StackName": "outer", "ChangeSetName": name, "ChangeSetType": kind,
        "IncludeNestedStacks": true, "TemplateBody": OUTER });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    stage.call("CreateChangeSet", input).await.unwrap();
    stage.call("DescribeChangeSet", json!({ "StackName": "outer", "ChangeSetName": name })).await.unwrap()
}

/// The change set of the nested stack, as the one around it names it.
async fn nested(stage: &Stage, set: &Value) -> Value {
    let changes = set["Changes"].as_array().unwrap();
    let inner = changes.iter().find(|change| change["ResourceChange"]["LogicalResourceId"] == "Inner");
    let id = inner.unwrap()["ResourceChange"]["ChangeSetId"].as_str().unwrap();
    stage
        .call("DescribeChangeSet", json!({ "ChangeSetName": id, "IncludePropertyValues": true }))
        .await
        .unwrap()
}

async fn execute(stage: &Stage, name: &str) -> String {
    stage.call("ExecuteChangeSet", json!({ "StackName": "outer", "ChangeSetName": name })).await.unwrap();
    stage.settled("outer").await
}

#[tokio::test]
async fn nested_stacks_are_reviewed_and_made_with_the_one_around_them() {
    let stage = Stage::new().await;
    put(&stage, "inner", INNER);
    let root = set(&stage, "first", "CREATE", json!({})).await;
    assert_eq!((&root["Status"], &root["ExecutionStatus"]), (&json!("CREATE_COMPLETE"), &json!("AVAILABLE")));
    let inner = nested(&stage, &root).await;
    assert_eq!(inner["Status"], "CREATE_COMPLETE", "{inner}");
    assert_eq!(inner["ExecutionStatus"], "UNAVAILABLE");
    assert_eq!(inner["StatusReason"], "Only executable from the root change set.");
    assert_eq!(
        (&inner["ParentChangeSetId"], &inner["RootChangeSetId"]),
        (&root["ChangeSetId"], &root["ChangeSetId"])
    );
    assert_eq!(inner["Changes"][0]["ResourceChange"]["Action"], "Add");
    // What the outer stack is still to make is not known yet, and is held against no declaration.
    let after: Value =
        serde_json::from_str(inner["Changes"][0]["ResourceChange"]["AfterContext"].as_str().unwrap())
            .unwrap();
    assert_eq!(after["Properties"]["Tags"][0]["Value"], "{{changeSet:KNOWN_AFTER_APPLY}}");
    assert_eq!(after["Properties"]["RetentionInDays"], "7");
    let id = inner["StackId"].as_str().unwrap();
    assert_eq!(stage.describe(id).await["StackStatus"], "REVIEW_IN_PROGRESS");
    for operation in ["ExecuteChangeSet", "DeleteChangeSet"] {
        let fault =
            stage.call(operation, json!({ "ChangeSetName": inner["ChangeSetId"] })).await.unwrap_err();
        assert_eq!(fault.code, "InvalidChangeSetStatusException", "{operation}");
    }
    // What was reviewed is made, whatever stands at the address by then.
    put(&stage, "inner", &INNER.replace("LogGroupName: inner", "LogGroupName: swapped"));
    assert_eq!(execute(&stage, "first").await, "CREATE_COMPLETE");
    let made = stage.describe(id).await;
    assert_eq!(
        (&made["StackStatus"], &made["ChangeSetId"]),
        (&json!("CREATE_COMPLETE"), &inner["ChangeSetId"])
    );
    assert_eq!(made["ParentId"], stage.describe("outer").await["StackId"]);
    assert_eq!(stage.world.names("group"), ["inner"]);
}

#[tokio::test]
async fn what_changes_in_a_nested_stack_is_told_and_what_does_not_is_not() {
    let stage = Stage::new().await;
    put(&stage, "inner", INNER);
    // The stack's tags are the nested stack's as well.
    set(&stage, "first", "CREATE", json!({ "Tags": [{ "Key": "of", "Value": "all" }] })).await;
    assert_eq!(execute(&stage, "first").await, "CREATE_COMPLETE");

    let same = set(&stage, "same", "UPDATE", json!({})).await;
    assert_eq!(same["Status"], "FAILED", "{same}");
    assert!(
        same["StatusReason"]
            .as_str()
            .unwrap()
            .starts_with("The submitted information didn't contain changes.")
    );

    let days = json!({ "Parameters": [{ "ParameterKey": "Days", "ParameterValue": "14" }] });
    let root = set(&stage, "more", "UPDATE", days).await;
    let inner = nested(&stage, &root).await;
    let target = &inner["Changes"][0]["ResourceChange"]["Details"][0]["Target"];
    assert_eq!(target["Path"], "/Properties/RetentionInDays");
    assert_eq!((&target["BeforeValue"], &target["AfterValue"]), (&json!("7"), &json!("14")));
    assert_eq!(target["AttributeChangeType"], "Modify");
    stage.call("DeleteChangeSet", json!({ "StackName": "outer", "ChangeSetName": "more" })).await.unwrap();
    let gone = stage.call("DescribeChangeSet", json!({ "ChangeSetName": inner["ChangeSetId"] })).await;
    assert_eq!(gone.unwrap_err().code, "ChangeSetNotFoundException");

    put(&stage, "inner", "Resources: {Bad: {Type: AWS::Nothing::Here}}");
    let root = set(&stage, "bad", "UPDATE", json!({})).await;
    assert_eq!((&root["Status"], &root["ExecutionStatus"]), (&json!("FAILED"), &json!("UNAVAILABLE")));
    let inner = nested(&stage, &root).await;
    let id = inner["ChangeSetId"].as_str().unwrap();
    let why = format!("Nested change set {id} was not successfully created: Currently in FAILED.");
    assert_eq!(root["StatusReason"], why);
    assert!(inner["StatusReason"].as_str().unwrap().contains("AWS::Nothing::Here"), "{inner}");
}

#[tokio::test]
async fn what_follows_from_a_nested_stacks_outputs_is_told_only_where_something_in_it_changes() {
    let stage = Stage::new().await;
    put(&stage, "inner", &format!("{INNER}Outputs: {{Name: {{Value: !Ref Group}}}}\n"));
    let after =
        "  After: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub 'after-${Inner.Outputs.Name}'}}
  Further: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub 'further-${After}'}}\n";
    let text = format!("{OUTER}{after}");
    let body = json!({ "TemplateBody": text });
    set(&stage, "first", "CREATE", body.clone()).await;
    assert_eq!(execute(&stage, "first").await, "CREATE_COMPLETE");
    let same = set(&stage, "same", "UPDATE", body.clone()).await;
    assert_eq!(same["Status"], "FAILED", "{same}");
    let mut asked = body;
    asked["Parameters"] = json!([{ "ParameterKey": "Days", "ParameterValue": "14" }]);
    let root = set(&stage, "more", "UPDATE", asked).await;
    let told = root["Changes"].as_array().unwrap().iter().map(|change| &change["ResourceChange"]);
    let after = told.filter(|change| change["LogicalResourceId"] == "After").collect::<Vec<_>>();
    assert_eq!(after[0]["Replacement"], "Conditional", "{root}");
    assert_eq!(after[0]["Details"][0]["CausingEntity"], "Inner.Outputs.Name");

    // Its template is looked at whatever else of it changes.
    let ids = |root: &Value| -> Vec<String> {
        let of = |change: &Value| change["ResourceChange"]["LogicalResourceId"].as_str().unwrap().to_owned();
        root["Changes"].as_array().unwrap().iter().map(of).collect()
    };
    let noted = text.replace(
        "    Type: AWS::CloudFormation::Stack",
        "    Type: AWS::CloudFormation::Stack\n    Metadata: {Of: note}",
    );
    let body = json!({ "TemplateBody": noted });
    assert_eq!(ids(&set(&stage, "noted", "UPDATE", body.clone()).await), ["Inner"]);
    let renamed = INNER.replace("LogGroupName: inner", "LogGroupName: other");
    put(&stage, "inner", &format!("{renamed}Outputs: {{Name: {{Value: !Ref Group}}}}\n"));
    assert_eq!(ids(&set(&stage, "renamed", "UPDATE", body).await), ["Inner", "After", "Further"]);
}

#[tokio::test]
async fn nested_stacks_that_feed_each_other_are_told_only_where_something_in_them_changes() {
    let stage = Stage::new().await;
    put(&stage, "inner", &format!("{INNER}Outputs: {{Name: {{Value: !Ref Group}}}}\n"));
    let second = |of: &str| {
        format!(
            "Parameters: {{Of: {{Type: String}}}}
Resources: {{Group: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: !Sub '{of}-${{Of}}'}}}}}}
Outputs: {{Name: {{Value: !Ref Group}}}}
"
        )
    };
    put(&stage, "second", &second("second"));
    let text = format!(
        "{OUTER}
  Between: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: !Sub 'between-${{Inner.Outputs.Name}}'}}}}
  Second: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: s3://b/second, Parameters: {{Of: !GetAtt Inner.Outputs.Name}}}}}}
  Third: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: s3://b/second, Parameters: {{Of: !Sub '${{Between}}-${{Second.Outputs.Name}}'}}}}}}
  After: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: !Sub 'after-${{Third.Outputs.Name}}'}}}}
"
    );
    let body = json!({ "TemplateBody": text });
    set(&stage, "first", "CREATE", body.clone()).await;
    assert_eq!(execute(&stage, "first").await, "CREATE_COMPLETE");
    let same = set(&stage, "same", "UPDATE", body.clone()).await;
    assert_eq!(same["Status"], "FAILED", "{same}");
    let why = same["StatusReason"].as_str().unwrap();
    assert!(why.starts_with("The submitted information didn't contain changes."), "{why}");

    let ids = |root: &Value| -> Vec<String> {
        let of = |change: &Value| change["ResourceChange"]["LogicalResourceId"].as_str().unwrap().to_owned();
        root["Changes"].as_array().unwrap().iter().map(of).collect()
    };
    // What is only noted of one of them is no cause for the next.
    let noted = text.replace(
        "    Type: AWS::CloudFormation::Stack",
        "    Type: AWS::CloudFormation::Stack\n    Metadata: {Of: note}",
    );
    assert_eq!(ids(&set(&stage, "noted", "UPDATE", json!({ "TemplateBody": noted })).await), ["Inner"]);
    // And what does change is told of all that it may reach.
    put(&stage, "second", &second("other"));
    assert_eq!(ids(&set(&stage, "other", "UPDATE", body.clone()).await), ["Second", "Third", "After"]);
    put(&stage, "second", &second("second"));
    let days = json!([{ "ParameterKey": "Days", "ParameterValue": "14" }]);
    let mut asked = body;
    asked["Parameters"] = days;
    let told = ids(&set(&stage, "days", "UPDATE", asked).await);
    assert_eq!(told, ["Inner", "Between", "Second", "Third", "After"]);
}

#[tokio::test]
async fn a_review_that_is_dropped_takes_the_stacks_that_wait_for_it_along() {
    let stage = Stage::new().await;
    put(&stage, "inner", INNER);
    let root = set(&stage, "first", "CREATE", json!({})).await;
    let inner = nested(&stage, &root).await;
    stage.call("DeleteChangeSet", json!({ "ChangeSetName": root["ChangeSetId"] })).await.unwrap();
    assert_eq!(stage.describe(inner["StackId"].as_str().unwrap()).await["StackStatus"], "DELETE_COMPLETE");
    let root = set(&stage, "again", "CREATE", json!({})).await;
    let inner = nested(&stage, &root).await;
    stage.call("DeleteStack", json!({ "StackName": "outer" })).await.unwrap();
    stage.rested().await;
    assert_eq!(stage.describe(inner["StackId"].as_str().unwrap()).await["StackStatus"], "DELETE_COMPLETE");
}

#[tokio::test]
async fn reviews_reach_as_deep_as_stacks_do_and_leave_nothing_where_they_cannot() {
    let stage = Stage::new().await;
    let nest = |inner: &str| {
        format!(
            "Resources: {{Inner: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: 's3://b/{inner}'}}}}}}"
        )
    };
    put(&stage, "middle", &nest("deep"));
    put(&stage, "deep", "Resources: {Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: deep}}}");
    let root = set(&stage, "first", "CREATE", json!({ "TemplateBody": nest("middle") })).await;
    let middle = nested(&stage, &root).await;
    let deep = nested(&stage, &middle).await;
    assert_eq!(
        (&deep["ParentChangeSetId"], &deep["RootChangeSetId"]),
        (&middle["ChangeSetId"], &root["ChangeSetId"])
    );
    assert_eq!(execute(&stage, "first").await, "CREATE_COMPLETE");
    assert_eq!(stage.describe(deep["StackId"].as_str().unwrap()).await["StackStatus"], "CREATE_COMPLETE");
    assert_eq!(stage.world.names("group"), ["deep"]);

    put(&stage, "self", &nest("self"));
    let input = json!({ "StackName": "endless", "ChangeSetName": "c", "ChangeSetType": "CREATE",
        "IncludeNestedStacks": true, "TemplateBody": nest("self") });
    let fault = stage.call("CreateChangeSet", input).await.unwrap_err();
    assert!(fault.message.contains("Stacks are nested at most 5 deep."), "{}", fault.message);
    let listed = stage.call("DescribeStacks", json!({})).await.unwrap();
    let names = listed["Stacks"].as_array().unwrap().iter().filter_map(|stack| stack["StackName"].as_str());
    assert_eq!(names.filter(|name| name.starts_with("endless")).collect::<Vec<_>>(), ["endless"]);
}

#[tokio::test]
async fn values_that_differ_are_told_at_their_place_and_secrets_are_not() {
    const TEMPLATE: &str = "
Parameters: {Secret: {Type: String, NoEcho: true}}
Resources:
  Group: {Type: AWS::Logs::LogGroup, Metadata: {M: one}, Properties: {LogGroupName: g, RetentionInDays: 7, Tags: [{Key: k, Value: !Ref Secret}]}}
";
    let stage = Stage::new().await;
    let given = |secret: &str| json!([{ "ParameterKey": "Secret", "ParameterValue": secret }]);
    let input = json!({ "StackName": "s", "TemplateBody": TEMPLATE, "Parameters": given("hunter2") });
    stage.call("CreateStack", input).await.unwrap();
    assert_eq!(stage.settled("s").await, "CREATE_COMPLETE");
    let changed = TEMPLATE.replace("Days: 7", "Days: 14").replace("M: one", "M: two");
    let input = json!({ "StackName": "s", "ChangeSetName": "c", "TemplateBody": changed, "Parameters": given("hunter3") });
    stage.call("CreateChangeSet", input).await.unwrap();
    let asked =
        |values: bool| json!({ "StackName": "s", "ChangeSetName": "c", "IncludePropertyValues": values });
    let plain = stage.call("DescribeChangeSet", asked(false)).await.unwrap();
    assert!(plain["Changes"][0]["ResourceChange"]["BeforeContext"].is_null());
    assert!(plain["Changes"][0]["ResourceChange"]["Details"][0]["Target"]["Path"].is_null());
    let told = stage.call("DescribeChangeSet", asked(true)).await.unwrap();
    assert!(!told.to_string().contains("hunter"), "{told}");
    let change = &told["Changes"][0]["ResourceChange"];
    let before: Value = serde_json::from_str(change["BeforeContext"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&before["Properties"]["RetentionInDays"], &before["Metadata"]),
        (&json!(7), &json!({ "M": "one" }))
    );
    let places: Vec<String> = change["Details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| &detail["Target"])
        .map(|target| {
            let text = |member: &str| target[member].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", text("Path"), text("BeforeValue"), text("AfterValue"))
        })
        .collect();
    assert!(places.contains(&"/Metadata/M one two".to_owned()), "{places:?}");
    assert!(places.contains(&"/Properties/RetentionInDays 7 14".to_owned()), "{places:?}");
}

#[tokio::test]
async fn a_change_set_may_use_what_another_stack_is_still_to_export() {
    const TEMPLATE: &str =
        "Resources: {Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !ImportValue later}}}";
    let stage = Stage::new().await;
    let refused = stage.create("importer", TEMPLATE).await.unwrap_err();
    assert!(refused.message.contains("No export named later found"), "{}", refused.message);
    let input = json!({ "StackName": "importer", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": TEMPLATE });
    stage.call("CreateChangeSet", input).await.unwrap();
    let asked = json!({ "StackName": "importer", "ChangeSetName": "c", "IncludePropertyValues": true });
    let told = stage.call("DescribeChangeSet", asked).await.unwrap();
    let after = told["Changes"][0]["ResourceChange"]["AfterContext"].as_str().unwrap();
    assert!(after.contains("{{changeSet:KNOWN_AFTER_APPLY}}"), "{after}");
    let exporter =
        "Resources: {G: {Type: AWS::Logs::LogGroup}}\nOutputs: {O: {Value: named, Export: {Name: later}}}";
    stage.create("exporter", exporter).await.unwrap();
    assert_eq!(stage.settled("exporter").await, "CREATE_COMPLETE");
    stage.call("ExecuteChangeSet", json!({ "StackName": "importer", "ChangeSetName": "c" })).await.unwrap();
    assert_eq!(stage.settled("importer").await, "CREATE_COMPLETE");
    assert!(stage.world.names("group").contains(&"named".to_owned()));
}

const HELD: &str = "
Parameters: {Days: {Type: Number}}
Resources:
  Held: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: held, RetentionInDays: !Ref Days}}
";
const HOLDER: &str = "
Parameters: {Days: {Type: Number}}
Resources:
  In: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: s3://b/held, Parameters: {Days: !Ref Days}}}
";
const TOP: &str = "
Resources:
  Mid: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: s3://b/holder, Parameters: {Days: '7'}}}
";

/// A stack whose way back stopped in a nested one, or in one that is nested in that, and the names of those.
async fn stuck(stage: &Stage, holder: &str) -> (String, String) {
    put(stage, "held", HELD);
    put(stage, "holder", holder);
    stage.create("top", TOP).await.unwrap();
    assert_eq!(stage.settled("top").await, "CREATE_COMPLETE");
    let inside = async |name: &str, id: &str| {
        let asked = json!({ "StackName": name, "LogicalResourceId": id });
        let found = stage.call("DescribeStackResource", asked).await.unwrap();
        let arn = found["StackResourceDetail"]["PhysicalResourceId"].as_str().unwrap().to_owned();
        arn.split('/').nth(1).unwrap().to_owned()
    };
    let mid = inside("top", "Mid").await;
    let inner = if holder == HOLDER { inside(&mid, "In").await } else { mid.clone() };
    stage.world.things().broken.insert("CreateRole".to_owned());
    // The change itself is made; the way back is not.
    stage.world.things().broken_after.insert("PutRetentionPolicy".to_owned(), 1);
    let role = "  R: {Type: AWS::IAM::Role, DependsOn: Mid, Properties: {AssumeRolePolicyDocument: {}}}\n";
    let next = format!("{}{role}", TOP.replace("'7'", "'14'"));
    stage.update("top", &next).await.unwrap();
    assert_eq!(stage.settled("top").await, "UPDATE_ROLLBACK_FAILED");
    assert_eq!(stage.describe(&inner).await["StackStatus"], "UPDATE_ROLLBACK_FAILED");
    (mid, inner)
}

#[tokio::test]
async fn a_way_back_that_stopped_in_a_nested_stack_goes_on_from_the_top() {
    for holder in [HELD, HOLDER] {
        goes_on(holder).await;
    }
}

async fn goes_on(holder: &str) {
    let stage = Stage::new().await;
    let (mid, _) = stuck(&stage, holder).await;
    // Nothing has changed: it stops there again, and says so.
    stage.call("ContinueUpdateRollback", json!({ "StackName": "top" })).await.unwrap();
    assert_eq!(stage.settled("top").await, "UPDATE_ROLLBACK_FAILED");
    stage.world.things().broken_after.clear();
    stage.call("ContinueUpdateRollback", json!({ "StackName": "top" })).await.unwrap();
    assert_eq!(stage.settled("top").await, "UPDATE_ROLLBACK_COMPLETE");
    // Its own way back, or an update to what it was before.
    let status = stage.describe(&mid).await["StackStatus"].as_str().unwrap().to_owned();
    assert!(["UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"].contains(&status.as_str()), "{status}");
    assert_eq!(stage.world.things().existing["group/held"]["retentionInDays"], 7);
}

#[tokio::test]
async fn a_resource_of_a_nested_stack_is_skipped_by_both_names() {
    let stage = Stage::new().await;
    let (mid, inner) = stuck(&stage, HOLDER).await;
    stage.create("other", "Resources: {Held: {Type: AWS::Logs::LogGroup}}").await.unwrap();
    assert_eq!(stage.settled("other").await, "CREATE_COMPLETE");
    for wrong in
        ["other.Held".to_owned(), "nowhere.Held".to_owned(), format!("{mid}.Held"), format!("{inner}.None")]
    {
        let asked = json!({ "StackName": "top", "ResourcesToSkip": [wrong] });
        let refused = stage.call("ContinueUpdateRollback", asked).await.unwrap_err();
        assert!(refused.message.contains("cannot be skipped"), "{wrong}: {}", refused.message);
    }
    let asked = json!({ "StackName": "top", "ResourcesToSkip": [format!("{inner}.Held")] });
    stage.call("ContinueUpdateRollback", asked).await.unwrap();
    assert_eq!(stage.settled("top").await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(stage.describe(&inner).await["StackStatus"], "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(stage.world.things().existing["group/held"]["retentionInDays"], 14, "it is left as it is");
}

#[tokio::test]
async fn the_last_tags_of_a_stack_are_taken_off_the_stacks_in_it() {
    let stage = Stage::new().await;
    put(&stage, "inner", INNER);
    set(&stage, "first", "CREATE", json!({ "Tags": [{ "Key": "of", "Value": "all" }] })).await;
    assert_eq!(execute(&stage, "first").await, "CREATE_COMPLETE");
    let asked = json!({ "StackName": "outer" });
    let resources = stage.call("DescribeStackResources", asked).await.unwrap();
    let of = |found: &&Value| found["LogicalResourceId"] == "Inner";
    let inner = resources["StackResources"].as_array().unwrap().iter().find(of).unwrap();
    let id = inner["PhysicalResourceId"].as_str().unwrap();
    assert_eq!(stage.describe(id).await["Tags"], json!([{ "Key": "of", "Value": "all" }]));
    let tags = |stage: &Stage| {
        let record = crate::stacks::resources(stage.kit.pipeline.store(), id).unwrap().remove(0);
        record.physical.unwrap().properties["Tags"].clone()
    };
    assert_eq!(tags(&stage).as_array().unwrap().len(), 2);

    let set = set(&stage, "none", "UPDATE", json!({ "Tags": [] })).await;
    assert_eq!(set["Status"], "CREATE_COMPLETE", "{set}");
    assert_eq!(execute(&stage, "none").await, "UPDATE_COMPLETE");
    assert_eq!(stage.describe(id).await["Tags"], json!([]));
    assert_eq!(tags(&stage).as_array().unwrap().len(), 1);
    let again = json!({ "StackName": "outer", "UsePreviousTemplate": true, "Tags": [{ "Key": "of", "Value": "all" }] });
    stage.call("UpdateStack", again).await.unwrap();
    assert_eq!(stage.settled("outer").await, "UPDATE_COMPLETE");
    assert_eq!(stage.describe(id).await["Tags"], json!([{ "Key": "of", "Value": "all" }]));
    let none = json!({ "StackName": "outer", "UsePreviousTemplate": true, "Tags": [] });
    stage.call("UpdateStack", none).await.unwrap();
    assert_eq!(stage.settled("outer").await, "UPDATE_COMPLETE");
    assert_eq!(stage.describe(id).await["Tags"], json!([]));
}

#[tokio::test]
async fn why_a_nested_stack_failed_is_told_by_the_one_around_it() {
    let stage = Stage::new().await;
    put(&stage, "held", HELD);
    put(&stage, "holder", HOLDER);
    stage.world.things().broken.insert("PutRetentionPolicy".to_owned());
    stage.create("top", TOP).await.unwrap();
    assert_eq!(stage.settled("top").await, "ROLLBACK_COMPLETE");
    let told = stage.reason("top", "Mid", "CREATE_FAILED").await;
    assert!(
        told.starts_with("Embedded stack arn:aws:cloudformation:")
            && told.ends_with(
                " was not successfully created: The following resource(s) failed to create: [In]."
            ),
        "{told}"
    );

    let stage = Stage::new().await;
    put(&stage, "held", HELD);
    put(&stage, "holder", HOLDER);
    stage.create("top", TOP).await.unwrap();
    assert_eq!(stage.settled("top").await, "CREATE_COMPLETE");
    let more = "  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}\n";
    stage.world.things().broken.insert("CreateRole".to_owned());
    put(&stage, "holder", &format!("{HOLDER}{more}"));
    let input = json!({ "StackName": "top", "TemplateBody": TOP, "Capabilities": ["CAPABILITY_IAM"] });
    stage.call("UpdateStack", input).await.unwrap();
    assert_eq!(stage.settled("top").await, "UPDATE_ROLLBACK_COMPLETE");
    let told = stage.reason("top", "Mid", "UPDATE_FAILED").await;
    assert!(
        told.ends_with(
            " was not successfully updated. Currently in UPDATE_ROLLBACK_COMPLETE with reason: The following resource(s) \
             failed to create: [Role]."
        ),
        "{told}"
    );
}
