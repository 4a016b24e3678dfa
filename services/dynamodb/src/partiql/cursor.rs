//! What all rules share: the place in the tokens, parameters, paths, nesting.

use super::NESTING_MAX;
use super::lexer::{Token, tokens};
use crate::attribute::AttributeValue;
use crate::expression::Path;
use crate::expression::path::Step;
use crate::invalid::Invalid;

/// How many steps a path may have.
const STEPS_MAX: usize = 32;

/// A place in a statement.
pub(super) struct Cursor<'a> {
    tokens: Vec<Token>,
    at: usize,
    parameters: std::slice::Iter<'a, AttributeValue>,
    depth: usize,
}

pub(super) fn faulty(detail: &str) -> Invalid {
    Invalid::new(format!("Statement wasn't well formed, can't be processed: {detail}"))
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &str, parameters: &'a [AttributeValue]) -> Self {
        Self { tokens: tokens(text), at: 0, parameters: parameters.iter(), depth: 0 }
    }

    pub(super) fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn peek_second(&self) -> &Token {
        self.tokens.get(self.at.saturating_add(1)).unwrap_or(&Token::End)
    }

    pub(super) fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = self.at.saturating_add(1);
        token
    }

    /// Goes past this sign if it comes next.
    pub(super) fn eat(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.peek(), Token::Sign(next) if *next == sign);
        self.at = self.at.saturating_add(usize::from(is_next));
        is_next
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<(), Invalid> {
        if self.eat(sign) { Ok(()) } else { Err(faulty(&format!("expected {sign}"))) }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(next) if next.eq_ignore_ascii_case(word))
    }

    /// Goes past this keyword, in any case, if it comes next.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let is_next = self.is_word(word);
        self.at = self.at.saturating_add(usize::from(is_next));
        is_next
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<(), Invalid> {
        if self.eat_word(word) { Ok(()) } else { Err(faulty(&format!("expected {word}"))) }
    }

    /// Goes past a function's name and its parenthesis if they come next.
    pub(super) fn eat_function(&mut self, name: &str) -> bool {
        let is_call = self.is_word(name) && matches!(self.peek_second(), Token::Sign("("));
        self.at = self.at.saturating_add(if is_call { 2 } else { 0 });
        is_call
    }

    /// A name, quoted or not.
    pub(super) fn name(&mut self) -> Result<String, Invalid> {
        match self.advance() {
            Token::Word(name) | Token::Quoted(name) if !name.is_empty() => Ok(name),
            _ => Err(faulty("expected a name")),
        }
    }

    /// A document path: `a.b[3]."c d"`, or `a['b']`.
    pub(super) fn path(&mut self) -> Result<Path, Invalid> {
        let mut path = Path::of_attribute(self.name()?);
        loop {
            if self.eat(".") {
                let name = self.name()?;
                path.push(Step::Name(name));
            } else if self.eat("[") {
                let step = match self.advance() {
                    Token::Number(digits) => Step::Index(
                        digits
                            .parse()
                            .map_err(|_| faulty("a list index is not within the allowable range"))?,
                    ),
                    Token::Text(name) => Step::Name(name),
                    _ => return Err(faulty("expected a list index or a name in brackets")),
                };
                self.expect("]")?;
                path.push(step);
            } else if path.steps().len() >= STEPS_MAX {
                return Err(faulty("the document path has too many elements"));
            } else {
                return Ok(path);
            }
        }
    }

    /// The next parameter, behind a `?`.
    pub(super) fn parameter(&mut self) -> Result<AttributeValue, Invalid> {
        self.parameters.next().cloned().ok_or_else(unequal)
    }

    /// Parses something that can contain itself, one level deeper.
    pub(super) fn nested<T>(
        &mut self,
        rule: impl FnOnce(&mut Self) -> Result<T, Invalid>,
    ) -> Result<T, Invalid> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > NESTING_MAX {
            return Err(faulty("it is nested too deeply"));
        }
        let parsed = rule(self)?;
        self.depth = self.depth.saturating_sub(1);
        Ok(parsed)
    }

    /// The end of the statement, and of the parameters.
    pub(super) fn finish(mut self) -> Result<(), Invalid> {
        self.eat(";");
        if *self.peek() != Token::End {
            return Err(faulty("Unexpected token after expression"));
        }
        if self.parameters.next().is_some() { Err(unequal()) } else { Ok(()) }
    }
}

fn unequal() -> Invalid {
    Invalid::new("Number of parameters in request and statement don't match.")
}
