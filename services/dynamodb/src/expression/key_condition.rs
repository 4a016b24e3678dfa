//! Key conditions: the part of the condition language that a range of a table can answer.
//!
//! Which attribute is the partition key and which the sort key is not known here: see [`crate::key`].

use super::condition::{Comparator, Operand};
use super::placeholders::Placeholders;
use super::{Condition, Kind};
use crate::attribute::AttributeValue;
use crate::invalid::Invalid;

/// What is demanded of one key attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyTest {
    /// `= value`
    Equal(AttributeValue),
    /// `< value`
    Less(AttributeValue),
    /// `<= value`
    LessEqual(AttributeValue),
    /// `> value`
    Greater(AttributeValue),
    /// `>= value`
    GreaterEqual(AttributeValue),
    /// `BETWEEN low AND high`
    Between(AttributeValue, AttributeValue),
    /// `begins_with(key, start)`
    BeginsWith(AttributeValue),
}

impl KeyTest {
    /// The values of the test.
    pub fn values(&self) -> impl Iterator<Item = &AttributeValue> {
        let (one, two) = match self {
            Self::Equal(value)
            | Self::Less(value)
            | Self::LessEqual(value)
            | Self::Greater(value)
            | Self::GreaterEqual(value)
            | Self::BeginsWith(value) => (value, None),
            Self::Between(low, high) => (low, Some(high)),
        };
        std::iter::once(one).chain(two)
    }
}

/// Tests, each on another attribute. How many there may be is the key's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCondition {
    tests: Vec<(String, KeyTest)>,
}

impl KeyCondition {
    /// Parses and checks a key condition.
    ///
    /// # Errors
    /// The text is no condition, or one that no range of a table can answer.
    pub fn parse(text: &str, placeholders: &mut Placeholders) -> Result<Self, Invalid> {
        let condition = Condition::parse(Kind::KeyCondition, text, placeholders)?;
        let mut tests = Vec::new();
        collect(condition, &mut tests)?;
        Self::of(tests)
    }

    /// A key condition of tests that were given one by one.
    ///
    /// # Errors
    /// There are none.
    pub fn of(tests: Vec<(String, KeyTest)>) -> Result<Self, Invalid> {
        if tests.is_empty() {
            return Err(Invalid::new("Conditions can be of length 1 or 2 only"));
        }
        Ok(Self { tests })
    }

    /// The test of an attribute.
    pub fn test(&self, attribute: &str) -> Option<&KeyTest> {
        self.tests.iter().find(|(name, _)| name == attribute).map(|(_, test)| test)
    }

    /// The tested attributes.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tests.iter().map(|(name, _)| name.as_str())
    }
}

fn collect(condition: Condition, tests: &mut Vec<(String, KeyTest)>) -> Result<(), Invalid> {
    let test = match condition {
        Condition::And(all) => {
            return all.into_iter().try_for_each(|one| collect(one, tests));
        }
        Condition::Or(_) => return Err(unfit("OR")),
        Condition::Not(_) => return Err(unfit("NOT")),
        Condition::In(..) => return Err(unfit("IN")),
        Condition::Exists(_) => return Err(unfit("attribute_exists")),
        Condition::NotExists(_) => return Err(unfit("attribute_not_exists")),
        Condition::Type(..) => return Err(unfit("attribute_type")),
        Condition::Contains(..) => return Err(unfit("contains")),
        Condition::Compare(Comparator::NotEqual, ..) => return Err(unfit("<>")),
        Condition::Compare(comparator, one, two) => comparison(comparator, one, two)?,
        Condition::Between(one, low, high) => {
            let (name, values) = behind_name("BETWEEN", vec![one, low, high])?;
            let mut values = values.into_iter();
            let (low, high) = values.next().zip(values.next()).ok_or_else(no_name)?;
            (name, KeyTest::Between(low, high))
        }
        Condition::BeginsWith(one, start) => {
            let (name, mut values) = behind_name("begins_with", vec![one, start])?;
            (name, KeyTest::BeginsWith(values.pop().ok_or_else(no_name)?))
        }
    };
    if tests.iter().any(|(name, _)| *name == test.0) {
        return Err(Invalid::new(
            "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key",
        ));
    }
    tests.push(test);
    Ok(())
}

fn unfit(operator: &str) -> Invalid {
    Invalid::new(format!("Invalid operator used in KeyConditionExpression: {operator}"))
}

fn comparison(comparator: Comparator, one: Operand, two: Operand) -> Result<(String, KeyTest), Invalid> {
    let is_swapped = !matches!(one, Operand::Path(_));
    let (name, mut values) = name_and_values(vec![one, two])?;
    let value = values.pop().ok_or_else(no_name)?;
    let test = match (comparator, is_swapped) {
        (Comparator::Less, false) | (Comparator::Greater, true) => KeyTest::Less(value),
        (Comparator::LessEqual, false) | (Comparator::GreaterEqual, true) => KeyTest::LessEqual(value),
        (Comparator::Greater, false) | (Comparator::Less, true) => KeyTest::Greater(value),
        (Comparator::GreaterEqual, false) | (Comparator::LessEqual, true) => KeyTest::GreaterEqual(value),
        (Comparator::Equal | Comparator::NotEqual, _) => KeyTest::Equal(value),
    };
    Ok((name, test))
}

/// The values behind an operator that wants the key attribute first.
fn behind_name(operator: &str, operands: Vec<Operand>) -> Result<(String, Vec<AttributeValue>), Invalid> {
    if !matches!(operands.first(), Some(Operand::Path(_))) {
        return Err(Invalid::new(format!(
            "Invalid condition in KeyConditionExpression: {operator} operator must have the key attribute \
             as its first operand"
        )));
    }
    name_and_values(operands)
}

/// The one attribute among the operands, and the values that the others are.
fn name_and_values(operands: Vec<Operand>) -> Result<(String, Vec<AttributeValue>), Invalid> {
    let mut name = None;
    let mut values = Vec::with_capacity(2);
    for operand in operands {
        match operand {
            Operand::Path(_) if name.is_some() => {
                return Err(Invalid::new(
                    "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
                ));
            }
            Operand::Path(path) if path.is_nested() => {
                return Err(Invalid::new(
                    "KeyConditionExpressions cannot have conditions on nested attributes",
                ));
            }
            Operand::Path(path) => name = Some(path.head().to_owned()),
            Operand::Value(value) => values.push(value),
            Operand::Size(_) => {
                return Err(Invalid::new("KeyConditionExpressions cannot contain nested operations"));
            }
        }
    }
    Ok((name.ok_or_else(no_name)?, values))
}

fn no_name() -> Invalid {
    Invalid::new("Invalid condition in KeyConditionExpression: No key attribute specified")
}

#[cfg(test)]
mod tests;
