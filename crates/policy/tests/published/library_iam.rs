//! The user guide's library of example policies, IAM's, S3's and those by tag: as the pages have them.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_examples.html>

use super::*;

const BOB: &str = "arn:aws:iam::111111111111:user/bob";

fn lets(policy: &Value, action: &str, resource: &str, context: Context) -> bool {
    let scene = Scene { identity: vec![policy.clone()], context, ..Scene::default() };
    scene.ask(user("arn:aws:iam::111111111111:user/ana"), action, resource) == "allow"
}

/// A request's tags, with their keys.
fn tags(given: &[(&str, &str)]) -> Context {
    let keys = given.iter().map(|(key, _)| *key);
    let context = Context::new().with_all("aws:TagKeys", keys);
    given.iter().fold(context, |context, (key, value)| context.with(format!("aws:RequestTag/{key}"), *value))
}

/// `reference_policies_examples_iam-add-tag`
#[test]
fn a_manager_belongs_to_one_of_three_departments() {
    let policy = document(json!([
        { "Effect": "Allow", "Action": ["iam:ListUserTags", "iam:ListUsers"], "Resource": "*" },
        { "Sid": "TagManagerWithSpecificDepartment", "Effect": "Allow", "Action": "iam:TagUser", "Resource": "*",
            "Condition": { "StringEquals": { "iam:ResourceTag/JobFunction": "Manager",
                    "aws:RequestTag/Department": ["Marketing", "Development", "QualityAssurance"] },
                "ForAllValues:StringEquals": { "aws:TagKeys": "Department" } } },
    ]));
    for (given, job, expected) in [
        (vec![("Department", "Marketing")], Some("Manager"), true),
        (vec![("Department", "Sales")], Some("Manager"), false),
        (vec![("Department", "Marketing")], Some("Intern"), false),
        (vec![("Department", "Marketing")], None, false),
        // "The only tag key in the request must be Department."
        (vec![("Department", "Marketing"), ("Project", "x")], Some("Manager"), false),
        (vec![("Project", "x")], Some("Manager"), false),
    ] {
        let context = tags(&given).with_all("iam:ResourceTag/JobFunction", job);
        assert_eq!(lets(&policy, "iam:TagUser", BOB, context), expected, "{given:?} {job:?}");
    }
}

/// `reference_policies_examples_iam-add-tag-user-role`, `iam-new-user-tag` and `iam-manage-tags`
#[test]
fn tags_from_lists() {
    let add = document(
        json!([{ "Sid": "AddTag", "Effect": "Allow", "Action": ["iam:TagUser", "iam:TagRole"], "Resource": "*",
        "Condition": { "StringEquals": { "aws:RequestTag/CostCenter": ["A-123", "B-456"] },
            "ForAllValues:StringEquals": { "aws:TagKeys": "CostCenter" } } }]),
    );
    let new = document(
        json!([{ "Sid": "TagUsersWithOnlyTheseTags", "Effect": "Allow", "Action": ["iam:CreateUser", "iam:TagUser"],
        "Resource": "*", "Condition": {
            "StringEqualsIfExists": { "aws:RequestTag/Department": ["Development", "QualityAssurance"], "aws:RequestTag/JobFunction": "Employee" },
            "ForAllValues:StringEquals": { "aws:TagKeys": ["Department", "JobFunction"] } } }]),
    );
    let manage =
        document(json!({ "Effect": "Allow", "Action": ["iam:TagUser", "iam:UntagUser"], "Resource": "*",
        "Condition": { "ForAllValues:StringEquals": { "aws:TagKeys": "Department" } } }));
    for (policy, action, given, expected) in [
        (&add, "iam:TagRole", vec![("CostCenter", "A-123")], true),
        (&add, "iam:TagRole", vec![("CostCenter", "a-123")], false),
        (&add, "iam:TagRole", vec![("CostCenter", "A-123"), ("x", "y")], false),
        (&add, "iam:TagRole", vec![], false),
        (&new, "iam:CreateUser", vec![("Department", "QualityAssurance")], true),
        (&new, "iam:CreateUser", vec![("Department", "Development"), ("JobFunction", "Employee")], true),
        (&new, "iam:CreateUser", vec![("JobFunction", "employee"), ("Project", "core")], false),
        (&new, "iam:CreateUser", vec![("Department", "Sales")], false),
        // "If neither key is present, then this condition is evaluated as true."
        (&new, "iam:CreateUser", vec![], true),
        (&manage, "iam:UntagUser", vec![("Department", "")], true),
        (&manage, "iam:UntagUser", vec![("Department", ""), ("Project", "")], false),
    ] {
        assert_eq!(lets(policy, action, BOB, tags(&given)), expected, "{action} {given:?}");
    }
}

