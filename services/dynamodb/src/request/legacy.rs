//! The parameters from before there were expressions, turned into the same trees.

use protocol::{Entries, Value};

use super::Expressions;
use crate::api::{self, AttributeValueUpdate, ExpectedAttributeValue};
use crate::attribute::AttributeValue;
use crate::expression::condition::{Comparator, Operand};
use crate::expression::key_condition::KeyTest;
use crate::expression::update::{SetValue, UpdateOperand};
use crate::expression::{Condition, KeyCondition, Path, Projection, Update};
use crate::invalid::Invalid;

/// The one old parameter that may stand beside expressions.
pub(super) const KEY_CONDITIONS: &str = "KeyConditions";

/// The old parameters of a request.
#[derive(Debug, Default)]
pub(crate) struct Legacy<'a> {
    pub(crate) attributes_to_get: Option<&'a Vec<String>>,
    pub(crate) attribute_updates: Option<&'a Entries<AttributeValueUpdate>>,
    pub(crate) expected: Option<&'a Entries<ExpectedAttributeValue>>,
    pub(crate) conditional_operator: Option<&'a String>,
    pub(crate) query_filter: Option<&'a Entries<api::Condition>>,
    pub(crate) scan_filter: Option<&'a Entries<api::Condition>>,
    pub(crate) key_conditions: Option<&'a Entries<api::Condition>>,
}

impl Legacy<'_> {
    /// The names of those that are there.
    pub(super) fn given(&self) -> Vec<&'static str> {
        [
            (self.attributes_to_get.is_some(), "AttributesToGet"),
            (self.attribute_updates.is_some(), "AttributeUpdates"),
            (self.expected.is_some(), "Expected"),
            (self.query_filter.is_some(), "QueryFilter"),
            (self.scan_filter.is_some(), "ScanFilter"),
            (self.conditional_operator.is_some(), "ConditionalOperator"),
            (self.key_conditions.is_some(), KEY_CONDITIONS),
        ]
        .into_iter()
        .filter_map(|(is_given, name)| is_given.then_some(name))
        .collect()
    }

    pub(super) fn parse(&self) -> Result<Expressions, Invalid> {
        let filter = self.query_filter.or(self.scan_filter);
        if self.conditional_operator.is_some() {
            let expected = self.expected.map(|expected| expected.0.len());
            match expected.or_else(|| filter.map(|filter| filter.0.len())) {
                None | Some(0) => {
                    let message = "ConditionalOperator cannot be used without Filter or Expected";
                    return Err(Invalid::parameter(message));
                }
                Some(1) => {
                    let message = "ConditionalOperator can only be used when Filter or Expected has two or more elements";
                    return Err(Invalid::parameter(message));
                }
                Some(_) => {}
            }
        }
        Ok(Expressions {
            update: self.attribute_updates.map(update).transpose()?,
            condition: self.expected.map(|expected| self.joined(expected, expectation)).transpose()?,
            key_condition: self.key_condition()?,
            filter: filter.map(|filter| self.joined(filter, comparison)).transpose()?,
            projection: self.attributes_to_get.map(|names| projection(names)).transpose()?,
        })
    }

    /// The key condition in the old form.
    pub(super) fn key_condition(&self) -> Result<Option<KeyCondition>, Invalid> {
        self.key_conditions.map(key_condition).transpose()
    }

    fn joined<T>(
        &self,
        entries: &Entries<T>,
        convert: fn(&str, &T) -> Result<Condition, Invalid>,
    ) -> Result<Condition, Invalid> {
        let conditions =
            entries.iter().map(|(name, entry)| convert(name, entry)).collect::<Result<_, _>>()?;
        let is_any = self.conditional_operator.is_some_and(|operator| operator == "OR");
        Ok(if is_any { Condition::Or(conditions) } else { Condition::And(conditions) })
    }
}

fn projection(names: &[String]) -> Result<Projection, Invalid> {
    let mut seen = std::collections::BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(Invalid::parameter(format!("Duplicate value in attribute name: {twice}")));
    }
    let paths: Vec<_> = names.iter().map(Path::of_attribute).collect();
    Ok(Projection::of(&paths))
}

/// A comparison operator with its values, all valid and of one type.
struct Comparison<'a> {
    operator: &'a str,
    values: Vec<AttributeValue>,
}

impl<'a> Comparison<'a> {
    fn new(operator: &'a str, values: &[Value]) -> Result<Self, Invalid> {
        Self::counted(operator, values, |operator| {
            Invalid::parameter(format!("Invalid number of argument(s) for the {operator} ComparisonOperator"))
        })
    }

