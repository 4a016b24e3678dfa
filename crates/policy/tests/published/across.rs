//! Two accounts: both must allow, whoever is named and however.

use super::*;

const CARLOS: &str = "arn:aws:iam::111111111111:user/carlossalazar";

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html>
#[test]
fn carlos_saves_a_file_in_another_account() {
    let identity = vec![document(json!([
        { "Sid": "AllowS3ListRead", "Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*" },
        { "Sid": "AllowS3ProductionObjectActions", "Effect": "Allow", "Action": "s3:*Object*",
            "Resource": "arn:aws:s3:::Production/*" },
        { "Sid": "DenyS3Logs", "Effect": "Deny", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::*log*", "arn:aws:s3:::*log*/*"] },
    ]))];
    let production = document(json!([{ "Effect": "Allow",
        "Action": ["s3:GetObject*", "s3:PutObject*", "s3:ReplicateObject", "s3:RestoreObject"],
        "Principal": { "AWS": CARLOS }, "Resource": "arn:aws:s3:::Production/*" }]));
    let carlos = user(CARLOS);
    let scene = |resource: Option<&Value>| Scene {
        identity: identity.clone(),
        resource: resource.cloned(),
        owner: Some(AWAY),
        ..Scene::default()
    };
    for (policy, action, resource, expected) in [
        // The first request of the page: no bucket policy there, and an explicit deny here.
        (None, "s3:PutObject", "arn:aws:s3:::Production-logs/file", "deny in identity-based policy"),
        // The second.
        (Some(&production), "s3:PutObject", "arn:aws:s3:::Production/file", "allow"),
        // "He can create and edit, but not delete the objects. He can't manage the bucket itself."
        (Some(&production), "s3:GetObjectAcl", "arn:aws:s3:::Production/file", "allow"),
        (Some(&production), "s3:DeleteObject", "arn:aws:s3:::Production/file", "no resource-based policy"),
        (Some(&production), "s3:DeleteBucket", "arn:aws:s3:::Production", "no resource-based policy"),
        // Without the other side nothing passes.
        (None, "s3:PutObject", "arn:aws:s3:::Production/file", "no resource-based policy"),
        (Some(&production), "s3:RestoreObject", "arn:aws:s3:::Production/file", "allow"),
    ] {
        assert_eq!(scene(policy).ask(carlos, action, resource), expected, "{action} on {resource}");
    }
    let without = Scene { identity: vec![], ..scene(Some(&production)) };
    assert_eq!(
        without.ask(carlos, "s3:PutObject", "arn:aws:s3:::Production/file"),
        "no identity-based policy"
    );
    let other = scene(Some(&production)).ask(
        user("arn:aws:iam::111111111111:user/other"),
        "s3:PutObject",
        "arn:aws:s3:::Production/file",
    );
    assert_eq!(other, "no resource-based policy");
}

/// Whoever the other account names, the caller's own account must allow, too; the short cuts hold at home alone.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html>
#[test]
fn naming_the_caller_closely_does_not_spare_its_own_account() {
    let role = "arn:aws:iam::111111111111:role/app";
    let by_role = "arn:aws:sts::111111111111:assumed-role/app/one";
    let elsewhere = || allow(json!("ec2:*"), json!("*"));
    for (caller, names) in [
        (user(CARLOS), ["111111111111", "arn:aws:iam::111111111111:root", CARLOS]),
        (session(by_role, role), ["111111111111", role, by_role]),
    ] {
        for name in names {
            let resource = document(
                json!([{ "Effect": "Allow", "Principal": { "AWS": name }, "Action": "s3:*", "Resource": "*" }]),
            );
            let full = Scene {
                identity: vec![full_access()],
                resource: Some(resource),
                owner: Some(AWAY),
                ..Scene::default()
            };
            for (scene, expected) in [
                (full.clone(), "allow"),
                (Scene { identity: vec![], ..full.clone() }, "no identity-based policy"),
                (Scene { boundary: Some(elsewhere()), ..full.clone() }, "no permissions boundary"),
                (Scene { session: vec![elsewhere()], ..full.clone() }, "no session policy"),
                (
                    Scene { service_control: vec![vec![elsewhere()]], ..full.clone() },
                    "no service control policy",
                ),
                (Scene { resource: None, ..full.clone() }, "no resource-based policy"),
            ] {
                assert_eq!(
                    scene.ask(caller, "s3:GetObject", "arn:aws:s3:::b/o"),
                    expected,
                    "named as {name}"
                );
            }
        }
    }
}

/// The third party's role and its external id.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html>
#[test]
fn a_third_party_says_its_external_id() {
    let trust = document(
        json!([{ "Effect": "Allow", "Principal": { "AWS": "222222222222" }, "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "sts:ExternalId": "12345" } } }]),
    );
    let assume = |external_id: Option<&str>, identity: Vec<Value>| {
        let context = external_id.map(|id| Context::new().with("sts:ExternalId", id)).unwrap_or_default();
        let scene =
            Scene { trust: Some(trust.clone()), identity, context, owner: Some(HOME), ..Scene::default() };
        scene.ask(
            user("arn:aws:iam::222222222222:user/example-corp"),
            "sts:AssumeRole",
            "arn:aws:iam::111111111111:role/theirs",
        )
    };
    let leave = || vec![allow(json!("sts:AssumeRole"), json!("*"))];
    assert_eq!(assume(Some("12345"), leave()), "allow");
    assert_eq!(assume(Some("54321"), leave()), "no role trust policy");
    assert_eq!(assume(None, leave()), "no role trust policy");
    assert_eq!(assume(Some("12345"), vec![]), "no identity-based policy");
}

/// A service acts for the one it says: `aws:SourceArn` and `aws:SourceAccount`.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>
#[test]
fn a_service_is_not_a_confused_deputy() {
    let service =
        |name: &'static str| PrincipalView { kind: PrincipalKind::Service, service: Some(name), ..NOBODY };
    let resource =
        document(json!([{ "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" },
        "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/*",
        "Condition": { "ArnLike": { "aws:SourceArn": "arn:aws:cloudtrail:*:111111111111:trail/*" },
            "StringEquals": { "aws:SourceAccount": "111111111111" } } }]));
    let write = |name, arn: Option<&str>, account: Option<&str>| {
        let mut context = Context::new();
        arn.into_iter().for_each(|arn| context.add("aws:SourceArn", arn));
        account.into_iter().for_each(|account| context.add("aws:SourceAccount", account));
        let scene = Scene { resource: Some(resource.clone()), context, ..Scene::default() };
        scene.ask(service(name), "s3:PutObject", "arn:aws:s3:::logs/x")
    };
    let (trail, theirs) = (
        "arn:aws:cloudtrail:us-east-1:111111111111:trail/t",
        "arn:aws:cloudtrail:us-east-1:222222222222:trail/t",
    );
    let trails = "cloudtrail.amazonaws.com";
    assert_eq!(write(trails, Some(trail), Some(HOME)), "allow");
    for (name, arn, account) in [
        (trails, Some(theirs), Some(HOME)),
        (trails, Some(trail), Some(AWAY)),
        (trails, None, Some(HOME)),
        (trails, Some(trail), None),
        ("config.amazonaws.com", Some(trail), Some(HOME)),
    ] {
        assert_eq!(write(name, arn, account), "no resource-based policy", "{name} {arn:?} {account:?}");
    }
}
