//! What an escape means, in a class and out of one: a character, or a set of them.

use super::PatternError;
use super::property;
use super::token::{Reader, Token};

/// What matches exactly one character.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum One {
    Character(char),
    /// A class in the words of the engines, brackets and all.
    Set(String),
}

/// Java's predefined classes: ASCII's, save where Java says otherwise. The negated one is the letter in capitals.
const PREDEFINED: [(char, &str); 5] = [
    ('d', "0-9"),
    ('w', "0-9A-Za-z_"),
    ('s', r"\x{20}\x{9}-\x{d}"),
    ('h', r"\x{20}\x{9}\x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}"),
    ('v', r"\x{a}-\x{d}\x{85}\x{2028}\x{2029}"),
];

/// The one character, or set of them, that an escape stands for, where it does.
pub(super) fn one(
    escaped: char,
    reader: &mut Reader,
    insensitive: bool,
) -> Result<Option<One>, PatternError> {
    if let Some((_, class)) = PREDEFINED.iter().find(|(letter, _)| escaped.eq_ignore_ascii_case(letter)) {
        let not = if escaped.is_ascii_uppercase() { "^" } else { "" };
        return Ok(Some(One::Set(format!("[{not}{class}]"))));
    }
    if matches!(escaped, 'p' | 'P') {
        return property::set(reader, escaped == 'P', insensitive).map(|set| Some(One::Set(set)));
    }
    let character = match escaped {
        'a' => '\u{7}',
        'e' => '\u{1b}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => octal(reader)?,
        'c' => control(reader)?,
        'u' => utf16(reader)?,
        'x' if reader.eat('{') => hexadecimal(&reader.until('}')?)?,
        'x' => hexadecimal(&digits(reader, 2))?,
        other if !other.is_ascii_alphanumeric() => other,
        _ => return Ok(None),
    };
    Ok(Some(One::Character(character)))
}

fn octal(reader: &mut Reader) -> Result<char, PatternError> {
    let mut text = String::new();
    while text.len() < 3
        && let Some(digit) = reader.plain_if(|next| ('0'..='7').contains(&next))
    {
        text.push(digit);
        if text.len() == 2 && text.as_str() > "37" {
            break;
        }
    }
    let value = u8::from_str_radix(&text, 8).map_err(|_| PatternError::Unreadable)?;
    Ok(char::from(value))
}

fn control(reader: &mut Reader) -> Result<char, PatternError> {
    let letter = reader.plain_if(|next| next.is_ascii()).ok_or(PatternError::Unreadable)?;
    char::from_u32(u32::from(letter) ^ 64).ok_or(PatternError::Unreadable)
}

/// Four digits, or two times four where they are the two halves of one character.
fn utf16(reader: &mut Reader) -> Result<char, PatternError> {
    let unit = |text: String| match text.len() {
        4 => u16::from_str_radix(&text, 16).map_err(|_| PatternError::Unreadable),
        _ => Err(PatternError::Unreadable),
    };
    let mut units = vec![unit(digits(reader, 4))?];
    if units.first().is_some_and(|high| (0xd800..0xdc00).contains(high)) {
        if reader.next() != Some(Token::Escaped('u')) {
            return Err(PatternError::unsupported("half of a character"));
        }
        units.push(unit(digits(reader, 4))?);
    }
    match String::from_utf16(&units).map(|text| text.chars().next()) {
        Ok(Some(character)) => Ok(character),
        _ => Err(PatternError::unsupported("half of a character")),
    }
}

fn hexadecimal(text: &str) -> Result<char, PatternError> {
    if text.is_empty() || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(PatternError::Unreadable);
    }
    let value = u32::from_str_radix(text, 16).map_err(|_| PatternError::Unreadable)?;
    char::from_u32(value).ok_or(PatternError::Unreadable)
}

/// So many hexadecimal digits; none where they are fewer.
fn digits(reader: &mut Reader, count: usize) -> String {
    let mut text = String::new();
    while text.len() < count {
        let Some(digit) = reader.plain_if(|next| next.is_ascii_hexdigit()) else { return String::new() };
        text.push(digit);
    }
    text
}
