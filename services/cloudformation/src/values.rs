//! Changes with the values that differ: each resource before and after, and each difference at its place.
//!
//! Knows no secret: what is nobody's to see was masked when the change set was made.

use serde_json::Value;

use crate::api;
use crate::diff::references;
use crate::records::{ChangeRecord, DetailRecord};
use crate::view;

/// Longer values are told by their digest alone.
const VALUE_BYTES_MAX: usize = 1_024;

/// One value that differs.
struct Difference {
    /// A JSON pointer.
    path: String,
    before: Option<Value>,
    after: Option<Value>,
}

/// A change with its values; `template` is the one of the change set.
pub(crate) fn change(record: &ChangeRecord, template: &Value) -> api::Change {
    let mut change = view::change(record);
    if let Some(resource) = &mut change.resource_change {
        resource.before_context = record.before.as_ref().map(Value::to_string);
        resource.after_context = record.after.as_ref().map(Value::to_string);
        let raw = template.get("Resources").and_then(|resources| resources.get(&record.logical_id));
        let details = record.details.iter().flat_map(|detail| details(record, detail, raw));
        resource.details = Some(details.collect());
    }
    change
}

/// A detail once for each difference that it is the cause of.
fn details(
    record: &ChangeRecord,
    detail: &DetailRecord,
    raw: Option<&Value>,
) -> Vec<api::ResourceChangeDetail> {
    let place = match (detail.attribute.as_str(), &detail.name) {
        ("Properties", Some(name)) => format!("/Properties/{}", escaped(name)),
        ("Metadata", _) => "/Metadata".to_owned(),
        ("Tags", _) => "/Properties/Tags".to_owned(),
        _ => return vec![view::detail(detail)],
    };
    let side =
        |context: &Option<Value>| context.as_ref().and_then(|context| context.pointer(&place)).cloned();
    let mut differences = Vec::new();
    compare(place.clone(), side(&record.before), side(&record.after), &mut differences);
    let caused: Vec<&Difference> =
        differences.iter().filter(|difference| is_cause(detail, raw, &difference.path)).collect();
    if caused.is_empty() {
        return vec![view::detail(detail)];
    }
    caused.into_iter().map(|difference| valued(detail, difference)).collect()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// True where what the template says at a place refers to what the detail names.
fn is_cause(detail: &DetailRecord, raw: Option<&Value>, path: &str) -> bool {
    let (Some(causing), Some(mut raw)) = (&detail.causing, raw) else { return true };
    for step in path.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        // A function stands for all that is below it.
        match raw.get(&step) {
            Some(inner) => raw = inner,
            None => break,
        }
    }
    // A function may give the attribute's name.
    let of_any = causing.split_once('.').map(|(target, _)| format!("{target}."));
    references(raw).iter().any(|named| named == causing || of_any.as_ref() == Some(named))
}

/// Maps are compared member by member, and tags one by one: all else is one value.
fn compare(path: String, before: Option<Value>, after: Option<Value>, found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            for (name, value) in &before {
                compare(inside(&path, name), Some(value.clone()), after.get(name).cloned(), found);
            }
            for (name, value) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
                compare(inside(&path, name), None, Some(value.clone()), found);
            }
        }
        (before, after) if path == "/Properties/Tags" => {
            let (before, after) = (items(before), items(after));
            for at in 0..before.len().max(after.len()) {
                let path = inside(&path, &at.to_string());
                let (before, after) = (before.get(at).cloned(), after.get(at).cloned());
                if before != after {
                    found.push(Difference { path, before, after });
                }
            }
        }
        (before, after) => found.push(Difference { path, before, after }),
    }
}

fn inside(path: &str, name: &str) -> String {
    format!("{path}/{}", escaped(name))
}

fn items(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        other => other.into_iter().collect(),
    }
}

fn valued(detail: &DetailRecord, difference: &Difference) -> api::ResourceChangeDetail {
    let kind = match (&difference.before, &difference.after) {
        (None, _) => "Add",
        (_, None) => "Remove",
        _ => "Modify",
    };
    let mut shown = view::detail(detail);
    if let Some(target) = &mut shown.target {
        target.path = Some(difference.path.clone());
        target.before_value = difference.before.as_ref().map(text);
        target.after_value = difference.after.as_ref().map(text);
        target.attribute_change_type = Some(kind.to_owned());
    }
    shown
}

/// A value as text; a long one as its digest.
fn text(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.len() <= VALUE_BYTES_MAX {
        return text;
    }
    let digest: String = crypto::sha256(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("(Truncated-Signature):{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(before: Value, after: Value) -> Vec<(String, Option<String>, Option<String>)> {
        let mut found = Vec::new();
        compare("/Properties/P".to_owned(), Some(before), Some(after), &mut found);
        let told = |one: Difference| (one.path, one.before.as_ref().map(text), one.after.as_ref().map(text));
        found.into_iter().map(told).collect()
    }

    #[test]
    fn each_difference_is_told_where_it_is() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            found(
                json!({ "a": 1, "b": { "c/d": "x" }, "e": [1] }),
                json!({ "a": 2, "b": {}, "f": true, "e": [1] })
            ),
            [
                ("/Properties/P/a".to_owned(), some("1"), some("2")),
                ("/Properties/P/b/c~1d".to_owned(), some("x"), None),
                ("/Properties/P/f".to_owned(), None, some("true")),
            ]
        );
        assert_eq!(found(json!([1]), json!([2])), [("/Properties/P".to_owned(), some("[1]"), some("[2]"))]);
    }

    #[test]
    fn what_is_long_is_told_by_its_digest() {
        let long = json!("x".repeat(VALUE_BYTES_MAX + 1));
        assert!(text(&long).starts_with("(Truncated-Signature):") && text(&long).len() == 22 + 64);
    }
}
