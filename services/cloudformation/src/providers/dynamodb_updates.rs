//! What brings the settings of a table from one template to the next, given what the table has now.
//!
//! Calls nothing. What a new template does not say any more goes back to its default; what would lose the table's items is
//! refused before anything is done.

use serde_json::{Map, Value, json};

use super::dynamodb_table::{encryption, stream};
use super::dynamodb_throughput::{CEILING, Change, How, UNITS, WARM};
use super::{Failure, Work, list, text};

const PROVISIONED: &str = "PROVISIONED";

/// Refuses attributes that change without an index that does, and key attributes whose type changes.
pub(super) fn check_definitions(
    table: &Value,
    work: &Work,
    indexes: &[Value],
    old: &Value,
) -> Result<(), Failure> {
    const NAME: &str = "AttributeDefinitions";
    if old.get(NAME) == work.get(NAME) {
        return Ok(());
    }
    let types = |definitions: Option<&Value>| -> std::collections::BTreeMap<String, String> {
        let pair = |entry: &Value| (text(entry.get("AttributeName")), text(entry.get("AttributeType")));
        list(definitions).iter().map(pair).collect()
    };
    let (present, wanted) = (types(table.get(NAME)), types(work.get(NAME)));
    let retyped = wanted.iter().find(|(name, kind)| present.get(*name).is_some_and(|now| now != *kind));
    if let Some((name, _)) = retyped {
        // Replacing the table instead would lose its items.
        let message =
            format!("The type of the attribute {name} cannot be changed: the table has it in a key.");
        return Err(Failure::new(message).untouched());
    }
    if indexes.is_empty() && !present.keys().eq(wanted.keys()) {
        let message = "AttributeDefinitions of a table change only with its indexes.";
        return Err(Failure::new(message).untouched());
    }
    Ok(())
}

/// The inputs of `UpdateTable`, in order, without the table's name.
pub(super) fn calls(work: &Work, old: &Value, table: &Value, how: How) -> Vec<Map<String, Value>> {
    let mut first = settings(work, old, table, how);
    let mut then = Map::new();
    if old.get("StreamSpecification") != work.get("StreamSpecification") {
        let view = |stream: Option<&Value>| text(stream.and_then(|stream| stream.get("StreamViewType")));
        let has =
            table.get("StreamSpecification").filter(|now| now.get("StreamEnabled") == Some(&json!(true)));
        let (now, wanted) = (view(has), view(work.get("StreamSpecification")));
        let is_other = now != wanted;
        if is_other && has.is_some() {
            first.insert("StreamSpecification".to_owned(), json!({ "StreamEnabled": false }));
        }
        // A stream shows the same for as long as it lives: another view is another stream.
        if let Some(stream) = stream(work).filter(|_| is_other) {
            let into = if has.is_some() { &mut then } else { &mut first };
            into.insert("StreamSpecification".to_owned(), stream);
        }
    }
    // Neither goes with other changes.
    let alone =
        |name: &str, value: Option<Value>| value.map(|value| Map::from_iter([(name.to_owned(), value)]));
    let change = |name| change(name, work, old, table);
    let ceiling = alone(CEILING, change(CEILING).ceiling(how));
    let warm = alone(WARM, change(WARM).warm(how));
    [first, then].into_iter().filter(|input| !input.is_empty()).chain(ceiling).chain(warm).collect()
}

fn change<'a>(name: &str, work: &'a Work, old: &'a Value, table: &'a Value) -> Change<'a> {
    Change { old: old.get(name), wanted: work.get(name), now: table.get(name) }
}

/// How the table is to be paid for.
pub(super) fn how(work: &Work, old: &Value, table: &Value) -> How {
    let mode = |given: String| if given.is_empty() { PROVISIONED.to_owned() } else { given };
    let wanted = mode(work.text("BillingMode"));
    let differs = old.get("BillingMode") != work.get("BillingMode");
    let is_other = differs && wanted != mode(text(table.pointer("/BillingModeSummary/BillingMode")));
    How { is_provisioned: wanted == PROVISIONED, is_other, goes_back: work.place.goes_back }
}

