//! Holds a body against a model, within a budget of work.
//!
//! Whatever costs more than the budget, or lies deeper than its bound, is not right.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::problems::{Problems, quoted, quoted_text};
use super::{Need, Node, Rest, Schemas, Type, number, pattern};

/// Comparisons that a body may cost besides one for each of its bytes.
const STEPS_MAX: usize = 1_000_000;
/// How deep schemas and values lie inside of one another while they are compared.
const DEPTH_MAX: usize = 256;

struct Judge<'s> {
    schemas: &'s Schemas,
    steps_left: usize,
    depth: usize,
    /// True where the bounds were reached: then nothing is right.
    gave_up: bool,
}

pub(super) fn judge(schemas: &Schemas, model: &str, body: &[u8]) -> Result<(), Vec<String>> {
    let root = schemas.roots.get(model).ok_or_else(|| vec!["the model is not there".to_owned()])?;
    let value: Value = serde_json::from_slice(body).map_err(|_| vec!["the body is not JSON".to_owned()])?;
    let steps_left = STEPS_MAX.saturating_add(body.len());
    let mut judge = Judge { schemas, steps_left, depth: 0, gave_up: false };
    let mut problems = Problems::told();
    judge.check(*root, &value, &mut problems);
    if judge.gave_up {
        return Err(vec!["the body is too large or too deep to be validated".to_owned()]);
    }
    problems.into_result()
}

impl<'s> Judge<'s> {
    fn check(&mut self, place: usize, value: &Value, problems: &mut Problems) {
        let Some(node) = self.schemas.nodes.get(place).filter(|_| self.goes_on(1)) else {
            self.gave_up = true;
            return;
        };
        self.depth += 1;
        match node.reference {
            Some(other) => self.check(other, value, problems),
            None => self.rules(node, value, problems),
        }
        self.depth -= 1;
    }

    /// Takes steps of the budget; false where it, or the depth, has come to its end.
    fn goes_on(&mut self, steps: usize) -> bool {
        match self.steps_left.checked_sub(steps) {
            Some(left) if self.depth < DEPTH_MAX => self.steps_left = left,
            _ => self.gave_up = true,
        }
        !self.gave_up
    }

    fn rules(&mut self, node: &'s Node, value: &Value, problems: &mut Problems) {
        let narrowest = Type::of(value);
        if let Some(types) = &node.types
            && !types.iter().any(|kind| kind.takes(narrowest))
        {
            problems.say(|| {
                let allowed: Vec<_> = types.iter().map(|kind| format!("\"{}\"", kind.name())).collect();
                let (found, allowed) = (narrowest.name(), allowed.join(","));
                format!(
                    "instance type ({found}) does not match any allowed primitive type (allowed: [{allowed}])"
                )
            });
        }
        if let Some(values) = &node.values
            && self.goes_on(values.len())
            && !values.iter().any(|known| number::same(known, value))
        {
            problems.say(|| {
                let known: Vec<_> = values.iter().map(quoted).collect();
                let known = known.join(",");
                format!("instance value ({}) not found in enum (possible values: [{known}])", quoted(value))
            });
        }
        match value {
            Value::String(text) => self.text(node, text, problems),
            Value::Number(given) => node.number.check(given, problems),
            Value::Array(items) => self.array(node, items, problems),
            Value::Object(members) => self.object(node, value, members, problems),
            Value::Null | Value::Bool(_) => {}
        }
        self.together(node, value, problems);
    }

    /// How many of these schemas a value fits.
    fn matching(&mut self, places: &[usize], value: &Value) -> usize {
        places.iter().filter(|place| self.fits(**place, value)).count()
    }

    fn fits(&mut self, place: usize, value: &Value) -> bool {
        let mut problems = Problems::counted();
        self.check(place, value, &mut problems);
        problems.are_none() && !self.gave_up
    }

    fn together(&mut self, node: &'s Node, value: &Value, problems: &mut Problems) {
        let all = node.all_of.len();
        let matched = self.matching(&node.all_of, value);
        if matched < all {
            problems.say(|| {
                format!("instance failed to match all required schemas (matched only {matched} out of {all})")
            });
        }
        if !node.any_of.is_empty() && self.matching(&node.any_of, value) == 0 {
            let count = node.any_of.len();
            problems.say(|| format!("instance failed to match at least one required schema among {count}"));
        }
        let (matched, count) = (self.matching(&node.one_of, value), node.one_of.len());
        if count > 0 && matched != 1 {
            problems.say(|| {
                format!("instance failed to match exactly one schema (matched {matched} out of {count})")
            });
        }
        if node.not.is_some_and(|place| self.fits(place, value)) {
            problems.say(|| "instance matched a schema which it should not have".to_owned());
        }
    }

