//! Nothing is `null`: what a template leaves empty is a mistake, never a value that is not there.
//!
//! Looks at no meaning. What is left out on purpose is `AWS::NoValue`, a reference like any other.

use serde_json::Value;

use crate::document::Document;
use crate::error::TemplateError;

/// Refuses a template that holds a `null` anywhere, once its macros ran: they take some.
///
/// SECURITY: whoever reads a property takes a `null` for one that is not there, so that a boundary, a policy or an encryption
/// that somebody forgot to write behind its name would be none at all.
pub fn check(document: &Document) -> Result<(), TemplateError> {
    let mut path = Vec::new();
    if !find(&document.root, &mut path) {
        return Ok(());
    }
    let error = path.iter().rev().fold(refused(&path), |error, segment| error.under(segment));
    Err(error.located(document.places()))
}

/// `[/Resources/R/Type/X] 'null' values are not allowed in templates`
pub(crate) fn refused(path: &[impl AsRef<str>]) -> TemplateError {
    let mut told = String::new();
    for (depth, segment) in path.iter().map(AsRef::as_ref).enumerate() {
        let in_resource = path.first().is_some_and(|section| section.as_ref() == "Resources");
        // What stands in a resource's properties, AWS tells under its type.
        let is_properties = in_resource && depth == 2 && segment == "Properties" && path.len() > 3;
        told.push('/');
        told.push_str(if is_properties { "Type" } else { segment });
    }
    TemplateError::new(format!("[{told}] 'null' values are not allowed in templates"))
}

/// The way to the first `null`. The document's depth cap bounds the recursion.
fn find(value: &Value, path: &mut Vec<String>) -> bool {
    let mut look = |segment: String, value: &Value| {
        path.push(segment);
        let found = find(value, path);
        if !found {
            path.pop();
        }
        found
    };
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().enumerate().any(|(at, item)| look(at.to_string(), item)),
        Value::Object(map) => map.iter().any(|(key, value)| look(key.clone(), value)),
        _ => false,
    }
}
