//! Random policies and requests, decided a second time by an evaluator written straight from AWS's rules, naively.
//!
//! It shares no code with the crate: JSON trees, recursive wildcards, and sets of principals. `PROPTEST_CASES=2000000 cargo
//! test -p policy --test reference --release` runs it for as long as one likes. What it found once stands in `documented.rs`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod evaluator;
mod pools;
mod values;

use policy::{
    Context, Lender, NamedPolicy, Policy, PolicyKind, PolicySet, PrincipalKind, PrincipalView, Request,
    evaluate, explain,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use pools::{case, policy};
use values::{like, near};

const HOME: &str = "111111111111";
const AWAY: &str = "222222222222";

/// A caller with the names it may be called by.
#[derive(Clone, Debug)]
struct Caller {
    kind: PrincipalKind,
    arn: &'static str,
    role: Option<&'static str>,
    /// The ARN and the id of the user behind a federated session.
    lender: Option<(&'static str, &'static str)>,
    service: Option<&'static str>,
    id: &'static str,
}

const CALLERS: [Caller; 7] = [
    Caller {
        kind: PrincipalKind::User,
        arn: "arn:aws:iam::111111111111:user/ana",
        lender: None,
        role: None,
        service: None,
        id: "AIDAEXAMPLEEXAMPLE00",
    },
    Caller {
        kind: PrincipalKind::Root,
        arn: "arn:aws:iam::111111111111:root",
        lender: None,
        role: None,
        service: None,
        id: HOME,
    },
    Caller {
        kind: PrincipalKind::AssumedRole,
        arn: "arn:aws:sts::111111111111:assumed-role/app/s1",
        lender: None,
        role: Some("arn:aws:iam::111111111111:role/app"),
        service: None,
        id: "AROAEXAMPLEEXAMPLE00:s1",
    },
    Caller {
        kind: PrincipalKind::Federated,
        arn: "arn:aws:sts::111111111111:federated-user/bob",
        lender: Some(("arn:aws:iam::111111111111:user/ana", "AIDAEXAMPLEEXAMPLE00")),
        role: None,
        service: None,
        id: "111111111111:bob",
    },
    Caller {
        kind: PrincipalKind::Federated,
        arn: "accounts.example.com",
        role: None,
        lender: None,
        service: None,
        id: "",
    },
    Caller {
        kind: PrincipalKind::Service,
        arn: "",
        role: None,
        lender: None,
        service: Some("x.amazonaws.com"),
        id: "",
    },
    Caller { kind: PrincipalKind::Anonymous, arn: "", role: None, lender: None, service: None, id: "" },
];

impl Caller {
    fn account(&self) -> &'static str {
        if self.arn.is_empty() { "" } else { HOME }
    }

    fn view(&self) -> PrincipalView<'static> {
        PrincipalView {
            kind: self.kind,
            arn: self.arn,
            account: self.account(),
            role_arn: self.role,
            lender: self.lender.map(|(arn, user_id)| Lender { arn, user_id }),
            service: self.service,
            user_id: self.id,
        }
    }
}

#[derive(Clone, Debug)]
struct Case {
    caller: Caller,
    action: &'static str,
    resource: &'static str,
    owner: &'static str,
    context: Vec<(&'static str, Vec<&'static str>)>,
    identity: Vec<Value>,
    boundary: Option<Value>,
    session: Vec<Value>,
    resource_policy: Option<Value>,
    /// The resource's policy is a role's trust policy.
    trust: bool,
    /// The resource's policy alone opens it, and a grant may stand beside it.
    resource_decides: bool,
    grant: bool,
    endpoint: Option<Value>,
    /// From the root down to the account.
    service_control: Vec<Vec<Value>>,
    resource_control: Vec<Vec<Value>>,
}

