//! A document's schemas as models: named ones by their names, those that stand in place by a name made of their text.
//!
//! References between them are written as API Gateway keeps them: by the model's own address.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::malformed;
use crate::Error;
use crate::model::short_id;
use crate::records::ModelRecord;

/// How documents name their schemas.
const PLACES: [&str; 2] = ["#/definitions/", "#/components/schemas/"];

/// The schemas of a document, by name.
#[derive(Debug, Default)]
pub(crate) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Reads what stands under `definitions`, or under `components` as `schemas`.
    pub(crate) fn read(root: &Map<String, Value>) -> Result<Self, Error> {
        let schemas = root.get("definitions").or_else(|| root.get("components")?.get("schemas"));
        match schemas {
            None => Ok(Self::default()),
            Some(Value::Object(schemas)) => {
                Ok(Self(schemas.iter().map(|(name, schema)| (name.clone(), schema.clone())).collect()))
            }
            Some(_) => Err(malformed("definitions")),
        }
    }

    /// The name of the model that a schema of an operation is, made where it has none.
    pub(crate) fn name_of(&mut self, schema: &Value) -> Result<String, Error> {
        let reference = schema.get("$ref").and_then(Value::as_str);
        if let Some(name) = reference.and_then(named) {
            if !self.0.contains_key(name) {
                return Err(Error::bad(format!("Unable to find the model {name}")));
            }
            return Ok(name.to_owned());
        }
        if !schema.is_object() {
            return Err(malformed("schema"));
        }
        let digest = crypto::sha256(schema.to_string().as_bytes());
        let short: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("MODEL{short}");
        self.0.insert(name.clone(), schema.clone());
        Ok(name)
    }

    /// The models, as an API of this id keeps them.
    pub(crate) fn models(&self, api_id: &str) -> BTreeMap<String, ModelRecord> {
        let model = |(name, schema): (&String, &Value)| {
            let mut schema = schema.clone();
            self.rewrite(&mut schema, api_id);
            let record = ModelRecord {
                id: short_id(),
                description: None,
                schema: schema.to_string(),
                content_type: "application/json".to_owned(),
            };
            (name.clone(), record)
        };
        self.0.iter().map(model).collect()
    }

    /// Goes as deep as the reader of documents does, which is bounded.
    fn rewrite(&self, schema: &mut Value, api_id: &str) {
        match schema {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get_mut("$ref")
                    && let Some(name) = named(reference).filter(|name| self.0.contains_key(*name))
                {
                    *reference = format!("https://apigateway.amazonaws.com/restapis/{api_id}/models/{name}");
                }
                members.values_mut().for_each(|member| self.rewrite(member, api_id));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.rewrite(item, api_id)),
            _ => {}
        }
    }
}

/// The name in a reference to a schema of the document.
fn named(reference: &str) -> Option<&str> {
    let name = PLACES.iter().find_map(|place| reference.strip_prefix(place))?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}
