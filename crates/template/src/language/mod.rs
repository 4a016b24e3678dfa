//! `AWS::LanguageExtensions`: loops, and functions in the policies of resources and as the names of references.
//!
//! `Fn::ForEach` is written out before the sections are read. `Fn::Length`, `Fn::ToJsonString` and the default of
//! `Fn::FindInMap` stay in the tree and are resolved with the other functions; without the transform they are refused here.

mod for_each;

use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::intrinsic;
use crate::scope::{NoResources, Scope};

/// The name of the transform in a template.
pub(crate) const TRANSFORM: &str = "AWS::LanguageExtensions";

/// Functions that only this transform brings.
const FUNCTIONS: [&str; 2] = ["Fn::Length", "Fn::ToJsonString"];

/// The longest name that a function may give to `Ref` or `Fn::GetAtt`, in bytes; AWS's ids have 255.
const NAME_BYTES_MAX: usize = 255;
/// The parts of a template whose references may be functions.
const REFERRING: [&str; 3] = ["Conditions", "Resources", "Outputs"];

/// Runs the transform over a whole template.
pub(crate) fn expand(root: Value, scope: &Scope) -> Result<Value, TemplateError> {
    let mut root = for_each::sections(root, scope)?;
    let conditions = root.get("Conditions").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut known = Known { scope: scope.clone(), conditions };
    for section in REFERRING {
        if let Some(value) = root.get_mut(section) {
            known.name(value).map_err(|error| error.under(section))?;
        }
    }
    let resources = root.get_mut("Resources").and_then(Value::as_object_mut);
    for (id, body) in resources.into_iter().flatten() {
        let Some(body) = body.as_object_mut() else { continue };
        known.policies(body).map_err(|error| error.under(id).under("Resources"))?;
    }
    Ok(root)
}

/// What is known before the sections are read, and the template's conditions, each evaluated where it is used.
struct Known {
    scope: Scope,
    conditions: Map<String, Value>,
}

impl Known {
    fn resolve(&mut self, value: &Value) -> Result<Option<Value>, TemplateError> {
        self.learn(value)?;
        intrinsic::resolve(value, &self.scope, &NoResources)
    }

    /// Evaluates the conditions that a tree's `Fn::If`s name. The document's depth cap bounds the recursion.
    fn learn(&mut self, value: &Value) -> Result<(), TemplateError> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.learn(item)),
            Value::Object(map) => {
                if let Some(("Fn::If", Value::Array(arguments))) = intrinsic::function(map)
                    && let Some(Value::String(name)) = arguments.first()
                    && self.conditions.contains_key(name)
                {
                    self.scope.learn(name, &self.conditions)?;
                }
                map.values().try_for_each(|value| self.learn(value))
            }
            _ => Ok(()),
        }
    }

    /// Puts names in the place of the functions that `Ref` and `Fn::GetAtt` are given.
    fn name(&mut self, value: &mut Value) -> Result<(), TemplateError> {
        match value {
            Value::Array(items) => items
                .iter_mut()
                .enumerate()
                .try_for_each(|(at, item)| self.name(item).map_err(|error| error.under(at.to_string()))),
            Value::Object(map) => {
                let is_one = map.len() == 1;
                for (key, value) in map.iter_mut() {
                    self.name(value).map_err(|error| error.under(key))?;
                    let argument = match (key.as_str(), value) {
                        ("Ref", argument) if is_one => Some(argument),
                        ("Fn::GetAtt", Value::Array(parts)) if is_one => parts.first_mut(),
                        _ => None,
                    };
                    if let Some(argument) = argument.filter(|argument| argument.is_object()) {
                        let name = self.resolve(argument).map_err(|error| error.under(key))?;
                        // Anything but a name stays, and is refused where the reference is read.
                        let is_name = |name: &Value| name.as_str().is_some_and(|n| n.len() <= NAME_BYTES_MAX);
                        if let Some(name) = name.filter(is_name) {
                            *argument = name;
                        }
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// `DeletionPolicy` and `UpdateReplacePolicy` may be functions of parameters and conditions.
    fn policies(&mut self, body: &mut Map<String, Value>) -> Result<(), TemplateError> {
        for name in ["DeletionPolicy", "UpdateReplacePolicy"] {
            let Some(policy @ Value::Object(_)) = body.get(name) else { continue };
            match self.resolve(policy).map_err(|error| error.under(name))? {
                Some(value) => body.insert(name.to_owned(), value),
                None => body.shift_remove(name),
            };
        }
        Ok(())
    }
}

/// Refuses what needs the transform in a template that does not ask for it.
pub(crate) fn refuse(value: &Value) -> Result<(), TemplateError> {
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(at, item)| refuse(item).map_err(|error| error.under(at.to_string()))),
        Value::Object(map) => map.iter().try_for_each(|(name, inner)| {
            let is_default = name == "Fn::FindInMap" && inner.as_array().is_some_and(|list| list.len() > 3);
            if name.starts_with(for_each::PREFIX) || FUNCTIONS.contains(&name.as_str()) || is_default {
                let message = format_args!("the use of {name} needs the transform {TRANSFORM}.");
                return Err(TemplateError::function(message).under(name));
            }
            refuse(inner).map_err(|error| error.under(name))
        }),
        _ => Ok(()),
    }
}
