//! `AllowedPattern`, of templates' parameters and of others: Java's regular expressions, without flags, within bounds.
//!
//! A pattern is told anew in the words of the engines here (`Expression`), so that it means what `java.util.regex.Pattern` says;
//! what they cannot say is refused by name. What an automaton can match is matched in linear time. Look-around, back-references
//! and possessive quantifiers need backtracking: that is refused once it takes too many steps, and then nothing is said of the
//! value.

mod class;
mod escape;
mod expression;
mod property;
#[cfg(test)]
mod tests;
mod token;

use std::fmt;

use fancy_regex::{CompileError, Error as EngineError};
use regex_automata::meta::Regex;

use expression::Expression;

/// The longest pattern that is matched by backtracking, in bytes.
const PATTERN_BYTES_MAX: usize = 4_096;
/// The longest pattern of all, in bytes.
const PATTERN_BYTES_MAX_LINEAR: usize = 1 << 16;
/// The longest text that is matched by backtracking: at each of its places a look ahead may read all that follows, for each of
/// 200 parameters.
const TEXT_BYTES_MAX: usize = 512;
/// Steps back that one match may take.
const STEPS_MAX: usize = 100_000;
/// Parts of a pattern that are compiled by themselves.
const PARTS_MAX: usize = 16;
/// What a pattern may weigh once compiled, in bytes.
const COMPILED_BYTES_MAX: usize = 1 << 20;
/// The longest name of what is not supported, in characters.
const NAME_MAX: usize = 64;

/// Why it is not known whether a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// It is no pattern, or too large a one.
    Unreadable,
    /// To say it takes more than the bounds.
    TooMuch,
    /// Java knows this, or may; the engines here do not.
    Unsupported(String),
}

impl PatternError {
    fn unsupported(what: &str) -> Self {
        Self::Unsupported(what.chars().take(NAME_MAX).collect())
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => to.write_str("it is no pattern, or too large a one"),
            Self::TooMuch => to.write_str("it takes more than is allowed"),
            Self::Unsupported(what) => write!(to, "{what} is not supported"),
        }
    }
}

/// True where a pattern matches all of a text.
///
/// # Errors
/// The pattern cannot be read, or not be evaluated within the bounds.
pub fn matches_whole(pattern: &str, text: &str) -> Result<bool, PatternError> {
    if pattern.len() > PATTERN_BYTES_MAX_LINEAR {
        return Err(PatternError::TooMuch);
    }
    // SECURITY: the pattern comes from the caller. Reading it counts its parentheses: one too many would end what is put around
    // it here.
    let expression = Expression::read(pattern)?;
    if expression.looks == 0 {
        let whole = format!(r"\A(?:{})\z", expression.words(false));
        // SECURITY: the automaton is linear in the text and its size is capped.
        let limits =
            Regex::config().nfa_size_limit(Some(COMPILED_BYTES_MAX)).onepass_size_limit(Some(1 << 18));
        let regex = Regex::builder().configure(limits).build(&whole).map_err(|_| PatternError::Unreadable)?;
        return Ok(regex.is_match(text));
    }
    if pattern.len() > PATTERN_BYTES_MAX || expression.parts() > PARTS_MAX {
        return Err(PatternError::TooMuch);
    }
    let regex = backtracking(&format!(r"\A(?:{})\z", expression.words(true)))?;
    if text.len() > TEXT_BYTES_MAX {
        return Err(PatternError::TooMuch);
    }
    regex.is_match(text).map_err(|_| PatternError::TooMuch)
}

fn backtracking(pattern: &str) -> Result<fancy_regex::Regex, PatternError> {
    let mut builder = fancy_regex::RegexBuilder::new(pattern);
    let built =
        builder.backtrack_limit(STEPS_MAX).delegate_size_limit(COMPILED_BYTES_MAX / PARTS_MAX).build();
    built.map_err(|error| match error {
        EngineError::CompileError(CompileError::LookBehindNotConst) => {
            PatternError::unsupported("a look-behind of no fixed length")
        }
        _ => PatternError::Unreadable,
    })
}
