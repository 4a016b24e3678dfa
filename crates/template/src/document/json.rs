//! JSON to a tree, refusing duplicate keys, which serde_json alone would let overwrite each other.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Document;
use crate::error::TemplateError;
use crate::limits::{DEPTH_MAX, NODES_MAX};

/// Parses JSON text.
pub(super) fn parse(text: &str) -> Result<Document, TemplateError> {
    let nodes = Cell::new(0);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let root = Node { depth: 0, nodes: &nodes }
        .deserialize(&mut deserializer)
        .and_then(|root| deserializer.end().map(|()| root))
        .map_err(|error| not_well_formed(&error))?;
    Ok(Document { root, places: super::json_place::places(text) })
}

fn not_well_formed(error: &serde_json::Error) -> TemplateError {
    TemplateError::format(format_args!(
        "JSON not well-formed. (line {}, column {})",
        error.line(),
        error.column()
    ))
    .at_place(place(error))
}

fn place(error: &serde_json::Error) -> Option<super::Place> {
    Some(super::Place {
        line: u32::try_from(error.line()).ok()?,
        column: u32::try_from(error.column()).ok()?,
    })
}

/// One value, `depth` levels below the root.
#[derive(Clone, Copy)]
struct Node<'a> {
    depth: usize,
    nodes: &'a Cell<usize>,
}

impl Node<'_> {
    fn count<E: serde::de::Error>(self) -> Result<Self, E> {
        self.nodes.set(self.nodes.get() + 1);
        if self.depth > DEPTH_MAX || self.nodes.get() > NODES_MAX {
            return Err(E::custom("the document is too deep or too large"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self.count()?)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self)?;
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice in one object"));
            }
        }
        Ok(Value::Object(map))
    }
}
