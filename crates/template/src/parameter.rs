//! Template parameters: their declaration, and the check of the values that a caller gives.
//!
//! Values are text or lists of text, as CloudFormation hands them to `Ref`. A value of a `NoEcho` parameter never appears in
//! an error, and [`ParameterValue`] does not print it.

use std::fmt;

use indexmap::IndexMap;
use regex_automata::meta::Regex;
use serde_json::Value;

use crate::error::TemplateError;
use crate::limits::PARAMETER_BYTES_MAX;
use crate::template::Template;

/// What is shown in place of a `NoEcho` value.
pub const MASK: &str = "****";

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
}

/// The types of parameters that are supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// `String`
    Text,
    /// `Number`
    Number,
    /// `CommaDelimitedList`
    TextList,
    /// `List<Number>`
    NumberList,
}

impl ParameterKind {
    /// The name in a template.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "String",
            Self::Number => "Number",
            Self::TextList => "CommaDelimitedList",
            Self::NumberList => "List<Number>",
        }
    }
}

/// The value of a parameter for one stack operation.
#[derive(Clone, PartialEq)]
pub struct ParameterValue {
    text: String,
    list: bool,
    no_echo: bool,
}

impl ParameterValue {
    /// The text as given. A secret where the parameter is `NoEcho`: use [`Self::shown`] in anything that is answered.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, or `****`.
    pub fn shown(&self) -> &str {
        if self.no_echo { MASK } else { &self.text }
    }

    /// What `Ref` gives: a string, or a list of strings.
    pub fn to_value(&self) -> Value {
        if self.list { Value::from(items(&self.text)) } else { Value::from(self.text.as_str()) }
    }
}

impl fmt::Debug for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

/// The members of a comma-delimited list, trimmed.
fn items(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() }
}

impl Parameter {
    /// Reads a declaration.
    pub(crate) fn parse(name: &str, value: &Value) -> Result<Self, TemplateError> {
        let malformed =
            |why: &dyn fmt::Display| TemplateError::format(format_args!("Parameter {name}: {why}"));
        let body =
            value.as_object().ok_or_else(|| malformed(&"every Parameters member must be an object."))?;
        let mut parameter = Self {
            kind: kind(name, body.get("Type"))?,
            default: None,
            description: None,
            no_echo: false,
            allowed_values: Vec::new(),
            allowed_pattern: None,
            constraint_description: None,
            length: (None, None),
            value: (None, None),
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
                "NoEcho" => parameter.no_echo = matches!(text()?.as_str(), "true" | "True"),
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

    /// Checks a value and takes it.
    fn accept(&self, name: &str, text: &str) -> Result<ParameterValue, TemplateError> {
        self.check(name, text)?;
        let list = matches!(self.kind, ParameterKind::TextList | ParameterKind::NumberList);
        Ok(ParameterValue { text: text.to_owned(), list, no_echo: self.no_echo })
    }

    fn check(&self, name: &str, text: &str) -> Result<(), TemplateError> {
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
        let parts = match self.kind {
            ParameterKind::Text | ParameterKind::Number => vec![text],
            ParameterKind::TextList | ParameterKind::NumberList => items(text),
        };
        for part in parts {
            if !self.allowed_values.is_empty() && !self.allowed_values.iter().any(|allowed| allowed == part) {
                return refuse(format!("must be one of AllowedValues: [{}]", self.allowed_values.join(", ")));
            }
            if let Some(pattern) = &self.allowed_pattern
                && !matches_whole(name, pattern, part)?
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
            if matches!(self.kind, ParameterKind::Number | ParameterKind::NumberList) {
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

fn kind(name: &str, value: Option<&Value>) -> Result<ParameterKind, TemplateError> {
    match value.and_then(Value::as_str) {
        Some("String") => Ok(ParameterKind::Text),
        Some("Number") => Ok(ParameterKind::Number),
        Some("CommaDelimitedList") => Ok(ParameterKind::TextList),
        Some("List<Number>") => Ok(ParameterKind::NumberList),
        Some(other) if other.contains("AWS::") => Err(TemplateError::format(format_args!(
            "Parameter {name}: the parameter type {other} is not supported."
        ))),
        Some(other) => Err(TemplateError::format(format_args!(
            "Unrecognized parameter type: {other} (parameter {name})"
        ))),
        None => Err(TemplateError::format(format_args!(
            "Every Parameters object must contain a Type member. (parameter {name})"
        ))),
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

fn default_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        scalar => scalar_text(scalar),
    }
}

fn matches_whole(name: &str, pattern: &str, text: &str) -> Result<bool, TemplateError> {
    let unusable =
        |_| TemplateError::format(format_args!("Parameter {name}: AllowedPattern cannot be evaluated."));
    // SECURITY: the pattern comes from the caller; the automaton is linear in the text and its size is capped.
    let regex = Regex::builder()
        .configure(Regex::config().nfa_size_limit(Some(1 << 20)).onepass_size_limit(Some(1 << 18)))
        .build(&format!(r"\A(?:{pattern})\z"))
        .map_err(unusable)?;
    Ok(regex.is_match(text))
}

/// Where the value of one parameter comes from. It does not print: it may be a secret.
#[derive(Clone, PartialEq)]
pub enum Given {
    /// The caller gave it.
    Value(String),
    /// `UsePreviousValue`: the value of the stack's last successful operation.
    Previous,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "Value(…)",
            Self::Previous => "Previous",
        })
    }
}

/// Brings declarations, given values and the previous operation's values together. All that is missing is told at once.
pub fn resolve(
    template: &Template,
    given: &IndexMap<String, Given>,
    previous: &IndexMap<String, String>,
) -> Result<IndexMap<String, ParameterValue>, TemplateError> {
    let unknown: Vec<&str> =
        given.keys().filter(|name| !template.parameters.contains_key(*name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let message = format!("Parameters: [{}] do not exist in the template", unknown.join(", "));
        return Err(TemplateError::new(message));
    }
    let mut missing = Vec::new();
    let mut values = IndexMap::new();
    for (name, parameter) in &template.parameters {
        let text = match given.get(name) {
            Some(Given::Value(text)) => Some(text),
            Some(Given::Previous) => previous.get(name),
            None => parameter.default.as_ref(),
        };
        match text {
            Some(text) => {
                values.insert(name.clone(), parameter.accept(name, text)?);
            }
            None => missing.push(name.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(values);
    }
    Err(TemplateError::new(format!("Parameters: [{}] must have values", missing.join(", "))))
}
