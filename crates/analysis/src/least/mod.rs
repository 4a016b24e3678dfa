//! The smallest policy that covers what was really called, and how it differs from what is granted.
//!
//! It says what a policy would have to hold; it changes none. Resources that come and go (log streams, stacks) are
//! folded to patterns, and so are many of one kind, as far as it takes to fit AWS's quota. Names stand in it as names: what
//! they hold of wildcards and variables matches itself.

mod fold;
mod granted;
mod paste;
mod shorthand;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub use granted::{Grant, compare};
pub use paste::pasteable;
pub use shorthand::{Shorthand, shorthands};

use crate::usage::Call;

/// What a managed policy may hold, white space aside; an inline policy of a role may hold more.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const POLICY_CHARACTERS_MAX: usize = 6_144;

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

    /// The statements that grant this: one for the actions of a service that share their resources. Resources are folded no
    /// further than a policy's quota asks for.
    #[must_use]
    pub fn statements(&self) -> Vec<(Vec<String>, Vec<String>)> {
        let mut statements = Vec::new();
        for folding in fold::FOLDINGS {
            statements = self.folded(folding);
            if pasteable(&document(&statements).to_string()).chars().count() <= POLICY_CHARACTERS_MAX {
                break;
            }
        }
        statements
    }

    fn folded(&self, folding: fold::Folding) -> Vec<(Vec<String>, Vec<String>)> {
        let mut groups: BTreeMap<(String, Vec<String>), Vec<String>> = BTreeMap::new();
        for (action, resources) in &self.0 {
            let service = action.split(':').next().unwrap_or_default().to_owned();
            groups.entry((service, fold::folded(resources, folding))).or_default().push(action.clone());
        }
        groups.into_iter().map(|((_, resources), actions)| (actions, resources)).collect()
    }

    /// The policy document.
    #[must_use]
    pub fn policy(&self) -> Value {
        document(&self.statements())
    }
}

fn document(statements: &[(Vec<String>, Vec<String>)]) -> Value {
    let one_or_many = |texts: &[String]| match texts {
        [one] => json!(one),
        _ => json!(texts),
    };
    let statements = statements.iter().map(|(actions, resources)| {
        json!({"Effect": "Allow", "Action": one_or_many(actions), "Resource": one_or_many(resources)})
    });
    json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
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
            ..Call::default()
        }
    }

    #[test]
    fn a_policy_that_would_be_too_long_is_folded_further() {
        let calls: Vec<Call> = (0..500)
            .map(|at| call("s3:GetObject", &format!("arn:aws:s3:::bucket-{:03}/{at}/key", at / 10), false))
            .chain((0..500).map(|at| {
                let name = at * 7_919 % 1_000_003;
                call(
                    "dynamodb:GetItem",
                    &format!("arn:aws:dynamodb:us-east-1:111111111111:table/t{name}"),
                    false,
                )
            }))
            .collect();
        let policy = Needed::of(&calls).policy();
        assert!(policy.to_string().len() <= POLICY_CHARACTERS_MAX, "{}", policy.to_string().len());
        assert!(policy.to_string().contains("table/*"), "{policy}");
        assert!(!policy.to_string().contains(r#""Resource":"*""#), "{policy}");
    }

    /// Whether ana, with this policy, may have this.
    fn lets(document: &str, action: &str, resource: &str) -> bool {
        let policy = policy::Policy::parse(document, policy::PolicyKind::Identity).unwrap();
        let identity = [policy::NamedPolicy::new("pasted", policy)];
        let context = policy::Context::new().with("aws:username", "ana");
        let request = policy::Request {
            principal: policy::PrincipalView {
                lender: None,
                kind: policy::PrincipalKind::User,
                arn: "arn:aws:iam::111111111111:user/ana",
                account: "111111111111",
                role_arn: None,
                service: None,
                user_id: "AIDA",
            },
            action,
            resource,
            resource_account: "111111111111",
            context: &context,
        };
        let set = policy::PolicySet { identity: &identity, ..policy::PolicySet::default() };
        policy::evaluate(&request, &set).is_allowed()
    }

    #[test]
    fn what_is_pasted_lets_the_named_object_in_and_no_other() {
        let key = "arn:aws:s3:::b/${aws:username}/*?";
        let document = Needed::of([&call("s3:PutObject", key, false)]).policy().to_string();
        for (resource, expected) in [
            (key, true),
            ("arn:aws:s3:::b/ana/xy", false),
            ("arn:aws:s3:::b/ana/*?", false),
            ("arn:aws:s3:::b/${aws:username}/xy", false),
        ] {
            assert_eq!(lets(&document, "s3:PutObject", resource), expected, "{resource}");
        }
    }

    /// A pattern ends with its only star, which goes on over colons.
    #[test]
    fn what_is_folded_lets_in_names_with_colons() {
        let of_service = |name: String| match name.len() % 2 {
            0 => call("s3:GetObject", &format!("arn:aws:s3:::b/{name}"), false),
            _ => call("lambda:InvokeFunction", &format!("arn:aws:lambda:r:1:function:app-{name}"), false),
        };
        let calls: Vec<Call> =
            (0..60).map(|at| of_service(format!("x-{at}:{}:00/y:{}", at * 7, "z".repeat(at % 3)))).collect();
        let document = Needed::of(&calls).policy().to_string();
        assert!(document.contains('*'), "{document}");
        for (action, resource) in calls.iter().flat_map(|call| &call.needs) {
            assert!(lets(&document, action, resource), "{resource}: {document}");
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
