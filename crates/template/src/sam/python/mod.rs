//! API bodies as the published transform holds them, so that the ids it derives from them come out the same.
//!
//! A deployment's logical id is a fingerprint of the API body's printed form, and the transform prints as Python 2.7 did:
//! dictionaries in the order of their hash table, and text of the template apart from text of the transform's own. A
//! stack that was deployed elsewhere keeps its ids only if we print the same. This is that print and that order, and
//! nothing more of Python.

mod slots;

use std::fmt::Write as _;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Number, Value};

pub(super) use slots::Slots;

/// The entries of a map of the template in the order in which the published transform meets them.
pub(super) fn ordered(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let order: Slots = map.keys().collect();
    order.keys().iter().filter_map(|key| map.get_key_value(key)).collect()
}

/// A map of the template with its entries in that order; anything else as it is.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries = ordered(map).into_iter().map(|(key, value)| (key.clone(), value.clone()));
            Value::Object(entries.collect())
        }
        other => other.clone(),
    }
}

/// A value inside an API body.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Py {
    None,
    Bool(bool),
    Number(Number),
    Text(Text),
    List(Vec<Py>),
    /// Shared, so that copying what a copy would not change costs nothing.
    Dict(Arc<Dict>),
}

/// A string, and whether it came from the template (Python 2's `unicode`) or from the transform (`str`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) from_template: bool,
}

impl Text {
    /// A string of the transform's own.
    pub(super) fn own(text: impl Into<String>) -> Self {
        Self { text: text.into(), from_template: false }
    }

    /// A string of the template.
    pub(super) fn template(text: impl Into<String>) -> Self {
        Self { text: text.into(), from_template: true }
    }
}

impl From<&str> for Py {
    fn from(text: &str) -> Self {
        Self::Text(Text::own(text))
    }
}

impl From<String> for Py {
    fn from(text: String) -> Self {
        Self::Text(Text::own(text))
    }
}

impl From<Text> for Py {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<Dict> for Py {
    fn from(dict: Dict) -> Self {
        Self::Dict(Arc::new(dict))
    }
}

impl Py {
    /// A tree of the template: all text is the template's, all dictionaries hash-ordered.
    pub(super) fn from_template(value: &Value) -> Self {
        match value {
            Value::Null => Self::None,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::Text(Text::template(text)),
            Value::Array(items) => Self::List(items.iter().map(Self::from_template).collect()),
            Value::Object(map) => {
                let mut dict = Dict::hashed();
                for (key, value) in map {
                    dict.set(Text::template(key), Self::from_template(value));
                }
                dict.into()
            }
        }
    }

    /// A tree as Python 3 holds it: in order of insertion, text without its origin.
    pub(super) fn plain(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(Text::own(text)),
            Value::Array(items) => Self::List(items.iter().map(Self::plain).collect()),
            Value::Object(map) => {
                let mut dict = Dict::plain();
                for (key, value) in map {
                    dict.set(Text::own(key), Self::plain(value));
                }
                dict.into()
            }
            leaf => Self::from_template(leaf),
        }
    }

