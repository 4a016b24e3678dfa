//! A nested stack whose update came to its end keeps what it replaced until the stack around it has come to its own.

use std::time::Duration;

use serde_json::{Value, json};

use super::Stage;

/// A group that is replaced, one that is dropped, and what the stack tells of the first.
const INNER: &str = "
Parameters: {V: {Type: String}}
Conditions: {Has: !Equals [!Ref V, a]}
Resources:
  Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub 'group-${V}'}}
  Extra: {Type: AWS::Logs::LogGroup, Condition: Has, Properties: {LogGroupName: extra}}
Outputs:
  Name: {Value: !Ref Group, Export: {Name: !Sub 'name-${V}'}}
";
const MIDDLE: &str = "
Parameters: {V: {Type: String}}
Resources:
  In: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: s3://b/inner, Parameters: {V: !Ref V}}}
Outputs: {Name: {Value: !GetAtt In.Outputs.Name}}
";

/// The outermost stack: a nested one, what follows from its output, and what comes behind it.
fn top(value: &str, more: &str) -> String {
    format!(
        "
Resources:
  In: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: s3://b/in, Parameters: {{V: {value}}}}}}}
  Follows: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: follows, Tags: [{{Key: of, Value: !GetAtt In.Outputs.Name}}]}}}}
{more}"
    )
}

const ROLE: &str =
    "  R: {Type: AWS::IAM::Role, DependsOn: Follows, Properties: {AssumeRolePolicyDocument: {}}}\n";

fn put(stage: &Stage, key: &str, text: &str) {
    let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    stage.world.things().existing.insert(format!("object/{key}"), body.into());
}

/// A stack `top` with one in it, or two in each other, and the id of the innermost.
async fn stage(in_it: &str) -> (Stage, String) {
    let stage = Stage::new().await;
    put(&stage, "inner", INNER);
    put(&stage, "in", in_it);
    stage.create("top", &top("a", "")).await.unwrap();
    assert_eq!(stage.settled("top").await, "CREATE_COMPLETE");
    let mut id = inside(&stage, "top").await;
    if in_it == MIDDLE {
        id = inside(&stage, &id).await;
    }
    (stage, id)
}

async fn inside(stage: &Stage, name: &str) -> String {
    let asked = json!({ "StackName": name, "LogicalResourceId": "In" });
    let found = stage.call("DescribeStackResource", asked).await.unwrap();
    found["StackResourceDetail"]["PhysicalResourceId"].as_str().unwrap().to_owned()
}

