//! Creations that stopped half-way: kept to be looked at, mended by an update, or taken back.

use serde_json::{Value, json};

use super::Stage;

const TWO: &str = "Resources: {A: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: a}}, \
    T: {Type: AWS::IAM::Role, Properties: {RoleName: r, AssumeRolePolicyDocument: {}}}}";

async fn kept(stage: &Stage, template: &str) -> String {
    let made = stage
        .call(
            "CreateStack",
            json!({ "StackName": "s", "TemplateBody": template, "DisableRollback": true,
                "Capabilities": ["CAPABILITY_NAMED_IAM"] }),
        )
        .await
        .unwrap();
    assert_eq!(stage.settled("s").await, "CREATE_FAILED");
    made["StackId"].as_str().unwrap().to_owned()
}

async fn again(stage: &Stage, disable: bool) -> String {
    stage
        .call(
            "UpdateStack",
            json!({ "StackName": "s", "TemplateBody": TWO, "DisableRollback": disable,
                "Capabilities": ["CAPABILITY_NAMED_IAM"] }),
        )
        .await
        .unwrap();
    stage.settled("s").await
}

fn count(stage: &Stage, call: &str) -> usize {
    stage.world.things().calls.iter().filter(|made| made.starts_with(call)).count()
}

#[tokio::test]
async fn a_creation_that_failed_is_updated_to_its_end() {
    let stage = Stage::new().await;
    stage.world.things().broken.insert("CreateRole".to_owned());
    kept(&stage, TWO).await;
    let shown = stage
        .call(
            "CreateChangeSet",
            json!({ "StackName": "s", "ChangeSetName": "c", "TemplateBody": TWO,
                "Capabilities": ["CAPABILITY_NAMED_IAM"] }),
        )
        .await
        .and(stage.call("DescribeChangeSet", json!({ "StackName": "s", "ChangeSetName": "c" })).await);
    let shown = shown.unwrap();
    assert_eq!(shown["Status"], "CREATE_COMPLETE");
    assert_eq!(shown["Changes"][0]["ResourceChange"]["Action"], "Add");
    assert_eq!(shown["Changes"][0]["ResourceChange"]["LogicalResourceId"], "T");
    assert_eq!(shown["Changes"].as_array().unwrap().len(), 1);
    stage.world.things().broken.clear();
    assert_eq!(again(&stage, true).await, "UPDATE_COMPLETE");
    assert_eq!((stage.world.names("group").len(), stage.world.names("role").len()), (1, 1));
    assert_eq!(count(&stage, "logs:CreateLogGroup"), 1, "what is there is not made again");
    assert_eq!(&*stage.update("s", TWO).await.unwrap_err().message, "No updates are to be performed.");
}

#[tokio::test]
async fn what_never_stood_firm_goes_back_to_nothing() {
    for by_call in [false, true] {
        let stage = Stage::new().await;
        stage.world.things().broken.insert("CreateRole".to_owned());
        kept(&stage, TWO).await;
        let ends = again(&stage, by_call).await;
        if by_call {
            assert_eq!(ends, "UPDATE_FAILED");
            stage.call("RollbackStack", json!({ "StackName": "s" })).await.unwrap();
            assert_eq!(stage.settled("s").await, "ROLLBACK_COMPLETE");
        } else {
            assert_eq!(ends, "ROLLBACK_COMPLETE");
        }
        assert!(stage.world.is_empty());
    }
}

#[tokio::test]
async fn without_rollback_a_failure_stops_its_own_path_alone() {
    let stage = Stage::new().await;
    stage.world.things().broken.insert("CreateRole".to_owned());
    let chain = "Resources: {T: {Type: AWS::IAM::Role, Properties: {RoleName: r, AssumeRolePolicyDocument: {}}}, \
        U: {Type: AWS::Logs::LogGroup, DependsOn: T, Properties: {LogGroupName: u}}, \
        W: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: w}}, \
        X: {Type: AWS::Logs::LogGroup, DependsOn: W, Properties: {LogGroupName: x}}, \
        Y: {Type: AWS::Logs::LogGroup, DependsOn: X, Properties: {LogGroupName: y}}}";
    kept(&stage, chain).await;
    assert_eq!(stage.world.names("group"), ["w", "x", "y"]);
}