    /// The plain tree.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.text.clone()),
            Self::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Self::Dict(dict) => Value::Object(dict.to_map()),
        }
    }

    /// The plain tree with every map in the order in which Python has it.
    pub(super) fn in_order(&self) -> Value {
        match self {
            Self::List(items) => Value::Array(items.iter().map(Self::in_order).collect()),
            Self::Dict(dict) => {
                Value::Object(dict.iter().map(|(key, value)| (key.text, value.in_order())).collect())
            }
            leaf => leaf.to_value(),
        }
    }

    /// A copy as Python's `deepcopy` makes it: hash tables are filled anew, which may reorder them.
    pub(super) fn deep_copy(&self) -> Self {
        match self {
            Self::List(items) => Self::List(items.iter().map(Self::deep_copy).collect()),
            Self::Dict(dict) if dict.settled => Self::Dict(Arc::clone(dict)),
            Self::Dict(dict) => dict.deep_copy().into(),
            leaf => leaf.clone(),
        }
    }

    pub(super) fn as_dict(&self) -> Option<&Dict> {
        match self {
            Self::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    pub(super) fn as_dict_mut(&mut self) -> Option<&mut Dict> {
        match self {
            Self::Dict(dict) => {
                let dict = Arc::make_mut(dict);
                dict.settled = false;
                Some(dict)
            }
            _ => None,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(&text.text),
            _ => None,
        }
    }

    /// True where Python's `if value:` is.
    pub(super) fn is_truthy(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(flag) => *flag,
            Self::Number(number) => number.as_f64() != Some(0.0),
            Self::Text(text) => !text.text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Dict(dict) => !dict.is_empty(),
        }
    }

    fn is_settled(&self) -> bool {
        match self {
            Self::List(items) => items.iter().all(Self::is_settled),
            Self::Dict(dict) => dict.settled,
            _ => true,
        }
    }

    /// The printed form, `repr()`.
    pub(super) fn print(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::None => out.push_str("None"),
            Self::Bool(true) => out.push_str("True"),
            Self::Bool(false) => out.push_str("False"),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Dict(dict) => {
                out.push('{');
                for (at, (key, value)) in dict.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    write_text(&key, out);
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_text(text: &Text, out: &mut String) {
    if text.from_template {
        let printed = quoted(&unicode_escape(&text.text));
        out.push('u');
        out.push_str(&printed.replace("\\\\", "\\"));
    } else {
        out.push_str(&quoted(&text.text));
    }
}

/// Python 3's `repr` of a string, as far as printable text, controls and quotes go.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// Python's `unicode_escape` encoding: ASCII only.
fn unicode_escape(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let code = u32::from(character);
        let _ = match character {
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            ' '..='~' => out.write_char(character),
            _ if code < 0x100 => write!(out, "\\x{code:02x}"),
            _ if code < 0x1_0000 => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out
}

/// A dictionary: hash-ordered as Python 2.7's, or in order of insertion as Python 3's.
#[derive(Clone, Debug, Default)]
pub(super) struct Dict {
    slots: Option<Slots>,
    entries: IndexMap<String, (bool, Py)>,
    /// True where a deep copy is known to come out the same, at every depth.
    settled: bool,
}

impl PartialEq for Dict {
    fn eq(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len() && self.to_map() == other.to_map()
    }
}

impl Dict {
    /// An empty dictionary in hash order.
    pub(super) fn hashed() -> Self {
        Self { slots: Some(Slots::default()), ..Self::default() }
    }

    /// An empty dictionary in order of insertion.
    pub(super) fn plain() -> Self {
        Self::default()
    }

    /// The same with one more entry, for building.
    pub(super) fn with(mut self, key: &str, value: impl Into<Py>) -> Self {
        self.set(Text::own(key), value.into());
        self
    }

    /// Sets an entry. A key that is there keeps its own text.
    pub(super) fn set(&mut self, key: Text, value: Py) {
        self.settled = false;
        if let Some(slots) = &mut self.slots {
            slots.add(&key.text);
        }
        match self.entries.get_mut(&key.text) {
            Some((_, old)) => *old = value,
            None => {
                self.entries.insert(key.text, (key.from_template, value));
            }
        }
    }

    /// Sets all entries of `other`, after making room for them as `dict.update` does.
    pub(super) fn update(&mut self, other: Self) {
        if let Some(slots) = &mut self.slots {
            slots.merge(&other.keys());
        }
        for (key, (from_template, value)) in other.entries {
            self.set(Text { text: key, from_template }, value);
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Py> {
        self.entries.get(key).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Py> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Py> {
        let (_, value) = self.entries.shift_remove(key)?;
        self.settled = false;
        if let Some(slots) = &mut self.slots {
            slots.remove(key);
        }
        Some(value)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys in this dictionary's order.
    pub(super) fn keys(&self) -> Vec<String> {
        match &self.slots {
            Some(slots) => slots.keys(),
            None => self.entries.keys().cloned().collect(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Text, &Py)> {
        self.keys().into_iter().filter_map(|text| {
            let (from_template, value) = self.entries.get(&text)?;
            Some((Text { text, from_template: *from_template }, value))
        })
    }

    pub(super) fn to_map(&self) -> Map<String, Value> {
        self.entries.iter().map(|(key, (_, value))| (key.clone(), value.to_value())).collect()
    }

    pub(super) fn deep_copy(&self) -> Self {
        let mut copy = Self { slots: self.slots.as_ref().map(Slots::copied), ..self.clone() };
        for (_, value) in copy.entries.values_mut() {
            if !value.is_settled() {
                *value = value.deep_copy();
            }
        }
        let same_order = copy.slots == self.slots;
        copy.settled = same_order && copy.entries.values().all(|(_, value)| value.is_settled());
        copy
    }
}
