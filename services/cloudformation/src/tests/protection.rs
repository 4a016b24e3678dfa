//! What was told to be done to a stack stays done, whatever goes on beside it.

use serde_json::{Value, json};

use super::{SMALL, Stage};
use crate::stacks;

fn template(days: u32) -> String {
    format!("Resources: {{A: {{Type: AWS::Logs::LogGroup, Properties: {{RetentionInDays: {days}}}}}}}")
}

#[tokio::test]
async fn an_update_leaves_protection_and_policies_that_were_set_beside_it() {
    let stage = Stage::new().await;
    stage.create("one", &template(1)).await.unwrap();
    stage.settled("one").await;
    for round in 0..10_u32 {
        let wanted = round % 2 == 0;
        let sid = format!("round{round}");
        let allow =
            json!({ "Sid": sid, "Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*" });
        let policy = json!({ "Statement": [allow] }).to_string();
        let next = template([3, 7][round as usize % 2]);
        let protect = json!({ "StackName": "one", "EnableTerminationProtection": wanted });
        let (protected, set, updated) = tokio::join!(
            stage.call("UpdateTerminationProtection", protect),
            stage.call("SetStackPolicy", json!({ "StackName": "one", "StackPolicyBody": policy })),
            stage.update("one", &next),
        );
        protected.unwrap();
        set.unwrap();
        updated.unwrap();
        stage.settled("one").await;
        assert_eq!(stage.describe("one").await["EnableTerminationProtection"], wanted, "round {round}");
        let kept = stage.call("GetStackPolicy", json!({ "StackName": "one" })).await.unwrap();
        assert_eq!(kept["StackPolicyBody"], Value::from(policy), "round {round}");
    }
}

#[tokio::test]
async fn a_change_set_is_executed_once_and_obsolete_after_another_operation() {
    let stage = Stage::new().await;
    stage.create("one", &template(1)).await.unwrap();
    stage.settled("one").await;
    let named = |set: &str| json!({ "StackName": "one", "ChangeSetName": set });
    for set in ["a", "b"] {
        let mut input = named(set);
        input["TemplateBody"] = template(7).into();
        stage.call("CreateChangeSet", input).await.unwrap();
    }
    stage.update("one", &template(3)).await.unwrap();
    stage.settled("one").await;
    let shown = stage.call("DescribeChangeSet", named("a")).await.unwrap();
    assert_eq!(shown["ExecutionStatus"], "OBSOLETE");
    let listed = stage.call("ListChangeSets", json!({ "StackName": "one" })).await.unwrap();
    assert_eq!(listed["Summaries"][1]["ExecutionStatus"], "OBSOLETE");
    assert_eq!(
        stage.call("ExecuteChangeSet", named("a")).await.unwrap_err().code,
        "InvalidChangeSetStatusException"
    );

    let mut input = named("c");
    input["TemplateBody"] = template(14).into();
    stage.call("CreateChangeSet", input).await.unwrap();
    let (first, second) =
        tokio::join!(stage.call("ExecuteChangeSet", named("c")), stage.call("ExecuteChangeSet", named("c")));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    assert_eq!(stage.settled("one").await, "UPDATE_COMPLETE");
}

#[tokio::test]
async fn a_stack_in_review_is_created_directly() {
    let stage = Stage::new().await;
    let input = json!({ "StackName": "small", "ChangeSetName": "first", "ChangeSetType": "CREATE", "TemplateBody": template(1) });
    let waiting = stage.call("CreateChangeSet", input.clone()).await.unwrap();
    let made = stage.create("small", SMALL).await.unwrap();
    assert_eq!(made["StackId"], waiting["StackId"]);
    assert_eq!(stage.settled("small").await, "CREATE_COMPLETE");
    assert_eq!(stage.world.names("table"), ["orders"]);
    let shown = stage.call("DescribeChangeSet", json!({ "StackName": "small", "ChangeSetName": "first" }));
    assert_eq!(shown.await.unwrap()["ExecutionStatus"], "OBSOLETE");
    let refused = stage.call("CreateChangeSet", input).await.unwrap_err();
    assert!(refused.message.ends_with("cannot be created again with the changeSet [first]."));
}

#[tokio::test]
async fn a_refused_deletion_leaves_the_stack_as_it_was() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    let user = "Resources: {G: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !ImportValue arn}}}";
    stage.create("user", user).await.unwrap();
    stage.settled("user").await;
    stage.call("DeleteStack", json!({ "StackName": "small" })).await.unwrap();
    assert_eq!(stage.settled("small").await, "CREATE_COMPLETE");
    let reason = stage.describe("small").await["StackStatusReason"].as_str().unwrap().to_owned();
    assert!(reason.contains("Cannot delete export arn as it is in use by user"), "{reason}");
    stage.update("small", &SMALL.replace("RetentionInDays: '7'", "RetentionInDays: '14'")).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
}

/// Whether anybody uses an export is asked when the deletion begins: from then on nobody begins to.
#[tokio::test]
async fn nobody_begins_to_use_what_is_being_deleted() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    let user = "Resources: {G: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !ImportValue arn}}}";
    let planned =
        json!({ "StackName": "user", "TemplateBody": user, "ChangeSetName": "c", "ChangeSetType": "CREATE" });
    stage.call("CreateChangeSet", planned).await.unwrap();
    let held = stage.world.hold("DeleteLogGroup");
    stage.call("DeleteStack", json!({ "StackName": "small" })).await.unwrap();
    let execute = stage.call("ExecuteChangeSet", json!({ "StackName": "user", "ChangeSetName": "c" }));
    for refused in [stage.create("other", user).await, execute.await] {
        let refused = refused.unwrap_err();
        assert_eq!(
            (refused.code.as_ref(), refused.message.as_str()),
            ("ValidationError", "No export named arn found.")
        );
    }
    drop(held);
    for _ in 0..2_000 {
        if stage.call("DescribeStacks", json!({ "StackName": "small" })).await.is_err() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let none = stage.call("ListExports", json!({})).await.unwrap();
    assert!(none["Exports"].as_array().is_none_or(Vec::is_empty), "{none}");
    assert!(stage.call("ListImports", json!({ "ExportName": "arn" })).await.is_err());
}

