//! From a botocore service model to our compact one: the same traits under the same names, without a word of prose.
//!
//! A trait that is neither kept nor dropped by name stops the generator: a new one may change the wire.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::authorization::Facts;
use super::overrides::{Global, Service};
use super::pattern;
use crate::failure::{Failure, Outcome};

/// Traits of the metadata that go over as they are.
const METADATA: &[&str] = &[
    "apiVersion",
    "endpointPrefix",
    "globalEndpoint",
    "jsonVersion",
    "protocol",
    "serviceId",
    "signingName",
    "targetPrefix",
    "xmlNamespace",
];

/// Traits of shapes, and of references to shapes, that go over as they are.
const TRAITS: &[&str] = &[
    "type",
    "shape",
    "document",
    "enum",
    "error",
    "event",
    "eventheader",
    "eventpayload",
    "eventstream",
    "exception",
    "fault",
    "flattened",
    "hostLabel",
    "idempotencyToken",
    "jsonvalue",
    "location",
    "locationName",
    "max",
    "min",
    "payload",
    "queryName",
    "required",
    "sensitive",
    "sparse",
    "streaming",
    "timestampFormat",
    "union",
    "wrapper",
    "xmlAttribute",
    "xmlNamespace",
];

/// Traits of operations that are read here.
const OPERATION: &[&str] = &["name", "http", "input", "output", "errors"];

/// A compact model, in the order in which it is printed.
pub(crate) struct Model {
    pub(crate) header: Map<String, Value>,
    pub(crate) operations: Vec<(String, Value)>,
    pub(crate) shapes: Vec<(String, Value)>,
}

impl Model {
    /// The shape of this name.
    pub(crate) fn shape(&self, name: &str) -> Option<&Value> {
        self.shapes
            .binary_search_by(|(shape, _)| shape.as_str().cmp(name))
            .ok()
            .and_then(|at| Some(&self.shapes.get(at)?.1))
    }
}

struct Compactor<'a> {
    service: &'a str,
    global: &'a Global,
    overrides: &'a Service,
    facts: Option<&'a Facts>,
}

/// Reduces one service's model.
pub(crate) fn compact(
    service: &str,
    definition: &Value,
    global: &Global,
    overrides: &Service,
    facts: &Facts,
) -> Outcome<Model> {
    let compactor = Compactor { service, global, overrides, facts: Some(facts) };
    let model = compactor.model(definition)?;
    compactor.refuse_stale_overrides(&model)?;
    Ok(model)
}

/// Reduces a model that stands in a test vector: no overrides, no authorization facts.
pub(crate) fn compact_vector(name: &str, definition: &Value, global: &Global) -> Outcome<Model> {
    let overrides = Service::default();
    Compactor { service: name, global, overrides: &overrides, facts: None }.model(definition)
}

