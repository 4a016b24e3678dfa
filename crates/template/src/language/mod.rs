//! `AWS::LanguageExtensions`: loops, and functions in the policies of resources.
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

/// Runs the transform over a whole template.
pub(crate) fn expand(root: Value, scope: &Scope) -> Result<Value, TemplateError> {
    let mut root = for_each::sections(root, scope)?;
    let resources = root.get_mut("Resources").and_then(Value::as_object_mut);
    for (id, body) in resources.into_iter().flatten() {
        let Some(body) = body.as_object_mut() else { continue };
        policies(body, scope).map_err(|error| error.under(id).under("Resources"))?;
    }
    Ok(root)
}

/// `DeletionPolicy` and `UpdateReplacePolicy` may be functions of parameters.
fn policies(body: &mut Map<String, Value>, scope: &Scope) -> Result<(), TemplateError> {
    for name in ["DeletionPolicy", "UpdateReplacePolicy"] {
        let Some(policy @ Value::Object(_)) = body.get(name) else { continue };
        match intrinsic::resolve(policy, scope, &NoResources).map_err(|error| error.under(name))? {
            Some(value) => body.insert(name.to_owned(), value),
            None => body.shift_remove(name),
        };
    }
    Ok(())
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
