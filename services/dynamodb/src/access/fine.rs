//! The condition keys of fine-grained policies, from what a request names.
//!
//! It refuses nothing: what is not valid is passed over here, and refused by the handler after the decision.

use std::collections::BTreeSet;
use std::iter;

use protocol::{Entries, Value};
use service::Access;

use crate::attribute::AttributeValue;
use crate::key::{ATTRIBUTES_MAX, KeySchema, condition_value};
use crate::tables::Table;

/// The condition keys that hold a partition key's values, attribute by attribute.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html#FGAC_DDB.ConditionKeys>
const PARTITION_KEYS: [&str; ATTRIBUTES_MAX] = [
    "dynamodb:FirstPartitionKeyValues",
    "dynamodb:SecondPartitionKeyValues",
    "dynamodb:ThirdPartitionKeyValues",
    "dynamodb:FourthPartitionKeyValues",
];

/// The values of partition keys: for each attribute of the key, those that a request names.
#[derive(Default)]
pub(super) struct Partitions([Vec<String>; ATTRIBUTES_MAX]);

impl Partitions {
    /// The values under which items are found in `schema`, as far as they are known.
    pub(super) fn add<'v>(&mut self, schema: &KeySchema, value: impl Fn(&str) -> Option<&'v AttributeValue>) {
        for (values, attribute) in iter::zip(&mut self.0, schema.partitions()) {
            values.extend(value(&attribute.name).and_then(condition_value));
        }
    }

    /// Values of the partition key's first attribute.
    pub(super) fn add_first<'v>(&mut self, first: impl IntoIterator<Item = &'v AttributeValue>) {
        let [values, ..] = &mut self.0;
        values.extend(first.into_iter().filter_map(condition_value));
    }

    // SECURITY: each attribute's values stand under their own name: among those of another, a policy that wants one of them
    // would be kept by what is none.
    fn add_to(self, mut access: Access) -> Access {
        let [first, ..] = &self.0;
        if !first.is_empty() {
            access = access.when("dynamodb:LeadingKeys", first);
        }
        for (key, values) in iter::zip(PARTITION_KEYS, self.0).filter(|(_, values)| !values.is_empty()) {
            access = access.when(key, values);
        }
        access
    }
}

/// The condition keys of an access to items.
#[derive(Default)]
pub(super) struct Fine<'a> {
    pub(super) keys: Vec<&'a Entries<Value>>,
    pub(super) attributes: BTreeSet<String>,
    pub(super) partitions: Partitions,
    pub(super) select: Option<&'a str>,
    pub(super) return_values: Option<&'a str>,
    pub(super) return_consumed_capacity: Option<&'a str>,
    pub(super) enclosing_operation: Option<&'static str>,
}

impl Fine<'_> {
    /// Adds the keys to the last check of `access`.
    pub(super) fn add_to(mut self, access: Access, table: Option<&Table>) -> Access {
        for key in self.keys {
            self.attributes.extend(key.iter().map(|(name, _)| name.to_owned()));
            // SECURITY: a value that is none is passed over, not refused: a refusal here would tell that the table
            // exists and what its key is called. The handler refuses it after the decision, before anything is done.
            let partition = table.and_then(|table| key.get(&table.record.schema.partition.name));
            let value = partition.and_then(|value| AttributeValue::try_from(value.clone()).ok());
            self.partitions.add_first(&value);
        }
        let mut access = self.partitions.add_to(access);
        if !self.attributes.is_empty() {
            access = access.when("dynamodb:Attributes", self.attributes);
        }
        let single = [
            ("dynamodb:Select", self.select),
            ("dynamodb:ReturnValues", self.return_values),
            ("dynamodb:ReturnConsumedCapacity", self.return_consumed_capacity),
            ("dynamodb:EnclosingOperation", self.enclosing_operation),
        ];
        for (key, value) in single {
            if let Some(value) = value {
                access = access.when(key, [value]);
            }
        }
        access
    }
}

/// What a read of whole items or of parts of them selects.
// SECURITY: policies that limit attributes allow only SPECIFIC_ATTRIBUTES: a read without a projection answers all.
pub(super) const fn selection(is_projected: bool) -> Option<&'static str> {
    Some(if is_projected { "SPECIFIC_ATTRIBUTES" } else { "ALL_ATTRIBUTES" })
}

/// What a write may answer.
// SECURITY: a failed condition can answer the whole item as well, so it counts as asking for it, whatever else is asked for.
pub(super) fn returned<'a>(return_values: Option<&'a str>, on_failure: Option<&str>) -> Option<&'a str> {
    match on_failure {
        Some("ALL_OLD") => Some("ALL_OLD"),
        _ => Some(return_values.unwrap_or("NONE")),
    }
}
