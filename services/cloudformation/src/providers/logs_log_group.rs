//! `AWS::Logs::LogGroup`.

use serde_json::{Map, Value, json};

use super::reading::{Reading, properties};
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, seen, tags, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct LogGroup;

const PROPERTIES: [Property; 6] = [
    optional("DeletionProtectionEnabled"),
    optional("KmsKeyId"),
    optional("LogGroupClass"),
    optional("LogGroupName").fixed(),
    optional("RetentionInDays"),
    optional("Tags"),
];

impl Provider for LogGroup {
    fn kind(&self) -> &'static str {
        "AWS::Logs::LogGroup"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("LogGroupName", 512))
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let arn = arn(work, &work.planned);
            let input = json!({ "resourceArn": arn.trim_end_matches(":*") });
            let shown = seen(work.call("logs", "ListTagsForResource", input).await)?;
            let tags = shown.as_ref().and_then(|answer| answer.get("tags"));
            Ok(work.is_marked(tags).then(|| work.made(&work.planned, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&Rules::PLAIN)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let input = json!({ "logGroupNamePrefix": of.id });
            let shown = work.call("logs", "DescribeLogGroups", input).await?;
            let mut groups = list(shown.get("logGroups")).iter();
            let Some(group) = groups.find(|group| text(group.get("logGroupName")) == of.id) else {
                return Ok(None);
            };
            let mut now = properties(json!({
                "DeletionProtectionEnabled": group.get("deletionProtectionEnabled"),
                "KmsKeyId": group.get("kmsKeyId"),
                "LogGroupClass": group.get("logGroupClass"),
                "LogGroupName": group.get("logGroupName"),
                "RetentionInDays": group.get("retentionInDays"),
            }));
            if work.get("Tags").is_some() {
                let arn = arn(work, &of.id);
                let input = json!({ "resourceArn": arn.trim_end_matches(":*") });
                let shown = work.call("logs", "ListTagsForResource", input).await?;
                now.insert("Tags".to_owned(), tags::own_of_map(shown.get("tags")));
            }
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = Map::from_iter([("logGroupName".to_owned(), Value::from(work.planned.clone()))]);
            for (from, to) in [
                ("DeletionProtectionEnabled", "deletionProtectionEnabled"),
                ("KmsKeyId", "kmsKeyId"),
                ("LogGroupClass", "logGroupClass"),
            ] {
                input.extend(work.get(from).map(|value| (to.to_owned(), value.clone())));
            }
            if let Some(given) = work.get("Tags") {
                input.insert("tags".to_owned(), Value::Object(tags::to_map(Some(given))));
            }
            work.call("logs", "CreateLogGroup", Value::Object(input)).await?;
            let made = work.made(&work.planned, json!({ "Arn": arn(work, &work.planned) }));
            set_retention(work, &made.id, None).await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let differs = |name: &&str| old.properties.get(*name) != work.get(name);
            // Replacing the group instead would lose what is in it.
            if let Some(name) = ["KmsKeyId", "LogGroupClass"].into_iter().find(|name| differs(name)) {
                let message = format!("{name} of a log group cannot be changed here.");
                return Err(Failure::new(message).untouched());
            }
            if differs(&"DeletionProtectionEnabled") {
                let wanted = work.get("DeletionProtectionEnabled").cloned().unwrap_or(Value::Bool(false));
                let input = json!({ "logGroupIdentifier": old.id, "deletionProtectionEnabled": wanted });
                work.call("logs", "PutLogGroupDeletionProtection", input).await?;
            }
            set_retention(work, &old.id, old.properties.get("RetentionInDays")).await?;
            let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
            let arn = text(old.attributes.get("Arn"));
            let resource = arn.trim_end_matches(":*");
            if !removed.is_empty() {
                tags::take_off(
                    work,
                    ("logs", "UntagResource"),
                    &json!({ "resourceArn": resource }),
                    "tagKeys",
                    removed,
                )
                .await?;
            }
            if !set.is_empty() {
                work.call("logs", "TagResource", json!({ "resourceArn": resource, "tags": set })).await?;
            }
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(
            async move { gone(work.call("logs", "DeleteLogGroup", json!({ "logGroupName": old.id })).await) },
        )
    }
}

fn arn(work: &Work, name: &str) -> String {
    let (region, account) = (work.caller.region().as_str(), work.caller.account);
    base::Arn::new("logs", region, account.as_str(), format!("log-group:{name}:*")).to_string()
}

async fn set_retention(work: &Work, name: &str, old: Option<&Value>) -> Result<(), Failure> {
    match work.get("RetentionInDays") {
        same if same == old => {}
        Some(days) => {
            let input = json!({ "logGroupName": name, "retentionInDays": days });
            work.call("logs", "PutRetentionPolicy", input).await?;
        }
        None => gone(work.call("logs", "DeleteRetentionPolicy", json!({ "logGroupName": name })).await)?,
    }
    Ok(())
}
