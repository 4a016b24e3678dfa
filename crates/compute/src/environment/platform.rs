//! What the platform itself says of an environment: as a line of the log, in either format, and as telemetry.
//!
//! Text and JSON only; who hears of it is decided elsewhere. Durations come from a monotonic clock, never from the wall.
//! Names, members and levels are those of Lambda's Telemetry API, schema 2022-12-13.

use std::time::Duration;

use base::Timestamp;
use serde_json::{Map, Value, json};

use super::answering::Spans;
use crate::function::{LogFormat, LogLevel};

/// How a phase went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Success,
    /// The function says so itself.
    Failure,
    /// A process ended.
    Error,
    Timeout,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Timeout => "timeout",
        }
    }
}

/// Something that the platform says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PlatformEvent {
    InitStart {
        initialization: &'static str,
        phase: &'static str,
        /// `python:3.12`, and the ARN that stands for it.
        runtime: (String, String),
        function_name: String,
        function_version: String,
        instance_id: String,
        memory_mib: u32,
    },
    InitRuntimeDone {
        initialization: &'static str,
        phase: &'static str,
        status: Status,
        error_type: Option<String>,
    },
    InitReport {
        initialization: &'static str,
        phase: &'static str,
        status: Status,
        error_type: Option<String>,
        duration: Duration,
    },
    Start {
        request_id: String,
        version: String,
        trace_id: String,
    },
    RuntimeDone {
        request_id: String,
        status: Status,
        error_type: Option<String>,
        trace_id: String,
        duration: Duration,
        produced_bytes: u64,
        /// Of its answer, where it gave one.
        spans: Option<Spans>,
    },
    Report(Report),
    Extension {
        name: String,
        events: Vec<&'static str>,
        state: &'static str,
        error_type: Option<String>,
    },
    /// Of the Telemetry API, or of the Logs API before it.
    Subscription {
        is_logs_api: bool,
        name: String,
        types: Vec<&'static str>,
    },
    LogsDropped {
        records: u64,
        bytes: u64,
    },
}

/// What the `REPORT` line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) request_id: String,
    pub(crate) trace_id: String,
    pub(crate) duration: Duration,
    pub(crate) init_duration: Option<Duration>,
    pub(crate) memory_mib: u32,
    pub(crate) memory_peak_bytes: u64,
    pub(crate) status: Status,
    pub(crate) error_type: Option<String>,
}

