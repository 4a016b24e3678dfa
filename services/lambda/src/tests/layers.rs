//! Layers: versions, policies, and functions that have them.

use std::sync::Arc;

use identity::Principal;
use serde_json::{Value, json};

use super::{Fixture, create_input, zip_base64};

const LAYER: &str = "arn:aws:lambda:us-east-1:123456789012:layer:deps";

fn layer(content: &str) -> Value {
    json!({"LayerName": "deps", "Content": {"ZipFile": zip_base64(content)},
        "CompatibleRuntimes": ["python3.13"], "LicenseInfo": "MIT", "Description": "d"})
}

fn with_layers(arns: &[String]) -> Value {
    let mut input = create_input();
    input["Layers"] = json!(arns);
    input
}

#[tokio::test]
async fn numbers_go_up_and_are_never_used_twice() {
    let fixture = Fixture::empty().await;
    let first = fixture.ok("PublishLayerVersion", layer("1")).await;
    assert_eq!((&first["Version"], &first["LayerVersionArn"]), (&json!(1), &json!(format!("{LAYER}:1"))));
    assert_eq!(fixture.ok("PublishLayerVersion", layer("2")).await["Version"], 2);
    fixture.ok("DeleteLayerVersion", json!({"LayerName": "deps", "VersionNumber": 2})).await;
    fixture.ok("DeleteLayerVersion", json!({"LayerName": "deps", "VersionNumber": 2})).await;
    let fixture = fixture.restarted().await;
    assert_eq!(fixture.ok("PublishLayerVersion", layer("3")).await["Version"], 3);
    let listed = fixture.ok("ListLayerVersions", json!({"LayerName": "deps"})).await;
    let versions: Vec<_> =
        listed["LayerVersions"].as_array().unwrap().iter().map(|it| it["Version"].clone()).collect();
    assert_eq!(versions, [json!(3), json!(1)]);
    let page = fixture.ok("ListLayerVersions", json!({"LayerName": "deps", "MaxItems": 1})).await;
    let next = json!({"LayerName": "deps", "MaxItems": 1, "Marker": page["NextMarker"]});
    assert_eq!(fixture.ok("ListLayerVersions", next).await["LayerVersions"][0]["Version"], 1);
    let layers = fixture.ok("ListLayers", json!({"CompatibleRuntime": "python3.13"})).await;
    assert_eq!(layers["Layers"][0]["LatestMatchingVersion"]["Version"], 3);
    let other = fixture.ok("ListLayers", json!({"CompatibleRuntime": "nodejs20.x"})).await;
    assert_eq!(other["Layers"], json!([]));
    let shown = fixture.ok("GetLayerVersionByArn", json!({"Arn": format!("{LAYER}:1")})).await;
    assert_eq!(
        (&shown["LicenseInfo"], &shown["Content"]["CodeSha256"]),
        (&json!("MIT"), &first["Content"]["CodeSha256"])
    );
    let gone = fixture.refused("GetLayerVersion", json!({"LayerName": "deps", "VersionNumber": 2})).await;
    assert_eq!(gone.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_layer_is_for_runtimes_that_there_are() {
    let fixture = Fixture::empty().await;
    let mut made = layer("1");
    made["CompatibleRuntimes"] = json!(["python3.13", "x"]);
    let (code, message) = fixture.refused("PublishLayerVersion", made.clone()).await;
    assert_eq!(code, "ValidationException");
    let begins = "1 validation error detected: Value '[python3.13, x]' at 'compatibleRuntimes' failed to satisfy constraint: \
        Member must satisfy constraint: [Member must satisfy enum value set: [";
    assert!(message.starts_with(begins) && message.contains("nodejs24.x"), "{message}");
    for (operation, mut input) in
        [("ListLayers", json!({})), ("ListLayerVersions", json!({"LayerName": "deps"}))]
    {
        input["CompatibleRuntime"] = json!("x");
        let (code, message) = fixture.refused(operation, input).await;
        assert_eq!(code, "ValidationException");
        assert!(message.contains("Value 'x' at 'compatibleRuntime' failed"), "{message}");
    }
    // Layers for runtimes that this platform does not have may stand here, too.
    made["CompatibleRuntimes"] = json!(["java8", "ruby3.4"]);
    fixture.ok("PublishLayerVersion", made).await;
}

#[tokio::test]
async fn a_function_keeps_its_layers_and_an_environment_gets_them() {
    let fixture = Fixture::empty().await;
    fixture.ok("PublishLayerVersion", layer("1")).await;
    let made = fixture.ok("CreateFunction", with_layers(&[format!("{LAYER}:1")])).await;
    assert_eq!(made["Layers"][0]["Arn"], format!("{LAYER}:1"));
    fixture.ok("DeleteLayerVersion", json!({"LayerName": "deps", "VersionNumber": 1})).await;
    let fixture = fixture.restarted().await;
    let answer = fixture.invoke(json!({"FunctionName": "orders"}), &json!({})).await;
    assert_eq!(answer["Payload"]["layers"], true);
    let bare =
        fixture.ok("UpdateFunctionConfiguration", json!({"FunctionName": "orders", "Layers": []})).await;
    assert_eq!(bare["Layers"], Value::Null);
    let answer = fixture.invoke(json!({"FunctionName": "orders"}), &json!({})).await;
    assert_eq!(answer["Payload"]["layers"], false);
    let again = json!({"FunctionName": "orders", "Layers": [format!("{LAYER}:1")]});
    let (code, message) = fixture.refused("UpdateFunctionConfiguration", again).await;
    assert_eq!(
        (code.as_str(), message),
        ("InvalidParameterValueException", format!("Layer version {LAYER}:1 does not exist."))
    );
}

#[tokio::test]
async fn another_accounts_layer_needs_its_policy() {
    let fixture = Fixture::empty().await;
    fixture.ok("PublishLayerVersion", layer("1")).await;
    let other: Arc<Principal> = Arc::new(Principal::root("999999999999".parse().unwrap()));
    let read = json!({"LayerName": LAYER, "VersionNumber": 1});
    let denied = fixture.as_who(&other, "GetLayerVersion", read.clone()).await.unwrap_err();
    assert_eq!(denied.code, "AccessDeniedException");
    let absent = json!({"LayerName": LAYER, "VersionNumber": 7});
    assert_eq!(
        fixture.as_who(&other, "GetLayerVersion", absent).await.unwrap_err().code,
        "AccessDeniedException"
    );
    let allow = json!({"LayerName": "deps", "VersionNumber": 1, "StatementId": "s", "Action": "lambda:GetLayerVersion",
        "Principal": "999999999999"});
    let added = fixture.ok("AddLayerVersionPermission", allow.clone()).await;
    let statement: Value = serde_json::from_str(added["Statement"].as_str().unwrap()).unwrap();
    assert_eq!(statement["Resource"], format!("{LAYER}:1"));
    fixture.as_who(&other, "GetLayerVersion", read.clone()).await.unwrap();
    assert_eq!(fixture.refused("AddLayerVersionPermission", allow).await.0, "ResourceConflictException");
    let policy = fixture.ok("GetLayerVersionPolicy", json!({"LayerName": "deps", "VersionNumber": 1})).await;
    assert_eq!(policy["RevisionId"], added["RevisionId"]);
    let stale = json!({"LayerName": "deps", "VersionNumber": 1, "StatementId": "s", "RevisionId": "old"});
    assert_eq!(fixture.refused("RemoveLayerVersionPermission", stale).await.0, "PreconditionFailedException");
    fixture
        .ok(
            "RemoveLayerVersionPermission",
            json!({"LayerName": "deps", "VersionNumber": 1, "StatementId": "s"}),
        )
        .await;
    assert!(fixture.as_who(&other, "GetLayerVersion", read).await.is_err());
}

#[tokio::test]
async fn whoever_makes_a_function_must_be_let_use_its_layers() {
    let fixture = Fixture::empty().await;
    fixture.ok("PublishLayerVersion", layer("1")).await;
    let maker = |layers: &str| {
        json!([{"Effect": "Allow", "Action": ["lambda:CreateFunction", "lambda:TagResource", "iam:PassRole"], "Resource": "*"},
            {"Effect": "Allow", "Action": "lambda:GetLayerVersion", "Resource": layers}])
    };
    let without =
        fixture.kit.user("without", maker("arn:aws:lambda:us-east-1:123456789012:layer:other:*")).await;
    let input = with_layers(&[format!("{LAYER}:1")]);
    let denied = fixture.as_who(&without, "CreateFunction", input.clone()).await.unwrap_err();
    assert!(denied.code == "AccessDeniedException" && denied.message.contains("lambda:GetLayerVersion"));
    let with = fixture.kit.user("with", maker(&format!("{LAYER}:*"))).await;
    fixture.as_who(&with, "CreateFunction", input).await.unwrap();
}
