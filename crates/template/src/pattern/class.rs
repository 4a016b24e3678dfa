//! Bracketed classes: unions, intersections, nested and negated ones.
//!
//! What Java's versions read each in their own way is refused: a negated class with another class or `&&` in it, and a class
//! and more after `&&`.

use super::PatternError;
use super::escape::{self, One};
use super::token::{Reader, Token};

/// How deep classes may lie in each other.
const DEPTH_MAX: usize = 16;

/// One side of `&&`.
#[derive(Default)]
struct Operand {
    text: String,
    nested: bool,
}

/// The class after an opening bracket, up to its closing one.
pub(super) fn class(reader: &mut Reader, insensitive: bool, depth: usize) -> Result<String, PatternError> {
    if depth >= DEPTH_MAX {
        return Err(PatternError::TooMuch);
    }
    let negated = reader.eat('^');
    let mut sides = vec![];
    let mut side = Operand::default();
    let mut nested = false;
    loop {
        match reader.next().ok_or(PatternError::Unreadable)? {
            Token::Plain(']') if !side.text.is_empty() => break,
            Token::Plain(']') if !sides.is_empty() => return Err(PatternError::Unreadable),
            Token::Plain('[') => {
                side.text.push_str(&class(reader, insensitive, depth + 1)?);
                (side.nested, nested) = (true, true);
            }
            Token::Plain('&') if reader.eat('&') => {
                if side.text.is_empty() || reader.peek(0) == Some(Token::Plain('&')) {
                    return Err(PatternError::Unreadable);
                }
                sides.push(std::mem::take(&mut side).text);
            }
            _ if !sides.is_empty() && side.nested => {
                return Err(PatternError::unsupported("a class and more after &&"));
            }
            token => side.text.push_str(&item(token, reader, insensitive)?),
        }
    }
    sides.push(side.text);
    if negated && (nested || sides.len() > 1) {
        return Err(PatternError::unsupported("a negated class with a class or && in it"));
    }
    let sides: Vec<String> = sides.into_iter().map(|side| format!("[{side}]")).collect();
    let not = if negated { "^" } else { "" };
    Ok(format!("[{not}{}]", sides.join("&&")))
}

/// One character, range or set.
fn item(token: Token, reader: &mut Reader, insensitive: bool) -> Result<String, PatternError> {
    let from = match one(token, reader, insensitive)? {
        One::Set(set) => return Ok(set),
        One::Character(character) => character,
    };
    let range = reader.peek(0) == Some(Token::Plain('-'))
        && !matches!(reader.peek(1), None | Some(Token::Plain('[' | ']')));
    if !range {
        return Ok(characters(from, from, insensitive));
    }
    reader.next();
    let last = reader.next().ok_or(PatternError::Unreadable)?;
    match one(last, reader, insensitive)? {
        One::Character(to) if from <= to => Ok(characters(from, to, insensitive)),
        _ => Err(PatternError::Unreadable),
    }
}

fn one(token: Token, reader: &mut Reader, insensitive: bool) -> Result<One, PatternError> {
    match token {
        Token::Plain(character) | Token::Quoted(character) => Ok(One::Character(character)),
        Token::Escaped('v') if reader.peek(0) == Some(Token::Plain('-')) => {
            Err(PatternError::unsupported(r"\v before a -"))
        }
        Token::Escaped('N') => Err(PatternError::unsupported(r"\N")),
        Token::Escaped(escaped) => escape::one(escaped, reader, insensitive)?.ok_or(PatternError::Unreadable),
    }
}

/// A range within brackets; where case says nothing, with what is ASCII's of it in both.
pub(super) fn characters(from: char, to: char, insensitive: bool) -> String {
    let mut text = range(from, to);
    if insensitive {
        for (first, last, turned) in
            [('a', 'z', char::to_ascii_uppercase as fn(&char) -> char), ('A', 'Z', char::to_ascii_lowercase)]
        {
            let (low, high) = (from.max(first), to.min(last));
            if low <= high {
                text.push_str(&range(turned(&low), turned(&high)));
            }
        }
    }
    text
}

fn range(from: char, to: char) -> String {
    if from == to { literal(from) } else { format!("{}-{}", literal(from), literal(to)) }
}

/// A character that means itself wherever it stands.
pub(super) fn literal(character: char) -> String {
    if character.is_ascii_alphanumeric() {
        return character.to_string();
    }
    format!(r"\x{{{:x}}}", u32::from(character))
}
