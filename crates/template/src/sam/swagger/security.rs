//! Who may call a method: authorizers, API keys, and the schemes that declare them.

use serde_json::Value;

use super::super::error::Problems;
use super::super::python::{Dict, Py, Text};
use super::{Editor, SECURITY, first_is_iam, method_key, security_of};

/// The scheme that API keys are asked for with, and its opposite.
const KEY: &str = "api_key";
const NO_KEY: &str = "api_key_false";

/// An authorizer as an API's methods refer to it.
pub(in super::super) struct Authorizer {
    pub(in super::super) name: String,
    /// Its scheme in the body.
    pub(in super::super) scheme: Dict,
    /// The scopes that it asks for where a method does not say.
    pub(in super::super) scopes: Value,
}

fn requirement(name: Text, scopes: &Value) -> Py {
    let mut requirement = Dict::hashed();
    requirement.set(name, Py::from_template(scopes));
    requirement.into()
}

fn names(entry: &Py, name: &str) -> bool {
    entry.as_dict().is_some_and(|dict| dict.contains(name))
}

impl Editor {
    /// Declares authorizers.
    pub(in super::super) fn define_authorizers(
        &mut self,
        authorizers: &[Authorizer],
    ) -> Result<(), Problems> {
        let declared = self.doc.get(SECURITY).filter(|declared| declared.is_truthy());
        if declared.is_some_and(|declared| declared.as_dict().is_none()) {
            return Err(Problems::structure("securityDefinitions must be a dictionary."));
        }
        for authorizer in authorizers {
            self.security.set(Text::template(&authorizer.name), authorizer.scheme.clone().into());
        }
        Ok(())
    }

    fn define_iam(&mut self) {
        if self.security.contains("AWS_IAM") {
            return;
        }
        let scheme = Dict::hashed()
            .with("x-amazon-apigateway-authtype", "awsSigv4")
            .with("type", "apiKey")
            .with("name", "Authorization")
            .with("in", "header");
        self.security.update(Dict::hashed().with("AWS_IAM", scheme));
    }

    /// Declares that API keys are asked for.
    pub(in super::super) fn define_api_key(&mut self) {
        if self.security.contains(KEY) {
            return;
        }
        let scheme = Dict::hashed().with("type", "apiKey").with("name", "x-api-key").with("in", "header");
        self.security.update(Dict::hashed().with(KEY, scheme));
    }

    /// Sets the authorizer of one method, or `NONE` to opt out of the default.
    pub(in super::super) fn set_method_authorizer(
        &mut self,
        path: &str,
        method: &str,
        authorizer: &str,
        scopes: &Value,
    ) -> Result<(), Problems> {
        let key = method_key(method).text;
        let mut iam = false;
        self.for_each_method(path, |name, definition| {
            if name != key {
                return Ok(());
            }
            let mut security = security_of(definition, path, name)?;
            security.push(requirement(Text::template(authorizer), scopes));
            iam |= first_is_iam(&security);
            definition.set(Text::own("security"), Py::List(security));
            Ok(())
        })?;
        if iam {
            self.define_iam();
        }
        Ok(())
    }

    /// Asks for an API key on one method, or opts out of the API's own asking.
    pub(in super::super) fn set_method_api_key(
        &mut self,
        path: &str,
        method: &str,
        required: bool,
    ) -> Result<(), Problems> {
        let key = method_key(method).text;
        let mut found = false;
        self.for_each_method(path, |name, definition| {
            if name != key {
                return Ok(());
            }
            found = true;
            let mut security = security_of(definition, path, name)?;
            let name = if required { KEY } else { NO_KEY };
            security.push(requirement(Text::own(name), &Value::Array(Vec::new())));
            definition.set(Text::own("security"), Py::List(security));
            Ok(())
        })?;
        if found && required {
            self.define_api_key();
        }
        Ok(())
    }

    /// Gives every method of a path the default authorizer, except those that chose their own or `NONE`.
    pub(in super::super) fn set_default_authorizer(
        &mut self,
        path: &str,
        default: &str,
        authorizers: &[Authorizer],
        with_preflight: bool,
    ) -> Result<(), Problems> {
        let mut iam = false;
        let is_authorizer = |entry: &Py| {
            names(entry, "AWS_IAM") || authorizers.iter().any(|authorizer| names(entry, &authorizer.name))
        };
        let scopes = authorizers.iter().find(|authorizer| authorizer.name == default);
        let scopes = scopes.map_or_else(|| Value::Array(Vec::new()), |found| found.scopes.clone());
        self.for_each_method(path, |method, definition| {
            if method == "options" && !with_preflight {
                return Ok(());
            }
            let existing = security_of(definition, path, method)?;
            let (mut chosen, mut others): (Vec<Py>, Vec<Py>) = existing.into_iter().partition(is_authorizer);
            if let Some(at) = others.iter().position(|entry| names(entry, "NONE")) {
                others.remove(at);
                chosen.clear();
            } else if chosen.is_empty() {
                chosen.push(requirement(Text::template(default), &scopes));
            }
            others.append(&mut chosen);
            // SECURITY: where nothing is left the marker stays in the body, as in the published transform: the
            // gateway reads it as "no authorization", which is what the template's author wrote.
            if !others.is_empty() {
                iam |= first_is_iam(&others);
                definition.set(Text::own("security"), Py::List(others));
            }
            Ok(())
        })?;
        if iam {
            self.define_iam();
        }
        Ok(())
    }

    /// Asks for an API key on every method of a path, except those that opted out.
    pub(in super::super) fn set_default_api_key(
        &mut self,
        path: &str,
        with_preflight: bool,
    ) -> Result<(), Problems> {
        self.for_each_method(path, |method, definition| {
            let existing = security_of(definition, path, method)?;
            let is_key = |entry: &Py| names(entry, KEY) || names(entry, NO_KEY);
            let (keys, mut security): (Vec<Py>, Vec<Py>) = existing.iter().cloned().partition(is_key);
            let opted_out = keys.iter().any(|entry| names(entry, NO_KEY));
            if !opted_out && (method != "options" || with_preflight) {
                security.push(requirement(Text::own(KEY), &Value::Array(Vec::new())));
            }
            if security != existing {
                definition.set(Text::own("security"), Py::List(security));
            }
            Ok(())
        })
    }
}
