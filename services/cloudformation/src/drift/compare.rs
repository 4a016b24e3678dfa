//! What differs between the properties that a template gives and those that a resource has.
//!
//! Only what the template says counts, save in maps and documents, where what was added counts as well. Calls nothing.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// How the properties of a type are compared. Patterns are JSON pointers in which `*` stands for one step.
#[derive(Debug)]
pub(crate) struct Rules {
    /// What no call shows: it is not compared.
    pub(crate) unread: &'static [&'static str],
    /// Maps and documents: what the resource has besides is a difference.
    pub(crate) whole: &'static [&'static str],
    /// Lists whose order counts.
    pub(crate) ordered: &'static [&'static str],
}

impl Rules {
    /// Everything is shown, and there are no maps.
    pub(crate) const PLAIN: Self = Self { unread: &[], whole: &[], ordered: &[] };
}

/// What happened to a value, as AWS names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Add,
    Remove,
    NotEqual,
}

impl Kind {
    /// `ADD`, `REMOVE` or `NOT_EQUAL`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Remove => "REMOVE",
            Self::NotEqual => "NOT_EQUAL",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// A JSON pointer.
    pub(crate) path: String,
    pub(crate) expected: Value,
    pub(crate) actual: Value,
    pub(crate) kind: Kind,
}

/// Values nested deeper than this are the same or are not, without a look at where: each level of lists may double the work.
const DEPTH_MAX: usize = 12;

/// What tells the items of a list apart.
const NAMES: [&str; 12] = [
    "ApiId",
    "AttributeName",
    "FunctionVersion",
    "HttpMethod",
    "IndexName",
    "Key",
    "PolicyName",
    "ResourcePath",
    "RuleName",
    "Sid",
    "Stage",
    "StatusCode",
];

/// Without what no call shows.
pub(crate) fn readable(properties: &Map<String, Value>, rules: &Rules) -> Map<String, Value> {
    let mut kept = properties.clone();
    for pattern in rules.unread {
        let mut steps: Vec<&str> = pattern.split('/').skip(1).collect();
        let Some(last) = steps.pop() else { continue };
        let holder = steps.iter().try_fold(&mut kept, |map, step| map.get_mut(*step)?.as_object_mut());
        holder.and_then(|map| map.shift_remove(last));
    }
    kept.retain(|_, value| !value.is_null());
    kept
}

/// All differences, in the order of the template's properties.
pub(crate) fn differences(
    expected: &Map<String, Value>,
    actual: &Map<String, Value>,
    rules: &Rules,
) -> Vec<Difference> {
    let mut found = Vec::new();
    Comparison { rules, path: Vec::new() }.maps(expected, actual, &mut found);
    found
}

struct Comparison<'a> {
    rules: &'a Rules,
    path: Vec<String>,
}

