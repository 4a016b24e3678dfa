//! What a pattern is made of before it means anything: characters, escaped ones and quoted ones.

use super::PatternError;

/// One character of a pattern, and whether it may have a meaning of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// As it stands.
    Plain(char),
    /// After a backslash.
    Escaped(char),
    /// Between `\Q` and `\E`: always itself.
    Quoted(char),
}

/// The tokens of a pattern, from the first to the last.
pub(super) struct Reader {
    tokens: Vec<Token>,
    at: usize,
}

impl Reader {
    pub(super) fn new(pattern: &str) -> Result<Self, PatternError> {
        let mut tokens = Vec::with_capacity(pattern.len());
        let mut rest = pattern.chars();
        while let Some(next) = rest.next() {
            if next != '\\' {
                tokens.push(Token::Plain(next));
                continue;
            }
            match rest.next().ok_or(PatternError::Unreadable)? {
                'Q' => {
                    let text = rest.as_str();
                    let (quoted, after) = text.split_once(r"\E").unwrap_or((text, ""));
                    tokens.extend(quoted.chars().map(Token::Quoted));
                    rest = after.chars();
                }
                escaped => tokens.push(Token::Escaped(escaped)),
            }
        }
        Ok(Self { tokens, at: 0 })
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let next = self.peek(0)?;
        self.at += 1;
        Some(next)
    }

    /// The token that is `ahead` places after the next one.
    pub(super) fn peek(&self, ahead: usize) -> Option<Token> {
        self.tokens.get(self.at.checked_add(ahead)?).copied()
    }

    /// The next token, where it is a plain character that is wanted; it stays otherwise.
    pub(super) fn plain_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        match self.peek(0) {
            Some(Token::Plain(next)) if wanted(next) => {
                self.at += 1;
                Some(next)
            }
            _ => None,
        }
    }

    /// True, and past it, where the next token is this plain character.
    pub(super) fn eat(&mut self, wanted: char) -> bool {
        self.plain_if(|next| next == wanted).is_some()
    }

    /// The plain characters before this one, which is passed too.
    pub(super) fn until(&mut self, end: char) -> Result<String, PatternError> {
        let mut text = String::new();
        while let Some(next) = self.plain_if(|_| true) {
            if next == end {
                return Ok(text);
            }
            text.push(next);
        }
        Err(PatternError::Unreadable)
    }

    /// A number in decimal digits, at least one.
    pub(super) fn number(&mut self) -> Result<u32, PatternError> {
        let mut digits = String::new();
        while let Some(digit) = self.plain_if(|next| next.is_ascii_digit()) {
            digits.push(digit);
        }
        digits.parse().map_err(|_| PatternError::Unreadable)
    }
}
