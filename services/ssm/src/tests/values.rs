//! Values: what is put is what is read.

use serde_json::json;

use super::{ARN, SECRET, ask, fails, kit, ok};

#[tokio::test]
async fn what_is_put_is_read_by_name_and_by_arn() {
    let kit = kit().await;
    let made = ok(
        &kit,
        "PutParameter",
        json!({"Name": "/a/b", "Value": "v", "Type": "StringList", "Description": "d"}),
    )
    .await;
    assert_eq!(made, json!({"Version": 1, "Tier": "Standard"}));
    for name in ["/a/b", "/a/b:1", &format!("{ARN}/a/b")] {
        let read = &ok(&kit, "GetParameter", json!({"Name": name})).await["Parameter"];
        assert_eq!(
            (&read["Name"], &read["Value"], &read["Type"]),
            (&json!("/a/b"), &json!("v"), &json!("StringList")),
            "{name}"
        );
        assert_eq!(
            (&read["ARN"], &read["DataType"], &read["Version"]),
            (&json!(format!("{ARN}/a/b")), &json!("text"), &json!(1))
        );
        assert_eq!(read.get("Selector"), name.ends_with(":1").then(|| json!(":1")).as_ref());
    }
    fails(&kit, "GetParameter", json!({"Name": "/a"}), "ParameterNotFound: ").await;
    let several = ok(&kit, "GetParameters", json!({"Names": ["/a/b", "/a/b", "/x", "/a/b:2"]})).await;
    assert_eq!(several["Parameters"].as_array().unwrap().len(), 1);
    assert_eq!(several["InvalidParameters"], json!(["/a/b:2", "/x"]));
}

#[tokio::test]
async fn a_secure_string_is_opened_for_who_asks() {
    let kit = kit().await;
    ok(&kit, "PutParameter", json!({"Name": "s", "Value": SECRET, "Type": "SecureString"})).await;
    let read = async |opens: bool| {
        let answer = ok(&kit, "GetParameter", json!({"Name": "s", "WithDecryption": opens})).await;
        answer["Parameter"]["Value"].as_str().unwrap().to_owned()
    };
    assert_eq!(read(true).await, SECRET);
    let sealed = read(false).await;
    assert!(!sealed.contains(SECRET) && sealed == read(false).await, "{sealed}");
    let history = ok(&kit, "GetParameterHistory", json!({"Name": "s", "WithDecryption": true})).await;
    assert_eq!(
        (&history["Parameters"][0]["Value"], &history["Parameters"][0]["KeyId"]),
        (&json!(SECRET), &json!("alias/aws/ssm"))
    );
    fails(
        &kit,
        "PutParameter",
        json!({"Name": "t", "Value": "v", "Type": "SecureString", "KeyId": "alias/mine"}),
        "InvalidKeyId",
    )
    .await;
    fails(
        &kit,
        "PutParameter",
        json!({"Name": "t", "Value": "v", "Type": "String", "KeyId": "alias/aws/ssm"}),
        "SecureString type",
    )
    .await;
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused() {
    let kit = kit().await;
    ok(&kit, "PutParameter", json!({"Name": "p", "Value": "v", "Type": "String"})).await;
    let put = |more: serde_json::Value| {
        let mut input = json!({"Name": "q", "Value": "v", "Type": "String"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    for (more, expected) in [
        (json!({"Value": ""}), "Member must have length greater than or equal to 1"),
        (
            json!({"Name": "p"}),
            "ParameterAlreadyExists: The parameter already exists. To overwrite this value",
        ),
        (json!({"Name": "/p", "Overwrite": true}), "ParameterAlreadyExists"),
        (json!({"Name": "p", "Type": "StringList", "Overwrite": true}), "HierarchyTypeMismatchException"),
        (
            json!({"Overwrite": true, "Tags": [{"Key": "a", "Value": "b"}]}),
            "tags and overwrite can't be used together",
        ),
        (json!({"Value": "x".repeat(4_097)}), "maximum parameter value of 4096 characters"),
        (json!({"AllowedPattern": "[0-9]+"}), "ParameterPatternMismatchException"),
        (json!({"AllowedPattern": "("}), "InvalidAllowedPatternException"),
        (json!({"DataType": "aws:ec2:image"}), "EC2"),
        (json!({"DataType": "Text"}), "The following data type is not supported: Text"),
        (json!({"Policies": "[{\"Type\":\"Expiration\"}]"}), "InvalidPolicyTypeException"),
        (json!({"Tags": [{"Key": "aws:x", "Value": "b"}]}), "reserved prefix"),
        (json!({"Name": "/aws/x"}), "No access to reserved parameter name"),
    ] {
        fails(&kit, "PutParameter", put(more), expected).await;
    }
    fails(&kit, "PutParameter", json!({"Name": "q", "Value": "v"}), "A parameter type is required").await;
    assert!(ask(&kit, "GetParameter", json!({"Name": "q"})).await.is_err());
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let clock = base::Clock::manual(service::testkit::START);
    let store = store::Store::ephemeral_at(clock.clone()).expect("a store");
    let (rate, root) = (service::Rate::DEFAULT, crypto::RootKey::ephemeral());
    let build = |_: &service::testkit::Foundation| vec![crate::service(root.derive("ssm"))];
    let before = service::testkit::TestKit::over(store.clone(), clock.clone(), rate, build).await;
    ok(&before, "PutParameter", json!({"Name": "s", "Value": SECRET, "Type": "SecureString"})).await;
    drop(before);
    let after = service::testkit::TestKit::over(store, clock, rate, build).await;
    let read = ok(&after, "GetParameter", json!({"Name": "s", "WithDecryption": true})).await;
    assert_eq!(read["Parameter"]["Value"], SECRET);
}

#[tokio::test]
async fn a_value_that_names_another_is_not_put() {
    let kit = kit().await;
    for kind in ["String", "StringList", "SecureString"] {
        let input = json!({"Name": "/n", "Value": "{{resolve:ssm:/secret}}", "Type": kind});
        fails(
            &kit,
            "PutParameter",
            input,
            "ValidationException: Parameter value can't nest another parameter.",
        )
        .await;
    }
    fails(&kit, "GetParameter", json!({"Name": "/n"}), "ParameterNotFound: ").await;
}
