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
    let heavy = r"(?=\p{L}{3000})a".repeat(PARTS_MAX / 2);
    assert_eq!(matches_whole(&heavy, &text), Err(PatternError::Unreadable), "all parts have one bound");
    let ahead = "(?:(?=.*b|.*d)a|(?=[ab]*c)a|a)*";
    assert_eq!(matches_whole(ahead, &text).ok(), Some(true));
    assert!(matches_whole(ahead, &format!("{text}a")).is_err(), "a longer one");
    assert_eq!(matches_whole("a*", &text.repeat(8)).ok(), Some(true), "no look ahead, no bound");
}

/// After java.util.regex.Pattern's documentation.
fn agree(rows: &[(&str, &str, bool)]) {
    for &(pattern, text, expected) in rows {
        assert_eq!(matches_whole(pattern, text), Ok(expected), "{pattern} {text:?}");
    }
}

#[test]
fn predefined_classes_are_asciis() {
    agree(&[
        (r"\d+", "٣٤", false),
        (r"^\d{12}$", "123456789012", true),
        (r"\w+", "é", false),
        (r"^[\w-]+$", "a-b_9", true),
        (r"^[\w-]+$", "ñandú", false),
        (r"\s+", " \t\n\u{b}\u{c}\r", true),
        (r"\s", "\u{a0}", false),
        (r"\s", "\u{2003}", false),
        (r"\D\W\S", "٣é\u{a0}", true),
        (r"[^\d\s]", "٣", true),
        (r"[\D]", "1", false),
        (r"[^\W_]+", "a_", false),
        (r"\h+", " \t\u{a0}\u{1680}\u{180e}\u{2003}\u{202f}\u{205f}\u{3000}", true),
        (r"\h", "a", false),
        (r"(?=.)\h", "a", false),
        (r"\H", "\t", false),
        (r"\v+", "\n\u{b}\u{c}\r\u{85}\u{2028}\u{2029}", true),
        (r"\V", "\u{85}", false),
        (r"\R\R", "\r\n\n", true),
        (r"\R\n", "\r\n", true),
    ]);
}

#[test]
fn lines_end_as_java_says() {
    agree(&[
        (".", "\r", false),
        (".", "\n", false),
        (".", "\u{85}", false),
        (".", "\u{2028}", false),
        (".", "\u{2029}", false),
        (".", "\u{1f600}", true),
        ("(?s).", "\u{2028}", true),
        ("(?s:.).", "\n\n", false),
        ("(?s-s).", "\n", false),
        (r"a\b-\bb", "a-b", true),
        (r"a\bb", "ab", false),
        (r"a\b(?=.)é", "aé", true),
        (r"a\Bé", "aé", false),
        (r"a(?=.)\Bb", "ab", true),
        ("a$", "a\n", false),
        ("a$\\n", "a\n", true),
        ("a$\\r\\n", "a\r\n", true),
        ("a\\r$\\n", "a\r\n", false),
        ("a$\\nb", "a\nb", false),
        ("(a$|b)\\n", "a\n", true),
        ("(a$|b$)+", "b", true),
        ("(?>a$|a\\n)", "a\n", false),
        ("(?!a$)(?s:.)*", "a\n", false),
        (r"a\Z", "a", true),
        (r"\Aa\z", "a", true),
        (r"a\Z\n", "a\n", true),
        ("(?m)a$\\n^b", "a\nb", true),
        ("(?m)a$\\n^", "a\n", false),
        ("(?m)^a$", "a", true),
    ]);
}

#[test]
fn case_and_quotes() {
    agree(&[
        ("(?i)k", "\u{212a}", false),
        ("(?i)[j-l]", "\u{212a}", false),
        ("(?i)[a-z]s", "KS", true),
        ("(?i)s", "\u{17f}", false),
        ("(?i)é", "É", false),
        ("((?i)a)b", "Ab", true),
        ("((?i)a)b", "AB", false),
        ("(?i:a)b", "AB", false),
        ("(?i)a|b", "B", true),
        ("(?i)a(?-i)b", "AB", false),
        (r"(?i)\Qk\E", "K", true),
        ("[é-ë]", "ê", true),
        (r"\Qa.b\E", "a.b", true),
        (r"\Qa.b\E", "axb", false),
        (r"\Qa(b\E", "a(b", true),
        (r"\Qab\E+", "abb", true),
        (r"\Q\d", r"\d", true),
        (r"[\Q]^\E]+", "]^", true),
        (r"[\Qa\E-c]", "b", true),
        (r"[a\Q-\Ec]", "b", false),
        (r"\\Qa", r"\Qa", true),
    ]);
}

