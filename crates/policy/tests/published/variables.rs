//! Policy variables, their defaults, and what is not one.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use super::*;

fn david() -> PrincipalView<'static> {
    user("arn:aws:iam::111111111111:user/David")
}

#[test]
fn each_user_has_a_home_in_the_bucket() {
    let homes = document(json!([
        { "Action": ["s3:ListBucket"], "Effect": "Allow", "Resource": ["arn:aws:s3:::mybucket"],
            "Condition": { "StringLike": { "s3:prefix": ["${aws:username}/*"] } } },
        { "Action": ["s3:GetObject", "s3:PutObject"], "Effect": "Allow", "Resource": ["arn:aws:s3:::mybucket/${aws:username}/*"] },
    ]));
    let scene = |prefix: &str| Scene {
        identity: vec![homes.clone()],
        context: Context::new().with("s3:prefix", prefix),
        ..Scene::default()
    };
    let adele = user("arn:aws:iam::111111111111:user/division/Adele");
    for (caller, action, resource, prefix, allowed) in [
        (david(), "s3:GetObject", "arn:aws:s3:::mybucket/David/x", "", true),
        (david(), "s3:GetObject", "arn:aws:s3:::mybucket/Adele/x", "", false),
        (adele, "s3:PutObject", "arn:aws:s3:::mybucket/Adele/x", "", true),
        (david(), "s3:ListBucket", "arn:aws:s3:::mybucket", "David/y", true),
        (david(), "s3:ListBucket", "arn:aws:s3:::mybucket", "Adele/y", false),
        // "Not present" for others than users: the statement does not match.
        (root("arn:aws:iam::111111111111:root"), "s3:GetObject", "arn:aws:s3:::mybucket/x", "", true),
        (
            session("arn:aws:sts::111111111111:assumed-role/r/David", "arn:aws:iam::111111111111:role/r"),
            "s3:GetObject",
            "arn:aws:s3:::mybucket/David/x",
            "",
            false,
        ),
    ] {
        assert_eq!(
            scene(prefix).ask(caller, action, resource) == "allow",
            allowed,
            "{} {action} {resource}",
            caller.arn
        );
    }
    // "Earlier versions treat variables as literal strings."
    for version in [json!("2008-10-17"), Value::Null] {
        let mut old = homes.clone();
        if version.is_null() {
            old.as_object_mut().unwrap().remove("Version");
        } else {
            old["Version"] = version;
        }
        let scene = Scene { identity: vec![old], ..Scene::default() };
        assert_eq!(
            scene.ask(david(), "s3:GetObject", "arn:aws:s3:::mybucket/David/x"),
            "no identity-based policy"
        );
        assert_eq!(scene.ask(david(), "s3:GetObject", "arn:aws:s3:::mybucket/${aws:username}/x"), "allow");
    }
}

/// "To add a default value to a variable, surround it with single quotes, and separate it from the variable with a comma and
/// space": the page's team tag.
#[test]
fn a_default_stands_in_for_what_is_missing() {
    let identity = vec![allow(
        json!("s3:GetObject"),
        json!("arn:aws:s3:::shared/${aws:PrincipalTag/team, 'company-wide'}/*"),
    )];
    for (team, resource, allowed) in [
        (Some("yellow"), "arn:aws:s3:::shared/yellow/x", true),
        (Some("yellow"), "arn:aws:s3:::shared/company-wide/x", false),
        (None, "arn:aws:s3:::shared/company-wide/x", true),
        (None, "arn:aws:s3:::shared/yellow/x", false),
    ] {
        let context = team.map(|it| Context::new().with("aws:PrincipalTag/team", it)).unwrap_or_default();
        let scene = Scene { identity: identity.clone(), context, ..Scene::default() };
        assert_eq!(scene.ask(david(), "s3:GetObject", resource) == "allow", allowed, "{team:?} {resource}");
    }
}

