//! `AWS::CloudFormation::CustomResource` and `Custom::…`: made by whatever function their `ServiceToken` names.
//!
//! The function is called as whoever asked for the stack. What it answers is in [`super::custom_answer`].

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::Shape;
use serde_json::{Map, Value, json};

use super::custom_answer::{self, Told};
use super::{Answer, Failure, Property, Provider, Work, optional, required, text};
use crate::records::Physical;

pub(super) struct Custom;

const PROPERTIES: [Property; 2] = [optional("ServiceTimeout"), required("ServiceToken")];
const PREFIX: &str = "Custom::";
const TYPE_CHARS_MAX: usize = 60;

const UPDATE: &str = "Update";

/// How long a function may take to answer, in seconds, where the template does not say.
const TIMEOUT_DEFAULT_SECS: u64 = 3_600;
const TIMEOUT_MAX_SECS: u64 = 3_600;

/// True for `Custom::Name` with a name as CloudFormation allows it.
pub(super) fn is_custom(kind: &str) -> bool {
    kind.len() <= TYPE_CHARS_MAX
        && kind.strip_prefix(PREFIX).is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_@-".contains(&b))
        })
}

impl Provider for Custom {
    fn kind(&self) -> &'static str {
        "AWS::CloudFormation::CustomResource"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("lambda", "Invoke"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn is_open(&self) -> bool {
        true
    }

    fn check(&self, given: &Map<String, Value>) -> Result<(), String> {
        match given.get("ServiceToken").and_then(Value::as_str) {
            Some(token) => service(token).map(drop),
            None => Ok(()),
        }
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let told = ask(work, "Create", None).await?;
            made(work, told, &work.planned)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            if text(old.properties.get("ServiceToken")) != work.text("ServiceToken") {
                return Err(Failure::new("Modifying service token is not allowed.").untouched());
            }
            if work.place.goes_back
                && let Some(made) = interrupted(work, old).await?
            {
                // The function made another one: that goes, and the one that there was is still what it was.
                self.delete(work, &made).await?;
                return Ok(work.made(&old.id, Value::Null));
            }
            let told = ask(work, UPDATE, Some(old)).await?;
            made(work, told, &old.id)
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            // What is asked is what the resource was last given.
            let properties = old.properties.as_object().cloned().unwrap_or_default();
            let work = Work { properties, ..work.clone() };
            match ask(&work, "Delete", Some(old)).await? {
                Told::Done { .. } => Ok(()),
                Told::Refused { reason, .. } => Err(Failure::new(reason)),
            }
        })
    }
}

/// The resource that an answer describes. `known` is its id where the answer gives none, or there is no answer.
fn made(work: &Work, told: Told, known: &str) -> Result<Physical, Failure> {
    match told {
        Told::Done { id, data, no_echo } => {
            let id = id.ok_or_else(|| {
                Failure::new("Invalid PhysicalResourceId").after(&work.made(known, Value::Null))
            })?;
            Ok(Physical { no_echo, ..work.made(id, Value::Object(data)) })
        }
        Told::Refused { id, reason } => {
            let failure = Failure::new(reason);
            // A change that failed leaves what there was; a creation, whatever the function made of it.
            let leaves = id.filter(|id| id != known).or_else(|| Some(known.to_owned()));
            let creates = known == work.planned && work.place.is_creation;
            Err(match leaves.filter(|_| creates) {
                Some(id) => failure.after(&work.made(id, Value::Null)),
                None => failure,
            })
        }
    }
}

/// Before the way back from a change: brings it to its end where the platform stopped while the function had it, or was to get it. It comes
/// to the function all the same, and would come to it behind the way back, or beside it. Answers what the function made in the old one's
/// place.
///
/// Whoever was waited for in vain is not waited for again.
async fn interrupted(work: &Work, now: &Physical) -> Result<Option<Physical>, Failure> {
    let properties = now.properties.as_object().cloned().unwrap_or_default();
    let mut forth = Work { properties, ..work.clone() };
    forth.place.goes_back = false;
    let was = work.made(&now.id, Value::Null);
    let id = request_id(&forth, UPDATE, Some(&was));
    if !work.callbacks.is_open(&id)? {
        return Ok(None);
    }
    // What the function refuses, or cannot be asked, it does not do later.
    let told = match ask(&forth, UPDATE, Some(&was)).await {
        Ok(Told::Done { id, .. }) => id,
        Ok(Told::Refused { .. }) | Err(_) => None,
    };
    let other = told.filter(|made| *made != now.id);
    Ok(other.map(|id| forth.made(id, Value::Null)))
}

/// The function that a token names, or why there can be none.
fn service(token: &str) -> Result<&str, String> {
    let mut parts = token.split(':');
    match (parts.next(), parts.nth(1)) {
        (Some("arn"), Some("lambda")) => Ok(token),
        (Some("arn"), Some("sns")) => Err(format!(
            "ServiceToken {token} names an SNS topic, and there is no SNS service here: name a Lambda function"
        )),
        _ => Err("Invalid service token.".to_owned()),
    }
}

