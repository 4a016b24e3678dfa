//! What a failure is called, in its payload and in a function's log, as Lambda words it.
//!
//! Text only; which failure it was is decided elsewhere.

use std::time::Duration;

use base::Timestamp;

use crate::contract::{Exit, ExitStatus};

/// The log's line for an invocation that took too long.
pub(crate) fn timeout_line(now: Timestamp, request_id: &str, timeout: Duration) -> String {
    format!("{} {request_id} {}", now.iso8601_millis(), timeout_message(timeout))
}

/// `Task timed out after 3.00 seconds`
pub(crate) fn timeout_message(timeout: Duration) -> String {
    format!("Task timed out after {:.2} seconds", timeout.as_secs_f64())
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
