//! Template parameters: their declaration, and the check of the values that a caller gives.
//!
//! Values are text or lists of text, as CloudFormation hands them to `Ref`. A value of a `NoEcho` parameter never appears in
//! an error, and [`ParameterValue`] does not print it.

mod kind;
mod value;

use std::collections::BTreeSet;
use std::fmt;

use indexmap::IndexMap;
use serde_json::Value;

use crate::document::Document;
use crate::error::TemplateError;
use crate::limits::PARAMETER_BYTES_MAX;
use crate::pattern;
use crate::template::{self, Template};

use kind::Source;
use value::items;

pub use kind::{PARAMETER_NAME, ParameterKind};
pub use value::{Given, Lookup, MASK, Nothing, ParameterValue};

/// One entry of `Parameters`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// `Type`.
    pub kind: ParameterKind,
    /// `Default`, as text.
    pub default: Option<String>,
    /// `Description`.
    pub description: Option<String>,
    /// `NoEcho`: the value is a secret.
    pub no_echo: bool,
    allowed_values: Vec<String>,
    allowed_pattern: Option<String>,
    constraint_description: Option<String>,
    length: (Option<f64>, Option<f64>),
    value: (Option<f64>, Option<f64>),
    /// Where it is declared.
    pub(crate) place: Option<crate::document::Place>,
}

impl Parameter {
    /// Reads a declaration.
    pub(crate) fn parse(name: &str, value: &Value) -> Result<Self, TemplateError> {
        let malformed =
            |why: &dyn fmt::Display| TemplateError::format(format_args!("Parameter {name}: {why}"));
        let body =
            value.as_object().ok_or_else(|| malformed(&"every Parameters member must be an object."))?;
        let mut parameter = Self {
            kind: ParameterKind::parse(name, body.get("Type"))?,
            default: None,
            description: None,
            no_echo: false,
            allowed_values: Vec::new(),
            allowed_pattern: None,
            constraint_description: None,
            length: (None, None),
            value: (None, None),
            place: None,
        };
        for (attribute, value) in body {
            let text = || {
                scalar_text(value).ok_or_else(|| malformed(&format_args!("{attribute} must be a string.")))
            };
            let number = || {
                let text = scalar_text(value).and_then(|text| text.parse::<f64>().ok());
                text.filter(|n| n.is_finite())
                    .ok_or_else(|| malformed(&format_args!("{attribute} must be a number.")))
            };
            match attribute.as_str() {
                "Type" => {}
                "Default" => {
                    parameter.default = Some(
                        default_text(value)
                            .ok_or_else(|| malformed(&"every Default member must be a string."))?,
                    )
                }
                "Description" => parameter.description = Some(text()?),
                // SECURITY: what cannot be read as "no secret" is refused, and never shown.
                "NoEcho" => {
                    parameter.no_echo =
                        flag(&text()?).ok_or_else(|| malformed(&"NoEcho must be true or false."))?;
                }
                "AllowedPattern" => parameter.allowed_pattern = Some(text()?),
                "ConstraintDescription" => parameter.constraint_description = Some(text()?),
                "AllowedValues" => {
                    let list = value.as_array().ok_or_else(|| malformed(&"AllowedValues must be a list."))?;
                    let texts: Option<Vec<_>> = list.iter().map(scalar_text).collect();
                    parameter.allowed_values =
                        texts.ok_or_else(|| malformed(&"AllowedValues must be scalars."))?;
                }
                "MinLength" => parameter.length.0 = Some(number()?),
                "MaxLength" => parameter.length.1 = Some(number()?),
                "MinValue" => parameter.value.0 = Some(number()?),
                "MaxValue" => parameter.value.1 = Some(number()?),
                _ => {
                    let message = format!("Invalid template parameter property '{attribute}'");
                    return Err(TemplateError::new(message));
                }
            }
        }
        Ok(parameter)
    }

    /// `AllowedValues`; none where every value is allowed.
    pub fn allowed_values(&self) -> &[String] {
        &self.allowed_values
    }

    /// Takes a value that satisfies the declaration.
    fn accept(&self, name: &str, text: &str, lookup: &dyn Lookup) -> Result<ParameterValue, TemplateError> {
        let (stored, source) = match self.kind.source() {
            Source::Stored(source) => (Some(lookup.stored(text)?), source.as_ref()),
            source => (None, source),
        };
        let list = self.kind.is_list();
        if let Source::Aws(kind) = source {
            let value = stored.as_deref().unwrap_or(text);
            let values = if list { items(value) } else { vec![value] };
            for value in values {
                if !lookup.exists(kind, value)? {
                    let shown = if self.no_echo { MASK } else { value };
                    return Err(TemplateError::new(format!(
                        "Parameter validation failed: parameter value {shown} for parameter name {name} does not exist"
                    )));
                }
            }
        }
        Ok(ParameterValue { text: text.to_owned(), stored, list, no_echo: self.no_echo })
    }

