//! Comparisons of one value: with numbers, with texts in which `*` stands for anything, with regular expressions.
//!
//! Where a value comes from is another's.

use std::borrow::Cow;

use crate::error::Error;
use crate::pattern::cursor::Cursor;
use crate::pattern::invalid;
use crate::pattern::regex::Regex;

/// A value that is neither a list nor an object.
#[derive(Debug, Default)]
pub(crate) struct Scalar<'v> {
    /// How it is written; nothing has no text.
    pub(crate) text: Option<Cow<'v, str>>,
    pub(crate) number: Option<f64>,
    /// True where it is a text, which quoted ones are compared with.
    pub(crate) is_text: bool,
}

/// What is asked of a value.
#[derive(Debug)]
pub(crate) enum Comparison {
    Equals(Operand),
    Differs(Operand),
    Less(f64),
    LessOrEqual(f64),
    Greater(f64),
    GreaterOrEqual(f64),
}

/// What a value is compared with.
#[derive(Debug)]
pub(crate) enum Operand {
    Number(f64),
    /// Text in which `*` stands for any characters. Only quoted text is strictly for strings.
    Text {
        parts: Vec<String>,
        quoted: bool,
    },
    Regex(Regex),
}

impl Comparison {
    /// Reads an operator and its operand, where an operator is next. An unquoted operand ends at space and at `ends`.
    pub(crate) fn parse(cursor: &mut Cursor<'_>, ends: &[char]) -> Result<Option<Self>, Error> {
        let comparison = if cursor.takes("!=") {
            Self::Differs(Operand::parse(cursor, ends)?)
        } else if cursor.takes("<=") {
            Self::LessOrEqual(number(cursor, ends)?)
        } else if cursor.takes(">=") {
            Self::GreaterOrEqual(number(cursor, ends)?)
        } else if cursor.takes("<") {
            Self::Less(number(cursor, ends)?)
        } else if cursor.takes(">") {
            Self::Greater(number(cursor, ends)?)
        } else if cursor.takes("=") {
            Self::Equals(Operand::parse(cursor, ends)?)
        } else {
            return Ok(None);
        };
        Ok(Some(comparison))
    }

    pub(crate) fn holds(&self, value: &Scalar<'_>) -> bool {
        let number = value.number;
        match self {
            Self::Equals(operand) => operand.equals(value),
            Self::Differs(operand) => !operand.equals(value),
            Self::Less(bound) => number.is_some_and(|number| number < *bound),
            Self::LessOrEqual(bound) => number.is_some_and(|number| number <= *bound),
            Self::Greater(bound) => number.is_some_and(|number| number > *bound),
            Self::GreaterOrEqual(bound) => number.is_some_and(|number| number >= *bound),
        }
    }
}

impl Operand {
    fn parse(cursor: &mut Cursor<'_>, ends: &[char]) -> Result<Self, Error> {
        match cursor.peek() {
            Some('"') => Ok(Self::Text { parts: split(&cursor.quoted()?), quoted: true }),
            Some('%') => cursor.regex().map(Self::Regex),
            _ => {
                let word = cursor.span(|c| !c.is_whitespace() && c != '"' && !ends.contains(&c));
                match word.parse::<f64>() {
                    _ if word.is_empty() => Err(cursor.unexpected()),
                    Ok(number) if number.is_finite() => Ok(Self::Number(number)),
                    _ => Ok(Self::Text { parts: split(word), quoted: false }),
                }
            }
        }
    }

    #[allow(clippy::float_cmp, reason = "the same digits give the same number")]
    fn equals(&self, value: &Scalar<'_>) -> bool {
        let text = value.text.as_deref();
        match self {
            Self::Number(wanted) => value.number == Some(*wanted),
            Self::Text { quoted: true, .. } if !value.is_text => false,
            Self::Text { parts, .. } => text.is_some_and(|text| wildcard(parts, text)),
            Self::Regex(regex) => text.is_some_and(|text| regex.is_match(text)),
        }
    }
}

fn number(cursor: &mut Cursor<'_>, ends: &[char]) -> Result<f64, Error> {
    match Operand::parse(cursor, ends)? {
        Operand::Number(number) => Ok(number),
        Operand::Text { .. } | Operand::Regex(_) => Err(invalid("<, <=, > and >= compare numbers")),
    }
}

/// True where the text is the parts in order with anything between them. Takes the leftmost place for each part, so it is linear.
fn wildcard(parts: &[String], text: &str) -> bool {
    let [first, between @ .., last] = parts else { return parts.iter().all(|only| only == text) };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in between {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    rest.ends_with(last.as_str())
}

fn split(text: &str) -> Vec<String> {
    text.split('*').map(str::to_owned).collect()
}
