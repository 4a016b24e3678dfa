//! The one tree that every wire format becomes, and that validation, policy context, redaction and audit read.
//!
//! It carries no schema: which member is required, how long a string may be and how a blob is written are the
//! model's to know.

use base::Timestamp;
use bytes::Bytes;

use crate::ByteStream;

/// A value of any AWS shape.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// An explicit null; codecs leave absent members out instead.
    #[default]
    Null,
    /// A boolean shape.
    Bool(bool),
    /// Byte, short, integer and long shapes.
    Integer(i64),
    /// Float and double shapes, NaN and infinities included.
    Float(f64),
    /// String and enum shapes.
    String(String),
    /// Blob shapes, already decoded from base64 where the wire used it.
    Blob(Bytes),
    /// Timestamp shapes, whatever their wire form.
    Timestamp(Timestamp),
    /// List shapes.
    List(Vec<Value>),
    /// Map shapes: keys come from the caller.
    Map(Map),
    /// Structure and union shapes: names come from the model.
    Structure(Structure),
    /// Document shapes: any JSON.
    Document(serde_json::Value),
    /// Streaming blob shapes, whose bytes are not here.
    Stream(ByteStream),
}

/// A map shape's entries in the order in which they arrived. Keys are unique once decoded.
pub type Map = Vec<(String, Value)>;

/// A structure's present members. Names are the model's own, so they cost nothing to carry.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Structure(Vec<(&'static str, Value)>);

impl Structure {
    /// An empty structure.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// An empty structure with room for `members`.
    pub fn with_capacity(members: usize) -> Self {
        Self(Vec::with_capacity(members))
    }

    /// Adds a member. The caller adds each name once; a later duplicate is never seen by [`Structure::get`].
    pub fn push(&mut self, name: &'static str, value: Value) {
        self.0.push((name, value));
    }

