//! Tumbling windows: which one a record is in, what a function is told of it, and what its answer has to say.
//!
//! Boundaries are multiples of the window's length, by the time at which a record was made.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html>

use base::Timestamp;
use serde_json::{Value, json};

use crate::checkpoints::OpenWindow;
use crate::mappings::MappingRecord;

/// The largest state of a window, as JSON; with a larger one it ends early.
pub(super) const STATE_BYTES_MAX: usize = 1024 * 1024;
/// How long after a window's end a record of it may still become visible.
const LATENESS_SECS: i64 = 1;

impl OpenWindow {
    /// The window that a record of this time is in.
    pub(super) fn at(record: &MappingRecord, secs: i64) -> Self {
        let length = i64::from(record.tumbling_secs.max(1));
        Self {
            start_secs: secs - secs.rem_euclid(length),
            length_secs: record.tumbling_secs.max(1),
            lanes: record.lanes,
            state: json!({}),
            ends_early: false,
        }
    }

    const fn end_secs(&self) -> i64 {
        self.start_secs.saturating_add(self.length_secs as i64)
    }

    /// True where a record of this time belongs to a later window. One that comes late counts as this one's.
    pub(super) const fn is_before(&self, secs: i64) -> bool {
        secs >= self.end_secs()
    }

    /// True where whoever had read everything at this time has read all of the window.
    pub(super) const fn is_over(&self, read_at: Timestamp) -> bool {
        read_at.secs() >= self.end_secs().saturating_add(LATENESS_SECS)
    }

    /// Takes the state of an answer; false where it has none, which is a failure.
    pub(super) fn take_answer(&mut self, payload: &[u8]) -> bool {
        let Ok(Value::Object(mut answer)) = serde_json::from_slice::<Value>(payload) else { return false };
        let Some(state) = answer.remove("state").filter(|state| !state.is_null()) else { return false };
        self.ends_early = state.to_string().len() > STATE_BYTES_MAX;
        self.state = state;
        true
    }

    /// Adds to an event what it says of its window.
    pub(super) fn tell(&self, event: &mut Value, shard: &str, source_arn: &str, is_final: bool) {
        let time = |secs: i64| Timestamp::from_secs(secs).iso8601_secs();
        let Some(members) = event.as_object_mut() else { return };
        let bounds = json!({ "start": time(self.start_secs), "end": time(self.end_secs()) });
        members.insert("window".to_owned(), bounds);
        members.insert("state".to_owned(), self.state.clone());
        members.insert("shardId".to_owned(), json!(shard));
        members.insert("eventSourceARN".to_owned(), json!(source_arn));
        members.insert("isFinalInvokeForWindow".to_owned(), json!(is_final));
        members.insert("isWindowTerminatedEarly".to_owned(), json!(is_final && self.ends_early));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> OpenWindow {
        OpenWindow {
            start_secs: 1_596_128_400,
            length_secs: 300,
            lanes: 1,
            state: json!({"1": "a"}),
            ends_early: false,
        }
    }

    #[test]
    fn a_window_knows_its_records_and_its_end() {
        let open = window();
        assert!(!open.is_before(1_596_128_699) && open.is_before(1_596_128_700) && !open.is_before(0));
        assert!(!open.is_over(Timestamp::from_secs(1_596_128_700)));
        assert!(open.is_over(Timestamp::from_secs(1_596_128_701)));
        let mut event = json!({"Records": []});
        open.tell(&mut event, "s", "arn", true);
        let told = json!({
            "Records": [], "window": {"start": "2020-07-30T17:00:00Z", "end": "2020-07-30T17:05:00Z"},
            "state": {"1": "a"}, "shardId": "s", "eventSourceARN": "arn",
            "isFinalInvokeForWindow": true, "isWindowTerminatedEarly": false,
        });
        assert_eq!(event, told);
    }

    #[test]
    fn an_answer_without_a_state_is_a_failure() {
        let mut open = window();
        for bad in ["", "null", "[]", "{}", r#"{"state":null}"#, r#""state""#] {
            assert!(!open.take_answer(bad.as_bytes()), "{bad}");
        }
        assert!(open.take_answer(br#"{"state":{"n":2},"batchItemFailures":[]}"#));
        assert_eq!((open.state.clone(), open.ends_early), (json!({"n": 2}), false));
        let large = json!({ "state": "x".repeat(STATE_BYTES_MAX) }).to_string();
        assert!(open.take_answer(large.as_bytes()) && open.ends_early);
    }
}
