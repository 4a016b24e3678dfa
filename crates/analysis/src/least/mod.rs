//! The smallest policy that covers what was really called, and how it differs from what is granted.
//!
//! It says what a policy would have to hold; it changes none. Resources that come and go (log streams, stacks) are
//! folded to patterns, and so are many of one kind; every pattern is narrower than the type it is of.

mod fold;
mod granted;
mod shorthand;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub use granted::{Grant, compare};
pub use shorthand::{Shorthand, shorthands};

use crate::usage::Call;

/// What was needed: action by action, on which resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needed(BTreeMap<String, BTreeSet<String>>);

impl Needed {
    /// What these calls needed; refused ones needed nothing that was had.
    pub fn of<'c>(calls: impl IntoIterator<Item = &'c Call>) -> Self {
        let mut needed = Self::default();
        for (action, resource) in calls.into_iter().filter(|call| !call.denied).flat_map(|call| &call.needs) {
            needed.0.entry(action.clone()).or_default().insert(resource.clone());
        }
        needed
    }

    /// The actions with their resources, unfolded.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.0.iter().map(|(action, resources)| (action.as_str(), resources))
    }

    /// True where nothing was needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The statements that grant exactly this: one for the actions of a service that share their resources.
    #[must_use]
    pub fn statements(&self) -> Vec<(Vec<String>, Vec<String>)> {
        let mut groups: BTreeMap<(String, Vec<String>), Vec<String>> = BTreeMap::new();
        for (action, resources) in &self.0 {
            let service = action.split(':').next().unwrap_or_default().to_owned();
            groups.entry((service, fold::folded(resources))).or_default().push(action.clone());
        }
        groups.into_iter().map(|((_, resources), actions)| (actions, resources)).collect()
    }

    /// The policy document.
    #[must_use]
    pub fn policy(&self) -> Value {
        let one_or_many = |texts: Vec<String>| match texts.as_slice() {
            [one] => json!(one),
            _ => json!(texts),
        };
        let statements = self.statements().into_iter().map(|(actions, resources)| {
            json!({"Effect": "Allow", "Action": one_or_many(actions), "Resource": one_or_many(resources)})
        });
        json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(action: &str, resource: &str, denied: bool) -> Call {
        Call {
            who: "arn:aws:iam::111111111111:role/r".into(),
            session: "f".into(),
            at: String::new(),
            region: "us-east-1".into(),
            denied,
            needs: vec![(action.into(), resource.into())],
        }
    }

    #[test]
    fn actions_that_share_resources_share_a_statement() {
        let table = "arn:aws:dynamodb:us-east-1:111111111111:table/t";
        let calls = [
            call("dynamodb:PutItem", table, false),
            call("dynamodb:GetItem", table, false),
            call("dynamodb:GetItem", table, false),
            call("dynamodb:DeleteTable", table, true),
            call("logs:PutLogEvents", "arn:aws:logs:us-east-1:111111111111:log-group:/g:log-stream:a", false),
            call("dynamodb:ListTables", "*", false),
        ];
        let policy = Needed::of(&calls).policy();
        assert_eq!(
            policy["Statement"],
            json!([
                {"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"},
                {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:PutItem"], "Resource": table},
                {"Effect": "Allow", "Action": "logs:PutLogEvents",
                 "Resource": "arn:aws:logs:us-east-1:111111111111:log-group:/g:log-stream:*"},
            ])
        );
    }
}