impl Case {
    fn decided(&self) -> bool {
        let mut context = Context::new();
        for (name, values) in &self.context {
            values.iter().for_each(|value| context.add(*name, *value));
        }
        let parse = |value: &Value, kind| Policy::parse(&value.to_string(), kind).unwrap();
        let named = |value: &Value, kind| NamedPolicy::new("p", parse(value, kind));
        let identity: Vec<_> = self.identity.iter().map(|it| named(it, PolicyKind::Identity)).collect();
        let session: Vec<_> = self.session.iter().map(|it| named(it, PolicyKind::Session)).collect();
        let boundary = self.boundary.as_ref().map(|it| named(it, PolicyKind::Boundary));
        let kind = if self.trust { PolicyKind::Trust } else { PolicyKind::Resource };
        let resource = self.resource_policy.as_ref().map(|it| parse(it, kind));
        let endpoint = self.endpoint.as_ref().map(|it| parse(it, PolicyKind::Resource));
        let compiled = |levels: &[Vec<Value>], kind| -> Vec<Vec<NamedPolicy>> {
            let level = |level: &Vec<Value>| level.iter().map(|it| named(it, kind)).collect();
            levels.iter().map(level).collect()
        };
        let service_control = compiled(&self.service_control, PolicyKind::ServiceControl);
        let resource_control = compiled(&self.resource_control, PolicyKind::ResourceControl);
        let service_control: Vec<&[NamedPolicy]> = service_control.iter().map(Vec::as_slice).collect();
        let resource_control: Vec<&[NamedPolicy]> = resource_control.iter().map(Vec::as_slice).collect();
        let set = PolicySet {
            identity: &identity,
            boundary: boundary.as_ref(),
            session: &session,
            resource: resource.as_ref(),
            service_control: &service_control,
            resource_control: &resource_control,
            endpoint: endpoint.as_ref(),
            grant: self.grant.then_some("grant"),
            resource_decides: self.resource_decides,
        };
        let request = Request {
            principal: self.caller.view(),
            action: self.action,
            resource: self.resource,
            resource_account: self.owner,
            context: &context,
        };
        let decision = evaluate(&request, &set).is_allowed();
        assert_eq!(explain(&request, &set).allowed, decision);
        decision
    }
}

fn configuration() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(3_000), failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(configuration())]

    #[test]
    fn the_reference_agrees(case in case()) {
        prop_assert_eq!(case.decided(), case.allowed());
    }

    #[test]
    fn wildcards_agree_with_a_naive_matcher(pattern in "[ab*?]{0,9}", text in "[abä]{0,9}") {
        let document = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "a:b", "Resource": "*",
            "Condition": { "StringLike": { "k:v": pattern.clone() } } } });
        let identity = [NamedPolicy::new("p", Policy::parse(&document.to_string(), PolicyKind::Identity).unwrap())];
        let context = Context::new().with("k:v", text.clone());
        let request = Request {
            principal: CALLERS[0].view(), action: "a:b", resource: "*", resource_account: HOME, context: &context,
        };
        let decision = evaluate(&request, &PolicySet { identity: &identity, ..PolicySet::default() });
        prop_assert_eq!(decision.is_allowed(), like(&pattern, &text));
    }

    /// An allow takes in what the naive matcher does segment by segment, a deny what it does over the whole, and what is excepted
    /// the other way round.
    #[test]
    fn segments_agree_with_a_naive_matcher(
        pattern in "[ab:*?]{0,9}", text in "[abä:]{0,9}", allow in any::<bool>(), negated in any::<bool>(),
    ) {
        let (pattern, text) = (format!("arn:aws:s3:::{pattern}"), format!("arn:aws:s3:::{text}"));
        let mut statement = json!({ "Effect": if allow { "Allow" } else { "Deny" }, "Action": "a:b" });
        statement[if negated { "NotResource" } else { "Resource" }] = json!(pattern.clone());
        let everything = json!({ "Effect": if allow { "Deny" } else { "Allow" }, "Action": if allow { "a:c" } else { "*" }, "Resource": "*" });
        let document = json!({ "Version": "2012-10-17", "Statement": [statement, everything] });
        let identity = [NamedPolicy::new("p", Policy::parse(&document.to_string(), PolicyKind::Identity).unwrap())];
        let context = Context::new();
        let request = Request {
            principal: CALLERS[0].view(), action: "a:b", resource: &text, resource_account: HOME, context: &context,
        };
        let decision = evaluate(&request, &PolicySet { identity: &identity, ..PolicySet::default() });
        let fits = like(&if allow != negated { near(&pattern) } else { pattern.clone() }, &text);
        prop_assert_eq!(decision.is_allowed(), (fits != negated) == allow, "{} {}", pattern, text);
    }

    /// Adding a deny never turns a refusal into a permission.
    #[test]
    fn more_denies_never_allow_more(case in case(), extra in policy(false)) {
        let mut more = case.clone();
        let mut extra = extra;
        extra["Statement"].as_array_mut().unwrap().iter_mut().for_each(|statement| statement["Effect"] = json!("Deny"));
        more.identity.push(extra);
        prop_assert!(case.decided() || !more.decided());
    }
}
