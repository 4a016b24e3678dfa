//! What a statement names, for explanations: the patterns of the element that kept it from applying, and the variables in them.
//!
//! It decides nothing; which element it was, the statement said.

use serde::Serialize;

use crate::pattern::Variables as _;
use crate::request::Request;
use crate::statement::{Element, Statement};

/// So many patterns of one element are written out.
const PATTERNS_MAX: usize = 20;

/// The element of a statement that the request did not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ElementTrace {
    /// Its name as the policy has it, for example `NotResource`.
    pub element: &'static str,
    /// Its patterns as the policy has them, 20 at most; principals with their kind before them.
    pub patterns: Vec<String>,
    /// How many more there are.
    #[serde(skip_serializing_if = "is_none")]
    pub more: usize,
    /// The policy variables in the patterns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<VariableTrace>,
}

/// A policy variable, and what it stands for in this request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VariableTrace {
    /// Its condition key, in lower case.
    pub key: String,
    /// The request's value; `None` where it has none, or several.
    pub value: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_none(count: &usize) -> bool {
    *count == 0
}

/// The element that the request did not fit. Conditions are traced by themselves.
pub(crate) fn missed(statement: &Statement, element: Element, request: &Request<'_>) -> Option<ElementTrace> {
    let name = |positive, negative, negated| if negated { negative } else { positive };
    let (element, all, keys) = match element {
        Element::Action => {
            let actions = &statement.actions;
            let texts = actions.texts().map(str::to_owned).collect::<Vec<_>>();
            (name("Action", "NotAction", actions.is_negated()), texts, Vec::new())
        }
        Element::Resource => {
            let resources = statement.resources.as_ref()?;
            let texts = resources.texts().map(str::to_owned).collect();
            let keys = resources.variables().collect();
            (name("Resource", "NotResource", resources.is_negated()), texts, keys)
        }
        Element::Principal => {
            let principal = statement.principal.as_ref()?;
            (name("Principal", "NotPrincipal", principal.is_negated()), principal.texts(), Vec::new())
        }
        Element::Condition => return None,
    };
    let more = all.len().saturating_sub(PATTERNS_MAX);
    let patterns = all.into_iter().take(PATTERNS_MAX).collect();
    Some(ElementTrace { element, patterns, more, variables: variables(keys, request) })
}

/// What these keys stand for, each once.
pub(crate) fn variables(mut keys: Vec<&str>, request: &Request<'_>) -> Vec<VariableTrace> {
    keys.sort_unstable();
    keys.dedup();
    let value = |key: &str| request.variable(key).map(str::to_owned);
    keys.into_iter().map(|key| VariableTrace { key: key.to_owned(), value: value(key) }).collect()
}
