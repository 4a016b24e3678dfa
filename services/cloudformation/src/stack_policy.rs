//! Stack policies: which resources an update may change, replace or delete.
//!
//! Not IAM: they know logical ids and types, say nothing about callers, and protect from mistakes of those who may update.

use serde_json::{Map, Value};

use crate::error::Error;

/// The longest policy, in bytes.
pub(crate) const BYTES_MAX: usize = 16_384;

/// A policy that was checked.
#[derive(Clone, Debug)]
pub(crate) struct StackPolicy {
    statements: Vec<Map<String, Value>>,
}

/// What an update is about to do with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Modify,
    Replace,
    Delete,
}

impl Action {
    const fn name(self) -> &'static str {
        match self {
            Self::Modify => "Update:Modify",
            Self::Replace => "Update:Replace",
            Self::Delete => "Update:Delete",
        }
    }
}

fn invalid(why: &str) -> Error {
    Error::Validation(format!("Error validating stack policy: {why}"))
}

impl StackPolicy {
    /// Reads a policy.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > BYTES_MAX {
            return Err(invalid("the policy is too long"));
        }
        let root: Value = serde_json::from_str(text).map_err(|_| invalid("Invalid stack policy"))?;
        let statements = match root.get("Statement") {
            Some(Value::Array(statements)) => statements.clone(),
            Some(one @ Value::Object(_)) => vec![one.clone()],
            _ => return Err(invalid("Invalid stack policy")),
        };
        let statements = statements.into_iter().map(|statement| match statement {
            Value::Object(statement) => check(&statement).map(|()| statement),
            _ => Err(invalid("Invalid stack policy")),
        });
        Ok(Self { statements: statements.collect::<Result<_, _>>()? })
    }

    /// Why an action on a resource is refused, if it is. What no statement allows is refused.
    pub(crate) fn refusal(&self, action: Action, logical_id: &str, kind: &str) -> Option<String> {
        let applies = |statement: &&Map<String, Value>| applies(statement, action, logical_id, kind);
        let effect = |statement: &Map<String, Value>, effect: &str| {
            statement.get("Effect").is_some_and(|e| e == effect)
        };
        let denied = self.statements.iter().position(|s| applies(&s) && effect(s, "Deny"));
        let allowed = self.statements.iter().any(|s| applies(&s) && effect(s, "Allow"));
        let (name, resource) = (action.name(), format!("LogicalResourceId/{logical_id}"));
        match (denied, allowed) {
            (Some(at), _) => Some(format!(
                "Action denied by stack policy: Statement [#{}] does not allow [{name}] for resource [{resource}]",
                at + 1
            )),
            (None, false) => Some(format!(
                "Action not allowed by stack policy: no statement allows [{name}] for resource [{resource}]"
            )),
            (None, true) => None,
        }
    }
}

fn check(statement: &Map<String, Value>) -> Result<(), Error> {
    let known = ["Sid", "Effect", "Action", "NotAction", "Principal", "Resource", "NotResource", "Condition"];
    if statement.keys().any(|name| !known.contains(&name.as_str())) {
        return Err(invalid("Unknown element in a statement"));
    }
    if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Err(invalid("Effect must be Allow or Deny"));
    }
    if statement.get("Principal").is_none_or(|principal| principal != "*") {
        return Err(invalid("Principal must be *"));
    }
    let one_of = |a: &str, b: &str| statement.contains_key(a) != statement.contains_key(b);
    if !one_of("Action", "NotAction") || !one_of("Resource", "NotResource") {
        return Err(invalid("Each statement needs an Action and a Resource"));
    }
    for (operator, keys) in statement.get("Condition").and_then(Value::as_object).into_iter().flatten() {
        let types = keys.as_object().is_some_and(|keys| keys.keys().all(|key| key == "ResourceType"));
        if !matches!(operator.as_str(), "StringEquals" | "StringLike") || !types {
            return Err(invalid("A condition is StringEquals or StringLike on ResourceType"));
        }
    }
    Ok(())
}