    /// Adds a member where there is one, and hands the structure on: for building answers.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl IntoValue) -> Self {
        match value.into_value() {
            Value::Null => {}
            value => self.0.push((name, value)),
        }
        self
    }

    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(member, _)| *member == name).map(|(_, value)| value)
    }

    /// The string member of this name, if it is one.
    pub fn str(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Takes the member of this name out.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(member, _)| *member == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// All members, in the order in which they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// How many members are present.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True where no member is present.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Structure {
    type Item = (&'static str, Value);
    type IntoIter = std::vec::IntoIter<(&'static str, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A value did not have the kind that generated code expected. The codec and the validator come first, so this is
/// a disagreement between a model and the code generated from it: an internal error, never the caller's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("member `{member}` is not a {expected}")]
pub struct ShapeMismatch {
    /// The member at fault, or empty at the root.
    pub member: &'static str,
    /// The kind that was expected.
    pub expected: &'static str,
}

impl ShapeMismatch {
    /// At the root of a value.
    pub const fn new(expected: &'static str) -> Self {
        Self { member: "", expected }
    }

    /// The same mismatch, seen from the structure that holds it.
    #[must_use]
    pub const fn in_member(mut self, member: &'static str) -> Self {
        self.member = member;
        self
    }
}

/// Plain Rust from a decoded, validated value.
pub trait FromValue: Sized {
    /// Takes the value apart.
    fn from_value(value: Value) -> Result<Self, ShapeMismatch>;

    /// What an absent member becomes: `None` for `Option`, empty for a list; a mismatch for all else.
    fn from_absent() -> Result<Self, ShapeMismatch> {
        Err(ShapeMismatch::new("value, and it is missing"))
    }

    /// The named member of a structure, taken out of it.
    fn from_member(members: &mut Structure, name: &'static str) -> Result<Self, ShapeMismatch> {
        match members.take(name) {
            None | Some(Value::Null) => Self::from_absent(),
            Some(value) => Self::from_value(value),
        }
        .map_err(|mismatch| mismatch.in_member(name))
    }
}

/// A value from plain Rust. `Value::Null` means absent.
pub trait IntoValue {
    /// Builds the value.
    fn into_value(self) -> Value;
}

/// One operation of one API: generated, never written by hand.
pub trait Operation: Send + Sync + 'static {
    /// The API's folder name in `models/`, for example `dynamodb`.
    const SERVICE: &'static str;
    /// AWS's name of the operation.
    const NAME: &'static str;
    /// The request's members.
    type Input: FromValue + IntoValue + Clone + Send + Sync + 'static;
    /// The answer's members.
    type Output: FromValue + IntoValue + Send + 'static;
}

/// The input or output of an operation that has none.
impl FromValue for () {
    fn from_value(_: Value) -> Result<Self, ShapeMismatch> {
        Ok(())
    }

    fn from_absent() -> Result<Self, ShapeMismatch> {
        Ok(())
    }
}

impl IntoValue for () {
    fn into_value(self) -> Value {
        Value::Structure(Structure::new())
    }
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self, ShapeMismatch> {
        Ok(value)
    }
}

impl IntoValue for Value {
    fn into_value(self) -> Value {
        self
    }
}

impl IntoValue for Structure {
    fn into_value(self) -> Value {
        Value::Structure(self)
    }
}

macro_rules! plain {
    ($($rust:ty, $variant:ident, $kind:literal;)*) => {$(
        impl FromValue for $rust {
            fn from_value(value: Value) -> Result<Self, ShapeMismatch> {
                match value {
                    Value::$variant(plain) => Ok(plain),
                    _ => Err(ShapeMismatch::new($kind)),
                }
            }
        }

        impl IntoValue for $rust {
            fn into_value(self) -> Value {
                Value::$variant(self)
            }
        }
    )*};
}

plain! {
    bool, Bool, "boolean";
    i64, Integer, "integer";
    String, String, "string";
    Bytes, Blob, "blob";
    Timestamp, Timestamp, "timestamp";
    serde_json::Value, Document, "document";
}

impl FromValue for f64 {
    fn from_value(value: Value) -> Result<Self, ShapeMismatch> {
        match value {
            Value::Float(number) => Ok(number),
            Value::Integer(number) => Ok(number as Self),
            _ => Err(ShapeMismatch::new("number")),
        }
    }
}

impl IntoValue for f64 {
    fn into_value(self) -> Value {
        Value::Float(self)
    }
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::String(self.to_owned())
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, ShapeMismatch> {
        T::from_value(value).map(Some)
    }

    fn from_absent() -> Result<Self, ShapeMismatch> {
        Ok(None)
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
}

impl<T: FromValue> FromValue for Box<T> {
    fn from_value(value: Value) -> Result<Self, ShapeMismatch> {
        T::from_value(value).map(Self::new)
    }
}

impl<T: IntoValue> IntoValue for Box<T> {
    fn into_value(self) -> Value {
        (*self).into_value()
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: Value) -> Result<Self, ShapeMismatch> {
        match value {
            Value::List(items) => items.into_iter().map(T::from_value).collect(),
            _ => Err(ShapeMismatch::new("list")),
        }
    }

    fn from_absent() -> Result<Self, ShapeMismatch> {
        Ok(Self::new())
    }
}

impl<T: IntoValue> IntoValue for Vec<T> {
    fn into_value(self) -> Value {
        Value::List(self.into_iter().map(T::into_value).collect())
    }
}

/// Map shapes in generated structs: `Vec<(String, T)>` would clash with lists, so they have a name of their own.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Entries<T>(pub Vec<(String, T)>);

impl<T> Entries<T> {
    /// The entry under this key.
    pub fn get(&self, key: &str) -> Option<&T> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// True where there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> FromIterator<(String, T)> for Entries<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<T> IntoIterator for Entries<T> {
    type Item = (String, T);
    type IntoIter = std::vec::IntoIter<(String, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T: FromValue> FromValue for Entries<T> {
    fn from_value(value: Value) -> Result<Self, ShapeMismatch> {
        match value {
            Value::Map(entries) => {
                entries.into_iter().map(|(key, value)| Ok((key, T::from_value(value)?))).collect()
            }
            _ => Err(ShapeMismatch::new("map")),
        }
    }

    fn from_absent() -> Result<Self, ShapeMismatch> {
        Ok(Self(Vec::new()))
    }
}

impl<T: IntoValue> IntoValue for Entries<T> {
    fn into_value(self) -> Value {
        Value::Map(self.0.into_iter().map(|(key, value)| (key, value.into_value())).collect())
    }
}
