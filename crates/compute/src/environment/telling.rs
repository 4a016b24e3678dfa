//! What an environment tells: its log and its subscribers what the platform says, its extensions what happens.
//!
//! It decides nothing about how an invocation went.

use std::time::Duration;

use base::Timestamp;
use serde_json::json;

use super::extensions::Happened;
use super::life::Environment;
use super::platform::{PlatformEvent, Status};
use crate::function::{InvokeRequest, LogFormat};
use crate::limits::SHUTDOWN_TIME_INTERNAL;
use crate::runtime_api::{ConnectionId, ExtensionCall};

impl Environment {
    /// Tells the log and whoever listens.
    pub(crate) fn tell(&mut self, event: PlatformEvent) {
        let now = self.clock.now();
        let logging = self.placement.spec.logging;
        for line in event.lines(logging.format, logging.system_level, now) {
            self.output.platform_line(line);
        }
        if self.telemetry.is_heard() {
            self.share_lines();
            self.telemetry.platform(event, now);
        }
    }

    /// Tells how an environment came up.
    pub(crate) fn tell_init(
        &mut self,
        phase: &'static str,
        status: Status,
        error_type: Option<String>,
        duration: Duration,
    ) {
        let initialization = self.placement.initialization;
        let error = error_type.clone();
        self.tell(PlatformEvent::InitRuntimeDone { initialization, phase, status, error_type: error });
        self.tell(PlatformEvent::InitReport { initialization, phase, status, error_type, duration });
    }

    /// Tells whoever listens what the function wrote.
    pub(super) fn share_lines(&mut self) {
        let is_json = self.placement.spec.logging.format == LogFormat::Json;
        for line in self.output.take_untold() {
            self.telemetry.line(line.message, is_json, line.timestamp);
        }
    }

    /// Ends the time in which extensions may register and subscribe.
    pub(super) fn close_registration(&mut self) {
        self.share_lines();
        self.extensions.close();
        self.telemetry.close();
        if !self.telemetry.is_heard() {
            self.output.stop_telling();
        }
        if !self.extensions.is_empty() && self.shutdown_time.is_zero() {
            self.shutdown_time = SHUTDOWN_TIME_INTERNAL;
        }
    }

    /// Answers an extension's call. The type of its error, where it cannot go on.
    // SECURITY: calls that come to nothing count like a runtime's: one that never stops asking is ended.
    pub(super) fn extension_call(&mut self, connection: ConnectionId, call: ExtensionCall) -> Option<String> {
        let happened = self.extensions.call(&mut self.api, connection, call, &self.placement.spec);
        match happened {
            Happened::Nothing => None,
            Happened::Refused => {
                self.count_refusal();
                None
            }
            Happened::Ready { name, events } => {
                self.tell(PlatformEvent::Extension { name, events, state: "Ready", error_type: None });
                None
            }
            Happened::Failed { name, error_type } => {
                let error = Some(error_type.clone());
                self.tell(PlatformEvent::Extension {
                    name,
                    events: Vec::new(),
                    state: "ExitError",
                    error_type: error,
                });
                Some(error_type)
            }
            Happened::Subscribes(asked) => {
                self.count_refusal();
                let is_logs_api = asked.is_of_logs();
                let (name, types) = (asked.name.clone(), asked.types.clone());
                self.telemetry.subscribe(asked);
                self.tell(PlatformEvent::Subscription { is_logs_api, name, types });
                None
            }
        }
    }

    /// The `INVOKE` event.
    pub(super) fn tell_extensions_of(&mut self, request: &InvokeRequest, deadline_millis: i64) {
        if self.extensions.is_empty() {
            return;
        }
        let event = json!({
            "eventType": "INVOKE",
            "deadlineMs": deadline_millis,
            "requestId": request.request_id,
            "invokedFunctionArn": request.invoked_arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": request.trace_id},
        });
        self.extensions.invoke(&mut self.api, &event);
    }

    /// The `SHUTDOWN` event.
    pub(super) fn tell_extensions_of_end(&mut self, reason: &str, deadline: Timestamp) {
        self.share_lines();
        self.telemetry.hurry();
        let deadline = deadline.millis();
        let event = json!({"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline});
        self.extensions.shut_down(&mut self.api, &event);
    }
}
