//! The names that templates themselves give to resources.
//!
//! Refuses a name that is no text.

use serde_json::Value;

use super::{Provider, find, text};

/// The name that the template itself gives a resource.
pub(crate) fn own_name(provider: &dyn Provider, properties: &Value) -> Option<String> {
    let (property, _) = provider.name()?;
    let name = text(properties.get(property));
    (!name.is_empty()).then_some(name)
}

/// Refuses a name that is no text: the resource would be made under another.
pub(super) fn check_name(logical_id: &str, kind: &str, properties: &Value) -> Result<(), String> {
    let Some((property, _)) = find(kind).and_then(Provider::name) else { return Ok(()) };
    let why = match properties.get(property) {
        Some(Value::String(name)) if name.is_empty() => "expected minLength: 1, actual: 0",
        Some(Value::Array(_)) => "expected type: String, found: JSONArray",
        Some(Value::Object(_)) => "expected type: String, found: JSONObject",
        _ => return Ok(()),
    };
    Err(format!("Properties validation failed for resource {logical_id} with message: #/{property}: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_a_text() {
        for (name, why) in [
            (json!({"a": "b"}), "#/LogGroupName: expected type: String, found: JSONObject"),
            (json!(["x"]), "#/LogGroupName: expected type: String, found: JSONArray"),
            (json!(""), "#/LogGroupName: expected minLength: 1, actual: 0"),
        ] {
            let refused = check_name("G", "AWS::Logs::LogGroup", &json!({ "LogGroupName": name }));
            assert!(refused.unwrap_err().ends_with(why), "{why}");
        }
        for fine in [json!({}), json!({"LogGroupName": "g"}), json!({"LogGroupName": 7})] {
            assert_eq!(check_name("G", "AWS::Logs::LogGroup", &fine), Ok(()));
        }
    }
}
