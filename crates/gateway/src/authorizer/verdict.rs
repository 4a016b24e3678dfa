//! What an authorizer's function answers: who calls, what they may, and what the integration is told of them.
//!
//! The answer is a customer's code's: what is not in its form lets nobody in.

use std::sync::Arc;

use policy::{NamedPolicy, Policy, PolicyKind};
use serde_json::{Map, Value};

use crate::records::KeyValue;

/// The largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;
/// The largest policy, in bytes.
const POLICY_BYTES_MAX: usize = 32 * 1_024;

/// A caller as a function described it.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) principal_id: String,
    pub(crate) policy: Arc<[NamedPolicy]>,
    /// Texts for the integration.
    pub(crate) context: Map<String, Value>,
    /// The digest of the API key that it calls with, where an API's keys are what authorizers say.
    pub(crate) key: Option<[u8; 32]>,
}

/// What a function's answer means.
#[derive(Debug)]
pub(crate) enum Answer {
    Caller(Verdict),
    /// It threw `Unauthorized`.
    Unauthorized,
    /// It failed, or its answer is none.
    Malformed(&'static str),
}

impl Answer {
    /// Reads what a function gave back; `is_error` where it threw.
    pub(crate) fn read(payload: &[u8], is_error: bool) -> Self {
        if payload.len() > ANSWER_BYTES_MAX {
            return Self::Malformed("the answer is too large");
        }
        let Ok(answer) = serde_json::from_slice::<Value>(payload) else {
            return Self::Malformed("the answer is not JSON");
        };
        if is_error {
            return match answer.get("errorMessage").and_then(Value::as_str) {
                Some("Unauthorized") => Self::Unauthorized,
                _ => Self::Malformed("the function failed"),
            };
        }
        match caller(&answer) {
            Ok(verdict) => Self::Caller(verdict),
            Err(why) => Self::Malformed(why),
        }
    }
}

fn caller(answer: &Value) -> Result<Verdict, &'static str> {
    let principal_id = answer.get("principalId").and_then(Value::as_str).filter(|id| !id.is_empty());
    let principal_id = principal_id.ok_or("the answer names no principalId")?.to_owned();
    let document = match answer.get("policyDocument") {
        Some(Value::String(text)) => text.clone(),
        Some(document @ Value::Object(_)) => document.to_string(),
        _ => return Err("the answer has no policyDocument"),
    };
    if document.len() > POLICY_BYTES_MAX {
        return Err("the policy is too large");
    }
    let policy = Policy::parse(&document, PolicyKind::Identity).map_err(|_| "the policy cannot be read")?;
    let mut context = Map::new();
    for (name, value) in answer.get("context").and_then(Value::as_object).into_iter().flatten() {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null => continue,
            Value::Array(_) | Value::Object(_) => return Err("the context holds more than plain values"),
        };
        context.insert(name.clone(), text.into());
    }
    let policy = Arc::from([NamedPolicy::new("authorizer", policy)]);
    let key = match answer.get("usageIdentifierKey") {
        None | Some(Value::Null) => None,
        Some(Value::String(key)) => Some(KeyValue::new(key.as_str()).digest()),
        Some(_) => return Err("the usageIdentifierKey is not a text"),
    };
    Ok(Verdict { principal_id, policy, context, key })
}

/// Reads any bytes as a function's answer.
pub(crate) fn fuzz_answer(data: &[u8]) {
    if let Answer::Caller(verdict) = Answer::read(data, false) {
        assert!(!verdict.principal_id.is_empty(), "nobody is let in");
        assert!(verdict.context.values().all(Value::is_string), "a context that is not text");
    }
    assert!(!matches!(Answer::read(data, true), Answer::Caller(_)), "an error lets someone in");
}
