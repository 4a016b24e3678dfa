//! Dynamic references, `{{resolve:ssm:NAME[:VERSION]}}`: read when a resource is made, or a property that has one is changed.
//!
//! A property that says what it said keeps what that gave, whatever the parameter's newest version is by now, as on AWS: what a
//! change set does not name is not changed.
//!
//! SECURITY: read as whoever the stack works for, through the whole pipeline. What is sealed is not read: it would stand in the
//! stack's records.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::records::{Filled, FilledRecord};

const OPEN: &str = "{{resolve:";
const CLOSE: &str = "}}";
/// How many parameters one call reads.
const NAMES_MAX: usize = 10;

/// The properties with the values that their references stand for, and which those are; `before` is what they were.
///
/// # Errors
/// A reference that is none, or whose value there is not or the caller may not read.
pub(crate) async fn resolved(
    caller: &Caller,
    mut properties: Value,
    before: &Filled,
) -> Result<(Value, Filled), String> {
    let mut filled = Filled::new();
    let mut references = BTreeSet::new();
    for (name, said) in properties.as_object_mut().into_iter().flatten() {
        let mut own = BTreeSet::new();
        collect(said, &mut own)?;
        if own.is_empty() {
            continue;
        }
        let kept = before.get(name).filter(|kept| kept.said == *said);
        let gave = kept.map_or(Value::Null, |kept| kept.gave.clone());
        if kept.is_none() {
            references.append(&mut own);
        }
        filled.insert(name.clone(), FilledRecord { said: said.take(), gave });
    }
    let mut values = BTreeMap::new();
    for names in Vec::from_iter(references).chunks(NAMES_MAX) {
        read(caller, names, &mut values).await?;
    }
    for (name, record) in &mut filled {
        if before.get(name).is_none_or(|kept| kept.said != record.said) {
            record.gave = record.said.clone();
            replace(&mut record.gave, &values);
        }
        if let Some(property) = properties.get_mut(name) {
            property.clone_from(&record.gave);
        }
    }
    Ok((properties, filled))
}

async fn read(
    caller: &Caller,
    names: &[String],
    values: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    let answer = caller.call("ssm", "GetParameters", json!({ "Names": names })).await;
    let answer = answer.map_err(|fault| fault.message.to_string())?;
    let found = answer.get("Parameters").and_then(Value::as_array);
    for parameter in found.into_iter().flatten() {
        let text = |member: &str| parameter.get(member).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{}{}", text("Name"), text("Selector"));
        if text("Type") == "SecureString" {
            return Err(format!(
                "Parameters: [ssm:{name}] are of type SecureString, which is not resolved by ssm references."
            ));
        }
        values.insert(name, text("Value").to_owned());
    }
    let missing: Vec<String> =
        names.iter().filter(|name| !values.contains_key(*name)).map(|name| format!("ssm:{name}")).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("Parameters: [{}] cannot be found.", missing.join(", ")))
    }
}

/// The names that all references in a tree say.
fn collect(value: &Value, names: &mut BTreeSet<String>) -> Result<(), String> {
    match value {
        Value::Object(map) => map.values().try_for_each(|value| collect(value, names)),
        Value::Array(items) => items.iter().try_for_each(|item| collect(item, names)),
        Value::String(text) => {
            for piece in pieces(text) {
                if let Piece::Reference(reference) = piece {
                    names.insert(name(reference)?.to_owned());
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn replace(value: &mut Value, values: &BTreeMap<String, String>) {
    match value {
        Value::Object(map) => map.values_mut().for_each(|value| replace(value, values)),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, values)),
        Value::String(text) if text.contains(OPEN) => {
            let told = |piece| match piece {
                Piece::Text(text) => text,
                Piece::Reference(reference) => {
                    name(reference).ok().and_then(|name| values.get(name)).map_or("", String::as_str)
                }
            };
            let whole: String = pieces(text).map(told).collect();
            *text = whole;
        }
        _ => {}
    }
}

/// The name, with a version behind it where there is one, of `ssm:NAME[:VERSION]`.
fn name(reference: &str) -> Result<&str, String> {
    let name = reference.strip_prefix("ssm:").filter(|name| !name.is_empty());
    name.ok_or_else(|| format!("Dynamic references to {reference} are not supported: those to ssm are."))
}

enum Piece<'a> {
    Text(&'a str),
    /// What stands between `{{resolve:` and `}}`.
    Reference(&'a str),
}

/// A text as its plain parts and its references. What is not closed is plain.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let begins = rest.find(OPEN);
        if begins == Some(0) {
            let inner = rest.get(OPEN.len()..).unwrap_or_default();
            if let Some((reference, after)) = inner.split_once(CLOSE) {
                rest = after;
                return Some(Piece::Reference(reference));
            }
        }
        let end = begins.filter(|at| *at > 0).unwrap_or(rest.len());
        let (plain, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = after;
        Some(Piece::Text(plain))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(value: &Value) -> Result<Vec<String>, String> {
        let mut names = BTreeSet::new();
        collect(value, &mut names).map(|()| names.into_iter().collect())
    }

    #[test]
    fn references_are_found_and_replaced_wherever_they_stand() {
        let mut value = json!({ "A": ["x{{resolve:ssm:/a:1}}y{{resolve:ssm:b}}", 1], "B": "{{resolve:ssm:b}}", "C": "{{plain}}" });
        assert_eq!(names(&value).unwrap(), ["/a:1", "b"]);
        let values = BTreeMap::from([
            ("/a:1".to_owned(), "1".to_owned()),
            ("b".to_owned(), "{{resolve:ssm:c}}".to_owned()),
        ]);
        replace(&mut value, &values);
        // A value that looks like a reference is none.
        let b = "{{resolve:ssm:c}}";
        assert_eq!(value, json!({ "A": [format!("x1y{b}"), 1], "B": b, "C": "{{plain}}" }));
    }

    #[test]
    fn what_is_no_reference_is_left_or_refused() {
        for plain in ["", "{{resolve:ssm:a", "}}", "{{ref}}", "{{resolve"] {
            assert_eq!(names(&json!(plain)).unwrap(), [""; 0], "{plain}");
        }
        for bad in
            ["{{resolve:secretsmanager:x}}", "{{resolve:ssm-secure:x:1}}", "{{resolve:}}", "{{resolve:ssm:}}"]
        {
            assert!(names(&json!(bad)).unwrap_err().contains("not supported"), "{bad}");
        }
    }
}
