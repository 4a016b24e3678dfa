//! Reads JSON by shape, straight from bytes to [`Value`].
//!
//! Unknown members are skipped, as AWS does. What it does not accept: a member or key twice, values of another kind,
//! numbers out of range, loose base64, anything behind the document, more depth or values than the limits say.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::{DEPTH_MAX, VALUES_MAX, scalar};
use crate::model::{Kind, Location, Member, Shape, TimestampFormat};
use crate::{Fault, Structure, Value};

/// Reads a body whose root is a structure. An empty body is an empty structure.
pub(in crate::codec) fn read(shape: Shape, body: &[u8]) -> Result<Value, Fault> {
    if body.is_empty() {
        return Ok(Value::Structure(Structure::new()));
    }
    let state =
        State { values: Cell::new(VALUES_MAX), refusal: RefCell::new(None), is_too_deep: Cell::new(false) };
    let seed = Seed { shape, format: None, state: &state, depth: 0 };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = seed.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match read {
        Ok(Value::Null) => Ok(Value::Structure(Structure::new())),
        Ok(value) => Ok(value),
        Err(_) if state.is_too_deep.get() => Err(too_deep(shape)),
        // What serde says of broken syntax names our library's words, not AWS's; and the position is enough.
        Err(error) => Err(Fault::sender(
            "SerializationException",
            state.refusal.into_inner().unwrap_or_else(|| {
                format!(
                    "Unexpected character or end of input at line {} column {}",
                    error.line(),
                    error.column()
                )
            }),
        )),
    }
}

struct State {
    /// How many more values may be read.
    values: Cell<usize>,
    /// Why reading stopped, where it was not the syntax.
    refusal: RefCell<Option<String>>,
    /// True where it was the depth.
    is_too_deep: Cell<bool>,
}

