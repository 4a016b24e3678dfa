//! Compiled policy strings: what `Action`, `Resource` and string conditions compare with.
//!
//! A pattern knows no policy and no request; variables are answered by whoever asks for the match.

mod glob;
mod segments;
mod tokens;

use glob::{Glob, GlobBuilder};
use segments::Segments;
pub(crate) use segments::within_segments;
pub(crate) use tokens::{Syntax, Token, tokenize};

/// Answers policy variables by lower-case key. `None` where the request has no single value for it.
pub(crate) trait Variables {
    fn variable(&self, key: &str) -> Option<&str>;
}

/// One policy string, compiled to the cheapest form that can decide it.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// `*`
    Any,
    /// No wildcard, no variable.
    Exact(Box<str>),
    /// Text and one final `*`.
    Prefix(Box<str>),
    /// Other wildcards.
    Glob(Glob),
    /// Other wildcards, some of which stay within their segment of an ARN.
    Segments(Box<Segments>),
    /// Variables: the rest is known only when a request is.
    Template(Box<[Token]>),
}

impl Pattern {
    /// Compiles one string.
    pub(crate) fn compile(text: &str, syntax: Syntax) -> Result<Self, crate::PolicyError> {
        tokenize(text, syntax).map(|tokens| Self::from_tokens(&tokens))
    }

    /// Compiles what is already taken apart.
    pub(crate) fn from_tokens(tokens: &[Token]) -> Self {
        match tokens {
            [] => Self::Exact("".into()),
            [Token::Star] => Self::Any,
            [Token::Literal(text)] => Self::Exact(text.as_str().into()),
            [Token::Literal(text), Token::Star] => Self::Prefix(text.as_str().into()),
            tokens if tokens.iter().any(|token| matches!(token, Token::Variable { .. })) => {
                Self::Template(tokens.into())
            }
            tokens => {
                let glob = resolve(tokens, &NoVariables, false);
                let glob = glob.unwrap_or_else(|| GlobBuilder::default().build());
                if tokens.iter().any(segments::is_within) {
                    Self::Segments(Box::new(Segments::new(glob, tokens)))
                } else {
                    Self::Glob(glob)
                }
            }
        }
    }

    /// What every text that fits begins with, as far as it is known without looking closer.
    pub(crate) fn literal_start(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Prefix(text) => text,
            Self::Template(tokens) => match tokens.first() {
                Some(Token::Literal(text)) => text,
                _ => "",
            },
            Self::Glob(glob) => glob.literal_start(),
            Self::Segments(segments) => segments.literal_start(),
            Self::Any => "",
        }
    }

    /// True where the whole text fits. A variable without a value fits nothing.
    pub(crate) fn matches(&self, text: &str, variables: &impl Variables) -> bool {
        self.matches_with(text, variables, false)
    }

    /// The same where case does not matter: `text` is lower case already, as the pattern's literals are.
    pub(crate) fn matches_folded(&self, text: &str, variables: &impl Variables) -> bool {
        self.matches_with(text, variables, true)
    }

    /// The keys of its variables, in lower case.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        let tokens: &[Token] = if let Self::Template(tokens) = self { tokens } else { &[] };
        tokens.iter().filter_map(|token| match token {
            Token::Variable { key, .. } => Some(key.as_str()),
            _ => None,
        })
    }

    fn matches_with(&self, text: &str, variables: &impl Variables, fold: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(expected) => **expected == *text,
            Self::Prefix(prefix) => text.starts_with(&**prefix),
            Self::Glob(glob) => glob.matches(text),
            Self::Segments(segments) => segments.matches(text),
            Self::Template(tokens) => segments::fits(tokens, variables, fold, text),
        }
    }
}

struct NoVariables;

impl Variables for NoVariables {
    fn variable(&self, _: &str) -> Option<&str> {
        None
    }
}

/// A longer value is no value: what a request carries must not decide how large a pattern gets.
const VARIABLE_BYTES_MAX: usize = 2_048;

