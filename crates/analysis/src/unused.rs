//! What policies grant and nobody used: by service, by action, and as the policy that would be left without it.
//!
//! It takes the uses as they are given. Services whose actions are not known here are judged as a whole; what a condition
//! or a denial takes back is still counted as granted, because a policy names it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::glob;

/// When each action was last used, by its name in lower case (`dynamodb:getitem`), in seconds of Unix time.
pub type Uses = BTreeMap<String, i64>;

/// A service that is granted, and what of it was not used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnusedService {
    /// `dynamodb`
    pub namespace: String,
    /// The last use of anything of it, in seconds.
    pub last: Option<i64>,
    /// The granted actions that were not used; empty where nothing of the service was.
    pub actions: Vec<(String, Option<i64>)>,
}

/// A policy without what was not used.
#[derive(Clone, Debug, PartialEq)]
pub enum Tightened {
    /// All of it was used.
    Same,
    /// Nothing of it was.
    Nothing,
    /// What is left.
    Policy(Value),
}

/// The actions of all services that are known here, as policies write them.
fn known() -> impl Iterator<Item = String> {
    let mut spaces = BTreeSet::new();
    let services = protocol::models().filter(move |model| spaces.insert(model.signing_name()));
    services.flat_map(|model| {
        let facts = protocol::authorization(model.signing_name());
        let names = facts.into_iter().flat_map(protocol::Authorization::actions);
        names.map(move |(name, _)| format!("{}:{name}", model.signing_name()))
    })
}

fn is_known(namespace: &str) -> bool {
    protocol::authorization(namespace).is_some()
}

fn namespace(action: &str) -> &str {
    action.split(':').next().unwrap_or_default()
}

fn one_or_many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
    }
}

fn texts(statement: &Value, element: &str) -> Vec<String> {
    let texts = one_or_many(statement.get(element)).into_iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// The actions that a statement allows: those that are known by name, and patterns of services that are not.
fn granted(statement: &Value) -> BTreeSet<String> {
    if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
        return BTreeSet::new();
    }
    let folded = |element: &str| -> Vec<String> {
        texts(statement, element).into_iter().map(|text| text.to_ascii_lowercase()).collect()
    };
    let (patterns, excluded) = (folded("Action"), folded("NotAction"));
    let fits =
        |patterns: &[String], action: &str| patterns.iter().any(|pattern| glob::matches(pattern, action));
    let is_granted = |action: &String| {
        let action = action.to_ascii_lowercase();
        fits(&patterns, &action) || (!excluded.is_empty() && !fits(&excluded, &action))
    };
    let unknown = texts(statement, "Action").into_iter().filter(|pattern| {
        let space = namespace(pattern);
        pattern.contains(':') && !space.contains(['*', '?']) && !is_known(&space.to_ascii_lowercase())
    });
    known().filter(is_granted).chain(unknown).collect()
}

fn statements(policy: &str) -> (Value, Vec<Value>) {
    let document: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = one_or_many(document.get("Statement")).into_iter().cloned().collect();
    (document, statements)
}

/// What of these policies was not used since a moment, in seconds of Unix time.
#[must_use]
pub fn unused<'p>(
    policies: impl IntoIterator<Item = &'p str>,
    uses: &Uses,
    since: i64,
) -> Vec<UnusedService> {
    let all = policies.into_iter().flat_map(|policy| statements(policy).1);
    let mut services: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for action in all.flat_map(|statement| granted(&statement)) {
        services.entry(namespace(&action).to_ascii_lowercase()).or_default().insert(action);
    }
    let each = services.into_iter().map(|(space, actions)| {
        let prefix = format!("{space}:");
        let last = uses.iter().filter(|(action, _)| action.starts_with(&prefix)).map(|(_, at)| *at).max();
        let is_used = last.is_some_and(|last| last >= since);
        let at = |action: &String| uses.get(&action.to_ascii_lowercase()).copied();
        let idle = actions
            .into_iter()
            .filter(|action| is_used && is_known(&space) && at(action).is_none_or(|at| at < since));
        let idle = idle.map(|action| (at(&action), action)).map(|(at, action)| (action, at)).collect();
        UnusedService { namespace: space, last, actions: idle }
    });
    each.filter(|service| service.last.is_none_or(|last| last < since) || !service.actions.is_empty())
        .collect()
}