    /// The same with other words about too few or too many values.
    fn counted(
        operator: &'a str,
        values: &[Value],
        miscounted: impl Fn(&str) -> Invalid,
    ) -> Result<Self, Invalid> {
        let values: Vec<AttributeValue> =
            values.iter().map(|value| value.clone().try_into()).collect::<Result<_, _>>()?;
        let (counts, types): (std::ops::RangeInclusive<usize>, &[&str]) = match operator {
            "NULL" | "NOT_NULL" => (0..=0, &[]),
            "EQ" | "NE" => (1..=1, &[]),
            "LE" | "LT" | "GE" | "GT" | "CONTAINS" | "NOT_CONTAINS" => (1..=1, &["S", "N", "B"]),
            "BEGINS_WITH" => (1..=1, &["S", "B"]),
            "IN" => (1..=crate::expression::IN_OPERANDS_MAX, &["S", "N", "B"]),
            "BETWEEN" => (2..=2, &["S", "N", "B"]),
            unknown => return Err(Invalid::parameter(format!("Unknown ComparisonOperator: {unknown}"))),
        };
        if !counts.contains(&values.len()) {
            return Err(miscounted(operator));
        }
        let first = values.first().map(AttributeValue::type_name);
        if values.iter().any(|value| Some(value.type_name()) != first) {
            return Err(Invalid::parameter("AttributeValues inside AttributeValueList must be of same type"));
        }
        if let Some(name) = first.filter(|name| !types.is_empty() && !types.contains(name)) {
            return Err(Invalid::parameter(format!(
                "ComparisonOperator {operator} is not valid for {name} AttributeValue type"
            )));
        }
        if let (Some(low), Some(high)) = (values.first(), values.get(1))
            && operator == "BETWEEN"
            && low.scalar_cmp(high).is_some_and(std::cmp::Ordering::is_gt)
        {
            return Err(Invalid::new(
                "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
            ));
        }
        Ok(Self { operator, values })
    }

    fn condition(self, name: &str) -> Condition {
        let path = Path::of_attribute(name);
        let subject = Operand::Path(path.clone());
        let mut values = self.values.into_iter().map(Operand::Value);
        if self.operator == "IN" {
            return Condition::In(subject, values.collect());
        }
        let (first, second) = (values.next(), values.next());
        match (self.operator, first, second) {
            ("NULL", ..) => Condition::NotExists(path),
            ("NE", Some(value), _) => Condition::Compare(Comparator::NotEqual, subject, value),
            ("LE", Some(value), _) => Condition::Compare(Comparator::LessEqual, subject, value),
            ("LT", Some(value), _) => Condition::Compare(Comparator::Less, subject, value),
            ("GE", Some(value), _) => Condition::Compare(Comparator::GreaterEqual, subject, value),
            ("GT", Some(value), _) => Condition::Compare(Comparator::Greater, subject, value),
            ("CONTAINS", Some(value), _) => Condition::Contains(subject, value),
            ("NOT_CONTAINS", Some(value), _) => Condition::Not(Box::new(Condition::Contains(subject, value))),
            ("BEGINS_WITH", Some(value), _) => Condition::BeginsWith(subject, value),
            ("BETWEEN", Some(low), Some(high)) => Condition::Between(subject, low, high),
            (_, Some(value), _) => Condition::Compare(Comparator::Equal, subject, value),
            (_, None, _) => Condition::Exists(path),
        }
    }

    fn key_test(self) -> Result<KeyTest, Invalid> {
        let operator = self.operator;
        let mut values = self.values.into_iter();
        match (operator, values.next(), values.next()) {
            ("EQ", Some(value), _) => Ok(KeyTest::Equal(value)),
            ("LE", Some(value), _) => Ok(KeyTest::LessEqual(value)),
            ("LT", Some(value), _) => Ok(KeyTest::Less(value)),
            ("GE", Some(value), _) => Ok(KeyTest::GreaterEqual(value)),
            ("GT", Some(value), _) => Ok(KeyTest::Greater(value)),
            ("BEGINS_WITH", Some(value), _) => Ok(KeyTest::BeginsWith(value)),
            ("BETWEEN", Some(low), Some(high)) => Ok(KeyTest::Between(low, high)),
            _ => Err(Invalid::new("Attempted conditional constraint is not an indexable operation")),
        }
    }
}

