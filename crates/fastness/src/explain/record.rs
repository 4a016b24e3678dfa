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
        let action = text("/eventSource").zip(text("/eventName"));
        let service = |source: &str| source.split('.').next().unwrap_or_default().to_owned();
        Self {
            principal: text("/userIdentity/arn").or_else(|| text("/userIdentity/principalId")),
            action: action.map(|(source, name)| format!("{}:{name}", service(source))),
            resource: text("/resources/0/ARN"),
        }
    }
}
