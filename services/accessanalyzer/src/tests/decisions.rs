//! What is decided on one state of an analyzer is not carried out on another.

use serde_json::json;

use super::{ARN, done, kit};

#[tokio::test]
async fn leave_for_an_analyzer_is_none_once_it_is_tagged_otherwise() {
    let kit = kit().await;
    done(&kit, "CreateAnalyzer", json!({"analyzerName": "a", "type": "ACCOUNT"})).await;
    let leave = json!({"Effect": "Allow", "Action": "access-analyzer:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/c": "pub"}}});
    let who = kit.user("who", json!([leave])).await;
    let tagging = |value: &str| json!({"resourceArn": ARN, "tags": {"c": value}});
    let operations = [
        ("GetAnalyzer", json!({"analyzerName": "a"})),
        ("ListFindings", json!({"analyzerArn": ARN})),
        ("UpdateAnalyzer", json!({"analyzerName": "a"})),
        ("ListTagsForResource", json!({"resourceArn": ARN})),
        ("TagResource", tagging("pub")),
        ("DeleteAnalyzer", json!({"analyzerName": "a"})),
    ];
    for (operation, input) in operations {
        done(&kit, "TagResource", tagging("pub")).await;
        let meanwhile = ("accessanalyzer", "TagResource", tagging("sec"));
        kit.refused_after(&who, meanwhile, ("accessanalyzer", operation, &input)).await;
    }
}
