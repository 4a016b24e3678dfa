//! JSON schemas, draft 4: an API's models, compiled once and held against the bodies of requests.
//!
//! It fetches nothing: a reference leads into the same model or to another model of the same API. `format` and words that
//! draft 4 does not know judge nothing. Whatever cannot be decided within its bounds is refused.
//!
//! Written here and not taken from a crate: those that there are bound neither the work of a judgement nor the depth of
//! references, match patterns by backtracking, and say things in words of their own, where API Gateway hands the words of
//! its validator to callers.

mod compile;
mod judge;
mod number;
mod pattern;
mod problems;

use std::collections::BTreeMap;

use regex_automata::meta::Regex;
use serde_json::{Number, Value};

/// The largest model, in bytes: API Gateway's quota.
pub const MODEL_BYTES_MAX: usize = 400 * 1_024;
/// Schemas inside of one API's models, in all.
const NODES_MAX: usize = 20_000;
/// How deep schemas lie inside of one another.
const DEPTH_MAX: usize = 100;

/// Why a model is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It is no JSON object, or too large a one.
    #[error("the schema is not a JSON object of at most {MODEL_BYTES_MAX} bytes")]
    NoSchema,
    /// A keyword has a value that it cannot have.
    #[error("the value of `{0}` is not one that it may have")]
    Keyword(String),
    /// A reference leads nowhere, or outside of the API.
    #[error("the reference `{0}` leads to no schema of this API")]
    Reference(String),
    /// A pattern does not compile.
    #[error("the pattern `{0}` is not supported")]
    Pattern(String),
    /// It is deeper, or has more parts, than is judged.
    #[error("the schema has too many parts, or they lie too deep inside one another")]
    TooLarge,
}

/// The models of one API.
#[derive(Debug, Default)]
pub struct Schemas {
    nodes: Vec<Node>,
    /// By a model's name.
    roots: BTreeMap<String, usize>,
}

impl Schemas {
    /// Compiles models, given by name.
    ///
    /// # Errors
    /// The name of the model that is none, and why.
    pub fn compile(models: &BTreeMap<String, String>) -> Result<Self, (String, SchemaError)> {
        compile::compile(models)
    }

    /// Holds a body against a model.
    ///
    /// # Errors
    /// What is wrong with it, in the words of API Gateway's validator. A model that is not there refuses everything.
    pub(crate) fn judge(&self, model: &str, body: &[u8]) -> Result<(), Vec<String>> {
        judge::judge(self, model, body)
    }
}

/// One schema. Others are named by their places in [`Schemas::nodes`].
#[derive(Debug, Default)]
struct Node {
    /// Another schema that stands in this one's place.
    reference: Option<usize>,
    types: Option<Vec<Type>>,
    values: Option<Vec<Value>>,
    all_of: Vec<usize>,
    any_of: Vec<usize>,
    one_of: Vec<usize>,
    not: Option<usize>,
    text: TextRules,
    number: NumberRules,
    array: ArrayRules,
    object: ObjectRules,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Array,
    Boolean,
    Integer,
    Null,
    Number,
    Object,
    String,
}

const TYPES: [(Type, &str); 7] = [
    (Type::Array, "array"),
    (Type::Boolean, "boolean"),
    (Type::Integer, "integer"),
    (Type::Null, "null"),
    (Type::Number, "number"),
    (Type::Object, "object"),
    (Type::String, "string"),
];

impl Type {
    fn named(name: &str) -> Option<Self> {
        TYPES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    fn name(self) -> &'static str {
        TYPES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The narrowest type of a value.
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    fn takes(self, narrowest: Self) -> bool {
        self == narrowest || (self == Self::Number && narrowest == Self::Integer)
    }
}

#[derive(Debug, Default)]
struct TextRules {
    length_min: Option<u64>,
    length_max: Option<u64>,
    pattern: Option<(String, Regex)>,
}

#[derive(Debug, Default)]
struct NumberRules {
    minimum: Option<(Number, bool)>,
    maximum: Option<(Number, bool)>,
    multiple_of: Option<Number>,
}

#[derive(Debug, Default)]
struct ArrayRules {
    /// For each place from the first on.
    places: Vec<usize>,
    rest: Rest,
    items_min: Option<u64>,
    items_max: Option<u64>,
    unique: bool,
}

#[derive(Debug, Default)]
struct ObjectRules {
    properties: BTreeMap<String, usize>,
    patterns: Vec<(Regex, usize)>,
    rest: Rest,
    required: Vec<String>,
    members_min: Option<u64>,
    members_max: Option<u64>,
    needs: Vec<(String, Need)>,
}

/// What holds of members and items that nothing else speaks of.
#[derive(Clone, Copy, Debug, Default)]
enum Rest {
    #[default]
    Anything,
    Nothing,
    Schema(usize),
}

/// What a member needs besides.
#[derive(Debug)]
enum Need {
    Members(Vec<String>),
    Schema(usize),
}

/// Reads any bytes as a model and a body for it; whatever is understood is decided.
pub(crate) fn fuzz_schema(data: &[u8]) {
    let (schema, body) = data.split_at_checked(data.len() / 2).unwrap_or((data, b""));
    let Ok(schema) = std::str::from_utf8(schema) else { return };
    let models = BTreeMap::from([("m".to_owned(), schema.to_owned())]);
    if let Ok(schemas) = Schemas::compile(&models) {
        let first = schemas.judge("m", body);
        assert_eq!(first, schemas.judge("m", body), "a judgement that differs");
        assert!(schemas.judge("other", body).is_err(), "a model that is not there");
    }
}

#[cfg(test)]
mod tests;
