//! `Rules`: assertions over parameters, checked before anything is created.
//!
//! Sees parameters, pseudo parameters and mappings, no resource and no condition. The functions that look at the account
//! (`Fn::RefAll`, `Fn::ValueOf`, `Fn::ValueOfAll`) are refused: nothing is known of it here.

use serde_json::Value;

use crate::error::TemplateError;
use crate::intrinsic;
use crate::limits::ASSERTIONS_MAX;
use crate::parameter::scalar_text;
use crate::scope::{NoResources, Scope, same};

/// One entry of `Rules`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    condition: Option<Value>,
    assertions: Vec<Assertion>,
}

#[derive(Clone, Debug, PartialEq)]
struct Assertion {
    assert: Value,
    description: Option<String>,
}

impl Rule {
    /// Reads a rule.
    pub(crate) fn parse(name: &str, value: &Value) -> Result<Self, TemplateError> {
        let malformed = |why: &str| TemplateError::format(format_args!("[/Rules/{name}] {why}"));
        let body = value.as_object().ok_or_else(|| malformed("Every Rules member must be an object."))?;
        if let Some(key) = body.keys().find(|key| !matches!(key.as_str(), "RuleCondition" | "Assertions")) {
            return Err(malformed(&format!("the member {key} is unknown.")));
        }
        let Some(Value::Array(list)) = body.get("Assertions") else {
            return Err(malformed("Every Rules object must contain a list of Assertions."));
        };
        if list.len() > ASSERTIONS_MAX {
            return Err(malformed(&format!("a rule has at most {ASSERTIONS_MAX} assertions.")));
        }
        let assertion = |entry: &Value| {
            let assert =
                entry.get("Assert").ok_or_else(|| malformed("every assertion must have an Assert."))?;
            let description = entry.get("AssertDescription").and_then(Value::as_str).map(str::to_owned);
            Ok(Assertion { assert: assert.clone(), description })
        };
        Ok(Self {
            condition: body.get("RuleCondition").cloned(),
            assertions: list.iter().map(assertion).collect::<Result<_, TemplateError>>()?,
        })
    }
}

/// Checks every rule. All assertions that fail are told at once.
pub(crate) fn check<'a>(
    rules: impl Iterator<Item = (&'a String, &'a Rule)>,
    scope: &Scope,
) -> Result<(), TemplateError> {
    let mut failed = Vec::new();
    for (name, rule) in rules {
        let located = |error: TemplateError, member: &str| error.under(member).under(name).under("Rules");
        let applies = rule.condition.as_ref().map_or(Ok(true), |condition| holds(condition, scope));
        if !applies.map_err(|error| located(error, "RuleCondition"))? {
            continue;
        }
        for assertion in &rule.assertions {
            if !holds(&assertion.assert, scope).map_err(|error| located(error, "Assertions"))? {
                let why = assertion.description.as_deref().unwrap_or("an assertion does not hold");
                failed.push((name, format!("Rule {name} is not satisfied: {why}")));
            }
        }
    }
    let Some((first, _)) = failed.first() else { return Ok(()) };
    let messages: Vec<&str> = failed.iter().map(|(_, message)| message.as_str()).collect();
    Err(TemplateError::function(messages.join("; ")).under(first.as_str()).under("Rules"))
}

/// One rule function. The document's depth cap bounds the recursion.
fn holds(body: &Value, scope: &Scope) -> Result<bool, TemplateError> {
    let single = body.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
    let Some((function, argument)) = single else {
        return Err(TemplateError::format("Every assertion and rule condition must be a rule function."));
    };
    let list = argument.as_array().map(Vec::as_slice).unwrap_or_default();
    let value = |value: &Value| intrinsic::resolve(value, scope, &NoResources);
    match (function.as_str(), list) {
        ("Fn::Equals", [left, right]) => Ok(same(value(left)?.as_ref(), value(right)?.as_ref())),
        ("Fn::Not", [one]) => Ok(!holds(one, scope)?),
        ("Fn::And" | "Fn::Or", terms @ [_, _, ..]) if terms.len() <= 10 => {
            let truths: Vec<bool> = terms.iter().map(|term| holds(term, scope)).collect::<Result<_, _>>()?;
            Ok(if function == "Fn::And" { truths.iter().all(|t| *t) } else { truths.iter().any(|t| *t) })
        }
        ("Fn::Contains", [all, one]) => {
            let (all, one) = (texts(all, scope)?, texts(one, scope)?);
            Ok(one.iter().all(|one| all.contains(one)))
        }
        ("Fn::EachMemberIn", [these, all]) => {
            let (these, all) = (texts(these, scope)?, texts(all, scope)?);
            Ok(these.iter().all(|one| all.contains(one)))
        }
        ("Fn::EachMemberEquals", [these, one]) => {
            let (these, one) = (texts(these, scope)?, texts(one, scope)?);
            Ok(these.iter().all(|this| one.first() == Some(this)))
        }
        ("Fn::RefAll" | "Fn::ValueOf" | "Fn::ValueOfAll", _) => Err(TemplateError::function(format_args!(
            "the rule function {function} is not supported: it looks at the account."
        ))),
        _ => Err(TemplateError::function(format_args!(
            "{function} is not a rule function, or does not have the arguments that it needs."
        ))),
    }
}

/// A list of text; a single text is a list of one.
fn texts(value: &Value, scope: &Scope) -> Result<Vec<String>, TemplateError> {
    let malformed = || TemplateError::function("a rule function compares strings and lists of strings only.");
    match intrinsic::resolve(value, scope, &NoResources)? {
        Some(Value::Array(items)) => {
            items.iter().map(|item| scalar_text(item).ok_or_else(malformed)).collect()
        }
        Some(scalar) => Ok(vec![scalar_text(&scalar).ok_or_else(malformed)?]),
        None => Ok(Vec::new()),
    }
}
