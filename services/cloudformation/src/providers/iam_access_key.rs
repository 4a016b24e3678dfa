//! `AWS::IAM::AccessKey`. The secret is an attribute: the store seals it, and nothing shows it but a template that asks.

use serde_json::{Value, json};

use super::reading::{Reading, properties};
use super::{Answer, Property, Provider, Work, gone, list, optional, required, seen, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct AccessKey;

const PROPERTIES: [Property; 3] =
    [optional("Serial").fixed(), optional("Status"), required("UserName").fixed()];

impl Provider for AccessKey {
    fn kind(&self) -> &'static str {
        "AWS::IAM::AccessKey"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&Rules::PLAIN)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let user = work.text("UserName");
            let input = json!({ "UserName": user, "MaxItems": 1_000 });
            let Some(shown) = seen(work.call("iam", "ListAccessKeys", input).await)? else { return Ok(None) };
            let mut keys = list(shown.get("AccessKeyMetadata")).iter();
            let key = keys.find(|key| text(key.get("AccessKeyId")) == of.id);
            Ok(key.map(|key| {
                let mut now = properties(json!({ "Status": key.get("Status"), "UserName": user }));
                work.as_given(&["Serial"], &mut now);
                now
            }))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let user = work.text("UserName");
            let answer = work.call("iam", "CreateAccessKey", json!({ "UserName": user })).await?;
            let id = text(answer.pointer("/AccessKey/AccessKeyId"));
            let secret = answer.pointer("/AccessKey/SecretAccessKey").cloned();
            let made = work.made(&id, json!({ "SecretAccessKey": secret }));
            if work.text("Status") == "Inactive" {
                set_status(work, &id).await.map_err(|failure| failure.after(&made))?;
            }
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            set_status(work, &old.id).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let user = text(old.properties.get("UserName"));
            let input = json!({ "UserName": user, "AccessKeyId": old.id });
            gone(work.call("iam", "DeleteAccessKey", input).await)
        })
    }
}

async fn set_status(work: &Work, id: &str) -> Result<(), super::Failure> {
    let status = match work.text("Status") {
        status if status.is_empty() => "Active".to_owned(),
        status => status,
    };
    let input = json!({ "UserName": work.text("UserName"), "AccessKeyId": id, "Status": status });
    work.call("iam", "UpdateAccessKey", input).await?;
    Ok(())
}
