//! What a model may be: a JSON schema with a name, whose references lead to models of the same API.
//!
//! One that bodies could not be held against is refused when it is put.

use std::collections::BTreeMap;

use gateway::{SchemaError, Schemas};

use crate::Error;
use crate::model::short_id;
use crate::records::{ApiRecord, MethodRecord, ModelRecord};

/// Models of one API: API Gateway's quota.
const MODELS_MAX: usize = 400;

/// The models that an API has from its making on.
pub(crate) fn usual() -> BTreeMap<String, ModelRecord> {
    let of = |name: &str, description: &str, schema: &str| {
        let record = ModelRecord {
            id: short_id(),
            description: Some(description.to_owned()),
            schema: schema.to_owned(),
            content_type: "application/json".to_owned(),
        };
        (name.to_owned(), record)
    };
    BTreeMap::from([
        of(
            "Empty",
            "This is a default empty schema model",
            "{\n  \"$schema\": \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Empty Schema\",\n  \"type\" : \"object\"\n}",
        ),
        of(
            "Error",
            "This is a default error schema model",
            "{\n  \"$schema\" : \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Error Schema\",\n  \"type\" : \"object\",\n  \"properties\" : {\n    \"message\" : { \"type\" : \"string\" }\n  }\n}",
        ),
    ])
}

/// The schemas of an API's models, by name.
pub(crate) fn texts(api: &ApiRecord) -> BTreeMap<String, String> {
    api.models.iter().map(|(name, model)| (name.clone(), model.schema.clone())).collect()
}

/// What is said of a schema that is none.
pub(crate) fn invalid(error: &SchemaError) -> String {
    let what = match error {
        SchemaError::Reference(_) => format!("Model reference must be in canonical form, {error}"),
        other => format!("Invalid model schema specified, {other}"),
    };
    format!("Invalid model specified: Validation Result: warnings : [], errors : [{what}]")
}

impl ApiRecord {
    /// Refuses models that bodies could not be held against.
    pub(crate) fn check_models(&self) -> Result<(), Error> {
        if self.models.len() > MODELS_MAX {
            let message = "Maximum number of Models for this API has been reached.";
            return Err(Error::LimitExceeded(message.to_owned()));
        }
        if let Some(name) = self.models.keys().find(|name| !is_name(name)) {
            return Err(Error::bad(format!("Model name must be alphanumeric: {name}")));
        }
        Schemas::compile(&texts(self)).map(drop).map_err(|(_, error)| Error::bad(invalid(&error)))
    }

    /// The model of this name.
    pub(crate) fn model_named(&self, name: &str) -> Result<&ModelRecord, Error> {
        self.models.get(name).ok_or_else(|| missing(name))
    }

    /// Takes a model away that nothing names.
    pub(crate) fn remove_model(&mut self, name: &str) -> Result<(), Error> {
        let used = |method: &MethodRecord| method.request_models.values().any(|model| model == name);
        if let Some(place) = self.method_place(used) {
            return Err(Error::Conflict(format!(
                "Cannot delete model '{name}', is referenced in method request: {place}"
            )));
        }
        self.models.remove(name).ok_or_else(|| missing(name))?;
        let error = Schemas::compile(&texts(self)).err();
        error.map_or(Ok(()), |(other, _)| {
            Err(Error::Conflict(format!("Cannot delete model '{name}', is referenced in model: {other}")))
        })
    }

    /// Where the first method stands of which something holds: `/pets/POST`.
    pub(crate) fn method_place(&self, holds: impl Fn(&MethodRecord) -> bool) -> Option<String> {
        self.resources.values().find_map(|resource| {
            let (name, _) = resource.methods.iter().find(|(_, method)| holds(method))?;
            Some(format!("{}/{name}", resource.path.trim_end_matches('/')))
        })
    }

    /// Refuses methods that name models that are not there.
    pub(crate) fn check_request_models(&self, method: &MethodRecord) -> Result<(), Error> {
        self.check_named(method.request_models.values())
    }

    /// Refuses names of models that are not there.
    pub(crate) fn check_named<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Result<(), Error> {
        let unknown = names.into_iter().find(|name| !self.models.contains_key(*name));
        unknown.map_or(Ok(()), |name| Err(Error::bad(format!("Invalid model identifier specified: {name}"))))
    }
}

fn is_name(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn missing(name: &str) -> Error {
    Error::NotFound(format!("Invalid model identifier specified: {name}"))
}
