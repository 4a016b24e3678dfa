//! A change set that is made and not executed: `no_execute_changeset`, as `sam deploy` has it.
//!
//! Decides nothing: what the stack would become is CloudFormation's to say.

use std::fmt::Write as _;
use std::thread::sleep;

use base::Clock;
use serde_json::{Value, json};

use super::calls::{Call, Change, ChangeSet, Stack};
use super::{LOOK_EVERY, Lines, Outcome, Work, input};
use crate::Error;

impl Work<'_> {
    /// Makes the change set, and tells it.
    pub(super) fn plan(
        &self,
        mut input: Vec<(String, String)>,
        lines: &Lines<'_>,
        found: Option<Stack>,
    ) -> Result<Outcome, Error> {
        // A stack that waits for review is not there yet.
        let existing = found.filter(|stack| stack.status != "REVIEW_IN_PROGRESS");
        input::add(&self.choices, &mut input, Call::Plan, lines.document, existing.as_ref());
        let now = Clock::system().now().millis();
        input.push(("ChangeSetName".to_owned(), format!("fastness-deploy-{now}")));
        let kind = if existing.is_none() { "CREATE" } else { "UPDATE" };
        input.push(("ChangeSetType".to_owned(), kind.to_owned()));
        let name = &self.project.stack_name;
        self.progress.say(&format!("making a change set of {} for stack {name}", lines.template.display()));
        let begun = self.calls.begin(Call::Plan, &input);
        let set = self.made(&begun.map_err(|error| lines.placed(&error.to_string()))?)?;
        let reason = set.reason.clone().unwrap_or_default();
        if let (true, Some(stack)) = (is_empty(&reason), existing) {
            return Ok(Outcome::unchanged(stack, self.choices.fail_on_empty_changeset));
        }
        if set.status != "CREATE_COMPLETE" {
            return Err(lines
                .placed(&format!("the change set {} is in {}: {reason}", set.name, set.status))
                .into());
        }
        let stack = self.calls.stack(&set.stack_id)?.ok_or_else(|| format!("the stack {name} is gone"))?;
        Ok(Outcome::planned(stack, set))
    }

    /// The whole of a change set, once it is made or failed.
    fn made(&self, id: &str) -> Result<ChangeSet, Error> {
        let (mut set, mut next) = self.calls.change_set(id, None)?;
        while set.status.ends_with("_IN_PROGRESS") || set.status.ends_with("_PENDING") {
            sleep(LOOK_EVERY);
            (set, next) = self.calls.change_set(id, None)?;
        }
        while let Some(token) = next {
            let (more, after) = self.calls.change_set(id, Some(&token))?;
            set.changes.extend(more.changes);
            next = after;
        }
        Ok(set)
    }
}

/// CloudFormation's words for a change set without changes, which clients look for.
fn is_empty(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

/// For people.
pub(super) fn text(set: &ChangeSet, stack: &Stack) -> String {
    let ChangeSet { name, id, changes, .. } = set;
    let mut text = format!(
        "the change set {name} is made and not executed; the stack {} is in {}\n  {id}\n",
        stack.name, stack.status
    );
    for Change { action, resource, kind, replacement } in changes {
        let replaced = match replacement.as_deref() {
            Some("True") => ", replaced",
            Some("Conditional") => ", perhaps replaced",
            _ => "",
        };
        // Writing to a text does not fail.
        let _ = writeln!(text, "  {action} {resource} ({kind}){replaced}");
    }
    text
}

/// For programs: its id, and its changes.
pub(super) fn json(set: &ChangeSet) -> (Value, Value) {
    let change = |change: &Change| {
        let Change { action, resource, kind, replacement } = change;
        json!({ "action": action, "resource": resource, "type": kind, "replacement": replacement })
    };
    (set.id.clone().into(), set.changes.iter().map(change).collect())
}
