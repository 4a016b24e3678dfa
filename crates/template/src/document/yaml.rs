//! YAML to a tree, event by event, so that depth, size and aliases are bounded while the text is read.
//!
//! One document only. Merge keys (`<<`) are applied; an explicit key wins over a merged one.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::{Map, Value};

use super::place::{self, Place, ROOT};
use super::{Document, scalar, tag};
use crate::error::TemplateError;
use crate::limits::{DEPTH_MAX, NODES_MAX};

/// Parses YAML text.
pub(super) fn parse(text: &str) -> Result<Document, TemplateError> {
    let mut builder = Builder::default();
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| not_well_formed(&error))?;
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                return Err(fault(span, "a template is a single YAML document."));
            }
        }
        builder.take(event, span)?;
    }
    let root = builder.root.unwrap_or_default();
    Ok(Document { root, places: builder.places.finish() })
}

/// How much text counts as one value more.
const TEXT_BYTES_PER_NODE: usize = 256;

fn place(line: usize, column: usize) -> Place {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Place { line: number(line), column: number(column.saturating_add(1)) }
}

fn start(span: Span) -> Place {
    place(span.start.line(), span.start.col())
}

fn fault(span: Span, message: impl std::fmt::Display) -> TemplateError {
    TemplateError::format(format_args!("{message} (line {})", span.start.line())).at_place(Some(start(span)))
}

fn not_well_formed(error: &ScanError) -> TemplateError {
    let mark = error.marker();
    TemplateError::format(format_args!(
        "YAML not well-formed. (line {}, column {})",
        mark.line(),
        mark.col() + 1
    ))
    .at_place(Some(place(mark.line(), mark.col())))
}

/// A finished node with what it weighs, so that an alias to it can be charged in full.
#[derive(Clone, Default)]
struct Node {
    value: Value,
    nodes: usize,
    height: usize,
}

enum Content {
    List(Vec<Value>),
    Map { entries: Map<String, Value>, key: Option<(String, u32)>, merged: Vec<Map<String, Value>> },
}

