//! The grammar of conditions.
//!
//! A parenthesis may hold a condition or an operand, and only what follows tells which; so the rules pass a
//! [`Term`] around that is either, and each place says which of the two it takes.

use super::functions::function;
use super::{Comparator, Condition, Operand};
use crate::attribute::AttributeValue;
use crate::expression::faults::Class;
use crate::expression::lexer::TokenKind;
use crate::expression::parser::{Parser, parse};
use crate::expression::placeholders::Placeholders;
use crate::expression::{IN_OPERANDS_MAX, Kind};
use crate::invalid::Invalid;

/// What a rule found.
pub(super) enum Term {
    /// Something with a value.
    Operand(Operand),
    /// Something true or false; the name of the function where it is one.
    Condition(Condition, Option<&'static str>),
}

/// Boxed, because every rule between two parentheses holds a few: frames stay small however deep they nest.
struct Parsed {
    term: Box<Term>,
    is_parenthesized: bool,
}

impl Parsed {
    fn bare(term: Term) -> Self {
        Self { term: Box::new(term), is_parenthesized: false }
    }

    fn condition(condition: Condition) -> Self {
        Self::bare(Term::Condition(condition, None))
    }

    fn operand(operand: Operand) -> Self {
        Self::bare(Term::Operand(operand))
    }
}

impl Condition {
    /// Parses and checks a condition.
    ///
    /// # Errors
    /// The text is no condition, or breaks a rule.
    pub fn parse(kind: Kind, text: &str, placeholders: &mut Placeholders) -> Result<Self, Invalid> {
        parse(kind, text, placeholders, |parser| {
            let parsed = parser.disjunction()?;
            parser.condition(parsed)
        })
    }
}

impl Parser<'_> {
    fn disjunction(&mut self) -> Result<Parsed, Invalid> {
        self.nested(|parser| parser.chain("OR", Self::conjunction, Condition::Or))
    }

    fn conjunction(&mut self) -> Result<Parsed, Invalid> {
        self.chain("AND", Self::negation, Condition::And)
    }

    /// One term, or several with `keyword` between them.
    fn chain(
        &mut self,
        keyword: &str,
        rule: fn(&mut Self) -> Result<Parsed, Invalid>,
        build: fn(Vec<Condition>) -> Condition,
    ) -> Result<Parsed, Invalid> {
        let first = rule(self)?;
        if !self.is_keyword(keyword) {
            return Ok(first);
        }
        let mut conditions = Vec::new();
        self.push_condition(&mut conditions, first)?;
        while self.eat_keyword(keyword) {
            self.count_operator()?;
            let next = rule(self)?;
            self.push_condition(&mut conditions, next)?;
        }
        Ok(Parsed::condition(build(conditions)))
    }

    fn push_condition(&mut self, conditions: &mut Vec<Condition>, parsed: Parsed) -> Result<(), Invalid> {
        conditions.push(self.condition(parsed)?);
        Ok(())
    }

    fn negation(&mut self) -> Result<Parsed, Invalid> {
        if !self.eat_keyword("NOT") {
            return self.comparison();
        }
        self.count_operator()?;
        let parsed = self.nested(Self::negation)?;
        self.negated(parsed)
    }

    fn negated(&mut self, parsed: Parsed) -> Result<Parsed, Invalid> {
        let condition = self.condition(parsed)?;
        Ok(Parsed::condition(Condition::Not(Box::new(condition))))
    }

    fn comparison(&mut self) -> Result<Parsed, Invalid> {
        let first = self.primary()?;
        let parsed = if let Some(comparator) = comparator(self.peek().kind) {
            self.compare(comparator, first)?
        } else if self.is_keyword("BETWEEN") {
            self.between(first)?
        } else if self.is_keyword("IN") {
            self.membership(first)?
        } else {
            if matches!(*first.term, Term::Condition(_, Some(_))) {
                self.faults.close_leaf();
            }
            return Ok(first);
        };
        self.faults.close_leaf();
        Ok(parsed)
    }

    fn compare(&mut self, comparator: Comparator, first: Parsed) -> Result<Parsed, Invalid> {
        let one = self.operand(first)?;
        self.advance();
        self.count_operator()?;
        let second = self.primary()?;
        let two = self.operand(second)?;
        self.check_distinct(comparator.symbol(), &one, &two);
        if comparator.is_ordering() {
            self.check_orderable(comparator.symbol(), &[&one, &two]);
        }
        Ok(Parsed::condition(Condition::Compare(comparator, one, two)))
    }

    fn between(&mut self, first: Parsed) -> Result<Parsed, Invalid> {
        let one = self.operand(first)?;
        self.advance();
        self.count_operator()?;
        let low = self.primary()?;
        let low = self.operand(low)?;
        if !self.eat_keyword("AND") {
            return Err(self.unexpected());
        }
        let high = self.primary()?;
        let high = self.operand(high)?;
        self.check_orderable("BETWEEN", &[&one, &low, &high]);
        self.check_bounds(&low, &high);
        Ok(Parsed::condition(Condition::Between(one, low, high)))
    }

