//! What stands behind WHERE, as a condition of DynamoDB's own.

use super::cursor::{Cursor, faulty};
use super::lexer::Token;
use super::value::{elements, expected, value};
use crate::attribute::AttributeValue;
use crate::expression::Condition;
use crate::expression::condition::{Comparator, Operand};
use crate::invalid::Invalid;

/// The most comparisons and functions of one statement.
const LEAVES_MAX: usize = 300;
/// The most values that IN may have.
const IN_MAX: usize = 100;

/// The condition behind WHERE, if there is one.
pub(super) fn filter(cursor: &mut Cursor<'_>) -> Result<Option<Condition>, Invalid> {
    if !cursor.eat_word("WHERE") {
        return Ok(None);
    }
    let condition = any(cursor)?;
    if leaves(&condition) > LEAVES_MAX {
        return Err(faulty("the condition has too many operators"));
    }
    Ok(Some(condition))
}

fn leaves(condition: &Condition) -> usize {
    match condition {
        Condition::And(all) | Condition::Or(all) => all.iter().map(leaves).sum(),
        Condition::Not(one) => leaves(one),
        _ => 1,
    }
}

fn any(cursor: &mut Cursor<'_>) -> Result<Condition, Invalid> {
    let mut options = vec![all(cursor)?];
    while cursor.eat_word("OR") {
        options.push(all(cursor)?);
    }
    Ok(joined(options, Condition::Or))
}

fn all(cursor: &mut Cursor<'_>) -> Result<Condition, Invalid> {
    let mut parts = vec![negated(cursor)?];
    while cursor.eat_word("AND") {
        parts.push(negated(cursor)?);
    }
    Ok(joined(parts, Condition::And))
}

fn joined(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            join(parts)
        }
    }
}

fn negated(cursor: &mut Cursor<'_>) -> Result<Condition, Invalid> {
    if cursor.eat_word("NOT") {
        return cursor.nested(|cursor| Ok(Condition::Not(Box::new(negated(cursor)?))));
    }
    if cursor.eat("(") {
        return cursor.nested(|cursor| {
            let inside = any(cursor)?;
            cursor.expect(")")?;
            Ok(inside)
        });
    }
    leaf(cursor)
}

fn leaf(cursor: &mut Cursor<'_>) -> Result<Condition, Invalid> {
    if cursor.eat_function("begins_with") {
        let (one, two) = pair(cursor)?;
        return Ok(Condition::BeginsWith(one, two));
    }
    if cursor.eat_function("contains") {
        let (one, two) = pair(cursor)?;
        return Ok(Condition::Contains(one, two));
    }
    for (name, exists) in [("attribute_exists", true), ("attribute_not_exists", false)] {
        if cursor.eat_function(name) {
            return existence(cursor, exists);
        }
    }
    if cursor.eat_function("attribute_type") {
        let (one, two) = pair(cursor)?;
        let Operand::Value(AttributeValue::S(name)) = two else {
            return Err(faulty("attribute_type wants the name of a type"));
        };
        return Ok(Condition::Type(one, name));
    }
    let one = operand(cursor)?;
    if cursor.eat_word("IS") {
        return is(cursor, one);
    }
    let is_negated = cursor.eat_word("NOT");
    let tested = if cursor.eat_word("BETWEEN") {
        let low = operand(cursor)?;
        cursor.expect_word("AND")?;
        Condition::Between(one, low, operand(cursor)?)
    } else if cursor.eat_word("IN") {
        Condition::In(one, options(cursor)?)
    } else if is_negated {
        return Err(faulty("expected BETWEEN or IN"));
    } else {
        let (comparator, sign) = comparator(cursor)?;
        let two = operand(cursor)?;
        if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
            [&one, &two].into_iter().try_for_each(|operand| check_orderable(sign, operand))?;
        }
        Condition::Compare(comparator, one, two)
    };
    Ok(if is_negated { Condition::Not(Box::new(tested)) } else { tested })
}

