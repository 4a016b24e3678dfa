//! What the function behind a custom resource answers.
//!
//! Reads untrusted text: nothing in it names another resource than the one that was asked about.

use serde_json::{Map, Value};

/// The longest id that a function may give, in characters.
const ID_CHARS_MAX: usize = 1_024;

/// What a function told.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    Done { id: Option<String>, data: Map<String, Value>, no_echo: bool },
    Refused { id: Option<String>, reason: String },
}

/// Reads an answer to the request of this id.
pub(super) fn read(answer: &str, request_id: &str) -> Told {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let unread = match answer.as_str() {
        Some(gateway::TOO_LONG) => Some("Response object is too long."),
        Some(gateway::NOT_JSON) => Some("Response is not valid JSON"),
        _ => None,
    };
    if let Some(reason) = unread {
        return Told::Refused { id: None, reason: reason.to_owned() };
    }
    let text = |name: &str| answer.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let id = text("PhysicalResourceId").filter(|id| id.len() <= ID_CHARS_MAX).map(str::to_owned);
    match text("Status") {
        Some("SUCCESS") => {
            let no_echo = answer.get("NoEcho").is_some_and(|flag| flag == true || flag == "true");
            let data = answer.get("Data").and_then(Value::as_object).map(flattened).unwrap_or_default();
            Told::Done { id, data, no_echo }
        }
        Some("FAILED") => {
            let message = text("Reason").unwrap_or("No reason was given");
            let reason = format!(
                "Received response status [FAILED] from custom resource. Message returned: {message} (RequestId: {request_id})"
            );
            Told::Refused { id, reason }
        }
        _ => Told::Refused {
            id,
            reason: "Invalid response object: Status must be SUCCESS or FAILED".to_owned(),
        },
    }
}

/// `Fn::GetAtt` reaches members of members by names with dots.
fn flattened(data: &Map<String, Value>) -> Map<String, Value> {
    let mut flat = Map::new();
    for (name, value) in data {
        if let Value::Object(inner) = value {
            flat.extend(flattened(inner).into_iter().map(|(rest, value)| (format!("{name}.{rest}"), value)));
        }
        flat.insert(name.clone(), value.clone());
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_read() {
        let done = read(
            r#"{"Status":"SUCCESS","PhysicalResourceId":"p","Data":{"A":{"B":"x"},"C":1},"NoEcho":true}"#,
            "r",
        );
        let data = json!({ "A": { "B": "x" }, "A.B": "x", "C": 1 });
        let data = data.as_object().unwrap().clone();
        assert_eq!(done, Told::Done { id: Some("p".to_owned()), data, no_echo: true });
        let refused = read(r#"{"Status":"FAILED","Reason":"no room"}"#, "r");
        let reason = "Received response status [FAILED] from custom resource. Message returned: no room (RequestId: r)";
        assert_eq!(refused, Told::Refused { id: None, reason: reason.to_owned() });
        for bad in ["{}", "[]", "nonsense", r#"{"Status":"success"}"#] {
            assert!(matches!(read(bad, "r"), Told::Refused { .. }), "{bad}");
        }
    }

    #[test]
    fn what_could_not_be_read_fails_at_once() {
        for (answer, expected) in [
            (r#""TOO_LONG""#, "Response object is too long."),
            (r#""NOT_JSON""#, "Response is not valid JSON"),
        ] {
            assert_eq!(read(answer, "r"), Told::Refused { id: None, reason: expected.to_owned() });
        }
    }

    #[test]
    fn a_success_without_an_id_has_none() {
        assert!(matches!(read(r#"{"Status":"SUCCESS"}"#, "r"), Told::Done { id: None, .. }));
        let long = json!({ "Status": "SUCCESS", "PhysicalResourceId": "x".repeat(1_025) }).to_string();
        assert!(matches!(read(&long, "r"), Told::Done { id: None, .. }));
    }
}
