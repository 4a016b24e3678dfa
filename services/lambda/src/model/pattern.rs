//! Event patterns: which records of a source a function is to see.
//!
//! A pattern is JSON: objects lead to members, arrays list what a value may be. What this does not know is refused when
//! the pattern is read, never ignored when it is applied.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>

use serde_json::{Map, Number, Value};

/// The longest pattern, in bytes.
pub(crate) const PATTERN_BYTES_MAX: usize = 4_096;
/// How deep a pattern may lead.
const DEPTH_MAX: usize = 32;
/// How many rules a pattern may have.
const RULES_MAX: usize = 256;

/// A pattern is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid filter pattern definition.")]
pub(crate) struct InvalidPattern;

/// A pattern that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// Every one of these members.
    All(Vec<(String, Node)>),
    /// One of these at least.
    Any(Vec<Node>),
    /// The value here is one of these.
    Leaf(Vec<Rule>),
}

#[derive(Debug, Clone, PartialEq)]
enum Rule {
    Equals(Value),
    EqualsIgnoringCase(String),
    Prefix(String),
    Suffix(String),
    AnythingBut(Vec<Value>),
    AnythingButPrefix(String),
    Numeric(Vec<(Comparison, f64)>),
    Exists(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(InvalidPattern);
        }
        let Ok(Value::Object(members)) = serde_json::from_str(text) else { return Err(InvalidPattern) };
        let mut room = RULES_MAX;
        node(&members, 0, &mut room).map(Self)
    }

    /// True where the pattern lets an event through.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        self.0.matches(Some(event))
    }
}

fn node(members: &Map<String, Value>, depth: usize, room: &mut usize) -> Result<Node, InvalidPattern> {
    if depth >= DEPTH_MAX || members.is_empty() {
        return Err(InvalidPattern);
    }
    let mut all = Vec::with_capacity(members.len());
    for (name, value) in members {
        let read = match value {
            Value::Array(alternatives) if name == "$or" => {
                let alternatives = alternatives.iter().map(|alternative| match alternative {
                    Value::Object(members) => node(members, depth + 1, room),
                    _ => Err(InvalidPattern),
                });
                Node::Any(alternatives.collect::<Result<_, _>>()?)
            }
            Value::Object(members) => node(members, depth + 1, room)?,
            Value::Array(rules) if !rules.is_empty() => {
                *room = room.checked_sub(rules.len()).ok_or(InvalidPattern)?;
                Node::Leaf(rules.iter().map(rule).collect::<Result<_, _>>()?)
            }
            _ => return Err(InvalidPattern),
        };
        all.push((name.clone(), read));
    }
    Ok(Node::All(all))
}

fn rule(value: &Value) -> Result<Rule, InvalidPattern> {
    let members = match value {
        Value::Array(_) => return Err(InvalidPattern),
        Value::Object(members) => members,
        literal => return Ok(Rule::Equals(literal.clone())),
    };
    let mut members = members.iter();
    let (Some((kind, operand)), None) = (members.next(), members.next()) else { return Err(InvalidPattern) };
    match (kind.as_str(), operand) {
        ("prefix", Value::String(text)) => Ok(Rule::Prefix(text.clone())),
        ("suffix", Value::String(text)) => Ok(Rule::Suffix(text.clone())),
        ("equals-ignore-case", Value::String(text)) => Ok(Rule::EqualsIgnoringCase(text.to_lowercase())),
        ("exists", Value::Bool(exists)) => Ok(Rule::Exists(*exists)),
        ("anything-but", Value::Array(values)) if is_plain(values) => Ok(Rule::AnythingBut(values.clone())),
        ("anything-but", Value::Object(members)) => match members.get("prefix") {
            Some(Value::String(text)) if members.len() == 1 => Ok(Rule::AnythingButPrefix(text.clone())),
            _ => Err(InvalidPattern),
        },
        ("anything-but", value @ (Value::String(_) | Value::Number(_))) => {
            Ok(Rule::AnythingBut(vec![value.clone()]))
        }
        ("numeric", Value::Array(terms)) => numeric(terms).map(Rule::Numeric),
        _ => Err(InvalidPattern),
    }
}

fn is_plain(values: &[Value]) -> bool {
    !values.is_empty() && values.iter().all(|value| value.is_string() || value.is_number())
}

