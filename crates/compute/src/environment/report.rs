//! The platform's own lines in a function's log, and the payloads of failures, as Lambda writes them.
//!
//! Text only. Durations come from a monotonic clock, never from the wall.

use std::time::Duration;

use base::Timestamp;

use crate::contract::{Exit, ExitStatus};

/// How an invocation went, for its `REPORT` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Success,
    /// The environment goes on; only the payload tells.
    FunctionError,
    Timeout,
    /// The environment ended, with this error type.
    Error(&'static str),
}

/// What the `REPORT` line says.
pub(crate) struct Report<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) duration: Duration,
    pub(crate) init_duration: Option<Duration>,
    pub(crate) memory_mib: u32,
    pub(crate) memory_peak_bytes: u64,
    pub(crate) verdict: Verdict,
}

impl Report<'_> {
    /// `REPORT RequestId: …`
    pub(crate) fn line(&self) -> String {
        let billed = billed_millis(self.duration + self.init_duration.unwrap_or_default());
        let mut line = format!(
            "REPORT RequestId: {}\tDuration: {} ms\tBilled Duration: {billed} ms\tMemory Size: {} MB\tMax Memory Used: {} MB",
            self.request_id,
            millis(self.duration),
            self.memory_mib,
            self.memory_peak_bytes.div_ceil(1024 * 1024),
        );
        if let Some(init) = self.init_duration {
            line.push_str(&format!("\tInit Duration: {} ms", millis(init)));
        }
        match self.verdict {
            Verdict::Success | Verdict::FunctionError => {}
            Verdict::Timeout => line.push_str("\tStatus: timeout"),
            Verdict::Error(kind) => line.push_str(&format!("\tStatus: error\tError Type: {kind}")),
        }
        line.push('\t');
        line
    }
}

/// Milliseconds with two decimals.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1_000.0)
}

/// Whole milliseconds, rounded up, at least one.
fn billed_millis(duration: Duration) -> u128 {
    duration.as_micros().div_ceil(1_000).max(1)
}

/// `START RequestId: …`
pub(crate) fn start_line(request_id: &str, version: &str) -> String {
    format!("START RequestId: {request_id} Version: {version}")
}

/// `END RequestId: …`
pub(crate) fn end_line(request_id: &str) -> String {
    format!("END RequestId: {request_id}")
}

/// The log's line for an invocation that took too long.
pub(crate) fn timeout_line(now: Timestamp, request_id: &str, timeout: Duration) -> String {
    format!("{} {request_id} {}", now.iso8601_millis(), timeout_message(timeout))
}

/// `Task timed out after 3.00 seconds`
pub(crate) fn timeout_message(timeout: Duration) -> String {
    format!("Task timed out after {:.2} seconds", timeout.as_secs_f64())
}

/// `INIT_REPORT …`, for a start that failed.
pub(crate) fn init_report_line(
    duration: Duration,
    phase: &str,
    status: &str,
    error_type: Option<&str>,
) -> String {
    let mut line =
        format!("INIT_REPORT Init Duration: {} ms\tPhase: {phase}\tStatus: {status}", millis(duration));
    if let Some(kind) = error_type {
        line.push_str(&format!("\tError Type: {kind}"));
    }
    line
}

/// A failure's payload.
pub(crate) fn error_payload(error_type: &str, message: &str) -> Vec<u8> {
    let payload = serde_json::json!({ "errorType": error_type, "errorMessage": message });
    payload.to_string().into_bytes()
}

/// The error type and message of a runtime that ended, as Lambda words them.
pub(crate) fn exit_message(exit: Exit) -> (&'static str, String) {
    let kind = match exit.status {
        _ if exit.oom_killed => "Runtime.OutOfMemory",
        ExitStatus::Extension(_) => "Extension.Crash",
        _ => "Runtime.ExitError",
    };
    let message = match exit.status {
        _ if exit.oom_killed => "Runtime exited with error: signal: killed".to_owned(),
        ExitStatus::Code(0) => "Runtime exited without providing a reason".to_owned(),
        ExitStatus::Code(code) => format!("Runtime exited with error: exit status {code}"),
        ExitStatus::Extension(code) => format!("exit code {code}"),
        ExitStatus::Signal(signal) => format!("Runtime exited with error: signal: {}", signal_name(signal)),
    };
    (kind, message)
}

fn signal_name(signal: i32) -> String {
    match signal {
        1 => "hangup".to_owned(),
        2 => "interrupt".to_owned(),
        3 => "quit".to_owned(),
        4 => "illegal instruction".to_owned(),
        5 => "trace/breakpoint trap".to_owned(),
        6 => "aborted".to_owned(),
        7 => "bus error".to_owned(),
        8 => "floating point exception".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        13 => "broken pipe".to_owned(),
        15 => "terminated".to_owned(),
        31 => "bad system call".to_owned(),
        other => format!("signal {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_lines_read_as_lambdas_do() {
        let mut report = Report {
            request_id: "id",
            duration: Duration::from_micros(1_234),
            init_duration: None,
            memory_mib: 128,
            memory_peak_bytes: 30 * 1024 * 1024 + 1,
            verdict: Verdict::Success,
        };
        assert_eq!(
            report.line(),
            "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 31 MB\t"
        );
        report.init_duration = Some(Duration::from_millis(100));
        report.verdict = Verdict::Error("Runtime.ExitError");
        assert_eq!(
            report.line(),
            "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 102 ms\tMemory Size: 128 MB\tMax Memory Used: 31 MB\tInit Duration: 100.00 ms\tStatus: error\tError Type: Runtime.ExitError\t"
        );
    }

    #[test]
    fn ends_are_worded_by_their_cause() {
        let cases = [
            (ExitStatus::Code(1), false, "Runtime.ExitError", "Runtime exited with error: exit status 1"),
            (ExitStatus::Code(0), false, "Runtime.ExitError", "Runtime exited without providing a reason"),
            (ExitStatus::Extension(2), false, "Extension.Crash", "exit code 2"),
            (ExitStatus::Signal(9), true, "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"),
            (
                ExitStatus::Signal(11),
                false,
                "Runtime.ExitError",
                "Runtime exited with error: signal: segmentation fault",
            ),
        ];
        for (status, oom_killed, kind, message) in cases {
            assert_eq!(exit_message(Exit { status, oom_killed }), (kind, message.to_owned()));
        }
        assert_eq!(timeout_message(Duration::from_secs(3)), "Task timed out after 3.00 seconds");
    }
}
