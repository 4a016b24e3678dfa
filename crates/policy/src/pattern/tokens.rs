//! Takes a policy string apart: literal text, wildcards, policy variables.
//!
//! It knows nothing of matching. `${*}`, `${?}` and `${$}` are the literal characters; documents older than 2012 have no variables.

use crate::error::PolicyError;

/// One piece of a policy string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// Text that stands for itself.
    Literal(String),
    /// `*`: any number of characters.
    Star,
    /// `*` that stays within its segment of an ARN: any number of characters, no colon among them.
    StarWithin,
    /// `?`: exactly one character.
    Question,
    /// `?` that stays within its segment: exactly one character other than a colon.
    QuestionWithin,
    /// `${key}` or `${key, 'default'}`; the key in lower case.
    Variable { key: String, default: Option<String> },
}

/// What a string may contain where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Syntax {
    /// `*` and `?` are wildcards.
    pub(crate) wildcards: bool,
    /// `${…}` is a policy variable.
    pub(crate) variables: bool,
}

/// Takes `text` apart.
pub(crate) fn tokenize(text: &str, syntax: Syntax) -> Result<Vec<Token>, PolicyError> {
    let mut tokens = Tokens::default();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = rest.get(character.len_utf8()..).unwrap_or_default();
        rest = match character {
            '$' if syntax.variables && after.starts_with('{') => variable(text, after, &mut tokens)?,
            '*' if syntax.wildcards => {
                tokens.star();
                after
            }
            '?' if syntax.wildcards => {
                tokens.0.push(Token::Question);
                after
            }
            literal => {
                tokens.literal(literal);
                after
            }
        };
    }
    Ok(tokens.0)
}

/// Reads `{…}` and hands back what follows it.
fn variable<'t>(whole: &str, text: &'t str, tokens: &mut Tokens) -> Result<&'t str, PolicyError> {
    let refuse = || PolicyError::legacy(format!("`{whole}` holds an invalid policy variable"));
    let (content, rest) = text.strip_prefix('{').and_then(|text| text.split_once('}')).ok_or_else(refuse)?;
    if let "*" | "?" | "$" = content {
        content.chars().for_each(|character| tokens.literal(character));
        return Ok(rest);
    }
    let (key, default) = match content.split_once(',') {
        None => (content.trim(), None),
        Some((key, default)) => {
            let default = default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            (key.trim(), Some(default.ok_or_else(refuse)?.to_owned()))
        }
    };
    let forbidden =
        |character: char| matches!(character, '$' | '{' | '*' | '?' | '\'') || character.is_control();
    if key.is_empty() || key.contains(forbidden) {
        return Err(refuse());
    }
    tokens.0.push(Token::Variable { key: key.to_ascii_lowercase(), default });
    Ok(rest)
}

#[derive(Default)]
struct Tokens(Vec<Token>);

impl Tokens {
    fn literal(&mut self, character: char) {
        match self.0.last_mut() {
            Some(Token::Literal(text)) => text.push(character),
            _ => self.0.push(Token::Literal(character.to_string())),
        }
    }

    /// Two stars in a row mean one.
    fn star(&mut self) {
        if self.0.last() != Some(&Token::Star) {
            self.0.push(Token::Star);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Syntax = Syntax { wildcards: true, variables: true };

    fn literal(text: &str) -> Token {
        Token::Literal(text.to_owned())
    }

    #[test]
    fn strings_come_apart() {
        let variable = |key: &str, default: Option<&str>| Token::Variable {
            key: key.to_owned(),
            default: default.map(str::to_owned),
        };
        for (text, expected) in [
            ("", vec![]),
            ("a**b", vec![literal("a"), Token::Star, literal("b")]),
            ("?$", vec![Token::Question, literal("$")]),
            ("x/${aws:UserName}", vec![literal("x/"), variable("aws:username", None)]),
            ("${a:b, 'c d'}z", vec![variable("a:b", Some("c d")), literal("z")]),
            ("${a:b,''}", vec![variable("a:b", Some(""))]),
            ("a${*}${?}${$}b", vec![literal("a*?$b")]),
        ] {
            assert_eq!(tokenize(text, ALL).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn broken_variables_are_refused() {
        for text in ["${", "a${b", "${}", "${a${b}}", "${a, b}", "${a,'b}", "${ }"] {
            assert!(tokenize(text, ALL).is_err(), "{text}");
        }
    }

    #[test]
    fn what_the_place_does_not_have_is_text() {
        let plain = Syntax { wildcards: false, variables: false };
        assert_eq!(tokenize("${a}*?", plain).unwrap(), vec![literal("${a}*?")]);
    }
}