/// Waits for an event.
async fn told(stage: &Stage, name: &str, event: &str) {
    for _ in 0..2_000 {
        if stage.events(name).await.iter().any(|told| told == event) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("no {event}: {:?}", stage.events(name).await);
}

/// Deletes a stack, and answers what became of it.
async fn delete(stage: &Stage, name: &str) -> String {
    let id = stage.describe(name).await["StackId"].as_str().unwrap().to_owned();
    stage.call("DeleteStack", json!({ "StackName": id })).await.unwrap();
    stage.settled(&id).await
}

fn groups(stage: &Stage) -> Vec<String> {
    stage.world.names("group")
}

fn deleted(stage: &Stage) -> Vec<String> {
    let things = stage.world.things();
    let names = things.calls.iter().filter_map(|call| call.strip_prefix("logs:DeleteLogGroup "));
    names.map(str::to_owned).collect()
}

async fn exports(stage: &Stage) -> Vec<(String, String)> {
    let answer = stage.call("ListExports", json!({})).await.unwrap();
    let text = |export: &Value, member: &str| export[member].as_str().unwrap().to_owned();
    let listed = answer["Exports"].as_array().unwrap().iter();
    listed.map(|export| (text(export, "Name"), text(export, "Value"))).collect()
}

/// That all is what it was, and nothing of it was ever taken away.
async fn is_as_before(stage: &Stage, inner: &str) {
    assert_eq!(groups(stage), ["extra", "follows", "group-a"]);
    assert!(deleted(stage).iter().all(|name| name == "group-b"), "{:?}", deleted(stage));
    assert_eq!(stage.describe(inner).await["StackStatus"], "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(stage.describe(inner).await["Outputs"][0]["OutputValue"], "group-a");
    assert_eq!(exports(stage).await, [("name-a".to_owned(), "group-a".to_owned())]);
    let records = crate::stacks::resources(stage.kit.pipeline.store(), inner).unwrap();
    assert!(records.iter().all(|record| record.change.is_none() && record.before.is_none()), "{records:?}");
}

#[tokio::test]
async fn what_a_nested_stack_replaced_or_dropped_is_there_when_the_one_around_it_goes_back() {
    for in_it in [INNER, MIDDLE] {
        let (stage, inner) = stage(in_it).await;
        stage.world.things().broken.insert("CreateRole".to_owned());
        stage.update("top", &top("b", ROLE)).await.unwrap();
        assert_eq!(stage.settled("top").await, "UPDATE_ROLLBACK_COMPLETE");
        is_as_before(&stage, &inner).await;
        // And it is a stack like any other afterwards.
        stage.world.things().broken.clear();
        stage.update("top", &top("b", ROLE)).await.unwrap();
        assert_eq!(stage.settled("top").await, "UPDATE_COMPLETE");
        assert_eq!(groups(&stage), ["follows", "group-b"]);
        assert_eq!(delete(&stage, "top").await, "DELETE_COMPLETE");
        assert_eq!(stage.settled(&inner).await, "DELETE_COMPLETE");
    }
}

#[tokio::test]
async fn a_nested_stack_cleans_up_behind_the_end_of_the_one_around_it() {
    for in_it in [INNER, MIDDLE] {
        let (stage, inner) = stage(in_it).await;
        let held = stage.world.hold("CreateRole");
        stage.update("top", &top("b", ROLE)).await.unwrap();
        told(&stage, "top", "R CREATE_IN_PROGRESS").await;
        assert_eq!(stage.describe(&inner).await["StackStatus"], "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
        assert_eq!(deleted(&stage), [""; 0]);
        is_left_alone(&stage, &inner).await;
        drop(held);
        assert_eq!(stage.settled("top").await, "UPDATE_COMPLETE");
        assert_eq!(stage.describe(&inner).await["StackStatus"], "UPDATE_COMPLETE");
        assert_eq!(groups(&stage), ["follows", "group-b"]);
        assert_eq!(exports(&stage).await, [("name-b".to_owned(), "group-b".to_owned())]);
        let record = crate::stacks::by_id(
            stage.kit.pipeline.store(),
            stage.who.account().unwrap(),
            stage.kit.pipeline.region().as_str(),
            &inner,
        );
        let record = record.unwrap().unwrap();
        assert!(record.waiting.is_none() && record.firm.is_none() && record.outputs_before.is_none());
    }
}

/// That nobody but the stack around it may touch it.
async fn is_left_alone(stage: &Stage, inner: &str) {
    let refused = async |operation: &str, more: Value| {
        let mut input = json!({ "StackName": inner });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        stage.call(operation, input).await.unwrap_err().message
    };
    let template =
        json!({ "TemplateBody": INNER, "Parameters": [{ "ParameterKey": "V", "ParameterValue": "c" }] });
    let busy = "is in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS state and can not be updated";
    assert!(refused("UpdateStack", template.clone()).await.contains(busy));
    let mut set = template;
    set["ChangeSetName"] = json!("x");
    assert!(refused("CreateChangeSet", set).await.contains(busy));
    assert!(refused("DeleteStack", json!({})).await.contains("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"));
    assert!(refused("CancelUpdateStack", json!({})).await.contains("cannot be called from current stack"));
    assert!(refused("RollbackStack", json!({})).await.contains("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"));
    assert!(
        refused("ContinueUpdateRollback", json!({})).await.contains("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    );
}

/// A stack whose update failed, and that was not to go back.
async fn half_way(in_it: &str) -> (Stage, String) {
    let (stage, inner) = stage(in_it).await;
    stage.world.things().broken.insert("CreateRole".to_owned());
    let asked = json!({ "StackName": "top", "TemplateBody": top("b", ROLE), "DisableRollback": true,
        "Capabilities": ["CAPABILITY_NAMED_IAM"] });
    stage.call("UpdateStack", asked).await.unwrap();
    assert_eq!(stage.settled("top").await, "UPDATE_FAILED");
    assert_eq!(stage.describe(&inner).await["StackStatus"], "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
    assert_eq!(groups(&stage), ["extra", "follows", "group-a", "group-b"]);
    stage.world.things().broken.clear();
    (stage, inner)
}

#[tokio::test]
async fn a_nested_stack_waits_with_one_around_it_that_stopped_half_way() {
    for in_it in [INNER, MIDDLE] {
        let (stage, inner) = half_way(in_it).await;
        stage.call("RollbackStack", json!({ "StackName": "top" })).await.unwrap();
        assert_eq!(stage.settled("top").await, "UPDATE_ROLLBACK_COMPLETE");
        is_as_before(&stage, &inner).await;
        // Over several tries the way back leads to where the first began.
        let (stage, inner) = half_way(in_it).await;
        stage.world.things().broken.insert("CreateRole".to_owned());
        stage.update("top", &top("c", ROLE)).await.unwrap();
        assert_eq!(stage.settled("top").await, "UPDATE_ROLLBACK_COMPLETE");
        assert_eq!(groups(&stage), ["extra", "follows", "group-a"]);
        assert_eq!(stage.describe(&inner).await["Outputs"][0]["OutputValue"], "group-a");
        // What is gone on with cleans up after all tries.
        let (stage, inner) = half_way(in_it).await;
        stage.update("top", &top("c", ROLE)).await.unwrap();
        assert_eq!(stage.settled("top").await, "UPDATE_COMPLETE");
        assert_eq!(groups(&stage), ["follows", "group-c"]);
        assert_eq!(stage.describe(&inner).await["StackStatus"], "UPDATE_COMPLETE");
    }
}

#[tokio::test]
async fn a_stack_half_way_is_deleted_with_all_that_waits_in_it() {
    for in_it in [INNER, MIDDLE] {
        let (stage, inner) = half_way(in_it).await;
        assert_eq!(delete(&stage, "top").await, "DELETE_COMPLETE");
        assert_eq!(stage.settled(&inner).await, "DELETE_COMPLETE");
        assert_eq!(groups(&stage), [""; 0]);
    }
}

#[tokio::test]
async fn what_waits_and_is_kept_cleans_up_by_itself() {
    // Dropped from the template, and kept; deleted around it, and kept.
    let (stage, inner) = half_way(INNER).await;
    let kept = top("b", "").replace("In: {Type", "In: {DeletionPolicy: Retain, Type");
    let asked = json!({ "StackName": "top", "TemplateBody": kept.clone() + ROLE, "DisableRollback": true,
        "Capabilities": ["CAPABILITY_NAMED_IAM"] });
    stage.world.things().broken.insert("CreateRole".to_owned());
    stage.call("UpdateStack", asked).await.unwrap();
    assert_eq!(stage.settled("top").await, "UPDATE_FAILED");
    assert_eq!(delete(&stage, "top").await, "DELETE_COMPLETE");
    assert_eq!(stage.settled(&inner).await, "UPDATE_COMPLETE");
    assert_eq!(groups(&stage), ["group-b"]);
    // It is anybody's stack now.
    assert_eq!(delete(&stage, &inner).await, "DELETE_COMPLETE");
    assert_eq!(groups(&stage), [""; 0]);
}

#[tokio::test]
async fn stacks_that_hand_an_export_over_take_it_back_again() {
    let stage = Stage::new().await;
    put(
        &stage,
        "exporter",
        "
Parameters: {Name: {Type: String}}
Resources: {G: {Type: AWS::Logs::LogGroup, Properties: {Tags: [{Key: n, Value: !Ref Name}]}}}
Outputs: {O: {Value: !Ref AWS::StackName, Export: {Name: !Ref Name}}}
",
    );
    let template = |one: &str, two: &str, more: &str| {
        format!(
            "
Resources:
  One: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: s3://b/exporter, Parameters: {{Name: {one}}}}}}}
  Two: {{Type: AWS::CloudFormation::Stack, DependsOn: One, Properties: {{TemplateURL: s3://b/exporter, Parameters: {{Name: {two}}}}}}}
{more}"
        )
    };
    stage.create("top", &template("x", "y", "")).await.unwrap();
    assert_eq!(stage.settled("top").await, "CREATE_COMPLETE");
    let before = exports(&stage).await;
    stage.world.things().broken.insert("CreateRole".to_owned());
    let role = ROLE.replace("Follows", "Two");
    stage.update("top", &template("z", "x", &role)).await.unwrap();
    assert_eq!(stage.settled("top").await, "UPDATE_ROLLBACK_COMPLETE", "{:?}", stage.events("top").await);
    assert_eq!(exports(&stage).await, before);
}

#[tokio::test]
async fn a_clean_up_that_a_stop_interrupted_goes_on() {
    let (stage, inner) = stage(MIDDLE).await;
    let held = stage.world.hold("DeleteLogGroup");
    stage.update("top", &top("b", "")).await.unwrap();
    told(&stage, &inner, "Extra DELETE_IN_PROGRESS").await;
    // Let go, and not ended: the next start finds it among the unfinished, and the one around it waits for it.
    let names: Vec<String> = crate::stacks::unfinished(stage.kit.pipeline.store())
        .unwrap()
        .into_iter()
        .map(|stack| stack.status)
        .collect();
    assert_eq!(names, ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"; 3]);
    assert_eq!(stage.describe("top").await["StackStatus"], "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
    drop(held);
    assert_eq!(stage.settled("top").await, "UPDATE_COMPLETE");
    assert_eq!(stage.describe(&inner).await["StackStatus"], "UPDATE_COMPLETE");
    assert_eq!(groups(&stage), ["follows", "group-b"]);
}
