//! What failed in a stack and in the stacks within it, and where in which template each of it stands.
//!
//! Calls nothing: whoever has events gives them.

use std::path::{Path, PathBuf};

use cloudformation::api::StackEvent;
use serde_json::{Value, json};
use template::Document;

use super::line_of;
use crate::artifacts;
use crate::terminal::line as shown;

const STACK: &str = "AWS::CloudFormation::Stack";
/// How deep stacks are looked into: as deep as they are nested.
const DEPTH_MAX: usize = 5;

/// The first refusal of each resource; those that follow are its echo.
#[derive(Debug, Default)]
pub(crate) struct Failures(Vec<Failure>);

#[derive(Debug)]
struct Failure {
    /// The logical ids of the stacks around it, the outermost first, and its own.
    path: Vec<String>,
    kind: String,
    reason: String,
    /// The id of what failed, where it is a stack that was not looked into yet.
    nested: Option<String>,
    /// The template's path and the line in it.
    place: Option<(String, u32)>,
}

/// A stack within that failed.
pub(crate) struct Nested {
    path: Vec<String>,
    pub(crate) id: String,
}

impl Failures {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes an event of the stack, if it tells of a failure.
    pub(crate) fn note(&mut self, event: &StackEvent) {
        let at = self.0.len();
        self.note_at(at, &[], event);
    }

    fn note_at(&mut self, at: usize, around: &[String], event: &StackEvent) -> bool {
        let status = event.resource_status.as_deref().unwrap_or_default();
        let reason = event.resource_status_reason.as_deref().unwrap_or_default();
        let mut path = around.to_vec();
        path.extend(event.logical_resource_id.clone());
        let is_echo = reason.is_empty()
            || reason.ends_with("cancelled")
            || is_own(event)
            || self.0.iter().any(|known| known.path == path);
        if !status.ends_with("_FAILED") || is_echo {
            return false;
        }
        let kind = event.resource_type.clone().unwrap_or_default();
        let is_nested = kind == STACK && path.len() < DEPTH_MAX;
        let nested = event.physical_resource_id.clone().filter(|_| is_nested);
        self.0.insert(at, Failure { path, kind, reason: reason.to_owned(), nested, place: None });
        true
    }

    /// A stack within that failed and was not looked into: its events are asked for next.
    pub(crate) fn next_nested(&mut self) -> Option<Nested> {
        let failure = self.0.iter_mut().find(|failure| failure.nested.is_some())?;
        Some(Nested { path: failure.path.clone(), id: failure.nested.take()? })
    }

    /// Notes what failed in a stack within, as its events tell, the oldest first: of what was asked of it last, but for what
    /// was taken back since.
    pub(crate) fn look_into(&mut self, nested: &Nested, events: &[StackEvent], is_deletion: bool) {
        let begins: &[&str] =
            if is_deletion { &["DELETE_IN_PROGRESS"] } else { &["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"] };
        let is_begin = |event: &StackEvent| {
            is_own(event) && event.resource_status.as_deref().is_some_and(|status| begins.contains(&status))
        };
        let from = events.iter().rposition(is_begin).unwrap_or(0);
        let behind = self.0.iter().position(|failure| failure.path == nested.path);
        let mut at = behind.map_or(self.0.len(), |at| at + 1);
        for event in events.iter().skip(from) {
            at += usize::from(self.note_at(at, &nested.path, event));
        }
    }

    /// Says where in the template each stands, or in the template of the stack that it is in, where that is a file here.
    pub(crate) fn place(&mut self, document: &Document, template: &Path) {
        for failure in &mut self.0 {
            let Some((id, around)) = failure.path.split_last() else { continue };
            failure.place = match around {
                [] => line_of(document, id).map(|line| (template.display().to_string(), line)),
                around => place_within(template, around, id),
            };
        }
    }

    /// For people, each on one line.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(Failure::text)
    }

    /// For programs.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.0.iter().map(Failure::json).collect()
    }
}

