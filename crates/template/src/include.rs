//! `AWS::Include`: text of other files put into a template.
//!
//! Reads nothing itself: [`Includes`] gives the text of a location. An included text may not include another, as in AWS.

use serde_json::{Map, Value};

use crate::document::Document;
use crate::error::TemplateError;
use crate::intrinsic;
use crate::limits::{INCLUDES_MAX, NODES_MAX};
use crate::scope::{NoResources, Scope};

/// The transform's name.
pub const NAME: &str = "AWS::Include";
const FUNCTION: &str = "Fn::Transform";

/// Where included text comes from.
pub trait Includes {
    /// The text at a location, for example `s3://bucket/key`.
    ///
    /// # Errors
    /// Where it cannot be had, in the words for the caller.
    fn text(&self, location: &str) -> Result<String, TemplateError>;
}

/// Nothing can be included.
pub struct NoIncludes;

impl Includes for NoIncludes {
    fn text(&self, location: &str) -> Result<String, TemplateError> {
        Err(failed(format_args!("{location} cannot be read here.")))
    }
}

/// An error of this transform.
pub fn failed(why: impl std::fmt::Display) -> TemplateError {
    TemplateError::new(format!("Transform {NAME} failed with: {why}"))
}

/// True where a tree holds an `Fn::Transform`.
pub fn wanted(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(wanted),
        Value::Object(map) => map.contains_key(FUNCTION) || map.values().any(wanted),
        _ => false,
    }
}

/// Replaces every `Fn::Transform` by the text that it names.
pub(crate) fn expand(value: Value, scope: &Scope, includes: &dyn Includes) -> Result<Value, TemplateError> {
    Expansion { scope, includes, files: 0, nodes: 0 }.tree(value)
}

/// Adds the sections of the text that a template's own `Transform` names.
pub(crate) fn sections(
    root: &mut Map<String, Value>,
    call: &Value,
    scope: &Scope,
    includes: &dyn Includes,
) -> Result<(), TemplateError> {
    let mut expansion = Expansion { scope, includes, files: 0, nodes: 0 };
    let Value::Object(included) = expansion.call(call)? else {
        return Err(failed("the included text must be a map of sections."));
    };
    for (name, value) in included {
        match (root.get_mut(&name), value) {
            (Some(Value::Object(section)), Value::Object(more)) => {
                more.into_iter().try_for_each(|(key, value)| add(section, key, value))?;
            }
            (_, value) => add(root, name, value)?,
        }
    }
    Ok(())
}

fn add(map: &mut Map<String, Value>, key: String, value: Value) -> Result<(), TemplateError> {
    if map.contains_key(&key) {
        return Err(failed(format_args!("the included text has the key {key}, which is there already.")));
    }
    map.insert(key, value);
    Ok(())
}

struct Expansion<'a> {
    scope: &'a Scope,
    includes: &'a dyn Includes,
    files: usize,
    nodes: usize,
}

impl Expansion<'_> {
    /// The document's depth cap bounds the recursion.
    fn tree(&mut self, value: Value) -> Result<Value, TemplateError> {
        match value {
            Value::Array(items) => {
                items.into_iter().map(|item| self.tree(item)).collect::<Result<_, _>>().map(Value::Array)
            }
            Value::Object(map) => {
                let mut result = Map::new();
                let alone = map.len() == 1;
                for (key, value) in map {
                    if key != FUNCTION {
                        let value = self.tree(value).map_err(|error| error.under(&key))?;
                        add(&mut result, key, value)?;
                        continue;
                    }
                    let calls = match value {
                        Value::Array(calls) => calls,
                        one => vec![one],
                    };
                    let only = alone && calls.len() == 1;
                    for call in calls {
                        match self.call(&call).map_err(|error| error.under(FUNCTION))? {
                            Value::Object(included) => {
                                included
                                    .into_iter()
                                    .try_for_each(|(key, value)| add(&mut result, key, value))?;
                            }
                            other if only => return Ok(other),
                            _ => return Err(failed("the included text must be a map.").under(FUNCTION)),
                        }
                    }
                }
                Ok(Value::Object(result))
            }
            leaf => Ok(leaf),
        }
    }

    fn call(&mut self, call: &Value) -> Result<Value, TemplateError> {
        match call.get("Name").and_then(Value::as_str) {
            Some(NAME) => {}
            Some(other) => return Err(TemplateError::new(format!("No transform named {other} found."))),
            None => return Err(failed("a transform needs a Name.")),
        }
        let location = call.get("Parameters").and_then(|parameters| parameters.get("Location"));
        let location = location.map(|location| intrinsic::resolve(location, self.scope, &NoResources));
        let Some(Some(Value::String(location))) = location.transpose()? else {
            return Err(failed("the parameter Location must be a string."));
        };
        self.files += 1;
        if self.files > INCLUDES_MAX {
            return Err(failed(format_args!("a template includes at most {INCLUDES_MAX} texts.")));
        }
        let text = self.includes.text(&location)?;
        let document = Document::parse(&text)
            .map_err(|error| failed(format_args!("{location}: {}", error.message())))?;
        self.nodes += nodes(&document.root);
        if self.nodes > NODES_MAX {
            return Err(failed(format_args!("the included texts hold more than {NODES_MAX} values.")));
        }
        if wanted(&document.root) {
            return Err(failed(format_args!("{location} includes another text.")));
        }
        Ok(document.root)
    }
}

fn nodes(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(nodes).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(nodes).sum::<usize>(),
        Value::String(text) => 1 + text.len() / 256,
        _ => 1,
    }
}
