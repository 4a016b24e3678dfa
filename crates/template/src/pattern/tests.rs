//! What Java's documentation says of its expressions, as (pattern, text, whether all of it matches).

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
    for pattern in ["a)|(?:.*", "a)|(.*", "(?=a)a)|(?:.*", "a)", "(a", "[a", r"a\", "*", r"(\w{1000}){1000}"]
    {
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