fn comparison(name: &str, entry: &api::Condition) -> Result<Condition, Invalid> {
    let values = entry.attribute_value_list.as_deref().unwrap_or_default();
    Ok(Comparison::new(&entry.comparison_operator, values)?.condition(name))
}

fn key_condition(entries: &Entries<api::Condition>) -> Result<KeyCondition, Invalid> {
    let miscounted = |_: &str| {
        Invalid::new("The attempted filter operation is not supported for the provided filter argument count")
    };
    let mut compared = Vec::with_capacity(entries.0.len());
    for (name, entry) in &entries.0 {
        let values = entry.attribute_value_list.as_deref().unwrap_or_default();
        compared.push((name.clone(), Comparison::counted(&entry.comparison_operator, values, miscounted)?));
    }
    if !(1..=2).contains(&compared.len()) {
        return Err(Invalid::new("Conditions can be of length 1 or 2 only"));
    }
    let tests = compared.into_iter().map(|(name, comparison)| Ok((name, comparison.key_test()?)));
    KeyCondition::of(tests.collect::<Result<_, Invalid>>()?)
}

fn expectation(name: &str, entry: &ExpectedAttributeValue) -> Result<Condition, Invalid> {
    let refused = |message: String| Err(Invalid::parameter(format!("{message} for Attribute: {name}")));
    if entry.attribute_value_list.is_some() && entry.value.is_some() {
        return refused("Value and AttributeValueList cannot be used together".to_owned());
    }
    let Some(operator) = &entry.comparison_operator else {
        if entry.attribute_value_list.is_some() {
            return refused("AttributeValueList can only be used with a ComparisonOperator".to_owned());
        }
        return match (entry.exists, &entry.value) {
            (Some(false), None) => Ok(Condition::NotExists(Path::of_attribute(name))),
            (Some(false), Some(_)) => refused("Value cannot be used when Exists is false".to_owned()),
            (_, Some(value)) => Ok(Comparison::new("EQ", std::slice::from_ref(value))?.condition(name)),
            (exists, None) => {
                let exists = exists.map_or_else(|| "null".to_owned(), |exists| exists.to_string());
                refused(format!("Value must be provided when Exists is {exists}"))
            }
        };
    };
    if entry.exists.is_some() {
        return refused("Exists and ComparisonOperator cannot be used together".to_owned());
    }
    let values =
        entry.attribute_value_list.as_deref().or_else(|| entry.value.as_ref().map(std::slice::from_ref));
    match values {
        None if !matches!(operator.as_str(), "NULL" | "NOT_NULL") => {
            refused(format!("Value or AttributeValueList must be used with ComparisonOperator: {operator}"))
        }
        values => Ok(Comparison::new(operator, values.unwrap_or_default())?.condition(name)),
    }
}

fn update(entries: &Entries<AttributeValueUpdate>) -> Result<Update, Invalid> {
    let mut update = Update::default();
    for (name, entry) in entries.iter() {
        let path = Path::of_attribute(name);
        let value = entry.value.clone().map(AttributeValue::try_from).transpose()?;
        match (entry.action.as_deref().unwrap_or("PUT"), value) {
            ("DELETE", None) => update.push_remove(path),
            (_, None) => {
                return Err(Invalid::parameter(
                    "Only DELETE action is allowed when no attribute value is specified",
                ));
            }
            ("DELETE", Some(value)) if value.is_set() => update.push_delete(path, value),
            ("ADD", Some(value)) if value.is_set() || matches!(value, AttributeValue::N(_)) => {
                update.push_add(path, value);
            }
            ("ADD", Some(value @ AttributeValue::L(_))) => {
                let none = UpdateOperand::Value(AttributeValue::L(Vec::new()));
                let before = UpdateOperand::IfNotExists(path.clone(), Box::new(none));
                let joined =
                    UpdateOperand::ListAppend(Box::new(before), Box::new(UpdateOperand::Value(value)));
                update.push_set(path, SetValue::Operand(joined));
            }
            ("DELETE", Some(value)) => {
                return Err(Invalid::parameter(format!(
                    "DELETE action with value is not supported for the type {}",
                    value.type_name()
                )));
            }
            ("ADD", Some(value)) => {
                return Err(Invalid::parameter(format!(
                    "ADD action is not supported for the type {}",
                    value.type_name()
                )));
            }
            (_, Some(value)) => update.push_set(path, SetValue::Operand(UpdateOperand::Value(value))),
        }
    }
    Ok(update)
}