fn applies(statement: &Map<String, Value>, action: Action, logical_id: &str, kind: &str) -> bool {
    let resource = format!("LogicalResourceId/{logical_id}");
    let member = |yes: &str, no: &str, text: &str| match statement.get(yes) {
        Some(patterns) => any_matches(patterns, text),
        None => statement.get(no).is_some_and(|patterns| !any_matches(patterns, text)),
    };
    let conditions = statement.get("Condition").and_then(Value::as_object);
    let holds = conditions.into_iter().flatten().all(|(operator, keys)| {
        let Some(types) = keys.get("ResourceType") else { return false };
        if operator == "StringLike" { any_matches(types, kind) } else { texts(types).any(|one| one == kind) }
    });
    holds && member("Action", "NotAction", action.name()) && member("Resource", "NotResource", &resource)
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let many = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    value.as_str().into_iter().chain(many)
}

fn any_matches(patterns: &Value, text: &str) -> bool {
    texts(patterns).any(|pattern| matches(pattern.as_bytes(), text.as_bytes()))
}

/// `*` stands for any characters, `?` for one.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from, mut star) = (0, 0, None);
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(byte) if *byte == b'?' || Some(byte) == text.get(from) => {
                at += 1;
                from += 1;
            }
            // Back to the last star, which then stands for one character more: no more than text times pattern steps.
            _ => match star {
                Some((pattern_at, text_at)) => {
                    star = Some((pattern_at, text_at + 1));
                    at = pattern_at + 1;
                    from = text_at + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_protects_what_it_names() {
        let policy = StackPolicy::parse(
            r#"{"Statement": [
                {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*", "Resource": "LogicalResourceId/Prod*"},
                {"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*", "Condition": {"StringLike": {"ResourceType": ["AWS::IAM::*"]}}}
            ]}"#,
        )
        .unwrap();
        let table = [
            (Action::Modify, "ProductionTable", "AWS::DynamoDB::Table", true),
            (Action::Replace, "ProductionTable", "AWS::DynamoDB::Table", false),
            (Action::Delete, "ProductionTable", "AWS::DynamoDB::Table", false),
            (Action::Delete, "Other", "AWS::DynamoDB::Table", true),
            (Action::Modify, "Other", "AWS::IAM::Role", false),
        ];
        for (action, id, kind, allowed) in table {
            assert_eq!(policy.refusal(action, id, kind).is_none(), allowed, "{action:?} {id} {kind}");
        }
        let told = policy.refusal(Action::Delete, "ProdX", "T").unwrap();
        assert_eq!(
            told,
            "Action denied by stack policy: Statement [#2] does not allow [Update:Delete] for resource [LogicalResourceId/ProdX]"
        );
    }

    #[test]
    fn what_nothing_allows_is_refused() {
        let policy = StackPolicy::parse(
            r#"{"Statement": {"Effect": "Allow", "NotAction": "Update:Delete", "Principal": "*", "NotResource": "LogicalResourceId/A"}}"#,
        )
        .unwrap();
        assert!(policy.refusal(Action::Modify, "B", "T").is_none());
        assert!(policy.refusal(Action::Delete, "B", "T").is_some());
        assert!(policy.refusal(Action::Modify, "A", "T").is_some());
    }

    #[test]
    fn malformed_policies_are_refused() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"Statement": 1}"#,
            r#"{"Statement": [1]}"#,
            r#"{"Statement": [{"Effect": "Maybe", "Action": "*", "Principal": "*", "Resource": "*"}]}"#,
            r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Principal": "me", "Resource": "*"}]}"#,
            r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Principal": "*"}]}"#,
            r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Principal": "*", "Resource": "*", "Condition": {"Bool": {}}}]}"#,
        ] {
            assert!(StackPolicy::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_match_in_bounded_time() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abc", true),
            ("a?c", "abc", true),
            ("a*b*c", "aXbYc", true),
            ("a*c", "ab", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
        assert!(!matches("a*".repeat(2_000).as_bytes(), "b".repeat(10_000).as_bytes()));
    }
}
