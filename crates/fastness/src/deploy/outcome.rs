//! What came of a deployment: for people and for programs.
//!
//! Decides only what counts as good.

use serde_json::{Value, json};

use super::calls::{ChangeSet, Stack};
use super::failures::Failures;
use super::planned;
use crate::terminal::line as shown;

/// What came of it.
pub(crate) struct Outcome {
    stack: Stack,
    is_changed: bool,
    /// Whether it was to be deleted.
    is_deletion: bool,
    failures: Failures,
    /// Whether it is a failure that nothing changed.
    is_to_change: bool,
    /// The change set that was made and not executed.
    planned: Option<ChangeSet>,
}

impl Outcome {
    pub(super) fn of(stack: Stack, failures: Failures, is_deletion: bool) -> Self {
        Self { stack, is_changed: true, is_deletion, failures, is_to_change: false, planned: None }
    }

    pub(super) fn unchanged(stack: Stack, is_to_change: bool) -> Self {
        Self { is_changed: false, is_to_change, ..Self::of(stack, Failures::default(), false) }
    }

    pub(super) fn planned(stack: Stack, set: ChangeSet) -> Self {
        Self { planned: Some(set), ..Self::unchanged(stack, false) }
    }

    /// True where the stack is as asked.
    pub(crate) fn is_good(&self) -> bool {
        let status = self.stack.status.as_str();
        match (self.is_changed, self.is_deletion) {
            (false, _) => !self.is_to_change,
            (true, true) => status == "DELETE_COMPLETE",
            (true, false) => matches!(status, "CREATE_COMPLETE" | "UPDATE_COMPLETE"),
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let Stack { name, status, reason, outputs, .. } = &self.stack;
        if let Some(set) = &self.planned {
            return planned::text(set, &self.stack);
        }
        let name = shown(name);
        if !self.is_changed {
            return format!("the stack {name} is as the template says already ({status})\n");
        }
        let mut text = format!("the stack {name} is in {status}\n");
        if !self.is_good() && self.failures.is_empty() {
            text += &format!("  {}\n", shown(reason.as_deref().unwrap_or_default()));
        }
        for failure in self.failures.lines() {
            text += &format!("  {failure}\n");
        }
        for (key, value) in outputs.iter().filter(|_| self.is_good()) {
            text += &format!("  {} = {}\n", shown(key), shown(value));
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> String {
        let Stack { name, id, status, reason, outputs, .. } = &self.stack;
        let (change_set, changes) = self.planned.as_ref().map(planned::json).unzip();
        let outputs: serde_json::Map<String, Value> =
            outputs.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
        let mut told = json!({
            "stackName": name, "stackId": id, "status": status, "reason": reason, "changed": self.is_changed,
            "outputs": outputs, "failures": self.failures.json(),
        });
        if let (Some(told), Some(id), Some(changes)) = (told.as_object_mut(), change_set, changes) {
            told.insert("changeSetId".to_owned(), id);
            told.insert("changes".to_owned(), changes);
        }
        told.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cloudformation::api::StackEvent;
    use template::Document;

    use super::*;

    fn event(resource: &str, status: &str, reason: &str) -> StackEvent {
        StackEvent {
            logical_resource_id: Some(resource.to_owned()),
            resource_type: Some("AWS::Logs::LogGroup".to_owned()),
            resource_status: Some(status.to_owned()),
            resource_status_reason: Some(reason.to_owned()),
            ..StackEvent::default()
        }
    }

    #[test]
    fn a_failure_names_resource_line_and_reason() {
        let mut failures = Failures::default();
        for (status, reason) in [
            ("CREATE_IN_PROGRESS", "begins"),
            ("CREATE_FAILED", "no room"),
            ("DELETE_FAILED", "still no room"),
        ] {
            failures.note(&event("Group", status, reason));
        }
        failures.note(&event("Other", "CREATE_FAILED", "Resource creation cancelled"));
        let document =
            Document::parse("Resources:\n  # first\n  Group: {Type: AWS::Logs::LogGroup}\n").unwrap();
        failures.place(&document, Path::new("t.yaml"));
        let stack =
            Stack { name: "s".to_owned(), status: "ROLLBACK_COMPLETE".to_owned(), ..Stack::default() };
        let outcome = Outcome::of(stack, failures, false);
        assert!(!outcome.is_good());
        assert_eq!(
            outcome.text(),
            "the stack s is in ROLLBACK_COMPLETE\n  t.yaml, line 3: Group (AWS::Logs::LogGroup): no room\n"
        );
        let json: Value = serde_json::from_str(&outcome.json()).unwrap();
        assert_eq!(json["failures"].as_array().unwrap().len(), 1);
        assert_eq!(json["failures"][0]["line"], 3);
    }

    #[test]
    fn what_services_answer_has_one_line_and_no_hand_on_the_terminal() {
        let mut failures = Failures::default();
        failures.note(&event("Group", "CREATE_FAILED", "no\nroom \u{1b}]0;x\u{7}"));
        let stack = |status: &str| Stack {
            name: "s".to_owned(),
            status: status.to_owned(),
            outputs: vec![("Out".to_owned(), "v\u{1b}[2J\nForged = x".to_owned())].into_iter().collect(),
            ..Stack::default()
        };
        let outcome = Outcome::of(stack("ROLLBACK_COMPLETE"), failures, false);
        let told = "the stack s is in ROLLBACK_COMPLETE\n  Group (AWS::Logs::LogGroup): no\\u000aroom \\u001b]0;x\\u0007\n";
        assert_eq!(outcome.text(), told);
        let outcome = Outcome::of(stack("CREATE_COMPLETE"), Failures::default(), false);
        let told = "the stack s is in CREATE_COMPLETE\n  Out = v\\u001b[2J\\u000aForged = x\n";
        assert_eq!(outcome.text(), told);
    }

    #[test]
    fn that_nothing_changes_is_a_failure_where_that_is_asked() {
        for (is_to_change, is_good) in [(false, true), (true, false)] {
            assert_eq!(Outcome::unchanged(Stack::default(), is_to_change).is_good(), is_good);
        }
    }
}
