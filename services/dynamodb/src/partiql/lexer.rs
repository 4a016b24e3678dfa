//! Cuts a statement's text into tokens.
//!
//! It never fails: what is no token becomes [`Token::Unknown`], which no rule accepts.

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A bare name or a keyword.
    Word(String),
    /// `"a name"`, which never is a keyword.
    Quoted(String),
    /// `'a text'`
    Text(String),
    /// A number, without its sign.
    Number(String),
    /// One of the signs below.
    Sign(&'static str),
    /// A character that starts no token, or a text without an end.
    Unknown,
    /// The end of the statement.
    End,
}

/// Longer ones first.
const SIGNS: [&str; 24] = [
    "<<", ">>", "<=", ">=", "<>", "!=", "||", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", ":",
    "*", "?", "+", "-", ";",
];

/// All tokens of a text, an [`Token::End`] behind the last.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = behind_comments(rest);
        let (token, length) = token(rest);
        let is_last = matches!(token, Token::End | Token::Unknown);
        tokens.push(token);
        if is_last {
            return tokens;
        }
        rest = rest.get(length..).unwrap_or("");
    }
}

/// The text behind blanks, `-- comments` and `/* comments */`. One without an end is no comment.
fn behind_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let behind = if let Some(comment) = rest.strip_prefix("--") {
            Some(comment.split_once('\n').map_or("", |(_, behind)| behind))
        } else {
            rest.strip_prefix("/*").and_then(|comment| Some(comment.split_once("*/")?.1))
        };
        match behind {
            Some(behind) => rest = behind.trim_start(),
            None => return rest,
        }
    }
}

fn token(rest: &str) -> (Token, usize) {
    let Some(first) = rest.chars().next() else { return (Token::End, 0) };
    match first {
        '\'' => quoted(rest, '\'', Token::Text),
        '"' => quoted(rest, '"', Token::Quoted),
        '0'..='9' => number(rest),
        '.' if rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => number(rest),
        _ if first.is_ascii_alphabetic() || first == '_' => {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Token::Word(rest.get(..length).unwrap_or("").to_owned()), length)
        }
        _ => match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            Some(sign) => (Token::Sign(sign), sign.len()),
            None => (Token::Unknown, 0),
        },
    }
}

/// Text in quotes; two quotes inside stand for one.
fn quoted(rest: &str, quote: char, make: fn(String) -> Token) -> (Token, usize) {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character != quote {
            text.push(character);
        } else if characters.next_if(|(_, next)| *next == quote).is_some() {
            text.push(quote);
        } else {
            return (make(text), at.saturating_add(1));
        }
    }
    (Token::Unknown, 0)
}

fn number(rest: &str) -> (Token, usize) {
    let bytes = rest.as_bytes();
    let digits = |from: usize| {
        let more = bytes.get(from..).unwrap_or_default();
        from.saturating_add(more.iter().take_while(|byte| byte.is_ascii_digit()).count())
    };
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') && bytes.get(end.saturating_add(1)).is_some_and(u8::is_ascii_digit) {
        end = digits(end.saturating_add(1));
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end.saturating_add(1)), Some(b'+' | b'-')));
        let exponent = end.saturating_add(1).saturating_add(sign);
        if digits(exponent) > exponent {
            end = digits(exponent);
        }
    }
    (Token::Number(rest.get(..end).unwrap_or("").to_owned()), end)
}