impl Comparison<'_> {
    fn matches(&self, patterns: &[&str], beneath: bool) -> bool {
        patterns.iter().any(|pattern| {
            let mut steps = pattern.split('/').skip(1);
            let mut own = self.path.iter();
            loop {
                match (steps.next(), own.next()) {
                    (None, None) => return true,
                    (None, Some(_)) => return beneath,
                    (Some(_), None) => return false,
                    (Some(step), Some(name)) if step == "*" || step == name => {}
                    _ => return false,
                }
            }
        })
    }

    /// True in a map or a document.
    fn is_whole(&self) -> bool {
        self.matches(self.rules.whole, true)
    }

    fn tell(&self, found: &mut Vec<Difference>, kind: Kind, expected: &Value, actual: &Value) {
        let step = |step: &String| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
        let path = self.path.iter().map(step).collect();
        found.push(Difference { path, expected: expected.clone(), actual: actual.clone(), kind });
    }

    /// Goes on one step deeper.
    fn at(&mut self, step: &str, look: impl FnOnce(&mut Self)) {
        self.path.push(step.to_owned());
        look(self);
        self.path.pop();
    }

    fn maps(
        &mut self,
        expected: &Map<String, Value>,
        actual: &Map<String, Value>,
        found: &mut Vec<Difference>,
    ) {
        for (name, value) in expected {
            self.at(name, |here| match actual.get(name).filter(|value| !value.is_null()) {
                Some(other) => here.values(value, other, found),
                // What is set to nothing is not there.
                None if is_empty(value) => {}
                None => here.tell(found, Kind::Remove, value, &Value::Null),
            });
        }
        if !self.is_whole() {
            return;
        }
        for (name, value) in
            actual.iter().filter(|(name, value)| !expected.contains_key(*name) && !value.is_null())
        {
            self.at(name, |here| here.tell(found, Kind::Add, &Value::Null, value));
        }
    }

    fn values(&mut self, expected: &Value, actual: &Value, found: &mut Vec<Difference>) {
        if self.path.len() > DEPTH_MAX {
            if expected != actual {
                self.tell(found, Kind::NotEqual, expected, actual);
            }
            return;
        }
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) => self.maps(expected, actual, found),
            (Value::Array(expected), Value::Array(actual)) => self.lists(expected, actual, found),
            // Documents say one thing, or a list of one, and may be given as text.
            (Value::Array(expected), one) if self.is_whole() => {
                self.lists(expected, std::slice::from_ref(one), found)
            }
            (one, Value::Array(actual)) if self.is_whole() => {
                self.lists(std::slice::from_ref(one), actual, found)
            }
            (Value::String(text), Value::Object(_)) => match serde_json::from_str(text) {
                Ok(document @ Value::Object(_)) => self.values(&document, actual, found),
                _ => self.tell(found, Kind::NotEqual, expected, actual),
            },
            _ if same(expected, actual) => {}
            _ => self.tell(found, Kind::NotEqual, expected, actual),
        }
    }

    fn is_same(&mut self, expected: &Value, actual: &Value) -> bool {
        let mut found = Vec::new();
        self.values(expected, actual, &mut found);
        found.is_empty()
    }

    fn lists(&mut self, expected: &[Value], actual: &[Value], found: &mut Vec<Difference>) {
        let mut left: Vec<(usize, &Value)> = expected.iter().enumerate().collect();
        let mut there: Vec<(usize, &Value)> = actual.iter().enumerate().collect();
        let mut pairs = Vec::new();
        if self.matches(self.rules.ordered, false) {
            let both = left.len().min(there.len());
            pairs.extend(left.drain(..both).zip(there.drain(..both)));
        } else {
            left.retain(|(at, value)| {
                let mut equal = |other: &&Value| {
                    self.path.push(at.to_string());
                    let same = self.is_same(value, other);
                    self.path.pop();
                    same
                };
                let found = there.iter().position(|(_, other)| equal(other));
                found.map(|at| there.remove(at)).is_none()
            });
            for (at, value) in std::mem::take(&mut left) {
                match there.iter().position(|(_, other)| are_one(value, other)) {
                    Some(other) => pairs.push(((at, value), there.remove(other))),
                    None => left.push((at, value)),
                }
            }
        }
        pairs.sort_by_key(|((left, _), _)| *left);
        for ((at, value), (_, other)) in pairs {
            self.at(&at.to_string(), |here| here.values(value, other, found));
        }
        for (at, value) in left {
            self.at(&at.to_string(), |here| here.tell(found, Kind::Remove, value, &Value::Null));
        }
        for (at, value) in there {
            self.at(&at.to_string(), |here| here.tell(found, Kind::Add, &Value::Null, value));
        }
    }
}

