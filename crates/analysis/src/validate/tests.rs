//! Findings by policy: each code where it belongs, and none in a good policy.

mod checks;

use super::*;

fn codes(text: &str, kind: Kind) -> Vec<&'static str> {
    validate(text, kind).iter().map(|finding| finding.code).collect()
}

fn identity(statement: &str) -> Vec<&'static str> {
    codes(&format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#), Kind::Identity)
}

#[test]
fn good_policies_have_no_findings() {
    assert_eq!(
        identity(
            r#"{"Sid":"a","Effect":"Allow","Action":["dynamodb:GetItem","s3:Get*"],"Resource":["arn:aws:dynamodb:us-east-1:111111111111:table/t","arn:aws:s3:::b/*"],
            "Condition":{"Bool":{"aws:SecureTransport":"true"},"StringEquals":{"aws:PrincipalTag/a":["${aws:username}","x"]}}}"#
        ),
        [""; 0]
    );
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    assert_eq!(codes(trust, Kind::Trust), [""; 0]);
}

#[test]
fn each_fault_has_its_code() {
    let with = |element: &str| {
        format!(r#"{{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"arn:aws:s3:::b/*"{element}}}"#)
    };
    for (statement, expected) in [
        (r#"{"Action":"dynamodb:GetItem","Resource":"*"}"#.to_owned(), vec!["MISSING_EFFECT"]),
        (
            r#"{"Effect":"allow","Action":"dynamodb:GetItem","Resource":"*"}"#.to_owned(),
            vec!["INVALID_EFFECT"],
        ),
        (r#"{"Effect":"Deny","Resource":"*"}"#.to_owned(), vec!["MISSING_ACTION"]),
        (r#"{"Effect":"Deny","Action":"*"}"#.to_owned(), vec!["MISSING_RESOURCE"]),
        (r#"{"Effect":"Deny","Action":"dynamodb:Fetch","Resource":"*"}"#.to_owned(), vec!["INVALID_ACTION"]),
        (r#"{"Effect":"Deny","Action":"fetch","Resource":"*"}"#.to_owned(), vec!["INVALID_ACTION"]),
        (r#"{"Effect":"Deny","Action":"*","Resource":"b"}"#.to_owned(), vec!["INVALID_ARN_PREFIX"]),
        (r#"{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3"}"#.to_owned(), vec!["MISSING_ARN_FIELD"]),
        (
            r#"{"Effect":"Deny","Action":"*","Resource":"arn:aws:sqs:us-east-1:12:q"}"#.to_owned(),
            vec!["INVALID_ARN_ACCOUNT"],
        ),
        (
            r#"{"Effect":"Deny","Action":"*","Resource":"arn:aws:iam:us-east-1:111111111111:role/r"}"#
                .to_owned(),
            vec!["ARN_REGION_NOT_ALLOWED"],
        ),
        (with(r#","Principal":"*""#), vec!["UNSUPPORTED_PRINCIPAL"]),
        (with(r#","Sids":"a""#), vec!["INVALID_POLICY_ELEMENT"]),
        (with(r#","Sid":"a b""#), vec!["UNSUPPORTED_SID"]),
        (with(r#","Sid":"""#), vec!["EMPTY_SID_VALUE"]),
        (with(r#","NotAction":"s3:*""#), vec!["UNSUPPORTED_ELEMENT_COMBINATION"]),
        (with(r#","Condition":{}"#), vec!["EMPTY_OBJECT_CONDITION"]),
        (with(r#","Condition":{"Equals":{"a:b":"c"}}"#), vec!["INVALID_CONDITION_OPERATOR"]),
        (with(r#","Condition":{"StringEquals":{"b":"c"}}"#), vec!["INVALID_CONDITION_KEY_FORMAT"]),
        (with(r#","Condition":{"StringEquals":{"a:b":"c*"}}"#), vec!["WILDCARD_WITHOUT_LIKE_OPERATOR"]),
        (
            with(r#","Condition":{"Bool":{"a:b":["true","false"]}}"#),
            vec!["INVALID_CONDITION_MULTIPLE_BOOLEAN"],
        ),
        (with(r#","Condition":{"IpAddress":{"aws:SourceIp":"1.2.3"}}"#), vec!["TYPE_MISMATCH_IP_RANGE"]),
        (with(r#","Condition":{"NullIfExists":{"a:b":"true"}}"#), vec!["NULL_WITH_IF_EXISTS"]),
        (
            with(r#","Condition":{"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#),
            vec!["FORALLVALUES_WITH_SINGLE_VALUED_KEY"],
        ),
        (
            r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}"#.to_owned(),
            vec!["PASS_ROLE_WITH_STAR_IN_RESOURCE"],
        ),
        (
            r#"{"Effect":"Allow","Action":"iam:PassRole","NotResource":"arn:aws:iam::111111111111:role/a"}"#
                .to_owned(),
            vec!["PASS_ROLE_WITH_NOT_RESOURCE"],
        ),
        (
            r#"{"Effect":"Deny","Action":["s3:Get*","s3:GetObject"],"Resource":["*","arn:aws:s3:::b"]}"#
                .to_owned(),
            vec!["REDUNDANT_ACTION", "REDUNDANT_RESOURCE"],
        ),
    ] {
        assert_eq!(identity(&statement), expected, "{statement}");
    }
    for (text, kind, expected) in [
        ("{", Kind::Identity, "JSON_SYNTAX_ERROR"),
        (r#"{"Version":"2012-10-17"}"#, Kind::Identity, "MISSING_STATEMENT"),
        (
            r#"{"Version":"2012","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#,
            Kind::Identity,
            "INVALID_VERSION",
        ),
        (r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#, Kind::Identity, "MISSING_VERSION"),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#,
            Kind::Resource,
            "MISSING_PRINCIPAL",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"111111111111"},"Action":"s3:*","Resource":"*"}}"#,
            Kind::Resource,
            "ALLOW_WITH_NOT_PRINCIPAL",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:GetObject"}}"#,
            Kind::Trust,
            "UNSUPPORTED_ACTION_IN_POLICY",
        ),
    ] {
        assert_eq!(codes(text, kind), [expected], "{text}");
    }
}

#[test]
fn a_finding_leads_to_its_place() {
    let text = "{\"Version\":\"2012-10-17\",\"Statement\":[\n {\"Effect\":\"Deny\",\"Action\":[\"s3:*\",\"dynamodb:No\"],\"Resource\":\"*\"}]}";
    let finding = validate(text, Kind::Identity).remove(0);
    let location = &finding.locations[0];
    let step = |key: &str| Step::Key(key.to_owned());
    assert_eq!(
        location.path,
        [
            step("Statement"),
            Step::Index(0),
            step("Action"),
            Step::Index(1),
            Step::Value("dynamodb:No".to_owned())
        ]
    );
    assert_eq!((location.span.start.line, location.span.start.column), (2, 35));
    assert_eq!(text.get(location.span.start.offset..location.span.end.offset), Some("\"dynamodb:No\""));
}

#[test]
fn any_text_is_validated() {
    for seed in [
        "",
        "{",
        "[]",
        "{\"Statement\":[1,{\"Action\":{},\"Condition\":[]}]}",
        "{\"Statement\":{\"Principal\":3}}",
    ] {
        crate::fuzz::fuzz_access(seed.as_bytes());
    }
}
