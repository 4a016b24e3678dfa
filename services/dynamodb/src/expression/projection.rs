//! Projections: which parts of an item are answered.

use std::collections::BTreeMap;

use super::Kind;
use super::faults::{Class, Faults};
use super::lexer::TokenKind;
use super::parser::parse;
use super::path::{Path, Relation, Step};
use super::placeholders::Placeholders;
use crate::attribute::{AttributeValue, Attributes};
use crate::invalid::Invalid;

/// Paths into an item, none of which contains another, as a tree.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Projection {
    heads: BTreeMap<String, Part>,
    /// Paths of which the value alone is answered, under its own name.
    alone: Vec<Path>,
}

/// What is wanted of a value: all of it where no step leads further.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
struct Part {
    steps: BTreeMap<Step, Part>,
}

impl Projection {
    /// Parses and checks a projection.
    ///
    /// # Errors
    /// The text is no projection, or breaks a rule.
    pub fn parse(text: &str, placeholders: &mut Placeholders) -> Result<Self, Invalid> {
        parse(Kind::Projection, text, placeholders, |parser| {
            let mut paths = vec![parser.path()?];
            while parser.eat(TokenKind::Comma) {
                paths.push(parser.path()?);
            }
            check_apart(&mut parser.faults, paths.iter());
            Ok(Self::of(&paths))
        })
    }

    /// A projection of paths that are known not to contain each other.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut projection = Self::default();
        for path in paths {
            let mut part = projection.heads.entry(path.head().to_owned()).or_default();
            for step in path.steps() {
                part = part.steps.entry(step.clone()).or_default();
            }
        }
        projection
    }

    /// The projection of a SELECT, which answers what lies deep in an item by its last name alone.
    pub fn selecting(paths: &[Path]) -> Self {
        let (alone, whole): (Vec<&Path>, Vec<&Path>) =
            paths.iter().partition(|path| matches!(path.steps().last(), Some(Step::Name(_))));
        Self { alone: alone.into_iter().cloned().collect(), ..Self::of(whole) }
    }

    /// The names of the attributes that are answered, whole or in part.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.heads.keys().map(String::as_str).chain(self.alone.iter().map(Path::head))
    }

    /// The names of the attributes that are answered in part.
    pub fn nested_attributes(&self) -> impl Iterator<Item = &str> {
        let partly = self.heads.iter().filter(|(_, part)| !part.steps.is_empty());
        partly.map(|(name, _)| name.as_str()).chain(self.alone.iter().map(Path::head))
    }

    /// What is wanted of the item. Elements of lists close ranks.
    pub fn apply(&self, item: &Attributes) -> Attributes {
        let found =
            self.heads.iter().filter_map(|(name, part)| Some((name.clone(), part.of(item.get(name)?)?)));
        found
            .chain(self.alone.iter().filter_map(|path| Some((path.name(), path.get(item)?.clone()))))
            .collect()
    }
}

impl Part {
    fn of(&self, value: &AttributeValue) -> Option<AttributeValue> {
        if self.steps.is_empty() {
            return Some(value.clone());
        }
        match value {
            AttributeValue::M(map) => {
                let found: Vec<_> = self
                    .steps
                    .iter()
                    .filter_map(|(step, part)| match step {
                        Step::Name(name) => Some((name.clone(), part.of(map.get(name)?)?)),
                        Step::Index(_) => None,
                    })
                    .collect();
                (!found.is_empty()).then(|| AttributeValue::M(Attributes::from_entries(found)))
            }
            AttributeValue::L(list) => {
                let found: Vec<_> = self
                    .steps
                    .iter()
                    .filter_map(|(step, part)| match step {
                        Step::Index(index) => part.of(list.get(usize::try_from(*index).ok()?)?),
                        Step::Name(_) => None,
                    })
                    .collect();
                (!found.is_empty()).then_some(AttributeValue::L(found))
            }
            _ => None,
        }
    }
}

/// Notes an error where two of the paths contain or contradict each other.
pub(super) fn check_apart<'a>(faults: &mut Faults, paths: impl Iterator<Item = &'a Path>) {
    let mut seen: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    for path in paths {
        let same_head = seen.entry(path.head()).or_default();
        for earlier in same_head.iter() {
            let (class, verb) = match earlier.relation(path) {
                Relation::Apart => continue,
                Relation::Overlap => (Class::Overlap, "overlap"),
                Relation::Conflict => (Class::Conflict, "conflict"),
            };
            let message = format!(
                "Two document paths {verb} with each other; must remove or rewrite one of these paths; \
                 path one: {earlier}, path two: {path}"
            );
            faults.note(class, message);
        }
        same_head.push(path);
    }
}

#[cfg(test)]
mod tests;
