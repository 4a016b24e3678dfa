//! What the grammars share: the token cursor, syntax errors, document paths, placeholders, counters.

use super::faults::{Class, Faults};
use super::lexer::{Token, TokenKind, tokens};
use super::path::{Path, STEPS_MAX, Step};
use super::placeholders::Placeholders;
use super::reserved::is_reserved;
use super::{Kind, NESTING_MAX, OPERATORS_MAX, TEXT_BYTES_MAX};
use crate::attribute::AttributeValue;
use crate::invalid::Invalid;

/// A parser over one expression. Each grammar adds its rules in a module of its own.
pub(super) struct Parser<'a> {
    kind: Kind,
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    placeholders: &'a mut Placeholders,
    pub(super) faults: Faults,
    operators: usize,
    depth: usize,
}

/// Parses `text` with `rule` up to its end, and puts the parameter's name before any error.
pub(super) fn parse<'a, T>(
    kind: Kind,
    text: &'a str,
    placeholders: &'a mut Placeholders,
    rule: impl FnOnce(&mut Parser<'a>) -> Result<T, Invalid>,
) -> Result<T, Invalid> {
    parse_unprefixed(kind, text, placeholders, rule)
        .map_err(|invalid| invalid.within(format_args!("Invalid {}: ", kind.name())))
}

fn parse_unprefixed<'a, T>(
    kind: Kind,
    text: &'a str,
    placeholders: &'a mut Placeholders,
    rule: impl FnOnce(&mut Parser<'a>) -> Result<T, Invalid>,
) -> Result<T, Invalid> {
    if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
        return Err(Invalid::new("The expression can not be empty;"));
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(Invalid::new(format!(
            "Expression size has exceeded the maximum allowed size; expression size: {}",
            text.len()
        )));
    }
    let mut parser = Parser {
        kind,
        text,
        tokens: tokens(text),
        at: 0,
        placeholders,
        faults: Faults::default(),
        operators: 0,
        depth: 0,
    };
    let parsed = rule(&mut parser)?;
    if parser.peek().kind != TokenKind::End {
        return Err(parser.unexpected());
    }
    parser.faults.into_result()?;
    Ok(parsed)
}

impl<'a> Parser<'a> {
    fn token(&self, at: usize) -> Token {
        let end = Token { kind: TokenKind::End, start: self.text.len(), end: self.text.len() };
        self.tokens.get(at).copied().unwrap_or(end)
    }

    /// The next token.
    pub(super) fn peek(&self) -> Token {
        self.token(self.at)
    }

    /// The token behind the next one.
    pub(super) fn peek_second(&self) -> Token {
        self.token(self.at.saturating_add(1))
    }

