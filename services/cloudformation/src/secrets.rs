//! The values of one stack that nobody is to see: of `NoEcho` parameters, of secret answers, of access keys.
//!
//! Knows where they come from, and hides them; shows nothing.

use serde_json::Value;
use template::parameter::MASK;

use crate::records::{Content, ResourceRecord, StackRecord};

/// The attribute that is a secret whoever made the resource.
const SECRET_ATTRIBUTE: &str = "SecretAccessKey";

/// Shorter values would hide half of every message, and are no secrets.
const PART_BYTES_MIN: usize = 3;

/// The values. They do not print.
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Those of a stack and its resources.
    pub(crate) fn of<'a>(
        stack: &StackRecord,
        resources: impl IntoIterator<Item = &'a ResourceRecord>,
    ) -> Self {
        Self::within(&[&stack.content], resources)
    }

    /// Those of what a stack is and what it would be, and of its resources.
    pub(crate) fn within<'a>(
        contents: &[&Content],
        resources: impl IntoIterator<Item = &'a ResourceRecord>,
    ) -> Self {
        let parameters = contents.iter().flat_map(|content| &content.parameters);
        let mut secrets: Vec<String> = parameters
            .filter(|parameter| parameter.no_echo)
            .map(|parameter| parameter.value.clone())
            .collect();
        for physical in resources.into_iter().filter_map(|record| record.physical.as_ref()) {
            let hidden =
                physical.attributes.iter().filter(|(name, _)| physical.no_echo || *name == SECRET_ATTRIBUTE);
            secrets.extend(hidden.filter_map(|(_, value)| value.as_str()).map(str::to_owned));
        }
        secrets.retain(|secret| !secret.is_empty());
        Self(secrets)
    }

    /// A text without them.
    pub(crate) fn mask(&self, text: String) -> String {
        let long = self.0.iter().filter(|secret| secret.len() >= PART_BYTES_MIN);
        long.fold(text, |text, secret| text.replace(secret.as_str(), MASK))
    }

    /// True where a text is one of them, an item of one that is a list, or has one in it.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        self.0.iter().any(|secret| {
            secret == text
                || (secret.len() >= PART_BYTES_MIN && text.contains(secret.as_str()))
                || (!text.is_empty()
                    && secret.contains(',')
                    && secret.split(',').any(|item| item.trim() == text))
        })
    }

    /// True where any text in a value is, or has one of them in it.
    pub(crate) fn are_within(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.are_in(text),
            Value::Number(number) => self.are_in(&number.to_string()),
            Value::Array(items) => items.iter().any(|item| self.are_within(item)),
            Value::Object(map) => map.values().any(|item| self.are_within(item)),
            _ => false,
        }
    }

    /// A value with every text that has one of them in it masked.
    pub(crate) fn hide(&self, value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.hide(item)).collect(),
            Value::Object(map) => map.iter().map(|(name, item)| (name.clone(), self.hide(item))).collect(),
            scalar if self.are_within(scalar) => MASK.into(),
            scalar => scalar.clone(),
        }
    }
}

/// A value whose texts are all masked but those that `known` has as well.
pub(crate) fn hide_unknown(value: &Value, known: &Value) -> Value {
    fn has(known: &Value, scalar: &Value) -> bool {
        match known {
            Value::Array(items) => items.iter().any(|item| has(item, scalar)),
            Value::Object(map) => map.values().any(|item| has(item, scalar)),
            own => own == scalar,
        }
    }
    match value {
        Value::Array(items) => items.iter().map(|item| hide_unknown(item, known)).collect(),
        Value::Object(map) => {
            map.iter().map(|(name, item)| (name.clone(), hide_unknown(item, known))).collect()
        }
        scalar if has(known, scalar) || scalar.is_boolean() || scalar.is_null() => scalar.clone(),
        _ => MASK.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_hidden_wherever_they_are() {
        let secrets = Secrets(vec!["hunter2".to_owned(), "x".to_owned(), "one, two".to_owned()]);
        assert_eq!(secrets.mask("a hunter2 x".to_owned()), "a **** x");
        let value = json!({ "A": ["postgres://hunter2@h", "x", "xy"], "B": { "C": "two", "D": 5 } });
        assert!(secrets.are_within(&value));
        assert_eq!(
            secrets.hide(&value),
            json!({ "A": ["****", "****", "xy"], "B": { "C": "****", "D": 5 } })
        );
        assert!(!secrets.are_within(&json!([1, true, null, "y", ""])));
    }

    #[test]
    fn what_may_be_a_secret_is_hidden_unless_it_is_known() {
        let known = json!({ "A": "plain", "B": "****" });
        let found = hide_unknown(&json!({ "A": "plain", "B": "new", "C": true }), &known);
        assert_eq!(found, json!({ "A": "plain", "B": "****", "C": true }));
    }
}
