//! One batch: runs the function with it, again where that fails, in parts where that is asked for, until it is over.
//!
//! A batch is over when its records were seen, are too old, or failed as often as they may.

use std::collections::VecDeque;
use std::time::Duration;

use compute::InvokeRequest;
use protocol::{Bytes, Fault};
use serde_json::{Value, json};

use super::Reader;
use super::shard::Reading;
use super::stream::Item;
use crate::model::trace::Trace;
use crate::operations::invoke::{choose, concurrency};

/// How long a batch waits after its first failure; doubled each time.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// How long at the most.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// What came of one run.
#[derive(Debug, PartialEq, Eq)]
enum Ran {
    Done,
    /// Everything from here on has failed.
    FailedFrom(usize),
    /// The function was not reached.
    Refused,
}

struct Part {
    items: Vec<Item>,
    failures: u32,
}

impl Reader {
    /// Runs the function with these records until they are over.
    pub(super) async fn settle(&self, reading: &Reading<'_>, items: Vec<Item>) -> Result<(), Fault> {
        let mut parts = VecDeque::from([Part { items, failures: 0 }]);
        let mut pause = RETRY_MIN;
        while let Some(mut part) = parts.pop_front() {
            part.items.retain(|item| !self.is_too_old(item));
            if part.items.is_empty() {
                continue;
            }
            match self.invoke(&part.items).await {
                Ran::Done => {
                    pause = RETRY_MIN;
                    self.lambda.mappings.tell(&self.mapping.record.uuid, "OK");
                    if let Some(last) = part.items.last() {
                        reading.over(&last.sequence).await?;
                    }
                    continue;
                }
                Ran::Refused => parts.push_front(part),
                Ran::FailedFrom(at) => {
                    self.problem("Function call failed");
                    let failed = part.items.split_off(at.min(part.items.len()));
                    if let Some(last) = part.items.last() {
                        reading.over(&last.sequence).await?;
                    }
                    let is_whole = part.items.is_empty();
                    self.again(&mut parts, Part { items: failed, failures: part.failures }, is_whole);
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
        Ok(())
    }

    fn is_too_old(&self, item: &Item) -> bool {
        let age = self.pipeline.clock().now().secs().saturating_sub(item.created_secs);
        self.mapping.record.age_max_secs.is_some_and(|max| age > i64::from(max))
    }

    /// Puts back what failed: in halves, whole, or not at all.
    fn again(&self, parts: &mut VecDeque<Part>, mut part: Part, is_whole: bool) {
        let record = &self.mapping.record;
        if record.bisects && is_whole && part.items.len() > 1 {
            // To split a batch does not count as one more try.
            let second = part.items.split_off(part.items.len() / 2);
            parts.push_front(Part { items: second, failures: part.failures });
            parts.push_front(part);
            return;
        }
        part.failures = part.failures.saturating_add(1);
        if record.retries_max.is_some_and(|max| part.failures > max) {
            tracing::warn!(
                mapping = record.uuid,
                function = record.function_arn,
                records = part.items.len(),
                "records that failed as often as they may are passed over"
            );
            return;
        }
        parts.push_front(part);
    }

    // Leave was granted when the mapping was made, and belongs to whoever made it.
    async fn invoke(&self, items: &[Item]) -> Ran {
        let Self { lambda, target, pipeline, mapping } = self;
        let Some(loaded) = lambda.catalog.get(&target.id) else { return Ran::Refused };
        let Ok(spec) = choose(&loaded, target) else { return Ran::Refused };
        let events: Vec<&Value> = items.iter().map(|item| &item.event).collect();
        let request = InvokeRequest {
            request_id: crypto::random::uuid(),
            payload: Bytes::from(json!({ "Records": events }).to_string()),
            invoked_arn: target.arn(),
            trace_id: Trace::next(None, &target.id.arn(), pipeline.clock().now()).header(),
            client_context: None,
            wants_log_tail: false,
            concurrency: concurrency(lambda, &loaded, &spec.version, target.id.account),
            answer_sink: None,
        };
        match lambda.compute.invoke(&spec, request).await {
            Ok(outcome) if outcome.is_function_error => Ran::FailedFrom(0),
            Ok(outcome) if mapping.record.reports_failures => reported(&outcome.payload, items),
            Ok(_) => Ran::Done,
            Err(error) => {
                tracing::debug!(error = %base::Chain(&error), "a batch has to wait");
                self.problem("Function call failed");
                Ran::Refused
            }
        }
    }
}

/// What a function says of the records that failed: everything from the first of them on is tried again.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>
fn reported(payload: &[u8], items: &[Item]) -> Ran {
    let Ok(answer) = serde_json::from_slice::<Value>(payload) else { return Ran::FailedFrom(0) };
    let failures = match (&answer, answer.get("batchItemFailures")) {
        (Value::Null, _) | (Value::Object(_), None | Some(Value::Null)) => return Ran::Done,
        (_, Some(Value::Array(failures))) => failures,
        _ => return Ran::FailedFrom(0),
    };
    let place = |failure: &Value| {
        let named = failure.get("itemIdentifier")?.as_str()?;
        items.iter().position(|item| item.sequence == named)
    };
    let places: Option<Vec<usize>> = failures.iter().map(place).collect();
    match places.map(|places| places.into_iter().min()) {
        Some(None) => Ran::Done,
        Some(Some(first)) => Ran::FailedFrom(first),
        // A name that is none of the batch's: nothing is known of any of them.
        None => Ran::FailedFrom(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_decides() {
        let item = |sequence: &str| Item {
            sequence: sequence.to_owned(),
            event: Value::Null,
            created_secs: 0,
            bytes: 4,
        };
        let items = ["10", "11", "12"].map(item);
        for (payload, expected) in [
            (
                r#"{"batchItemFailures":[{"itemIdentifier":"12"},{"itemIdentifier":"11"}]}"#,
                Ran::FailedFrom(1),
            ),
            (r#"{"batchItemFailures":[{"itemIdentifier":"10"}]}"#, Ran::FailedFrom(0)),
            (r#"{"batchItemFailures":[]}"#, Ran::Done),
            (r#"{"batchItemFailures":null}"#, Ran::Done),
            ("{}", Ran::Done),
            ("null", Ran::Done),
            (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, Ran::FailedFrom(0)),
            (r#"{"batchItemFailures":[{"itemIdentifier":"99"}]}"#, Ran::FailedFrom(0)),
            (r#"{"batchItemFailures":[{"other":"10"}]}"#, Ran::FailedFrom(0)),
            (r#"{"batchItemFailures":"all"}"#, Ran::FailedFrom(0)),
            ("[1]", Ran::FailedFrom(0)),
            ("nonsense", Ran::FailedFrom(0)),
        ] {
            assert_eq!(reported(payload.as_bytes(), &items), expected, "{payload}");
        }
    }
}
