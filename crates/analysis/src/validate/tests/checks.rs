//! Every code with a statement that has it and one that has not; and no code without its examples.

use super::super::*;
use Kind::{Identity, Resource, ResourceControl, ServiceControl, Trust};
use Severity::{Error, SecurityWarning, Suggestion, Warning};

/// Code, its severity, what the policy is attached to, a statement that has it, and one that has not. A text with `Statement` is a
/// whole document.
type Check = (&'static str, Severity, Kind, &'static str, &'static str);

const GOOD: &str = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}"#;
const GOOD_TRUST: &str = r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}"#;
const GOOD_RCP: &str = r#"{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*"}"#;
const GOOD_RESOURCE: &str = r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}"#;

macro_rules! on {
    ($condition:literal) => {
        concat!(
            r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"#,
            $condition,
            "}}"
        )
    };
}
macro_rules! at {
    ($action:literal, $resource:literal) => {
        concat!(r#"{"Effect":"Allow","Action":""#, $action, r#"","Resource":""#, $resource, r#""}"#)
    };
}
macro_rules! trust {
    ($principal:literal, $action:literal, $rest:literal) => {
        concat!(r#"{"Effect":"Allow","Principal":{"#, $principal, r#"},"Action":"#, $action, $rest, "}")
    };
}
macro_rules! bucket {
    ($principal:literal, $rest:literal) => {
        concat!(
            r#"{"Effect":"Allow","Principal":"#,
            $principal,
            r#","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/*""#,
            $rest,
            "}"
        )
    };
}
macro_rules! limit {
    ($effect:literal, $principal:literal, $action:literal, $rest:literal) => {
        concat!(
            r#"{"Effect":""#,
            $effect,
            r#"","Principal":"#,
            $principal,
            ",",
            $action,
            r#","Resource":"*""#,
            $rest,
            "}"
        )
    };
}

mod errors;
mod suggestions;
mod warnings;

/// Codes whose example is a document's length.
const SIZES: [(&str, Kind, usize); 5] = [
    ("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", Identity, 6_144),
    ("POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA", Resource, 20_480),
    ("POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA", Trust, 2_048),
    ("POLICY_SIZE_EXCEEDS_SCP_QUOTA", ServiceControl, 10_240),
    ("POLICY_SIZE_EXCEEDS_RCP_QUOTA", ResourceControl, 5_120),
];

fn table() -> impl Iterator<Item = &'static Check> {
    [errors::ERRORS, warnings::SECURITY_WARNINGS, warnings::WARNINGS, suggestions::SUGGESTIONS]
        .into_iter()
        .flatten()
}

fn found(text: &str, kind: Kind) -> Vec<Finding> {
    let whole = if text.contains("\"Statement\"") {
        text.to_owned()
    } else {
        format!(r#"{{"Version":"2012-10-17","Statement":[{text}]}}"#)
    };
    validate_kept_by(&whole, kind, (kind == Resource).then_some("AWS::S3::Bucket"))
}

#[test]
fn each_check_finds_its_fault_and_nothing_where_there_is_none() {
    let mut slips = Vec::new();
    for (code, severity, kind, has, has_not) in table() {
        let met = found(has, *kind);
        if !met.iter().any(|finding| finding.code == *code && finding.severity == *severity) {
            let codes: Vec<_> = met.iter().map(|finding| finding.code).collect();
            slips.push(format!("{code} is not found in {has}: {codes:?}"));
        }
        let met = found(has_not, *kind);
        let false_error = met.iter().find(|it| it.severity == Error);
        if met.iter().any(|finding| finding.code == *code) || false_error.is_some() {
            slips.push(format!("{code}: {has_not} has {false_error:?}"));
        }
    }
    assert!(slips.is_empty(), "{slips:#?}");
}

#[test]
fn each_size_has_its_quota() {
    for (code, kind, most) in SIZES {
        let statement = match kind {
            Identity | ServiceControl => r#"{"Effect":"Deny","Action":"s3:Get*","Resource":"*","Sid":"S"}"#,
            Trust => {
                r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole","Sid":"S"}"#
            }
            _ => r#"{"Effect":"Deny","Principal":"*","Action":"s3:Get*","Resource":"*","Sid":"S"}"#,
        };
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let sized = |size: usize| {
            let sid = format!("\"{}\"", "S".repeat(size - document.len() + 1));
            found(&document.replace("\"S\"", &sid), kind)
        };
        let has = |findings: &[Finding]| findings.iter().any(|finding| finding.code == code);
        assert!(!has(&sized(most)) && has(&sized(most + 1)), "{code}");
    }
}

#[test]
fn no_code_is_without_its_examples() {
    const SOURCES: [&str; 21] = [
        include_str!("../actions.rs"),
        include_str!("../addresses.rs"),
        include_str!("../arns.rs"),
        include_str!("../conditions.rs"),
        include_str!("../control.rs"),
        include_str!("../deputies.rs"),
        include_str!("../endpoints.rs"),
        include_str!("../keys.rs"),
        include_str!("../mod.rs"),
        include_str!("../pairs.rs"),
        include_str!("../passing.rs"),
        include_str!("../principals.rs"),
        include_str!("../redundant.rs"),
        include_str!("../refused.rs"),
        include_str!("../regions.rs"),
        include_str!("../sensitive.rs"),
        include_str!("../sizes.rs"),
        include_str!("../statement.rs"),
        include_str!("../trust.rs"),
        include_str!("../values.rs"),
        include_str!("../variables.rs"),
    ];
    let is_code = |text: &&str| {
        text.len() > 6
            && text.contains('_')
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    // Parts of which the codes of passed roles are put together, and names of this platform's own.
    let is_part = |text: &&str| {
        text.starts_with("WITH_")
            || [
                "PASS_ROLE",
                "CREATE_SLR",
                "NOT_ACTION",
                "STAR_IN_ACTION",
                "SPECIFIC_ATTRIBUTES",
                "IDENTITY_POLICY",
            ]
            .contains(text)
    };
    let known: Vec<&str> = table().map(|check| check.0).chain(SIZES.map(|size| size.0)).collect();
    let unknown: Vec<&str> = SOURCES
        .iter()
        .flat_map(|source| source.split('"'))
        .filter(is_code)
        .filter(|text| !is_part(text) && !known.contains(text))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn what_is_refused_on_storing_is_an_error() {
    for (kind, statement) in [
        (Identity, at!("s3:Get:Object", "*")),
        (Identity, at!("iam:GetRole", "arn:aws:iam::111122223333:rolex/a")),
        (Resource, bucket!(r#"{"AWS":"arn:aws:iam::111122223333:group/g"}"#, "")),
        (Trust, trust!(r#""AWS":"111122223333""#, r#""*""#, "")),
        (Identity, on!(r#""StringEquals":{"s3:prefix":{}}"#)),
    ] {
        let met = found(statement, kind);
        assert!(met.iter().any(|finding| finding.severity == Error), "{statement}: {met:?}");
    }
}

#[test]
fn awss_own_policies_have_no_errors() {
    let all: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(include_str!("../../../../../models/aws-managed-policies.json")).unwrap();
    assert!(all.len() > 300);
    let mut slips = Vec::new();
    for (name, policy) in &all {
        let findings = validate(&policy["document"].to_string(), Identity);
        for finding in findings.iter().filter(|finding| finding.severity == Error) {
            slips.push(format!("{name}: {} {}", finding.code, finding.details));
        }
    }
    assert!(slips.is_empty(), "{slips:#?}");
}