    fn text(&mut self, node: &'s Node, text: &str, problems: &mut Problems) {
        let rules = &node.text;
        if rules.length_min.is_some() || rules.length_max.is_some() {
            if !self.goes_on(text.len() / 64) {
                return;
            }
            let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
            let shown = || quoted_text(text);
            if let Some(min) = rules.length_min.filter(|min| length < *min) {
                problems.say(|| {
                    format!("string {} is too short (length: {length}, required minimum: {min})", shown())
                });
            }
            if let Some(max) = rules.length_max.filter(|max| length > *max) {
                problems.say(|| {
                    format!("string {} is too long (length: {length}, maximum allowed: {max})", shown())
                });
            }
        }
        if let Some((pattern, regex)) = &rules.pattern
            && self.goes_on(pattern::steps(regex, text.len()))
            && !regex.is_match(text)
        {
            problems.say(|| {
                format!("ECMA 262 regex \"{pattern}\" does not match input string {}", quoted_text(text))
            });
        }
    }

    fn array(&mut self, node: &'s Node, items: &[Value], problems: &mut Problems) {
        let rules = &node.array;
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        if let Some(min) = rules.items_min.filter(|min| count < *min) {
            problems.say(|| {
                format!(
                    "array is too short: must have at least {min} elements but instance has {count} elements"
                )
            });
        }
        if let Some(max) = rules.items_max.filter(|max| count > *max) {
            problems.say(|| {
                format!(
                    "array is too long: must have at most {max} elements but instance has {count} elements"
                )
            });
        }
        if rules.unique && self.has_twins(items) {
            problems.say(|| "array must not contain duplicate elements".to_owned());
        }
        for (at, item) in items.iter().enumerate() {
            let place = match (rules.places.get(at), rules.rest) {
                (Some(place), _) => *place,
                (None, Rest::Schema(place)) => place,
                (None, Rest::Anything) => break,
                (None, Rest::Nothing) => {
                    let allowed = rules.places.len();
                    problems.say(|| {
                        format!("array is too long: must have at most {allowed} elements but instance has {count} elements")
                    });
                    break;
                }
            };
            self.check(place, item, problems);
            if self.gave_up {
                break;
            }
        }
    }

    fn object(
        &mut self,
        node: &'s Node,
        value: &Value,
        members: &Map<String, Value>,
        problems: &mut Problems,
    ) {
        let rules = &node.object;
        let count = u64::try_from(members.len()).unwrap_or(u64::MAX);
        if let Some(min) = rules.members_min.filter(|min| count < *min) {
            problems.say(|| {
                format!("object has too few properties (found {count} but schema requires at least {min})")
            });
        }
        if let Some(max) = rules.members_max.filter(|max| count > *max) {
            problems.say(|| {
                format!("object has too many properties (found {count} but schema requires at most {max})")
            });
        }
        self.requires(&rules.required, members, problems);
        for (_, need) in rules.needs.iter().filter(|(name, _)| members.contains_key(name)) {
            match need {
                Need::Members(names) => self.requires(names, members, problems),
                Need::Schema(place) => self.check(*place, value, problems),
            }
        }
        self.members(node, members, problems);
    }

    fn requires(&mut self, names: &[String], members: &Map<String, Value>, problems: &mut Problems) {
        if !self.goes_on(names.len()) {
            return;
        }
        let missing: BTreeSet<_> = names.iter().filter(|name| !members.contains_key(*name)).collect();
        if !missing.is_empty() {
            let names = || Problems::list(missing.iter().map(|name| quoted_text(name)));
            problems.say(|| format!("object has missing required properties ([{}])", names()));
        }
    }

    fn members(&mut self, node: &'s Node, members: &Map<String, Value>, problems: &mut Problems) {
        let rules = &node.object;
        let mut unknown = BTreeSet::new();
        for (name, value) in members {
            let own = rules.properties.get(name);
            if let Some(place) = own {
                self.check(*place, value, problems);
            }
            let mut spoken_of = own.is_some();
            for (pattern, place) in &rules.patterns {
                if self.goes_on(pattern::steps(pattern, name.len())) && pattern.is_match(name) {
                    spoken_of = true;
                    self.check(*place, value, problems);
                }
            }
            match rules.rest {
                Rest::Schema(place) if !spoken_of => self.check(place, value, problems),
                Rest::Nothing if !spoken_of => {
                    unknown.insert(name.as_str());
                }
                _ => {}
            }
            if self.gave_up {
                return;
            }
        }
        if !unknown.is_empty() {
            let names = || Problems::list(unknown.iter().map(|name| quoted_text(name)));
            problems.say(|| {
                format!("object instance has properties which are not allowed by the schema: [{}]", names())
            });
        }
    }

    /// True where two items are the same. Their text is compared, so that many items cost no more than sorting them.
    fn has_twins(&mut self, items: &[Value]) -> bool {
        let mut seen = BTreeSet::new();
        for item in items {
            let text = number::canonical(item).to_string();
            if !self.goes_on(1 + text.len() / 16) {
                return true;
            }
            if !seen.insert(text) {
                return true;
            }
        }
        false
    }
}
