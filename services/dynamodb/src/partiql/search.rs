//! Which part of a table or an index a condition asks for, and what is left to be tested item by item.

use std::cmp::Ordering;

use crate::attribute::{AttributeValue, Attributes};
use crate::expression::condition::{Comparator, Operand};
use crate::expression::key_condition::{KeyCondition, KeyTest};
use crate::expression::{Condition, Path};
use crate::invalid::Invalid;
use crate::key::KeySchema;

/// The most ranges of one statement; a condition that asks for more is tested item by item.
const RANGES_MAX: usize = 100;

/// How items are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Search {
    /// The ranges that are read one after the other; none where all of it is read.
    pub(crate) ranges: Option<Vec<KeyCondition>>,
    /// The partition keys that are named.
    pub(crate) partitions: Vec<AttributeValue>,
    /// What is tested of each item.
    pub(crate) filter: Option<Condition>,
}

/// How the items that are found follow each other, by the two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// True where the largest partition key comes first.
    pub(crate) partitions_reversed: bool,
    /// True where the largest sort key comes first.
    pub(crate) sorts_reversed: bool,
}

impl Search {
    /// Has the ranges follow each other as their items shall: which are of one partition do not overlap.
    pub(crate) fn sort(&mut self, schema: &KeySchema, order: Order) {
        let compare = |one: &KeyCondition, two: &KeyCondition, name: &str, is_reversed: bool| {
            let values = first_value(one, name).zip(first_value(two, name));
            let ordering = values.and_then(|(one, two)| one.scalar_cmp(two)).unwrap_or(Ordering::Equal);
            if is_reversed { ordering.reverse() } else { ordering }
        };
        self.ranges.iter_mut().for_each(|ranges| {
            ranges.sort_by(|one, two| {
                let partitions = compare(one, two, &schema.partition.name, order.partitions_reversed);
                partitions.then_with(|| match &schema.sort {
                    Some(sort) => compare(one, two, &sort.name, order.sorts_reversed),
                    None => Ordering::Equal,
                })
            });
        });
    }
}

fn first_value<'r>(range: &'r KeyCondition, name: &str) -> Option<&'r AttributeValue> {
    range.test(name)?.values().next()
}

/// How the items of a condition are found by these keys.
pub(crate) fn search(schema: &KeySchema, condition: Option<&Condition>) -> Search {
    let mut terms = condition.cloned().map(terms).unwrap_or_default();
    let Some(partitions) = take(&mut terms, |term| equalities(term, &schema.partition.name)) else {
        return Search { ranges: None, partitions: Vec::new(), filter: condition.cloned() };
    };
    let room = RANGES_MAX.checked_div(partitions.len()).unwrap_or(1);
    let sorts = schema.sort.as_ref().and_then(|sort| {
        take(&mut terms, |term| tests(term, &sort.name).filter(|tests| tests.len() <= room.max(1)))
    });
    let key = |name: &str, value: &AttributeValue| (name.to_owned(), KeyTest::Equal(value.clone()));
    let mut ranges = Vec::new();
    for partition in &partitions {
        let own = key(&schema.partition.name, partition);
        match (&sorts, &schema.sort) {
            (Some(sorts), Some(sort)) => ranges.extend(sorts.iter().filter_map(|test| {
                KeyCondition::of(vec![own.clone(), (sort.name.clone(), test.clone())]).ok()
            })),
            _ => ranges.extend(KeyCondition::of(vec![own]).ok()),
        }
    }
    let filter = match terms.len() {
        0 | 1 => terms.pop(),
        _ => Some(Condition::And(terms)),
    };
    Search { ranges: Some(ranges), partitions, filter }
}

/// The whole key that a condition names with equalities, and the rest of the condition.
///
/// # Errors
/// It does not name a whole key.
pub(crate) fn whole_key(
    schema: &KeySchema,
    condition: Option<&Condition>,
) -> Result<(Attributes, Option<Condition>), Invalid> {
    let mut terms = condition.cloned().map(terms).unwrap_or_default();
    let mut key = Attributes::new();
    for attribute in schema.attributes() {
        let one = |term: &Condition| equalities(term, &attribute.name).filter(|values| values.len() == 1);
        let value = take(&mut terms, one).and_then(|mut values| values.pop()).ok_or_else(|| {
            Invalid::new("Where clause does not contain a mandatory equality on all key attributes")
        })?;
        key.insert(attribute.name.clone(), value);
    }
    Ok((key, (!terms.is_empty()).then_some(Condition::And(terms))))
}

/// The parts of a condition that all have to hold.
fn terms(condition: Condition) -> Vec<Condition> {
    match condition {
        Condition::And(all) => all.into_iter().flat_map(terms).collect(),
        other => vec![other],
    }
}

/// Takes out the first term that is understood.
fn take<T>(terms: &mut Vec<Condition>, understand: impl Fn(&Condition) -> Option<T>) -> Option<T> {
    let (at, found) = terms.iter().enumerate().find_map(|(at, term)| Some((at, understand(term)?)))?;
    terms.remove(at);
    Some(found)
}

fn is_of(path: &Path, name: &str) -> bool {
    path.head() == name && !path.is_nested()
}

/// The values that a term allows an attribute to equal, each once.
fn equalities(term: &Condition, name: &str) -> Option<Vec<AttributeValue>> {
    let mut values: Vec<AttributeValue> = Vec::new();
    let mut add = |value: &AttributeValue| {
        if !values.contains(value) {
            values.push(value.clone());
        }
    };
    match term {
        Condition::Compare(Comparator::Equal, Operand::Path(path), Operand::Value(value))
        | Condition::Compare(Comparator::Equal, Operand::Value(value), Operand::Path(path))
            if is_of(path, name) =>
        {
            add(value);
        }
        Condition::In(Operand::Path(path), options) if is_of(path, name) => {
            for option in options {
                let Operand::Value(value) = option else { return None };
                add(value);
            }
        }
        Condition::Or(options) if options.len() <= RANGES_MAX => {
            for option in options {
                equalities(option, name)?.iter().for_each(&mut add);
            }
        }
        _ => return None,
    }
    (values.len() <= RANGES_MAX).then_some(values)
}

/// The tests of a sort key that a term stands for, any of which may hold.
fn tests(term: &Condition, name: &str) -> Option<Vec<KeyTest>> {
    if let Some(values) = equalities(term, name) {
        return Some(values.into_iter().map(KeyTest::Equal).collect());
    }
    let test = match term {
        Condition::Compare(comparator, Operand::Path(path), Operand::Value(value)) if is_of(path, name) => {
            let value = value.clone();
            match comparator {
                Comparator::Less => KeyTest::Less(value),
                Comparator::LessEqual => KeyTest::LessEqual(value),
                Comparator::Greater => KeyTest::Greater(value),
                Comparator::GreaterEqual => KeyTest::GreaterEqual(value),
                Comparator::Equal | Comparator::NotEqual => return None,
            }
        }
        Condition::Between(Operand::Path(path), Operand::Value(low), Operand::Value(high))
            if is_of(path, name) =>
        {
            KeyTest::Between(low.clone(), high.clone())
        }
        Condition::BeginsWith(Operand::Path(path), Operand::Value(start)) if is_of(path, name) => {
            KeyTest::BeginsWith(start.clone())
        }
        _ => return None,
    };
    Some(vec![test])
}
