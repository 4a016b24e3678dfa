//! What is written of a request once it is answered: a line of the owner's form, and how it was executed.
//!
//! It changes no answer, and nothing waits for it.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Response};
use serde_json::{Value, json};

use super::{Exchange, Progress};
use crate::logs::{self, Line};
use crate::own_answer;
use crate::refusal::Refusal;
use crate::variables::Variables;

impl<'r> Exchange<'r> {
    /// Writes what the stage's owner wants written of a request.
    pub(super) fn log(&self, response: &Response<Bytes>, refusal: Option<&Refusal>, progress: &Progress<'r>) {
        let method = progress.routed.as_ref().map(|routed| routed.method);
        let (access, level) = (self.stage.record.access_log.as_ref(), self.stage.log_level(method));
        let executes = level == "INFO" || (level == "ERROR" && refusal.is_some());
        if access.is_none() && !executes {
            return;
        }
        let stage = &self.stage.record;
        let stream = logs::stream(&stage.rest_api_id, &stage.stage_name, self.now);
        let line = |group: String, makes_group: bool, text: String| Line {
            account: stage.account,
            group,
            stream: stream.clone(),
            makes_group,
            at: self.now,
            text,
        };
        if let Some((_, _, group)) = access.and_then(|access| logs::group_of(&access.destination_arn)) {
            let context = self.outcome(response, refusal, progress);
            let format = access.map(|access| access.format.as_str()).unwrap_or_default();
            // SECURITY: nothing of the request itself: credentials are part of it.
            let (stage, headers) = (BTreeMap::new(), HeaderMap::new());
            let variables =
                Variables { context: &context, stage: &stage, headers: &headers, query: "", path: &[] };
            let text = variables.fill(format, "-", logs::LINE_BYTES_MAX);
            self.logs.push(line(group.to_owned(), false, text));
        }
        if executes {
            let group = logs::execution_group(&stage.rest_api_id, &stage.stage_name);
            for text in self.execution(response, refusal, progress, level == "INFO") {
                let text = format!("({}) {text}", self.ids.request);
                self.logs.push(line(group.clone(), true, text));
            }
        }
    }

    /// How a request was executed, line by line.
    pub(super) fn execution(
        &self,
        response: &Response<Bytes>,
        refusal: Option<&Refusal>,
        progress: &Progress<'r>,
        everything: bool,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        if everything {
            lines.push(format!("Extended Request Id: {}", self.ids.extended));
            lines.push(format!("Starting execution for request: {}", self.ids.request));
        }
        if let (Some(routed), true) = (&progress.routed, everything) {
            let (method, path) = (self.head.method.as_str(), &routed.method.resource_path);
            lines.push(format!("HTTP Method: {method}, Resource Path: {path}"));
        }
        match refusal {
            Some(refusal) => {
                let (kind, code) = (refusal.kind().name(), refusal.code());
                lines.push(format!("Execution failed: {kind} ({code}) {}", refusal.message()));
            }
            None => lines.push("Successfully completed execution".to_owned()),
        }
        lines.push(format!("Method completed with status: {}", response.status().as_u16()));
        lines
    }

    /// What `$context` names, once a request is answered.
    fn outcome(
        &self,
        response: &Response<Bytes>,
        refusal: Option<&Refusal>,
        progress: &Progress<'r>,
    ) -> Value {
        let mut context = self.context(progress);
        let Value::Object(members) = &mut context else { return context };
        let status = response.status().as_u16();
        let integrated = progress.integration_millis.map(|millis| (status, millis));
        members.insert("status".to_owned(), status.into());
        members.insert("responseLength".to_owned(), response.body().len().into());
        let latency = self.pipeline.clock().now().millis_since(self.now);
        members.insert("responseLatency".to_owned(), latency.into());
        members.insert("xrayTraceId".to_owned(), self.ids.trace.as_str().into());
        if let Some((status, millis)) = integrated {
            members.insert("integrationStatus".to_owned(), status.into());
            members.insert("integrationLatency".to_owned(), millis.into());
            let integration = json!({ "status": status, "latency": millis, "integrationStatus": status });
            members.insert("integration".to_owned(), integration);
        }
        if let Some(refusal) = refusal {
            members.insert("error".to_owned(), own_answer::error(refusal));
        }
        context
    }
}
