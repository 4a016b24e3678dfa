//! Who may do what in a sample organization, as a table: `matrix.txt`. A change of a policy, or of the evaluator, is a diff.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use policy::{
    Context, Decision, DenialKind, NamedPolicy, Policy, PolicyKind, PolicySet, PrincipalKind, PrincipalView,
    Request, evaluate,
};
use serde_json::{Value, json};

const PROD: &str = "111111111111";
const PARTNER: &str = "222222222222";

fn named(kind: PolicyKind, statements: &Value) -> NamedPolicy {
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    NamedPolicy::new("p", Policy::parse(&document.to_string(), kind).unwrap())
}

fn allow(actions: &Value) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": "*" })
}

/// The unit above the production account: nothing is deleted there, and roles are for the organization alone.
struct Unit {
    service_control: Vec<Vec<NamedPolicy>>,
    resource_control: Vec<Vec<NamedPolicy>>,
}

impl Unit {
    fn new() -> Self {
        let everything = named(PolicyKind::ServiceControl, &allow(&json!("*")));
        let keep = named(
            PolicyKind::ServiceControl,
            &json!([
                { "Effect": "Deny", "Action": ["dynamodb:Delete*", "organizations:LeaveOrganization"], "Resource": "*" },
                { "Effect": "Deny", "NotAction": ["iam:*", "sts:*", "organizations:*"], "Resource": "*",
                  "Condition": { "StringNotEquals": { "aws:RequestedRegion": "eu-central-1" } } }
            ]),
        );
        let open = json!({ "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" });
        let guard = json!({ "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*",
            "Condition": { "StringNotEqualsIfExists": { "aws:PrincipalOrgID": "o-ours" },
                           "BoolIfExists": { "aws:PrincipalIsAWSService": "false" } } });
        let everyone = named(PolicyKind::ResourceControl, &open);
        let guard = named(PolicyKind::ResourceControl, &guard);
        Self {
            service_control: vec![vec![everything.clone()], vec![everything, keep]],
            resource_control: vec![vec![everyone.clone()], vec![everyone, guard]],
        }
    }
}

struct Caller {
    name: &'static str,
    view: PrincipalView<'static>,
    organization: Option<&'static str>,
    identity: Vec<NamedPolicy>,
    boundary: Option<NamedPolicy>,
    session: Vec<NamedPolicy>,
}

impl Caller {
    fn new(name: &'static str, kind: PrincipalKind, arn: &'static str, account: &'static str) -> Self {
        let view =
            PrincipalView { lender: None, kind, arn, account, role_arn: None, service: None, user_id: "ID" };
        let organization = (account == PROD).then_some("o-ours");
        Self { name, view, organization, identity: Vec::new(), boundary: None, session: Vec::new() }
    }

    fn with(mut self, actions: &Value) -> Self {
        self.identity.push(named(PolicyKind::Identity, &allow(actions)));
        self
    }
}

fn callers() -> Vec<Caller> {
    use PrincipalKind::{Anonymous, AssumedRole, Root, Service, User};
    let app = |name| {
        let mut app = Caller::new(name, AssumedRole, "arn:aws:sts::111111111111:assumed-role/app/s", PROD);
        app.view.role_arn = Some("arn:aws:iam::111111111111:role/app");
        app.with(&json!(["dynamodb:*", "s3:GetObject"]))
    };
    let mut developer = Caller::new("developer, bounded", User, "arn:aws:iam::111111111111:user/dev", PROD);
    developer = developer.with(&json!("*"));
    developer.boundary = Some(named(PolicyKind::Boundary, &allow(&json!(["dynamodb:*", "s3:*", "sts:*"]))));
    let mut narrowed = app("application, narrowed");
    narrowed.session.push(named(PolicyKind::Session, &allow(&json!("s3:*"))));
    let mut lambda = Caller::new("lambda", Service, "", "");
    lambda.view.service = Some("lambda.amazonaws.com");
    let mut partner =
        Caller::new("partner's role", AssumedRole, "arn:aws:sts::222222222222:assumed-role/p/s", PARTNER);
    partner.view.role_arn = Some("arn:aws:iam::222222222222:role/p");
    vec![
        Caller::new("root", Root, "arn:aws:iam::111111111111:root", PROD),
        Caller::new("administrator", User, "arn:aws:iam::111111111111:user/admin", PROD).with(&json!("*")),
        developer,
        app("application"),
        narrowed,
        Caller::new("newcomer", User, "arn:aws:iam::111111111111:user/new", PROD),
        lambda,
        partner.with(&json!("*")),
        Caller::new("stranger", Anonymous, "", ""),
    ]
}

