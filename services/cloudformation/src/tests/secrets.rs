//! What functions make of a secret is a secret: in events, in change sets and in what a check for drift finds.

use serde_json::{Value, json};

use super::Stage;

const SECRET: &str = "
Transform: AWS::LanguageExtensions
Parameters:
  L: {Type: CommaDelimitedList, NoEcho: true}
  J: {Type: String, NoEcho: true}
  Days: {Type: String, Default: '7'}
Resources:
  G:
    Type: AWS::IAM::RolePolicy
    Properties:
      RoleName: r
      PolicyName: guard
      PolicyDocument:
        Days: !Ref Days
        Item: !Select [1, !Ref L]
        Encoded: !Base64 {Ref: J}
        Cut: !Select [1, !Split ['|', !Ref J]]
        Text: {'Fn::ToJsonString': {k: !Ref J}}
        Both: !Base64 {'Fn::Join': [':', !Ref L]}
        Plain: !Select [1, !Split ['|', 'left|right']]
";
/// Every text that must be nowhere, old and new.
const HIDDEN: [&str; 10] = [
    "passBBB",
    "userAAA",
    "righ",
    "left\\",
    "bGVmdCIxfHJpZ2hcdDJDQw==",
    "bGVmdCIxfHJpZ2hcdDNDQw==",
    "dXNlckFBQTpwYXNzQkJCOTk=",
    "dXNlckFBQTpwYXNzQkJCOTg=",
    "2CC",
    "3CC",
];

fn given(list: &str, text: &str) -> Value {
    json!([{ "ParameterKey": "L", "ParameterValue": list }, { "ParameterKey": "J", "ParameterValue": text }])
}

fn input(template: &str, parameters: &Value) -> Value {
    json!({ "StackName": "s", "TemplateBody": template, "Parameters": parameters,
        "Capabilities": ["CAPABILITY_AUTO_EXPAND", "CAPABILITY_NAMED_IAM"] })
}

async fn made() -> Stage {
    let stage = Stage::new().await;
    let parameters = given("userAAA,passBBB99", "left\"1|righ\\t2CC");
    stage.call("CreateStack", input(SECRET, &parameters)).await.unwrap();
    assert_eq!(stage.settled("s").await, "CREATE_COMPLETE");
    stage
}

fn assert_hidden(shown: &Value) {
    // Once as the wire has it, and once without the escapes of JSON in JSON.
    let text = shown.to_string().replace("right", "");
    for hidden in HIDDEN {
        assert!(!text.contains(hidden) && !text.replace("\\\\", "\\").contains(hidden), "{hidden}: {text}");
    }
}

#[tokio::test]
async fn a_change_set_shows_nothing_that_was_made_of_a_secret() {
    let stage = made().await;
    let mut input = input(&SECRET.replace("'7'", "'14'"), &given("userAAA,passBBB98", "left\"1|righ\\t3CC"));
    input["ChangeSetName"] = json!("c");
    stage.call("CreateChangeSet", input).await.unwrap();
    let asked = json!({ "StackName": "s", "ChangeSetName": "c", "IncludePropertyValues": true });
    let set = stage.call("DescribeChangeSet", asked).await.unwrap();
    assert_eq!(set["Status"], "CREATE_COMPLETE", "{set}");
    assert_hidden(&set);
    let context = set["Changes"][0]["ResourceChange"]["AfterContext"].as_str().unwrap();
    let document = serde_json::from_str::<Value>(context).unwrap()["Properties"]["PolicyDocument"].clone();
    let masked = "****";
    assert_eq!(
        document,
        json!({ "Days": "14", "Item": masked, "Encoded": masked, "Cut": masked, "Text": masked, "Both": masked,
            "Plain": "right" }),
        "what is no secret is shown"
    );
}

#[tokio::test]
async fn drift_shows_nothing_that_was_made_of_a_secret() {
    let stage = made().await;
    stage
        .call("DetectStackResourceDrift", json!({ "StackName": "s", "LogicalResourceId": "G" }))
        .await
        .unwrap();
    let drifts = stage.call("DescribeStackResourceDrifts", json!({ "StackName": "s" })).await.unwrap();
    let expected = drifts["StackResourceDrifts"][0]["ExpectedProperties"].as_str().unwrap();
    assert!(expected.contains("\"Encoded\":\"****\"") && expected.contains("right"), "{expected}");
    assert_hidden(&drifts);
}

#[tokio::test]
async fn events_say_nothing_that_was_made_of_a_secret() {
    let role = "  R: {Type: AWS::IAM::Role, DependsOn: G, Properties: {RoleName: r, AssumeRolePolicyDocument: {}}}\n";
    for (name, why) in [
        ("!Select [1, !Ref L]", "passBBB99 is no name"),
        ("{Fn::Base64: !Ref J}", "bGVmdCIxfHJpZ2hcdDJDQw== is no name"),
        ("x", r#"in {"a":"left\"1|righ\\t2CC"}"#),
    ] {
        let stage = made().await;
        stage.world.things().refusals.insert("CreateRole".to_owned(), why.to_owned());
        // The update has other values: those of before are secrets still.
        let next = format!("{SECRET}{}", role.replace("{}", &format!("{{a: {name}}}")));
        stage
            .call("UpdateStack", input(&next, &given("userAAA,passBBB98", "left\"1|righ\\t3CC")))
            .await
            .unwrap();
        assert_eq!(stage.settled("s").await, "UPDATE_ROLLBACK_COMPLETE");
        assert!(stage.reason("s", "R", "CREATE_FAILED").await.contains("****"));
        assert_hidden(&stage.call("DescribeStackEvents", json!({ "StackName": "s" })).await.unwrap());
    }
}
