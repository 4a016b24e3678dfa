//! The throughput of a global table: its template says reads and writes apart, a table's says them together.
//!
//! Calls nothing. A replica's own settings of reads come before those of the whole table.

use serde_json::{Map, Value};

use super::dynamodb_throughput::CEILING;
use super::{list, text};

const READ: &str = "ReadOnDemandThroughputSettings";
const WRITE: &str = "WriteOnDemandThroughputSettings";
const MAX_READ: &str = "MaxReadRequestUnits";
const MAX_WRITE: &str = "MaxWriteRequestUnits";
const INDEXES: &str = "GlobalSecondaryIndexes";

/// What a replica may say of throughput.
pub(super) const OF_REPLICA: [&str; 2] = [INDEXES, READ];

/// Something in a replica's indexes that is not offered here.
pub(super) fn unsupported(replica: &Value) -> Option<String> {
    let parts = list(replica.get(INDEXES)).iter().filter_map(Value::as_object).flatten();
    parts.map(|(name, _)| name).find(|name| *name != "IndexName" && *name != READ).cloned()
}

/// Says a table's throughput as a table's template does.
pub(super) fn join(table: &mut Map<String, Value>, replica: Option<&Value>) {
    join_one(table, replica.and_then(Value::as_object));
    let own = list(replica.and_then(|replica| replica.get(INDEXES)));
    for index in maps(table.get_mut(INDEXES)) {
        let name = text(index.get("IndexName"));
        join_one(index, named(own, &name));
    }
}

fn join_one(of: &mut Map<String, Value>, own: Option<&Map<String, Value>>) {
    let all = of.shift_remove(READ);
    let write = of.shift_remove(WRITE);
    let read = own.and_then(|own| own.get(READ)).or(all.as_ref());
    let parts = [(MAX_READ, read), (MAX_WRITE, write.as_ref())];
    let parts = parts.into_iter().filter_map(|(name, of)| Some((name.to_owned(), of?.get(name)?.clone())));
    let ceiling: Map<String, Value> = parts.collect();
    if !ceiling.is_empty() {
        of.insert(CEILING.to_owned(), Value::Object(ceiling));
    }
}

/// Says what a table has as a global table's template may: reads of the whole table as well as of its replica. What the
/// template says of the whole table stands where it says something else of the replica.
pub(super) fn split(
    table: &mut Map<String, Value>,
    replica: &mut Map<String, Value>,
    template: &Map<String, Value>,
) {
    let said = list(template.get("Replicas")).first();
    replica.extend(split_one(table, Some(template), said.and_then(Value::as_object)));
    let (all, said) = (list(template.get(INDEXES)), list(said.and_then(|said| said.get(INDEXES))));
    let mut indexes = Vec::new();
    for index in maps(table.get_mut(INDEXES)) {
        let name = text(index.get("IndexName"));
        let mut own = Map::from_iter(split_one(index, named(all, &name), named(said, &name)));
        own.insert("IndexName".to_owned(), name.into());
        indexes.push(Value::Object(own));
    }
    replica.insert(INDEXES.to_owned(), indexes.into());
}

fn split_one(
    of: &mut Map<String, Value>,
    all: Option<&Map<String, Value>>,
    own: Option<&Map<String, Value>>,
) -> Option<(String, Value)> {
    let ceiling = of.shift_remove(CEILING).unwrap_or_default();
    let part = |name: &str| Some(Value::from_iter([(name.to_owned(), ceiling.get(name)?.clone())]));
    let read = part(MAX_READ);
    let said = all.and_then(|all| all.get(READ)).filter(|_| own.is_some_and(|own| own.contains_key(READ)));
    of.extend(part(MAX_WRITE).map(|write| (WRITE.to_owned(), write)));
    of.extend(said.or(read.as_ref()).map(|read| (READ.to_owned(), read.clone())));
    read.map(|read| (READ.to_owned(), read))
}

fn named<'a>(indexes: &'a [Value], name: &str) -> Option<&'a Map<String, Value>> {
    indexes.iter().find(|index| text(index.get("IndexName")) == name).and_then(Value::as_object)
}

fn maps(list: Option<&mut Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    list.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_and_writes_come_together_and_apart() {
        let mut table = json!({
            READ: { MAX_READ: 1 }, WRITE: { MAX_WRITE: 2 },
            INDEXES: [{ "IndexName": "a", READ: { MAX_READ: 3 } }, { "IndexName": "b", WRITE: { MAX_WRITE: 4 } }],
        });
        let replica =
            json!({ READ: { MAX_READ: 5 }, INDEXES: [{ "IndexName": "b", READ: { MAX_READ: 6 } }] });
        let template = table.as_object().unwrap().clone();
        let table = table.as_object_mut().unwrap();
        join(table, Some(&replica));
        let expected = json!({
            CEILING: { MAX_READ: 5, MAX_WRITE: 2 },
            INDEXES: [
                { "IndexName": "a", CEILING: { MAX_READ: 3 } },
                { "IndexName": "b", CEILING: { MAX_READ: 6, MAX_WRITE: 4 } },
            ],
        });
        assert_eq!(Value::Object(table.clone()), expected);
        let mut own = Map::new();
        split(table, &mut own, &template);
        assert_eq!(own[READ], json!({ MAX_READ: 5 }));
        assert_eq!(own[INDEXES][1], json!({ READ: { MAX_READ: 6 }, "IndexName": "b" }));
        assert_eq!((&table[READ], &table[WRITE]), (&json!({ MAX_READ: 5 }), &json!({ MAX_WRITE: 2 })));
        assert_eq!(table[INDEXES][1][WRITE], json!({ MAX_WRITE: 4 }));
        assert!(!table.contains_key(CEILING));
    }

    #[test]
    fn what_a_replicas_indexes_cannot_have_is_named() {
        let replica = json!({ INDEXES: [{ "IndexName": "a", "ReadProvisionedThroughputSettings": {} }] });
        assert_eq!(unsupported(&replica).as_deref(), Some("ReadProvisionedThroughputSettings"));
    }
}