#[tokio::test]
async fn a_token_is_one_requests() {
    let stage = Stage::new().await;
    let body = |retention: u32| {
        format!(
            "Resources: {{A: {{Type: AWS::Logs::LogGroup, Properties: {{RetentionInDays: {retention}}}}}}}"
        )
    };
    let input = |retention: u32| json!({ "StackName": "s", "TemplateBody": body(retention), "ClientRequestToken": "t" });
    let first = stage.call("CreateStack", input(7)).await.unwrap();
    assert_eq!(stage.settled("s").await, "CREATE_COMPLETE");
    assert_eq!(stage.call("CreateStack", input(7)).await.unwrap(), first);
    for (operation, input) in [
        ("CreateStack", input(9)),
        ("UpdateStack", input(9)),
        ("DeleteStack", json!({ "StackName": "s", "ClientRequestToken": "t" })),
    ] {
        let refused = stage.call(operation, input).await.unwrap_err();
        assert_eq!(&*refused.code, "TokenAlreadyExistsException", "{operation}");
    }
    let set = json!({ "StackName": "s", "ChangeSetName": "c", "TemplateBody": body(9), "ClientToken": "k" });
    let made = stage.call("CreateChangeSet", set.clone()).await.unwrap();
    assert_eq!(stage.call("CreateChangeSet", set.clone()).await.unwrap(), made);
    let other = Value::Object(
        set.as_object().unwrap().clone().into_iter().filter(|(key, _)| key != "ClientToken").collect(),
    );
    let refused = stage.call("CreateChangeSet", other).await.unwrap_err();
    assert_eq!(&*refused.code, "AlreadyExistsException");
    let execute = json!({ "StackName": "s", "ChangeSetName": "c", "ClientRequestToken": "e" });
    stage.call("ExecuteChangeSet", execute.clone()).await.unwrap();
    assert_eq!(stage.settled("s").await, "UPDATE_COMPLETE");
    stage.call("ExecuteChangeSet", execute).await.unwrap();
    assert_eq!(stage.settled("s").await, "UPDATE_COMPLETE");
    assert_eq!(count(&stage, "logs:PutRetentionPolicy"), 2);
}

#[tokio::test]
async fn requests_of_one_token_at_once_are_one() {
    let stage = Stage::new().await;
    let body = |retention: u32| {
        format!(
            "Resources: {{A: {{Type: AWS::Logs::LogGroup, Properties: {{RetentionInDays: {retention}}}}}}}"
        )
    };
    for (operation, status, retention) in
        [("CreateStack", "CREATE_COMPLETE", 7), ("UpdateStack", "UPDATE_COMPLETE", 9)]
    {
        let input =
            json!({ "StackName": "s", "TemplateBody": body(retention), "ClientRequestToken": operation });
        let call = || stage.call(operation, input.clone());
        let (one, two, three, four) = tokio::join!(call(), call(), call(), call());
        let one = one.unwrap();
        assert_eq!(
            [two.unwrap(), three.unwrap(), four.unwrap()],
            [one.clone(), one.clone(), one],
            "{operation}"
        );
        assert_eq!(stage.settled("s").await, status);
    }
    assert_eq!((count(&stage, "logs:CreateLogGroup"), count(&stage, "logs:PutRetentionPolicy")), (1, 2));
}

#[tokio::test]
async fn references_to_nowhere_are_refused_wherever_they_stand() {
    let stage = Stage::new().await;
    let with = |resource: &str| {
        format!(
            "Conditions: {{C: !Equals [a, b]}}\nResources: {{G: {{Type: AWS::Logs::LogGroup}}, {resource}}}"
        )
    };
    for (resource, why) in [
        (
            "A: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !If [C, !Ref Nothing, x]}}",
            "Template format error: Unresolved resource dependencies [Nothing] in the Resources block of the template",
        ),
        (
            "A: {Type: AWS::Logs::LogGroup, Condition: C, Properties: {LogGroupName: !Sub '${Nothing}-x'}}",
            "Template format error: Unresolved resource dependencies [Nothing] in the Resources block of the template",
        ),
        (
            "A: {Type: AWS::Logs::LogGroup, Condition: C, Properties: {LogGroupName: !GetAtt Nothing.Arn}}",
            "Template error: instance of Fn::GetAtt references undefined resource Nothing",
        ),
        (
            "A: {Type: AWS::Logs::LogGroup, Condition: C, Properties: {LogGroupName: !If [D, x, y]}}",
            "Template format error: Unresolved condition dependency D in the template",
        ),
    ] {
        let text = with(resource);
        for refused in [
            stage.create("s", &text).await.unwrap_err(),
            stage.call("ValidateTemplate", json!({ "TemplateBody": text })).await.unwrap_err(),
        ] {
            assert!(refused.message.starts_with(why), "{resource}: {}", refused.message);
        }
    }
    // What exists under another condition is rightly referred to where the branch is not taken.
    let text = with(
        "A: {Type: AWS::Logs::LogGroup, Condition: C}, B: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !If [C, !Ref A, b]}}",
    );
    stage.create("s", &text).await.unwrap();
    assert_eq!(stage.settled("s").await, "CREATE_COMPLETE");
}
