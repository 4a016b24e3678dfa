//! AWS's documented behaviour, case by case: who may what under which policies, and what is said when not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use policy::{
    Context, Decision, DenialKind, NamedPolicy, Policy, PolicyKind, PolicySet, PolicyType, PrincipalKind,
    PrincipalView, Request, evaluate, explain,
};

const HOME: &str = "111111111111";
const OBJECT: &str = "arn:aws:s3:::b/ana/x";

const ANA: PrincipalView<'static> = PrincipalView {
    lender: None,
    kind: PrincipalKind::User,
    arn: "arn:aws:iam::111111111111:user/ana",
    account: HOME,
    role_arn: None,
    service: None,
    user_id: "AIDAANA",
};
const ROOT: PrincipalView<'static> =
    PrincipalView { kind: PrincipalKind::Root, arn: "arn:aws:iam::111111111111:root", user_id: HOME, ..ANA };
const SESSION: PrincipalView<'static> = PrincipalView {
    kind: PrincipalKind::AssumedRole,
    arn: "arn:aws:sts::111111111111:assumed-role/app/s1",
    role_arn: Some("arn:aws:iam::111111111111:role/app"),
    user_id: "AROAAPP:s1",
    ..ANA
};
const SERVICE: PrincipalView<'static> = PrincipalView {
    lender: None,
    kind: PrincipalKind::Service,
    arn: "",
    account: "",
    role_arn: None,
    service: Some("apigateway.amazonaws.com"),
    user_id: "",
};
const NOBODY: PrincipalView<'static> =
    PrincipalView { kind: PrincipalKind::Anonymous, service: None, ..SERVICE };

fn statement(effect: &str, rest: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"S","Effect":"{effect}","Action":"s3:GetObject","Resource":"*"{rest}}}]}}"#
    )
}

fn allow() -> String {
    statement("Allow", "")
}

fn deny() -> String {
    statement("Deny", "")
}

fn other() -> String {
    allow().replace("s3:GetObject", "s3:PutObject")
}

