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

const NO_ACTION: &str = "Policy statement must contain actions.";
const NO_RESOURCE: &str = "Policy statement must contain resources.";
const SIDS: &str = "Statement IDs (SID) in a single policy must be unique.";
const VENDOR: &str = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
const UNQUALIFIED: &str = "Resource vendor must be fully qualified and cannot contain regexes.";
const IAM_PATH: &str = "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, \
    instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.";

/// A statement's members behind its effect, and what IAM says: what public tests of its API saw there.
const SEEN_AT_IAM: &[(&str, &str)] = &[
    (r#""NotAction":"","Resource":"arn:aws:s3:::b""#, VENDOR),
    (
        r#""Action":"s3:List:Bucket","Resource":"arn:aws:s3:::b""#,
        "Actions/Condition can contain only one colon.",
    ),
    (r#""Action":"iam: any thing ","Resource":"arn:aws:s3:::b""#, "accepted"),
    (r#""Action":"s3-s.x:ListBucket","Resource":"arn:aws:s3:::b""#, "accepted"),
    (r#""Action":"s3:x","Resource":"""#, r#"Resource  must be in ARN format or "*"."#),
    (r#""Action":"s:3:x","Resource":"sdf""#, r#"Resource sdf must be in ARN format or "*"."#),
    (r#""Action":"s3:x","Resource":["adf"]"#, r#"Resource adf must be in ARN format or "*"."#),
    (
        r#""Action":"s3:x","Resource":"a:bsd""#,
        r#"Partition "bsd" is not valid for resource "arn:bsd:*:*:*:*"."#,
    ),
    (
        r#""Action":"s3:x","Resource":"a:b:cad""#,
        r#"Partition "b" is not valid for resource "arn:b:cad:*:*:*"."#,
    ),
    (
        r#""Action":"s3:x","Resource":"a:b:c:d:e:f:g:h""#,
        r#"Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h"."#,
    ),
    (
        r#""Action":"s3:x","Resource":"aws:s3:::b""#,
        r#"Partition "s3" is not valid for resource "arn:s3:::b:*"."#,
    ),
    (
        r#""Action":"s3:x","Resource":["arn:error:s3:::b","arn:error:s3::b"]"#,
        r#"Partition "error" is not valid for resource "arn:error:s3:::b"."#,
    ),
    (r#""Action":"s3:x""#, NO_RESOURCE),
    (r#""Action":"s3:x","Resource":[]"#, NO_RESOURCE),
    (r#""Action":"s3:x","NotResource":[]"#, NO_RESOURCE),
    (r#""NotAction":[],"Resource":"*""#, NO_ACTION),
    (r#""Sid":"x""#, NO_ACTION),
    (r#""Action":"s3:x","Resource":"arn:aws:iam:::b""#, IAM_PATH),
    (r#""Action":"s3:x","Resource":"arn:aws:iam:::user/b""#, "accepted"),
    (r#""Action":"s3:x","Resource":["arn:aws:iam::*:*","arn:aws:iam::1:rol*"]"#, "accepted"),
    (r#""Action":"s3:x","Resource":"arn:aws:s3::b""#, LEGACY),
    (r#""Action":"s3:x","NotResource":"arn:aws:s3::b""#, LEGACY),
    (r#""Resource":"arn:aws:s3::b""#, LEGACY),
    (r#""Action":"s3:x","Resource":"arn:aws::fds""#, LEGACY),
    (r#""NotAction":"s3:x","Resource":"arn:aws::::b""#, LEGACY),
    (r#""Action":"s3:x","Resource":"arn:aws""#, UNQUALIFIED),
    (
        r#""Action":"s3:x","Resource":["arn:aws:fdsasf","arn:aws:s33:::b","arn:aws:ec2:us-east-1::b"]"#,
        "accepted",
    ),
    (r#""Action":"s3:x","Resource":{"a":"arn:aws:s3:::b"}"#, SYNTAX),
    (r#""Action":"s3:x","Resource":["adf",{}]"#, SYNTAX),
    (r#""Action":[[]],"Resource":"*""#, SYNTAX),
    (r#""Action":"s3:x","Resource":"*","NotResource":[]"#, SYNTAX),
    (r#""Action":[],"NotAction":"s3:x","Resource":"*""#, SYNTAX),
    (r#""Action":"s3:x","Resource":"*","Sid":{}"#, SYNTAX),
    (r#""Action":"s3:x","Resource":"*","Condition":[]"#, SYNTAX),
    (r#""Action":"s3:x","Resource":"*","Condition":"a""#, SYNTAX),
    (r#""Action":"s3:x","Resource":"*","Condition":{"a":"b"}"#, SYNTAX),
    (r#""Action":"s3:x","Resource":"*","Condition":{"DateGreaterThan":{"a":{}}}"#, SYNTAX),
    (r#""Resource":"*","Condition":{"DateGreaterThan":{"a":{}}}"#, SYNTAX),
    (r#""Action":"s3:x","Resource":"*","Condition":{"x":{"a":"1"}}"#, SYNTAX),
    (r#""Action":"s3:x","Resource":"*","Condition":{"ForAnyValue::StringEqualsIfExists":{"a":"b"}}"#, SYNTAX),
    (r#""Action":"s3:x","Resource":"*","Condition":{"DateGreaterThan":{"a":"sdf"}}"#, LEGACY),
    (r#""Condition":{"DateGreaterThan":{"a":"sdf"}}"#, LEGACY),
    (r#""Action":"s3:x","Resource":"arn:error:s3:::b","Condition":{"DateGreaterThan":{"a":"sdf"}}"#, LEGACY),
    (r#""Action":"s3:x","Resource":"*","Condition":{"DateLessThanEquals":{"a":"234-13"}}"#, LEGACY),
    (
        r#""Action":"s3:x","Resource":"*","Condition":{"DateLessThanEquals":{"a":"2016-12-13t2:00:00.593194+1"}}"#,
        LEGACY,
    ),
    (r#""Action":"s3:x","Resource":"*","Condition":{"DateLessThan":{"a":"9223372036854775808"}}"#, LEGACY),
    (
        r#""Action":"s3:x","Resource":"*","Condition":{"DateLessThanEquals":{"a":"2016-12-13T21:20:37.593194+00:00"}}"#,
        "accepted",
    ),
    (r#""Action":"s3:x","Resource":"*","Condition":{}"#, "accepted"),
    (r#""Action":"s3:x","Resource":"*","Condition":{"a":{}}"#, "accepted"),
    (r#""Action":"s3:x","Resource":"*","Condition":{"DateGreaterThan":{}}"#, "accepted"),
    (r#""Action":"s3:x","Resource":"*","Condition":{"DateGreaterThan":{"a":[]}}"#, "accepted"),
    (r#""Action":"s3:x","Resource":"*","Condition":{"StringEqualsIfExists":{"a":"asf"}}"#, "accepted"),
    (
        r#""Action":"s3:x","Resource":"*","Condition":{"ForAnyValue:StringEqualsIfExists":{"a":"asf"}}"#,
        "accepted",
    ),
];

#[test]
fn what_others_saw_at_iam_is_said_here() {
    for (members, expected) in SEEN_AT_IAM {
        let text = with(&format!(r#"{{"Effect":"Allow",{members}}}"#));
        assert_eq!(message(&text, PolicyKind::Identity), *expected, "{members}");
    }
}

/// Of several things that are wrong, IAM tells the one that it looks for first, in whichever statement that is.
#[test]
fn of_several_faults_the_first_in_iams_order_is_told() {
    let fine = r#"{"Sid":"s","Effect":"Allow","Action":"s3:x","Resource":"*"}"#;
    for (statements, expected) in [
        (format!(r#"{fine},{{"Sid":"s","Effect":"Allow"}}"#), SIDS),
        (format!(r#"{},{{"Sid":"s","Effect":"Allow"}}"#, fine.replace("Allow", "aLLow")), LEGACY),
        (r#"{"Effect":"Deny"},{"Effect":"Allow","Action":"s3:x","Resource":"sdf"}"#.to_owned(), NO_ACTION),
        (r#"{"Effect":"Allow","Action":"x","Resource":"*"},{"Effect":"Allow","Action":"s3:x"}"#.to_owned(), VENDOR),
        (r#"{"Effect":"Allow","Action":"x"}"#.to_owned(), VENDOR),
        (r#"{"Effect":"Allow","Action":"s3:x"},{"Effect":"Allow","NotAction":["s3:x","x"],"Resource":"*"}"#.to_owned(), VENDOR),
        (
            r#"{"Effect":"Allow","Action":"s3:x","NotResource":"arn:aws:iam:::x"},{"Effect":"Allow","Action":"s3:x","Resource":"arn:aws"}"#.to_owned(),
            IAM_PATH,
        ),
        (
            r#"{"Effect":"Deny","NotAction":[],"Resource":"arn:aws:s3:us-east-1::b"},{"Effect":"Deny","Action":"*","Resource":"arn:aws::x"}"#.to_owned(),
            NO_ACTION,
        ),
        (r#"{"Effect":"Allow","Action":"x","Resource":"*"},{"Effect":"Allow","Action":"s3:x","Resource":"*","X":1}"#.to_owned(), SYNTAX),
        (r#"{"Effect":"allow","Resource":"arn:aws:s3:us-east-1::b"}"#.to_owned(), LEGACY),
        (
            r#"{"Effect":"Allow","Action":"s3:x","Resource":"one"},{"Effect":"Allow","Action":"s3:x","Resource":"two"}"#.to_owned(),
            r#"Resource two must be in ARN format or "*"."#,
        ),
    ] {
        assert_eq!(message(&with(&statements), PolicyKind::Identity), expected, "{statements}");
    }
}

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