/// `reference_policies_examples_iam_limit-managed`, `iam_policy-sim`, `iam_policy-sim-path` and `iam_credentials_console`
#[test]
fn policies_that_may_be_attached_and_simulated() {
    let limit = document(json!([
        { "Effect": "Allow", "Action": ["iam:CreateUser", "iam:ListPolicies"], "Resource": "*" },
        { "Effect": "Allow", "Action": ["iam:AttachUserPolicy", "iam:DetachUserPolicy"], "Resource": "*",
            "Condition": { "ArnEquals": { "iam:PolicyARN": ["arn:aws:iam::111111111111:policy/one", "arn:aws:iam::aws:policy/ReadOnlyAccess"] } } },
    ]));
    for (policy, expected) in [
        ("arn:aws:iam::111111111111:policy/one", true),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", true),
        ("arn:aws:iam::aws:policy/AdministratorAccess", false),
        ("arn:aws:iam::222222222222:policy/one", false),
        ("arn:aws:iam::111111111111:policy/one/more", false),
    ] {
        let context = Context::new().with("iam:PolicyARN", policy);
        assert_eq!(lets(&limit, "iam:AttachUserPolicy", BOB, context), expected, "{policy}");
    }
    assert!(!lets(&limit, "iam:AttachUserPolicy", BOB, Context::new()));
    let simulate =
        document(json!([{ "Action": ["iam:GetContextKeysForPrincipalPolicy", "iam:SimulatePrincipalPolicy"],
        "Effect": "Allow", "Resource": "arn:aws:iam::*:user/Department/Development/*" }]));
    let of_path = "arn:aws:iam::111111111111:user/Department/Development/eve";
    assert!(lets(&simulate, "iam:SimulatePrincipalPolicy", of_path, Context::new()));
    assert!(!lets(&simulate, "iam:SimulatePrincipalPolicy", BOB, Context::new()));
    let custom =
        document(json!([{ "Action": ["iam:GetContextKeysForCustomPolicy", "iam:SimulateCustomPolicy"],
        "Effect": "Allow", "Resource": "*" }]));
    assert!(lets(&custom, "iam:SimulateCustomPolicy", "*", Context::new()));
    assert!(!lets(&custom, "iam:SimulatePrincipalPolicy", BOB, Context::new()));
    let rotate = document(json!([
        { "Effect": "Allow", "Action": ["iam:ListUsers", "iam:GetAccountPasswordPolicy"], "Resource": "*" },
        { "Effect": "Allow", "Action": ["iam:*AccessKey*", "iam:ChangePassword", "iam:GetUser"],
            "Resource": ["arn:aws:iam::*:user/${aws:username}"] },
    ]));
    let own = "arn:aws:iam::111111111111:user/ana";
    for action in
        ["iam:CreateAccessKey", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed", "iam:ChangePassword"]
    {
        assert!(
            lets(&rotate, action, own, Context::new()) && !lets(&rotate, action, BOB, Context::new()),
            "{action}"
        );
    }
}

/// `reference_policies_examples_rds_tag-owner`
#[test]
fn owners_of_tags_are_compared_without_case() {
    let policy = document(json!([
        { "Action": ["rds:Describe*", "rds:List*"], "Effect": "Allow", "Resource": "*" },
        { "Action": ["rds:DeleteDBInstance", "rds:RebootDBInstance"], "Effect": "Allow", "Resource": "*",
            "Condition": { "StringEqualsIgnoreCase": { "rds:db-tag/Owner": "${aws:username}" } } },
        { "Action": ["rds:ModifyOptionGroup"], "Effect": "Allow", "Resource": "*",
            "Condition": { "StringEqualsIgnoreCase": { "rds:og-tag/Owner": "${aws:username}" } } },
    ]));
    let owned = |key: &'static str, owner: &str| Context::new().with(key, owner);
    let database = "arn:aws:rds:us-east-1:111111111111:db:x";
    assert!(lets(&policy, "rds:DeleteDBInstance", database, owned("rds:db-tag/Owner", "ANA")));
    assert!(!lets(&policy, "rds:DeleteDBInstance", database, owned("rds:db-tag/Owner", "bob")));
    assert!(!lets(&policy, "rds:DeleteDBInstance", database, owned("rds:og-tag/Owner", "ana")));
    assert!(!lets(&policy, "rds:ModifyOptionGroup", database, owned("rds:db-tag/Owner", "ana")));
}

/// `reference_policies_examples_s3_cognito-bucket`, `s3_federated-home-directory-console` and `s3_home-directory-console`
#[test]
fn homes_in_a_bucket() {
    let cognito = document(json!([
        { "Sid": "ListYourObjects", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": ["arn:aws:s3:::b"],
            "Condition": { "StringLike": { "s3:prefix": ["cognito/app/${cognito-identity.amazonaws.com:sub}"] } } },
        { "Sid": "ReadWriteDeleteYourObjects", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": ["arn:aws:s3:::b/cognito/app/${cognito-identity.amazonaws.com:sub}",
                "arn:aws:s3:::b/cognito/app/${cognito-identity.amazonaws.com:sub}/*"] },
    ]));
    let of = |sub: Option<&str>| Context::new().with_all("cognito-identity.amazonaws.com:sub", sub);
    assert!(lets(&cognito, "s3:PutObject", "arn:aws:s3:::b/cognito/app/me/x", of(Some("me"))));
    assert!(lets(
        &cognito,
        "s3:ListBucket",
        "arn:aws:s3:::b",
        of(Some("me")).with("s3:prefix", "cognito/app/me")
    ));
    assert!(!lets(&cognito, "s3:PutObject", "arn:aws:s3:::b/cognito/app/you/x", of(Some("me"))));
    assert!(!lets(&cognito, "s3:PutObject", "arn:aws:s3:::b/cognito/app/you/x", of(Some("*"))));
    assert!(!lets(&cognito, "s3:PutObject", "arn:aws:s3:::b/cognito/app//x", of(None)));
    let home = document(json!([
        { "Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "s3:GetBucketLocation"], "Resource": "*" },
        { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b",
            "Condition": { "StringLike": { "s3:prefix": ["", "home/", "home/${aws:userid}/*"] } } },
        { "Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::b/home/${aws:userid}", "arn:aws:s3:::b/home/${aws:userid}/*"] },
    ]));
    // "The federated user ID is `role-id:specified-name`."
    let john =
        session("arn:aws:sts::111111111111:assumed-role/John/John", "arn:aws:iam::111111111111:role/John");
    let may = |action: &str, resource: &str, prefix: Option<&str>| {
        let context = Context::new().with_all("s3:prefix", prefix);
        let scene = Scene { identity: vec![home.clone()], context, ..Scene::default() };
        scene.ask(john, action, resource) == "allow"
    };
    assert!(may("s3:GetObject", "arn:aws:s3:::b/home/AROAEXAMPLE:session/x", None));
    assert!(!may("s3:GetObject", "arn:aws:s3:::b/home/AROAEXAMPLE:other/x", None));
    for (prefix, expected) in [
        (Some(""), true),
        (Some("home/"), true),
        (Some("home/AROAEXAMPLE:session/x"), true),
        (Some("home/other/"), false),
        (Some("etc/"), false),
        (None, false),
    ] {
        assert_eq!(may("s3:ListBucket", "arn:aws:s3:::b", prefix), expected, "{prefix:?}");
    }
}

