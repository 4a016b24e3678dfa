//! Who wanted what, as a record itself tells it: where no evaluation stands in it.
//!
//! It reads CloudTrail's elements and judges nothing.

use serde_json::Value;

/// What the record's own elements say.
pub(super) struct Told<'r> {
    pub(super) principal: Option<&'r str>,
    pub(super) action: Option<String>,
    pub(super) resource: Option<&'r str>,
}

impl<'r> Told<'r> {
    pub(super) fn of(record: &'r Value) -> Self {
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
        let called = text("/eventSource").zip(text("/eventName"));
        let action = called.map(|(source, name)| match protocol::operation_of_event(source, name) {
            Some(operation) => format!("{}:{}", operation.model().signing_name(), operation.name()),
            None => format!("{}:{name}", source.split('.').next().unwrap_or_default()),
        });
        Self {
            principal: text("/userIdentity/arn").or_else(|| text("/userIdentity/principalId")),
            action,
            resource: text("/resources/0/ARN"),
        }
    }
}
