//! What is decided on one state of a unit is not carried out on another.

use serde_json::{Value, json};

use super::{done, kit, organization, unit};

#[tokio::test]
async fn leave_for_a_unit_is_none_once_it_is_tagged_otherwise() {
    let kit = kit().await;
    let root = organization(&kit).await;
    let id = unit(&kit, &root, "u").await;
    let leave = json!({"Effect": "Allow", "Action": "organizations:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/c": "pub"}}});
    let who = kit.user("who", json!([leave])).await;
    let tagging = |value: &str| json!({"ResourceId": id, "Tags": [{"Key": "c", "Value": value}]});
    let one = |more: Value| {
        let mut input = json!({"OrganizationalUnitId": id});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let operations = [
        ("DescribeOrganizationalUnit", one(json!({}))),
        ("ListTagsForResource", json!({"ResourceId": id})),
        ("UpdateOrganizationalUnit", one(json!({"Name": "other"}))),
        ("CreateOrganizationalUnit", json!({"ParentId": id, "Name": "below"})),
        ("TagResource", tagging("pub")),
        ("DeleteOrganizationalUnit", one(json!({}))),
    ];
    for (operation, input) in operations {
        done(&kit, "TagResource", tagging("pub")).await;
        let meanwhile = ("organizations", "TagResource", tagging("sec"));
        kit.refused_after(&who, meanwhile, ("organizations", operation, &input)).await;
    }
}
