//! What a template's functions may look at besides resources: parameters, pseudo parameters, mappings, conditions.
//!
//! Conditions are evaluated once, each at most once, and a condition that refers to itself is an error.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::intrinsic::{self, Resources};
use crate::parameter::ParameterValue;
use crate::template::Template;

/// The values of the pseudo parameters (`AWS::Region` and the others).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pseudo {
    /// `AWS::AccountId`
    pub account_id: String,
    /// `AWS::Region`
    pub region: String,
    /// `AWS::StackId`
    pub stack_id: String,
    /// `AWS::StackName`
    pub stack_name: String,
}

impl Pseudo {
    /// True where there is such a pseudo parameter.
    pub(crate) fn has(name: &str) -> bool {
        let any = Self {
            account_id: String::new(),
            region: String::new(),
            stack_id: String::new(),
            stack_name: String::new(),
        };
        any.get(name).is_some()
    }

    /// The value of `AWS::…`, or `None` where there is no such pseudo parameter. `AWS::NoValue` is not one: it is an absence.
    pub fn get(&self, name: &str) -> Option<Value> {
        Some(match name {
            "AWS::AccountId" => self.account_id.as_str().into(),
            "AWS::Region" => self.region.as_str().into(),
            "AWS::StackId" => self.stack_id.as_str().into(),
            "AWS::StackName" => self.stack_name.as_str().into(),
            "AWS::Partition" => base::PARTITION.into(),
            "AWS::URLSuffix" => "amazonaws.com".into(),
            "AWS::NotificationARNs" => Value::Array(Vec::new()),
            _ => return None,
        })
    }
}

/// Everything that is settled before the first resource exists.
#[derive(Clone, Debug)]
pub struct Scope {
    pub(crate) parameters: IndexMap<String, ParameterValue>,
    pub(crate) pseudo: Pseudo,
    pub(crate) mappings: IndexMap<String, IndexMap<String, Map<String, Value>>>,
    pub(crate) conditions: HashMap<String, bool>,
}

/// How far the evaluation of a condition is.
enum Progress {
    Started,
    Done(bool),
}

impl Scope {
    /// Evaluates the conditions of a template.
    pub fn new(
        template: &Template,
        parameters: IndexMap<String, ParameterValue>,
        pseudo: Pseudo,
    ) -> Result<Self, TemplateError> {
        let mut scope =
            Self { parameters, pseudo, mappings: template.mappings.clone(), conditions: HashMap::new() };
        let mut progress = HashMap::new();
        for name in template.conditions.keys() {
            evaluate(name, &|name| template.conditions.get(name), &scope, &mut progress, 0)
                .map_err(|error| error.under(name).under("Conditions").located(&template.places))?;
        }
        let done = |(name, state)| match state {
            Progress::Done(truth) => Some((name, truth)),
            Progress::Started => None,
        };
        // Rules come first for the author, but see no condition: the order of checks does not show.
        crate::rules::check(template.rules.iter(), &scope)
            .map_err(|error| error.located(&template.places))?;
        scope.conditions = progress.into_iter().filter_map(done).collect();
        Ok(scope)
    }

    /// The truth of a condition.
    pub fn condition(&self, name: &str) -> Result<bool, TemplateError> {
        self.conditions.get(name).copied().ok_or_else(|| {
            TemplateError::format(format_args!("Unresolved condition dependency {name} in the template"))
        })
    }

    /// What is known before the sections are read: no condition yet.
    pub(crate) fn early(
        parameters: IndexMap<String, ParameterValue>,
        mappings: IndexMap<String, IndexMap<String, Map<String, Value>>>,
        pseudo: Pseudo,
    ) -> Self {
        Self { parameters, pseudo, mappings, conditions: HashMap::new() }
    }

    /// Evaluates one condition of a template that is not read yet, and what it refers to.
    pub(crate) fn learn(&mut self, name: &str, conditions: &Map<String, Value>) -> Result<(), TemplateError> {
        if !self.conditions.contains_key(name) {
            let truth = evaluate(name, &|name| conditions.get(name), self, &mut HashMap::new(), 0)?;
            self.conditions.insert(name.to_owned(), truth);
        }
        Ok(())
    }