/// The policy with only what was used since a moment, in seconds of Unix time.
#[must_use]
pub fn tightened(policy: &str, uses: &Uses, since: i64) -> Tightened {
    let (mut document, statements) = statements(policy);
    let is_used = |action: &String| {
        let folded = action.to_ascii_lowercase();
        uses.iter().any(|(used, at)| *at >= since && glob::matches(&folded, used))
    };
    let (mut left, mut allows, mut changed) = (Vec::new(), false, false);
    for mut statement in statements {
        let granted = granted(&statement);
        if statement.get("Effect").and_then(Value::as_str) == Some("Allow") {
            let used: Vec<String> = granted.iter().filter(|action| is_used(action)).cloned().collect();
            if used.is_empty() {
                changed = true;
                continue;
            }
            allows = true;
            if used.len() < granted.len()
                && let Some(members) = statement.as_object_mut()
            {
                changed = true;
                name_actions(members, &used);
            }
        }
        left.push(statement);
    }
    match (allows, changed) {
        (false, _) => Tightened::Nothing,
        (true, false) => Tightened::Same,
        (true, true) => {
            if let Some(members) = document.as_object_mut() {
                members.insert("Statement".to_owned(), Value::Array(left));
            }
            Tightened::Policy(document)
        }
    }
}

fn name_actions(statement: &mut Map<String, Value>, used: &[String]) {
    statement.remove("NotAction");
    let actions = match used {
        [one] => json!(one),
        _ => json!(used),
    };
    statement.insert("Action".to_owned(), actions);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: i64 = 100;

    fn uses(list: &[(&str, i64)]) -> Uses {
        list.iter().map(|(action, at)| ((*action).to_owned(), *at)).collect()
    }

    fn policy(statements: &Value) -> String {
        json!({"Version": "2012-10-17", "Statement": statements}).to_string()
    }

    #[test]
    fn services_and_actions_without_a_use_are_told() {
        let text = policy(&json!([
            {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:*utItem", "sqs:SendMessage"], "Resource": "*"},
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
            {"Effect": "Deny", "Action": "lambda:*", "Resource": "*"},
        ]));
        let used = uses(&[("dynamodb:getitem", 150), ("s3:getobject", 50), ("iam:listusers", 150)]);
        let told = unused([text.as_str()], &used, SINCE);
        assert_eq!(
            told,
            [
                UnusedService {
                    namespace: "dynamodb".into(),
                    last: Some(150),
                    actions: vec![("dynamodb:PutItem".into(), None)],
                },
                UnusedService { namespace: "s3".into(), last: Some(50), actions: vec![] },
                UnusedService { namespace: "sqs".into(), last: None, actions: vec![] },
            ]
        );
        let all = uses(&[
            ("dynamodb:getitem", 150),
            ("dynamodb:putitem", 100),
            ("s3:getobject", 150),
            ("sqs:sendmessage", 150),
        ]);
        assert_eq!(unused([text.as_str()], &all, SINCE), []);
    }

    #[test]
    fn everything_is_every_known_service() {
        let everything = policy(&json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
        let told = unused([everything.as_str()], &uses(&[("s3:getobject", 150)]), SINCE);
        let s3 = told.iter().find(|service| service.namespace == "s3").unwrap();
        assert!(s3.actions.len() > 50 && !s3.actions.iter().any(|(action, _)| action == "s3:GetObject"));
        assert!(
            told.iter().any(|service| service.namespace == "access-analyzer" && service.actions.is_empty())
        );
        let most = policy(&json!({"Effect": "Allow", "NotAction": ["iam:*", "s3:*"], "Resource": "*"}));
        let told = unused([most.as_str()], &Uses::new(), SINCE);
        assert!(told.iter().any(|it| it.namespace == "sts") && !told.iter().any(|it| it.namespace == "iam"));
    }

    #[test]
    fn a_tightened_policy_holds_what_was_used() {
        let text = policy(&json!([
            {"Sid": "A", "Effect": "Allow", "Action": "dynamodb:*", "Resource": "arn:t"},
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
            {"Effect": "Deny", "Action": "lambda:*", "Resource": "*"},
        ]));
        let used = uses(&[("dynamodb:getitem", 150), ("dynamodb:putitem", 50)]);
        let Tightened::Policy(left) = tightened(&text, &used, SINCE) else { panic!("it has less to hold") };
        assert_eq!(
            left["Statement"],
            json!([
                {"Sid": "A", "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "arn:t"},
                {"Effect": "Deny", "Action": "lambda:*", "Resource": "*"},
            ])
        );
        let narrow = left.to_string();
        assert_eq!(tightened(&narrow, &used, SINCE), Tightened::Same);
        assert_eq!(tightened(&narrow, &Uses::new(), SINCE), Tightened::Nothing);
        let foreign = policy(&json!({"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}));
        assert_eq!(tightened(&foreign, &uses(&[("sqs:sendmessage", 150)]), SINCE), Tightened::Same);
        assert_eq!(tightened("nonsense", &used, SINCE), Tightened::Nothing);
    }
}
