//! The values of one stack that nobody is to see: of `NoEcho` parameters, of secret answers, of access keys.
//!
//! Knows where they come from, and hides them; shows nothing.

use std::borrow::Borrow;
use std::collections::HashMap;

use serde_json::Value;
use template::parameter::MASK;
use template::{Plan, Resources, TemplateError};

use crate::error::Error;
use crate::prepare;
use crate::records::{Content, Physical, ResourceRecord, StackRecord};

/// The attribute that is a secret whoever made the resource.
const SECRET_ATTRIBUTE: &str = "SecretAccessKey";

/// Shorter values would hide half of every message, and are no secrets.
const PART_BYTES_MIN: usize = 3;

/// The values. They do not print.
pub(crate) struct Secrets {
    /// The longest first: one may be a part of another.
    texts: Vec<String>,
    /// True where it cannot be told what functions made of them: then everything may be one.
    is_everything: bool,
}

impl Secrets {
    /// Those of a stack, as it is and as it was before what goes on in it, and of its resources.
    pub(crate) fn of<'a>(
        stack: &StackRecord,
        resources: impl IntoIterator<Item = &'a ResourceRecord>,
    ) -> Self {
        let before = stack.operation.as_ref().and_then(|operation| operation.before.as_ref());
        let contents: Vec<&Content> = [Some(&stack.content), before].into_iter().flatten().collect();
        let records: Vec<&ResourceRecord> = resources.into_iter().collect();
        let mut secrets = Self::plain(&contents, &records);
        for content in contents.into_iter().filter(|content| has_secrets(content, &records)) {
            let pseudo = prepare::pseudo(stack.account.as_str(), &stack.region, &stack.name, &stack.id);
            secrets.derive(&prepare::plan(content, pseudo), content, &records);
        }
        secrets.ready()
    }

    /// Those of what a stack is and what it would be, and of its resources.
    pub(crate) fn within(sides: &[(&Plan, &Content)], resources: &[ResourceRecord]) -> Self {
        let contents: Vec<&Content> = sides.iter().map(|(_, content)| *content).collect();
        let records: Vec<&ResourceRecord> = resources.iter().collect();
        let mut secrets = Self::plain(&contents, &records);
        for (plan, content) in sides.iter().filter(|(_, content)| has_secrets(content, &records)) {
            secrets.derive(&Ok(*plan), content, &records);
        }
        secrets.ready()
    }

    /// What was given as a secret.
    fn plain(contents: &[&Content], records: &[&ResourceRecord]) -> Self {
        let parameters = contents.iter().flat_map(|content| &content.parameters);
        let mut texts: Vec<String> = parameters
            .filter(|parameter| parameter.no_echo)
            .map(|parameter| parameter.value.clone())
            .collect();
        for physical in records.iter().filter_map(|record| record.physical.as_ref()) {
            let hidden = physical.attributes.iter().filter(|(name, _)| is_hidden(physical, name));
            texts.extend(hidden.filter_map(|(_, value)| value.as_str()).map(str::to_owned));
        }
        Self { texts, is_everything: false }
    }

    /// Adds what the template's functions make of them.
    fn derive<P: Borrow<Plan>>(
        &mut self,
        plan: &Result<P, Error>,
        content: &Content,
        records: &[&ResourceRecord],
    ) {
        let known = Known(records.iter().map(|record| (record.logical_id.as_str(), *record)).collect());
        let is_secret = |name: &str, attribute: Option<&str>| match attribute {
            None => content.parameters.iter().any(|parameter| parameter.no_echo && parameter.key == name),
            Some(attribute) => known.physical(name).is_ok_and(|physical| is_hidden(physical, attribute)),
        };
        let derived = plan.as_ref().ok().map(|plan| plan.borrow().derived(&is_secret, &known));
        match derived {
            Some(Ok(derived)) => derived.iter().for_each(|value| self.add(value)),
            // SECURITY: what cannot be told apart is hidden, all of it.
            Some(Err(_)) | None => self.is_everything = true,
        }
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(map) => map.values().for_each(|item| self.add(item)),
            scalar => {
                let text = scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned);
                self.texts.extend(Some(text).filter(|text| text.len() >= PART_BYTES_MIN));
            }
        }
    }

    /// The same, with what each is within JSON.
    fn ready(mut self) -> Self {
        let quoted = self.texts.iter().filter_map(|text| {
            let quoted = Value::from(text.as_str()).to_string();
            let inside = quoted.trim_start_matches('"').strip_suffix('"')?;
            (inside != text && inside.len() >= PART_BYTES_MIN).then(|| inside.to_owned())
        });
        let quoted: Vec<String> = quoted.collect();
        self.texts.extend(quoted);
        self.texts.retain(|text| !text.is_empty());
        self.texts.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        self.texts.dedup();
        self
    }

    /// A text without them.
    pub(crate) fn mask(&self, text: String) -> String {
        if self.is_everything {
            return MASK.to_owned();
        }
        let long = self.texts.iter().filter(|secret| secret.len() >= PART_BYTES_MIN);
        long.fold(text, |text, secret| text.replace(secret.as_str(), MASK))
    }

    /// True where a text is one of them, an item of one that is a list, or has one in it.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        if self.is_everything {
            return true;
        }
        self.texts.iter().any(|secret| {
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

/// True of an attribute that nobody is to see.
fn is_hidden(physical: &Physical, attribute: &str) -> bool {
    physical.no_echo || attribute == SECRET_ATTRIBUTE
}

/// True where there is something to hide.
fn has_secrets(content: &Content, records: &[&ResourceRecord]) -> bool {
    let hides = |physical: &Physical| physical.attributes.keys().any(|name| is_hidden(physical, name));
    content.parameters.iter().any(|parameter| parameter.no_echo)
        || records.iter().filter_map(|record| record.physical.as_ref()).any(hides)
}

/// What resources answer to references now.
struct Known<'a>(HashMap<&'a str, &'a ResourceRecord>);

impl Known<'_> {
    fn physical(&self, logical_id: &str) -> Result<&Physical, TemplateError> {
        let found = self.0.get(logical_id).and_then(|record| record.physical.as_ref());
        found.ok_or_else(|| TemplateError::new(format!("Resource {logical_id} does not exist")))
    }
}

impl Resources for Known<'_> {
    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        Ok(self.physical(logical_id)?.id.as_str().into())
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError> {
        let found = self.physical(logical_id)?.attributes.get(attribute).cloned();
        found.ok_or_else(|| TemplateError::new(format!("Resource {logical_id} has no {attribute}")))
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
        let texts = ["hunter2", "x", "one, two", "a\"b", "hunter234"].map(str::to_owned).to_vec();
        let secrets = Secrets { texts, is_everything: false }.ready();
        assert_eq!(secrets.mask(r#"{"k":"a\"b"} hunter234"#.to_owned()), r#"{"k":"****"} ****"#);
        assert_eq!(secrets.mask("a hunter2 x".to_owned()), "a **** x");
        let value = json!({ "A": ["postgres://hunter2@h", "x", "xy"], "B": { "C": "two", "D": 5 } });
        assert!(secrets.are_within(&value));
        assert_eq!(
            secrets.hide(&value),
            json!({ "A": ["****", "****", "xy"], "B": { "C": "****", "D": 5 } })
        );
        assert!(!secrets.are_within(&json!([1, true, null, "y", ""])));
        let unknown = Secrets { texts: Vec::new(), is_everything: true };
        assert_eq!(unknown.hide(&json!({ "A": "b" })), json!({ "A": "****" }));
    }

    #[test]
    fn what_may_be_a_secret_is_hidden_unless_it_is_known() {
        let known = json!({ "A": "plain", "B": "****" });
        let found = hide_unknown(&json!({ "A": "plain", "B": "new", "C": true }), &known);
        assert_eq!(found, json!({ "A": "plain", "B": "****", "C": true }));
    }
}
