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

/// True where a document that a service shows is the one that a template has.
pub(super) fn is_document(shown: &Value, wanted: Option<&Value>) -> bool {
    serde_json::from_str::<Value>(&to_text(wanted)).is_ok_and(|wanted| wanted == *shown)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_the_same_as_a_map_and_as_text() {
        let shown = json!({ "Version": "2012-10-17", "Statement": [] });
        assert!(is_document(&shown, Some(&shown)));
        assert!(is_document(&shown, Some(&Value::String(shown.to_string()))));
        for other in [Some(&json!({ "Version": "2012-10-17" })), Some(&json!("not JSON")), None] {
            assert!(!is_document(&shown, other), "{other:?}");
        }
    }
}