impl Compactor<'_> {
    fn fail(&self, place: &str, problem: &str) -> Failure {
        Failure::new(format!("{} {place}: {problem}", self.service))
    }

    fn model(&self, definition: &Value) -> Outcome<Model> {
        let operations = self.sorted(definition, "operations", Self::operation)?;
        let shapes = self.sorted(definition, "shapes", Self::shape)?;
        Ok(Model { header: self.header(definition), operations, shapes })
    }

    fn sorted(
        &self,
        definition: &Value,
        table: &str,
        reduce: impl Fn(&Self, &str, &Map<String, Value>) -> Outcome<Value>,
    ) -> Outcome<Vec<(String, Value)>> {
        let empty = Map::new();
        let entries = definition.get(table).and_then(Value::as_object).unwrap_or(&empty);
        let mut reduced = Vec::with_capacity(entries.len());
        let left_out = |name: &str| table == "operations" && self.overrides.without.contains(name);
        for (name, entry) in entries.iter().filter(|(name, _)| !left_out(name)) {
            let entry = entry.as_object().ok_or_else(|| self.fail(name, "is not an object"))?;
            reduced.push((name.clone(), reduce(self, name, entry)?));
        }
        reduced.sort_by(|left, right| left.0.cmp(&right.0));
        Ok(reduced)
    }

    fn header(&self, definition: &Value) -> Map<String, Value> {
        let mut header = Map::new();
        header.insert("service".to_owned(), self.service.into());
        for key in METADATA {
            if let Some(fact) = definition.get("metadata").and_then(|metadata| metadata.get(*key)) {
                // Several API models wrap the namespace in an object.
                let fact = fact.get("uri").unwrap_or(fact);
                header.insert((*key).to_owned(), fact.clone());
            }
        }
        if let Some(code) = &self.overrides.validation_error {
            header.insert("validationError".to_owned(), code.as_str().into());
        }
        if let Some(reasons) = &self.overrides.validation_reasons {
            header.insert("validationReasons".to_owned(), json!(reasons));
        }
        if let Some(reason) = &self.overrides.validation_reason {
            header.insert("validationReason".to_owned(), reason.as_str().into());
        }
        if let Some(namespace) = &self.overrides.error_namespace {
            header.insert("errorNamespace".to_owned(), namespace.as_str().into());
        }
        if let Some(namespace) = &self.overrides.xml_namespace {
            header.insert("xmlNamespace".to_owned(), namespace.as_str().into());
        }
        if let Some(message) = &self.overrides.too_deep {
            header.insert("tooDeep".to_owned(), message.as_str().into());
        }
        if let Some(source) = &self.overrides.event_source {
            header.insert("eventSource".to_owned(), source.as_str().into());
        }
        if self.overrides.crc32 {
            header.insert("crc32".to_owned(), true.into());
        }
        if self.overrides.bare_errors {
            header.insert("bareErrors".to_owned(), true.into());
        }
        if !self.overrides.pattern_message.is_empty() {
            header.insert("patternMessages".to_owned(), json!(self.overrides.pattern_message));
        }
        header
    }

    fn operation(&self, name: &str, operation: &Map<String, Value>) -> Outcome<Value> {
        for key in operation.keys() {
            if !OPERATION.contains(&key.as_str()) && !self.global.drop.contains(key) {
                return Err(self.fail(name, &format!("operation trait `{key}` is unknown")));
            }
        }
        let http = |key: &str| operation.get("http").and_then(|http| http.get(key)).cloned();
        let mut out = Map::new();
        let method = http("method").unwrap_or_else(|| "POST".into());
        let uri = http("requestUri").unwrap_or_else(|| "/".into());
        out.insert("http".to_owned(), json!([method, uri]));
        let own = || self.overrides.status.get(name).map(|status| json!(status));
        if let Some(status) = http("responseCode").or_else(own) {
            out.insert("status".to_owned(), status);
        }
        for key in ["input", "output"] {
            if let Some(reference) = operation.get(key).and_then(Value::as_object) {
                out.extend(self.direction(name, key, reference)?);
            }
        }
        if let Some(root) = self.overrides.root.get(name) {
            out.insert("output.locationName".to_owned(), root.as_str().into());
        }
        if self.overrides.unwrapped.contains(name) {
            out.insert("output.unwrapped".to_owned(), true.into());
        }
        if self.overrides.needs_digest.contains(name) {
            out.insert("needsDigest".to_owned(), true.into());
        }
        let errors: Vec<&Value> = operation
            .get("errors")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|e| e.get("shape"))
            .collect();
        if !errors.is_empty() {
            out.insert("errors".to_owned(), json!(errors));
        }
        self.authorize(name, method.as_str().unwrap_or_default(), &mut out);
        if let Some(event) = self.overrides.event.get(name) {
            out.insert("event".to_owned(), event.as_str().into());
        }
        Ok(Value::Object(out))
    }

    /// `input` or `output`: the shape's name, and the wrapper or locations that hang on the reference.
    fn direction(
        &self,
        name: &str,
        key: &str,
        reference: &Map<String, Value>,
    ) -> Outcome<Map<String, Value>> {
        let mut out = Map::new();
        for (inner, value) in reference {
            match inner.as_str() {
                "shape" => drop(out.insert(key.to_owned(), value.clone())),
                "resultWrapper" | "locationName" | "xmlNamespace" | "payload" => {
                    drop(out.insert(format!("{key}.{inner}"), value.clone()));
                }
                dropped if self.global.drop.contains(dropped) => {}
                other => return Err(self.fail(name, &format!("{key} trait `{other}` is unknown"))),
            }
        }
        Ok(out)
    }

    fn authorize(&self, name: &str, method: &str, out: &mut Map<String, Value>) {
        let Some(facts) = self.facts else { return };
        let renamed = self.overrides.action.get(name);
        if let Some(action) = renamed {
            out.insert("action".to_owned(), action.as_str().into());
        }
        let level = facts.level(renamed.map_or(name, String::as_str));
        let reads = match level {
            Some(level) => matches!(level, "Read" | "List"),
            None => method == "GET",
        };
        if reads || self.overrides.read_only.contains(name) {
            out.insert("readOnly".to_owned(), true.into());
        }
    }

    fn shape(&self, name: &str, shape: &Map<String, Value>) -> Outcome<Value> {
        let mut out = self.traits(name, shape)?;
        self.constrain(name, &mut out)?;
        for key in ["member", "key", "value"] {
            if let Some(reference) = shape.get(key).and_then(Value::as_object) {
                out.insert(key.to_owned(), self.reference(name, key, reference)?);
            }
        }
        if let Some(members) = shape.get("members").and_then(Value::as_object) {
            let mut reduced = Map::new();
            for (member, reference) in members {
                let reference =
                    reference.as_object().ok_or_else(|| self.fail(name, "has a strange member"))?;
                reduced.insert(member.clone(), self.reference(name, member, reference)?);
            }
            self.require(name, &reduced, &mut out);
            out.insert("members".to_owned(), Value::Object(reduced));
        }
        Ok(Value::Object(out))
    }

    fn traits(&self, name: &str, shape: &Map<String, Value>) -> Outcome<Map<String, Value>> {
        let mut out = Map::new();
        for key in TRAITS {
            match shape.get(*key) {
                None | Some(Value::Bool(false)) => {}
                Some(value) => drop(out.insert((*key).to_owned(), value.clone())),
            }
        }
        // Models say it of shapes and of references; whether a service streams is ours to say, of the shape.
        out.remove("streaming");
        if self.overrides.streams.contains(name) {
            out.insert("streaming".to_owned(), true.into());
        }
        if let Some(pattern) = shape.get("pattern") {
            out.insert("pattern".to_owned(), pattern.clone());
        }
        for key in shape.keys() {
            let children = ["pattern", "member", "key", "value", "members"];
            if !TRAITS.contains(&key.as_str())
                && !children.contains(&key.as_str())
                && !self.global.drop.contains(key)
            {
                return Err(self.fail(name, &format!("trait `{key}` is unknown")));
            }
        }
        if self.overrides.sensitive.contains(name) {
            out.insert("sensitive".to_owned(), true.into());
        }
        Ok(out)
    }

    fn constrain(&self, name: &str, out: &mut Map<String, Value>) -> Outcome {
        if let Some(constraints) = self.overrides.shape.get(name) {
            out.retain(|key, _| !constraints.remove.contains(key));
            for (key, limit) in [("min", constraints.min), ("max", constraints.max)] {
                if let Some(limit) = limit {
                    out.insert(key.to_owned(), limit.into());
                }
            }
            if let Some(pattern) = &constraints.pattern {
                out.insert("pattern".to_owned(), pattern.as_str().into());
            }
            if let Some(values) = &constraints.values {
                out.insert("enum".to_owned(), json!(values));
            }
        }
        let Some(text) = out.get("pattern").and_then(Value::as_str).map(str::to_owned) else { return Ok(()) };
        let matcher = pattern::matcher(&text, &format!("{} {name}", self.service), self.global)?;
        if matcher.regex != text {
            out.insert("regex".to_owned(), matcher.regex.into());
        }
        if let Some(except) = matcher.except {
            out.insert("except".to_owned(), except.into());
        }
        Ok(())
    }

    /// A reference with no trait of its own is just the shape's name.
    fn reference(&self, name: &str, member: &str, reference: &Map<String, Value>) -> Outcome<Value> {
        let place = format!("{name}${member}");
        let mut out = self.traits(&place, reference)?;
        if self.overrides.redact.contains(&place) {
            out.insert("redact".to_owned(), true.into());
        }
        if let Some(shape) = self.overrides.retype.get(&place) {
            out.insert("shape".to_owned(), shape.as_str().into());
        }
        match out.get("shape") {
            Some(shape) if out.len() == 1 => Ok(shape.clone()),
            Some(_) => Ok(Value::Object(out)),
            None => Err(self.fail(&place, "names no shape")),
        }
    }

    fn require(&self, name: &str, members: &Map<String, Value>, out: &mut Map<String, Value>) {
        let said: BTreeSet<&str> = out
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let required: Vec<&String> = members
            .keys()
            .filter(|member| {
                let place = format!("{name}${member}");
                (said.contains(member.as_str()) && !self.overrides.optional.contains(&place))
                    || self.overrides.required.contains(&place)
            })
            .collect();
        let required = json!(required);
        out.remove("required");
        if required != json!([]) {
            out.insert("required".to_owned(), required);
        }
    }

    fn refuse_stale_overrides(&self, model: &Model) -> Outcome {
        let overrides = self.overrides;
        let operations =
            overrides.implement.iter().chain(&overrides.read_only).chain(overrides.action.keys());
        let operations = operations
            .chain(overrides.root.keys())
            .chain(&overrides.unwrapped)
            .chain(overrides.status.keys());
        let operations = operations.chain(&overrides.needs_digest).chain(overrides.event.keys());
        for name in operations {
            if !model.operations.iter().any(|(operation, _)| operation == name) {
                return Err(self.fail("overrides", &format!("there is no operation {name}")));
            }
        }
        let shapes = overrides.opaque.iter().chain(&overrides.sensitive).chain(&overrides.streams);
        for name in shapes.chain(overrides.shape.keys()) {
            if model.shape(name).is_none() {
                return Err(self.fail("overrides", &format!("there is no shape {name}")));
            }
        }
        if let Some(shape) = overrides.retype.values().find(|shape| model.shape(shape).is_none()) {
            return Err(self.fail("overrides", &format!("there is no shape {shape}")));
        }
        let places = overrides.redact.iter().chain(&overrides.required).chain(&overrides.optional);
        for place in places.chain(overrides.retype.keys()) {
            let known = place.split_once('$').is_some_and(|(shape, member)| {
                model.shape(shape).and_then(|shape| shape.get("members")?.get(member)).is_some()
            });
            if !known {
                return Err(self.fail("overrides", &format!("there is no member {place}")));
            }
        }
        Ok(())
    }
}

/// The committed form: one operation or shape a line.
pub(crate) fn print(model: &Model) -> String {
    let mut lines: Vec<String> =
        model.header.iter().map(|(key, value)| format!("{}:{value}", Value::from(key.as_str()))).collect();
    for (table, entries) in [("operations", &model.operations), ("shapes", &model.shapes)] {
        let entries: Vec<String> =
            entries.iter().map(|(name, entry)| format!("{}:{entry}", Value::from(name.as_str()))).collect();
        lines.push(format!("\"{table}\":{{\n{}\n}}", entries.join(",\n")));
    }
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}