#[test]
fn quantifiers() {
    agree(&[
        ("a++", "aaa", true),
        ("a*+a", "aaa", false),
        ("a?+a", "a", false),
        ("a{1,2}+a", "aa", false),
        ("(?>a*)a", "aaa", false),
        ("a*?a", "aaa", true),
        ("a{2}", "aa", true),
        ("a{2,}", "a", false),
        ("a{0,2}", "aaa", false),
    ]);
}

#[test]
fn classes_in_brackets() {
    agree(&[
        ("[a-z&&[^bc]]+", "ad", true),
        ("[a-z&&[^bc]]+", "ab", false),
        ("[a-d[m-p]]+", "am", true),
        ("[a-z&&def]", "d", true),
        ("[a-z&&def]", "x", false),
        ("[a-z&&def&&[f]]", "d", false),
        (r"[\p{Alnum}&&[^a]]+", "a", false),
        ("[a&b]+", "a&b", true),
        ("[[:alpha:]]", "a", true),
        ("[[:alpha:]]", "z", false),
        ("[[:alpha:]]", ":", true),
        ("[a~~b]", "~", true),
        ("[a-]+", "a-", true),
        ("[-a]+", "a-", true),
        (r"[\w-.]+", "a-.", true),
        ("[+--]", ",", true),
        ("[]a]+", "]a", true),
        ("[^]a]", "]", false),
        ("[a^]+", "^a", true),
        ("[a-[b]]+", "a-b", true),
        (r"[\.\[\]\-]+", ".[]-", true),
    ]);
}

