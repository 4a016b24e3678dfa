//! Resources that functions make, and stacks that wait for what happens outside.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::Callbacks;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Stage;
use super::restart::restarted;
use super::the_very_same::{goes_back_from_update, goes_on};

const CUSTOM: &str = "
Parameters: {Size: {Type: String, Default: one}}
Resources:
  Thing:
    Type: Custom::Thing
    Properties: {ServiceToken: 'arn:aws:lambda:us-east-1:123456789012:function:maker', Size: !Ref Size, Deep: {Flag: true, Number: 7}}
  Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !GetAtt Thing.Name}}
Outputs:
  Id: {Value: !Ref Thing}
";

impl Stage {
    /// The next request to a function that was not seen yet.
    async fn asked(&self, nth: usize) -> Value {
        for _ in 0..2_000 {
            let inputs: Vec<Value> = {
                let things = self.world.things();
                things
                    .inputs
                    .iter()
                    .filter(|(name, _)| name == "Invoke")
                    .map(|(_, input)| input.clone())
                    .collect()
            };
            if let Some(input) = inputs.get(nth) {
                assert_eq!(input["InvocationType"], "Event");
                let payload = STANDARD.decode(input["Payload"].as_str().unwrap()).unwrap();
                return serde_json::from_slice(&payload).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("no function was asked");
    }

    async fn answer(&self, event: &Value, answer: Value) {
        let id = Callbacks::id_of(event["ResponseURL"].as_str().unwrap()).unwrap();
        assert_eq!(id, event["RequestId"]);
        let callbacks = self.callbacks.clone();
        let taken = self.kit.pipeline.store().transact(|tx| callbacks.add(tx, &id, answer.to_string())).await;
        assert!(taken.unwrap());
    }

    async fn made(&self) -> Value {
        self.create("custom", CUSTOM).await.unwrap();
        let event = self.asked(0).await;
        let data =
            json!({ "Status": "SUCCESS", "PhysicalResourceId": "thing-1", "Data": { "Name": "named" } });
        self.answer(&event, data).await;
        assert_eq!(self.settled("custom").await, "CREATE_COMPLETE");
        event
    }
}

fn size(value: &str) -> Value {
    json!({ "StackName": "custom", "UsePreviousTemplate": true,
        "Parameters": [{ "ParameterKey": "Size", "ParameterValue": value }] })
}

#[tokio::test]
async fn a_function_makes_changes_and_deletes_a_resource() {
    let stage = Stage::new().await;
    let event = stage.made().await;
    assert_eq!(event["RequestType"], "Create");
    assert_eq!(event["ResourceType"], "Custom::Thing");
    assert_eq!(event["LogicalResourceId"], "Thing");
    let properties = &event["ResourceProperties"];
    assert_eq!(properties["Deep"], json!({ "Flag": "true", "Number": "7" }));
    assert_eq!(stage.world.names("group"), ["named"]);
    assert_eq!(stage.describe("custom").await["Outputs"][0]["OutputValue"], "thing-1");

    stage.call("UpdateStack", size("two")).await.unwrap();
    let event = stage.asked(1).await;
    assert_eq!((&event["RequestType"], &event["PhysicalResourceId"]), (&json!("Update"), &json!("thing-1")));
    assert_eq!(event["OldResourceProperties"]["Size"], "one");
    assert_eq!(event["ResourceProperties"]["Size"], "two");
    // Another id is another resource: the old one goes once all is as asked.
    let data = json!({ "Status": "SUCCESS", "PhysicalResourceId": "thing-2", "Data": { "Name": "named" } });
    stage.answer(&event, data).await;
    let event = stage.asked(2).await;
    assert_eq!((&event["RequestType"], &event["PhysicalResourceId"]), (&json!("Delete"), &json!("thing-1")));
    assert_eq!(event["ResourceProperties"]["Size"], "one");
    stage.answer(&event, json!({ "Status": "SUCCESS" })).await;
    assert_eq!(stage.settled("custom").await, "UPDATE_COMPLETE");
    let told = stage.reason("custom", "Thing", "UPDATE_IN_PROGRESS").await;
    assert_eq!(told, "Requested update required the provider to create a new physical resource");

    let id = stage.describe("custom").await["StackId"].as_str().unwrap().to_owned();
    stage.call("DeleteStack", json!({ "StackName": "custom" })).await.unwrap();
    let event = stage.asked(3).await;
    assert_eq!((&event["RequestType"], &event["PhysicalResourceId"]), (&json!("Delete"), &json!("thing-2")));
    stage.answer(&event, json!({ "Status": "FAILED", "Reason": "not yet" })).await;
    assert_eq!(stage.settled(&id).await, "DELETE_FAILED");
    assert!(
        stage.reason(&id, "Thing", "DELETE_FAILED").await.contains("Message returned: not yet (RequestId: ")
    );
    stage.call("DeleteStack", json!({ "StackName": "custom" })).await.unwrap();
    let event = stage.asked(4).await;
    stage.answer(&event, json!({ "Status": "SUCCESS" })).await;
    assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
}

#[tokio::test]
async fn a_failed_creation_is_taken_back_from_the_function() {
    let stage = Stage::new().await;
    stage.create("custom", CUSTOM).await.unwrap();
    let event = stage.asked(0).await;
    stage.answer(&event, json!({ "Status": "FAILED", "Reason": "no", "PhysicalResourceId": "half" })).await;
    let event = stage.asked(1).await;
    assert_eq!((&event["RequestType"], &event["PhysicalResourceId"]), (&json!("Delete"), &json!("half")));
    stage.answer(&event, json!({ "Status": "SUCCESS" })).await;
    assert_eq!(stage.settled("custom").await, "ROLLBACK_COMPLETE");
    assert!(
        stage
            .reason("custom", "Thing", "CREATE_FAILED")
            .await
            .starts_with("Received response status [FAILED]")
    );
}

#[tokio::test]
async fn a_failed_change_is_asked_back() {
    let stage = Stage::new().await;
    stage.made().await;
    stage.call("UpdateStack", size("two")).await.unwrap();
    let event = stage.asked(1).await;
    stage
        .answer(&event, json!({ "Status": "FAILED", "Reason": "no", "PhysicalResourceId": "thing-1" }))
        .await;
    let event = stage.asked(2).await;
    assert_eq!(
        (&event["RequestType"], &event["ResourceProperties"]["Size"]),
        (&json!("Update"), &json!("one"))
    );
    assert_eq!(event["OldResourceProperties"]["Size"], "two");
    let data = json!({ "Status": "SUCCESS", "PhysicalResourceId": "thing-1", "Data": { "Name": "named" } });
    stage.answer(&event, data).await;
    assert_eq!(stage.settled("custom").await, "UPDATE_ROLLBACK_COMPLETE");
}

#[tokio::test]
async fn after_a_restart_the_answer_is_awaited_and_nobody_asked_again() {
    let stage = Stage::new().await;
    stage.create("custom", CUSTOM).await.unwrap();
    let event = stage.asked(0).await;
    let again = restarted(&stage).await;
    let data = json!({ "Status": "SUCCESS", "PhysicalResourceId": "thing-1", "Data": { "Name": "named" } });
    again.answer(&event, data).await;
    assert_eq!(again.settled("custom").await, "CREATE_COMPLETE");
    assert_eq!(again.world.things().inputs.iter().filter(|(name, _)| name == "Invoke").count(), 1);
}

/// Waits a while, and says how often functions were asked by then.
async fn invocations(stage: &Stage) -> usize {
    tokio::time::sleep(Duration::from_millis(150)).await;
    stage.world.things().inputs.iter().filter(|(name, _)| name == "Invoke").count()
}

/// The same, and it is to go back.
async fn interrupted(stage: &Stage, was_noted: bool) -> (String, Value) {
    let begun = begun(stage, was_noted).await;
    goes_back_from_update(stage).await;
    begun
}

/// An update whose request was given to the function, or was just to be given to it, when the power went.
async fn begun(stage: &Stage, was_noted: bool) -> (String, Value) {
    let made = stage.create("small", CUSTOM).await.unwrap();
    let id = made["StackId"].as_str().unwrap().to_owned();
    let event = stage.asked(0).await;
    let done = json!({ "Status": "SUCCESS", "PhysicalResourceId": "thing-1", "Data": { "Name": "named" } });
    stage.answer(&event, done).await;
    assert_eq!(stage.settled(&id).await, "CREATE_COMPLETE");
    stage.world.things().silent.insert("Invoke");
    let mut input = size("two");
    input["StackName"] = json!("small");
    stage.call("UpdateStack", input).await.unwrap();
    let forth = stage.asked(1).await;
    if was_noted {
        stage.callbacks.sent(forth["RequestId"].as_str().unwrap()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    stage.world.things().silent.clear();
    (id, forth)
}

#[tokio::test]
async fn the_way_back_waits_for_what_a_stop_interrupted() {
    for was_noted in [false, true] {
        let stage = Stage::new().await;
        let (id, mut forth) = interrupted(&stage, was_noted).await;
        let mut nth = 2;
        let ends = goes_on(&stage, &id);
        let talks = async {
            if !was_noted {
                // Nobody knows whether the function has it: it is given the same request once more.
                let again = stage.asked(nth).await;
                for member in ["RequestType", "RequestId", "ResourceProperties", "OldResourceProperties"] {
                    assert_eq!(again[member], forth[member], "{member}");
                }
                (forth, nth) = (again, nth + 1);
            }
            assert_eq!(invocations(&stage).await, nth, "{was_noted}");
            let done =
                json!({ "Status": "SUCCESS", "PhysicalResourceId": "thing-1", "Data": { "Name": "named" } });
            stage.answer(&forth, done.clone()).await;
            let back = stage.asked(nth).await;
            assert_eq!(
                (&back["RequestType"], &back["ResourceProperties"]["Size"]),
                (&json!("Update"), &json!("one"))
            );
            assert_eq!(back["OldResourceProperties"]["Size"], "two");
            stage.answer(&back, done).await;
        };
        let (status, ()) = tokio::join!(ends, talks);
        assert_eq!(status, "UPDATE_ROLLBACK_COMPLETE", "{was_noted}");
        assert_eq!(invocations(&stage).await, nth + 1, "{was_noted}");
    }
}

#[tokio::test]
async fn the_way_back_waits_where_somebody_cancels_what_was_taken_up_again() {
    for was_noted in [false, true] {
        let stage = Stage::new().await;
        let (id, mut forth) = begun(&stage, was_noted).await;
        let again = restarted(&stage).await;
        let (_stop, stopping) = watch::channel(false);
        let _jobs = again.kit.pipeline.start_jobs(&stopping);
        let mut nth = 2;
        if !was_noted {
            (forth, nth) = (again.asked(nth).await, nth + 1);
        }
        assert_eq!(invocations(&again).await, nth, "{was_noted}");
        again.call("CancelUpdateStack", json!({ "StackName": "small" })).await.unwrap();
        assert_eq!(invocations(&again).await, nth, "{was_noted}");
        let done =
            json!({ "Status": "SUCCESS", "PhysicalResourceId": "thing-1", "Data": { "Name": "named" } });
        again.answer(&forth, done.clone()).await;
        let back = again.asked(nth).await;
        assert_eq!(
            (&back["RequestType"], &back["ResourceProperties"]["Size"]),
            (&json!("Update"), &json!("one"))
        );
        again.answer(&back, done).await;
        assert_eq!(again.settled(&id).await, "UPDATE_ROLLBACK_COMPLETE", "{was_noted}");
    }
}

#[tokio::test]
async fn what_an_interrupted_change_made_anew_goes_on_the_way_back() {
    let stage = Stage::new().await;
    let (id, forth) = interrupted(&stage, true).await;
    let ends = goes_on(&stage, &id);
    let talks = async {
        let other =
            json!({ "Status": "SUCCESS", "PhysicalResourceId": "thing-2", "Data": { "Name": "named" } });
        stage.answer(&forth, other).await;
        let back = stage.asked(2).await;
        assert_eq!(
            (&back["RequestType"], &back["PhysicalResourceId"]),
            (&json!("Delete"), &json!("thing-2"))
        );
        assert_eq!(back["ResourceProperties"]["Size"], "two");
        stage.answer(&back, json!({ "Status": "SUCCESS" })).await;
    };
    let (status, ()) = tokio::join!(ends, talks);
    assert_eq!(status, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(invocations(&stage).await, 3);
    let thing = json!({ "StackName": "small", "LogicalResourceId": "Thing" });
    let told = stage.call("DescribeStackResource", thing).await.unwrap();
    assert_eq!(told["StackResourceDetail"]["PhysicalResourceId"], "thing-1");
}

#[tokio::test]
async fn whoever_was_cancelled_is_not_waited_for_on_the_way_back() {
    let stage = Stage::new().await;
    let event = stage.made().await;
    assert_eq!(event["RequestType"], "Create");
    stage.call("UpdateStack", size("two")).await.unwrap();
    let forth = stage.asked(1).await;
    stage.call("CancelUpdateStack", json!({ "StackName": "custom" })).await.unwrap();
    let back = stage.asked(2).await;
    assert_eq!(back["ResourceProperties"]["Size"], "one");
    assert_ne!(back["RequestId"], forth["RequestId"]);
    let done = json!({ "Status": "SUCCESS", "PhysicalResourceId": "thing-1", "Data": { "Name": "named" } });
    stage.answer(&back, done).await;
    assert_eq!(stage.settled("custom").await, "UPDATE_ROLLBACK_COMPLETE");
}

#[tokio::test]
async fn what_cannot_serve_is_refused_before_anything_is_made() {
    let stage = Stage::new().await;
    for (token, told) in [
        ("arn:aws:sns:us-east-1:123456789012:topic", "there is no SNS service here"),
        ("maker", "Invalid service token."),
    ] {
        let template =
            format!("Resources: {{T: {{Type: Custom::T, Properties: {{ServiceToken: '{token}'}}}}}}");
        let refused = stage.create("custom", &template).await.unwrap_err();
        assert!(refused.message.contains(told), "{}", refused.message);
    }
    let refused = stage.create("custom", "Resources: {T: {Type: Custom::T}}").await.unwrap_err();
    assert!(refused.message.contains("required key [ServiceToken] not found"), "{}", refused.message);
}

const SIGNALS: &str = "Resources: {W: {Type: AWS::CloudFormation::WaitCondition, \
    CreationPolicy: {ResourceSignal: {Count: 2, Timeout: PT10M}}}}\nOutputs: {D: {Value: !GetAtt W.Data}}";

/// The same, computed.
const COMPUTED: &str = "Parameters: {N: {Type: Number, Default: 2}}\nConditions: {C: !Equals [a, b]}\n\
    Resources: {W: {Type: AWS::CloudFormation::WaitCondition, \
    CreationPolicy: {ResourceSignal: {Count: !If [C, 5, !Ref N], Timeout: !Sub 'PT${N}M'}}}}";

fn signal(id: &str, status: &str) -> Value {
    json!({ "StackName": "waits", "LogicalResourceId": "W", "UniqueId": id, "Status": status })
}

#[tokio::test]
async fn signals_make_a_wait_condition() {
    for template in [SIGNALS, COMPUTED] {
        signals_make(template).await;
    }
    let missing = SIGNALS.replace("Count: 2", "Count: !Ref Missing");
    let refused = Stage::new().await.create("waits", &missing).await.unwrap_err();
    assert!(refused.message.contains("Unresolved resource dependencies [Missing]"), "{}", refused.message);
}

async fn signals_make(template: &str) {
    let stage = Stage::new().await;
    stage.create("waits", template).await.unwrap();
    for id in ["a", "a", "b"] {
        while stage.call("SignalResource", signal(id, "SUCCESS")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    assert_eq!(stage.settled("waits").await, "CREATE_COMPLETE");
    let refused = stage.call("SignalResource", signal("c", "SUCCESS")).await.unwrap_err();
    assert_eq!(refused.message, "Resource W is in CREATE_COMPLETE state and cannot be signaled");
}

#[tokio::test]
async fn one_failure_fails_a_wait_condition() {
    let stage = Stage::new().await;
    stage.create("waits", SIGNALS).await.unwrap();
    while stage.call("SignalResource", signal("x", "FAILURE")).await.is_err() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(stage.settled("waits").await, "ROLLBACK_COMPLETE");
    assert!(stage.reason("waits", "W", "CREATE_FAILED").await.ends_with("for uniqueId: x"));
}

#[tokio::test]
async fn who_waits_in_vain_is_cancelled_when_another_resource_fails() {
    let stage = Stage::new().await;
    stage.world.things().broken.insert("CreateLogGroup".to_owned());
    let template = "Resources: {H: {Type: AWS::CloudFormation::WaitConditionHandle}, W: {Type: AWS::CloudFormation::WaitCondition, \
        Properties: {Handle: !Ref H, Timeout: 43200}}, G: {Type: AWS::Logs::LogGroup}}";
    stage.create("waits", template).await.unwrap();
    assert_eq!(stage.settled("waits").await, "ROLLBACK_COMPLETE");
}
