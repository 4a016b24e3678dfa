//! Documents that are no policies, and the words in which IAM says so.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use policy::{Policy, PolicyKind};

fn message(text: &str, kind: PolicyKind) -> String {
    Policy::parse(text, kind).err().map_or_else(|| "accepted".to_owned(), |error| error.to_string())
}

fn with(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";

/// A statement, and what IAM says of it.
const IDENTITY_CASES: &[(&str, &str)] = &[
    (r#"{"Effect":"Allow","Action":"a:b","Resource":"*"}"#, "accepted"),
    (r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Sid":""}"#, "accepted"),
    (r#"{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:::${aws:username}"}"#, "accepted"),
    (r#"{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:iam::*:role/x"}"#, "accepted"),
    ("", SYNTAX),
    ("[]", SYNTAX),
    (r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Extra":1}"#, SYNTAX),
    (r#"{"Effect":"Allow","Effect":"Deny","Action":"a:b","Resource":"*"}"#, SYNTAX),
    (r#"{"Action":"a:b","Resource":"*"}"#, SYNTAX),
    (r#"{"Effect":"allow","Action":"a:b","Resource":"*"}"#, LEGACY),
    (r#"{"Effect":"Maybe","Action":"a:b","Resource":"*"}"#, SYNTAX),
    (r#"{"Effect":"Allow","Resource":"*"}"#, "Policy statement must contain actions."),
    (r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#, "Policy statement must contain actions."),
    (r#"{"Effect":"Allow","Action":"a:b"}"#, "Policy statement must contain resources."),
    (r#"{"Effect":"Allow","Action":"a:b","NotAction":"a:c","Resource":"*"}"#, SYNTAX),
    (r#"{"Effect":"Allow","Action":{"x":1},"Resource":"*"}"#, SYNTAX),
    (
        r#"{"Effect":"Allow","Action":"GetItem","Resource":"*"}"#,
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ),
    (
        r#"{"Effect":"Allow","Action":"a:b:c","Resource":"*"}"#,
        "Actions/Condition can contain only one colon.",
    ),
    (r#"{"Effect":"Allow","Action":"a b:c","Resource":"*"}"#, "Vendor a b is not valid"),
    (
        r#"{"Effect":"Allow","Action":"a:b","Resource":"table"}"#,
        r#"Resource table must be in ARN format or "*"."#,
    ),
    (
        r#"{"Effect":"Allow","Action":"a:b","Resource":"arn:gcp:s3:::b"}"#,
        r#"Partition "gcp" is not valid for resource "arn:gcp:s3:::b"."#,
    ),
    (
        r#"{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s?:::b"}"#,
        "Resource vendor must be fully qualified and cannot contain regexes.",
    ),
    (
        r#"{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:iam:us-east-1::user/x"}"#,
        "IAM resource arn:aws:iam:us-east-1::user/x cannot contain region information.",
    ),
    (
        r#"{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:us-east-1::b"}"#,
        "Resource arn:aws:s3:us-east-1::b can not contain region information.",
    ),
    (r#"{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:::${aws:username"}"#, LEGACY),
    (
        r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Sid":"a b"}"#,
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
    ),
    (
        r#"{"Sid":"x","Effect":"Allow","Action":"a:b","Resource":"*"},{"Sid":"x","Effect":"Allow","Action":"a:b","Resource":"*"}"#,
        "Statement IDs (SID) in a single policy must be unique.",
    ),
    (
        r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Principal":"*"}"#,
        "Policy document should not specify a principal.",
    ),
    (r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringIs":{"a:b":"c"}}}"#, SYNTAX),
    (r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringLike":{"a:b":[]}}}"#, SYNTAX),
    (
        r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringLike":{"a:b":{"c":1}}}}"#,
        SYNTAX,
    ),
    (r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringLike":"x"}}"#, SYNTAX),
    (
        r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"NumericEquals":{"a:b":"ten"}}}"#,
        LEGACY,
    ),
    (
        r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"IpAddress":{"a:b":"10.0.0.0/99"}}}"#,
        LEGACY,
    ),
];

#[test]
fn identity_policies_are_refused_with_iams_messages() {
    for (statement, expected) in IDENTITY_CASES {
        assert_eq!(message(&with(statement), PolicyKind::Identity), *expected, "{statement}");
    }
}

#[test]
fn trust_and_resource_policies_have_rules_of_their_own() {
    for (kind, statement, expected) in [
        (
            PolicyKind::Trust,
            r#"{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}"#,
            "accepted",
        ),
        (
            PolicyKind::Trust,
            r#"{"Effect":"Allow","Action":"sts:AssumeRole"}"#,
            "Missing required field Principal",
        ),
        (
            PolicyKind::Trust,
            r#"{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}"#,
            "Has prohibited field Resource",
        ),
        (
            PolicyKind::Trust,
            r#"{"Effect":"Allow","NotPrincipal":"*","Action":"sts:AssumeRole"}"#,
            "Has prohibited field NotPrincipal",
        ),
        (
            PolicyKind::Trust,
            r#"{"Effect":"Allow","Principal":"*","Action":"*"}"#,
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            PolicyKind::Trust,
            r#"{"Effect":"Allow","Principal":{"AWS":"bob"},"Action":"sts:AssumeRole"}"#,
            r#"Invalid principal in policy: "AWS":"bob""#,
        ),
        (
            PolicyKind::Resource,
            r#"{"Effect":"Allow","Principal":"*","Action":"a:b","Resource":"*","Sid":"with spaces"}"#,
            "accepted",
        ),
        (
            PolicyKind::Resource,
            r#"{"Effect":"Allow","Action":"a:b","Resource":"*"}"#,
            "Missing required field Principal",
        ),
    ] {
        assert_eq!(message(&with(statement), kind), expected, "{statement}");
    }
}

#[test]
fn documents_that_are_too_much_are_refused() {
    let fine = r#"{"Effect":"Allow","Action":"a:b","Resource":"*"}"#;
    let long = with(&vec![fine; 4_000].join(","));
    assert!(message(&long, PolicyKind::Identity).starts_with("Policy document is too long"));
    let string = with(&fine.replace("\"*\"", &format!("\"arn:aws:s3:::{}\"", "x".repeat(3_000))));
    assert_eq!(message(&string, PolicyKind::Identity), "The policy failed legacy parsing");
    for text in ["", "null", "[]", "{}", r#"{"Statement":[]}"#, r#"{"Version":"2013-01-01","Statement":[]}"#]
    {
        assert_eq!(message(text, PolicyKind::Identity), "Syntax errors in policy.", "{text}");
    }
}