/// A collection that is still open.
struct Open {
    content: Content,
    tag: Option<String>,
    anchor: usize,
    nodes: usize,
    height: usize,
    /// Its number among the places.
    place: u32,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Value>,
    places: place::Builder,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), TemplateError> {
        match event {
            Event::SequenceStart(anchor, tag) => {
                self.push(Content::List(Vec::new()), tag.as_deref(), anchor, span)
            }
            Event::MappingStart(anchor, tag) => {
                let content = Content::Map { entries: Map::new(), key: None, merged: Vec::new() };
                self.push(content, tag.as_deref(), anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), span)?;
                // Long text weighs more: an alias repeats it as well.
                let nodes = 1 + text.len() / TEXT_BYTES_PER_NODE;
                self.place_of_value(span);
                self.finish(Node { value, nodes, height: 1 }, anchor, span)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.finish(node, 0, span),
                None => Err(fault(span, "an alias refers to a node that is not finished.")),
            },
            _ => Ok(()),
        }
    }

    fn push(
        &mut self,
        content: Content,
        tag: Option<&Tag>,
        anchor: usize,
        span: Span,
    ) -> Result<(), TemplateError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(fault(span, format_args!("maps and lists nest deeper than {DEPTH_MAX} levels.")));
        }
        let tag = tag.filter(|tag| !tag.is_yaml_core_schema()).map(|tag| tag.suffix.clone());
        let place = self.place_of_value(span);
        self.open.push(Open { content, tag, anchor, nodes: 1, height: 0, place });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), TemplateError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.content {
            Content::List(items) => Value::Array(items),
            Content::Map { mut entries, merged, .. } => {
                for (key, value) in merged.into_iter().flatten() {
                    entries.entry(key).or_insert(value);
                }
                Value::Object(entries)
            }
        };
        let value = match open.tag {
            Some(name) => expand(&name, value, span)?,
            None => value,
        };
        // What is in it was charged when it was finished.
        self.nodes += 1;
        self.put(Node { value, nodes: open.nodes, height: open.height + 1 }, open.anchor, span)
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<Value, TemplateError> {
        let as_text = || Value::String(text.to_owned());
        // Keys are text, whatever they look like.
        let is_key = matches!(self.open.last(), Some(Open { content: Content::Map { key: None, .. }, .. }));
        let Some(tag) = tag else {
            return Ok(if is_key || style != ScalarStyle::Plain { as_text() } else { scalar::plain(text) });
        };
        if tag.is_yaml_core_schema() {
            return match (tag.suffix.as_str(), scalar::plain(text)) {
                ("str", _) => Ok(as_text()),
                ("int" | "float", value @ Value::Number(_)) => Ok(value),
                ("bool", value @ Value::Bool(_)) | ("null", value @ Value::Null) => Ok(value),
                (suffix, _) => Err(fault(span, format_args!("the tag !!{suffix} does not fit here."))),
            };
        }
        if tag.suffix.is_empty() {
            return Ok(as_text());
        }
        // The argument of a function is text, except that a plain list index stays a number.
        expand(&tag.suffix, as_text(), span)
    }

    /// Charges a node that came whole, and puts it where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, span: Span) -> Result<(), TemplateError> {
        self.nodes += node.nodes;
        self.put(node, anchor, span)
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, node: Node, anchor: usize, span: Span) -> Result<(), TemplateError> {
        // SECURITY: charged here for every use of an alias, before the clone of a clone can double again.
        if self.nodes > NODES_MAX {
            return Err(fault(span, format_args!("the document holds more than {NODES_MAX} values.")));
        }
        if self.open.len() + node.height > DEPTH_MAX + 1 {
            return Err(fault(span, format_args!("maps and lists nest deeper than {DEPTH_MAX} levels.")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node.value);
            return Ok(());
        };
        open.nodes += node.nodes;
        open.height = open.height.max(node.height);
        match &mut open.content {
            Content::List(items) => items.push(node.value),
            Content::Map { entries, key, merged } => match key.take() {
                None => {
                    let name = key_text(&node.value, span)?;
                    if entries.contains_key(&name) {
                        return Err(fault(span, format_args!("duplicate key `{name}`.")));
                    }
                    let number = self.places.child(open.place, &name, start(span));
                    *key = Some((name, number));
                }
                Some((name, _)) if name == "<<" => merge(node.value, merged, span)?,
                Some((name, _)) => {
                    entries.insert(name, node.value);
                }
            },
        }
        Ok(())
    }

    /// The number of the value that starts here: its key's, or its own in a list.
    fn place_of_value(&mut self, span: Span) -> u32 {
        match self.open.last() {
            Some(Open { content: Content::List(items), place, .. }) => {
                self.places.child(*place, &items.len().to_string(), start(span))
            }
            Some(Open { content: Content::Map { key: Some((_, number)), .. }, .. }) => *number,
            _ => ROOT,
        }
    }
}

fn expand(name: &str, value: Value, span: Span) -> Result<Value, TemplateError> {
    tag::expand(name, value).ok_or_else(|| fault(span, format_args!("unknown tag !{name}.")))
}

fn key_text(key: &Value, span: Span) -> Result<String, TemplateError> {
    match key {
        Value::String(text) => Ok(text.clone()),
        _ => Err(fault(span, "a key must be a plain scalar.")),
    }
}

fn merge(value: Value, merged: &mut Vec<Map<String, Value>>, span: Span) -> Result<(), TemplateError> {
    match value {
        Value::Object(map) => merged.push(map),
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::Object(map) => merged.push(map),
                    _ => return Err(fault(span, "`<<` merges maps only.")),
                }
            }
        }
        _ => return Err(fault(span, "`<<` merges maps only.")),
    }
    Ok(())
}
