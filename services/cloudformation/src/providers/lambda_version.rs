//! `AWS::Lambda::Version`: publishing is all there is; any change publishes another one.

use serde_json::{Value, json};

use super::finders;
use super::reading::{Reading, properties};
use super::{
    Answer, Failure, Property, Provider, Work, gone, lambda_provisioned as provisioned, optional, required,
    seen, text,
};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Version;

const PROPERTIES: [Property; 5] = [
    optional("CodeSha256").fixed(),
    optional("Description").fixed(),
    required("FunctionName").fixed(),
    optional("ProvisionedConcurrencyConfig").fixed(),
    optional("RuntimePolicy").fixed(),
];

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
            work.as_given(&["CodeSha256", "FunctionName", "RuntimePolicy"], &mut now);
            provisioned::read(work, (&work.text("FunctionName"), &version), &mut now).await?;
            Ok(Some(now))
        })
    }

    fn take_over<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let function = work.text("FunctionName");
            for version in work.receipts()?.iter().filter_map(|arn| number(arn)) {
                let input = json!({ "FunctionName": function, "Qualifier": version });
                if let Some(shown) = seen(work.call("lambda", "GetFunctionConfiguration", input).await)? {
                    return settled(work, &shown).await.map(Some);
                }
            }
            if !finders::is_function_of_stack(work, &function).await? {
                return Ok(None);
            }
            // What is published twice is there once.
            let answer = publish(work).await?;
            let is_it =
                work.get("Description").is_none_or(|own| text(Some(own)) == text(answer.get("Description")));
            if is_it { settled(work, &answer).await.map(Some) } else { Ok(None) }
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let begun = work.caller.pipeline.clock().now().iso8601_millis().replace('Z', "+0000");
            let answer = publish(work).await?;
            // Where nothing changed, Lambda answers the last version: that one is somebody else's.
            if text(answer.get("LastModified")) < begun {
                let version = text(answer.get("Version"));
                return Err(Failure::new(format!(
                    "Resource handler returned message: \"A version for this Lambda function exists ( {version} ). Modify the \
                     function to create a new version.\" (HandlerErrorCode: AlreadyExists)"
                )));
            }
            settled(work, &answer).await
        })
    }

    fn update<'a>(&'a self, _: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async { Err(Failure::new("A version cannot be changed in place.").untouched()) })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            // Of what an interrupted try made, only its ARN is known.
            let Some(version) = number(&old.id) else { return Ok(()) };
            let function = text(old.properties.get("FunctionName"));
            let input = json!({ "FunctionName": function, "Qualifier": version });
            gone(work.call("lambda", "DeleteFunction", input).await)
        })
    }
}

/// The number at the end of a version's ARN; `None` for what is planned only.
fn number(arn: &str) -> Option<&str> {
    let (_, version) = arn.rsplit_once(':')?;
    version.bytes().all(|byte| byte.is_ascii_digit()).then_some(version).filter(|version| !version.is_empty())
}

async fn publish(work: &Work) -> Result<Value, Failure> {
    let input = work.pick(&["CodeSha256", "Description", "FunctionName"]);
    Ok(work.call("lambda", "PublishVersion", Value::Object(input)).await?)
}

/// A published version with the settings that it has of its own.
async fn settled(work: &Work, published: &Value) -> Result<Physical, Failure> {
    let (arn, version) = (text(published.get("FunctionArn")), text(published.get("Version")));
    let made = work.made(&arn, json!({ "FunctionArn": arn, "Version": version }));
    let function = work.text("FunctionName");
    let rest = async {
        provisioned::set(work, (&function, &version), None).await?;
        let Some(policy) = work.get("RuntimePolicy") else { return Ok(()) };
        let mut input = policy.as_object().cloned().unwrap_or_default();
        input.insert("FunctionName".to_owned(), function.clone().into());
        input.insert("Qualifier".to_owned(), version.clone().into());
        work.call("lambda", "PutRuntimeManagementConfig", Value::Object(input)).await?;
        Ok(())
    };
    rest.await.map_err(|failure: Failure| failure.after(&made))?;
    Ok(made)
}
