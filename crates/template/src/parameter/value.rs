//! The values of parameters: where they come from, what they resolve to, how they are shown.
//!
//! A value of a `NoEcho` parameter is never printed.

use std::fmt;

use serde_json::Value;

use crate::error::TemplateError;

/// What is shown in place of a `NoEcho` value.
pub const MASK: &str = "****";

/// Where the value of one parameter comes from. It does not print: it may be a secret.
#[derive(Clone, PartialEq)]
pub enum Given {
    /// The caller gave it.
    Value(String),
    /// `UsePreviousValue`: the value of the stack's last successful operation.
    Previous,
    /// Was taken before, under the very declaration that holds now: it is not held against that again.
    Accepted(String),
    /// Stands for a value that is known only once another stack is changed: no declaration is held against it.
    Later(String),
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "Value(…)",
            Self::Previous => "Previous",
            Self::Accepted(_) => "Accepted(…)",
            Self::Later(_) => "Later(…)",
        })
    }
}

/// The value of a parameter for one stack operation.
#[derive(Clone, PartialEq)]
pub struct ParameterValue {
    pub(super) text: String,
    /// What Parameter Store holds under that name, for the types that ask for it.
    pub(super) stored: Option<String>,
    pub(super) list: bool,
    pub(super) no_echo: bool,
}

impl ParameterValue {
    /// The text as given. A secret where the parameter is `NoEcho`: use [`Self::shown`] in anything that is answered.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value that was fetched from Parameter Store, where the type asks for one: `ResolvedValue`.
    pub fn resolved(&self) -> Option<&str> {
        self.stored.as_deref()
    }

    /// The text, or `****`.
    pub fn shown(&self) -> &str {
        if self.no_echo { MASK } else { &self.text }
    }

    /// What `Ref` gives: a string, or a list of strings.
    pub fn to_value(&self) -> Value {
        let text = self.stored.as_ref().unwrap_or(&self.text);
        if self.list { Value::from(items(text)) } else { Value::from(text.as_str()) }
    }
}

impl fmt::Debug for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

/// The members of a comma-delimited list, trimmed.
pub(super) fn items(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() }
}

/// What the account holds that parameters may name.
pub trait Lookup {
    /// The value of a Parameter Store parameter.
    ///
    /// # Errors
    /// Where there is none, in the words for the caller.
    fn stored(&self, name: &str) -> Result<String, TemplateError>;

    /// Whether a thing of this type (`AWS::EC2::VPC::Id`) exists under this name.
    ///
    /// # Errors
    /// Where that cannot be said: the value is then refused.
    fn exists(&self, kind: &str, value: &str) -> Result<bool, TemplateError>;
}

/// An account in which nothing was looked up, and without anything that a type could name.
pub struct Nothing;

impl Lookup for Nothing {
    fn stored(&self, name: &str) -> Result<String, TemplateError> {
        Err(TemplateError::new(format!(
            "Unable to fetch parameters [{name}] from parameter store for this account."
        )))
    }

    fn exists(&self, kind: &str, _: &str) -> Result<bool, TemplateError> {
        Err(TemplateError::format(format_args!(
            "the parameter type {kind} is not supported: the service that could tell what exists is not here."
        )))
    }
}
