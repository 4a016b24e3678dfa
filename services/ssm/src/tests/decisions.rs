//! What is decided on one state of a parameter is not carried out on another.

use serde_json::{Value, json};
use service::testkit::between::Moment;

use super::{kit, ok};

fn tagging(value: &str) -> Value {
    json!({"ResourceType": "Parameter", "ResourceId": "/p", "Tags": [{"Key": "c", "Value": value}]})
}

#[tokio::test]
async fn leave_for_a_parameter_is_none_once_it_is_tagged_otherwise() {
    let kit = kit().await;
    let leave = json!({"Effect": "Allow", "Action": "ssm:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/c": "pub"}}});
    let user = kit.user("pub", json!([leave])).await;
    let resource = json!({"ResourceType": "Parameter", "ResourceId": "/p"});
    let operations = [
        ("GetParameter", json!({"Name": "/p"})),
        ("GetParameters", json!({"Names": ["/p"]})),
        ("GetParameterHistory", json!({"Name": "/p"})),
        ("PutParameter", json!({"Name": "/p", "Value": "w", "Overwrite": true})),
        ("LabelParameterVersion", json!({"Name": "/p", "Labels": ["a"]})),
        ("UnlabelParameterVersion", json!({"Name": "/p", "ParameterVersion": 1, "Labels": ["a"]})),
        ("AddTagsToResource", tagging("pub")),
        (
            "RemoveTagsFromResource",
            json!({"ResourceType": "Parameter", "ResourceId": "/p", "TagKeys": ["other"]}),
        ),
        ("ListTagsForResource", resource),
        ("DeleteParameter", json!({"Name": "/p"})),
        ("DeleteParameters", json!({"Names": ["/p"]})),
    ];
    for (operation, input) in operations {
        ok(&kit, "PutParameter", json!({"Name": "/p", "Value": "v", "Type": "String", "Overwrite": true}))
            .await;
        ok(&kit, "AddTagsToResource", tagging("pub")).await;
        kit.refused_after(&user, ("ssm", "AddTagsToResource", tagging("sec")), ("ssm", operation, &input))
            .await;
        // What leave is given for again is carried out.
        ok(&kit, "AddTagsToResource", tagging("pub")).await;
        let more =
            json!({"ResourceType": "Parameter", "ResourceId": "/p", "Tags": [{"Key": "d", "Value": "d"}]});
        kit.meanwhile(Moment::Work, "ssm", "AddTagsToResource", more);
        kit.json(&user, "ssm", operation, &input)
            .await
            .unwrap_or_else(|fault| panic!("{operation}: {fault:?}"));
    }
}