/// Between the question who uses an export and the end of the change that takes it away, somebody may have begun to.
#[tokio::test]
async fn an_export_in_use_does_not_go_in_the_same_moment() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    let user = "Resources: {G: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !ImportValue arn}}}";
    stage.create("user", user).await.unwrap();
    stage.settled("user").await;
    stage.rested().await;
    let region = stage.kit.pipeline.region().clone();
    let change = |edit: fn(&mut crate::records::StackRecord)| {
        let (account, region) = (stage.kit.account, region.clone());
        stage.state.store.transact(move |tx| {
            let mut stack = stacks::find(tx, account, &region, "small")?.expect("the stack");
            edit(&mut stack);
            stacks::save(tx, &stack)
        })
    };
    let gone = change(|stack| stack.outputs.clear()).await.unwrap_err();
    assert_eq!(gone.to_string(), "ValidationError: Cannot delete export arn as it is in use by user");
    let deleted = change(|stack| stack.status = "DELETE_COMPLETE".to_owned()).await.unwrap_err();
    assert_eq!(deleted.to_string(), "ValidationError: Cannot delete export arn as it is in use by user");
    let other = change(|stack| stack.outputs[0].value = "x".to_owned()).await.unwrap_err();
    assert_eq!(other.to_string(), "ValidationError: Cannot update export arn as it is in use by user");
    change(|stack| stack.termination_protection = true).await.unwrap();
}

#[tokio::test]
async fn a_secret_is_in_no_event_however_it_is_spelt() {
    for spelling in ["true", "yes", "On", "'TRUE'", "y", "1"] {
        let stage = Stage::new().await;
        let template = format!(
            "Parameters: {{S: {{Type: String, NoEcho: {spelling}}}}}\nResources: {{A: {{Type: AWS::Logs::LogGroup, \
             Properties: {{LogGroupName: !Sub '/x/${{S}}'}}}}}}"
        );
        stage.world.things().broken.insert("CreateLogGroup".to_owned());
        let parameters = json!([{ "ParameterKey": "S", "ParameterValue": "hunter2hunter2" }]);
        let input = json!({ "StackName": "s", "TemplateBody": template, "Parameters": parameters });
        stage.call("CreateStack", input).await.unwrap();
        assert_eq!(stage.settled("s").await, "ROLLBACK_COMPLETE");
        let shown = stage.describe("s").await;
        assert_eq!(shown["Parameters"][0]["ParameterValue"], "****", "{spelling}");
        let events = stage.call("DescribeStackEvents", json!({ "StackName": "s" })).await.unwrap();
        assert!(!events.to_string().contains("hunter2"), "{spelling}: {events}");
    }
    let stage = Stage::new().await;
    let unclear =
        "Parameters: {S: {Type: String, NoEcho: maybe}}\nResources: {A: {Type: AWS::Logs::LogGroup}}";
    let refused = stage.create("s", unclear).await.unwrap_err();
    assert!(refused.message.contains("NoEcho must be true or false."), "{}", refused.message);
}

#[tokio::test]
async fn what_is_included_is_acknowledged() {
    let stage = Stage::new().await;
    let call = "{Name: AWS::Include, Parameters: {Location: 's3://b/k'}}";
    let group = "Type: AWS::Logs::LogGroup";
    for template in [
        format!("Resources: {{A: {{{group}, Properties: {{Fn::Transform: {call}}}}}}}"),
        format!("Resources: {{A: {{{group}}}, Fn::Transform: {call}}}"),
        format!("Transform: {call}\nResources: {{A: {{{group}}}}}"),
        format!("Transform: [{call}]\nResources: {{A: {{{group}}}}}"),
    ] {
        let input = json!({ "StackName": "i", "TemplateBody": template });
        let refused = stage.call("CreateStack", input).await.unwrap_err();
        assert_eq!(refused.message, "Requires capabilities : [CAPABILITY_AUTO_EXPAND]", "{template}");
        assert!(stage.world.things().calls.is_empty(), "nothing is read before it is acknowledged");
    }
}

#[tokio::test]
async fn names_of_exports_are_known_before_and_unique() {
    let stage = Stage::new().await;
    let group = "Resources: {G: {Type: AWS::Logs::LogGroup}}";
    let outputs = [
        ("{A: {Value: a, Export: {Name: n}}, B: {Value: b, Export: {Name: n}}}", "must be unique"),
        ("{A: {Value: a, Export: {Name: !Ref G}}}", "must not depend on any resources"),
        (
            "{A: {Value: !ImportValue {Ref: G}}}",
            "the attribute in Fn::ImportValue must not depend on any resources",
        ),
    ];
    for (outputs, told) in outputs {
        let refused = stage.create("e", &format!("{group}\nOutputs: {outputs}")).await.unwrap_err();
        assert!(refused.code == "ValidationError" && refused.message.contains(told), "{}", refused.message);
    }
    let parameter = "Parameters: {P: {Type: String, Default: p}}";
    let good =
        format!("{parameter}\n{group}\nOutputs: {{A: {{Value: a, Export: {{Name: !Sub '${{P}}-n'}}}}}}");
    stage.create("e", &good).await.unwrap();
    assert_eq!(stage.settled("e").await, "CREATE_COMPLETE");
}