impl PlatformEvent {
    /// Its name in the Telemetry API.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::InitStart { .. } => "platform.initStart",
            Self::InitRuntimeDone { .. } => "platform.initRuntimeDone",
            Self::InitReport { .. } => "platform.initReport",
            Self::Start { .. } => "platform.start",
            Self::RuntimeDone { .. } => "platform.runtimeDone",
            Self::Report(_) => "platform.report",
            Self::Extension { .. } => "platform.extension",
            Self::Subscription { is_logs_api: false, .. } => "platform.telemetrySubscription",
            Self::Subscription { is_logs_api: true, .. } => "platform.logsSubscription",
            Self::LogsDropped { .. } => "platform.logsDropped",
        }
    }

    /// From which system log level on it stands in a JSON log.
    fn level(&self) -> LogLevel {
        let by = |status: &Status, well: LogLevel| match status {
            Status::Success => well,
            _ => LogLevel::Warn,
        };
        match self {
            Self::InitStart { .. } | Self::Start { .. } | Self::Subscription { .. } => LogLevel::Info,
            Self::InitRuntimeDone { status, .. }
            | Self::InitReport { status, .. }
            | Self::RuntimeDone { status, .. } => by(status, LogLevel::Debug),
            Self::Report(report) => by(&report.status, LogLevel::Info),
            Self::Extension { error_type: None, .. } => LogLevel::Info,
            Self::Extension { .. } | Self::LogsDropped { .. } => LogLevel::Warn,
        }
    }

    /// Its lines in the function's log, where it has any there.
    pub(crate) fn lines(&self, format: LogFormat, level: LogLevel, now: Timestamp) -> Vec<String> {
        match format {
            LogFormat::Text => self.text(),
            LogFormat::Json if self.level() >= level => vec![self.telemetry(now).to_string()],
            LogFormat::Json => Vec::new(),
        }
    }

    /// As the Telemetry API tells it.
    pub(crate) fn telemetry(&self, now: Timestamp) -> Value {
        json!({ "time": now.iso8601_millis(), "type": self.kind(), "record": self.record() })
    }

    fn text(&self) -> Vec<String> {
        match self {
            Self::InitStart { runtime: (version, arn), .. } => {
                vec![format!("INIT_START Runtime Version: {version}\tRuntime Version ARN: {arn}")]
            }
            Self::InitReport { phase, status, error_type, duration, .. } if *status != Status::Success => {
                let kind =
                    error_type.as_ref().map(|kind| format!("\tError Type: {kind}")).unwrap_or_default();
                let (took, status) = (millis(*duration), status.as_str());
                vec![format!("INIT_REPORT Init Duration: {took} ms\tPhase: {phase}\tStatus: {status}{kind}")]
            }
            Self::Start { request_id, version, .. } => {
                vec![format!("START RequestId: {request_id} Version: {version}")]
            }
            Self::Report(report) => vec![format!("END RequestId: {}", report.request_id), report.line()],
            Self::Extension { name, events, state, error_type } => {
                let kind =
                    error_type.as_ref().map(|kind| format!("\tError Type: {kind}")).unwrap_or_default();
                vec![format!(
                    "EXTENSION\tName: {name}\tState: {state}\tEvents: [{}]{kind}",
                    events.join(", ")
                )]
            }
            Self::Subscription { is_logs_api, name, types } => {
                let api = if *is_logs_api { "LOGS" } else { "TELEMETRY" };
                let types: Vec<String> = types.iter().map(|kind| capital(kind)).collect();
                vec![format!("{api}\tName: {name}\tState: Subscribed\tTypes: [{}]", types.join(", "))]
            }
            _ => Vec::new(),
        }
    }

    fn record(&self) -> Value {
        match self {
            Self::InitStart {
                initialization,
                phase,
                runtime: (version, arn),
                function_name,
                function_version,
                instance_id,
                memory_mib,
            } => json!({
                "initializationType": initialization,
                "phase": phase,
                "runtimeVersion": version,
                "runtimeVersionArn": arn,
                "functionName": function_name,
                "functionVersion": function_version,
                "instanceId": instance_id,
                "instanceMaxMemory": u64::from(*memory_mib) * 1024 * 1024,
            }),
            Self::InitRuntimeDone { initialization, phase, status, error_type } => with_error(
                json!({"initializationType": initialization, "phase": phase, "status": status.as_str()}),
                error_type.as_deref(),
            ),
            Self::InitReport { initialization, phase, status, error_type, duration } => with_error(
                json!({
                    "initializationType": initialization,
                    "phase": phase,
                    "status": status.as_str(),
                    "metrics": {"durationMs": number(*duration)},
                }),
                error_type.as_deref(),
            ),
            Self::Start { request_id, version, trace_id } => {
                json!({"requestId": request_id, "version": version, "tracing": tracing(trace_id)})
            }
            Self::RuntimeDone {
                request_id,
                status,
                error_type,
                trace_id,
                duration,
                produced_bytes,
                spans,
            } => {
                let mut record = json!({
                    "requestId": request_id,
                    "status": status.as_str(),
                    "tracing": tracing(trace_id),
                    "metrics": {"durationMs": number(*duration), "producedBytes": produced_bytes},
                });
                if let (Some(members), Some(spans)) = (record.as_object_mut(), spans) {
                    members.insert("spans".to_owned(), spans.record());
                }
                with_error(record, error_type.as_deref())
            }
            Self::Report(report) => report.record(),
            Self::Extension { name, events, state, error_type } => {
                with_error(json!({"name": name, "state": state, "events": events}), error_type.as_deref())
            }
            Self::Subscription { name, types, .. } => {
                json!({"name": name, "state": "Subscribed", "types": types})
            }
            Self::LogsDropped { records, bytes } => json!({
                "droppedRecords": records,
                "droppedBytes": bytes,
                "reason": "The subscriber did not take its records in time",
            }),
        }
    }
}

