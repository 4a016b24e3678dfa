//! `Fn::ForEach`: a fragment of a template, repeated for every item of a list.
//!
//! Allowed in Conditions, Resources and Outputs and anywhere in a resource, nested a few deep. Refuses two results of one name, and more
//! values in all than a document may hold.

use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::intrinsic;
use crate::limits::{LOOPS_DEPTH_MAX, NODES_MAX};
use crate::parameter::scalar_text;
use crate::scope::{NoResources, Scope};

pub(super) const PREFIX: &str = "Fn::ForEach::";

const SECTIONS: [&str; 3] = ["Conditions", "Resources", "Outputs"];

/// Writes the loops of a template out.
pub(super) fn sections(root: Value, scope: &Scope) -> Result<Value, TemplateError> {
    let Value::Object(root) = root else { return Ok(root) };
    let mut loops = Loops { scope, left: NODES_MAX };
    let mut result = Map::new();
    for (section, value) in root {
        let value = match value {
            value @ Value::Object(_) if SECTIONS.contains(&section.as_str()) => {
                loops.tree(&value, 0).map_err(|error| error.under(&section))?
            }
            value => value,
        };
        result.insert(section, value);
    }
    Ok(Value::Object(result))
}

struct Loops<'a> {
    scope: &'a Scope,
    /// How many values may still be written.
    left: usize,
}

impl Loops<'_> {
    fn spend(&mut self, nodes: usize) -> Result<(), TemplateError> {
        self.left = self.left.checked_sub(nodes).ok_or_else(|| {
            TemplateError::extension(format_args!("Fn::ForEach makes more than {NODES_MAX} values."))
        })?;
        Ok(())
    }

    /// `depth` counts loops; the document's depth cap bounds the rest of the recursion.
    fn tree(&mut self, value: &Value, depth: usize) -> Result<Value, TemplateError> {
        self.spend(1)?;
        match value {
            Value::Array(items) => {
                let item = |(at, item)| self.tree(item, depth).map_err(|error| error.under(format!("{at}")));
                Ok(Value::Array(items.iter().enumerate().map(item).collect::<Result<_, _>>()?))
            }
            Value::Object(map) => {
                let mut result = Map::new();
                for (name, value) in map {
                    if name.starts_with(PREFIX) {
                        self.run(value, depth, &mut result).map_err(|error| error.under(name))?;
                    } else {
                        let value = self.tree(value, depth).map_err(|error| error.under(name))?;
                        add(&mut result, name, value)?;
                    }
                }
                Ok(Value::Object(result))
            }
            leaf => Ok(leaf.clone()),
        }
    }

    fn run(
        &mut self,
        argument: &Value,
        depth: usize,
        result: &mut Map<String, Value>,
    ) -> Result<(), TemplateError> {
        let layout = || TemplateError::extension("Fn::ForEach layout is incorrect");
        let Some([Value::String(identifier), collection, Value::Object(fragment)]) =
            argument.as_array().map(Vec::as_slice)
        else {
            return Err(layout());
        };
        if identifier.is_empty() || !identifier.chars().all(char::is_alphanumeric) {
            return Err(layout());
        }
        if depth >= LOOPS_DEPTH_MAX {
            let message = format_args!("Fn::ForEach is nested deeper than {LOOPS_DEPTH_MAX} levels.");
            return Err(TemplateError::extension(message));
        }
        let items = match intrinsic::resolve(collection, self.scope, &NoResources)? {
            Some(Value::Array(items)) => items,
            _ => return Err(layout()),
        };
        for item in &items {
            let item = scalar_text(item).ok_or_else(layout)?;
            let place = Place::new(identifier, &item);
            for (name, value) in fragment {
                let one = Map::from_iter([(name.clone(), value.clone())]);
                let filled = place.fill(&Value::Object(one), self)?;
                let Value::Object(written) = self.tree(&filled, depth + 1)? else { continue };
                for (name, value) in written {
                    add(result, &name, value)?;
                }
            }
        }
        Ok(())
    }
}

fn add(result: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), TemplateError> {
    match result.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(TemplateError::extension(format_args!("Fn::ForEach gives the key {name} twice."))),
    }
}

/// An identifier and the item that stands for it.
struct Place<'a> {
    identifier: &'a str,
    item: &'a str,
    plain: (String, String),
    stripped: (String, String),
}

impl<'a> Place<'a> {
    fn new(identifier: &'a str, item: &'a str) -> Self {
        let stripped = item.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        Self {
            identifier,
            item,
            plain: (format!("${{{identifier}}}"), item.to_owned()),
            stripped: (format!("&{{{identifier}}}"), stripped),
        }
    }

    fn text(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        text.replace(&self.plain.0, &self.plain.1).replace(&self.stripped.0, &self.stripped.1)
    }

    fn fill(&self, value: &Value, loops: &mut Loops<'_>) -> Result<Value, TemplateError> {
        loops.spend(1)?;
        match value {
            Value::String(text) => {
                let text = self.text(text);
                // Long text counts more: a loop repeats it.
                loops.spend(text.len() / 256)?;
                Ok(Value::String(text))
            }
            Value::Array(items) => {
                items.iter().map(|item| self.fill(item, loops)).collect::<Result<_, _>>().map(Value::Array)
            }
            Value::Object(map) => {
                if let Some(("Ref", Value::String(name))) = intrinsic::function(map)
                    && name == self.identifier
                {
                    return Ok(Value::from(self.item));
                }
                let mut result = Map::new();
                for (name, value) in map {
                    add(&mut result, &self.text(name), self.fill(value, loops)?)?;
                }
                Ok(Value::Object(result))
            }
            leaf => Ok(leaf.clone()),
        }
    }
}