fn numeric(terms: &[Value]) -> Result<Vec<(Comparison, f64)>, InvalidPattern> {
    let pairs = terms.chunks(2).map(|pair| {
        let [Value::String(sign), Value::Number(number)] = pair else { return Err(InvalidPattern) };
        let comparison = match sign.as_str() {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return Err(InvalidPattern),
        };
        Ok((comparison, number.as_f64().ok_or(InvalidPattern)?))
    });
    let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    if (1..=2).contains(&pairs.len()) { Ok(pairs) } else { Err(InvalidPattern) }
}

impl Node {
    fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Self::All(members) => members.iter().all(|(name, node)| match node {
                Self::Any(_) => node.matches(value),
                node => below(value, name, node),
            }),
            Self::Any(alternatives) => alternatives.iter().any(|node| node.matches(value)),
            Self::Leaf(rules) => rules.iter().any(|rule| rule.matches(value)),
        }
    }
}

/// A member of an object, or of some object in a list.
fn below(value: Option<&Value>, name: &str, node: &Node) -> bool {
    match value {
        Some(Value::Array(items)) if !items.is_empty() => {
            items.iter().any(|item| below(Some(item), name, node))
        }
        Some(Value::Object(members)) => node.matches(members.get(name)),
        _ => node.matches(None),
    }
}

impl Rule {
    fn matches(&self, value: Option<&Value>) -> bool {
        if let Self::Exists(exists) = self {
            return value.is_some() == *exists;
        }
        match value {
            None | Some(Value::Object(_)) => false,
            // One of a list's values is enough, as everywhere in such patterns.
            Some(Value::Array(items)) => {
                items.iter().any(|item| !item.is_array() && self.matches(Some(item)))
            }
            Some(scalar) => self.fits(scalar),
        }
    }

    fn fits(&self, value: &Value) -> bool {
        let text = value.as_str();
        match self {
            Self::Exists(_) => false,
            Self::Equals(expected) => same(expected, value),
            Self::EqualsIgnoringCase(expected) => text.is_some_and(|text| text.to_lowercase() == *expected),
            Self::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix.as_str())),
            Self::Suffix(suffix) => text.is_some_and(|text| text.ends_with(suffix.as_str())),
            Self::AnythingBut(values) => !values.iter().any(|expected| same(expected, value)),
            Self::AnythingButPrefix(prefix) => text.is_some_and(|text| !text.starts_with(prefix.as_str())),
            Self::Numeric(terms) => {
                let number = value.as_f64();
                number.is_some_and(|number| {
                    terms.iter().all(|(comparison, bound)| comparison.holds(number, *bound))
                })
            }
        }
    }
}

fn same(expected: &Value, value: &Value) -> bool {
    match (expected, value) {
        (Value::Number(one), Value::Number(other)) => same_number(one, other),
        (expected, value) => expected == value,
    }
}

fn same_number(one: &Number, other: &Number) -> bool {
    one == other
        || one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| Comparison::Equal.holds(one, other))
}