/// What is asked: a label, the action, the resource, its policy, and the region.
fn questions() -> Vec<(&'static str, &'static str, &'static str, Option<Policy>, &'static str)> {
    let table = "arn:aws:dynamodb:eu-central-1:111111111111:table/orders";
    let role = "arn:aws:iam::111111111111:role/deploy";
    let trust = json!([{ "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": { "AWS": ["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"],
                       "Service": "lambda.amazonaws.com" } }]);
    let bucket = json!([
        { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::222222222222:role/p" }, "Action": "s3:GetObject", "Resource": "*" },
        { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111111111111:user/new" }, "Action": "s3:GetObject", "Resource": "*" },
        { "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "*" }]);
    let bucket = || Some(named(PolicyKind::Resource, &bucket).policy);
    let (here, there) = ("eu-central-1", "us-east-1");
    vec![
        ("read the table", "dynamodb:GetItem", table, None, here),
        ("read it elsewhere", "dynamodb:GetItem", table, None, there),
        ("delete the table", "dynamodb:DeleteTable", table, None, here),
        ("read the object", "s3:GetObject", "arn:aws:s3:::b/o", bucket(), here),
        ("delete the object", "s3:DeleteObject", "arn:aws:s3:::b/o", bucket(), here),
        ("make a user", "iam:CreateUser", "arn:aws:iam::111111111111:user/x", None, there),
        ("assume the role", "sts:AssumeRole", role, Some(named(PolicyKind::Trust, &trust).policy), there),
        ("leave", "organizations:LeaveOrganization", "*", None, there),
    ]
}

fn slices(levels: &[Vec<NamedPolicy>]) -> Vec<&[NamedPolicy]> {
    levels.iter().map(Vec::as_slice).collect()
}

fn answer(unit: &Unit, caller: &Caller, question: &(&str, &str, &str, Option<Policy>, &str)) -> String {
    let (_, action, resource, policy, region) = question;
    let mut context = Context::new().with("aws:RequestedRegion", *region);
    if let Some(organization) = caller.organization {
        context.add("aws:PrincipalOrgID", organization);
    }
    let request =
        Request { principal: caller.view, action, resource, resource_account: PROD, context: &context };
    let service_control =
        if caller.view.account == PROD { slices(&unit.service_control) } else { Vec::new() };
    let resource_control = slices(&unit.resource_control);
    let set = PolicySet {
        identity: &caller.identity,
        boundary: caller.boundary.as_ref(),
        session: &caller.session,
        resource: policy.as_ref(),
        service_control: &service_control,
        resource_control: &resource_control,
        ..PolicySet::default()
    };
    match evaluate(&request, &set) {
        Decision::Allow(_) => "yes".to_owned(),
        Decision::Deny(denial) => {
            let how = if denial.kind == DenialKind::Explicit { "denied by" } else { "no" };
            format!("{how} {}", denial.policy_type.noun())
        }
    }
}

#[test]
fn the_sample_organization_is_as_it_always_was() {
    let (unit, questions) = (Unit::new(), questions());
    let mut table = String::new();
    for question in &questions {
        let _ = writeln!(table, "{}", question.0);
        for caller in callers() {
            let _ = writeln!(table, "    {:<24}{}", caller.name, answer(&unit, &caller, question));
        }
    }
    let expected = include_str!("matrix.txt");
    assert!(table == expected, "the table changed; if that is meant, this is the new `matrix.txt`:\n{table}");
}
