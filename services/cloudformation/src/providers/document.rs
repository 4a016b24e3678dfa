//! Policy documents and API bodies: a map in a template, text in a call.

use serde_json::Value;

/// The document as text.
pub(super) fn to_text(document: Option<&Value>) -> String {
    match document {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}