#[test]
fn escapes_references_and_properties() {
    agree(&[
        ("}]", "}]", true),
        (r"\-\_\/\ \é", "-_/ é", true),
        (r"\x41\x{1F600}\u0041\uD83D\uDE00", "A\u{1f600}A\u{1f600}", true),
        (r"\0101\07\0477", "A\u{7}\u{27}7", true),
        (r"\cA\e\a\f\n\r\t", "\u{1}\u{1b}\u{7}\u{c}\n\r\t", true),
        (r"(?<n>a)\k<n>", "aa", true),
        (r"(a)(b)\2\1", "abba", true),
        (r"(a)\10", "aa0", true),
        (r"(?:(a)|b)\1", "b", false),
        ("x|", "", true),
        ("", "", true),
        ("(?:a|ab)c|abd", "abd", true),
        (r"\pL\PL", "é1", true),
        (r"\p{IsLatin}\p{script=Greek}\p{gc=Lu}\p{IsLu}", "éαÉÉ", true),
        (r"\p{IsDigit}", "٣", true),
        (r"\p{IsHex_Digit}\p{IsHexDigit}", "٣f", true),
        (r"\P{IsHex_Digit}", "٣", false),
        (r"\P{IsHex_Digit}", "g", true),
        (r"\p{IsWhiteSpace}\p{IsWhite_Space}", "\u{2003} ", true),
        (r"\p{Lower}", "é", false),
        (r"\p{Punct}+", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", true),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "a b", true),
    ]);
}

#[test]
fn what_java_refuses_is_refused() {
    for pattern in [
        "a{,3}",
        "a{1",
        "{",
        "a{",
        "a{x}",
        "a{3,1}",
        "a{99999999999}",
        "a**",
        "a*?+",
        "+a",
        "(*a)",
        "a|*",
        r"[\b]",
        r"[\z]",
        r"[\1]",
        r"\y",
        r"\g",
        r"\E",
        r"a\",
        "[a",
        "[]",
        "[^]",
        "[z-a]",
        r"[a-\d]",
        "[&&]",
        "[a&&]",
        "[&&a]",
        "(?",
        "(?a)b",
        "(?#a)b",
        "(?P<n>a)",
        "(?<1>a)",
        "(?<n>a)(?<n>b)",
        r"\k<n>",
        r"\k",
        r"\x4",
        r"\x{110000}",
        r"\x{}",
        r"\u004",
        r"\08",
        r"\c",
        r"\p",
        r"\p{L",
        "(?i",
        "(?i-s-m)a",
        "a)",
        "(",
    ] {
        for text in ["a", ""] {
            assert_eq!(matches_whole(pattern, text), Err(PatternError::Unreadable), "{pattern}");
        }
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (pattern, name) in [
        (r"\p{javaLowerCase}", r"\p{javaLowerCase}"),
        (r"[\p{InGreek}]", r"\p{InGreek}"),
        (r"\p{IsNowhere}", r"\p{IsNowhere}"),
        ("(?x)a # b", "(?x)"),
        (r"(?U)\w", "(?U)"),
        ("(?iu:k)", "(?u)"),
        ("(?d).", "(?d)"),
        (r"(?i)\p{Lu}", r"\p{Lu} beside (?i)"),
        (r"(?i)(a)\1", r"\1 beside (?i)"),
        (r"\1(a)", r"\1 before the end of its group"),
        (r"(a\1)", r"\1 before the end of its group"),
        (r"\b{g}", r"\b{…}"),
        (r"\X", r"\X"),
        (r"\G", r"\G"),
        ("^*a", "* after an assertion"),
        ("(?=a)+a", "+ after an assertion"),
        ("[^a[b]]", "a negated class with a class or && in it"),
        ("[^a&&b]", "a negated class with a class or && in it"),
        ("[a-z&&[bc]d]", "a class and more after &&"),
        (r"[\v-a]", r"\v before a -"),
        (r"\uD83D", "half of a character"),
        ("(?<=a{1,3})b", "a look-behind of no fixed length"),
    ] {
        assert_eq!(matches_whole(pattern, "a"), Err(PatternError::Unsupported(name.to_owned())), "{pattern}");
    }
    let long = format!(r"\p{{{}}}", "a".repeat(10_000));
    assert!(
        matches!(matches_whole(&long, "a"), Err(PatternError::Unsupported(name)) if name.chars().count() == NAME_MAX)
    );
}

#[test]
fn parts_length_and_depth_have_bounds() {
    let many = "(?=a)".repeat(PARTS_MAX + 1) + "a";
    assert_eq!(matches_whole(&many, "a"), Err(PatternError::TooMuch));
    assert_eq!(matches_whole(many.strip_prefix("(?=a)").unwrap(), "a"), Ok(true));
    assert_eq!(matches_whole(&"a".repeat(PATTERN_BYTES_MAX_LINEAR + 1), "a"), Err(PatternError::TooMuch));
    assert_eq!(matches_whole(&"[".repeat(PATTERN_BYTES_MAX_LINEAR), "a"), Err(PatternError::TooMuch));
    for pattern in
        ["$".repeat(PATTERN_BYTES_MAX_LINEAR), "(".repeat(PATTERN_BYTES_MAX_LINEAR), "$a".repeat(20_000)]
    {
        assert!(matches_whole(&pattern, "a").is_err() || pattern.starts_with("$$"));
    }
}

proptest::proptest! {
    /// Nothing panics, and whatever is read stands on its own: no parenthesis of it ends what is put around it.
    #[test]
    fn any_pattern_is_told_or_refused(
        pattern in r"([a-c^$.|?*+(){}\[\]&,:<>=!QEdwpPLukx0-4-]|\\[dwsbhvRZzQEkxpu01]|\(\?[:=!>i<]|[\[(]\^?a[\])]|\n|é){0,24}"
    ) {
        let told = matches_whole(&pattern, "ab\n");
        if let Ok(expression) = Expression::read(&pattern) {
            let alone = expression.words(expression.looks > 0);
            let around = format!("x(?:{alone})");
            proptest::prop_assert_eq!(backtracking(&alone).is_ok(), backtracking(&around).is_ok(), "{}", pattern);
        } else {
            proptest::prop_assert!(told.is_err());
        }
    }
}
