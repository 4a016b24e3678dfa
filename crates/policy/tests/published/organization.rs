//! Control policies along the tree: at every level something must allow, and a deny anywhere holds below.

use super::*;

const OBJECT: &str = "arn:aws:s3:::bucket/object";

fn ana() -> PrincipalView<'static> {
    user("arn:aws:iam::111111111111:user/ana")
}

fn under(levels: Vec<Vec<Value>>) -> Scene {
    Scene { identity: vec![full_access()], service_control: levels, ..Scene::default() }
}

/// The page's figures and its table: root, unit, account.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html>
#[test]
fn every_level_from_the_root_to_the_account_must_allow() {
    let full = || vec![full_access()];
    let only = |actions: &str| vec![allow(json!(actions), json!("*"))];
    let with_deny = |actions: &str| vec![full_access(), deny(json!(actions), json!("*"))];
    for (levels, s3, ec2) in [
        // FullAWSAccess everywhere.
        (vec![full(), full(), full()], "allow", "allow"),
        // "If this policy is removed and not replaced at any level, all below are blocked from taking any actions."
        (vec![full(), vec![], full()], "no service control policy", "no service control policy"),
        (vec![vec![], full(), full()], "no service control policy", "no service control policy"),
        (vec![full(), full(), vec![]], "no service control policy", "no service control policy"),
        // An allow list at one level filters what comes from above.
        (vec![full(), only("s3:*"), full()], "allow", "no service control policy"),
        (vec![full(), full(), only("ec2:*")], "no service control policy", "allow"),
        (vec![full(), only("s3:*"), only("ec2:*")], "no service control policy", "no service control policy"),
        // "Any permission not explicitly allowed is denied", and what a lower level allows does not come back.
        (vec![only("ec2:*"), full(), full()], "no service control policy", "allow"),
        // A deny list: FullAWSAccess stays, and a deny at any level holds for all below.
        (vec![with_deny("ec2:*"), full(), full()], "allow", "deny in service control policy"),
        (vec![full(), with_deny("ec2:*"), full()], "allow", "deny in service control policy"),
        (vec![full(), full(), with_deny("ec2:*")], "allow", "deny in service control policy"),
        (
            vec![full(), with_deny("s3:*"), with_deny("ec2:*")],
            "deny in service control policy",
            "deny in service control policy",
        ),
        // Of several policies at one level any one suffices.
        (vec![full(), [only("s3:*"), only("ec2:*")].concat(), full()], "allow", "allow"),
    ] {
        let scene = under(levels);
        assert_eq!(scene.ask(ana(), "s3:GetObject", OBJECT), s3);
        assert_eq!(scene.ask(ana(), "ec2:RunInstances", "*"), ec2);
    }
}

/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html#scp-effects-on-permissions>
#[test]
fn control_policies_give_nothing_and_bind_principals_of_accounts() {
    let nothing = Scene { identity: vec![], ..under(vec![vec![full_access()]]) };
    assert_eq!(nothing.ask(ana(), "s3:GetObject", OBJECT), "no identity-based policy");
    let blocked = |resource: &str| Scene {
        resource: Some(document(
            json!([{ "Effect": "Allow", "Principal": resource, "Action": "*", "Resource": "*" }]),
        )),
        ..under(vec![vec![]])
    };
    // Permissions that a resource's policy gives are bound, too; callers of no account are not.
    assert_eq!(blocked("*").ask(ana(), "s3:GetObject", OBJECT), "no service control policy");
    assert_eq!(
        blocked("*").ask(root("arn:aws:iam::111111111111:root"), "s3:GetObject", OBJECT),
        "no service control policy"
    );
    assert_eq!(blocked("*").ask(NOBODY, "s3:GetObject", OBJECT), "allow");
}

