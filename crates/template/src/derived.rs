//! What functions make of values that nobody is to see: by where they come from, and not by what they look like.
//!
//! Tells it to whoever hides it, and hides nothing itself.

use serde_json::Value;

use crate::error::TemplateError;
use crate::intrinsic::{self, Attribute, Piece, Resources};
use crate::limits::RESOLVED_BYTES_MAX;
use crate::scope::Scope;

/// Tells of a parameter, or of an attribute of a resource, whether it is a secret.
pub type IsSecret<'a> = &'a dyn Fn(&str, Option<&str>) -> bool;

/// Collects what functions give that have a secret in them.
pub(crate) struct Derived<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) resources: &'a dyn Resources,
    pub(crate) is_secret: IsSecret<'a>,
    pub(crate) found: Vec<Value>,
    left: usize,
}

impl<'a> Derived<'a> {
    pub(crate) fn new(scope: &'a Scope, resources: &'a dyn Resources, is_secret: IsSecret<'a>) -> Self {
        Self { scope, resources, is_secret, found: Vec::new(), left: RESOLVED_BYTES_MAX }
    }

    /// Looks at a tree and at all functions in it.
    ///
    /// # Errors
    /// There is more of it than can be told.
    pub(crate) fn visit(&mut self, value: &Value) -> Result<(), TemplateError> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.visit(item)),
            Value::Object(map) => match intrinsic::function(map) {
                // What it chooses tells only that much.
                Some(("Fn::If", argument)) => match intrinsic::branch(argument, self.scope) {
                    Ok(taken) => self.visit(taken),
                    Err(_) => Ok(()),
                },
                Some((_, argument)) => {
                    if self.is_made_of_secrets(value) {
                        self.note(value)?;
                    }
                    self.visit(argument)
                }
                None => map.values().try_for_each(|member| self.visit(member)),
            },
            _ => Ok(()),
        }
    }

    fn note(&mut self, value: &Value) -> Result<(), TemplateError> {
        // What cannot be resolved is in nothing that was made.
        let Ok(Some(made)) = intrinsic::resolve(value, self.scope, self.resources) else { return Ok(()) };
        let left = self.left.checked_sub(made.to_string().len());
        self.left = left.ok_or_else(intrinsic::too_large)?;
        self.found.push(made);
        Ok(())
    }

    /// True where a secret is one of the things that a value is made of.
    fn is_made_of_secrets(&self, value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(|item| self.is_made_of_secrets(item)),
            Value::Object(map) => match intrinsic::function(map) {
                Some(("Ref", Value::String(name))) => (self.is_secret)(name, None),
                Some(("Fn::GetAtt", argument)) => self.is_secret_attribute(argument),
                Some(("Fn::Sub", argument)) => self.is_substituted(argument),
                Some(("Fn::If", argument)) => {
                    intrinsic::branch(argument, self.scope).is_ok_and(|taken| self.is_made_of_secrets(taken))
                }
                _ => map.values().any(|member| self.is_made_of_secrets(member)),
            },
            _ => false,
        }
    }

    fn is_secret_attribute(&self, argument: &Value) -> bool {
        match intrinsic::attribute_parts(argument) {
            Ok((id, Attribute::Text(attribute))) => (self.is_secret)(id, Some(attribute)),
            // Which one it is only its value tells.
            Ok((_, Attribute::Function(_))) => true,
            Err(_) => false,
        }
    }

    fn is_substituted(&self, argument: &Value) -> bool {
        let Ok((template, variables)) = intrinsic::sub_parts(argument) else { return false };
        if variables.is_some_and(|own| own.values().any(|value| self.is_made_of_secrets(value))) {
            return true;
        }
        let own = |name: &str| variables.is_some_and(|variables| variables.contains_key(name));
        let pieces = intrinsic::sub_pieces(template).unwrap_or_default();
        pieces.into_iter().any(|piece| match piece {
            Piece::Name(name) if !own(name) => match name.split_once('.') {
                Some((id, attribute)) => (self.is_secret)(id, Some(attribute)),
                None => (self.is_secret)(name, None),
            },
            _ => false,
        })
    }
}