impl Report {
    fn billed_millis(&self) -> u64 {
        let all = self.duration + self.init_duration.unwrap_or_default();
        u64::try_from(all.as_micros().div_ceil(1_000).max(1)).unwrap_or(u64::MAX)
    }

    const fn memory_used_mib(&self) -> u64 {
        self.memory_peak_bytes.div_ceil(1024 * 1024)
    }

    fn line(&self) -> String {
        let mut line = format!(
            "REPORT RequestId: {}\tDuration: {} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory Used: {} MB",
            self.request_id,
            millis(self.duration),
            self.billed_millis(),
            self.memory_mib,
            self.memory_used_mib(),
        );
        if let Some(init) = self.init_duration {
            line.push_str(&format!("\tInit Duration: {} ms", millis(init)));
        }
        match (self.status, &self.error_type) {
            (Status::Timeout, _) => line.push_str("\tStatus: timeout"),
            (Status::Error, Some(kind)) => line.push_str(&format!("\tStatus: error\tError Type: {kind}")),
            _ => {}
        }
        line.push('\t');
        line
    }

    fn record(&self) -> Value {
        let mut metrics = json!({
            "durationMs": number(self.duration),
            "billedDurationMs": self.billed_millis(),
            "memorySizeMB": self.memory_mib,
            "maxMemoryUsedMB": self.memory_used_mib(),
        });
        if let (Some(init), Some(metrics)) = (self.init_duration, metrics.as_object_mut()) {
            metrics.insert("initDurationMs".to_owned(), number(init));
        }
        // What the function says itself is a success of the platform's.
        let status = if self.status == Status::Failure { Status::Success } else { self.status };
        with_error(
            json!({
                "requestId": self.request_id,
                "metrics": metrics,
                "tracing": tracing(&self.trace_id),
                "status": status.as_str(),
            }),
            self.error_type.as_deref().filter(|_| status == Status::Error),
        )
    }
}

/// The ARN that stands for the version of a runtime that functions of this identifier run on.
pub fn runtime_version_arn(identifier: &str, region: &base::Region) -> String {
    runtime_version(identifier, region.as_str()).1
}