    /// The text of a token.
    pub(super) fn text(&self, token: Token) -> &'a str {
        self.text.get(token.start..token.end).unwrap_or("")
    }

    /// Goes past the next token.
    pub(super) fn advance(&mut self) -> Token {
        let token = self.peek();
        self.at = self.at.saturating_add(1).min(self.tokens.len());
        token
    }

    /// What DynamoDB calls an operator in messages about its operands: it has other words for key conditions.
    pub(super) const fn operator_word(&self) -> &'static str {
        if matches!(self.kind, Kind::KeyCondition) { "operator or function" } else { "operator" }
    }

    /// Goes past the next token if it is of this kind.
    pub(super) fn eat(&mut self, kind: TokenKind) -> bool {
        let is_next = self.peek().kind == kind;
        if is_next {
            self.advance();
        }
        is_next
    }

    /// Goes past a token that the grammar demands.
    pub(super) fn expect(&mut self, kind: TokenKind) -> Result<Token, Invalid> {
        if self.peek().kind == kind { Ok(self.advance()) } else { Err(self.unexpected()) }
    }

    /// True where the next token is this keyword, in any case.
    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        let token = self.peek();
        token.kind == TokenKind::Word && self.text(token).eq_ignore_ascii_case(keyword)
    }

    /// Goes past the next token if it is this keyword.
    pub(super) fn eat_keyword(&mut self, keyword: &str) -> bool {
        let is_next = self.is_keyword(keyword);
        if is_next {
            self.advance();
        }
        is_next
    }

    /// The syntax error at the next token, with its neighbours.
    pub(super) fn unexpected(&self) -> Invalid {
        let token = self.peek();
        let is_end = token.kind == TokenKind::End;
        let shown = if is_end { "<EOF>" } else { self.text(token) };
        let start = self.at.checked_sub(1).map_or(token, |before| self.token(before)).start;
        let end = if is_end {
            self.at.checked_sub(1).map_or(token, |before| self.token(before)).end
        } else {
            self.peek_second().end
        };
        let near = self.text.get(start..end).unwrap_or("").trim_end();
        Invalid::new(format!("Syntax error; token: \"{shown}\", near: \"{near}\""))
    }

    /// Counts an operator or a function.
    pub(super) fn count_operator(&mut self) -> Result<(), Invalid> {
        self.operators = self.operators.saturating_add(1);
        if self.operators > OPERATORS_MAX {
            return Err(Invalid::new(format!(
                "The expression contains too many operators or functions; maximum: {OPERATORS_MAX}"
            )));
        }
        Ok(())
    }

    /// Parses something that can contain itself, one level deeper.
    pub(super) fn nested<T>(
        &mut self,
        rule: impl FnOnce(&mut Self) -> Result<T, Invalid>,
    ) -> Result<T, Invalid> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > NESTING_MAX {
            return Err(Invalid::new(format!(
                "The expression is nested too deeply; maximum nesting levels: {NESTING_MAX}"
            )));
        }
        let parsed = rule(self)?;
        self.depth = self.depth.saturating_sub(1);
        Ok(parsed)
    }

    /// A document path.
    pub(super) fn path(&mut self) -> Result<Path, Invalid> {
        let mut path = Path::of_attribute(self.name()?);
        loop {
            if self.eat(TokenKind::Dot) {
                let name = self.name()?;
                path.push(Step::Name(name));
            } else if self.eat(TokenKind::OpenBracket) {
                let digits = self.expect(TokenKind::Integer)?;
                let index = self.index(digits);
                self.expect(TokenKind::CloseBracket)?;
                path.push(Step::Index(index));
            } else {
                break;
            }
        }
        let levels = path.steps().len().saturating_add(1);
        if levels > STEPS_MAX {
            let message =
                format!("The document path has too many nesting elements; nesting levels: {levels}");
            self.faults.note(Class::Limit, message);
        }
        Ok(path)
    }

    fn index(&mut self, digits: Token) -> u32 {
        let text = self.text(digits);
        text.parse().unwrap_or_else(|_| {
            let message = format!("List index is not within the allowable range; index: [{text}]");
            self.faults.note(Class::Limit, message);
            0
        })
    }

    fn name(&mut self) -> Result<String, Invalid> {
        let token = self.peek();
        let text = self.text(token);
        match token.kind {
            TokenKind::Word if !self.is_structural(text) => {
                if is_reserved(text) {
                    let message = format!("Attribute name is a reserved keyword; reserved keyword: {text}");
                    self.faults.note(Class::Reserved, message);
                }
                self.advance();
                Ok(text.to_owned())
            }
            TokenKind::NameRef => {
                self.advance();
                if let Some(name) = self.placeholders.name(text) {
                    return Ok(name.to_owned());
                }
                let message = format!(
                    "An expression attribute name used in the document path is not defined; \
                     attribute name: {text}"
                );
                self.faults.note(Class::UndefinedName, message);
                Ok(text.to_owned())
            }
            _ => Err(self.unexpected()),
        }
    }

    /// True for words that the grammar itself uses, and that therefore never are names.
    pub(super) fn is_structural(&self, word: &str) -> bool {
        let words: &[&str] = match self.kind {
            Kind::Projection => &[],
            Kind::Update => &["SET", "REMOVE", "ADD", "DELETE"],
            Kind::Condition | Kind::Filter | Kind::KeyCondition => {
                // DynamoDB's conditions want names to start with a letter.
                if word.starts_with('_') {
                    return true;
                }
                &["AND", "OR", "NOT", "BETWEEN", "IN"]
            }
        };
        words.iter().any(|known| known.eq_ignore_ascii_case(word))
    }

    /// The value behind the `:value` that comes next.
    pub(super) fn value(&mut self) -> Result<AttributeValue, Invalid> {
        let token = self.expect(TokenKind::ValueRef)?;
        let text = self.text(token);
        if let Some(value) = self.placeholders.value(text) {
            return Ok(value.clone());
        }
        let message = format!(
            "An expression attribute value used in expression is not defined; attribute value: {text}"
        );
        self.faults.note(Class::UndefinedValue, message);
        Ok(AttributeValue::Null)
    }
}