impl Comparison {
    fn holds(self, number: f64, bound: f64) -> bool {
        let order = number.partial_cmp(&bound);
        match self {
            Self::Equal => order.is_some_and(std::cmp::Ordering::is_eq),
            Self::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Self::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
            Self::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
            Self::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn matches(pattern: &Value, event: &Value) -> bool {
        Pattern::parse(&pattern.to_string()).unwrap_or_else(|_| panic!("{pattern}")).matches(event)
    }

    #[test]
    fn every_rule_lets_through_what_it_says() {
        let event = json!({"name": "Alpha", "n": 5, "none": null, "yes": true, "empty": "", "list": ["x", "y"],
            "in": {"deep": {"v": "w"}}, "objects": [{"k": 1}, {"k": 2}]});
        for (pattern, expected) in [
            (json!({"name": ["Alpha"]}), true),
            (json!({"name": ["alpha"]}), false),
            (json!({"name": [{"equals-ignore-case": "aLPHA"}]}), true),
            (json!({"name": ["Beta", {"prefix": "Al"}]}), true),
            (json!({"name": [{"suffix": "ha"}]}), true),
            (json!({"name": [{"anything-but": ["Alpha"]}]}), false),
            (json!({"name": [{"anything-but": "Beta"}]}), true),
            (json!({"name": [{"anything-but": {"prefix": "Al"}}]}), false),
            (json!({"missing": [{"anything-but": ["Alpha"]}]}), false),
            (json!({"n": [5]}), true),
            (json!({"n": [5.0]}), true),
            (json!({"n": ["5"]}), false),
            (json!({"n": [{"numeric": [">", 4, "<=", 5]}]}), true),
            (json!({"n": [{"numeric": [">", 5]}]}), false),
            (json!({"n": [{"numeric": ["=", 5]}]}), true),
            (json!({"name": [{"numeric": [">", 0]}]}), false),
            (json!({"none": [null]}), true),
            (json!({"missing": [null]}), false),
            (json!({"yes": [true]}), true),
            (json!({"empty": [""]}), true),
            (json!({"missing": [{"exists": false}]}), true),
            (json!({"in": {"deep": {"v": [{"exists": true}]}}}), true),
            (json!({"in": {"other": {"v": [{"exists": false}]}}}), true),
            (json!({"list": ["y"]}), true),
            (json!({"list": ["z"]}), false),
            (json!({"objects": {"k": [2]}}), true),
            (json!({"objects": {"k": [3]}}), false),
            (json!({"name": ["Alpha"], "n": [6]}), false),
            (json!({"$or": [{"n": [6]}, {"name": ["Alpha"]}]}), true),
            (json!({"yes": [true], "$or": [{"n": [6]}, {"n": [7]}]}), false),
        ] {
            assert_eq!(matches(&pattern, &event), expected, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let deep = (0..DEPTH_MAX + 1).fold(json!(["x"]), |inner, _| json!({ "a": inner })).to_string();
        let wide = json!({ "a": vec!["x"; RULES_MAX + 1] }).to_string();
        let long = json!({ "a": ["x".repeat(PATTERN_BYTES_MAX)] }).to_string();
        for text in [
            "",
            "[]",
            "{}",
            "null",
            r#"{"a":1}"#,
            r#"{"a":"x"}"#,
            r#"{"a":[]}"#,
            r#"{"a":{}}"#,
            r#"{"a":[["x"]]}"#,
            r#"{"a":[{"unknown":1}]}"#,
            r#"{"a":[{"prefix":1}]}"#,
            r#"{"a":[{"exists":"yes"}]}"#,
            r#"{"a":[{"numeric":[]}]}"#,
            r#"{"a":[{"numeric":[">"]}]}"#,
            r#"{"a":[{"numeric":["!",1]}]}"#,
            r#"{"a":[{"prefix":"a","suffix":"b"}]}"#,
            r#"{"$or":[1]}"#,
            r#"{"a":[{"anything-but":[]}]}"#,
            &deep,
            &wide,
            &long,
        ] {
            assert_eq!(Pattern::parse(text).err(), Some(InvalidPattern), "{text}");
        }
    }

    fn scalar() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-50_i64..50).prop_map(Value::from),
            "[a-c]{0,3}".prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn a_value_matches_itself_and_never_its_opposite(value in scalar()) {
            let event = json!({"a": {"b": value}});
            prop_assert_eq!(matches(&json!({"a": {"b": [value]}}), &event), true);
            prop_assert_eq!(matches(&json!({"a": {"b": [{"exists": false}]}}), &event), false);
            if value.is_string() || value.is_number() {
                prop_assert_eq!(matches(&json!({"a": {"b": [{"anything-but": [value]}]}}), &event), false);
            }
        }

        #[test]
        fn numeric_rules_agree_with_numbers(number in -50_i64..50, bound in -50_i64..50) {
            let event = json!({"n": number});
            for (sign, expected) in
                [("=", number == bound), ("<", number < bound), ("<=", number <= bound), (">", number > bound), (">=", number >= bound)]
            {
                prop_assert_eq!(matches(&json!({"n": [{"numeric": [sign, bound]}]}), &event), expected);
            }
        }

        #[test]
        fn rules_of_one_list_are_alternatives(value in scalar(), rules in proptest::collection::vec(scalar(), 1..4)) {
            let event = json!({"a": value});
            let any = rules.iter().any(|rule| matches(&json!({"a": [rule]}), &event));
            prop_assert_eq!(matches(&json!({"a": rules}), &event), any);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}", json in "[\\[\\]{}:,\"a$or0-9]{0,60}") {
            crate::fuzz::fuzz_event_pattern(text.as_bytes());
            crate::fuzz::fuzz_event_pattern(json.as_bytes());
        }
    }
}
