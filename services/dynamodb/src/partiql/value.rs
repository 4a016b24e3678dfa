//! Literals and parameters: `'text'`, `1.5`, `true`, `null`, `[…]`, `{'a': …}`, `<<…>>`, `?`.

use super::cursor::{Cursor, faulty};
use super::lexer::Token;
use crate::attribute::{AttributeValue, Attributes};
use crate::invalid::Invalid;
use crate::number::Number;

/// A value, if one comes next.
pub(super) fn value(cursor: &mut Cursor<'_>) -> Result<Option<AttributeValue>, Invalid> {
    if cursor.eat("?") {
        return cursor.parameter().map(Some);
    }
    if cursor.eat("-") {
        let Token::Number(digits) = cursor.advance() else { return Err(faulty("expected a number")) };
        return number(&format!("-{digits}")).map(Some);
    }
    Ok(Some(match cursor.peek() {
        Token::Text(_) | Token::Number(_) => match cursor.advance() {
            Token::Number(digits) => number(&digits)?,
            Token::Text(text) => AttributeValue::S(text),
            _ => return Ok(None),
        },
        Token::Sign("[") => {
            cursor.advance();
            AttributeValue::L(cursor.nested(|cursor| elements(cursor, "]"))?)
        }
        Token::Sign("<<") => {
            cursor.advance();
            set(cursor.nested(|cursor| elements(cursor, ">>"))?)?
        }
        Token::Sign("{") => AttributeValue::M(Attributes::from_entries(tuple(cursor)?)),
        Token::Word(word) => {
            let constant = match word.to_ascii_lowercase().as_str() {
                "true" => AttributeValue::Bool(true),
                "false" => AttributeValue::Bool(false),
                "null" => AttributeValue::Null,
                _ => return Ok(None),
            };
            cursor.advance();
            constant
        }
        _ => return Ok(None),
    }))
}

/// A value that has to come next.
pub(super) fn expected(cursor: &mut Cursor<'_>) -> Result<AttributeValue, Invalid> {
    value(cursor)?.ok_or_else(|| faulty("expected a value"))
}

fn number(text: &str) -> Result<AttributeValue, Invalid> {
    let number: Number = text.parse().map_err(|_| faulty("a number cannot be represented"))?;
    Ok(AttributeValue::N(number))
}

/// Values up to a closing sign.
pub(super) fn elements(cursor: &mut Cursor<'_>, close: &str) -> Result<Vec<AttributeValue>, Invalid> {
    let mut elements = Vec::new();
    while !cursor.eat(close) {
        if !elements.is_empty() {
            cursor.expect(",")?;
        }
        elements.push(expected(cursor)?);
    }
    Ok(elements)
}

/// `{'name': value, …}`
pub(super) fn tuple(cursor: &mut Cursor<'_>) -> Result<Vec<(String, AttributeValue)>, Invalid> {
    cursor.expect("{")?;
    cursor.nested(|cursor| {
        let mut entries: Vec<(String, AttributeValue)> = Vec::new();
        while !cursor.eat("}") {
            if !entries.is_empty() {
                cursor.expect(",")?;
            }
            let (Token::Text(name) | Token::Quoted(name)) = cursor.advance() else {
                return Err(faulty("expected the name of an attribute in quotes"));
            };
            cursor.expect(":")?;
            let value = expected(cursor)?;
            if entries.iter().any(|(known, _)| *known == name) {
                return Err(faulty("an attribute is named twice"));
            }
            entries.push((name, value));
        }
        Ok(entries)
    })
}

/// A set: texts, numbers or byte strings, sorted and each once.
fn set(elements: Vec<AttributeValue>) -> Result<AttributeValue, Invalid> {
    let mixed = || faulty("a set holds texts, or numbers, or byte strings, and is not empty");
    fn sorted<T: Ord>(
        elements: Vec<AttributeValue>,
        take: fn(AttributeValue) -> Option<T>,
        mixed: impl Fn() -> Invalid,
    ) -> Result<Vec<T>, Invalid> {
        let count = elements.len();
        let mut taken: Vec<T> = elements.into_iter().filter_map(take).collect();
        if taken.len() != count {
            return Err(mixed());
        }
        taken.sort();
        taken.dedup();
        Ok(taken)
    }
    Ok(match elements.first() {
        Some(AttributeValue::S(_)) => AttributeValue::Ss(sorted(
            elements,
            |element| if let AttributeValue::S(text) = element { Some(text) } else { None },
            mixed,
        )?),
        Some(AttributeValue::N(_)) => AttributeValue::Ns(sorted(
            elements,
            |element| if let AttributeValue::N(number) = element { Some(number) } else { None },
            mixed,
        )?),
        Some(AttributeValue::B(_)) => AttributeValue::Bs(sorted(
            elements,
            |element| if let AttributeValue::B(bytes) = element { Some(bytes) } else { None },
            mixed,
        )?),
        _ => return Err(mixed()),
    })
}
