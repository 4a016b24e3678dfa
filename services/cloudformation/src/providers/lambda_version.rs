//! `AWS::Lambda::Version`: publishing is all there is; any change publishes another one.

use serde_json::{Value, json};

use super::reading::{Reading, properties};
use super::{Answer, Failure, Property, Provider, Work, gone, optional, required, seen, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Version;

const PROPERTIES: [Property; 3] =
    [optional("CodeSha256").fixed(), optional("Description").fixed(), required("FunctionName").fixed()];

impl Provider for Version {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Version"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&Rules::PLAIN)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let version = text(of.attributes.get("Version"));
            let input = json!({ "FunctionName": work.text("FunctionName"), "Qualifier": version });
            let Some(shown) = seen(work.call("lambda", "GetFunctionConfiguration", input).await)? else {
                return Ok(None);
            };
            // A version is never changed: it is there, or it is not.
            let mut now = properties(json!({ "Description": shown.get("Description") }));
            work.as_given(&["CodeSha256", "FunctionName"], &mut now);
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let answer =
                work.call("lambda", "PublishVersion", Value::Object(work.properties.clone())).await?;
            let arn = text(answer.get("FunctionArn"));
            let version = text(answer.get("Version"));
            Ok(work.made(&arn, json!({ "FunctionArn": arn, "Version": version })))
        })
    }

    fn update<'a>(&'a self, _: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async { Err(Failure::new("A version cannot be changed in place.")) })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let version = text(old.attributes.get("Version"));
            if version.is_empty() {
                return Ok(());
            }
            let function = text(old.properties.get("FunctionName"));
            let input = json!({ "FunctionName": function, "Qualifier": version });
            gone(work.call("lambda", "DeleteFunction", input).await)
        })
    }
}
