//! In which order the published transform has the entries of a REST API's domain, which counts into the id of its deployment.
//!
//! The order follows how a domain came together: what is global first, then what is the API's own.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::super::context::Context;
use super::super::python::{Dict, Py, Text, ordered};
use super::super::value::is_intrinsic;
use super::super::{api, globals};

/// The domains of REST APIs as the template has them, before globals are merged: the global one and the API's own.
#[derive(Default)]
pub(in super::super) struct History(HashMap<String, (Option<Value>, Option<Value>)>);

impl History {
    /// Looks at a template that has its globals yet.
    pub(in super::super) fn of(root: &Map<String, Value>) -> Self {
        let global = root.get("Globals").and_then(|globals| globals.get("Api")?.get("Domain"));
        let resources = root.get("Resources").and_then(Value::as_object).into_iter().flatten();
        let apis = resources.filter(|(_, body)| body.get("Type").is_some_and(|kind| kind == api::KIND));
        let domains = apis.map(|(id, body)| {
            let own = body.get("Properties").and_then(|properties| properties.get("Domain")).cloned();
            let global = global.filter(|_| !globals::is_ignored("Domain", body));
            (id.clone(), (global.cloned(), own))
        });
        Self(domains.collect())
    }

    /// The domain of an API with the parameters filled in.
    pub(super) fn domain(&self, id: &str, context: &Context) -> Dict {
        let Some((global, own)) = self.0.get(id) else { return Dict::hashed() };
        let read = |value: &Option<Value>| value.as_ref().map(|value| context.with_parameters(value));
        let merged = match (read(global), read(own)) {
            (Some(global), Some(own)) => merge(&Py::from_template(&global), &own),
            (one, other) => one.or(other).map_or(Py::None, |value| Py::from_template(&value)),
        };
        merged.as_dict().cloned().unwrap_or_else(Dict::hashed)
    }
}

/// The document's depth cap bounds the recursion.
fn merge(global: &Py, own: &Value) -> Py {
    match (global, own) {
        (Py::Dict(dict), Value::Object(map)) if !is_intrinsic(&global.to_value()) && !is_intrinsic(own) => {
            let mut merged = Dict::hashed();
            merged.update((**dict).clone());
            for (key, value) in ordered(map) {
                let value = match merged.get(key) {
                    Some(old) => merge(&old.clone(), value),
                    None => Py::from_template(value),
                };
                merged.set(Text::template(key), value);
            }
            merged.into()
        }
        (Py::List(global), Value::Array(own)) => {
            Py::List(global.iter().cloned().chain(own.iter().map(Py::from_template)).collect())
        }
        (_, own) => Py::from_template(own),
    }
}