/// What stands behind `attribute_exists(` and its opposite, which may be compared with a truth value.
fn existence(cursor: &mut Cursor<'_>, exists: bool) -> Result<Condition, Invalid> {
    let path = cursor.path()?;
    cursor.expect(")")?;
    let mut wanted = exists;
    if cursor.eat("=") {
        let AttributeValue::Bool(truth) = expected(cursor)? else {
            return Err(faulty("a function of existence is compared with true or false"));
        };
        wanted = exists == truth;
    }
    Ok(if wanted { Condition::Exists(path) } else { Condition::NotExists(path) })
}

/// Refuses values that have no order.
fn check_orderable(sign: &str, operand: &Operand) -> Result<(), Invalid> {
    match operand {
        Operand::Value(value) if !value.is_orderable() => Err(Invalid::new(format!(
            "Incorrect operand type for operator or function; operator or function: {sign}, operand type: {}",
            value.type_name()
        ))),
        _ => Ok(()),
    }
}

/// The types that IS knows, and those of attributes that they stand for.
const TYPES: [(&str, &str); 9] = [
    ("NULL", "NULL"),
    ("BOOL", "BOOL"),
    ("BOOLEAN", "BOOL"),
    ("BLOB", "B"),
    ("STRING", "S"),
    ("NUMERIC", "N"),
    ("STRUCT", "M"),
    ("TUPLE", "M"),
    ("LIST", "L"),
];

/// `IS MISSING`, `IS NOT MISSING`, `IS NULL`, `IS STRING`, …
fn is(cursor: &mut Cursor<'_>, one: Operand) -> Result<Condition, Invalid> {
    let is_negated = cursor.eat_word("NOT");
    let Operand::Path(path) = one else { return Err(faulty("IS wants a path before it")) };
    if cursor.eat_word("MISSING") {
        return Ok(if is_negated { Condition::Exists(path) } else { Condition::NotExists(path) });
    }
    let known = TYPES.into_iter().find(|(name, _)| cursor.eat_word(name));
    let Some((_, type_name)) = known else { return Err(faulty("expected MISSING or a type behind IS")) };
    let tested = Condition::Type(Operand::Path(path), type_name.to_owned());
    Ok(if is_negated { Condition::Not(Box::new(tested)) } else { tested })
}

fn comparator(cursor: &mut Cursor<'_>) -> Result<(Comparator, &'static str), Invalid> {
    let Token::Sign(sign) = cursor.advance() else { return Err(faulty("expected an operator")) };
    let comparator = match sign {
        "=" => Comparator::Equal,
        "<>" | "!=" => Comparator::NotEqual,
        "<" => Comparator::Less,
        "<=" => Comparator::LessEqual,
        ">" => Comparator::Greater,
        ">=" => Comparator::GreaterEqual,
        _ => return Err(faulty("expected an operator")),
    };
    Ok((comparator, sign))
}

fn options(cursor: &mut Cursor<'_>) -> Result<Vec<Operand>, Invalid> {
    let close = if cursor.eat("[") {
        "]"
    } else if cursor.eat("(") {
        ")"
    } else {
        return Err(faulty("IN wants a list"));
    };
    let values = elements(cursor, close)?;
    if values.is_empty() || values.len() > IN_MAX {
        return Err(faulty(&format!("IN wants 1 to {IN_MAX} values")));
    }
    Ok(values.into_iter().map(Operand::Value).collect())
}

fn pair(cursor: &mut Cursor<'_>) -> Result<(Operand, Operand), Invalid> {
    let one = operand(cursor)?;
    cursor.expect(",")?;
    let two = expected(cursor)?;
    cursor.expect(")")?;
    Ok((one, Operand::Value(two)))
}

fn operand(cursor: &mut Cursor<'_>) -> Result<Operand, Invalid> {
    if cursor.eat_function("size") {
        let path = cursor.path()?;
        cursor.expect(")")?;
        return Ok(Operand::Size(Box::new(Operand::Path(path))));
    }
    match value(cursor)? {
        Some(value) => Ok(Operand::Value(value)),
        None => Ok(Operand::Path(cursor.path()?)),
    }
}
