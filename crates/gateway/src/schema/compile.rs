//! From a model's text to what is held against bodies. Each place in a model is compiled once, so that references may go
//! round.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::{DEPTH_MAX, MODEL_BYTES_MAX, NODES_MAX, Need, Node, Rest, SchemaError, Schemas, Type, pattern};

/// How a model names another one of its API.
const CANONICAL: &str = "https://apigateway.amazonaws.com/restapis/";
/// The longest way into a model, in bytes.
const POINTER_BYTES_MAX: usize = 4_096;

struct Compiler<'m> {
    documents: &'m BTreeMap<&'m str, Value>,
    nodes: Vec<Option<Node>>,
    /// By the model and the way into it.
    known: HashMap<(String, String), usize>,
    depth: usize,
}

/// A place in a model.
#[derive(Clone, Copy)]
struct At<'a> {
    model: &'a str,
    pointer: &'a str,
}

pub(super) fn compile(models: &BTreeMap<String, String>) -> Result<Schemas, (String, SchemaError)> {
    let mut documents = BTreeMap::new();
    for (name, text) in models {
        let document = read(text).ok_or_else(|| (name.clone(), SchemaError::NoSchema))?;
        documents.insert(name.as_str(), document);
    }
    let mut compiler = Compiler { documents: &documents, nodes: Vec::new(), known: HashMap::new(), depth: 0 };
    let mut roots = BTreeMap::new();
    for name in models.keys() {
        let root = compiler.node(At { model: name, pointer: "" });
        roots.insert(name.clone(), root.map_err(|error| (name.clone(), error))?);
    }
    let nodes = compiler.nodes.into_iter().map(Option::unwrap_or_default).collect();
    Ok(Schemas { nodes, roots })
}

fn read(text: &str) -> Option<Value> {
    if text.len() > MODEL_BYTES_MAX {
        return None;
    }
    serde_json::from_str(text).ok().filter(Value::is_object)
}

