//! Versions and labels, and the end of a parameter.

use serde_json::{Value, json};

use super::{fails, kit, ok, put};

async fn value(kit: &service::testkit::TestKit, name: &str) -> Value {
    ok(kit, "GetParameter", json!({"Name": name})).await["Parameter"]["Value"].clone()
}

#[tokio::test]
async fn a_hundred_versions_are_kept() {
    let kit = kit().await;
    for number in 1..=102 {
        assert_eq!(put(&kit, "/p", &format!("v{number}")).await["Version"], number);
    }
    assert_eq!(value(&kit, "/p").await, "v102");
    assert_eq!(value(&kit, "/p:3").await, "v3");
    fails(
        &kit,
        "GetParameter",
        json!({"Name": "/p:2"}),
        "ParameterVersionNotFound: Systems Manager could not find version 2 of /p",
    )
    .await;
    let first = ok(&kit, "GetParameterHistory", json!({"Name": "/p"})).await;
    assert_eq!(first["Parameters"].as_array().unwrap().len(), 50);
    let second =
        ok(&kit, "GetParameterHistory", json!({"Name": "/p", "NextToken": first["NextToken"]})).await;
    assert_eq!((&second["Parameters"][49]["Version"], second.get("NextToken")), (&json!(102), None));
    ok(&kit, "LabelParameterVersion", json!({"Name": "/p", "ParameterVersion": 3, "Labels": ["old"]})).await;
    let input = json!({"Name": "/p", "Value": "w", "Overwrite": true});
    fails(&kit, "PutParameter", input, "ParameterMaxVersionLimitExceeded").await;
    assert_eq!(value(&kit, "/p").await, "v102");
}

#[tokio::test]
async fn a_label_points_to_one_version() {
    let kit = kit().await;
    put(&kit, "/p", "one").await;
    put(&kit, "/p", "two").await;
    let labelled = ok(
        &kit,
        "LabelParameterVersion",
        json!({"Name": "/p", "ParameterVersion": 1, "Labels": ["prod", "1x", "aws.x"]}),
    )
    .await;
    assert_eq!(labelled, json!({"InvalidLabels": ["1x", "aws.x"], "ParameterVersion": 1}));
    assert_eq!(value(&kit, "/p:prod").await, "one");
    ok(&kit, "LabelParameterVersion", json!({"Name": "/p", "Labels": ["prod"]})).await;
    assert_eq!(value(&kit, "/p:prod").await, "two");
    fails(&kit, "GetParameter", json!({"Name": "/p:test"}), "could not find label test").await;
    let more: Vec<String> = (0..10).map(|at| format!("l{at}")).collect();
    fails(
        &kit,
        "LabelParameterVersion",
        json!({"Name": "/p", "Labels": more}),
        "ParameterVersionLabelLimitExceeded",
    )
    .await;
    fails(
        &kit,
        "LabelParameterVersion",
        json!({"Name": "/p", "ParameterVersion": 3, "Labels": ["x"]}),
        "ParameterVersionNotFound",
    )
    .await;
    let gone = ok(
        &kit,
        "UnlabelParameterVersion",
        json!({"Name": "/p", "ParameterVersion": 2, "Labels": ["prod", "no"]}),
    )
    .await;
    assert_eq!(gone, json!({"RemovedLabels": ["prod"], "InvalidLabels": ["no"]}));
    fails(&kit, "GetParameter", json!({"Name": "/p:prod"}), "ParameterVersionNotFound").await;
}

#[tokio::test]
async fn what_is_deleted_begins_anew() {
    let kit = kit().await;
    for value in ["one", "two", "three"] {
        put(&kit, "/p", value).await;
    }
    put(&kit, "/q", "x").await;
    ok(&kit, "DeleteParameter", json!({"Name": "/p"})).await;
    fails(&kit, "DeleteParameter", json!({"Name": "/p"}), "ParameterNotFound").await;
    assert_eq!(put(&kit, "/p", "again").await["Version"], 1);
    fails(&kit, "GetParameter", json!({"Name": "/p:2"}), "ParameterVersionNotFound").await;
    let deleted = ok(&kit, "DeleteParameters", json!({"Names": ["/p", "/q", "/r"]})).await;
    assert_eq!(deleted, json!({"DeletedParameters": ["/p", "/q"], "InvalidParameters": ["/r"]}));
}

#[tokio::test]
async fn tags_come_and_go() {
    let kit = kit().await;
    let tags = json!([{"Key": "a", "Value": "1"}]);
    ok(&kit, "PutParameter", json!({"Name": "/p", "Value": "v", "Type": "String", "Tags": tags})).await;
    let on = |more: Value| {
        let mut input = json!({"ResourceType": "Parameter", "ResourceId": "/p"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    ok(
        &kit,
        "AddTagsToResource",
        on(json!({"Tags": [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}]})),
    )
    .await;
    let listed = ok(&kit, "ListTagsForResource", on(json!({}))).await;
    assert_eq!(listed, json!({"TagList": [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]}));
    ok(&kit, "RemoveTagsFromResource", on(json!({"TagKeys": ["a", "c"]}))).await;
    assert_eq!(
        ok(&kit, "ListTagsForResource", on(json!({}))).await,
        json!({"TagList": [{"Key": "b", "Value": "2"}]})
    );
    let many: Vec<Value> = (0..50).map(|at| json!({"Key": format!("k{at}"), "Value": ""})).collect();
    fails(&kit, "AddTagsToResource", on(json!({"Tags": many})), "TooManyTagsError").await;
    fails(&kit, "ListTagsForResource", on(json!({"ResourceId": "/x"})), "InvalidResourceId").await;
    fails(&kit, "ListTagsForResource", on(json!({"ResourceType": "Document"})), "InvalidResourceType").await;
}