/// True for an event of the stack itself.
fn is_own(event: &StackEvent) -> bool {
    event.resource_type.as_deref() == Some(STACK)
        && event.physical_resource_id.as_ref() == Some(&event.stack_id)
}

impl Failure {
    fn text(&self) -> String {
        let Self { path, kind, reason, place, .. } = self;
        let place = place.as_ref().map(|(file, line)| format!("{file}, line {line}: ")).unwrap_or_default();
        shown(&format!("{place}{} ({kind}): {reason}", path.join("/"))).to_string()
    }

    fn json(&self) -> Value {
        let (file, line) = self.place.clone().unzip();
        json!({ "resource": self.path.join("/"), "type": self.kind, "reason": self.reason, "template": file, "line": line })
    }
}

/// The place of a resource in a stack within. The templates are read as they are written: what was packed of them is another text.
fn place_within(template: &Path, around: &[String], id: &str) -> Option<(String, u32)> {
    let mut file: PathBuf = template.to_owned();
    let mut document = artifacts::parse(&file).ok()?;
    for step in around {
        let properties = document.root.get("Resources")?.get(step)?.get("Properties")?;
        let named = properties.get("TemplateURL").or_else(|| properties.get("Location"))?.as_str()?;
        file = file.parent()?.join(named);
        document = artifacts::parse(&file).ok()?;
    }
    Some((file.display().to_string(), line_of(&document, id)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(stack: &str, resource: (&str, &str, &str), status: &str, reason: &str) -> StackEvent {
        let (id, kind, physical) = resource;
        StackEvent {
            stack_id: stack.to_owned(),
            logical_resource_id: Some(id.to_owned()),
            resource_type: Some(kind.to_owned()),
            physical_resource_id: Some(physical.to_owned()),
            resource_status: Some(status.to_owned()),
            resource_status_reason: Some(reason.to_owned()),
            ..StackEvent::default()
        }
    }

    #[test]
    fn what_failed_within_stands_behind_the_stack_that_it_failed() {
        let folder = std::env::temp_dir().join(format!("fastness-failures-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("n")).unwrap();
        let template = folder.join("t.yaml");
        std::fs::write(&template, "Resources:\n  Nest:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: n/u.yaml}\n").unwrap();
        std::fs::write(
            folder.join("n/u.yaml"),
            "# first\nResources:\n\n  Inner: {Type: AWS::SSM::Parameter}\n",
        )
        .unwrap();
        let mut failures = Failures::default();
        failures.note(&event("top", ("Nest", STACK, "arn:nest"), "CREATE_FAILED", "was not created"));
        failures.note(&event("top", ("Last", "AWS::S3::Bucket", "b"), "CREATE_FAILED", "taken"));
        let nested = failures.next_nested().unwrap();
        assert_eq!(nested.id, "arn:nest");
        let inner = |status, reason| event("arn:nest", ("Inner", "AWS::SSM::Parameter", "p"), status, reason);
        let own = |status| event("arn:nest", ("top-Nest", STACK, "arn:nest"), status, "User Initiated");
        let events = [
            inner("UPDATE_FAILED", "long ago"),
            own("CREATE_IN_PROGRESS"),
            inner("CREATE_FAILED", "no\nroom"),
            own("DELETE_IN_PROGRESS"),
            inner("DELETE_FAILED", "an echo"),
        ];
        failures.look_into(&nested, &events, false);
        assert!(failures.next_nested().is_none());
        failures.place(&artifacts::parse(&template).unwrap(), &template);
        let (top, within) = (template.display(), folder.join("n/u.yaml"));
        let told: Vec<String> = failures.lines().collect();
        assert_eq!(
            told,
            [
                format!("{top}, line 2: Nest (AWS::CloudFormation::Stack): was not created"),
                format!("{}, line 4: Nest/Inner (AWS::SSM::Parameter): no\\u000aroom", within.display()),
                "Last (AWS::S3::Bucket): taken".to_owned(),
            ]
        );
        assert_eq!(failures.json()[1]["line"], 4);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
