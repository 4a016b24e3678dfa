//! References to what a serverless resource expands to: `!Ref Function.Alias`, `!GetAtt Api.Stage…`, `${Function.Version}`.
//!
//! Rewrites only such references. Whether any reference resolves is the plan's to check.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::value::single;

/// `(logical id, property)` to the logical id of the generated resource.
#[derive(Debug, Default)]
pub(super) struct Generated {
    properties: HashMap<(String, String), String>,
    renamed: HashMap<String, String>,
}

impl Generated {
    pub(super) fn add(&mut self, id: &str, property: &str, generated: &str) {
        self.properties.insert((id.to_owned(), property.to_owned()), generated.to_owned());
    }

    /// A resource that stands under another logical id now.
    pub(super) fn rename(&mut self, id: &str, new: &str) {
        self.renamed.insert(id.to_owned(), new.to_owned());
    }

    /// `DependsOn` anywhere in a tree follows what was renamed.
    fn depends_on(&self, value: &mut Value) {
        let new = |value: &Value| value.as_str().and_then(|id| self.renamed.get(id)).map(|new| json!(new));
        match value {
            Value::Array(items) => {
                items.iter_mut().for_each(|item| *item = new(item).unwrap_or_else(|| item.clone()));
            }
            one => *one = new(one).unwrap_or_else(|| one.clone()),
        }
    }

    fn get(&self, id: &str, property: &str) -> Option<&str> {
        self.properties.get(&(id.to_owned(), property.to_owned())).map(String::as_str)
    }

    /// Rewrites every reference in a tree.
    pub(super) fn apply(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            Value::Object(_) => {
                if let Some(new) = single(value).and_then(|(name, argument)| self.function(name, argument)) {
                    *value = new;
                }
                if let Value::Object(map) = value {
                    if let Some(depends_on) = map.get_mut("DependsOn") {
                        self.depends_on(depends_on);
                    }
                    map.values_mut().for_each(|item| self.apply(item));
                }
            }
            _ => {}
        }
    }

    fn function(&self, name: &str, argument: &Value) -> Option<Value> {
        match (name, argument) {
            ("Ref", Value::String(text)) if self.renamed.contains_key(text) => {
                self.renamed.get(text).map(|new| json!({ "Ref": new }))
            }
            ("Ref", Value::String(text)) => {
                let (id, property) = text.split_once('.')?;
                self.get(id, property).map(|new| json!({ "Ref": new }))
            }
            ("Fn::GetAtt", Value::Array(list)) => {
                let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                let joined = texts?.join(".");
                if let Some((id, rest)) = joined.split_once('.')
                    && let Some(new) = self.renamed.get(id)
                {
                    return Some(json!({ "Fn::GetAtt": [new, rest] }));
                }
                let mut parts = joined.split('.');
                let new = self.get(parts.next()?, parts.next()?)?;
                let list: Vec<&str> = std::iter::once(new).chain(parts).collect();
                Some(json!({ "Fn::GetAtt": list }))
            }
            ("Fn::Sub", Value::String(text)) => Some(json!({ "Fn::Sub": self.substitution(text) })),
            ("Fn::Sub", Value::Array(list)) => {
                let mut list = list.clone();
                if let Some(Value::String(text)) = list.first_mut() {
                    *text = self.substitution(text);
                }
                Some(Value::Object(Map::from_iter([("Fn::Sub".to_owned(), Value::Array(list))])))
            }
            _ => None,
        }
    }

    fn substitution(&self, text: &str) -> String {
        rewrite(text, |name| {
            let (id, rest) = name.split_once('.').map_or((name, None), |(id, rest)| (id, Some(rest)));
            if let Some(new) = self.renamed.get(id) {
                return Some(rest.map_or_else(|| format!("${{{new}}}"), |rest| format!("${{{new}.{rest}}}")));
            }
            let mut parts = name.splitn(3, '.');
            let new = self.get(parts.next()?, parts.next()?)?;
            Some(match parts.next() {
                Some(rest) => format!("${{{new}.{rest}}}"),
                None => format!("${{{new}}}"),
            })
        })
    }
}

/// Replaces each `${name}` for which `replace` has something. Literals (`${!name}`) stay.
pub(super) fn rewrite(text: &str, replace: impl Fn(&str) -> Option<String>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        result.push_str(before);
        let Some((name, after)) = behind.split_once('}') else {
            result.push_str("${");
            rest = behind;
            continue;
        };
        match replace(name) {
            Some(new) => result.push_str(&new),
            None => {
                result.push_str("${");
                result.push_str(name);
                result.push('}');
            }
        }
        rest = after;
    }
    result.push_str(rest);
    result
}
