//! The grammar of updates.

use super::{SetValue, Update, UpdateOperand};
use crate::attribute::AttributeValue;
use crate::expression::Kind;
use crate::expression::faults::Class;
use crate::expression::lexer::TokenKind;
use crate::expression::parser::{Parser, parse};
use crate::expression::path::Path;
use crate::expression::placeholders::Placeholders;
use crate::expression::projection::check_apart;
use crate::invalid::Invalid;

impl Update {
    /// Parses and checks an update.
    ///
    /// # Errors
    /// The text is no update, or breaks a rule.
    pub fn parse(text: &str, placeholders: &mut Placeholders) -> Result<Self, Invalid> {
        parse(Kind::Update, text, placeholders, Parser::update)
    }
}

impl Parser<'_> {
    fn update(&mut self) -> Result<Update, Invalid> {
        let mut update = Update::default();
        let mut seen = Vec::new();
        // In the order of the text: messages name the earlier path first.
        let mut targets = Vec::new();
        loop {
            let section = ["SET", "REMOVE", "ADD", "DELETE"].into_iter().find(|name| self.is_keyword(name));
            let Some(section) = section else {
                return Err(self.unexpected());
            };
            self.advance();
            if seen.contains(&section) {
                let message =
                    format!("The \"{section}\" section can only be used once in an update expression;");
                self.faults.note(Class::Section, message);
            }
            seen.push(section);
            self.actions(section, &mut update, &mut targets)?;
            if self.peek().kind == TokenKind::End {
                check_apart(&mut self.faults, targets.iter());
                return Ok(update);
            }
        }
    }

    fn actions(
        &mut self,
        section: &'static str,
        update: &mut Update,
        targets: &mut Vec<Path>,
    ) -> Result<(), Invalid> {
        loop {
            self.count_operator()?;
            let path = self.path()?;
            targets.push(path.clone());
            match section {
                "SET" => {
                    self.expect(TokenKind::Equal)?;
                    let value = self.set_value()?;
                    update.sets.push((path, value));
                }
                "REMOVE" => update.removes.push(path),
                "ADD" => {
                    let value = self.changing_value(section)?;
                    update.adds.push((path, value));
                }
                _ => {
                    let value = self.changing_value(section)?;
                    update.deletes.push((path, value));
                }
            }
            if !self.eat(TokenKind::Comma) {
                return Ok(());
            }
        }
    }

    /// The value of ADD or DELETE: a set, or for ADD a number.
    fn changing_value(&mut self, section: &str) -> Result<AttributeValue, Invalid> {
        let value = self.value()?;
        let is_fit = value.is_set() || (section == "ADD" && matches!(value, AttributeValue::N(_)));
        if !is_fit {
            let name = match value {
                AttributeValue::S(_) => "STRING",
                AttributeValue::N(_) => "NUMBER",
                AttributeValue::B(_) => "BINARY",
                AttributeValue::Bool(_) => "BOOLEAN",
                AttributeValue::L(_) => "LIST",
                AttributeValue::M(_) => "MAP",
                _ => "NULL",
            };
            let message = format!(
                "Incorrect operand type for operator or function; operator: {section}, operand type: {name}"
            );
            self.faults.note(Class::ChangingValue, message);
        }
        Ok(value)
    }

    fn set_value(&mut self) -> Result<SetValue, Invalid> {
        if self.peek().kind != TokenKind::OpenParen {
            return self.bare_set_value();
        }
        // `(a + b)` and `(a) + b` both start with a parenthesis: what closes it tells them apart.
        self.advance();
        let inner = self.nested(Self::set_value)?;
        self.expect(TokenKind::CloseParen)?;
        match inner {
            SetValue::Operand(first) => self.rest_of_set_value(first),
            whole => Ok(whole),
        }
    }

    fn bare_set_value(&mut self) -> Result<SetValue, Invalid> {
        let first = self.update_operand()?;
        self.rest_of_set_value(first)
    }

    fn rest_of_set_value(&mut self, first: UpdateOperand) -> Result<SetValue, Invalid> {
        let (operator, build): (_, fn(_, _) -> _) = match self.peek().kind {
            TokenKind::Plus => ("+", SetValue::Plus),
            TokenKind::Minus => ("-", SetValue::Minus),
            _ => return Ok(SetValue::Operand(first)),
        };
        self.advance();
        self.count_operator()?;
        let second = self.update_operand()?;
        for operand in [&first, &second] {
            let name = match operand {
                UpdateOperand::Value(value) => value.type_name(),
                UpdateOperand::ListAppend(..) => "L",
                _ => continue,
            };
            if name != "N" {
                self.note_operand_type(operator, name);
            }
        }
        Ok(build(first, second))
    }

    fn note_operand_type(&mut self, function: &str, operand_type: &str) {
        let message = format!(
            "Incorrect operand type for operator or function; \
             operator or function: {function}, operand type: {operand_type}"
        );
        self.faults.note(Class::Operand, message);
    }

    fn update_operand(&mut self) -> Result<UpdateOperand, Invalid> {
        match self.peek().kind {
            TokenKind::OpenParen => {
                self.advance();
                let operand = self.nested(Self::update_operand)?;
                self.expect(TokenKind::CloseParen)?;
                Ok(operand)
            }
            TokenKind::ValueRef => Ok(UpdateOperand::Value(self.value()?)),
            TokenKind::Word if self.peek_second().kind == TokenKind::OpenParen => self.update_call(),
            _ => Ok(UpdateOperand::Path(self.path()?)),
        }
    }

    fn update_call(&mut self) -> Result<UpdateOperand, Invalid> {
        let name = self.text(self.peek());
        if self.is_structural(name) {
            return Err(self.unexpected());
        }
        self.advance();
        self.count_operator()?;
        self.expect(TokenKind::OpenParen)?;
        let mut operands = Vec::new();
        loop {
            operands.push(self.nested(Self::update_operand)?);
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.expect(TokenKind::CloseParen)?;
        Ok(self.checked_call(name, operands))
    }

    fn checked_call(&mut self, name: &str, operands: Vec<UpdateOperand>) -> UpdateOperand {
        let nothing = UpdateOperand::Value(AttributeValue::Null);
        if !["if_not_exists", "list_append"].contains(&name) {
            self.faults.note(Class::UnknownFunction, format!("Invalid function name; function: {name}"));
            return nothing;
        }
        let given = operands.len();
        let mut operands = operands.into_iter();
        let (Some(first), Some(second), None) = (operands.next(), operands.next(), operands.next()) else {
            let message = format!(
                "Incorrect number of operands for operator or function; \
                 operator or function: {name}, number of operands: {given}"
            );
            self.faults.note(Class::Operand, message);
            return nothing;
        };
        if name == "if_not_exists" {
            return self.if_not_exists(first, second);
        }
        for operand in [&first, &second] {
            if let UpdateOperand::Value(value) = operand
                && !matches!(value, AttributeValue::L(_))
            {
                self.note_operand_type(name, value.type_name());
            }
        }
        UpdateOperand::ListAppend(Box::new(first), Box::new(second))
    }

    fn if_not_exists(&mut self, first: UpdateOperand, second: UpdateOperand) -> UpdateOperand {
        match first {
            UpdateOperand::Path(path) => UpdateOperand::IfNotExists(path, Box::new(second)),
            _ => {
                let message = "Operator or function requires a document path; \
                               operator or function: if_not_exists";
                self.faults.note(Class::Operand, message);
                UpdateOperand::IfNotExists(Path::of_attribute(""), Box::new(second))
            }
        }
    }
}