    /// What `Ref` to a parameter or pseudo parameter gives.
    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        self.parameters.get(name).map(ParameterValue::to_value).or_else(|| self.pseudo.get(name))
    }
}

/// Conditions see no resource.
pub(crate) struct NoResources;

impl Resources for NoResources {
    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        Err(TemplateError::format(format_args!(
            "Unresolved dependencies [{logical_id}]. Cannot reference resources in the Conditions block of the template"
        )))
    }

    fn attribute(&self, logical_id: &str, _: &str) -> Result<Value, TemplateError> {
        self.reference(logical_id)
    }
}

fn evaluate<'a>(
    name: &str,
    body_of: &dyn Fn(&str) -> Option<&'a Value>,
    scope: &Scope,
    progress: &mut HashMap<String, Progress>,
    depth: usize,
) -> Result<bool, TemplateError> {
    match progress.get(name) {
        Some(Progress::Done(truth)) => return Ok(*truth),
        Some(Progress::Started) => {
            return Err(TemplateError::format(format_args!("Circular dependency for condition {name}")));
        }
        None => {}
    }
    let body = body_of(name).ok_or_else(|| {
        TemplateError::format(format_args!(
            "Unresolved condition dependency {name} in the Conditions block of the template"
        ))
    })?;
    if depth > crate::limits::DEPTH_MAX {
        return Err(TemplateError::format("Conditions refer to each other too deeply."));
    }
    progress.insert(name.to_owned(), Progress::Started);
    let mut other = |other: &str| evaluate(other, body_of, scope, progress, depth + 1);
    let truth = predicate(body, scope, &mut other)?;
    progress.insert(name.to_owned(), Progress::Done(truth));
    Ok(truth)
}

/// One condition function. The document's depth cap bounds the recursion.
fn predicate(
    body: &Value,
    scope: &Scope,
    other: &mut dyn FnMut(&str) -> Result<bool, TemplateError>,
) -> Result<bool, TemplateError> {
    let single = body.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
    let Some((function, argument)) = single else {
        return Err(TemplateError::format("Every Conditions member must be a condition function."));
    };
    let list = argument.as_array().map(Vec::as_slice).unwrap_or_default();
    match (function.as_str(), list) {
        ("Condition", _) => match argument {
            Value::String(name) => other(name),
            _ => Err(TemplateError::format("Every Condition member must be a string.")),
        },
        ("Fn::Equals", [left, right]) => {
            let left = intrinsic::resolve(left, scope, &NoResources)?;
            let right = intrinsic::resolve(right, scope, &NoResources)?;
            Ok(same(left.as_ref(), right.as_ref()))
        }
        ("Fn::Equals", _) => {
            Err(TemplateError::function("every Fn::Equals object requires a list of 2 string parameters."))
        }
        ("Fn::Not", [one]) => Ok(!predicate(one, scope, other)?),
        ("Fn::Not", _) => Err(TemplateError::function("every Fn::Not object requires one condition.")),
        ("Fn::And" | "Fn::Or", terms @ [_, _, ..]) if terms.len() <= 10 => {
            // All terms are evaluated: an error in one is told whatever the others say.
            let truths: Vec<bool> =
                terms.iter().map(|term| predicate(term, scope, other)).collect::<Result<_, _>>()?;
            let all = function == "Fn::And";
            Ok(if all { truths.iter().all(|t| *t) } else { truths.iter().any(|t| *t) })
        }
        ("Fn::And" | "Fn::Or", _) => Err(TemplateError::function(format_args!(
            "every {function} object requires a list of at least 2 and at most 10 boolean parameters."
        ))),
        _ => Err(TemplateError::format(format_args!("{function} is not a condition function."))),
    }
}

pub(crate) fn same(left: Option<&Value>, right: Option<&Value>) -> bool {
    let text = |value: &Value| crate::parameter::scalar_text(value);
    match (left, right) {
        (Some(left), Some(right)) => match (text(left), text(right)) {
            (Some(left), Some(right)) => left == right,
            _ => left == right,
        },
        (left, right) => left == right,
    }
}