/// Asks the function, and waits for what it answers.
async fn ask(work: &Work, request: &'static str, old: Option<&Physical>) -> Result<Told, Failure> {
    let token = work.text("ServiceToken");
    let function = service(&token).map_err(Failure::new)?;
    let timeout = timeout(work)?;
    let id = request_id(work, request, old);
    // What was asked before the platform stopped comes to the function when it likes: the way back is to wait for it.
    let is_resumed = work.callbacks.is_open(&id)?;
    if !work.callbacks.is_sent(&id)? {
        // The address outlives the wait a little: an answer on its way is not refused.
        let lifetime = timeout + Duration::from_secs(60);
        let addresses = work.callbacks.ask(&id, Shape::Once, lifetime).await?;
        let event = event(work, request, old, &id, &addresses.inside);
        let payload = STANDARD.encode(event.to_string());
        let input = json!({ "FunctionName": function, "InvocationType": "Event", "Payload": payload });
        work.call("lambda", "Invoke", input).await?;
        work.callbacks.sent(&id).await?;
    }
    let answer = tokio::select! {
        answer = work.callbacks.wait(&id, timeout, |answers| answers.first().cloned()) => answer?,
        () = work.cancelled() => {
            if !is_resumed {
                work.callbacks.left(&id).await?;
            }
            let reason = format!("Resource {} cancelled", if request == "Create" { "creation" } else { "update" });
            return Ok(Told::Refused { id: None, reason });
        }
    };
    Ok(match answer {
        Some(text) => custom_answer::read(&text, &id),
        None => {
            work.callbacks.left(&id).await?;
            let reason = format!(
                "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId \
                 [{id}]. If you are using the Python cfn-response module, you may need to update your Lambda function code so \
                 that CloudFormation can attach the updated version."
            );
            Told::Refused { id: None, reason }
        }
    })
}

fn timeout(work: &Work) -> Result<Duration, Failure> {
    let Some(given) = work.get("ServiceTimeout") else {
        return Ok(Duration::from_secs(TIMEOUT_DEFAULT_SECS));
    };
    let seconds = text(Some(given)).parse().ok().filter(|seconds| (1..=TIMEOUT_MAX_SECS).contains(seconds));
    let refused = || Failure::new("ServiceTimeout must be an integer from 1 to 3600 seconds.");
    seconds.map(Duration::from_secs).ok_or_else(refused)
}

/// The same step has the same id, over restarts: who was asked already is not asked again.
fn request_id(work: &Work, request: &str, old: Option<&Physical>) -> String {
    let place = &work.place;
    let operation = place.operation.to_string();
    let physical = old.map_or(work.planned.as_str(), |old| old.id.as_str());
    let properties = Value::Object(work.properties.clone()).to_string();
    step_id(&[&place.stack_id, &place.logical_id, &operation, request, physical, &properties])
}

/// An id in the form of a UUID that stands for these parts.
pub(crate) fn step_id(parts: &[&str]) -> String {
    let mut all = Vec::new();
    for part in parts {
        all.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        all.extend_from_slice(part.as_bytes());
    }
    let digest = crypto::sha256(&all);
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let mut rest = hex.as_str();
    let groups = [8, 4, 4, 4, 12].map(|length| {
        let (group, left) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = left;
        group
    });
    groups.join("-")
}

/// What the function is sent.
fn event(work: &Work, request: &str, old: Option<&Physical>, id: &str, address: &str) -> Value {
    let place = &work.place;
    let mut event = json!({
        "RequestType": request,
        "ServiceToken": work.text("ServiceToken"),
        "ResponseURL": address,
        "StackId": place.stack_id,
        "RequestId": id,
        "LogicalResourceId": place.logical_id,
        "ResourceType": place.kind,
        "ResourceProperties": as_texts(Value::Object(work.properties.clone())),
    });
    if let (Some(old), Some(event)) = (old, event.as_object_mut()) {
        event.insert("PhysicalResourceId".to_owned(), old.id.clone().into());
        if request == UPDATE {
            event.insert("OldResourceProperties".to_owned(), as_texts(old.properties.clone()));
        }
    }
    event
}

/// Functions get every scalar as a text, as on AWS.
fn as_texts(value: Value) -> Value {
    match value {
        Value::Bool(flag) => flag.to_string().into(),
        Value::Number(number) => number.to_string().into(),
        Value::Array(items) => items.into_iter().map(as_texts).collect(),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, item)| (key, as_texts(item))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_are_held_to_awss_pattern() {
        for good in ["Custom::A", "Custom::My_Type@2-x"] {
            assert!(is_custom(good), "{good}");
        }
        let long = format!("Custom::{}", "a".repeat(53));
        for bad in ["Custom::", "Custom::a b", "Custom::a:b", "AWS::X::Y", &long] {
            assert!(!is_custom(bad), "{bad}");
        }
    }

    #[test]
    fn a_step_has_one_id_and_others_have_others() {
        let one = step_id(&["ab", "c"]);
        assert_eq!(one, step_id(&["ab", "c"]));
        assert_ne!(one, step_id(&["a", "bc"]));
        assert_eq!(one.len(), 36);
    }

    #[test]
    fn scalars_are_texts() {
        let given = json!({ "a": true, "b": [1, 2.5, null], "c": { "d": false } });
        assert_eq!(as_texts(given), json!({ "a": "true", "b": ["1", "2.5", null], "c": { "d": "false" } }));
    }

    #[test]
    fn only_functions_serve() {
        assert!(service("arn:aws:lambda:us-east-1:123456789012:function:f").is_ok());
        assert!(service("arn:aws:sns:us-east-1:123456789012:t").unwrap_err().contains("no SNS service"));
        assert_eq!(service("f").unwrap_err(), "Invalid service token.");
    }
}
