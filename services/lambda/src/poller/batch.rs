//! One batch: runs the function with it, again where that fails, in parts where that is asked for, until it is over.
//!
//! A batch is over when its records were seen, are too old, or failed as often as they may.

use std::collections::VecDeque;
use std::time::Duration;

use compute::{EventAnswer, InvokeRequest};
use protocol::{Bytes, Fault};
use serde_json::{Value, json};

use super::Reader;
use super::failed::{Condition, LastTry};
use super::lane::Lane;
use super::ledger::Change;
use super::stream::Item;
use crate::checkpoints::OpenWindow;
use crate::model::trace::Trace;
use crate::operations::invoke::{choose, concurrency};

/// How long a batch waits after its first failure; doubled each time.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// How long at the most.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// How long a stream keeps a record: what is older is given up, whatever the mapping says.
const RETENTION_SECS: u32 = 24 * 60 * 60;

/// What came of one run.
#[derive(Debug, PartialEq, Eq)]
enum Ran {
    Done,
    /// Everything from here on has failed.
    FailedFrom(usize),
    /// The function was not reached.
    Refused,
}

/// Some records of a batch, and how often they failed.
#[derive(Default)]
struct Part {
    items: Vec<Item>,
    failures: u32,
    last: LastTry,
}

impl Lane {
    /// Runs the function with these records until they are over.
    pub(super) async fn settle(&mut self, items: Vec<Item>) -> Result<(), Fault> {
        let Some(end) = items.last().map(|item| item.sequence.clone()) else { return Ok(()) };
        let mut parts = VecDeque::from([Part { items, ..Part::default() }]);
        let mut pause = RETRY_MIN;
        while let Some(part) = parts.pop_front() {
            let Some(mut part) = self.young(part).await else { continue };
            match self.run_part(&mut part).await {
                Ran::Done => {
                    pause = RETRY_MIN;
                    self.reader.lambda.results.tell(&self.reader.mapping.record.uuid, "OK");
                    self.part_over(&part.items).await?;
                    continue;
                }
                Ran::Refused => parts.push_front(part),
                Ran::FailedFrom(at) => {
                    self.reader.problem("Function call failed");
                    let failed = part.items.split_off(at.min(part.items.len()));
                    self.part_over(&part.items).await?;
                    let is_whole = part.items.is_empty();
                    part.items = failed;
                    self.again(&mut parts, part, is_whole).await;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
        self.over(&end).await
    }

    async fn part_over(&self, items: &[Item]) -> Result<(), Fault> {
        match items.last() {
            Some(last) => self.over(&last.sequence).await,
            None => Ok(()),
        }
    }

    async fn over(&self, sequence: &str) -> Result<(), Fault> {
        let window = self.window.as_ref().map_or(Change::Stays, Change::Is);
        self.progress.over(self.number, sequence, window).await
    }

    /// A part without what is too old; nothing where nothing is left.
    async fn young(&self, mut part: Part) -> Option<Part> {
        let old: Vec<Item> =
            part.items.extract_if(.., |item| self.reader.is_too_old(item.created_secs)).collect();
        if !old.is_empty() {
            self.reader.give_up(&self.shard, &old, Condition::RecordAgeExceeded, &part.last).await;
        }
        (!part.items.is_empty()).then_some(part)
    }

    /// Runs the function with a part's records, and takes the state that it answers for their window.
    async fn run_part(&mut self, part: &mut Part) -> Ran {
        let mut event = json!({ "Records": part.items.iter().map(|item| &item.event).collect::<Vec<_>>() });
        if let Some(window) = &self.window {
            window.tell(&mut event, &self.shard, &self.reader.mapping.record.source_arn, false);
        }
        let request_id = crypto::random::uuid();
        let Some(answer) = self.reader.invoke(&request_id, &event).await else { return Ran::Refused };
        part.last.request_id = Some(request_id);
        part.last.tries = part.last.tries.saturating_add(1);
        let ran = self.judge(&answer, &part.items);
        part.last.answer = Some(answer);
        ran
    }

    fn judge(&mut self, answer: &EventAnswer, items: &[Item]) -> Ran {
        if answer.is_function_error {
            return Ran::FailedFrom(0);
        }
        let reports = self.reader.mapping.record.reports_failures;
        let ran = if reports { reported(&answer.payload, items) } else { Ran::Done };
        match (&mut self.window, ran) {
            (_, Ran::FailedFrom(0)) => Ran::FailedFrom(0),
            (Some(window), ran) => {
                if window.take_answer(&answer.payload) {
                    ran
                } else {
                    Ran::FailedFrom(0)
                }
            }
            (None, ran) => ran,
        }
    }

    /// Puts back what failed: in halves, whole, or not at all.
    async fn again(&self, parts: &mut VecDeque<Part>, mut part: Part, is_whole: bool) {
        let record = &self.reader.mapping.record;
        if record.bisects && is_whole && part.items.len() > 1 {
            // To split a batch does not count as one more try.
            let second = part.items.split_off(part.items.len() / 2);
            parts.push_front(Part { items: second, failures: part.failures, ..Part::default() });
            // What is told of a part is told of its own tries.
            part.last = LastTry::default();
            parts.push_front(part);
            return;
        }
        part.failures = part.failures.saturating_add(1);
        if record.retries_max.is_some_and(|max| part.failures > max) {
            self.reader
                .give_up(&self.shard, &part.items, Condition::RetryAttemptsExhausted, &part.last)
                .await;
            return;
        }
        parts.push_front(part);
    }

    /// Tells the function that a window has ended. Nothing goes on before that went well, was tried as often as it may be, or is
    /// too old.
    pub(super) async fn end_window(&mut self) -> Result<(), Fault> {
        let Some(window) = self.window.take() else { return Ok(()) };
        let record = &self.reader.mapping.record;
        let mut event = json!({ "Records": [] });
        window.tell(&mut event, &self.shard, &record.source_arn, true);
        let (mut failures, mut pause) = (0_u32, RETRY_MIN);
        loop {
            match self.reader.invoke(&crypto::random::uuid(), &event).await {
                Some(answer) if !answer.is_function_error => break,
                Some(_) => {
                    self.reader.problem("Function call failed");
                    failures = failures.saturating_add(1);
                }
                None => {}
            }
            if record.retries_max.is_some_and(|max| failures > max)
                || self.reader.is_too_old(window.start_secs)
            {
                tracing::warn!(
                    mapping = record.uuid,
                    shard = self.shard,
                    "the end of a window is passed over"
                );
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
        self.progress.keep(self.number, Change::Over).await
    }

    /// The window that the next record is in is open; one that ended before it is over.
    pub(super) async fn enter_window(&mut self, secs: i64) -> Result<(), Fault> {
        if self.window.as_ref().is_some_and(|open| open.is_before(secs) || open.ends_early) {
            self.end_window().await?;
        }
        let record = &self.reader.mapping.record;
        if record.tumbling_secs > 0 && self.window.is_none() {
            self.window = Some(OpenWindow::at(record, secs));
        }
        Ok(())
    }
}

impl Reader {
    fn is_too_old(&self, created_secs: i64) -> bool {
        let age = self.pipeline.clock().now().secs().saturating_sub(created_secs);
        age > i64::from(
            self.mapping.record.age_max_secs.map_or(RETENTION_SECS, |max| max.min(RETENTION_SECS)),
        )
    }

    /// Runs the function; nothing where it was not reached.
    // Leave was granted when the mapping was made, and belongs to whoever made it.
    async fn invoke(&self, request_id: &str, event: &Value) -> Option<EventAnswer> {
        let Self { lambda, target, pipeline, .. } = self;
        let loaded = lambda.catalog.get(&target.id)?;
        let spec = choose(&loaded, target).ok()?;
        let request = InvokeRequest {
            request_id: request_id.to_owned(),
            payload: Bytes::from(event.to_string()),
            invoked_arn: target.arn(),
            trace_id: Trace::next(None, &target.id.arn(), pipeline.clock().now()).header(),
            client_context: None,
            wants_log_tail: false,
            concurrency: concurrency(lambda, &loaded, &spec.version, target.id.account),
            answer_sink: None,
        };
        match lambda.compute.invoke(&spec, request).await {
            Ok(outcome) => Some(EventAnswer {
                is_function_error: outcome.is_function_error,
                payload: outcome.payload,
                executed_version: outcome.executed_version,
            }),
            Err(error) => {
                tracing::debug!(error = %base::Chain(&error), "a batch has to wait");
                self.problem("Function call failed");
                None
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
            key: 0,
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
