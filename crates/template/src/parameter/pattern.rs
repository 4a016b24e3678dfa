//! `AllowedPattern`: Java's regular expressions, within bounds.
//!
//! A pattern that an automaton can match is matched in linear time. Look-around and back-references need backtracking: that
//! is refused once it takes too many steps, and then nothing is said of the value.

use regex_automata::meta::Regex;

use crate::error::TemplateError;

/// The longest pattern that is matched by backtracking, in bytes.
const PATTERN_BYTES_MAX: usize = 4_096;
/// Steps back that one match may take.
const STEPS_MAX: usize = 100_000;
/// What one part of a pattern may weigh once compiled, in bytes.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// True where a pattern matches all of a text.
///
/// # Errors
/// The pattern cannot be read, or not be evaluated within the bounds.
pub(super) fn matches_whole(name: &str, pattern: &str, text: &str) -> Result<bool, TemplateError> {
    let unusable =
        || TemplateError::format(format_args!("Parameter {name}: AllowedPattern cannot be evaluated."));
    let whole = format!(r"\A(?:{pattern})\z");
    // SECURITY: the pattern comes from the caller; the automaton is linear in the text and its size is capped.
    let limits = Regex::config().nfa_size_limit(Some(COMPILED_BYTES_MAX)).onepass_size_limit(Some(1 << 18));
    if let Ok(regex) = Regex::builder().configure(limits).build(&whole) {
        return Ok(regex.is_match(text));
    }
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(unusable());
    }
    let regex = fancy_regex::RegexBuilder::new(&whole)
        .backtrack_limit(STEPS_MAX)
        .delegate_size_limit(COMPILED_BYTES_MAX)
        .build()
        .map_err(|_| unusable())?;
    regex.is_match(text).map_err(|_| unusable())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn javas_patterns_match_the_whole_value() {
        for (pattern, text, expected) in [
            ("[a-z]+", "abc", true),
            ("[a-z]+", "abc1", false),
            ("^(?!aws).*$", "orders", true),
            ("^(?!aws).*$", "aws-orders", false),
            ("^(?=.*[A-Z])(?=.*[0-9]).{8,}$", "Passw0rds", true),
            ("^(?=.*[A-Z])(?=.*[0-9]).{8,}$", "passw0rds", false),
            (r"(a|b)\1", "aa", true),
            (r"(a|b)\1", "ab", false),
            ("(?<!x)y", "y", true),
        ] {
            assert_eq!(matches_whole("P", pattern, text).unwrap(), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn hostile_patterns_are_refused_within_bounds() {
        let text = "a".repeat(4_096);
        let long = format!("(?=a){}", "a".repeat(PATTERN_BYTES_MAX));
        let deep = format!("{}a{}(?=b)", "(".repeat(2_000), ")".repeat(2_000));
        for pattern in [r"(?=a)(a|a|aa)*\1b", r"(a*)*\1c", "(", "(?=x", long.as_str(), deep.as_str()] {
            let began = Instant::now();
            let told = matches_whole("P", pattern, &text);
            assert!(!told.unwrap_or(false), "{pattern}");
            assert!(began.elapsed() < Duration::from_secs(30), "{pattern}");
        }
    }
}
