//! `AWS::DynamoDB::Table`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::document::to_text;
use super::dynamodb_indexes as indexes;
use super::dynamodb_updates as updates;
use super::reading::Reading;
use super::{
    Answer, Failure, Property, Provider, Work, dynamodb_read, gone, is_absent, list, optional, required,
    seen, tags, text,
};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Table;

const PROPERTIES: [Property; 17] = [
    optional("AttributeDefinitions"),
    optional("BillingMode"),
    optional("DeletionProtectionEnabled"),
    optional("GlobalSecondaryIndexes"),
    required("KeySchema").fixed(),
    optional("LocalSecondaryIndexes").fixed(),
    optional("OnDemandThroughput"),
    optional("PointInTimeRecoverySpecification"),
    optional("ProvisionedThroughput"),
    optional("ResourcePolicy"),
    optional("SSESpecification"),
    optional("StreamSpecification"),
    optional("TableClass"),
    optional("TableName").fixed(),
    optional("Tags"),
    optional("TimeToLiveSpecification"),
    optional("WarmThroughput"),
];

/// How often and how long apart a table is looked at until it is as asked.
const LOOKS_MAX: usize = 120;
const LOOK_APART: Duration = Duration::from_millis(250);

impl Provider for Table {
    fn kind(&self) -> &'static str {
        "AWS::DynamoDB::Table"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("TableName", 255))
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let shown = work.call("dynamodb", "DescribeTable", json!({ "TableName": work.planned })).await;
            let Some(shown) = seen(shown)? else { return Ok(None) };
            let arn = shown.pointer("/Table/TableArn").cloned().unwrap_or_default();
            let tags =
                seen(work.call("dynamodb", "ListTagsOfResource", json!({ "ResourceArn": arn })).await)?;
            let tags = tags.as_ref().and_then(|answer| answer.get("Tags"));
            Ok(work.is_marked(tags).then(|| work.made(&work.planned, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules { unread: &[], whole: &["/ResourcePolicy/PolicyDocument"], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = seen(work.call("dynamodb", "DescribeTable", json!({ "TableName": of.id })).await)?;
            let Some(table) = shown.and_then(|shown| shown.get("Table").cloned()) else { return Ok(None) };
            dynamodb_read::properties(work, &of.id, &table).await.map(Some)
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = work.pick(&[
                "AttributeDefinitions",
                "BillingMode",
                "DeletionProtectionEnabled",
                "GlobalSecondaryIndexes",
                "KeySchema",
                "LocalSecondaryIndexes",
                "OnDemandThroughput",
                "ProvisionedThroughput",
                "TableClass",
                "Tags",
                "WarmThroughput",
            ]);
            input.insert("TableName".to_owned(), work.planned.clone().into());
            input.extend(stream(work).map(|stream| ("StreamSpecification".to_owned(), stream)));
            input.extend(encryption(work).map(|sse| ("SSESpecification".to_owned(), sse)));
            let policy = work.get("ResourcePolicy").and_then(|policy| policy.get("PolicyDocument"));
            input.extend(policy.map(|policy| ("ResourcePolicy".to_owned(), to_text(Some(policy)).into())));
            let answer = work.call("dynamodb", "CreateTable", Value::Object(input)).await?;
            let table = answer.get("TableDescription").cloned().unwrap_or_default();
            let mut made = work.made(&work.planned, json!({ "Arn": table.get("TableArn") }));
            let later = async {
                let table = wait(work, &made.id).await?;
                // A new table has it off: to be told so is an error there.
                let ttl =
                    work.get("TimeToLiveSpecification").filter(|ttl| text(ttl.get("Enabled")) == "true");
                let ttl = ttl.cloned();
                set_extras(work, &made.id, &Value::Null, ttl).await?;
                Ok::<_, Failure>(table)
            };
            let table = later.await.map_err(|failure| failure.after(&made))?;
            note_stream(work, &table, &mut made);
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            // An update that was refused did not change the table: what it has now says what is left to do.
            let table = wait(work, &old.id).await?;
            let how = updates::how(work, &old.properties, &table);
            let changes = indexes::changes(old.properties.get("GlobalSecondaryIndexes"), &table, work, how)?;
            updates::check_definitions(&table, work, &changes, &old.properties)?;
            let ttl = time_to_live(work, &old.id, &old.properties).await?;
            for mut input in updates::calls(work, &old.properties, &table, how) {
                input.insert("TableName".to_owned(), old.id.clone().into());
                work.call("dynamodb", "UpdateTable", Value::Object(input)).await?;
                wait(work, &old.id).await?;
            }
            for change in changes {
                let input = json!({
                    "TableName": old.id,
                    "AttributeDefinitions": work.get("AttributeDefinitions"),
                    "GlobalSecondaryIndexUpdates": [change],
                });
                work.call("dynamodb", "UpdateTable", input).await?;
                wait(work, &old.id).await?;
            }
            set_extras(work, &old.id, &old.properties, ttl).await?;
            let arn = text(old.attributes.get("Arn"));
            set_policy(work, &arn, &old.properties).await?;
            let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
            if !removed.is_empty() {
                tags::take_off(
                    work,
                    ("dynamodb", "UntagResource"),
                    &json!({ "ResourceArn": arn }),
                    "TagKeys",
                    removed,
                )
                .await?;
            }
            if !set.is_empty() {
                let input = json!({ "ResourceArn": arn, "Tags": tags::to_list(set) });
                work.call("dynamodb", "TagResource", input).await?;
            }
            let mut changed = work.made(&old.id, Value::Object(old.attributes.clone()));
            note_stream(work, &wait(work, &old.id).await?, &mut changed);
            Ok(changed)
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            gone(work.call("dynamodb", "DeleteTable", json!({ "TableName": old.id })).await)?;
            for _ in 0..LOOKS_MAX {
                match work.call("dynamodb", "DescribeTable", json!({ "TableName": old.id })).await {
                    Err(fault) if is_absent(&fault) => return Ok(()),
                    Err(fault) => return Err(fault.into()),
                    Ok(_) => tokio::time::sleep(LOOK_APART).await,
                }
            }
            Err(Failure::new(format!("The table {} did not go away in time.", old.id)))
        })
    }
}

