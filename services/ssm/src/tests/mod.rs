//! The Parameter Store through the whole pipeline.

mod decisions;
mod listing;
mod values;
mod versions;

use serde_json::{Value, json};
use service::testkit::TestKit;
use service::testkit::compliance::Subject;

const ARN: &str = "arn:aws:ssm:us-east-1:123456789012:parameter";
const SECRET: &str = "the parameter's secret";

async fn kit() -> TestKit {
    let sealer = crypto::RootKey::ephemeral().derive("ssm");
    TestKit::start(|_| vec![crate::service(sealer)]).await
}

/// A call as the administrator.
async fn ask(kit: &TestKit, operation: &str, input: Value) -> Result<Value, String> {
    let answer = kit.json(&kit.administrator(), "ssm", operation, &input).await;
    answer.map_err(|fault| format!("{}: {}", fault.code, fault.message))
}

/// A call that must work.
async fn ok(kit: &TestKit, operation: &str, input: Value) -> Value {
    ask(kit, operation, input.clone()).await.unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
}

/// A call that must answer this error.
async fn fails(kit: &TestKit, operation: &str, input: Value, expected: &str) {
    let error = ask(kit, operation, input.clone()).await.expect_err(operation);
    assert!(error.contains(expected), "{operation} {input} answered {error}");
}

async fn put(kit: &TestKit, name: &str, value: &str) -> Value {
    ok(kit, "PutParameter", json!({"Name": name, "Value": value, "Type": "String", "Overwrite": true})).await
}

fn names(answer: &Value) -> Vec<&str> {
    let parameters = answer["Parameters"].as_array().expect("parameters");
    parameters.iter().map(|parameter| parameter["Name"].as_str().expect("a name")).collect()
}

fn samples() -> Vec<(&'static str, Value)> {
    let resource = |more: Value| {
        let mut input = json!({"ResourceType": "Parameter", "ResourceId": "/p"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    vec![
        ("PutParameter", json!({"Name": "/p", "Value": SECRET, "Type": "SecureString"})),
        ("GetParameter", json!({"Name": "/p", "WithDecryption": true})),
        ("GetParameters", json!({"Names": ["/p", "/q"]})),
        ("GetParametersByPath", json!({"Path": "/"})),
        ("GetParameterHistory", json!({"Name": "/p"})),
        ("DescribeParameters", json!({})),
        ("LabelParameterVersion", json!({"Name": "/p", "Labels": ["prod"]})),
        ("UnlabelParameterVersion", json!({"Name": "/p", "ParameterVersion": 1, "Labels": ["prod"]})),
        ("AddTagsToResource", resource(json!({"Tags": [{"Key": "a", "Value": "b"}]}))),
        ("ListTagsForResource", resource(json!({}))),
        ("RemoveTagsFromResource", resource(json!({"TagKeys": ["a"]}))),
        ("DeleteParameter", json!({"Name": "/p"})),
        ("DeleteParameters", json!({"Names": ["/p"]})),
    ]
}

service::service_compliance!(
    kit().await,
    Subject { service: "ssm", samples: &samples(), open: &[], secrets: &[SECRET] }
);

#[tokio::test]
async fn leave_is_for_a_parameter_a_path_and_by_tags() {
    let kit = kit().await;
    for name in ["/app/a", "/app/sub/b", "/other"] {
        put(&kit, name, "v").await;
    }
    let tag = json!({"ResourceType": "Parameter", "ResourceId": "/other", "Tags": [{"Key": "open", "Value": "yes"}]});
    ok(&kit, "AddTagsToResource", tag).await;
    let user = kit
        .user(
            "reader",
            json!([
                {"Effect": "Allow", "Action": ["ssm:GetParameter", "ssm:GetParameters"], "Resource": format!("{ARN}/app/a")},
                {"Effect": "Allow", "Action": "ssm:GetParametersByPath", "Resource": format!("{ARN}/app"),
                 "Condition": {"Bool": {"ssm:Recursive": "false"}}},
                {"Effect": "Allow", "Action": "ssm:GetParameterHistory", "Resource": "*",
                 "Condition": {"StringEquals": {"ssm:resourceTag/open": "yes", "aws:ResourceTag/open": "yes"}}},
                {"Effect": "Allow", "Action": "ssm:PutParameter", "Resource": "*",
                 "Condition": {"StringEquals": {"ssm:Overwrite": "false"}}}
            ]),
        )
        .await;
    let is = async |operation: &str, input: Value| {
        let answer = kit.json(&user, "ssm", operation, &input).await;
        answer.err().map_or_else(|| "ok".to_owned(), |fault| fault.code.to_string())
    };
    let denied = "AccessDeniedException";
    assert_eq!(is("GetParameter", json!({"Name": "/app/a"})).await, "ok");
    assert_eq!(is("GetParameter", json!({"Name": format!("{ARN}/app/a")})).await, "ok");
    assert_eq!(is("GetParameter", json!({"Name": "/app/a:1"})).await, "ok");
    assert_eq!(is("GetParameter", json!({"Name": "/other"})).await, denied);
    assert_eq!(is("GetParameter", json!({"Name": "/missing"})).await, denied);
    assert_eq!(is("GetParameters", json!({"Names": ["/app/a"]})).await, "ok");
    assert_eq!(is("GetParameters", json!({"Names": ["/app/a", "/other"]})).await, denied);
    assert_eq!(is("GetParametersByPath", json!({"Path": "/app"})).await, "ok");
    assert_eq!(is("GetParametersByPath", json!({"Path": "/app", "Recursive": true})).await, denied);
    assert_eq!(is("GetParameterHistory", json!({"Name": "/other"})).await, "ok");
    assert_eq!(is("GetParameterHistory", json!({"Name": "/app/a"})).await, denied);
    assert_eq!(is("PutParameter", json!({"Name": "/new", "Value": "v", "Type": "String"})).await, "ok");
    assert_eq!(is("PutParameter", json!({"Name": "/new", "Value": "v", "Overwrite": true})).await, denied);
    let tagged = json!({"Name": "/t", "Value": "v", "Type": "String", "Tags": [{"Key": "a", "Value": "b"}]});
    assert_eq!(is("PutParameter", tagged).await, denied);
}

#[tokio::test]
async fn another_accounts_parameters_are_not_here() {
    let kit = kit().await;
    let foreign = "arn:aws:ssm:us-east-1:210987654321:parameter/p";
    fails(&kit, "GetParameter", json!({"Name": foreign}), "AccessDenied").await;
    fails(
        &kit,
        "GetParameter",
        json!({"Name": "arn:aws:ssm:eu-west-1:123456789012:parameter/p"}),
        "ParameterNotFound",
    )
    .await;
}
