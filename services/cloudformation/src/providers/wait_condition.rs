//! `AWS::CloudFormation::WaitCondition`: there once enough programs said that they are done.
//!
//! They say so at the address of its handle, or, where it has a `CreationPolicy`, by `SignalResource`.

use std::collections::BTreeMap;
use std::time::Duration;

use gateway::{Callbacks, Shape};
use serde_json::{Map, Value, json};

use super::custom::step_id;
use super::{Answer, CREATION_CANCELLED, Failure, Property, Provider, Work, optional, text};
use crate::records::Physical;

pub(super) struct WaitCondition;

const PROPERTIES: [Property; 3] =
    [optional("Count").fixed(), optional("Handle").fixed(), optional("Timeout").fixed()];

/// The longest wait, in seconds.
const TIMEOUT_MAX_SECS: u64 = 43_200;
/// How long a creation policy waits where it does not say.
const POLICY_TIMEOUT_SECS: u64 = 300;
/// The most signals that a condition may wait for.
const COUNT_MAX: usize = 100;

/// What is waited for.
struct Wait {
    id: String,
    count: usize,
    timeout: Duration,
}

/// What came.
enum Outcome {
    Enough(Map<String, Value>),
    Failed { id: String, reason: String },
}

impl Provider for WaitCondition {
    fn kind(&self) -> &'static str {
        crate::providers::WAIT_CONDITION
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let wait = match &work.place.creation_policy {
                Some(policy) => by_policy(work, policy).await?,
                None => by_handle(work)?,
            };
            let count = wait.count;
            let waited = tokio::select! {
                waited = work.callbacks.wait(&wait.id, wait.timeout, |answers| judge(answers, count)) => waited,
                () = work.cancelled() => return Err(Failure::new(CREATION_CANCELLED)),
            };
            match waited? {
                Some(Outcome::Enough(data)) => {
                    let id = format!("{}/{}", work.place.stack_id, work.place.logical_id);
                    Ok(work.made(id, json!({ "Data": Value::Object(data).to_string() })))
                }
                Some(Outcome::Failed { id, reason }) => Err(Failure::new(format!(
                    "WaitCondition received failed message: '{reason}' for uniqueId: {id}"
                ))),
                None => {
                    let received = work.callbacks.answers(&wait.id)?;
                    let received = received.len();
                    Err(Failure::new(format!(
                        "WaitCondition timed out. Received {received} conditions when expecting {count}"
                    )))
                }
            }
        })
    }

    fn update<'a>(&'a self, _: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async { Err(Failure::new("Update to a wait condition is not supported.").untouched()) })
    }

    fn delete<'a>(&'a self, work: &'a Work, _: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let id = signals_id(&work.place.stack_id, &work.place.logical_id);
            Ok(work.callbacks.close(&id).await?)
        })
    }
}

/// The id under which a resource's signals are awaited.
pub(crate) fn signals_id(stack_id: &str, logical_id: &str) -> String {
    step_id(&[stack_id, logical_id, "signals"])
}

fn by_handle(work: &Work) -> Result<Wait, Failure> {
    let missing = |name: &str| Failure::new(format!("Property {name} cannot be empty."));
    let handle = work.get("Handle").ok_or_else(|| missing("Handle"))?;
    let id = Callbacks::id_of(&text(Some(handle)));
    let id = id.ok_or_else(|| Failure::new("WaitConditionHandle is not valid."))?;
    let seconds = text(Some(work.get("Timeout").ok_or_else(|| missing("Timeout"))?));
    let seconds = seconds.parse().ok().filter(|seconds| *seconds <= TIMEOUT_MAX_SECS);
    let seconds = seconds.ok_or_else(|| Failure::new("Timeout must be from 0 to 43200 seconds."))?;
    Ok(Wait { id, count: count(work.get("Count"))?, timeout: Duration::from_secs(seconds) })
}