/// A template says only which images; the call wants it said that there is a stream.
pub(super) fn stream(work: &Work) -> Option<Value> {
    let mut stream = work.get("StreamSpecification")?.as_object()?.clone();
    stream.insert("StreamEnabled".to_owned(), Value::Bool(true));
    Some(Value::Object(stream))
}

/// `SSEEnabled` in a template is `Enabled` in the call.
pub(super) fn encryption(work: &Work) -> Option<Value> {
    let given = work.get("SSESpecification")?.as_object()?;
    let renamed = given.iter().map(|(name, value)| {
        (if name == "SSEEnabled" { "Enabled".to_owned() } else { name.clone() }, value.clone())
    });
    Some(Value::Object(renamed.collect::<Map<_, _>>()))
}

/// What `Fn::GetAtt` gives of the stream that the table has now.
fn note_stream(work: &Work, table: &Value, table_of: &mut Physical) {
    table_of.attributes.shift_remove("StreamArn");
    let stream = table.get("LatestStreamArn").filter(|stream| !stream.is_null());
    // A stream that was switched off is still shown for a while.
    if let Some(stream) = stream.filter(|_| work.get("StreamSpecification").is_some()) {
        table_of.attributes.insert("StreamArn".to_owned(), stream.clone());
    }
}

/// What is to be called for the table's time to live to be as the template says, where that differs.
async fn time_to_live(work: &Work, name: &str, old: &Value) -> Result<Option<Value>, Failure> {
    let wanted = work.get("TimeToLiveSpecification");
    if wanted == old.get("TimeToLiveSpecification") {
        return Ok(None);
    }
    let shown = work.call("dynamodb", "DescribeTimeToLive", json!({ "TableName": name })).await?;
    let shown = shown.get("TimeToLiveDescription").cloned().unwrap_or_default();
    updates::time_to_live(wanted, &shown)
}

async fn set_extras(work: &Work, name: &str, old: &Value, ttl: Option<Value>) -> Result<(), Failure> {
    if let Some(specification) = ttl {
        let input = json!({ "TableName": name, "TimeToLiveSpecification": specification });
        work.call("dynamodb", "UpdateTimeToLive", input).await?;
    }
    match work.get("PointInTimeRecoverySpecification") {
        same if same == old.get("PointInTimeRecoverySpecification") => {}
        wanted => {
            let off = json!({ "PointInTimeRecoveryEnabled": false });
            let wanted = wanted.cloned().unwrap_or(off);
            let input = json!({ "TableName": name, "PointInTimeRecoverySpecification": wanted });
            work.call("dynamodb", "UpdateContinuousBackups", input).await?;
        }
    }
    Ok(())
}

/// Puts or takes away the policy of the table itself.
async fn set_policy(work: &Work, arn: &str, old: &Value) -> Result<(), Failure> {
    match work.get("ResourcePolicy") {
        same if same == old.get("ResourcePolicy") => Ok(()),
        Some(wanted) => {
            let policy = to_text(wanted.get("PolicyDocument"));
            let input = json!({ "ResourceArn": arn, "Policy": policy });
            work.call("dynamodb", "PutResourcePolicy", input).await?;
            Ok(())
        }
        None => match work.call("dynamodb", "DeleteResourcePolicy", json!({ "ResourceArn": arn })).await {
            Err(fault) if fault.code == "PolicyNotFoundException" => Ok(()),
            answer => gone(answer),
        },
    }
}

async fn wait(work: &Work, name: &str) -> Result<Value, Failure> {
    for _ in 0..LOOKS_MAX {
        let answer = work.call("dynamodb", "DescribeTable", json!({ "TableName": name })).await?;
        let table = answer.get("Table").cloned().unwrap_or_default();
        let mut indexes = list(table.get("GlobalSecondaryIndexes")).iter();
        let settled = |index: &Value| text(index.get("IndexStatus")) == "ACTIVE";
        if text(table.get("TableStatus")) == "ACTIVE" && indexes.all(settled) {
            return Ok(table);
        }
        tokio::time::sleep(LOOK_APART).await;
    }
    Err(Failure::new(format!("The table {name} did not become active in time.")))
}