/// One piece of a pattern whose variables have their values.
#[derive(Clone, Copy, Debug)]
enum Piece<'t> {
    Text(&'t str),
    /// `within`: it stays in its segment of an ARN.
    Star {
        within: bool,
    },
    Question {
        within: bool,
    },
}

/// Puts values in the place of variables. Wildcards inside a value are ordinary characters. `None` where a value is missing.
// SECURITY: a tag or user name with `*` in it must not widen the policy that mentions it.
fn pieces(
    tokens: &[Token],
    variables: &impl Variables,
    fold: bool,
    mut put: impl FnMut(Piece<'_>),
) -> Option<()> {
    for token in tokens {
        match token {
            Token::Literal(text) => put(Piece::Text(text)),
            Token::Star => put(Piece::Star { within: false }),
            Token::StarWithin => put(Piece::Star { within: true }),
            Token::Question => put(Piece::Question { within: false }),
            Token::QuestionWithin => put(Piece::Question { within: true }),
            Token::Variable { key, default } => {
                let value = variables.variable(key).or(default.as_deref())?;
                match (value.len() <= VARIABLE_BYTES_MAX, fold) {
                    (false, _) => return None,
                    (true, false) => put(Piece::Text(value)),
                    (true, true) => put(Piece::Text(&value.to_lowercase())),
                }
            }
        }
    }
    Some(())
}

/// The pattern with its values, all of its wildcards going everywhere.
fn resolve(tokens: &[Token], variables: &impl Variables, fold: bool) -> Option<Glob> {
    let mut glob = GlobBuilder::default();
    pieces(tokens, variables, fold, |piece| match piece {
        Piece::Text(text) => glob.literal(text),
        Piece::Star { .. } => glob.star(),
        Piece::Question { .. } => glob.question(),
    })?;
    Some(glob.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Syntax = Syntax { wildcards: true, variables: true };

    struct One(&'static str);

    impl Variables for One {
        fn variable(&self, key: &str) -> Option<&str> {
            (key == "v").then_some(self.0)
        }
    }

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::compile(pattern, ALL).unwrap().matches(text, &One("a*c"))
    }

    #[test]
    fn wildcards_match_as_documented() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("", "", true),
            ("", "a", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "acb", false),
            ("?", "", false),
            ("?", "ä", true),
            ("??", "ä", false),
            ("a?c", "abc", true),
            ("*?", "", false),
            ("*?", "x", true),
            ("?*", "x", true),
            ("*a?c*", "xxabxaacyy", true),
            ("*a?c", "abcaXc", true),
            ("*a?c", "abcaXd", false),
            ("*?a?*", "a", false),
            ("*?a?*", "bab", true),
            ("ab*ba", "aba", false),
            ("*ab*", "aab", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} against {text}");
        }
    }

    #[test]
    fn a_wildcard_inside_a_value_is_an_ordinary_character() {
        assert!(matches("x/${v}/*", "x/a*c/y"));
        assert!(!matches("x/${v}/*", "x/abc/y"));
        assert!(matches("?/${v}", "x/a*c"));
    }

    #[test]
    fn a_variable_without_value_matches_nothing_but_a_default_helps() {
        assert!(!matches("${w}", ""));
        assert!(!matches("*${w}*", "x"));
        assert!(matches("${w, 'd'}e", "de"));
        assert!(matches("${w,''}e", "e"));
    }

    #[test]
    fn a_hostile_pattern_is_decided_quickly() {
        let text = "a".repeat(200_000);
        for pattern in ["a*".repeat(900) + "b", "*?aaaaaaaa".repeat(180) + "b", "?".repeat(2_000) + "*b"] {
            assert!(!matches(&pattern, &text));
        }
        assert!(!matches(&format!("*?{}b*", "a".repeat(2_000)), &text));
    }

    #[test]
    fn pieces_longer_than_a_word_match_across_it() {
        let piece = format!("?{}z", "ab".repeat(70));
        let text = format!("{}Q{}z{}", "ab".repeat(90), "ab".repeat(70), "tail");
        assert!(matches(&format!("*{piece}*"), &text));
        assert!(!matches(&format!("*{piece}y*"), &text));
    }
}