/// How a runtime's version is told, `python:3.12`, and the ARN that stands for it.
pub(crate) fn runtime_version(identifier: &str, region: &str) -> (String, String) {
    let digest = crypto::sha256(identifier.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let arn = format!("arn:aws:lambda:{region}::runtime:{digest}");
    if let Some(system) = identifier.strip_prefix("provided.") {
        return (format!("provided:{system}"), arn);
    }
    let split = identifier.find(|c: char| c.is_ascii_digit()).filter(|at| *at > 0);
    let (family, number) = split.and_then(|at| identifier.split_at_checked(at)).unwrap_or((identifier, ""));
    let number = number.trim_end_matches(".x");
    let version = if number.is_empty() { family.to_owned() } else { format!("{family}:{number}") };
    (version, arn)
}

fn with_error(mut record: Value, error_type: Option<&str>) -> Value {
    if let (Some(kind), Some(members)) = (error_type, record.as_object_mut()) {
        members.insert("errorType".to_owned(), json!(kind));
    }
    record
}

fn tracing(trace_id: &str) -> Value {
    let mut members = Map::new();
    let parent = trace_id.split(';').find_map(|part| part.trim().strip_prefix("Parent="));
    if let Some(parent) = parent {
        members.insert("spanId".to_owned(), json!(parent));
    }
    members.insert("type".to_owned(), json!("X-Amzn-Trace-Id"));
    members.insert("value".to_owned(), json!(trace_id));
    Value::Object(members)
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

/// Milliseconds with two decimals.
fn millis(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1_000.0)
}

/// Milliseconds as a JSON number with at most three decimals.
pub(super) fn number(duration: Duration) -> Value {
    json!((duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            request_id: "id".into(),
            trace_id: "Root=1-2-3;Parent=0123456789abcdef;Sampled=0".into(),
            duration: Duration::from_micros(1_234),
            init_duration: None,
            memory_mib: 128,
            memory_peak_bytes: 30 * 1024 * 1024 + 1,
            status: Status::Success,
            error_type: None,
        }
    }

    #[test]
    fn report_lines_read_as_lambdas_do() {
        assert_eq!(
            report().line(),
            "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 31 MB\t"
        );
        let failed = Report {
            init_duration: Some(Duration::from_millis(100)),
            status: Status::Error,
            error_type: Some("Runtime.ExitError".into()),
            ..report()
        };
        assert_eq!(
            failed.line(),
            "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 102 ms\tMemory Size: 128 MB\tMax Memory Used: 31 MB\tInit Duration: 100.00 ms\tStatus: error\tError Type: Runtime.ExitError\t"
        );
    }

    #[test]
    fn runtimes_are_told_as_family_and_version() {
        for (identifier, told) in [
            ("python3.12", "python:3.12"),
            ("nodejs20.x", "nodejs:20"),
            ("provided.al2023", "provided:al2023"),
            ("provided", "provided"),
        ] {
            let (version, arn) = runtime_version(identifier, "us-east-1");
            assert_eq!((version.as_str(), arn.len()), (told, 34 + 64), "{identifier} {arn}");
        }
    }

    #[test]
    fn json_lines_have_the_members_of_telemetry() {
        let now = Timestamp::from_millis(1_440_938_160_123);
        let line = PlatformEvent::Report(report()).lines(LogFormat::Json, LogLevel::Info, now);
        let read: Value = serde_json::from_str(&line[0]).unwrap();
        assert_eq!(
            read,
            json!({"time": "2015-08-30T12:36:00.123Z", "type": "platform.report", "record": {
                "requestId": "id", "status": "success",
                "metrics": {"durationMs": 1.234, "billedDurationMs": 2, "memorySizeMB": 128, "maxMemoryUsedMB": 31},
                "tracing": {"spanId": "0123456789abcdef", "type": "X-Amzn-Trace-Id",
                    "value": "Root=1-2-3;Parent=0123456789abcdef;Sampled=0"}}})
        );
    }

    #[test]
    fn the_system_log_level_decides_what_a_json_log_holds() {
        let now = Timestamp::from_secs(0);
        let done = |status| PlatformEvent::RuntimeDone {
            request_id: "id".into(),
            status,
            error_type: None,
            trace_id: String::new(),
            duration: Duration::ZERO,
            produced_bytes: 0,
            spans: None,
        };
        let timed_out = PlatformEvent::Report(Report { status: Status::Timeout, ..report() });
        let well = PlatformEvent::Report(report());
        for (event, level, stands) in [
            (&done(Status::Success), LogLevel::Debug, true),
            (&done(Status::Success), LogLevel::Info, false),
            (&done(Status::Failure), LogLevel::Warn, true),
            (&well, LogLevel::Info, true),
            (&well, LogLevel::Warn, false),
            (&timed_out, LogLevel::Warn, true),
        ] {
            assert_eq!(event.lines(LogFormat::Json, level, now).len(), usize::from(stands), "{event:?}");
        }
        assert!(done(Status::Success).lines(LogFormat::Text, LogLevel::Debug, now).is_empty());
        let subscribed = PlatformEvent::Subscription {
            is_logs_api: false,
            name: "e".into(),
            types: vec!["platform", "function"],
        };
        assert_eq!(
            subscribed.lines(LogFormat::Text, LogLevel::Info, now),
            ["TELEMETRY\tName: e\tState: Subscribed\tTypes: [Platform, Function]"]
        );
    }
}
