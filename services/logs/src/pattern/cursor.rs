//! Where a parser stands in a pattern, and what the pattern has used of its quotas.
//!
//! Knows no kind of pattern.

use crate::error::Error;
use crate::pattern::regex::Regex;
use crate::pattern::{REGEXES_MAX, WILDCARDS_MAX, invalid};

/// A place in a pattern.
pub(crate) struct Cursor<'t> {
    rest: &'t str,
    regexes: usize,
    wildcards: usize,
    cost: usize,
}

impl<'t> Cursor<'t> {
    pub(crate) const fn new(text: &'t str) -> Self {
        Self { rest: text, regexes: 0, wildcards: 0, cost: 0 }
    }

    /// Automatons' states and terms so far.
    pub(crate) const fn cost(&self) -> usize {
        self.cost
    }

    pub(crate) fn costs(&mut self, states: usize) {
        self.cost = self.cost.saturating_add(states);
    }

    /// A selector of all elements; each selector may have one.
    pub(crate) fn counts_wildcard(&mut self) -> Result<(), Error> {
        self.wildcards += 1;
        if self.wildcards > WILDCARDS_MAX {
            return Err(invalid(format!("it has more than {WILDCARDS_MAX} wildcard selectors")));
        }
        Ok(())
    }

    /// The next character, behind space.
    pub(crate) fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.next_char()
    }

    /// The next character, space or not.
    pub(crate) fn next_char(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes a token, and the space before it, where it is next.
    pub(crate) fn takes(&mut self, token: &str) -> bool {
        self.skip_space();
        self.takes_at_once(token)
    }

    /// Takes a token where it is next without space.
    pub(crate) fn takes_at_once(&mut self, token: &str) -> bool {
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// What stands before an end, which is taken too.
    pub(crate) fn until(&mut self, end: char) -> Option<&'t str> {
        let (before, after) = self.rest.split_once(end)?;
        self.rest = after;
        Some(before)
    }

    /// As many characters as belong, from here.
    pub(crate) fn span(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (span, after) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = after;
        span
    }

    /// A text in quotation marks, in which `\"` and `\\` stand for themselves.
    pub(crate) fn quoted(&mut self) -> Result<String, Error> {
        let mut phrase = String::new();
        let mut chars = self.rest.strip_prefix('"').unwrap_or(self.rest).chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => {
                    self.rest = chars.as_str();
                    return Ok(phrase);
                }
                '\\' => match chars.next() {
                    Some(escaped @ ('"' | '\\')) => phrase.push(escaped),
                    Some(other) => phrase.extend(['\\', other]),
                    None => break,
                },
                other => phrase.push(other),
            }
        }
        Err(invalid("a quotation mark is missing"))
    }

    /// A regular expression between `%` and `%`.
    pub(crate) fn regex(&mut self) -> Result<Regex, Error> {
        self.takes_at_once("%");
        let text = self.until('%').ok_or_else(|| invalid("a `%` behind a regular expression is missing"))?;
        self.regexes += 1;
        if self.regexes > REGEXES_MAX {
            return Err(invalid(format!("it has more than {REGEXES_MAX} regular expressions")));
        }
        let regex = Regex::parse(text)?;
        self.costs(regex.states());
        Ok(regex)
    }

    /// Nothing but space may be left.
    pub(crate) fn ends(&mut self) -> Result<(), Error> {
        self.peek().map_or(Ok(()), |_| Err(self.unexpected()))
    }

    pub(crate) fn unexpected(&self) -> Error {
        match self.next_char() {
            Some(c) => invalid(format!("`{c}` is not expected")),
            None => invalid("it ends too early"),
        }
    }

    pub(crate) fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}