    fn check(&self, name: &str, text: &str) -> Result<(), TemplateError> {
        let unusable = |error| {
            TemplateError::format(format_args!(
                "Parameter {name}: AllowedPattern cannot be evaluated: {error}."
            ))
        };
        let refuse = |why: String| {
            let message = match &self.constraint_description {
                Some(described) => format!("Parameter '{name}' failed to satisfy constraint: {described}"),
                None => format!("Parameter '{name}' {why}"),
            };
            Err(TemplateError::new(message))
        };
        if text.len() > PARAMETER_BYTES_MAX {
            return refuse(format!("must contain at most {PARAMETER_BYTES_MAX} characters"));
        }
        let parts = if self.kind.is_list() { items(text) } else { vec![text] };
        for part in parts {
            if !self.allowed_values.is_empty() && !self.allowed_values.iter().any(|allowed| allowed == part) {
                return refuse("must be one of AllowedValues".to_owned());
            }
            if let Some(pattern) = &self.allowed_pattern
                && !pattern::matches_whole(pattern, part).map_err(unusable)?
            {
                return refuse(format!("must match pattern {pattern}"));
            }
            let characters = part.chars().count() as f64;
            if self.length.0.is_some_and(|min| characters < min) {
                return refuse(format!(
                    "must contain at least {} characters",
                    self.length.0.unwrap_or_default()
                ));
            }
            if self.length.1.is_some_and(|max| characters > max) {
                return refuse(format!(
                    "must contain at most {} characters",
                    self.length.1.unwrap_or_default()
                ));
            }
            if *self.kind.source() == Source::Number {
                let Some(number) = part.parse::<f64>().ok().filter(|number| number.is_finite()) else {
                    return refuse("must be a number".to_owned());
                };
                if self.value.0.is_some_and(|min| number < min) {
                    return refuse(format!(
                        "must be a number not less than {}",
                        self.value.0.unwrap_or_default()
                    ));
                }
                if self.value.1.is_some_and(|max| number > max) {
                    return refuse(format!(
                        "must be a number not greater than {}",
                        self.value.1.unwrap_or_default()
                    ));
                }
            }
        }
        Ok(())
    }
}

/// A scalar as the text that CloudFormation makes of it.
pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A boolean in any of YAML 1.1's spellings.
fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "1" => Some(true),
        "false" | "no" | "off" | "n" | "0" => Some(false),
        _ => None,
    }
}

fn default_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        scalar => scalar_text(scalar),
    }
}

/// Brings declarations, given values and the previous operation's values together. All that is missing is told at once.
///
/// # Errors
/// A value that its declaration refuses; and every type that names things of the account, since nothing is known of it here.
pub fn resolve(
    template: &Template,
    given: &IndexMap<String, Given>,
    previous: &IndexMap<String, String>,
) -> Result<IndexMap<String, ParameterValue>, TemplateError> {
    resolve_with(template, given, previous, &Nothing)
}

/// The names in Parameter Store that the values of a template's parameters are, or stand for: what a [`Lookup`] will be asked.
///
/// # Errors
/// The declarations cannot be read.
pub fn stored_names(
    document: &Document,
    given: &IndexMap<String, Given>,
    previous: &IndexMap<String, String>,
) -> Result<BTreeSet<String>, TemplateError> {
    let mut names = BTreeSet::new();
    for (name, parameter) in template::parameters(document)? {
        let text = match given.get(&name) {
            Some(Given::Value(text) | Given::Accepted(text)) => Some(text),
            Some(Given::Previous) => previous.get(&name),
            Some(Given::Later(_)) => None,
            None => parameter.default.as_ref(),
        };
        let Some(text) = text else { continue };
        match parameter.kind.source() {
            Source::Stored(_) => drop(names.insert(text.clone())),
            Source::Aws(kind) if kind == PARAMETER_NAME => {
                let values = if parameter.kind.is_list() { items(text) } else { vec![text.as_str()] };
                names.extend(values.into_iter().map(str::to_owned));
            }
            _ => {}
        }
    }
    Ok(names)
}

/// The same as [`resolve`] where `lookup` knows the account.
///
/// # Errors
/// A value that its declaration or `lookup` refuses.
pub fn resolve_with(
    template: &Template,
    given: &IndexMap<String, Given>,
    previous: &IndexMap<String, String>,
    lookup: &dyn Lookup,
) -> Result<IndexMap<String, ParameterValue>, TemplateError> {
    let (values, missing) = known(&template.parameters, given, previous, lookup)?;
    if missing.is_empty() {
        return Ok(values);
    }
    Err(TemplateError::new(format!("Parameters: [{}] must have values", missing.join(", "))))
}

/// What is known of the values, and the names of those that have none.
pub(crate) fn known<'a>(
    declared: &'a IndexMap<String, Parameter>,
    given: &IndexMap<String, Given>,
    previous: &IndexMap<String, String>,
    lookup: &dyn Lookup,
) -> Result<(IndexMap<String, ParameterValue>, Vec<&'a str>), TemplateError> {
    let unknown: Vec<&str> =
        given.keys().filter(|name| !declared.contains_key(*name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let message = format!("Parameters: [{}] do not exist in the template", unknown.join(", "));
        return Err(TemplateError::new(message));
    }
    let mut missing = Vec::new();
    let mut values = IndexMap::new();
    for (name, parameter) in declared {
        let text = match given.get(name) {
            Some(Given::Value(text) | Given::Accepted(text)) => Some(text),
            Some(Given::Previous) => previous.get(name),
            Some(Given::Later(text)) => {
                let (list, no_echo) = (parameter.kind.is_list(), parameter.no_echo);
                let value = ParameterValue { text: text.clone(), stored: None, list, no_echo };
                values.insert(name.clone(), value);
                continue;
            }
            None => parameter.default.as_ref(),
        };
        match text {
            Some(text) => {
                let is_asked = !matches!(given.get(name), Some(Given::Accepted(_)));
                let checked = if is_asked { parameter.check(name, text) } else { Ok(()) };
                let accepted = checked.and_then(|()| parameter.accept(name, text, lookup));
                values.insert(name.clone(), accepted.map_err(|error| error.at_place(parameter.place))?);
            }
            None => missing.push(name.as_str()),
        }
    }
    Ok((values, missing))
}
