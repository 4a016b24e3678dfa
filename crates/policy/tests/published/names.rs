//! `NotPrincipal`: with `Deny` it spares those whose every name is listed, with `Allow` it lets in everyone else.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>

use super::*;

const OBJECT: &str = "arn:aws:s3:::BUCKETNAME/o";

fn denied_but(names: &[&str]) -> Value {
    document(json!([
        { "Effect": "Deny", "NotPrincipal": { "AWS": names }, "Action": "s3:*",
            "Resource": ["arn:aws:s3:::BUCKETNAME", "arn:aws:s3:::BUCKETNAME/*"] },
        { "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*" },
    ]))
}

#[test]
fn bob_alone_is_spared() {
    let bob = "arn:aws:iam::222222222222:user/Bob";
    let account = "arn:aws:iam::222222222222:root";
    let ask = |names: &[&str], caller, owner| {
        let scene = Scene {
            resource: Some(denied_but(names)),
            identity: vec![full_access()],
            owner: Some(owner),
            ..Scene::default()
        };
        scene.ask(caller, "s3:GetObject", OBJECT)
    };
    for owner in [HOME, AWAY] {
        assert_eq!(ask(&[bob, account], user(bob), owner), "allow", "in {owner}");
        for (names, caller) in [
            // "If the element contained only Bob's ARN, the effect might be to deny access to the account that contains him."
            (&[bob] as &[_], user(bob)),
            (&[account], user(bob)),
            (&[bob, account], user("arn:aws:iam::222222222222:user/Alice")),
            (&[bob, account], user("arn:aws:iam::333333333333:user/Bob")),
            (&[bob, account], NOBODY),
        ] {
            assert_eq!(
                ask(names, caller, owner),
                "deny in resource-based policy",
                "{names:?} {}",
                caller.arn
            );
        }
    }
}

#[test]
fn an_audit_applications_session_is_spared() {
    let audit = "arn:aws:sts::222222222222:assumed-role/cross-account-read-only-role/cross-account-audit-app";
    let role = "arn:aws:iam::222222222222:role/cross-account-read-only-role";
    let account = "arn:aws:iam::222222222222:root";
    let other = "arn:aws:sts::222222222222:assumed-role/cross-account-read-only-role/another";
    for (names, caller, expected) in [
        (vec![audit, role, account], session(audit, role), "allow"),
        (vec![audit, account], session(audit, role), "deny in resource-based policy"),
        (vec![audit, role], session(audit, role), "deny in resource-based policy"),
        (vec![role, account], session(audit, role), "deny in resource-based policy"),
        (vec![audit, role, account], session(other, role), "deny in resource-based policy"),
        (vec![audit, role, account], root(account), "allow"),
    ] {
        let resource = Some(denied_but(&names));
        let scene = Scene { resource, identity: vec![full_access()], owner: Some(HOME), ..Scene::default() };
        assert_eq!(scene.ask(caller, "s3:GetObject", OBJECT), expected, "{names:?}");
    }
}

#[test]
fn with_allow_it_lets_in_everyone_else() {
    let bob = "arn:aws:iam::111111111111:user/Bob";
    let resource = Some(document(
        json!([{ "Effect": "Allow", "NotPrincipal": { "AWS": bob }, "Action": "s3:*", "Resource": "*" }]),
    ));
    let scene = Scene { resource, ..Scene::default() };
    assert_eq!(scene.ask(user(bob), "s3:GetObject", OBJECT), "no identity-based policy");
    assert_eq!(scene.ask(user("arn:aws:iam::111111111111:user/Alice"), "s3:GetObject", OBJECT), "allow");
    assert_eq!(scene.ask(NOBODY, "s3:GetObject", OBJECT), "allow", "the page warns of strangers");
}

/// What a principal in a policy may be. <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
#[test]
fn principals_are_named_in_full_and_never_by_pattern() {
    let parse = |principal: Value, kind| {
        let mut policy = allow(json!("sts:AssumeRole"), json!("*"));
        policy["Statement"][0]["Principal"] = principal;
        if kind == PolicyKind::Trust {
            policy["Statement"][0].as_object_mut().unwrap().remove("Resource");
        }
        Policy::parse(&policy.to_string(), kind).is_ok()
    };
    for (principal, fits) in [
        (json!({ "AWS": "arn:aws:iam::123456789012:root" }), true),
        (json!({ "AWS": "123456789012" }), true),
        (json!({ "AWS": ["arn:aws:iam::123456789012:root", "999999999999"] }), true),
        (json!({ "AWS": "arn:aws:iam::123456789012:role/role-name" }), true),
        (json!({ "AWS": "arn:aws:sts::123456789012:assumed-role/role-name/role-session-name" }), true),
        (json!({ "Federated": "cognito-identity.amazonaws.com" }), true),
        (json!({ "Federated": "arn:aws:iam::123456789012:saml-provider/provider-name" }), true),
        (json!({ "AWS": "arn:aws:iam::123456789012:user/user-name" }), true),
        (json!({ "AWS": "arn:aws:sts::123456789012:federated-user/user-name" }), true),
        (json!({ "Service": ["ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com"] }), true),
        (json!("*"), true),
        (json!({ "AWS": "*" }), true),
        (json!({ "AWS": "arn:aws:iam::123456789012:user/*" }), false),
        (json!({ "AWS": "arn:aws:iam::123456789012:group/admins" }), false),
        (json!({ "AWS": "arn:aws:sts::123456789012:assumed-role/role-name/*" }), false),
    ] {
        for kind in [PolicyKind::Resource, PolicyKind::Trust] {
            assert_eq!(parse(principal.clone(), kind), fits, "{principal} {kind:?}");
        }
    }
}

/// "The NotPrincipal element with a Deny effect will always deny any IAM principal that has a permissions boundary policy
/// attached, regardless of the values specified in the NotPrincipal element."
#[test]
fn who_has_a_boundary_is_never_spared() {
    let bob = "arn:aws:iam::111111111111:user/Bob";
    let (role, one) = ("arn:aws:iam::111111111111:role/r", "arn:aws:sts::111111111111:assumed-role/r/s1");
    let listed = denied_but(&["arn:aws:iam::111111111111:root", bob, role, one]);
    for caller in [user(bob), session(one, role)] {
        for (boundary, expected) in [(None, "allow"), (Some(full_access()), "deny in resource-based policy")]
        {
            let scene = Scene {
                resource: Some(listed.clone()),
                identity: vec![full_access()],
                boundary,
                ..Scene::default()
            };
            assert_eq!(scene.ask(caller, "s3:GetObject", OBJECT), expected, "{}", caller.arn);
        }
    }
}