/// `reference_policies_examples_s3_deny-except-bucket`, `s3_rw-bucket` and `s3_rw-bucket-console`
#[test]
fn one_bucket_and_nothing_else() {
    let bucket = json!(["arn:aws:s3:::b", "arn:aws:s3:::b/*"]);
    let only = document(json!([
        { "Effect": "Allow", "Action": "s3:*", "Resource": bucket },
        { "Effect": "Deny", "NotAction": "s3:*", "NotResource": bucket },
    ]));
    let beside = |action: &str, resource: &str| {
        let scene = Scene { identity: vec![full_access(), only.clone()], ..Scene::default() };
        scene.ask(user("arn:aws:iam::111111111111:user/ana"), action, resource)
    };
    assert!(lets(&only, "s3:PutObject", "arn:aws:s3:::b/o", Context::new()));
    assert!(!lets(&only, "s3:ListAllMyBuckets", "*", Context::new()));
    // "Any other policies that grant permissions to other services are ignored."
    assert_eq!(
        beside("ec2:StartInstances", "arn:aws:ec2:us-east-1:111111111111:instance/i"),
        "deny in identity-based policy"
    );
    assert_eq!(beside("s3:PutObject", "arn:aws:s3:::b/o"), "allow");
    let write = document(json!([
        { "Sid": "ListObjectsInBucket", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::b"] },
        { "Sid": "AllObjectActions", "Effect": "Allow", "Action": "s3:*Object", "Resource": ["arn:aws:s3:::b/*"] },
    ]));
    for (action, resource, expected) in [
        ("s3:GetObject", "arn:aws:s3:::b/o", true),
        ("s3:DeleteObject", "arn:aws:s3:::b/a/b/c", true),
        ("s3:PutObjectAcl", "arn:aws:s3:::b/o", false),
        ("s3:GetObject", "arn:aws:s3:::bb/o", false),
        ("s3:ListBucket", "arn:aws:s3:::b", true),
        ("s3:ListBucket", "arn:aws:s3:::b/o", false),
        ("s3:DeleteBucket", "arn:aws:s3:::b", false),
    ] {
        assert_eq!(lets(&write, action, resource, Context::new()), expected, "{action} {resource}");
    }
}
