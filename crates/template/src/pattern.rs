//! `AllowedPattern`, of templates' parameters and of others: Java's regular expressions, within bounds.
//!
//! A pattern that an automaton can match is matched in linear time. Look-around and back-references need backtracking: that
//! is refused once it takes too many steps, and then nothing is said of the value. What cannot be read alone is no pattern.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

/// The longest pattern that is matched by backtracking, in bytes.
const PATTERN_BYTES_MAX: usize = 4_096;
/// The longest text that is: at each of its places a look ahead may read all that follows, for each of 200 parameters.
const TEXT_BYTES_MAX: usize = 512;
/// Steps back that one match may take.
const STEPS_MAX: usize = 100_000;
/// What a pattern may weigh once compiled, in bytes.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// Why it is not known whether a pattern matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// It is no pattern, or too large a one.
    Unreadable,
    /// To say it takes more than the bounds.
    TooMuch,
}

/// True where a pattern matches all of a text.
///
/// # Errors
/// The pattern cannot be read, or not be evaluated within the bounds.
pub fn matches_whole(pattern: &str, text: &str) -> Result<bool, PatternError> {
    let pattern = classes(pattern);
    let whole = format!(r"\A(?:{pattern})\z");
    // SECURITY: the pattern comes from the caller; the automaton is linear in the text and its size is capped. It is read
    // alone first, as a parenthesis too many would end what is put around it.
    let limits = Regex::config().nfa_size_limit(Some(COMPILED_BYTES_MAX)).onepass_size_limit(Some(1 << 18));
    if syntax::parse(&pattern).is_ok()
        && let Ok(regex) = Regex::builder().configure(limits).build(&whole)
    {
        return Ok(regex.is_match(text));
    }
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(PatternError::TooMuch);
    }
    backtracking(&pattern)?;
    let regex = backtracking(&whole)?;
    if text.len() > TEXT_BYTES_MAX {
        return Err(PatternError::TooMuch);
    }
    regex.is_match(text).map_err(|_| PatternError::TooMuch)
}

fn backtracking(pattern: &str) -> Result<fancy_regex::Regex, PatternError> {
    // SECURITY: each look-around, and what stands between them, is compiled by itself: all of it together has one bound.
    let parts = 2 * pattern.matches(['(', '\\']).count() + 1;
    let mut builder = fancy_regex::RegexBuilder::new(pattern);
    let built = builder.backtrack_limit(STEPS_MAX).delegate_size_limit(COMPILED_BYTES_MAX / parts).build();
    built.map_err(|_| PatternError::Unreadable)
}

/// Java's names of classes, in the words of these automata. They are ASCII's there, unless a pattern asks for more.
const CLASSES: [(&str, &str); 14] = [
    ("Lower", "[:lower:]"),
    ("Upper", "[:upper:]"),
    ("ASCII", "[:ascii:]"),
    ("Alpha", "[:alpha:]"),
    ("Digit", "[:digit:]"),
    ("Alnum", "[:alnum:]"),
    ("Punct", "[:punct:]"),
    ("Graph", "[:graph:]"),
    ("Print", "[:print:]"),
    ("Blank", "[:blank:]"),
    ("Cntrl", "[:cntrl:]"),
    ("XDigit", "[:xdigit:]"),
    ("Space", "[:space:]"),
    ("IsAlphabetic", r"\p{Alphabetic}"),
];

/// The pattern with Java's names of classes put in the words of these automata. What is escaped or quoted stays.
fn classes(pattern: &str) -> String {
    let mut told = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        told.push_str(before);
        let (class, length) = named(escape).unwrap_or_else(|| {
            let length = escape.chars().take(2).map(char::len_utf8).sum();
            (escape.get(..length).unwrap_or_default().to_owned(), length)
        });
        told.push_str(&class);
        rest = escape.get(length..).unwrap_or_default();
    }
    told.push_str(rest);
    told
}

/// The class that an escape names, and how long that is, where it is one of [`CLASSES`].
fn named(escape: &str) -> Option<(String, usize)> {
    let is_not = escape.starts_with(r"\P{");
    let name = escape.strip_prefix(r"\p{").or_else(|| escape.strip_prefix(r"\P{"))?;
    let (name, _) = name.split_once('}')?;
    let (_, class) = CLASSES.iter().find(|(known, _)| *known == name)?;
    let class = if is_not { format!("[^[{class}]]") } else { format!("[{class}]") };
    Some((class, name.len() + r"\p{}".len()))
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
            (r"\p{Alnum}+", "aZ9", true),
            (r"\p{Alnum}+", "a-9", false),
            (r"\p{Alnum}+", "é", false),
            (r"[\p{Alpha}_][\p{Alnum}_-]*", "_a-9", true),
            (r"[\p{Alpha}_][\p{Alnum}_-]*", "9a", false),
            (r"[^\p{Punct}]+", "a b", true),
            (r"[^\p{Punct}]+", "a!b", false),
            (r"\P{Upper}+", "ab9", true),
            (r"\P{Upper}+", "aB", false),
            (r"[\P{Digit}.]+", "a.", true),
            (r"[\P{Digit}.]+", "1", false),
            (r"(?=.*\p{Upper})(?=.*\p{Digit}).{2,}", "A1", true),
            (r"(?=.*\p{Upper})(?=.*\p{Digit}).{2,}", "a1", false),
            (r"(?=\P{Lower})[\p{ASCII}]+", "Ab", true),
            (r"\p{Space}\p{Blank}\p{XDigit}\p{Graph}\p{Print}", "\n fg ", true),
            (r"\p{IsAlphabetic}+", "é", true),
            (r"\\p\{Alnum\}", r"\p{Alnum}", true),
            (r"\p{Lu}+\p{L}", "Éé", true),
        ] {
            assert_eq!(matches_whole(pattern, text).unwrap(), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_that_is_none_alone_is_refused() {
        for pattern in [
            "a)|(?:.*",
            "a)|(.*",
            "(?=a)a)|(?:.*",
            "a)",
            "(a",
            "[a",
            r"a\",
            "*",
            r"(\w{1000}){1000}",
            "(?x)a # b",
        ] {
            for text in ["a", "anything"] {
                assert_eq!(matches_whole(pattern, text), Err(PatternError::Unreadable), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn hostile_patterns_are_refused_within_bounds() {
        let text = "a".repeat(TEXT_BYTES_MAX);
        let long = format!("(?=a){}", "a".repeat(PATTERN_BYTES_MAX));
        let deep = format!("{}a{}(?=b)", "(".repeat(2_000), ")".repeat(2_000));
        let heavy: String = (60..140).map(|times| format!(r"(?=\p{{L}}{{{times}}})")).collect();
        assert_eq!(
            matches_whole(&heavy, "a"),
            Err(PatternError::Unreadable),
            "each is small, all together are not"
        );
        for pattern in [r"(?=a)(a|a|aa)*\1b", r"(a*)*\1c", "(", "(?=x", long.as_str(), deep.as_str()] {
            let began = Instant::now();
            let told = matches_whole(pattern, &text);
            assert!(!told.unwrap_or(false), "{pattern}");
            assert!(began.elapsed() < Duration::from_secs(30), "{pattern}");
        }
        let ahead = "(?:(?=.*b|.*d)a|(?=[ab]*c)a|a)*";
        assert_eq!(matches_whole(ahead, &text).ok(), Some(true));
        assert!(matches_whole(ahead, &format!("{text}a")).is_err(), "a longer one");
        assert_eq!(matches_whole("a*", &text.repeat(8)).ok(), Some(true), "no look ahead, no bound");
    }
}
