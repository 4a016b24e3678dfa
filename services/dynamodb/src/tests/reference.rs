//! A second, simple DynamoDB: values, conditions, updates and projections as trees that write their own expressions and
//! evaluate themselves. It shares no code with the service.

pub(super) mod condition;
pub(super) mod update;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// The numbers and the texts that one random choice draws from.
pub(in crate::tests) struct Dice(u64);

impl Dice {
    pub(in crate::tests) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(in crate::tests) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % end as u64).unwrap()
    }

    pub(in crate::tests) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub(in crate::tests) fn word(&mut self, of: &[&'static str]) -> &'static str {
        of[self.below(of.len())]
    }

    pub(in crate::tests) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(in crate::tests) fn number(&mut self) -> i128 {
        const HUGE: i128 = 10_i128.pow(38) - 1;
        match self.below(12) {
            0 => HUGE,
            1 => -HUGE,
            2 => 10_i128.pow(37) + 1,
            _ => self.below(9) as i128 - 4,
        }
    }

    pub(in crate::tests) fn text(&mut self) -> String {
        self.word(&["", "a", "ab", "b", "ba", "é", "🦀z"]).to_owned()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::tests) enum Any {
    N(i128),
    S(String),
    Bool(bool),
    Null,
    L(Vec<Any>),
    M(Item),
    Ss(BTreeSet<String>),
    Ns(BTreeSet<i128>),
}

pub(in crate::tests) type Item = BTreeMap<String, Any>;

/// More than 38 digits that count are refused.
pub(in crate::tests) fn fits(number: i128) -> Option<i128> {
    let digits = number.unsigned_abs().to_string();
    (digits.trim_end_matches('0').len() <= 38).then_some(number)
}

impl Any {
    pub(in crate::tests) fn random(dice: &mut Dice, depth: usize) -> Self {
        match dice.below(if depth == 0 { 6 } else { 8 }) {
            0 | 1 => Self::N(dice.number()),
            2 => Self::S(dice.text()),
            3 => Self::Bool(dice.chance(50)),
            4 => Self::Null,
            5 if dice.chance(50) => Self::Ss((0..=dice.below(3)).map(|_| dice.text()).collect()),
            5 => Self::Ns((0..=dice.below(3)).map(|_| dice.number()).collect()),
            6 => Self::L((0..dice.below(4)).map(|_| Self::random(dice, depth - 1)).collect()),
            _ => {
                let names = ["x", "y", "z"];
                Self::M(
                    (0..dice.below(4))
                        .map(|_| (dice.word(&names).to_owned(), Self::random(dice, depth - 1)))
                        .collect(),
                )
            }
        }
    }

    pub(in crate::tests) fn json(&self) -> Value {
        match self {
            Self::N(number) => json!({"N": number.to_string()}),
            Self::S(text) => json!({"S": text}),
            Self::Bool(truth) => json!({"BOOL": truth}),
            Self::Null => json!({"NULL": true}),
            Self::L(list) => json!({"L": list.iter().map(Self::json).collect::<Vec<_>>()}),
            Self::M(map) => json!({"M": item_json(map)}),
            Self::Ss(set) => json!({"SS": set}),
            Self::Ns(set) => json!({"NS": set.iter().map(ToString::to_string).collect::<Vec<_>>()}),
        }
    }

    /// From an answer, whose sets have no order.
    pub(in crate::tests) fn read(value: &Value) -> Self {
        let (kind, inner) = value.as_object().unwrap().iter().next().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match kind.as_str() {
            "N" => Self::N(text(inner).parse().unwrap()),
            "S" => Self::S(text(inner)),
            "BOOL" => Self::Bool(inner.as_bool().unwrap()),
            "NULL" => Self::Null,
            "L" => Self::L(inner.as_array().unwrap().iter().map(Self::read).collect()),
            "M" => Self::M(read_item(inner)),
            "SS" => Self::Ss(inner.as_array().unwrap().iter().map(text).collect()),
            "NS" => {
                Self::Ns(inner.as_array().unwrap().iter().map(|each| text(each).parse().unwrap()).collect())
            }
            other => panic!("{other}"),
        }
    }

    pub(in crate::tests) fn kind(&self) -> &'static str {
        match self {
            Self::N(_) => "N",
            Self::S(_) => "S",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::L(_) => "L",
            Self::M(_) => "M",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
        }
    }

    pub(in crate::tests) fn size(&self) -> Option<i128> {
        let size = match self {
            Self::S(text) => text.encode_utf16().count(),
            Self::L(list) => list.len(),
            Self::M(map) => map.len(),
            Self::Ss(set) => set.len(),
            Self::Ns(set) => set.len(),
            Self::N(_) | Self::Bool(_) | Self::Null => return None,
        };
        i128::try_from(size).ok()
    }
}

pub(in crate::tests) fn item_json(item: &Item) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), value.json())).collect())
}

pub(in crate::tests) fn read_item(value: &Value) -> Item {
    value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), Any::read(value))).collect()
}

/// The placeholders of one request.
#[derive(Default)]
pub(in crate::tests) struct Places {
    pub(in crate::tests) names: Map<String, Value>,
    pub(in crate::tests) values: Map<String, Value>,
}

impl Places {
    pub(in crate::tests) fn value(&mut self, value: &Any) -> String {
        let name = format!(":v{}", self.values.len());
        self.values.insert(name.clone(), value.json());
        name
    }

    pub(in crate::tests) fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), json!(name));
        placeholder
    }

    /// Adds them to a request, where there are any.
    pub(in crate::tests) fn fill(self, input: &mut Value) {
        if !self.names.is_empty() {
            input["ExpressionAttributeNames"] = Value::Object(self.names);
        }
        if !self.values.is_empty() {
            input["ExpressionAttributeValues"] = Value::Object(self.values);
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::tests) enum Step {
    Name(&'static str),
    At(usize),
}

/// A document path: an attribute, and at most one step into it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::tests) struct Way(pub(in crate::tests) &'static str, pub(in crate::tests) Option<Step>);

pub(in crate::tests) const ATTRIBUTES: [&str; 6] = ["a", "b", "m", "l", "ss", "ns"];

impl Way {
    pub(in crate::tests) fn random(dice: &mut Dice) -> Self {
        let head = dice.word(&ATTRIBUTES);
        let step = match dice.below(4) {
            0 => Some(Step::Name(dice.word(&["x", "y", "z"]))),
            1 => Some(Step::At(dice.below(3))),
            _ => None,
        };
        Self(head, step)
    }

    pub(in crate::tests) fn text(&self, places: &mut Places) -> String {
        let head = places.name(self.0);
        match &self.1 {
            None => head,
            Some(Step::Name(name)) => format!("{head}.{name}"),
            Some(Step::At(at)) => format!("{head}[{at}]"),
        }
    }

    pub(in crate::tests) fn get<'a>(&self, item: &'a Item) -> Option<&'a Any> {
        match (item.get(self.0)?, &self.1) {
            (value, None) => Some(value),
            (Any::M(map), Some(Step::Name(name))) => map.get(*name),
            (Any::L(list), Some(Step::At(at))) => list.get(*at),
            _ => None,
        }
    }
}
