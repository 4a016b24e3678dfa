//! What every service must do.

use serde_json::{Value, json};
use service::testkit::compliance::Subject;

use super::{SMALL, Stage};

fn samples() -> Vec<(&'static str, Value)> {
    let stack = json!({ "StackName": "compliance" });
    let set = json!({ "StackName": "compliance", "ChangeSetName": "c" });
    vec![
        ("CreateStack", json!({ "StackName": "compliance", "TemplateBody": SMALL })),
        ("UpdateStack", json!({ "StackName": "missing", "TemplateBody": SMALL })),
        (
            "UpdateTerminationProtection",
            json!({ "StackName": "missing", "EnableTerminationProtection": false }),
        ),
        ("GetStackPolicy", stack.clone()),
        ("SetStackPolicy", json!({ "StackName": "missing", "StackPolicyBody": "{}" })),
        ("ListImports", json!({ "ExportName": "none" })),
        ("DescribeAccountLimits", json!({})),
        ("CancelUpdateStack", stack.clone()),
        ("ContinueUpdateRollback", stack.clone()),
        ("RollbackStack", stack.clone()),
        (
            "SignalResource",
            json!({ "StackName": "missing", "LogicalResourceId": "A", "UniqueId": "1", "Status": "SUCCESS" }),
        ),
        ("DetectStackDrift", stack.clone()),
        ("DetectStackResourceDrift", json!({ "StackName": "compliance", "LogicalResourceId": "Table" })),
        ("DescribeStackDriftDetectionStatus", json!({ "StackDriftDetectionId": "none" })),
        ("DescribeStackResourceDrifts", stack.clone()),
        ("DescribeStacks", stack.clone()),
        ("ListStacks", json!({})),
        ("DescribeStackEvents", stack.clone()),
        ("DescribeEvents", stack.clone()),
        ("ListExports", json!({})),
        ("DescribeStackResource", json!({ "StackName": "compliance", "LogicalResourceId": "Table" })),
        ("DescribeStackResources", stack.clone()),
        ("ListStackResources", stack.clone()),
        ("GetTemplate", stack.clone()),
        ("GetTemplateSummary", json!({ "TemplateBody": SMALL })),
        ("ValidateTemplate", json!({ "TemplateBody": SMALL })),
        (
            "CreateChangeSet",
            json!({ "StackName": "other", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": SMALL }),
        ),
        ("DescribeChangeSet", set.clone()),
        ("ExecuteChangeSet", set.clone()),
        ("DeleteChangeSet", set),
        ("ListChangeSets", stack.clone()),
        ("DeleteStack", stack),
    ]
}

service::service_compliance!(
    Stage::new().await.kit,
    Subject { service: "cloudformation", samples: &samples(), open: &[], secrets: &[] }
);