impl Compiler<'_> {
    /// The place of a schema, which is compiled if nobody asked for it yet.
    fn node(&mut self, at: At<'_>) -> Result<usize, SchemaError> {
        let key = (at.model.to_owned(), at.pointer.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        if self.nodes.len() >= NODES_MAX || self.depth >= DEPTH_MAX || at.pointer.len() > POINTER_BYTES_MAX {
            return Err(SchemaError::TooLarge);
        }
        let document = self.documents.get(at.model);
        let found = document.and_then(|document| document.pointer(at.pointer)).and_then(Value::as_object);
        let found = found.ok_or_else(|| SchemaError::Reference(format!("{}#{}", at.model, at.pointer)))?;
        let place = self.nodes.len();
        self.nodes.push(None);
        self.known.insert(key, place);
        self.depth += 1;
        let node = self.read(found, at);
        self.depth -= 1;
        let node = node?;
        if let Some(slot) = self.nodes.get_mut(place) {
            *slot = Some(node);
        }
        Ok(place)
    }

    fn read(&mut self, schema: &Map<String, Value>, at: At<'_>) -> Result<Node, SchemaError> {
        let mut node = Node::default();
        if let Some(reference) = schema.get("$ref") {
            let text = reference.as_str().ok_or_else(|| wrong("$ref"))?;
            node.reference = Some(self.reference(text, at.model)?);
            return Ok(node);
        }
        for (name, value) in schema {
            let here = format!("{}/{}", at.pointer, escaped(name));
            let at = At { model: at.model, pointer: &here };
            match name.as_str() {
                "type" => node.types = Some(types(value)?),
                "enum" => node.values = Some(value.as_array().ok_or_else(|| wrong(name))?.clone()),
                "allOf" => node.all_of = self.list(value, at)?,
                "anyOf" => node.any_of = self.list(value, at)?,
                "oneOf" => node.one_of = self.list(value, at)?,
                "not" => node.not = Some(self.node(at)?),
                _ => {
                    self.object(&mut node, name, value, at)?;
                    self.array(&mut node, name, value, at)?;
                    plain(&mut node, schema, name, value)?;
                }
            }
        }
        Ok(node)
    }

    fn object(&mut self, node: &mut Node, name: &str, value: &Value, at: At<'_>) -> Result<(), SchemaError> {
        let rules = &mut node.object;
        match name {
            "properties" => {
                for member in members(name, value)?.keys() {
                    rules.properties.insert(member.clone(), self.member(at, member)?);
                }
            }
            "patternProperties" => {
                for member in members(name, value)?.keys() {
                    rules.patterns.push((pattern::compile(member)?, self.member(at, member)?));
                }
            }
            "additionalProperties" => rules.rest = self.rest(name, value, at)?,
            // A flag, as draft 3 has it, is what many documents say of a property; it asks for nothing here.
            "required" if value.is_boolean() => {}
            "required" => rules.required = texts(name, value)?,
            "minProperties" => rules.members_min = Some(count(name, value)?),
            "maxProperties" => rules.members_max = Some(count(name, value)?),
            "dependencies" => {
                for (member, needs) in members(name, value)? {
                    let need = match needs {
                        Value::Array(_) => Need::Members(texts(name, needs)?),
                        _ => Need::Schema(self.member(at, member)?),
                    };
                    rules.needs.push((member.clone(), need));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn array(&mut self, node: &mut Node, name: &str, value: &Value, at: At<'_>) -> Result<(), SchemaError> {
        let rules = &mut node.array;
        match (name, value) {
            ("items", Value::Array(_)) => rules.places = self.list(value, at)?,
            ("items", _) => rules.rest = Rest::Schema(self.node(at)?),
            // It speaks of what a list of schemas leaves over, and of nothing where there is none.
            ("additionalItems", _) => {
                let list = self.documents.get(at.model).and_then(|document| {
                    let (schema, _) = at.pointer.rsplit_once('/')?;
                    document.pointer(schema)?.get("items")
                });
                if list.is_some_and(Value::is_array) {
                    rules.rest = self.rest(name, value, at)?;
                }
            }
            ("minItems", _) => rules.items_min = Some(count(name, value)?),
            ("maxItems", _) => rules.items_max = Some(count(name, value)?),
            ("uniqueItems", _) => rules.unique = value.as_bool().ok_or_else(|| wrong(name))?,
            _ => {}
        }
        Ok(())
    }

    fn member(&mut self, at: At<'_>, name: &str) -> Result<usize, SchemaError> {
        let pointer = format!("{}/{}", at.pointer, escaped(name));
        self.node(At { model: at.model, pointer: &pointer })
    }

    fn list(&mut self, value: &Value, at: At<'_>) -> Result<Vec<usize>, SchemaError> {
        let items = value.as_array().filter(|items| !items.is_empty());
        let items = items.ok_or_else(|| wrong(at.pointer))?;
        (0..items.len()).map(|place| self.member(at, &place.to_string())).collect()
    }

    fn rest(&mut self, name: &str, value: &Value, at: At<'_>) -> Result<Rest, SchemaError> {
        match value {
            Value::Bool(true) => Ok(Rest::Anything),
            Value::Bool(false) => Ok(Rest::Nothing),
            Value::Object(_) => Ok(Rest::Schema(self.node(at)?)),
            _ => Err(wrong(name)),
        }
    }

    /// The schema that a reference leads to: a place in the same model, or another model.
    // SECURITY: nothing is fetched. What an address names besides the model is not looked at: there is no other API here.
    fn reference(&mut self, text: &str, model: &str) -> Result<usize, SchemaError> {
        let nowhere = || SchemaError::Reference(text.to_owned());
        if let Some(rest) = text.strip_prefix(CANONICAL) {
            let (_, name) = rest.split_once("/models/").ok_or_else(nowhere)?;
            return self.node(At { model: name, pointer: "" }).map_err(|error| match error {
                SchemaError::Reference(_) if !self.documents.contains_key(name) => nowhere(),
                other => other,
            });
        }
        let pointer = text.strip_prefix('#').ok_or_else(nowhere)?;
        let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8().map_err(|_| nowhere())?;
        self.node(At { model, pointer: &pointer }).map_err(|error| match error {
            SchemaError::Reference(_) => nowhere(),
            other => other,
        })
    }
}

/// Rules that need no other schema.
fn plain(node: &mut Node, schema: &Map<String, Value>, name: &str, value: &Value) -> Result<(), SchemaError> {
    let number = || value.as_number().cloned().ok_or_else(|| wrong(name));
    let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or(false);
    match name {
        "minLength" => node.text.length_min = Some(count(name, value)?),
        "maxLength" => node.text.length_max = Some(count(name, value)?),
        "pattern" => {
            let text = value.as_str().ok_or_else(|| wrong(name))?;
            node.text.pattern = Some((text.to_owned(), pattern::compile(text)?));
        }
        "minimum" => node.number.minimum = Some((number()?, flag("exclusiveMinimum"))),
        "maximum" => node.number.maximum = Some((number()?, flag("exclusiveMaximum"))),
        "multipleOf" => {
            let positive = number()?;
            if positive.as_f64().is_none_or(|number| number <= 0.0) {
                return Err(wrong(name));
            }
            node.number.multiple_of = Some(positive);
        }
        "exclusiveMinimum" | "exclusiveMaximum" if !value.is_boolean() => return Err(wrong(name)),
        _ => {}
    }
    Ok(())
}

fn wrong(keyword: &str) -> SchemaError {
    SchemaError::Keyword(keyword.chars().take(256).collect())
}

/// A name as it stands in a pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn members<'v>(name: &str, value: &'v Value) -> Result<&'v Map<String, Value>, SchemaError> {
    value.as_object().ok_or_else(|| wrong(name))
}

fn count(name: &str, value: &Value) -> Result<u64, SchemaError> {
    value.as_u64().ok_or_else(|| wrong(name))
}

fn texts(name: &str, value: &Value) -> Result<Vec<String>, SchemaError> {
    let items = value.as_array().ok_or_else(|| wrong(name))?.iter();
    items.map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(name))).collect()
}

fn types(value: &Value) -> Result<Vec<Type>, SchemaError> {
    let one = |value: &Value| value.as_str().and_then(Type::named).ok_or_else(|| wrong("type"));
    match value {
        Value::Array(items) if !items.is_empty() => items.iter().map(one).collect(),
        one_type => Ok(vec![one(one_type)?]),
    }
}