/// True where two different items of a list are two states of one thing.
fn are_one(one: &Value, other: &Value) -> bool {
    let (Value::Object(one), Value::Object(other)) = (one, other) else { return false };
    NAMES.iter().all(|name| match (one.get(*name), other.get(*name)) {
        (Some(one), Some(other)) => same(one, other),
        (one, other) => one == other,
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Null => true,
        _ => false,
    }
}

/// Scalars: a template writes `10` and `"10"`, `true` and `"true"` alike.
fn same(expected: &Value, actual: &Value) -> bool {
    if expected == actual {
        return true;
    }
    let scalar = |value: &Value| !matches!(value, Value::Array(_) | Value::Object(_) | Value::Null);
    if !scalar(expected) || !scalar(actual) {
        return false;
    }
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (one, other) = (text(expected), text(actual));
    let numbers = || Some((one.parse::<f64>().ok()?, other.parse::<f64>().ok()?));
    let is_number = expected.is_number() || actual.is_number();
    one == other
        || (is_number && numbers().is_some_and(|(one, other)| one.total_cmp(&other) == Ordering::Equal))
        || ((expected.is_boolean() || actual.is_boolean()) && one.eq_ignore_ascii_case(&other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const RULES: Rules = Rules {
        unread: &["/Secret", "/Login/Password"],
        whole: &["/Variables", "/Policies/*/Document"],
        ordered: &["/Layers"],
    };

    fn found(expected: Value, actual: Value) -> Vec<String> {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let expected = readable(&map(expected), &RULES);
        let found = differences(&expected, &map(actual), &RULES);
        found
            .into_iter()
            .map(|d| format!("{} {} {} {}", d.kind.name(), d.path, d.expected, d.actual))
            .collect()
    }

    #[test]
    fn only_what_the_template_says_counts() {
        assert!(found(json!({ "A": 1 }), json!({ "A": 1, "B": 2 })).is_empty());
        assert!(found(json!({ "A": { "x": 1 } }), json!({ "A": { "x": 1, "y": 2 } })).is_empty());
        assert!(
            found(json!({ "Secret": 1, "Login": { "Password": "p" } }), json!({ "Login": {} })).is_empty()
        );
        assert_eq!(found(json!({ "A": 1 }), json!({})), ["REMOVE /A 1 null"]);
        assert_eq!(found(json!({ "A": { "x": 1 } }), json!({ "A": { "x": 2 } })), ["NOT_EQUAL /A/x 1 2"]);
    }

    #[test]
    fn scalars_are_the_same_however_they_are_written() {
        let table = [
            ("10", json!(10)),
            ("true", json!(true)),
            ("1.0", json!(1)),
            ("True", json!(true)),
            ("a", json!("a")),
        ];
        for (text, value) in table {
            assert!(found(json!({ "A": text }), json!({ "A": value })).is_empty(), "{text}");
        }
        assert_eq!(found(json!({ "A": "1.0" }), json!({ "A": "1" })).len(), 1);
        assert!(found(json!({ "A": "", "B": [], "C": {} }), json!({})).is_empty());
        assert_eq!(found(json!({ "A": [] }), json!({ "A": 1 })).len(), 1);
    }

    #[test]
    fn lists_are_sets_unless_their_order_counts() {
        assert!(found(json!({ "A": [1, 2] }), json!({ "A": [2, 1] })).is_empty());
        assert_eq!(
            found(json!({ "A": [1, 2] }), json!({ "A": [3, 1] })),
            ["REMOVE /A/1 2 null", "ADD /A/0 null 3"]
        );
        assert_eq!(
            found(json!({ "Layers": ["a", "b"] }), json!({ "Layers": ["b", "a", "c"] })),
            [
                "NOT_EQUAL /Layers/0 \"a\" \"b\"",
                "NOT_EQUAL /Layers/1 \"b\" \"a\"",
                "ADD /Layers/2 null \"c\""
            ]
        );
        let tags =
            |value: &str| json!({ "Tags": [{ "Key": "k", "Value": value }, { "Key": "l", "Value": "1" }] });
        assert_eq!(found(tags("1"), tags("2")), ["NOT_EQUAL /Tags/0/Value \"1\" \"2\""]);
        assert_eq!(
            found(json!({ "R": [{ "x": 1 }] }), json!({ "R": [{ "x": 2, "y": 3 }] })),
            ["NOT_EQUAL /R/0/x 1 2"]
        );
    }

    #[test]
    fn in_maps_and_documents_everything_counts() {
        assert_eq!(
            found(json!({ "Variables": { "a/b": "1" } }), json!({ "Variables": { "a/b": "2", "c": "3" } })),
            ["NOT_EQUAL /Variables/a~1b \"1\" \"2\"", "ADD /Variables/c null \"3\""]
        );
        let policy = |document: Value| json!({ "Policies": [{ "PolicyName": "p", "Document": document }] });
        let written = policy(json!({ "Action": "a:b", "Resource": ["*"] }));
        assert!(found(written.clone(), policy(json!({ "Action": ["a:b"], "Resource": "*" }))).is_empty());
        assert!(found(policy(json!("{\"Action\":\"a:b\"}")), policy(json!({ "Action": "a:b" }))).is_empty());
        assert_eq!(
            found(written, policy(json!({ "Action": ["a:b", "a:c"], "Resource": "*" }))),
            ["ADD /Policies/0/Document/Action/1 null \"a:c\""]
        );
    }

    #[test]
    fn deep_values_end() {
        let deep = |last: Value| (0..50).fold(last, |value, _| json!([{ "x": value }]));
        assert_eq!(found(json!({ "A": deep(json!(1)) }), json!({ "A": deep(json!(2)) })).len(), 1);
    }
}