fn settings(work: &Work, old: &Value, table: &Value, how: How) -> Map<String, Value> {
    let differs = |name: &str| old.get(name) != work.get(name);
    let mut input = Map::new();
    if how.is_other {
        let wanted = if how.is_provisioned { PROVISIONED.to_owned() } else { work.text("BillingMode") };
        input.insert("BillingMode".to_owned(), wanted.into());
    }
    let reserved = match how.is_other {
        true => work.get(UNITS).cloned(),
        false => change(UNITS, work, old, table).units(),
    };
    if let Some(units) = reserved.filter(|_| how.is_provisioned) {
        input.insert(UNITS.to_owned(), units);
    }
    let indexes = if how.is_other && how.is_provisioned { reserved_indexes(work, table) } else { Vec::new() };
    if !indexes.is_empty() {
        input.insert("GlobalSecondaryIndexUpdates".to_owned(), indexes.into());
    }
    let defaults = [
        ("DeletionProtectionEnabled", work.get("DeletionProtectionEnabled").cloned(), json!(false)),
        ("SSESpecification", encryption(work), json!({ "Enabled": false })),
        ("TableClass", work.get("TableClass").cloned(), json!("STANDARD")),
    ];
    for (name, wanted, default) in defaults {
        if differs(name) {
            input.insert(name.to_owned(), wanted.unwrap_or(default));
        }
    }
    input
}

/// What the table's indexes reserve: that is said as the table begins to.
fn reserved_indexes(work: &Work, table: &Value) -> Vec<Value> {
    let name = |index: &Value| text(index.get("IndexName"));
    let present: Vec<String> = list(table.get("GlobalSecondaryIndexes")).iter().map(name).collect();
    let wanted = list(work.get("GlobalSecondaryIndexes")).iter();
    let there = wanted.filter(|index| present.contains(&name(index)));
    there
        .filter_map(|index| {
            let update = json!({ "IndexName": name(index), UNITS: index.get(UNITS)? });
            Some(json!({ "Update": update }))
        })
        .collect()
}

/// The specification to set, where what the table has (`shown`) is another.
pub(super) fn time_to_live(wanted: Option<&Value>, shown: &Value) -> Result<Option<Value>, Failure> {
    let status = text(shown.get("TimeToLiveStatus"));
    let has = text(shown.get("AttributeName"));
    let is_on = matches!(status.as_str(), "ENABLED" | "ENABLING");
    let wanted = wanted.filter(|wanted| text(wanted.get("Enabled")) == "true");
    match wanted.map(|wanted| text(wanted.get("AttributeName"))) {
        None if is_on => Ok(Some(json!({ "AttributeName": has, "Enabled": false }))),
        None => Ok(None),
        Some(name) if is_on && name == has => Ok(None),
        Some(_) if is_on => {
            let message =
                format!("TimeToLive is active on a different AttributeName: current AttributeName is {has}");
            Err(Failure::new(message).untouched())
        }
        Some(name) => Ok(Some(json!({ "AttributeName": name, "Enabled": true }))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_to_live_is_set_only_where_it_is_another() {
        let on = |name: &str| json!({ "AttributeName": name, "Enabled": true });
        let shown = |name: &str| json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": name });
        let off = json!({ "TimeToLiveStatus": "DISABLED" });
        let table = [
            (None, off.clone(), None),
            (Some(on("a")), off.clone(), Some(on("a"))),
            (Some(on("a")), shown("a"), None),
            (None, shown("a"), Some(json!({ "AttributeName": "a", "Enabled": false }))),
            (Some(json!({ "AttributeName": "a", "Enabled": false })), off, None),
        ];
        for (wanted, shown, expected) in table {
            assert_eq!(time_to_live(wanted.as_ref(), &shown).unwrap(), expected, "{wanted:?} {shown}");
        }
        let refused = time_to_live(Some(&on("b")), &shown("a")).unwrap_err();
        assert!(refused.is_untouched && refused.message.ends_with("current AttributeName is a"));
    }
}
