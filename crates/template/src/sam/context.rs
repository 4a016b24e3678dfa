//! What the expansion of one serverless resource sees of its template.

use std::collections::BTreeSet;

use base::Timestamp;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::deployment::Preference;
use super::domain::{Groups, History};
use super::error::Problems;
use super::python::Dict;
use super::usage_plan::Shared;

/// Attributes that the generated main resource keeps.
const KEPT: [&str; 5] = ["DeletionPolicy", "UpdatePolicy", "Condition", "UpdateReplacePolicy", "Metadata"];
/// Attributes that every generated resource gets.
const PASSED_ON: [&str; 3] = ["Condition", "DeletionPolicy", "UpdateReplacePolicy"];

/// A serverless resource to expand.
pub(super) struct Source<'a> {
    /// Its logical id.
    pub(super) id: &'a str,
    /// The whole entry.
    pub(super) body: &'a Map<String, Value>,
    /// Its properties, globals merged.
    pub(super) properties: Map<String, Value>,
}

impl<'a> Source<'a> {
    /// Looks at an entry of `Resources`.
    pub(super) fn new(id: &'a str, body: &'a Map<String, Value>) -> Self {
        let properties = body.get("Properties").and_then(Value::as_object).cloned().unwrap_or_default();
        Self { id, body, properties }
    }

    /// The `Condition`.
    pub(super) fn condition(&self) -> Option<&str> {
        self.body.get("Condition").and_then(Value::as_str)
    }

    /// What every generated resource gets of the attributes.
    pub(super) fn passed_on(&self) -> Map<String, Value> {
        let given = |name: &&str| Some(((*name).to_owned(), self.body.get(*name)?.clone()));
        PASSED_ON.iter().filter_map(given).collect()
    }

    /// The main resource that this one becomes.
    pub(super) fn whole(&self, kind: &str, properties: Map<String, Value>) -> Value {
        self.build(kind, properties, &KEPT, true)
    }

    /// A resource beside the main one.
    pub(super) fn part(&self, kind: &str, properties: Map<String, Value>) -> Value {
        self.build(kind, properties, &PASSED_ON, false)
    }

    /// A resource that has all that the main one keeps, but waits for nothing.
    pub(super) fn all_attributes(&self, kind: &str, properties: Map<String, Value>) -> Value {
        self.build(kind, properties, &KEPT, false)
    }

    fn build(&self, kind: &str, properties: Map<String, Value>, attributes: &[&str], ordered: bool) -> Value {
        let mut built = Map::from_iter([("Type".to_owned(), Value::from(kind))]);
        let depends_on = self.body.get("DependsOn").filter(|value| ordered && super::value::is_truthy(value));
        if let Some(depends_on) = depends_on {
            built.insert("DependsOn".to_owned(), depends_on.clone());
        }
        for name in attributes {
            if let Some(value) = self.body.get(*name) {
                built.insert((*name).to_owned(), value.clone());
            }
        }
        built.insert("Properties".to_owned(), Value::Object(properties));
        Value::Object(built)
    }
}

/// An API's body, and whether the transform owns it: only then do events add routes to it.
#[derive(Clone)]
pub(super) struct Body {
    pub(super) doc: Dict,
    pub(super) managed: bool,
}

/// What expansions share and add to.
pub(super) struct Context {
    /// Values of parameters and of the pseudo parameters that are known here.
    pub(super) parameters: IndexMap<String, Value>,
    /// The bodies of the template's APIs by logical id.
    pub(super) bodies: IndexMap<String, Body>,
    /// The properties of the template's APIs by logical id.
    pub(super) apis: IndexMap<String, Map<String, Value>>,
    /// All resources of the template. Events change buckets and user pools in here.
    pub(super) resources: Map<String, Value>,
    /// The template's mappings.
    pub(super) mappings: Map<String, Value>,
    /// Functions that want their traffic moved step by step.
    pub(super) deployments: Vec<Preference>,
    /// The HTTP APIs whose bodies the transform writes.
    pub(super) http_managed: BTreeSet<String>,
    /// The usage plan that APIs share.
    pub(super) usage_plan: Shared,
    /// The groups of records in Route 53 that APIs share.
    pub(super) record_groups: Groups,
    /// How the domains of REST APIs came together.
    pub(super) domains: History,
    /// True where the published transform has the tags of HTTP APIs in the order of a hash table.
    pub(super) hashed_tags: bool,
    /// Conditions to add to the template.
    pub(super) conditions: Map<String, Value>,
    /// For each API the names of the functions behind it, joined: a change of name is a new deployment.
    pub(super) function_names: IndexMap<String, String>,
    /// The time of this transform.
    pub(super) now: Timestamp,
}

impl Context {
    /// A value with the parameters filled in.
    pub(super) fn with_parameters(&self, value: &Value) -> Value {
        super::value::with_parameters(value, &self.parameters)
    }

    /// A value with the parameters filled in, and what it looks up in mappings.
    pub(super) fn with_mappings(&self, value: &Value) -> Result<Value, Problems> {
        super::value::with_mappings(&self.with_parameters(value), &self.mappings)
    }
}
