//! Which part of a table or an index a key condition asks for.
//!
//! Every attribute of the partition key has to be equal to something; those of the sort key from the left, the last one
//! named in whatever way a range can answer.

use super::encode::Encoding;
use super::range::SortRange;
use super::{KeyAttribute, KeySchema, PartitionRange, Role, ScalarType, encoded};
use crate::attribute::AttributeValue;
use crate::expression::KeyCondition;
use crate::expression::key_condition::KeyTest;
use crate::invalid::Invalid;

impl KeySchema {
    /// Which part of a table a key condition asks for.
    ///
    /// # Errors
    /// It tests other attributes than the keys, in other ways than an index can answer, or with other types.
    pub fn bind(&self, condition: &KeyCondition) -> Result<PartitionRange, Invalid> {
        let (given, defined) = (condition.attributes().len(), self.attributes().count());
        if given > defined {
            return Err(Invalid::new(format!(
                "The number of query conditions ({given}) exceeds the number of key attributes defined in the schema \
                 ({defined})"
            )));
        }
        self.check_partition_tests(condition)?;
        if condition.attributes().any(|name| !self.contains(name)) {
            let untested = self.sorts().find(|sort| condition.test(&sort.name).is_none());
            return Err(missed(untested.map_or("", |sort| sort.name.as_str())));
        }
        let mut encoding = Encoding::default();
        for attribute in self.partitions() {
            push_equal(&mut encoding, Role::Partition, attribute, condition)?;
        }
        let is_equal = |key: &KeyAttribute| matches!(condition.test(&key.name), Some(KeyTest::Equal(_)));
        let is_whole_key = self.attributes().all(is_equal);
        let sorts: Vec<&KeyAttribute> = self.sorts().collect();
        let last = sorts.iter().rposition(|sort| condition.test(&sort.name).is_some());
        let Some((last, before)) = last.and_then(|last| sorts.get(..=last)?.split_last()) else {
            return Ok(PartitionRange::new(encoding.key(), None, is_whole_key));
        };
        check_prefix(last, before, condition)?;
        for attribute in before {
            push_equal(&mut encoding, Role::Sort, attribute, condition)?;
        }
        let test = condition.test(&last.name).ok_or_else(|| missed(&last.name))?;
        check_types(last, test)?;
        let sort = SortRange::of(&encoding, last, test)?;
        Ok(PartitionRange::new(encoding.key(), Some(sort), is_whole_key))
    }

    /// Refuses conditions that do not say what every attribute of the partition key equals.
    fn check_partition_tests(&self, condition: &KeyCondition) -> Result<(), Invalid> {
        let is_unequal =
            |attribute: &&KeyAttribute| !matches!(condition.test(&attribute.name), Some(KeyTest::Equal(_)));
        let unequal: Vec<&KeyAttribute> = self.partitions().filter(is_unequal).collect();
        match unequal.first() {
            None => Ok(()),
            Some(_) if self.is_composed() => Err(Invalid::new(format!(
                "HASH key attributes {} must have equality conditions specified in the query",
                names(&unequal)
            ))),
            Some(attribute) => match condition.test(&attribute.name) {
                None => Err(missed(&attribute.name)),
                Some(test) => {
                    check_types(attribute, test)?;
                    Err(Invalid::new("Query key condition not supported"))
                }
            },
        }
    }
}

fn missed(name: &str) -> Invalid {
    Invalid::new(format!("Query condition missed key schema element: {name}"))
}

fn names(attributes: &[&KeyAttribute]) -> String {
    let names: Vec<&str> = attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    names.join(", ")
}

/// Refuses a gap: what stands before the last attribute that is tested has to be equal to something.
fn check_prefix(
    last: &KeyAttribute,
    before: &[&KeyAttribute],
    condition: &KeyCondition,
) -> Result<(), Invalid> {
    let is_unequal =
        |attribute: &&KeyAttribute| !matches!(condition.test(&attribute.name), Some(KeyTest::Equal(_)));
    let unequal: Vec<&KeyAttribute> = before.iter().copied().filter(is_unequal).collect();
    if unequal.is_empty() {
        return Ok(());
    }
    Err(Invalid::new(format!(
        "RANGE key attributes {} must have equality conditions specified in the query because a condition is present on \
         key attribute {}",
        names(&unequal),
        last.name
    )))
}

fn push_equal(
    encoding: &mut Encoding,
    role: Role,
    attribute: &KeyAttribute,
    condition: &KeyCondition,
) -> Result<(), Invalid> {
    let Some(KeyTest::Equal(value)) = condition.test(&attribute.name) else {
        return Err(missed(&attribute.name));
    };
    let part = encoded(value, attribute.scalar).ok_or_else(other_type)?;
    encoding.push(role, &part, value, &attribute.name)
}

/// A condition's value for the next attribute of the sort key, encoded.
pub(super) fn checked(
    encoding: &Encoding,
    attribute: &KeyAttribute,
    value: &AttributeValue,
) -> Result<Vec<u8>, Invalid> {
    let part = encoded(value, attribute.scalar).ok_or_else(other_type)?;
    encoding.check(Role::Sort, &part, value, &attribute.name)?;
    Ok(part.into_owned())
}

fn other_type() -> Invalid {
    Invalid::parameter("Condition parameter type does not match schema type")
}

fn check_types(attribute: &KeyAttribute, test: &KeyTest) -> Result<(), Invalid> {
    if test.values().any(|value| value.type_name() != attribute.scalar.name()) {
        return Err(other_type());
    }
    if attribute.scalar == ScalarType::N && matches!(test, KeyTest::BeginsWith(_)) {
        return Err(Invalid::parameter(
            "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type",
        ));
    }
    Ok(())
}
