//! How long a function took to begin its answer, and how long the answer took: the spans of `platform.runtimeDone`.
//!
//! Times only; what the answer is, nobody asks here.

use std::time::Duration;

use base::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::platform::number;

/// When an invocation was handed over, and when its answer began and ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answering {
    handed_over: Instant,
    handed_over_at: Timestamp,
    began: Option<Instant>,
    ended: Option<Instant>,
}

/// What is told of an answer that came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spans {
    pub(crate) handed_over_at: Timestamp,
    /// From there to the answer's first byte.
    pub(crate) latency: Duration,
    /// From its first byte to its last.
    pub(crate) duration: Duration,
}

impl Answering {
    /// Of an invocation that is handed over now.
    pub(crate) fn from(now: Timestamp) -> Self {
        Self { handed_over: Instant::now(), handed_over_at: now, began: None, ended: None }
    }

    /// Its answer began then.
    pub(crate) const fn begins(&mut self, at: Instant) {
        self.began = Some(at);
    }

    /// Its answer is whole.
    pub(crate) fn ends(&mut self) {
        self.ended = Some(Instant::now());
    }

    /// `None` where there was no answer.
    pub(crate) fn spans(&self) -> Option<Spans> {
        let (began, ended) = (self.began?, self.ended?);
        Some(Spans {
            handed_over_at: self.handed_over_at,
            latency: began.saturating_duration_since(self.handed_over),
            duration: ended.saturating_duration_since(began),
        })
    }
}

impl Spans {
    /// In the words of the Telemetry API.
    pub(crate) fn record(&self) -> Value {
        let latency = i64::try_from(self.latency.as_millis()).unwrap_or(i64::MAX);
        let began_at = self.handed_over_at.plus_millis(latency);
        let span = |name: &str, start: Timestamp, took: Duration| json!({"name": name, "start": start.iso8601_millis(), "durationMs": number(took)});
        json!([
            span("responseLatency", self.handed_over_at, self.latency),
            span("responseDuration", began_at, self.duration),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_telemetry_apis_words() {
        let spans = Spans {
            handed_over_at: Timestamp::from_millis(1_440_938_160_123),
            latency: Duration::from_micros(23_020),
            duration: Duration::from_millis(20),
        };
        assert_eq!(
            spans.record(),
            json!([
                {"name": "responseLatency", "start": "2015-08-30T12:36:00.123Z", "durationMs": 23.02},
                {"name": "responseDuration", "start": "2015-08-30T12:36:00.146Z", "durationMs": 20.0},
            ])
        );
        let mut times = Answering::from(Timestamp::from_millis(0));
        assert_eq!(times.spans(), None);
        times.begins(Instant::now());
        assert_eq!(times.spans(), None);
        times.ends();
        assert!(times.spans().is_some());
    }
}
