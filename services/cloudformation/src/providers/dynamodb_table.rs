//! `AWS::DynamoDB::Table`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::document::to_text;
use super::dynamodb_indexes as indexes;
use super::reading::Reading;
use super::{
    Answer, Failure, Property, Provider, Work, dynamodb_read, gone, is_absent, list, optional, required,
    seen, tags, text,
};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Table;

const PROPERTIES: [Property; 15] = [
    optional("AttributeDefinitions"),
    optional("BillingMode"),
    optional("DeletionProtectionEnabled"),
    optional("GlobalSecondaryIndexes"),
    required("KeySchema").fixed(),
    optional("LocalSecondaryIndexes").fixed(),
    optional("PointInTimeRecoverySpecification"),
    optional("ProvisionedThroughput"),
    optional("ResourcePolicy"),
    optional("SSESpecification"),
    optional("StreamSpecification"),
    optional("TableClass"),
    optional("TableName").fixed(),
    optional("Tags"),
    optional("TimeToLiveSpecification"),
];

/// What `UpdateTable` takes.
const UPDATABLE: [&str; 6] = [
    "BillingMode",
    "DeletionProtectionEnabled",
    "ProvisionedThroughput",
    "SSESpecification",
    "StreamSpecification",
    "TableClass",
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
                "ProvisionedThroughput",
                "TableClass",
                "Tags",
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
                set_extras(work, &made.id, &Value::Null).await?;
                Ok::<_, Failure>(table)
            };
            let table = later.await.map_err(|failure| failure.after(&made))?;
            if let Some(stream) = table.get("LatestStreamArn").filter(|stream| !stream.is_null()) {
                made.attributes.insert("StreamArn".to_owned(), stream.clone());
            }
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let differs = |name: &&str| old.properties.get(*name) != work.get(name);
            // An update that was refused did not change the table: what it has now says what is left to do.
            let table = wait(work, &old.id).await?;
            let changes = indexes::changes(old.properties.get("GlobalSecondaryIndexes"), &table, work)?;
            let defined = |list: Option<&Value>| -> std::collections::BTreeSet<String> {
                super::list(list).iter().map(|attribute| text(attribute.get("AttributeName"))).collect()
            };
            let (present, wanted) = (table.get("AttributeDefinitions"), work.get("AttributeDefinitions"));
            // Replacing the table instead would lose its items, so it is refused.
            let stays = changes.is_empty() && differs(&"AttributeDefinitions");
            if stays && defined(present) != defined(wanted) {
                return Err(Failure::new("AttributeDefinitions of a table change only with its indexes."));
            }
            let names: Vec<&str> = UPDATABLE.into_iter().filter(differs).collect();
            let mut input = work.pick(&names);
            if input.contains_key("StreamSpecification") {
                input.extend(stream(work).map(|stream| ("StreamSpecification".to_owned(), stream)));
            }
            if input.contains_key("SSESpecification") {
                input.extend(encryption(work).map(|sse| ("SSESpecification".to_owned(), sse)));
            }
            if names.contains(&"StreamSpecification") && work.get("StreamSpecification").is_none() {
                input.insert("StreamSpecification".to_owned(), json!({ "StreamEnabled": false }));
            }
            if names.contains(&"DeletionProtectionEnabled") && work.get("DeletionProtectionEnabled").is_none()
            {
                input.insert("DeletionProtectionEnabled".to_owned(), json!(false));
            }
            if !input.is_empty() {
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
            set_extras(work, &old.id, &old.properties).await?;
            let arn = text(old.attributes.get("Arn"));
            set_policy(work, &arn, &old.properties).await?;
            let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
            if !removed.is_empty() {
                work.call("dynamodb", "UntagResource", json!({ "ResourceArn": arn, "TagKeys": removed }))
                    .await?;
            }
            if !set.is_empty() {
                let input = json!({ "ResourceArn": arn, "Tags": tags::to_list(set) });
                work.call("dynamodb", "TagResource", input).await?;
            }
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
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
fn stream(work: &Work) -> Option<Value> {
    let mut stream = work.get("StreamSpecification")?.as_object()?.clone();
    stream.insert("StreamEnabled".to_owned(), Value::Bool(true));
    Some(Value::Object(stream))
}

/// `SSEEnabled` in a template is `Enabled` in the call.
fn encryption(work: &Work) -> Option<Value> {
    let given = work.get("SSESpecification")?.as_object()?;
    let renamed = given.iter().map(|(name, value)| {
        (if name == "SSEEnabled" { "Enabled".to_owned() } else { name.clone() }, value.clone())
    });
    Some(Value::Object(renamed.collect::<Map<_, _>>()))
}

async fn set_extras(work: &Work, name: &str, old: &Value) -> Result<(), Failure> {
    match work.get("TimeToLiveSpecification") {
        same if same == old.get("TimeToLiveSpecification") => {}
        Some(wanted) => {
            let input = json!({ "TableName": name, "TimeToLiveSpecification": wanted });
            work.call("dynamodb", "UpdateTimeToLive", input).await?;
        }
        None => {
            let mut before = old.get("TimeToLiveSpecification").cloned().unwrap_or_default();
            if let Some(specification) = before.as_object_mut() {
                specification.insert("Enabled".to_owned(), Value::Bool(false));
            }
            let input = json!({ "TableName": name, "TimeToLiveSpecification": before });
            work.call("dynamodb", "UpdateTimeToLive", input).await?;
        }
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