async fn by_policy(work: &Work, policy: &Value) -> Result<Wait, Failure> {
    let id = signals_id(&work.place.stack_id, &work.place.logical_id);
    let signal = policy.get("ResourceSignal");
    let timeout = match signal.and_then(|signal| signal.get("Timeout")) {
        None => Duration::from_secs(POLICY_TIMEOUT_SECS),
        Some(timeout) => {
            period(&text(Some(timeout))).filter(|period| period.as_secs() <= TIMEOUT_MAX_SECS).ok_or_else(
                || Failure::new("CreationPolicy: Timeout must be a period of up to 12 hours, as PT5M."),
            )?
        }
    };
    if !work.callbacks.is_sent(&id)? {
        let lifetime = timeout + Duration::from_secs(60);
        work.callbacks.ask(&id, Shape::Many, lifetime).await?;
        work.callbacks.sent(&id).await?;
    }
    Ok(Wait { id, count: count(signal.and_then(|signal| signal.get("Count")))?, timeout })
}

fn count(given: Option<&Value>) -> Result<usize, Failure> {
    let Some(given) = given else { return Ok(1) };
    let count = text(Some(given)).parse().ok().filter(|count| (1..=COUNT_MAX).contains(count));
    count.ok_or_else(|| Failure::new("Count must be from 1 to 100."))
}

/// A period as ISO 8601 writes hours, minutes and seconds.
fn period(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    let mut rest = text.strip_prefix("PT").filter(|rest| !rest.is_empty())?;
    for (unit, length) in [('H', 3_600), ('M', 60), ('S', 1)] {
        if let Some((number, left)) = rest.split_once(unit) {
            seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(length)?)?;
            rest = left;
        }
    }
    rest.is_empty().then(|| Duration::from_secs(seconds))
}

/// What the signals amount to, where they do. The last of those with one id counts, as with objects of one name.
fn judge(answers: &[String], count: usize) -> Option<Outcome> {
    let mut by_id = BTreeMap::new();
    for answer in answers {
        let Ok(answer) = serde_json::from_str::<Value>(answer) else { continue };
        let id = text(answer.get("UniqueId"));
        match answer.get("Status").and_then(Value::as_str) {
            Some("SUCCESS") => drop(by_id.insert(id, answer.get("Data").cloned().unwrap_or_default())),
            Some("FAILURE") => return Some(Outcome::Failed { id, reason: text(answer.get("Reason")) }),
            _ => {}
        }
    }
    (by_id.len() >= count).then(|| Outcome::Enough(by_id.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read() {
        let table = [
            ("PT5M", Some(300)),
            ("PT1H30S", Some(3_630)),
            ("PT0S", Some(0)),
            ("PT", None),
            ("5M", None),
            ("PT5", None),
            ("PT5S3M", None),
            ("PT-1S", None),
            ("PT99999999999999999999H", None),
        ];
        for (text, seconds) in table {
            assert_eq!(period(text).map(|period| period.as_secs()), seconds, "{text}");
        }
    }

    #[test]
    fn signals_count_once_each_and_one_failure_is_enough() {
        let success = |id: &str| json!({ "Status": "SUCCESS", "UniqueId": id, "Data": id }).to_string();
        assert!(judge(&[success("a"), success("a")], 2).is_none());
        let Some(Outcome::Enough(data)) = judge(&[success("a"), success("b")], 2) else {
            panic!("not enough")
        };
        assert_eq!(Value::Object(data), json!({ "a": "a", "b": "b" }));
        let failure = json!({ "Status": "FAILURE", "UniqueId": "c", "Reason": "full" }).to_string();
        let Some(Outcome::Failed { id, reason }) = judge(&[success("a"), failure], 9) else {
            panic!("passes")
        };
        assert_eq!((id.as_str(), reason.as_str()), ("c", "full"));
        assert!(judge(&["{}".to_owned(), "x".to_owned()], 1).is_none());
    }
}
