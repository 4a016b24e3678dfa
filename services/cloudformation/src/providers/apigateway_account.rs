//! `AWS::ApiGateway::Account`: the role in whose name stages write their logs. There is one in an account.

use serde_json::{Value, json};

use super::apigateway_seen as shown;
use super::reading::Reading;
use super::{Answer, Property, Provider, Work, optional};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Account;

const PROPERTIES: [Property; 1] = [optional("CloudWatchRoleArn")];

impl Provider for Account {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Account"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("apigateway", "UpdateAccount"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::ACCOUNT.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::ACCOUNT.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            set(work).await?;
            Ok(work.made(&work.planned, json!({ "Id": work.planned })))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            set(work).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, _: &'a Work, _: &'a Physical) -> Answer<'a, ()> {
        // The account stays, and what was said of it: other stacks' stages may write in that role's name.
        Box::pin(async { Ok(()) })
    }
}

async fn set(work: &Work) -> Result<(), super::Failure> {
    let operation =
        json!({ "op": "replace", "path": "/cloudwatchRoleArn", "value": work.text("CloudWatchRoleArn") });
    work.call("apigateway", "UpdateAccount", json!({ "patchOperations": [operation] })).await?;
    Ok(())
}
