//! Patterns as schemas write them, in the engine that there is: no backtracking, bounded when compiled.
//!
//! Look-around and back-references, which that engine does not have, are refused when a model is put.

use regex_automata::meta::Regex;

use super::SchemaError;

/// The compiled size that a pattern may have.
const PATTERN_BYTES_MAX: usize = 256 * 1_024;
/// How much of a pattern one step pays for.
const BYTES_A_STEP: usize = 4_096;

/// Compiles a pattern, which may fit anywhere in a text.
pub(super) fn compile(pattern: &str) -> Result<Regex, SchemaError> {
    let limits = Regex::config().nfa_size_limit(Some(PATTERN_BYTES_MAX)).onepass(false);
    let built = Regex::builder().configure(limits).build(&as_ascii_classes(pattern));
    built.map_err(|_| SchemaError::Pattern(pattern.to_owned()))
}

/// What it costs to look for a pattern in a text of so many bytes, in a judgement's steps: where an automaton cannot be kept in
/// memory as a table, each byte is held against all of its states.
pub(super) fn steps(pattern: &Regex, bytes: usize) -> usize {
    (1 + bytes / 16).saturating_mul(1 + pattern.memory_usage() / BYTES_A_STEP)
}

/// `\d` and `\w` mean ASCII in schemas; the engine would take every script's digits and letters.
fn as_ascii_classes(pattern: &str) -> String {
    let mut written = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            written.push(character);
            continue;
        }
        match rest.next() {
            Some('d') => written.push_str("[0-9]"),
            Some('D') => written.push_str("[^0-9]"),
            Some('w') => written.push_str("[0-9A-Za-z_]"),
            Some('W') => written.push_str("[^0-9A-Za-z_]"),
            Some(other) => {
                written.push('\\');
                written.push(other);
            }
            None => written.push('\\'),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_patterns_cost_more() {
        let (small, large) = (compile("^a+$").unwrap(), compile("(a|b)*c(a|b){500}").unwrap());
        assert!(steps(&small, 1_000_000) <= 250_000);
        assert!(steps(&large, 1_000_000) > 4 * steps(&small, 1_000_000));
    }

    #[test]
    fn patterns_mean_what_schemas_mean() {
        for (pattern, text, expected) in [
            ("b", "abc", true),
            ("^b", "abc", false),
            (r"^\d{2}$", "12", true),
            (r"^\d$", "٣", false),
            (r"^[\w.-]+@[\w-]+\.\w+$", "a.b@c.de", true),
            (r"^\w$", "é", false),
            (r"^a\/b$", "a/b", true),
            (r"^\W$", "é", true),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(text), expected, "{pattern}");
        }
        for pattern in ["(", "(?=a)", r"(a)\1", "a{99999}{99999}"] {
            assert_eq!(compile(pattern).unwrap_err(), SchemaError::Pattern(pattern.into()));
        }
    }
}
