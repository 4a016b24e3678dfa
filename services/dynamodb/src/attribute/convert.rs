//! Attribute values from a request's value tree, with everything checked, and back into one for the answer.
//!
//! Which attribute is a key, and what that demands of it, is [`crate::key`]'s to know.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use protocol::{Entries, Structure, Value};

use super::{AttributeValue, Attributes, NESTING_MAX};
use crate::invalid::Invalid;

const EMPTY: &str = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
const AMBIGUOUS: &str = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes";
pub(crate) const TOO_DEEP: &str = "Nesting Levels have exceeded supported limits: \
    Attributes in the item have nested levels beyond supported limit";
const MALFORMED: &str = "Supplied AttributeValue is not of the type that its name says";

/// An item, a key or a map of placeholders from a request.
///
/// # Errors
/// A value breaks one of DynamoDB's rules.
pub fn attributes_from_entries(entries: Entries<Value>) -> Result<Attributes, Invalid> {
    entries_at(entries, 0)
}

fn entries_at(
    entries: impl IntoIterator<Item = (String, Value)>,
    depth: usize,
) -> Result<Attributes, Invalid> {
    entries.into_iter().map(|(name, value)| Ok((name, value_at(value, depth)?))).collect()
}

impl TryFrom<Value> for AttributeValue {
    type Error = Invalid;

    fn try_from(value: Value) -> Result<Self, Invalid> {
        value_at(value, 0)
    }
}

fn value_at(value: Value, depth: usize) -> Result<AttributeValue, Invalid> {
    if depth > NESTING_MAX {
        return Err(Invalid::new(TOO_DEEP));
    }
    let Value::Structure(members) = value else {
        return Err(Invalid::new(EMPTY));
    };
    let mut members = members.into_iter().filter(|(_, value)| *value != Value::Null);
    let (name, value) = members.next().ok_or_else(|| Invalid::new(EMPTY))?;
    let converted = typed(name, value, depth)?;
    if members.next().is_some() {
        return Err(Invalid::new(AMBIGUOUS));
    }
    Ok(converted)
}

fn typed(name: &'static str, value: Value, depth: usize) -> Result<AttributeValue, Invalid> {
    Ok(match (name, value) {
        ("S", Value::String(text)) => AttributeValue::S(text),
        ("N", Value::String(text)) => AttributeValue::N(text.parse()?),
        ("B", Value::Blob(bytes)) => AttributeValue::B(bytes),
        ("BOOL", Value::Bool(truth)) => AttributeValue::Bool(truth),
        ("NULL", Value::Bool(true)) => AttributeValue::Null,
        ("NULL", Value::Bool(false)) => {
            return Err(Invalid::parameter("Null attribute value types must have the value of true"));
        }
        ("M", Value::Map(entries)) => AttributeValue::M(entries_at(entries, depth + 1)?),
        ("L", Value::List(items)) => AttributeValue::L(
            items.into_iter().map(|item| value_at(item, depth + 1)).collect::<Result<_, _>>()?,
        ),
        ("SS", Value::List(items)) => string_set(items)?,
        ("NS", Value::List(items)) => number_set(items)?,
        ("BS", Value::List(items)) => binary_set(items)?,
        _ => return Err(Invalid::new(MALFORMED)),
    })
}

fn string_set(items: Vec<Value>) -> Result<AttributeValue, Invalid> {
    if items.is_empty() {
        return Err(Invalid::parameter("An string set  may not be empty"));
    }
    let given = items.into_iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
    sorted_set(given.clone()).map(AttributeValue::Ss).ok_or_else(|| {
        Invalid::parameter(format!("Input collection [{}] contains duplicates.", given.join(", ")))
    })
}

fn number_set(items: Vec<Value>) -> Result<AttributeValue, Invalid> {
    if items.is_empty() {
        return Err(Invalid::parameter("An number set  may not be empty"));
    }
    let given = items.into_iter().map(|item| text_of(item)?.parse()).collect::<Result<Vec<_>, Invalid>>()?;
    sorted_set(given)
        .map(AttributeValue::Ns)
        .ok_or_else(|| Invalid::new("Input collection contains duplicates"))
}

fn binary_set(items: Vec<Value>) -> Result<AttributeValue, Invalid> {
    if items.is_empty() {
        return Err(Invalid::parameter("Binary sets should not be empty"));
    }
    let given = items.into_iter().map(blob_of).collect::<Result<Vec<_>, _>>()?;
    sorted_set(given.clone()).map(AttributeValue::Bs).ok_or_else(|| {
        let texts: Vec<_> = given.iter().map(|bytes| STANDARD.encode(bytes)).collect();
        Invalid::parameter(format!("Input collection [{}]of type BS contains duplicates.", texts.join(", ")))
    })
}

fn text_of(value: Value) -> Result<String, Invalid> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Invalid::new(MALFORMED)),
    }
}

fn blob_of(value: Value) -> Result<Bytes, Invalid> {
    match value {
        Value::Blob(bytes) => Ok(bytes),
        _ => Err(Invalid::new(MALFORMED)),
    }
}

/// The elements in order; `None` where one occurs twice.
fn sorted_set<T: Ord>(mut elements: Vec<T>) -> Option<Vec<T>> {
    elements.sort_unstable();
    let is_distinct = elements.iter().zip(elements.iter().skip(1)).all(|(one, two)| one != two);
    is_distinct.then_some(elements)
}

impl From<AttributeValue> for Value {
    fn from(value: AttributeValue) -> Self {
        let name = value.type_name();
        let plain = match value {
            AttributeValue::S(text) => Self::String(text),
            AttributeValue::N(number) => Self::String(number.to_string()),
            AttributeValue::B(bytes) => Self::Blob(bytes),
            AttributeValue::Bool(truth) => Self::Bool(truth),
            AttributeValue::Null => Self::Bool(true),
            AttributeValue::M(attributes) => Self::Map(Entries::from(attributes).0),
            AttributeValue::L(items) => Self::List(items.into_iter().map(Self::from).collect()),
            AttributeValue::Ss(set) => Self::List(set.into_iter().map(Self::String).collect()),
            AttributeValue::Ns(set) => Self::List(set.iter().map(|n| Self::String(n.to_string())).collect()),
            AttributeValue::Bs(set) => Self::List(set.into_iter().map(Self::Blob).collect()),
        };
        let mut structure = Structure::with_capacity(1);
        structure.push(name, plain);
        Self::Structure(structure)
    }
}

impl From<Attributes> for Entries<Value> {
    fn from(attributes: Attributes) -> Self {
        Self(attributes.into_iter().map(|(name, value)| (name, Value::from(value))).collect())
    }
}