    fn membership(&mut self, first: Parsed) -> Result<Parsed, Invalid> {
        let one = self.operand(first)?;
        self.advance();
        self.count_operator()?;
        self.expect(TokenKind::OpenParen)?;
        let others = self.arguments()?;
        if others.len() > IN_OPERANDS_MAX {
            let message = format!(
                "The IN operator is provided with too many operands; number of operands: {}",
                others.len()
            );
            self.faults.note(Class::OperandCount, message);
        }
        Ok(Parsed::condition(Condition::In(one, others)))
    }

    fn primary(&mut self) -> Result<Parsed, Invalid> {
        let token = self.peek();
        match token.kind {
            TokenKind::OpenParen => {
                self.advance();
                let inner = self.disjunction()?;
                self.expect(TokenKind::CloseParen)?;
                if inner.is_parenthesized {
                    self.faults.note(Class::Parentheses, "The expression has redundant parentheses;");
                }
                Ok(Parsed { term: inner.term, is_parenthesized: true })
            }
            TokenKind::ValueRef => self.bare_value(),
            TokenKind::Word if self.peek_second().kind == TokenKind::OpenParen => self.call(),
            _ => self.bare_path(),
        }
    }

    fn bare_value(&mut self) -> Result<Parsed, Invalid> {
        Ok(Parsed::operand(Operand::Value(self.value()?)))
    }

    fn bare_path(&mut self) -> Result<Parsed, Invalid> {
        Ok(Parsed::operand(Operand::Path(self.path()?)))
    }

    fn call(&mut self) -> Result<Parsed, Invalid> {
        let name = self.text(self.peek());
        if ["AND", "OR", "NOT", "BETWEEN", "IN"].iter().any(|word| word.eq_ignore_ascii_case(name)) {
            return Err(self.unexpected());
        }
        self.advance();
        self.count_operator()?;
        self.expect(TokenKind::OpenParen)?;
        let arguments = self.arguments()?;
        Ok(Parsed::bare(function(&mut self.faults, name, arguments)))
    }

    /// Operands up to the closing parenthesis; the opening one is past.
    fn arguments(&mut self) -> Result<Vec<Operand>, Invalid> {
        let mut operands = Vec::new();
        loop {
            let parsed = self.nested(Self::primary)?;
            operands.push(self.operand(parsed)?);
            if !self.eat(TokenKind::Comma) {
                self.expect(TokenKind::CloseParen)?;
                return Ok(operands);
            }
        }
    }

    /// Takes a term as a condition.
    fn condition(&mut self, parsed: Parsed) -> Result<Condition, Invalid> {
        match *parsed.term {
            Term::Condition(condition, _) => Ok(condition),
            Term::Operand(Operand::Size(_)) => {
                self.note_misuse("size");
                Ok(Condition::Or(Vec::new()))
            }
            Term::Operand(_) => Err(self.unexpected()),
        }
    }

    /// Takes a term as an operand.
    fn operand(&mut self, parsed: Parsed) -> Result<Operand, Invalid> {
        match *parsed.term {
            Term::Operand(operand) => Ok(operand),
            Term::Condition(_, Some(function)) => {
                self.note_misuse(function);
                Ok(Operand::Value(AttributeValue::Null))
            }
            Term::Condition(_, None) => Err(self.unexpected()),
        }
    }

    fn note_misuse(&mut self, function: &str) {
        let message =
            format!("The function is not allowed to be used this way in an expression; function: {function}");
        self.faults.note(Class::MisusedFunction, message);
    }

    fn check_distinct(&mut self, operator: &str, one: &Operand, two: &Operand) {
        super::functions::check_distinct(&mut self.faults, operator, one, two);
    }

    fn check_orderable(&mut self, operator: &str, operands: &[&Operand]) {
        let unfit = operands.iter().find_map(|operand| match operand {
            Operand::Value(value) if !value.is_orderable() => Some(value.type_name()),
            _ => None,
        });
        if let Some(name) = unfit {
            let word = self.operator_word();
            let message = format!(
                "Incorrect operand type for operator or function; {word}: {operator}, operand type: {name}"
            );
            self.faults.note(Class::Operand, message);
        }
    }

    fn check_bounds(&mut self, low: &Operand, high: &Operand) {
        let (Operand::Value(low), Operand::Value(high)) = (low, high) else {
            return;
        };
        let complaint = match low.scalar_cmp(high) {
            None => "The BETWEEN operator requires same data type for lower and upper bounds",
            Some(std::cmp::Ordering::Greater) => {
                "The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
            }
            Some(_) => return,
        };
        let message = format!(
            "{complaint}; lower bound operand: AttributeValue: {}, upper bound operand: AttributeValue: {}",
            shown(low),
            shown(high)
        );
        self.faults.note(Class::Operand, message);
    }
}

/// `{S:text}`: the form in which messages show scalars.
fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) => format!("{{S:{text}}}"),
        AttributeValue::N(number) => format!("{{N:{number}}}"),
        other => format!("{{{}}}", other.type_name()),
    }
}

const fn comparator(kind: TokenKind) -> Option<Comparator> {
    Some(match kind {
        TokenKind::Equal => Comparator::Equal,
        TokenKind::NotEqual => Comparator::NotEqual,
        TokenKind::Less => Comparator::Less,
        TokenKind::LessEqual => Comparator::LessEqual,
        TokenKind::Greater => Comparator::Greater,
        TokenKind::GreaterEqual => Comparator::GreaterEqual,
        _ => return None,
    })
}