fn to(principal: &str) -> String {
    statement("Allow", &format!(r#","Principal":{principal}"#))
}

/// The texts of the policies that have a say.
#[derive(Default)]
struct Policies {
    identity: Vec<String>,
    boundary: Option<String>,
    session: Vec<String>,
    resource: Option<String>,
    trust: Option<String>,
    service_control: Vec<String>,
}

fn named(text: &str, kind: PolicyKind) -> NamedPolicy {
    NamedPolicy::new("p", Policy::parse(text, kind).unwrap())
}

fn decide(policies: &Policies, request: &Request<'_>) -> Decision {
    let identity: Vec<_> = policies.identity.iter().map(|text| named(text, PolicyKind::Identity)).collect();
    let session: Vec<_> = policies.session.iter().map(|text| named(text, PolicyKind::Session)).collect();
    let boundary = policies.boundary.as_ref().map(|text| named(text, PolicyKind::Boundary));
    let resource = policies.resource.as_ref().map(|text| Policy::parse(text, PolicyKind::Resource).unwrap());
    let trust = policies.trust.as_ref().map(|text| Policy::parse(text, PolicyKind::Trust).unwrap());
    let levels: Vec<_> =
        policies.service_control.iter().map(|text| [named(text, PolicyKind::ServiceControl)]).collect();
    let levels: Vec<&[NamedPolicy]> = levels.iter().map(|level| level.as_slice()).collect();
    let set = PolicySet {
        identity: &identity,
        boundary: boundary.as_ref(),
        session: &session,
        resource: resource.as_ref().or(trust.as_ref()),
        service_control: &levels,
        ..PolicySet::default()
    };
    let decision = evaluate(request, &set);
    assert_eq!(explain(request, &set).allowed, decision.is_allowed());
    decision
}

/// `allow`, or the reason AWS's message would end with.
fn answer(principal: PrincipalView<'_>, account: &str, policies: &Policies) -> String {
    let context = Context::new();
    let (action, resource) = match policies.trust {
        Some(_) => ("sts:AssumeRole", "arn:aws:iam::111111111111:role/app"),
        None => ("s3:GetObject", OBJECT),
    };
    let request = Request { principal, action, resource, resource_account: account, context: &context };
    match decide(policies, &request) {
        Decision::Allow(_) => "allow".to_owned(),
        Decision::Deny(denial) => denial.reason_text(action),
    }
}

const NO_IDENTITY: &str = "because no identity-based policy allows the s3:GetObject action";
const NO_RESOURCE: &str = "because no resource-based policy allows the s3:GetObject action";
const NO_BOUNDARY: &str = "because no permissions boundary allows the s3:GetObject action";
const NO_SESSION: &str = "because no session policy allows the s3:GetObject action";

#[test]
fn within_one_account_either_side_suffices() {
    let identity = |texts: Vec<String>| Policies { identity: texts, ..Policies::default() };
    let resource = |text: String| Policies { resource: Some(text), ..Policies::default() };
    for (principal, policies, expected) in [
        (ANA, identity(vec![]), NO_IDENTITY),
        (ANA, identity(vec![other()]), NO_IDENTITY),
        (ANA, identity(vec![other(), allow()]), "allow"),
        (ANA, identity(vec![allow(), deny()]), "with an explicit deny in an identity-based policy"),
        (ROOT, identity(vec![]), "allow"),
        (
            ROOT,
            resource(statement("Deny", r#","Principal":"*""#)),
            "with an explicit deny in a resource-based policy",
        ),
        (ANA, resource(to(r#"{"AWS":"arn:aws:iam::111111111111:user/ana"}"#)), "allow"),
        (ANA, resource(to(r#"{"AWS":"arn:aws:iam::111111111111:root"}"#)), NO_IDENTITY),
        (ANA, resource(to(r#""*""#)), "allow"),
        (ANA, resource(to(r#"{"AWS":"arn:aws:iam::111111111111:user/bob"}"#)), NO_IDENTITY),
        (SESSION, resource(to(r#"{"AWS":"arn:aws:iam::111111111111:role/app"}"#)), "allow"),
        (SERVICE, resource(to(r#"{"Service":"apigateway.amazonaws.com"}"#)), "allow"),
        (SERVICE, resource(to(r#"{"Service":"sns.amazonaws.com"}"#)), NO_RESOURCE),
        (SERVICE, identity(vec![allow()]), NO_RESOURCE),
        (NOBODY, resource(to(r#""*""#)), "allow"),
        (NOBODY, resource(to(r#"{"AWS":"111111111111"}"#)), NO_RESOURCE),
        (NOBODY, identity(vec![allow()]), NO_RESOURCE),
    ] {
        assert_eq!(
            answer(principal, HOME, &policies),
            expected,
            "{:?} {:?}",
            principal.kind,
            policies.resource
        );
    }
}

#[test]
fn across_accounts_both_sides_must_allow() {
    let both = |identity: String, resource: &str| Policies {
        identity: vec![identity],
        resource: Some(to(resource)),
        ..Policies::default()
    };
    let ana = r#"{"AWS":"arn:aws:iam::111111111111:user/ana"}"#;
    let account = r#"{"AWS":"111111111111"}"#;
    for account_of_resource in ["222222222222", ""] {
        for (policies, expected) in [
            (Policies { identity: vec![allow()], ..Policies::default() }, NO_RESOURCE),
            (both(other(), ana), NO_IDENTITY),
            (both(allow(), ana), "allow"),
            (both(allow(), account), "allow"),
            (both(allow(), r#""*""#), "allow"),
            (both(allow(), r#"{"AWS":"333333333333"}"#), NO_RESOURCE),
        ] {
            assert_eq!(answer(ANA, account_of_resource, &policies), expected);
        }
    }
    assert_eq!(answer(ROOT, "222222222222", &both(other(), account)), "allow");
    assert_eq!(answer(ROOT, "222222222222", &Policies::default()), NO_RESOURCE);
}

#[test]
fn boundaries_and_session_policies_only_withhold() {
    let withheld = |boundary: Option<String>, session: Vec<String>, resource: Option<String>| Policies {
        identity: vec![allow()],
        boundary,
        session,
        resource,
        ..Policies::default()
    };
    let role = || Some(to(r#"{"AWS":"arn:aws:iam::111111111111:role/app"}"#));
    let exact = || Some(to(r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/app/s1"}"#));
    for (policies, expected) in [
        (withheld(Some(allow()), vec![allow()], None), "allow"),
        (withheld(Some(other()), vec![], None), NO_BOUNDARY),
        (withheld(None, vec![other()], None), NO_SESSION),
        (withheld(None, vec![other(), allow()], None), "allow"),
        (withheld(Some(other()), vec![], role()), NO_BOUNDARY),
        (withheld(None, vec![other()], role()), NO_SESSION),
        (withheld(Some(other()), vec![other()], exact()), "allow"),
        (withheld(Some(deny()), vec![], exact()), "with an explicit deny in a permissions boundary"),
        (withheld(None, vec![deny()], exact()), "with an explicit deny in a session policy"),
    ] {
        assert_eq!(
            answer(SESSION, HOME, &policies),
            expected,
            "{policies_boundary:?}",
            policies_boundary = policies.boundary
        );
    }
    let alone = Policies { boundary: Some(allow()), session: vec![allow()], ..Policies::default() };
    assert_eq!(answer(SESSION, HOME, &alone), NO_IDENTITY);
}

#[test]
fn every_level_of_the_organization_must_allow() {
    let levels = |service_control: Vec<String>| Policies {
        identity: vec![allow()],
        service_control,
        ..Policies::default()
    };
    assert_eq!(answer(ANA, HOME, &levels(vec![allow(), allow()])), "allow");
    let missing = "because no service control policy allows the s3:GetObject action";
    assert_eq!(answer(ANA, HOME, &levels(vec![allow(), other()])), missing);
    assert_eq!(answer(ROOT, HOME, &levels(vec![other()])), missing);
    let denied = "with an explicit deny in a service control policy";
    assert_eq!(answer(ROOT, HOME, &levels(vec![allow(), deny()])), denied);
}

#[test]
fn a_trust_policy_must_allow_in_any_case() {
    let trust = |principal: &str, identity: Vec<String>| Policies {
        identity,
        trust: Some(format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}}}"#
        )),
        ..Policies::default()
    };
    let all = || vec![allow().replace("s3:GetObject", "*")];
    let missing = "because no role trust policy allows the sts:AssumeRole action";
    for (principal, policies, expected) in [
        (ANA, trust(r#"{"AWS":"arn:aws:iam::111111111111:user/ana"}"#, vec![]), "allow"),
        (ANA, trust(r#"{"AWS":"111111111111"}"#, all()), "allow"),
        (
            ANA,
            trust(r#"{"AWS":"111111111111"}"#, vec![]),
            "because no identity-based policy allows the sts:AssumeRole action",
        ),
        (ANA, trust(r#"{"Service":"lambda.amazonaws.com"}"#, all()), missing),
        (ROOT, trust(r#"{"Service":"lambda.amazonaws.com"}"#, vec![]), missing),
        (SERVICE, trust(r#"{"Service":"apigateway.amazonaws.com"}"#, vec![]), "allow"),
    ] {
        assert_eq!(answer(principal, HOME, &policies), expected);
    }
}

/// One condition in an `Allow` and in a `Deny`: whether each applies.
fn condition(condition: &str, context: &Context) -> (bool, bool) {
    let request =
        Request { principal: ANA, action: "S3:getobject", resource: OBJECT, resource_account: HOME, context };
    let with = |effect: &str| statement(effect, &format!(r#","Condition":{{{condition}}}"#));
    let allows = Policies { identity: vec![with("Allow")], ..Policies::default() };
    let denies = Policies { identity: vec![allow(), with("Deny")], ..Policies::default() };
    (decide(&allows, &request).is_allowed(), !decide(&denies, &request).is_allowed())
}

#[test]
fn condition_operators_decide_as_documented() {
    let context = Context::new()
        .with("aws:SourceIp", "203.0.113.9")
        .with("aws:CurrentTime", "2026-11-22T03:17:00Z")
        .with("aws:EpochTime", "1795317420")
        .with("aws:SecureTransport", "true")
        .with("aws:SourceArn", "arn:aws:execute-api:us-east-1:111111111111:a1/prod/GET/x:y")
        .with("s3:max-keys", "10")
        .with("s3:prefix", "Home/ana")
        .with("b:bytes", "AAEC")
        .with("aws:PrincipalTag/Team", "blue")
        .with_all("aws:TagKeys", ["cost", "team"]);
    for (text, expected) in [
        (r#""StringEquals":{"s3:prefix":"Home/ana"}"#, true),
        (r#""StringEquals":{"S3:PREFIX":["x","Home/ana"]}"#, true),
        (r#""StringEquals":{"s3:prefix":"home/ana"}"#, false),
        (r#""StringEquals":{"s3:prefix":"Home/*"}"#, false),
        (r#""StringEquals":{"s3:prefix":"Home/${aws:username}"}"#, true),
        (r#""StringEqualsIgnoreCase":{"s3:prefix":"hOME/${aws:username}"}"#, true),
        (r#""StringNotEquals":{"s3:prefix":["a","Home/ana"]}"#, false),
        (r#""StringNotEquals":{"s3:none":"a"}"#, true),
        (r#""StringEquals":{"s3:none":"a"}"#, false),
        (r#""StringEqualsIfExists":{"s3:none":"a"}"#, true),
        (r#""StringLike":{"s3:prefix":"Home/???"}"#, true),
        (r#""StringNotLike":{"s3:prefix":"*ana"}"#, false),
        (r#""StringEquals":{"aws:PrincipalTag/team":"blue"}"#, true),
        (r#""StringEquals":{"aws:username":"${aws:PrincipalTag/Team, 'x'}"}"#, false),
        (r#""StringEquals":{"aws:username":"${aws:RequestTag/who, 'ana'}"}"#, true),
        (r#""NumericLessThan":{"s3:max-keys":11}"#, true),
        (r#""NumericLessThan":{"s3:max-keys":"9"}"#, false),
        (r#""NumericNotEquals":{"s3:max-keys":["10","11"]}"#, false),
        (r#""NumericGreaterThanEquals":{"s3:max-keys":"10.0"}"#, true),
        (r#""DateGreaterThan":{"aws:CurrentTime":"2026-11-22T00:00:00Z"}"#, true),
        (r#""DateLessThan":{"aws:EpochTime":"2026-11-22"}"#, false),
        (r#""Bool":{"aws:SecureTransport":true}"#, true),
        (r#""Bool":{"aws:SecureTransport":"False"}"#, false),
        (r#""Bool":{"aws:SecureTransport":"TRUE"}"#, true),
        (r#""Bool":{"aws:MultiFactorAuthPresent":"false"}"#, false),
        (r#""BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}"#, true),
        (r#""BinaryEquals":{"b:bytes":"AAEC"}"#, true),
        (r#""IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}"#, true),
        (r#""NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#, false),
        (r#""ArnLike":{"aws:SourceArn":"arn:aws:execute-api:*:111111111111:a1/*/GET/x:?"}"#, true),
        (r#""ArnEquals":{"aws:SourceArn":"arn:aws:execute-api:*:a1/*"}"#, false),
        (r#""ArnNotLike":{"aws:SourceArn":"arn:aws:execute-api"}"#, false),
        (r#""ArnLike":{"aws:SourceArn":"arn:aws:*:222222222222:a1/*"}"#, false),
        (r#""Null":{"s3:none":"true"}"#, true),
        (r#""Null":{"s3:prefix":true}"#, false),
        (r#""ForAllValues:StringEquals":{"aws:TagKeys":["cost","team","x"]}"#, true),
        (r#""ForAllValues:StringEquals":{"aws:TagKeys":["cost"]}"#, false),
        (r#""ForAllValues:StringEquals":{"s3:none":["cost"]}"#, true),
        (r#""ForAnyValue:StringEquals":{"aws:TagKeys":["cost"]}"#, true),
        (r#""ForAnyValue:StringEquals":{"s3:none":["cost"]}"#, false),
        (r#""ForAnyValue:StringNotEquals":{"aws:TagKeys":["cost"]}"#, true),
        (r#""ForAllValues:StringNotEquals":{"aws:TagKeys":["cost"]}"#, false),
        (r#""Bool":{"aws:SecureTransport":true},"StringEquals":{"s3:prefix":"x"}"#, false),
    ] {
        assert_eq!(condition(text, &context), (expected, expected), "{text}");
    }
}

#[test]
fn what_cannot_be_decided_allows_nothing_and_denies() {
    let context = Context::new()
        .with("s3:max-keys", "many")
        .with("aws:SourceIp", "AWS Internal")
        .with("aws:CurrentTime", "soon")
        .with("aws:SecureTransport", "maybe")
        .with("b:bytes", "***")
        .with_all("aws:TagKeys", ["a", "b"]);
    for text in [
        r#""NumericLessThan":{"s3:max-keys":"5"}"#,
        r#""NumericNotEquals":{"s3:max-keys":"5"}"#,
        r#""IpAddress":{"aws:SourceIp":"0.0.0.0/0"}"#,
        r#""NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#,
        r#""DateLessThan":{"aws:CurrentTime":"2026-11-22"}"#,
        r#""Bool":{"aws:SecureTransport":"true"}"#,
        r#""BinaryEquals":{"b:bytes":"AAEC"}"#,
        r#""StringEquals":{"aws:TagKeys":"a"}"#,
        r#""StringNotEquals":{"aws:TagKeys":"c"}"#,
    ] {
        assert_eq!(condition(text, &context), (false, true), "{text}");
    }
    let with = statement("Allow", r#","Condition":{"NumericLessThan":{"s3:max-keys":"5"}}"#);
    let request = Request {
        principal: ANA,
        action: "s3:GetObject",
        resource: OBJECT,
        resource_account: HOME,
        context: &context,
    };
    let Decision::Deny(denial) = decide(&Policies { identity: vec![with], ..Policies::default() }, &request)
    else {
        panic!("an undecidable condition allowed");
    };
    assert_eq!((denial.kind, denial.policy_type), (DenialKind::Implicit, PolicyType::IdentityBased));
    assert_eq!(
        denial.to_string(),
        "no identity-based policy allows it; undecided: the key's value is not a number (p, statement 0 `S`)"
    );
}

#[test]
fn versions_before_2012_have_no_variables() {
    let context = Context::new();
    let request = Request {
        principal: ANA,
        action: "s3:GetObject",
        resource: OBJECT,
        resource_account: HOME,
        context: &context,
    };
    let text = statement("Allow", "")
        .replace(r#""Resource":"*""#, r#""Resource":"arn:aws:s3:::b/${aws:username}/*""#);
    let decide = |text: String| decide(&Policies { identity: vec![text], ..Policies::default() }, &request);
    assert!(decide(text.clone()).is_allowed());
    assert!(!decide(text.replace("2012-10-17", "2008-10-17")).is_allowed());
    assert!(!decide(text.replace(r#""Version":"2012-10-17","#, "")).is_allowed());
}

#[test]
fn explanations_show_every_statement_and_value() {
    let context = Context::new().with("aws:SourceIp", "203.0.113.9");
    let request = Request {
        principal: ANA,
        action: "s3:GetObject",
        resource: OBJECT,
        resource_account: HOME,
        context: &context,
    };
    let condition = r#","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#;
    let identity = [named(&statement("Allow", condition), PolicyKind::Identity)];
    let explanation = explain(&request, &PolicySet { identity: &identity, ..PolicySet::default() });
    assert_eq!(
        serde_json::to_value(&explanation).unwrap(),
        serde_json::json!({
            "allowed": false, "principal": ANA.arn, "action": "s3:GetObject", "resource": OBJECT,
            "denial": "Implicit", "deniedBy": "IdentityBased", "statement": null,
            "policies": [{ "policyType": "IdentityBased", "name": "p", "statements": [{
                "index": 0, "sid": "S", "effect": "Allow", "outcome": "does not apply", "because": "condition",
                "conditions": [{ "operator": "IpAddress", "key": "aws:SourceIp", "expected": ["10.0.0.0/8"],
                    "actual": ["203.0.113.9"], "outcome": "fails" }],
            }] }],
        })
    );
}

fn with(principal: PrincipalView<'_>, account: &str, set: &PolicySet<'_>) -> String {
    let context = Context::new();
    let request = Request {
        principal,
        action: "s3:GetObject",
        resource: OBJECT,
        resource_account: account,
        context: &context,
    };
    match evaluate(&request, set) {
        Decision::Allow(_) => "allow".to_owned(),
        Decision::Deny(denial) => denial.reason_text("s3:GetObject"),
    }
}

#[test]
fn resource_control_policies_bind_services_and_strangers_too() {
    let identity = [named(&allow(), PolicyKind::Identity)];
    let everyone = statement("Allow", r#","Principal":"*""#);
    let resource = Policy::parse(&everyone, PolicyKind::Resource).unwrap();
    let base = PolicySet { identity: &identity, resource: Some(&resource), ..PolicySet::default() };
    let full = [named(&everyone, PolicyKind::ResourceControl)];
    let denial = named(&statement("Deny", r#","Principal":"*""#), PolicyKind::ResourceControl);
    let deny = [full[0].clone(), denial];
    for caller in [ANA, SESSION, ROOT, SERVICE, NOBODY] {
        let decide =
            |levels: &[&[NamedPolicy]]| with(caller, HOME, &PolicySet { resource_control: levels, ..base });
        assert_eq!(decide(&[&full, &full]), "allow", "{caller:?}");
        assert_eq!(decide(&[&full, &deny]), "with an explicit deny in a resource control policy");
        assert_eq!(
            decide(&[&full, &[]]),
            "because no resource control policy allows the s3:GetObject action",
            "{caller:?}"
        );
    }
    // Service control policies speak of the principals of accounts only.
    for (caller, bound) in [(ANA, true), (SESSION, true), (ROOT, true), (SERVICE, false), (NOBODY, false)] {
        let answer = with(caller, HOME, &PolicySet { service_control: &[&[]], ..base });
        assert_eq!(answer != "allow", bound, "{caller:?}: {answer}");
    }
}

#[test]
fn an_explicit_deny_is_told_before_what_is_merely_not_allowed() {
    let boundary = named(&deny(), PolicyKind::Boundary);
    let set = PolicySet { boundary: Some(&boundary), service_control: &[&[]], ..PolicySet::default() };
    assert_eq!(with(ANA, HOME, &set), "with an explicit deny in a permissions boundary");
}

#[test]
fn an_explicit_deny_names_its_policy_where_that_has_an_arn() {
    const ARN: &str = "arn:aws:iam::111111111111:policy/team/guard";
    let under = |name: &str, text: &str, kind| [NamedPolicy::new(name, Policy::parse(text, kind).unwrap())];
    let reason = |set: &PolicySet<'_>| {
        let context = Context::new();
        let request = Request {
            principal: ANA,
            action: "s3:GetObject",
            resource: OBJECT,
            resource_account: HOME,
            context: &context,
        };
        match evaluate(&request, set) {
            Decision::Allow(_) => "allow".to_owned(),
            Decision::Deny(denial) => denial.reason_with_policy("s3:GetObject"),
        }
    };
    let identity = under(ARN, &deny(), PolicyKind::Identity);
    let inline = under("guard", &deny(), PolicyKind::Identity);
    let boundary = under(ARN, &deny(), PolicyKind::Boundary);
    let session = under(ARN, &deny(), PolicyKind::Session);
    let control = under(ARN, &deny(), PolicyKind::ServiceControl);
    let none = PolicySet::default();
    for (set, expected) in [
        (PolicySet { identity: &identity, ..none }, "with an explicit deny in an identity-based policy: "),
        (
            PolicySet { boundary: boundary.first(), ..none },
            "with an explicit deny in a permissions boundary: ",
        ),
        (PolicySet { session: &session, ..none }, "with an explicit deny in a session policy: "),
        (
            PolicySet { service_control: &[&control], ..none },
            "with an explicit deny in a service control policy: ",
        ),
    ] {
        assert_eq!(reason(&set), format!("{expected}{ARN}"));
    }
    let set = PolicySet { identity: &inline, ..none };
    assert_eq!(
        reason(&set),
        "with an explicit deny in an identity-based policy",
        "an inline policy has no ARN"
    );
    // What merely does not allow is not named: it is every policy.
    let elsewhere = under(ARN, &other(), PolicyKind::Identity);
    assert_eq!(reason(&PolicySet { identity: &elsewhere, ..none }), NO_IDENTITY);
}

#[test]
fn a_private_endpoints_policy_withholds() {
    let identity = [named(&allow(), PolicyKind::Identity)];
    for (text, expected) in [
        (to(r#""*""#), "allow"),
        (to(r#"{"AWS":"222222222222"}"#), "because no VPC endpoint policy allows the s3:GetObject action"),
        (statement("Deny", r#","Principal":"*""#), "with an explicit deny in a VPC endpoint policy"),
    ] {
        let policy = Policy::parse(&text, PolicyKind::Resource).unwrap();
        let set = PolicySet { identity: &identity, endpoint: Some(&policy), ..PolicySet::default() };
        assert_eq!(with(ANA, HOME, &set), expected, "{text}");
    }
}

/// A KMS key opens by its own policy or by a grant, never by an identity policy alone.
#[test]
fn a_keys_policy_decides_and_a_grant_stands_beside_it() {
    let identity = [named(&allow(), PolicyKind::Identity)];
    let account = Policy::parse(&to(r#"{"AWS":"111111111111"}"#), PolicyKind::Resource).unwrap();
    let denied = Policy::parse(&statement("Deny", r#","Principal":"*""#), PolicyKind::Resource).unwrap();
    let key = |resource, grant, has_identity: bool, owner: &str| {
        let identity: &[NamedPolicy] = if has_identity { &identity } else { &[] };
        let set = PolicySet { identity, resource, grant, resource_decides: true, ..PolicySet::default() };
        with(ANA, owner, &set)
    };
    assert_eq!(key(None, None, true, HOME), NO_RESOURCE);
    assert_eq!(key(Some(&account), None, true, HOME), "allow");
    assert_eq!(key(Some(&account), None, false, HOME), NO_IDENTITY);
    assert_eq!(key(None, Some("grant-1"), false, HOME), "allow");
    let answer = key(Some(&denied), Some("grant-1"), true, HOME);
    assert_eq!(answer, "with an explicit deny in a resource-based policy");
    assert_eq!(key(None, Some("grant-1"), false, "222222222222"), NO_IDENTITY);
    assert_eq!(key(None, Some("grant-1"), true, "222222222222"), "allow");
}
