//! AWS's published examples, page by page: each names its page, and says what the page says will happen.
//!
//! Policies are the pages' own where they show some; where a page has a table or a flow chart, each of its cells and branches
//! is a row here.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "documents are written where they are handed over")]

mod across;
mod conditions;
mod library;
mod library_iam;
mod logic;
mod names;
mod organization;
mod sets;
mod variables;
mod wildcards;

use policy::{
    Context, Decision, DenialKind, Lender, NamedPolicy, Policy, PolicyKind, PolicySet, PrincipalKind,
    PrincipalView, Request, evaluate, explain,
};
use serde_json::{Value, json};

const HOME: &str = "111111111111";
const AWAY: &str = "222222222222";

/// A caller and the policies that have a say.
#[derive(Clone, Default)]
struct Scene {
    identity: Vec<Value>,
    boundary: Option<Value>,
    session: Vec<Value>,
    resource: Option<Value>,
    trust: Option<Value>,
    /// From the root down to the account.
    service_control: Vec<Vec<Value>>,
    resource_control: Vec<Vec<Value>>,
    context: Context,
    /// Another account than the caller's.
    owner: Option<&'static str>,
}

impl Scene {
    /// `allow`, `deny in a …` or `no …`: which policy decided.
    fn ask(&self, caller: PrincipalView<'_>, action: &str, resource: &str) -> String {
        let parse = |value: &Value, kind| {
            Policy::parse(&value.to_string(), kind).unwrap_or_else(|error| panic!("{error}: {value}"))
        };
        let named = |value: &Value, kind| NamedPolicy::new("p", parse(value, kind));
        let levels = |levels: &[Vec<Value>], kind| -> Vec<Vec<NamedPolicy>> {
            levels.iter().map(|level| level.iter().map(|it| named(it, kind)).collect()).collect()
        };
        let identity: Vec<_> = self.identity.iter().map(|it| named(it, PolicyKind::Identity)).collect();
        let session: Vec<_> = self.session.iter().map(|it| named(it, PolicyKind::Session)).collect();
        let boundary = self.boundary.as_ref().map(|it| named(it, PolicyKind::Boundary));
        let resource_policy = self.resource.as_ref().map(|it| parse(it, PolicyKind::Resource));
        let trust = self.trust.as_ref().map(|it| parse(it, PolicyKind::Trust));
        let service_control = levels(&self.service_control, PolicyKind::ServiceControl);
        let resource_control = levels(&self.resource_control, PolicyKind::ResourceControl);
        let service_control: Vec<_> = service_control.iter().map(Vec::as_slice).collect();
        let resource_control: Vec<_> = resource_control.iter().map(Vec::as_slice).collect();
        let set = PolicySet {
            identity: &identity,
            boundary: boundary.as_ref(),
            session: &session,
            resource: resource_policy.as_ref().or(trust.as_ref()),
            service_control: &service_control,
            resource_control: &resource_control,
            ..PolicySet::default()
        };
        let request = Request {
            principal: caller,
            action,
            resource,
            resource_account: self.owner.unwrap_or(if caller.account.is_empty() {
                HOME
            } else {
                caller.account
            }),
            context: &self.context,
        };
        let decision = evaluate(&request, &set);
        assert_eq!(explain(&request, &set).allowed, decision.is_allowed());
        match decision {
            Decision::Allow(_) => "allow".to_owned(),
            Decision::Deny(denial) => {
                let noun = denial.policy_type.noun();
                if denial.kind == DenialKind::Explicit {
                    format!("deny in {noun}")
                } else {
                    format!("no {noun}")
                }
            }
        }
    }
}

fn user(arn: &'static str) -> PrincipalView<'static> {
    let account = arn.split(':').nth(4).unwrap();
    PrincipalView {
        lender: None,
        kind: PrincipalKind::User,
        arn,
        account,
        role_arn: None,
        service: None,
        user_id: "AIDAEXAMPLE",
    }
}

fn session(arn: &'static str, role_arn: &'static str) -> PrincipalView<'static> {
    let kind = PrincipalKind::AssumedRole;
    PrincipalView { kind, role_arn: Some(role_arn), user_id: "AROAEXAMPLE:session", ..user(arn) }
}

fn root(arn: &'static str) -> PrincipalView<'static> {
    let caller = user(arn);
    PrincipalView { kind: PrincipalKind::Root, user_id: caller.account, ..caller }
}

const NOBODY: PrincipalView<'static> = PrincipalView {
    lender: None,
    kind: PrincipalKind::Anonymous,
    arn: "",
    account: "",
    role_arn: None,
    service: None,
    user_id: "",
};

/// A document of the current version.
fn document(statements: Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn allow(actions: Value, resources: Value) -> Value {
    document(json!([{ "Effect": "Allow", "Action": actions, "Resource": resources }]))
}

fn deny(actions: Value, resources: Value) -> Value {
    document(json!([{ "Effect": "Deny", "Action": actions, "Resource": resources }]))
}

fn full_access() -> Value {
    allow(json!("*"), json!("*"))
}

/// A statement with a condition: whether it applies to a request with this context, asked of an allow and of a deny.
fn applies(condition: &Value, context: &Context) -> bool {
    let statement = |effect: &str| json!({ "Effect": effect, "Action": "ec2:*", "Resource": "*", "Condition": condition });
    let caller = user("arn:aws:iam::111111111111:user/ana");
    let ask = |identity: Vec<Value>| {
        let scene = Scene { identity, context: context.clone(), ..Scene::default() };
        scene.ask(caller, "ec2:RunInstances", "arn:aws:ec2:us-east-1:111111111111:instance/*") == "allow"
    };
    let allows = ask(vec![document(json!([statement("Allow")]))]);
    let denies = !ask(vec![full_access(), document(json!([statement("Deny")]))]);
    assert_eq!(allows, denies, "{condition}: decided, so the same for both effects");
    allows
}
