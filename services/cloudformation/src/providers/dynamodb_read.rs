//! What a table is now, in the words of `AWS::DynamoDB::Table`.
//!
//! Changes nothing.

use serde_json::{Map, Value, json};

use super::dynamodb_throughput::{WARM, shown_warm};
use super::{Failure, Work, list, reading, tags, text};

/// The properties of a table that `DescribeTable` shows, and of those that other calls show, what the template says.
pub(super) async fn properties(
    work: &Work,
    name: &str,
    table: &Value,
) -> Result<Map<String, Value>, Failure> {
    let billing = text(table.pointer("/BillingModeSummary/BillingMode"));
    let class = text(table.pointer("/TableClassSummary/TableClass"));
    let indexes = |which: &str| list(table.get(which)).iter().map(index).collect::<Vec<_>>();
    let mut now = reading::properties(json!({
        "AttributeDefinitions": table.get("AttributeDefinitions"),
        "BillingMode": if billing.is_empty() { "PROVISIONED" } else { &billing },
        "DeletionProtectionEnabled": table.get("DeletionProtectionEnabled").cloned().unwrap_or(Value::Bool(false)),
        "GlobalSecondaryIndexes": indexes("GlobalSecondaryIndexes"),
        "KeySchema": table.get("KeySchema"),
        "LocalSecondaryIndexes": indexes("LocalSecondaryIndexes"),
        "OnDemandThroughput": table.get("OnDemandThroughput"),
        "ProvisionedThroughput": table.get("ProvisionedThroughput"),
        "SSESpecification": encryption(table),
        "StreamSpecification": stream(table),
        "TableClass": if class.is_empty() { "STANDARD" } else { &class },
        "TableName": table.get("TableName"),
        "WarmThroughput": shown_warm(table),
    }));
    if work.get("TimeToLiveSpecification").is_some() {
        let shown = work.call("dynamodb", "DescribeTimeToLive", json!({ "TableName": name })).await?;
        let status = text(shown.pointer("/TimeToLiveDescription/TimeToLiveStatus"));
        let attribute = shown.pointer("/TimeToLiveDescription/AttributeName");
        let enabled = matches!(status.as_str(), "ENABLED" | "ENABLING");
        let given = work.get("TimeToLiveSpecification").and_then(|given| given.get("AttributeName"));
        // Where it is off, nothing shows of which attribute it would be.
        let attribute = attribute.or(given.filter(|_| !enabled));
        let specification = json!({ "AttributeName": attribute, "Enabled": enabled });
        now.insert("TimeToLiveSpecification".to_owned(), specification);
    }
    if work.get("PointInTimeRecoverySpecification").is_some() {
        let shown = work.call("dynamodb", "DescribeContinuousBackups", json!({ "TableName": name })).await?;
        let place = "/ContinuousBackupsDescription/PointInTimeRecoveryDescription";
        let recovery = shown.pointer(place).cloned().unwrap_or_default();
        let specification = json!({
            "PointInTimeRecoveryEnabled": text(recovery.get("PointInTimeRecoveryStatus")) == "ENABLED",
            "RecoveryPeriodInDays": recovery.get("RecoveryPeriodInDays"),
        });
        now.insert("PointInTimeRecoverySpecification".to_owned(), specification);
    }
    if work.get("ResourcePolicy").is_some() {
        let input = json!({ "ResourceArn": table.get("TableArn") });
        match work.call("dynamodb", "GetResourcePolicy", input).await {
            Err(fault) if fault.code == "PolicyNotFoundException" => {}
            shown => {
                let document = reading::document(shown?.get("Policy"));
                now.insert("ResourcePolicy".to_owned(), json!({ "PolicyDocument": document }));
            }
        }
    }
    if work.get("Tags").is_some() {
        let input = json!({ "ResourceArn": table.get("TableArn") });
        let shown = work.call("dynamodb", "ListTagsOfResource", input).await?;
        now.insert("Tags".to_owned(), tags::own(shown.get("Tags")));
    }
    Ok(now)
}

fn index(shown: &Value) -> Value {
    let parts = ["IndexName", "KeySchema", "OnDemandThroughput", "Projection", "ProvisionedThroughput"];
    let parts = parts.into_iter().filter_map(|name| Some((name.to_owned(), shown.get(name)?.clone())));
    let warm = shown_warm(shown).map(|warm| (WARM.to_owned(), warm));
    Value::Object(parts.chain(warm).collect())
}

fn encryption(table: &Value) -> Option<Value> {
    let shown = table.get("SSEDescription")?;
    let enabled = matches!(text(shown.get("Status")).as_str(), "ENABLED" | "ENABLING" | "UPDATING");
    Some(json!({
        "KMSMasterKeyId": shown.get("KMSMasterKeyArn"),
        "SSEEnabled": enabled,
        "SSEType": shown.get("SSEType"),
    }))
}

fn stream(table: &Value) -> Option<Value> {
    let shown = table.get("StreamSpecification")?;
    let on = shown.get("StreamEnabled").and_then(Value::as_bool).unwrap_or(false);
    on.then(|| json!({ "StreamViewType": shown.get("StreamViewType") }))
}
