//! What brings a table's global indexes from one template to the next: one index made or dropped at a time, as in AWS.
//!
//! Calls nothing.

use serde_json::{Value, json};

use super::dynamodb_throughput::{How, of_index};
use super::{Failure, Work, list, text};

/// What cannot be changed of an index, in AWS's words.
const FIXED: &str = "Cannot update GSI's properties other than Provisioned Throughput and Contributor Insights Specification. \
    You can create a new GSI with a different name.";

/// The updates, those that drop an index first.
pub(super) fn changes(
    old: Option<&Value>,
    table: &Value,
    work: &Work,
    how: How,
) -> Result<Vec<Value>, Failure> {
    let present = list(table.get("GlobalSecondaryIndexes"));
    between(list(old), present, list(work.get("GlobalSecondaryIndexes")), how)
}

fn name(index: &Value) -> String {
    text(index.get("IndexName"))
}

/// True where a table's index is in this part as a template wants it. In which order it has attributes does not matter.
fn is_same(part: &str, now: &Value, wanted: &Value) -> bool {
    let plain = |index: &Value| {
        let mut plain = index.get(part).cloned().unwrap_or_default();
        if let Some(Value::Array(names)) = plain.get_mut("NonKeyAttributes") {
            names.sort_by_key(|name| text(Some(name)));
        }
        plain
    };
    plain(now) == plain(wanted)
}

/// `present` is what the table has; `old` says how it was asked for.
fn between(old: &[Value], present: &[Value], new: &[Value], how: How) -> Result<Vec<Value>, Failure> {
    let find = |among: &[Value], wanted: &str| among.iter().find(|index| name(index) == wanted).cloned();
    let (mut dropped, mut changed, mut made) = (Vec::new(), Vec::new(), Vec::new());
    for gone in present.iter().map(name).filter(|name| find(new, name).is_none()) {
        dropped.push(json!({ "Delete": { "IndexName": gone } }));
    }
    for index in new {
        let Some(now) = find(present, &name(index)) else {
            made.push(json!({ "Create": index }));
            continue;
        };
        match find(old, &name(index)) {
            None => {}
            Some(before) if before == *index => {}
            Some(before) => {
                // What the table has is what counts: on the way back from a change that was refused, it never was another.
                let is_other = |part| before.get(part) != index.get(part) && !is_same(part, &now, index);
                if ["KeySchema", "Projection"].into_iter().any(is_other) {
                    return Err(Failure::new(FIXED));
                }
                let updates = of_index(&before, index, &now, how);
                changed.extend(
                    updates
                        .into_iter()
                        .map(|(part, value)| json!({ "Update": { "IndexName": name(index), part: value } })),
                );
            }
        }
    }
    if dropped.len() + made.len() > 1 {
        return Err(Failure::new("Cannot perform more than one GSI creation or deletion in a single update"));
    }
    Ok(dropped.into_iter().chain(changed).chain(made).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: How = How { is_provisioned: true, is_other: false, goes_back: false };

    fn index(name: &str, key: &str, units: u32) -> Value {
        json!({ "IndexName": name, "KeySchema": [{ "AttributeName": key, "KeyType": "HASH" }],
            "Projection": { "ProjectionType": "ALL" }, "ProvisionedThroughput": { "ReadCapacityUnits": units } })
    }

    fn projected(index: &Value, names: &Value) -> Value {
        let mut index = index.clone();
        index["Projection"] = json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": names });
        index
    }

    #[test]
    fn one_index_comes_or_goes_at_a_time() {
        let (a, b) = (index("a", "x", 1), index("b", "x", 1));
        let verbs = |old: &[&Value], new: &[&Value]| -> Result<Vec<String>, Failure> {
            let owned = |list: &[&Value]| list.iter().map(|value| (*value).clone()).collect::<Vec<_>>();
            let changes = between(&owned(old), &owned(old), &owned(new), HOW)?;
            Ok(changes.iter().filter_map(|change| change.as_object()?.keys().next().cloned()).collect())
        };
        let larger = index("a", "x", 2);
        assert!(verbs(&[&a], &[&a]).unwrap().is_empty());
        assert_eq!(verbs(&[], &[&a]).unwrap(), ["Create"]);
        assert_eq!(verbs(&[&a, &b], &[&b]).unwrap(), ["Delete"]);
        assert_eq!(verbs(&[&a], &[&larger]).unwrap(), ["Update"]);
        assert_eq!(verbs(&[&a], &[&larger, &b]).unwrap(), ["Update", "Create"]);
        assert!(verbs(&[&a], &[&b]).unwrap_err().message.starts_with("Cannot perform more than one"));
        assert!(verbs(&[], &[&a, &b]).is_err());
        // On the way back from an update that was refused, the table never had what was asked for.
        let (tried, back) = ([b.clone()], [a.clone()]);
        assert!(between(&tried, std::slice::from_ref(&a), &back, HOW).unwrap().is_empty());
        assert_eq!(verbs(&[&a], &[&index("a", "y", 1)]).unwrap_err().message, FIXED);
        // Nor was an index ever another than it is.
        let (of, shown) = (|names: Value| projected(&a, &names), |names: Value| [projected(&a, &names)]);
        let is_as_it_was =
            between(&[index("a", "y", 1)], &shown(json!(["p", "o"])), &[of(json!(["o", "p"]))], HOW);
        assert!(is_as_it_was.unwrap().is_empty());
        let is_other = between(&shown(json!(["o"])), &shown(json!(["o"])), &[of(json!(["o", "p"]))], HOW);
        assert_eq!(is_other.unwrap_err().message, FIXED);
    }
}
