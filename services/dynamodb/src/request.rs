//! The expressions of a request, gathered from whichever parameters its operation has.
//!
//! Both the access functions and the handlers read requests through this, so that what is authorized is what is done.

mod legacy;
mod sources;

use std::collections::BTreeSet;

use protocol::{Entries, Value};

use crate::expression::{Condition, KeyCondition, Kind, Placeholders, Projection, Update};
use crate::invalid::Invalid;
use crate::key::KeySchema;

use legacy::KEY_CONDITIONS;
pub(crate) use legacy::Legacy;

/// The parameters of a request that hold or serve expressions.
#[derive(Debug, Default)]
pub(crate) struct Parameters<'a> {
    pub(crate) names: Option<&'a Entries<String>>,
    pub(crate) values: Option<&'a Entries<Value>>,
    pub(crate) update: Option<&'a str>,
    pub(crate) condition: Option<&'a str>,
    pub(crate) key_condition: Option<&'a str>,
    pub(crate) filter: Option<&'a str>,
    pub(crate) projection: Option<&'a str>,
    pub(crate) legacy: Legacy<'a>,
    /// The parameters of this operation that may use values, for messages.
    pub(crate) takes_values: &'static [Kind],
}

/// A request's expressions, parsed and checked.
#[derive(Debug, Default)]
pub(crate) struct Expressions {
    pub(crate) update: Option<Update>,
    pub(crate) condition: Option<Condition>,
    pub(crate) key_condition: Option<KeyCondition>,
    pub(crate) filter: Option<Condition>,
    pub(crate) projection: Option<Projection>,
}

/// A request that may hold expressions.
pub(crate) trait HoldsExpressions {
    /// Its parameters.
    fn parameters(&self) -> Parameters<'_>;

    /// Its expressions.
    fn expressions(&self) -> Result<Expressions, Invalid> {
        self.parameters().parse()
    }
}

impl Parameters<'_> {
    fn given(&self) -> Vec<&'static str> {
        [
            (self.projection.is_some(), Kind::Projection),
            (self.filter.is_some(), Kind::Filter),
            (self.update.is_some(), Kind::Update),
            (self.condition.is_some(), Kind::Condition),
            (self.key_condition.is_some(), Kind::KeyCondition),
        ]
        .into_iter()
        .filter_map(|(is_given, kind)| is_given.then_some(kind.name()))
        .collect()
    }

    fn check_combination(&self) -> Result<(), Invalid> {
        let given = self.given();
        let mut legacy = self.legacy.given();
        // KeyConditions may stand beside expressions, as long as there are no two key conditions.
        if self.key_condition.is_none() {
            legacy.retain(|name| *name != KEY_CONDITIONS);
        }
        if !given.is_empty() && !legacy.is_empty() {
            return Err(Invalid::new(format!(
                "Can not use both expression and non-expression parameters in the same request: \
                 Non-expression parameters: {{{}}} Expression parameters: {{{}}}",
                legacy.join(", "),
                given.join(", ")
            )));
        }
        if self.names.is_some() && given.is_empty() {
            return Err(Invalid::new(
                "ExpressionAttributeNames can only be specified when using expressions",
            ));
        }
        let has_taker = given.iter().any(|name| *name != Kind::Projection.name());
        if self.values.is_some() && !has_taker {
            let takers: Vec<_> = self.takes_values.iter().map(|kind| kind.name()).collect();
            let verb = if takers.len() > 1 { "are" } else { "is" };
            return Err(Invalid::new(format!(
                "ExpressionAttributeValues can only be specified when using expressions: {} {verb} null",
                takers.join(" and ")
            )));
        }
        Ok(())
    }

    fn parse(&self) -> Result<Expressions, Invalid> {
        self.check_combination()?;
        if self.given().is_empty() {
            return self.legacy.parse();
        }
        let mut placeholders = Placeholders::new(self.names.cloned(), self.values.cloned())?;
        let places = &mut placeholders;
        let expressions = Expressions {
            update: self.update.map(|text| Update::parse(text, places)).transpose()?,
            condition: self
                .condition
                .map(|text| Condition::parse(Kind::Condition, text, places))
                .transpose()?,
            key_condition: match self.key_condition {
                Some(text) => Some(KeyCondition::parse(text, places)?),
                None => self.legacy.key_condition()?,
            },
            filter: self.filter.map(|text| Condition::parse(Kind::Filter, text, places)).transpose()?,
            projection: self.projection.map(|text| Projection::parse(text, places)).transpose()?,
        };
        placeholders.finish()?;
        Ok(expressions)
    }
}

impl Expressions {
    /// The names of all attributes that the expressions read, write or answer.
    pub(crate) fn attributes(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut see = |path: &crate::expression::Path| {
            names.insert(path.head().to_owned());
        };
        for condition in self.condition.iter().chain(&self.filter) {
            condition.visit_paths(&mut see);
        }
        if let Some(update) = &self.update {
            update.visit_paths(&mut see);
        }
        names.extend(self.key_condition.iter().flat_map(KeyCondition::attributes).map(str::to_owned));
        names.extend(self.projection.iter().flat_map(Projection::attributes).map(str::to_owned));
        names
    }

    /// Refuses expressions that go into key attributes.
    pub(crate) fn check_key_paths(&self, schema: &KeySchema) -> Result<(), Invalid> {
        let mut nested = BTreeSet::new();
        let mut see = |path: &crate::expression::Path| {
            if path.is_nested() {
                nested.insert(path.head().to_owned());
            }
        };
        for condition in self.condition.iter().chain(&self.filter) {
            condition.visit_paths(&mut see);
        }
        nested.extend(self.projection.iter().flat_map(Projection::nested_attributes).map(str::to_owned));
        schema.check_nested(nested.iter().map(String::as_str))
    }
}