/// "Information available in all requests": the table of `aws:username`, `aws:userid` and `aws:PrincipalType`.
#[test]
fn principal_key_values() {
    let role = session("arn:aws:sts::111111111111:assumed-role/r/caller", "arn:aws:iam::111111111111:role/r");
    let federated = PrincipalView {
        kind: PrincipalKind::Federated,
        user_id: "111111111111:bob",
        ..user("arn:aws:sts::111111111111:federated-user/bob")
    };
    for (caller, key, value) in [
        (root("arn:aws:iam::111111111111:root"), "aws:PrincipalType", Some("Account")),
        (root("arn:aws:iam::111111111111:root"), "aws:userid", Some("111111111111")),
        (root("arn:aws:iam::111111111111:root"), "aws:username", None),
        (david(), "aws:PrincipalType", Some("User")),
        (david(), "aws:userid", Some("AIDAEXAMPLE")),
        (david(), "aws:username", Some("David")),
        (federated, "aws:PrincipalType", Some("FederatedUser")),
        (federated, "aws:userid", Some("111111111111:bob")),
        (federated, "aws:username", None),
        (role, "aws:PrincipalType", Some("AssumedRole")),
        (role, "aws:userid", Some("AROAEXAMPLE:session")),
        (role, "aws:username", None),
        (NOBODY, "aws:PrincipalType", Some("Anonymous")),
        (NOBODY, "aws:userid", None),
        (NOBODY, "aws:username", None),
        // For a session, the role's ARN: <…/reference_policies_condition-keys.html#condition-keys-principalarn>
        (role, "aws:PrincipalArn", Some("arn:aws:iam::111111111111:role/r")),
        (david(), "aws:PrincipalArn", Some("arn:aws:iam::111111111111:user/David")),
    ] {
        let condition = match value {
            Some(value) => json!({ "StringEquals": { key: value } }),
            None => json!({ "Null": { key: "true" } }),
        };
        let resource = Some(document(
            json!([{ "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": condition }]),
        ));
        let scene = Scene { resource, identity: vec![full_access()], ..Scene::default() };
        let said = scene.ask(caller, "s3:GetObject", "arn:aws:s3:::b/o");
        assert_eq!(said, "deny in resource-based policy", "{:?} {key}", caller.kind);
    }
}

/// "Use `${*}`, `${?}` and `${$}` for the characters themselves", and values are never patterns.
#[test]
fn characters_that_would_be_special() {
    let scene = |resource: &str| Scene {
        identity: vec![allow(json!("s3:GetObject"), json!(resource))],
        ..Scene::default()
    };
    for (pattern, resource, allowed) in [
        ("arn:aws:s3:::b/a${*}c", "arn:aws:s3:::b/a*c", true),
        ("arn:aws:s3:::b/a${*}c", "arn:aws:s3:::b/abc", false),
        ("arn:aws:s3:::b/a${?}c", "arn:aws:s3:::b/a?c", true),
        ("arn:aws:s3:::b/a${?}c", "arn:aws:s3:::b/abc", false),
        ("arn:aws:s3:::b/${$}{x}", "arn:aws:s3:::b/${x}", true),
    ] {
        assert_eq!(
            scene(pattern).ask(david(), "s3:GetObject", resource) == "allow",
            allowed,
            "{pattern} {resource}"
        );
    }
}

/// "You can use a policy variable with the Boolean condition operator"; with numbers, dates, addresses and bytes you cannot.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Boolean>
#[test]
fn of_operators_that_compare_no_text_bool_alone_takes_variables() {
    let bool = json!({ "Bool": { "aws:SecureTransport": "${aws:PrincipalTag/encrypted}" } });
    for (tag, secure, fits) in
        [("true", "true", true), ("True", "true", true), ("false", "true", false), ("false", "false", true)]
    {
        let context =
            Context::new().with("aws:PrincipalTag/encrypted", tag).with("aws:SecureTransport", secure);
        assert_eq!(applies(&bool, &context), fits, "{tag} {secure}");
    }
    // What is not there is not compared, with a variable or without; a default stands in for it.
    assert!(!applies(&bool, &Context::new().with("aws:PrincipalTag/encrypted", "true")));
    let default = json!({ "Bool": { "aws:SecureTransport": "${aws:PrincipalTag/encrypted, 'true'}" } });
    assert!(applies(&default, &Context::new().with("aws:SecureTransport", "true")));
    for (operator, variable) in [
        ("NumericEquals", "${s3:max-keys}"),
        ("DateLessThan", "${aws:CurrentTime}"),
        ("IpAddress", "${aws:SourceIp}"),
        ("BinaryEquals", "${aws:userid}"),
        ("Null", "${aws:SecureTransport}"),
        ("Bool", "yes"),
    ] {
        let statement = json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*",
            "Condition": { operator: { "k:key": variable } } }]);
        let refused = Policy::parse(&document(statement).to_string(), PolicyKind::Identity);
        assert_eq!(refused.unwrap_err().to_string(), "The policy failed legacy parsing", "{operator}");
    }
}