/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_examples_general.html>
#[test]
fn regions_and_roles_are_guarded() {
    let regions = document(json!([{ "Sid": "DenyAllOutsideEU", "Effect": "Deny",
        "NotAction": ["iam:*", "organizations:*", "sts:*", "support:*"], "Resource": "*",
        "Condition": { "StringNotEquals": { "aws:RequestedRegion": ["eu-central-1", "eu-west-1"] },
            "ArnNotLike": { "aws:PrincipalARN": ["arn:aws:iam::*:role/Role1AllowedToBypassThisSCP",
                "arn:aws:iam::*:role/Role2AllowedToBypassThisSCP"] } } }]));
    let bypass = session(
        "arn:aws:sts::111111111111:assumed-role/Role1AllowedToBypassThisSCP/s",
        "arn:aws:iam::111111111111:role/Role1AllowedToBypassThisSCP",
    );
    for (caller, action, region, expected) in [
        (ana(), "ec2:RunInstances", "eu-west-1", "allow"),
        (ana(), "ec2:RunInstances", "us-east-1", "deny in service control policy"),
        (ana(), "iam:CreateUser", "us-east-1", "allow"),
        (bypass, "ec2:RunInstances", "us-east-1", "allow"),
    ] {
        let mut scene = under(vec![vec![full_access(), regions.clone()]]);
        scene.context = Context::new().with("aws:RequestedRegion", region);
        assert_eq!(scene.ask(caller, action, "*"), expected, "{action} in {region}");
    }
    // "Prevent IAM users and roles from making specified changes, with an exception for a specified admin role"
    let protected = "arn:aws:iam::111111111111:role/name-of-role-to-deny";
    let guard = document(json!([{ "Sid": "DenyAccessWithException", "Effect": "Deny",
        "Action": ["iam:AttachRolePolicy", "iam:DeleteRole", "iam:UpdateAssumeRolePolicy"],
        "Resource": ["arn:aws:iam::*:role/name-of-role-to-deny"],
        "Condition": { "StringNotLike": { "aws:PrincipalARN": "arn:aws:iam::*:role/name-of-admin-role-to-allow" } } }]));
    let scene = under(vec![vec![full_access(), guard]]);
    let admin = session(
        "arn:aws:sts::111111111111:assumed-role/name-of-admin-role-to-allow/s",
        "arn:aws:iam::111111111111:role/name-of-admin-role-to-allow",
    );
    assert_eq!(scene.ask(ana(), "iam:DeleteRole", protected), "deny in service control policy");
    assert_eq!(scene.ask(ana(), "iam:DeleteRole", "arn:aws:iam::111111111111:role/other"), "allow");
    assert_eq!(scene.ask(admin, "iam:DeleteRole", protected), "allow");
    // "Deny access for the root user"
    let no_root = document(
        json!([{ "Sid": "RestrictEC2ForRoot", "Effect": "Deny", "Action": ["ec2:*"], "Resource": ["*"],
        "Condition": { "StringLike": { "aws:PrincipalArn": ["arn:aws:iam::*:root"] } } }]),
    );
    let scene = under(vec![vec![full_access(), no_root]]);
    assert_eq!(
        scene.ask(root("arn:aws:iam::111111111111:root"), "ec2:RunInstances", "*"),
        "deny in service control policy"
    );
    assert_eq!(scene.ask(ana(), "ec2:RunInstances", "*"), "allow");
}

/// "Restrict access to only HTTPS connections" and "only from your organization".
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_examples.html>
#[test]
fn resource_control_policies_guard_resources_against_everyone() {
    let full = document(json!([{ "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" }]));
    let perimeter = document(json!([
        { "Sid": "EnforceOrgIdentities", "Effect": "Deny", "Principal": "*", "Action": ["s3:*", "sqs:*", "kms:*"], "Resource": "*",
            "Condition": { "StringNotEqualsIfExists": { "aws:PrincipalOrgID": "o-myorganization" },
                "BoolIfExists": { "aws:PrincipalIsAWSService": "false" } } },
        { "Sid": "EnforceSecureTransport", "Effect": "Deny", "Principal": "*", "Action": ["sts:*", "s3:*"], "Resource": "*",
            "Condition": { "BoolIfExists": { "aws:SecureTransport": "false" } } },
    ]));
    let everyone =
        document(json!([{ "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*" }]));
    let service =
        PrincipalView { kind: PrincipalKind::Service, service: Some("logging.s3.amazonaws.com"), ..NOBODY };
    for (caller, organization, secure, expected) in [
        (ana(), Some("o-myorganization"), "true", "allow"),
        (ana(), Some("o-myorganization"), "false", "deny in resource control policy"),
        (ana(), Some("o-another"), "true", "deny in resource control policy"),
        (NOBODY, None, "true", "deny in resource control policy"),
        (service, None, "true", "allow"),
        (service, None, "false", "deny in resource control policy"),
    ] {
        let mut context = Context::new().with("aws:SecureTransport", secure);
        organization.into_iter().for_each(|id| context.add("aws:PrincipalOrgID", id));
        let scene = Scene {
            identity: vec![full_access()],
            resource: Some(everyone.clone()),
            resource_control: vec![vec![full.clone()], vec![full.clone(), perimeter.clone()]],
            context,
            owner: Some(HOME),
            ..Scene::default()
        };
        assert_eq!(
            scene.ask(caller, "s3:GetObject", OBJECT),
            expected,
            "{:?} {organization:?} {secure}",
            caller.kind
        );
    }
}