/// What the API says of values that are nested deeper than anything it takes.
fn too_deep(shape: Shape) -> Fault {
    let model = shape.model();
    match model.too_deep {
        Some(message) => Fault::sender(model.validation_error.unwrap_or("ValidationException"), message),
        None => Fault::sender("SerializationException", format!("Nesting is deeper than {DEPTH_MAX} levels")),
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    shape: Shape,
    format: Option<TimestampFormat>,
    state: &'a State,
    depth: usize,
}

impl Seed<'_> {
    fn refuse<T, E: Error>(&self, message: impl Into<String>) -> Result<T, E> {
        self.state.refusal.replace(Some(message.into()));
        Err(E::custom("refused"))
    }

    fn mismatch<T, E: Error>(&self, token: &str) -> Result<T, E> {
        self.refuse(format!("{token} can not be converted to {}", scalar::kind_name(self.shape)))
    }

    fn child<E: Error>(&self, member: &'static Member) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            self.state.is_too_deep.set(true);
            return Err(E::custom("refused"));
        }
        let format = member.timestamp_format;
        Ok(Self { shape: self.shape.of(member), format, state: self.state, depth: self.depth + 1 })
    }

    fn count<E: Error>(&self) -> Result<(), E> {
        match self.state.values.get().checked_sub(1) {
            Some(left) => {
                self.state.values.set(left);
                Ok(())
            }
            None => self.refuse(format!("The request consists of more than {VALUES_MAX} values")),
        }
    }

    fn number<E: Error>(&self, number: f64) -> Result<Value, E> {
        match self.shape.kind() {
            Kind::Float { .. } => Ok(Value::Float(number)),
            Kind::Timestamp if self.epoch() => match scalar::timestamp_from_seconds(number) {
                Some(moment) => Ok(Value::Timestamp(moment)),
                None => self.refuse("Timestamp is out of range"),
            },
            Kind::Integer { .. } if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 => {
                self.integer(number as i64)
            }
            _ => self.mismatch("NUMBER_VALUE"),
        }
    }

    fn integer<E: Error>(&self, number: i64) -> Result<Value, E> {
        match self.shape.kind() {
            Kind::Integer { lowest, highest, name } => {
                if (*lowest..=*highest).contains(&number) {
                    Ok(Value::Integer(number))
                } else {
                    self.refuse(format!("Numeric value ({number}) out of range of {}", name.to_lowercase()))
                }
            }
            _ => self.number(number as f64),
        }
    }

    fn epoch(&self) -> bool {
        matches!(scalar::format_of(self.shape, self.format, TimestampFormat::Epoch), TimestampFormat::Epoch)
    }

    fn text<E: Error>(&self, text: &str) -> Result<Value, E> {
        match self.shape.kind() {
            Kind::String { .. } => Ok(Value::String(text.to_owned())),
            Kind::Blob => self.blob(text),
            Kind::Float { .. } if matches!(text, "NaN" | "Infinity" | "-Infinity") => {
                Ok(Value::Float(scalar::float(text).unwrap_or(f64::NAN)))
            }
            Kind::Timestamp if !self.epoch() => {
                let format = scalar::format_of(self.shape, self.format, TimestampFormat::Epoch);
                match scalar::timestamp(text, format) {
                    Some(moment) => Ok(Value::Timestamp(moment)),
                    None => self.refuse("Timestamp must be in ISO 8601 or HTTP date form"),
                }
            }
            _ => self.mismatch("STRING_VALUE"),
        }
    }

    fn blob<E: Error>(&self, text: &str) -> Result<Value, E> {
        if !text.len().is_multiple_of(4) {
            let length = text.len();
            return self.refuse(format!(
                "Base64 encoded length is expected a multiple of 4 bytes but found: {length}"
            ));
        }
        match STANDARD.decode(text) {
            Ok(bytes) => Ok(Value::Blob(bytes.into())),
            Err(_) => self.refuse("Invalid Base64 character or padding"),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        match self.shape.kind() {
            Kind::Document => serde::Deserialize::deserialize(deserializer).map(Value::Document),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(scalar::kind_name(self.shape))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        match self.shape.kind() {
            Kind::Boolean => Ok(Value::Bool(value)),
            _ => self.mismatch(if value { "TRUE_VALUE" } else { "FALSE_VALUE" }),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.integer(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        match (i64::try_from(value), self.shape.kind()) {
            (Ok(value), _) => self.integer(value),
            (Err(_), Kind::Integer { name, .. }) => {
                self.refuse(format!("Numeric value ({value}) out of range of {}", name.to_lowercase()))
            }
            (Err(_), _) => self.number(value as f64),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.number(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let Kind::List { member, .. } = self.shape.kind() else {
            return self.refuse("Start of list found where not expected");
        };
        let element = self.child(member)?;
        let mut list = Vec::new();
        while let Some(value) = items.next_element_seed(element)? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Value, A::Error> {
        match self.shape.kind() {
            Kind::Structure { members, .. } => self.structure(members, entries),
            Kind::Map { value, .. } => self.map(value, entries),
            _ => self.refuse("Start of structure or map found where not expected"),
        }
    }
}

impl Seed<'_> {
    fn structure<'de, A: MapAccess<'de>>(
        self,
        members: &'static [Member],
        mut entries: A,
    ) -> Result<Value, A::Error> {
        let mut structure = Structure::with_capacity(members.len().min(8));
        while let Some(found) = entries.next_key_seed(Name(members))? {
            let Some(member) = found else {
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = entries.next_value_seed(self.child(member)?)?;
            if structure.get(member.name).is_some() {
                return self.refuse(format!("Duplicate member: {}", member.wire_name));
            }
            if value != Value::Null {
                structure.push(member.name, value);
            }
        }
        Ok(Value::Structure(structure))
    }

    fn map<'de, A: MapAccess<'de>>(self, value: &'static Member, mut entries: A) -> Result<Value, A::Error> {
        let seed = self.child(value)?;
        let mut map: Vec<(String, Value)> = Vec::new();
        let mut seen: HashSet<String> = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            // A hash set costs more than a walk over the few keys that most maps have.
            let twice = if map.len() < 16 {
                map.iter().any(|(known, _)| *known == key)
            } else {
                if seen.is_empty() {
                    seen.extend(map.iter().map(|(known, _)| known.clone()));
                }
                !seen.insert(key.clone())
            };
            if twice {
                return self.refuse("Duplicate key in a map");
            }
            let value = entries.next_value_seed(seed)?;
            map.push((key, value));
        }
        Ok(Value::Map(map))
    }
}

/// Finds the member that a JSON key names; only members of the body count.
struct Name(&'static [Member]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static Member>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|member| member.wire_name == name && member.location == Location::Body))
    }
}
