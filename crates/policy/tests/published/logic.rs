//! One account: the flow chart, and what a resource's policy does about implicit denies elsewhere.

use super::*;

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html>
#[test]
fn carlos_saves_a_file() {
    let carlos = user("arn:aws:iam::111111111111:user/carlossalazar");
    let scene = Scene {
        identity: vec![document(json!([
            { "Sid": "AllowS3ListRead", "Effect": "Allow",
                "Action": ["s3:GetBucketLocation", "s3:GetAccountPublicAccessBlock", "s3:ListAccessPoints", "s3:ListAllMyBuckets"],
                "Resource": "arn:aws:s3:::*" },
            { "Sid": "AllowS3Self", "Effect": "Allow", "Action": "s3:*",
                "Resource": ["arn:aws:s3:::carlossalazar/*", "arn:aws:s3:::carlossalazar"] },
            { "Sid": "DenyS3Logs", "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*log*" },
        ]))],
        resource: Some(document(json!([{ "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::111111111111:user/carlossalazar" }, "Action": "s3:*",
            "Resource": ["arn:aws:s3:::carlossalazar/*", "arn:aws:s3:::carlossalazar"] }]))),
        ..Scene::default()
    };
    for (action, resource, expected) in [
        ("s3:PutObject", "arn:aws:s3:::carlossalazar-logs/file", "deny in identity-based policy"),
        ("s3:PutObject", "arn:aws:s3:::carlossalazar/file", "allow"),
        ("s3:GetBucketLocation", "arn:aws:s3:::another", "allow"),
        ("s3:GetBucketLocation", "arn:aws:s3:::another-log", "deny in identity-based policy"),
        ("s3:PutObject", "arn:aws:s3:::another/file", "no identity-based policy"),
    ] {
        assert_eq!(scene.ask(carlos, action, resource), expected, "{action} on {resource}");
    }
    // "If one of the policy types allows the request and the other doesn't, the request is still allowed."
    let file = ("s3:PutObject", "arn:aws:s3:::carlossalazar/file");
    for scene in [Scene { resource: None, ..scene.clone() }, Scene { identity: vec![], ..scene.clone() }] {
        assert_eq!(scene.ask(carlos, file.0, file.1), "allow");
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html>
#[test]
fn explicit_and_implicit_denies_differ() {
    let reader = document(json!([
        { "Sid": "AllowGetList", "Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*" },
        { "Sid": "DenyReports", "Effect": "Deny", "Action": "iam:*Report", "Resource": "*" },
    ]));
    let more = allow(json!("iam:GenerateCredentialReport"), json!("*"));
    let ana = user("arn:aws:iam::111111111111:user/ana");
    let scene = Scene { identity: vec![reader, more], ..Scene::default() };
    for (action, expected) in [
        ("iam:GetUser", "allow"),
        ("iam:CreatePolicy", "no identity-based policy"),
        ("iam:GetOrganizationsAccessReport", "deny in identity-based policy"),
        ("iam:GenerateCredentialReport", "deny in identity-based policy"),
    ] {
        assert_eq!(scene.ask(ana, action, "*"), expected, "{action}");
    }
}

const OBJECT: &str = "arn:aws:s3:::bucket/object";
const USER: &str = "arn:aws:iam::111111111111:user/exampleuser";
const ROLE: &str = "arn:aws:iam::111111111111:role/examplerole";
const SESSION: &str = "arn:aws:sts::111111111111:assumed-role/examplerole/examplerolesessionname";
const FEDERATED: &str = "arn:aws:sts::111111111111:federated-user/exampleuser";

fn bucket_policy(principal: &str) -> Option<Value> {
    Some(document(
        json!([{ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "s3:*", "Resource": "*" }]),
    ))
}

/// The chart's boxes in their order: with everything in place the request passes, and with each thing taken away in turn it
/// stops there. <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>
#[test]
fn each_branch_of_the_flow_chart() {
    let everyone = document(json!([{ "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" }]));
    let all = Scene {
        identity: vec![full_access()],
        boundary: Some(full_access()),
        session: vec![full_access()],
        service_control: vec![vec![full_access()], vec![full_access()]],
        resource_control: vec![vec![everyone.clone()], vec![everyone]],
        ..Scene::default()
    };
    let denial = deny(json!("s3:*"), json!("*"));
    let mut denial_to_all = denial.clone();
    denial_to_all["Statement"][0]["Principal"] = json!("*");
    let elsewhere = allow(json!("ec2:*"), json!("*"));
    let mut elsewhere_to_all = elsewhere.clone();
    elsewhere_to_all["Statement"][0]["Principal"] = json!("*");
    let change = |change: &dyn Fn(&mut Scene)| {
        let mut scene = all.clone();
        change(&mut scene);
        scene
    };
    let role_session = session(SESSION, ROLE);
    for (scene, expected) in [
        (all.clone(), "allow"),
        // Explicit denies, anywhere.
        (change(&|it| it.resource_control[1].push(denial_to_all.clone())), "deny in resource control policy"),
        (change(&|it| it.service_control[0].push(denial.clone())), "deny in service control policy"),
        (change(&|it| it.resource = Some(denial_to_all.clone())), "deny in resource-based policy"),
        (change(&|it| it.identity.push(denial.clone())), "deny in identity-based policy"),
        (change(&|it| it.boundary = Some(denial.clone())), "deny in permissions boundary"),
        (change(&|it| it.session.push(denial.clone())), "deny in session policy"),
        // Nothing that allows.
        (change(&|it| it.resource_control[0] = vec![elsewhere_to_all.clone()]), "no resource control policy"),
        (change(&|it| it.resource_control[1] = vec![]), "no resource control policy"),
        (change(&|it| it.service_control[0] = vec![elsewhere.clone()]), "no service control policy"),
        (change(&|it| it.service_control[1] = vec![]), "no service control policy"),
        (change(&|it| it.identity = vec![elsewhere.clone()]), "no identity-based policy"),
        (change(&|it| it.identity = vec![]), "no identity-based policy"),
        (change(&|it| it.boundary = Some(elsewhere.clone())), "no permissions boundary"),
        (change(&|it| it.session = vec![elsewhere.clone()]), "no session policy"),
        // What is not there does not limit.
        (change(&|it| it.boundary = None), "allow"),
        (change(&|it| it.session = vec![]), "allow"),
        (change(&|it| it.service_control = vec![]), "allow"),
        (change(&|it| it.resource_control = vec![]), "allow"),
        // The resource's policy, where the identity's says nothing.
        (change(&|it| (it.identity, it.resource) = (vec![], bucket_policy(ROLE))), "allow"),
        (
            change(&|it| (it.identity, it.resource) = (vec![], bucket_policy(HOME))),
            "no identity-based policy",
        ),
    ] {
        assert_eq!(scene.ask(role_session, "s3:GetObject", OBJECT), expected);
    }
    // "All requests are implicitly denied with the exception of the AWS account root user, which has full access."
    let bare = Scene::default();
    assert_eq!(bare.ask(root("arn:aws:iam::111111111111:root"), "s3:GetObject", OBJECT), "allow");
    assert_eq!(bare.ask(user(USER), "s3:GetObject", OBJECT), "no identity-based policy");
    assert_eq!(bare.ask(NOBODY, "s3:GetObject", OBJECT), "no resource-based policy");
    // SCPs bind even the root user of a member account.
    let scene = Scene { service_control: vec![vec![elsewhere]], ..Scene::default() };
    assert_eq!(
        scene.ask(root("arn:aws:iam::111111111111:root"), "s3:GetObject", OBJECT),
        "no service control policy"
    );
}

/// The page's table of principals: what a resource-based policy that names them does where the others deny implicitly.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>
#[test]
fn resource_policies_and_implicit_denies_in_other_policies() {
    let elsewhere = allow(json!("ec2:*"), json!("*"));
    let (user, role_session) = (user(USER), session(SESSION, ROLE));
    let federated = PrincipalView { kind: PrincipalKind::Federated, ..super::user(FEDERATED) };
    for (caller, named, by_identity, by_boundary, by_session) in [
        // An IAM user: not limited by identity policies or the boundary.
        (user, USER, "allow", "allow", "allow"),
        // A role's ARN: limited by the boundary and session policies.
        (role_session, ROLE, "allow", "no permissions boundary", "no session policy"),
        // A role session's ARN: limited by none.
        (role_session, SESSION, "allow", "allow", "allow"),
        // A federated user session's ARN: limited by none.
        (federated, FEDERATED, "allow", "allow", "allow"),
        // The account: the identity's policies must allow.
        (user, HOME, "no identity-based policy", "no permissions boundary", "no session policy"),
        (role_session, HOME, "no identity-based policy", "no permissions boundary", "no session policy"),
    ] {
        let resource = bucket_policy(named);
        let identity = || vec![full_access()];
        let scenes = [
            (Scene { resource: resource.clone(), ..Scene::default() }, by_identity),
            (
                Scene {
                    identity: identity(),
                    boundary: Some(elsewhere.clone()),
                    resource: resource.clone(),
                    ..Scene::default()
                },
                by_boundary,
            ),
            (
                Scene {
                    identity: identity(),
                    session: vec![elsewhere.clone()],
                    resource,
                    ..Scene::default()
                },
                by_session,
            ),
        ];
        for (scene, expected) in scenes {
            assert_eq!(
                scene.ask(caller, "s3:GetObject", OBJECT),
                expected,
                "{} named as {named}",
                caller.arn
            );
        }
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>
#[test]
fn shirley_is_bound() {
    let shirley = user("arn:aws:iam::111111111111:user/ShirleyRodriguez");
    let boundary = Some(allow(json!(["s3:*", "cloudwatch:*", "ec2:*"]), json!("*")));
    let bound = |identity: Vec<Value>| Scene { identity, boundary: boundary.clone(), ..Scene::default() };
    let creator = allow(json!("iam:CreateUser"), json!("*"));
    assert_eq!(bound(vec![creator]).ask(shirley, "iam:CreateUser", "*"), "no permissions boundary");
    assert_eq!(bound(vec![]).ask(shirley, "s3:GetObject", OBJECT), "no identity-based policy");
    let reader = allow(json!("s3:GetObject"), json!("*"));
    assert_eq!(bound(vec![reader]).ask(shirley, "s3:GetObject", OBJECT), "allow");
}

/// María lets Zhang make users within a boundary.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate>
#[test]
fn zhang_makes_users_within_a_boundary() {
    let zhang = user("arn:aws:iam::111111111111:user/Zhang");
    let required = "arn:aws:iam::111111111111:policy/XCompanyBoundaries";
    let boundary = document(json!([
        { "Sid": "CreateOrChangeOnlyWithBoundary", "Effect": "Allow",
            "Action": ["iam:AttachUserPolicy", "iam:CreateUser", "iam:DeleteUserPolicy", "iam:DetachUserPolicy",
                "iam:PutUserPermissionsBoundary", "iam:PutUserPolicy"],
            "Resource": "*", "Condition": { "StringEquals": { "iam:PermissionsBoundary": required } } },
        { "Sid": "CloudWatchAndOtherIAMTasks", "Effect": "Allow",
            "Action": ["cloudwatch:*", "iam:CreateAccessKey", "iam:CreatePolicy", "iam:DeletePolicy", "iam:Get*Policy"],
            "Resource": "*" },
        { "Sid": "NoBoundaryPolicyEdit", "Effect": "Deny",
            "Action": ["iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:SetDefaultPolicyVersion"],
            "Resource": [required, "arn:aws:iam::111111111111:policy/DelegatedUserBoundary"] },
        { "Sid": "NoBoundaryUserDelete", "Effect": "Deny", "Action": "iam:DeleteUserPermissionsBoundary", "Resource": "*" },
    ]));
    let permissions = document(json!([
        { "Sid": "IAM", "Effect": "Allow", "Action": "iam:*", "Resource": "*" },
        { "Sid": "CloudWatchLimited", "Effect": "Allow", "Action": ["cloudwatch:GetDashboard"], "Resource": "*" },
        { "Sid": "S3BucketContents", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::ZhangBucket" },
    ]));
    let nikhil = "arn:aws:iam::111111111111:user/Nikhil";
    let with = |policy: Option<&str>| {
        let context =
            policy.map(|arn| Context::new().with("iam:PermissionsBoundary", arn)).unwrap_or_default();
        Scene {
            identity: vec![permissions.clone()],
            boundary: Some(boundary.clone()),
            context,
            ..Scene::default()
        }
    };
    for (bound_by, action, resource, expected) in [
        (Some(required), "iam:CreateUser", nikhil, "allow"),
        (None, "iam:CreateUser", nikhil, "no permissions boundary"),
        (
            Some("arn:aws:iam::111111111111:policy/Another"),
            "iam:CreateUser",
            nikhil,
            "no permissions boundary",
        ),
        (Some(required), "iam:AttachUserPolicy", nikhil, "allow"),
        (None, "iam:CreateAccessKey", nikhil, "allow"),
        (None, "iam:DeleteUserPermissionsBoundary", nikhil, "deny in permissions boundary"),
        (None, "iam:DeletePolicy", required, "deny in permissions boundary"),
        (None, "iam:DeletePolicy", "arn:aws:iam::111111111111:policy/Another", "allow"),
        (None, "iam:CreateGroup", "arn:aws:iam::111111111111:group/g", "no permissions boundary"),
        (None, "cloudwatch:GetDashboard", "*", "allow"),
        (None, "cloudwatch:PutDashboard", "*", "no identity-based policy"),
        // "The S3 permission does nothing: the boundary does not allow it."
        (None, "s3:ListBucket", "arn:aws:s3:::ZhangBucket", "no permissions boundary"),
    ] {
        assert_eq!(with(bound_by).ask(zhang, action, resource), expected, "{action} {bound_by:?}");
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session>
#[test]
fn session_policies_intersect_with_the_roles_own() {
    let role_session = session(SESSION, ROLE);
    let identity = vec![allow(json!(["s3:GetObject", "s3:PutObject"]), json!("*"))];
    let scene = Scene {
        identity,
        session: vec![allow(json!(["s3:GetObject", "s3:DeleteObject"]), json!("*"))],
        ..Scene::default()
    };
    for (action, expected) in [
        ("s3:GetObject", "allow"),
        ("s3:PutObject", "no session policy"),
        ("s3:DeleteObject", "no identity-based policy"),
    ] {
        assert_eq!(scene.ask(role_session, action, OBJECT), expected, "{action}");
    }
    // Several session policies allow together what any of them allows.
    let both = Scene {
        session: vec![allow(json!("s3:GetObject"), json!("*")), allow(json!("s3:PutObject"), json!("*"))],
        ..scene
    };
    assert_eq!(both.ask(role_session, "s3:PutObject", OBJECT), "allow");
}

/// "The principal ARN that is specified in the policy determines whether implicit denies in other policy types are applicable":
/// of several statements that fit, the one that names the caller most closely, wherever it stands.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>
#[test]
fn of_several_statements_the_closest_counts() {
    let role_session = session(SESSION, ROLE);
    let names = [json!({ "AWS": HOME }), json!("*"), json!({ "AWS": ROLE }), json!({ "AWS": SESSION })];
    let statement = |principal: &Value| json!({ "Effect": "Allow", "Principal": principal, "Action": "s3:*", "Resource": "*" });
    let elsewhere = || allow(json!("ec2:*"), json!("*"));
    for (first, second) in [(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)] {
        for order in [[first, second], [second, first]] {
            let resource = Some(document(order.iter().map(|at| statement(&names[*at])).collect()));
            let scene = Scene { resource, ..Scene::default() };
            assert_eq!(scene.ask(role_session, "s3:GetObject", OBJECT), "allow", "{order:?}");
            // Nothing but the session's own name passes its session policies by.
            let narrowed = Scene { session: vec![elsewhere()], ..scene };
            let expected = if second == 3 { "allow" } else { "no session policy" };
            assert_eq!(narrowed.ask(role_session, "s3:GetObject", OBJECT), expected, "{order:?}");
        }
    }
}

/// "Permissions boundaries and session policies do not limit permissions granted using the aws:PrincipalArn condition key with
/// a wildcard(*) in the Principal element, unless the identity-based policies contain an explicit deny."
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles>
#[test]
fn who_is_named_by_a_condition_is_named() {
    let elsewhere = allow(json!("ec2:*"), json!("*"));
    let another = "arn:aws:iam::111111111111:user/another";
    let ask = |operator: &str, principal: Value, identity: Vec<Value>, caller| {
        // What excludes some holds for all the others.
        let listed = if operator.contains("Not") { json!([another]) } else { json!([USER, ROLE]) };
        let resource =
            document(json!([{ "Effect": "Allow", "Principal": principal, "Action": "s3:*", "Resource": "*",
            "Condition": { operator: { "aws:PrincipalArn": listed } } }]));
        let (boundary, session) = (Some(elsewhere.clone()), vec![elsewhere.clone()]);
        let scene = Scene { identity, resource: Some(resource), boundary, session, ..Scene::default() };
        scene.ask(caller, "s3:GetObject", OBJECT)
    };
    for caller in [user(USER), session(SESSION, ROLE)] {
        for principal in [json!("*"), json!({ "AWS": "*" })] {
            for operator in ["ArnEquals", "ArnLike", "StringEquals", "StringLike", "ForAnyValue:ArnLike"] {
                assert_eq!(ask(operator, principal.clone(), vec![], caller), "allow", "{operator}");
                let denied = ask(operator, principal.clone(), vec![deny(json!("s3:*"), json!("*"))], caller);
                assert_eq!(denied, "deny in identity-based policy");
            }
            // Others hold for callers whom they do not list.
            for operator in [
                "ArnEqualsIfExists",
                "StringLikeIfExists",
                "ForAllValues:ArnLike",
                "ArnNotLike",
                "StringNotEquals",
            ] {
                let limited = ask(operator, principal.clone(), vec![], caller);
                assert_eq!(limited, "no permissions boundary", "{operator}");
            }
        }
        let named = ask("ArnEquals", json!({ "AWS": "111111111111" }), vec![full_access()], caller);
        assert_eq!(named, "no permissions boundary");
    }
    assert_eq!(ask("ArnEquals", json!("*"), vec![], user(another)), "no identity-based policy");
}

/// "If a resource-based policy grants permission to the ARN of the IAM user who federated, then requests made by the federated
/// user during the session are limited by an implicit deny in a permission boundary or session policy."
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html>
#[test]
fn who_names_a_user_means_the_sessions_that_it_lends_its_rights_to() {
    let lender = Some(Lender { arn: USER, user_id: "AIDAEXAMPLEEXAMPLE99" });
    let federated = PrincipalView { kind: PrincipalKind::Federated, lender, ..user(FEDERATED) };
    let elsewhere = allow(json!("ec2:*"), json!("*"));
    for name in [USER, "AIDAEXAMPLEEXAMPLE99"] {
        let given = Scene { resource: bucket_policy(name), session: vec![full_access()], ..Scene::default() };
        assert_eq!(given.ask(federated, "s3:GetObject", OBJECT), "allow", "{name}");
        let limited = Scene { session: vec![elsewhere.clone()], ..given.clone() };
        assert_eq!(limited.ask(federated, "s3:GetObject", OBJECT), "no session policy");
        let bounded = Scene { boundary: Some(elsewhere.clone()), ..given.clone() };
        assert_eq!(bounded.ask(federated, "s3:GetObject", OBJECT), "no permissions boundary");
        let mut denied = bucket_policy(name).unwrap();
        denied["Statement"][0]["Effect"] = json!("Deny");
        let denied = Scene { resource: Some(denied), identity: vec![full_access()], ..given };
        assert_eq!(denied.ask(federated, "s3:GetObject", OBJECT), "deny in resource-based policy", "{name}");
    }
    let spared = |names: Value| {
        let policy = document(json!([
            { "Effect": "Deny", "NotPrincipal": { "AWS": names }, "Action": "s3:*", "Resource": "*" }]));
        let scene = Scene {
            resource: Some(policy),
            identity: vec![full_access()],
            session: vec![full_access()],
            ..Scene::default()
        };
        scene.ask(federated, "s3:GetObject", OBJECT)
    };
    assert_eq!(spared(json!(["111111111111", USER, FEDERATED])), "allow");
    for names in [json!([USER, FEDERATED]), json!(["111111111111", FEDERATED]), json!(["111111111111", USER])]
    {
        assert_eq!(spared(names), "deny in resource-based policy");
    }
}
