//! Condition operators, one page.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use super::*;

/// Each operator with the value that the page's example tests, and values on both sides of it.
#[test]
fn each_operator_compares_as_its_example_says() {
    for (condition, key, expected) in [
        (
            json!({ "StringEquals": { "aws:PrincipalTag/job-category": "iamuser-admin" } }),
            "aws:PrincipalTag/job-category",
            vec![("iamuser-admin", true), ("Iamuser-admin", false), ("iamuser", false)],
        ),
        (
            json!({ "StringLike": { "s3:prefix": ["", "home/", "home/${aws:username}/"] } }),
            "s3:prefix",
            vec![("", true), ("home/", true), ("home/ana/", true), ("home/bob/", false), ("home", false)],
        ),
        (
            json!({ "StringNotLike": { "s3:prefix": "home/*" } }),
            "s3:prefix",
            vec![("home/x", false), ("work/x", true)],
        ),
        (
            json!({ "StringEqualsIgnoreCase": { "aws:PrincipalTag/t": "Blue" } }),
            "aws:PrincipalTag/t",
            vec![("bLUE", true), ("blu", false)],
        ),
        (
            json!({ "StringNotEqualsIgnoreCase": { "aws:PrincipalTag/t": "Blue" } }),
            "aws:PrincipalTag/t",
            vec![("bLUE", false), ("blu", true)],
        ),
        (
            json!({ "NumericLessThanEquals": { "s3:max-keys": "10" } }),
            "s3:max-keys",
            vec![("9", true), ("10", true), ("10.5", false), ("11", false)],
        ),
        (
            json!({ "NumericLessThan": { "s3:max-keys": "10" } }),
            "s3:max-keys",
            vec![("9", true), ("10", false)],
        ),
        (
            json!({ "NumericGreaterThan": { "s3:max-keys": "10" } }),
            "s3:max-keys",
            vec![("10", false), ("11", true)],
        ),
        (
            json!({ "NumericGreaterThanEquals": { "s3:max-keys": "10" } }),
            "s3:max-keys",
            vec![("9", false), ("10", true)],
        ),
        (
            json!({ "NumericNotEquals": { "s3:max-keys": "10" } }),
            "s3:max-keys",
            vec![("9", true), ("10.0", false)],
        ),
        (
            json!({ "DateGreaterThan": { "aws:TokenIssueTime": "2020-01-01T00:00:01Z" } }),
            "aws:TokenIssueTime",
            vec![
                ("2020-01-01T00:00:02Z", true),
                ("2020-01-01T00:00:01Z", false),
                ("2019-12-31T23:59:59Z", false),
            ],
        ),
        (
            json!({ "DateLessThanEquals": { "aws:TokenIssueTime": "2020-01-01T00:00:01Z" } }),
            "aws:TokenIssueTime",
            vec![("2020-01-01T00:00:01Z", true), ("1577836801", true), ("1577836802", false)],
        ),
        (
            json!({ "DateEquals": { "aws:TokenIssueTime": "2020-01-01" } }),
            "aws:TokenIssueTime",
            vec![("2020-01-01T00:00:00Z", true), ("2020-01-01T00:00:01Z", false)],
        ),
        (
            json!({ "DateNotEquals": { "aws:TokenIssueTime": "2020-01-01" } }),
            "aws:TokenIssueTime",
            vec![("2020-01-01T00:00:00Z", false), ("2020-01-01T00:00:01Z", true)],
        ),
        (
            json!({ "Bool": { "aws:SecureTransport": "false" } }),
            "aws:SecureTransport",
            vec![("false", true), ("true", false)],
        ),
        (
            json!({ "BinaryEquals": { "k:key": "QmluYXJ5VmFsdWVJbkJhc2U2NA==" } }),
            "k:key",
            vec![("QmluYXJ5VmFsdWVJbkJhc2U2NA==", true), ("QmluYXJ5", false)],
        ),
        (
            json!({ "IpAddress": { "aws:SourceIp": ["203.0.113.0/24", "2001:DB8:1234:5678::/64"] } }),
            "aws:SourceIp",
            vec![
                ("203.0.113.0", true),
                ("203.0.113.255", true),
                ("203.0.114.0", false),
                ("2001:db8:1234:5678::9", true),
                ("2001:db8:1234:5679::9", false),
            ],
        ),
        (
            json!({ "NotIpAddress": { "aws:SourceIp": "203.0.113.7" } }),
            "aws:SourceIp",
            vec![("203.0.113.7", false), ("203.0.113.8", true)],
        ),
        (
            json!({ "ArnEquals": { "aws:SourceArn": "arn:aws:sns:REGION:123456789012:TOPIC-ID" } }),
            "aws:SourceArn",
            vec![
                ("arn:aws:sns:REGION:123456789012:TOPIC-ID", true),
                ("arn:aws:sns:REGION:123456789012:TOPIC-ID2", false),
                ("arn:aws:sns:REGION:123456789013:TOPIC-ID", false),
            ],
        ),
        (
            json!({ "ArnLike": { "aws:SourceArn": "arn:aws:cloudtrail:*:111122223333:trail/finance-*" } }),
            "aws:SourceArn",
            vec![
                ("arn:aws:cloudtrail:us-east-1:111122223333:trail/finance-one", true),
                ("arn:aws:cloudtrail:us-east-1:111122223333:user/finance-one", false),
                // A component's wildcard does not reach into the next one.
                ("arn:aws:cloudtrail:us-east-1:x:111122223333:trail/finance-one", false),
            ],
        ),
        (
            json!({ "ArnNotLike": { "aws:PrincipalArn": "arn:aws:iam::*:user/a*" } }),
            "aws:UserAgent",
            vec![("anything", false)],
        ),
    ] {
        for (value, fits) in expected {
            assert_eq!(applies(&condition, &Context::new().with(key, value)), fits, "{condition} of {value}");
        }
    }
}

/// "If the key that you specify is not present in the request context, the values do not match and the condition is false. If
/// the condition requires that the key is not matched, and the right key is not present, the condition is true."
#[test]
fn a_key_that_is_not_there() {
    let missing = Context::new();
    for (operator, value, plain, not) in [
        ("StringEquals", "x", false, Some("StringNotEquals")),
        ("StringEqualsIgnoreCase", "x", false, Some("StringNotEqualsIgnoreCase")),
        ("StringLike", "*", false, Some("StringNotLike")),
        ("NumericEquals", "1", false, Some("NumericNotEquals")),
        ("NumericLessThan", "1", false, None),
        ("NumericLessThanEquals", "1", false, None),
        ("NumericGreaterThan", "1", false, None),
        ("NumericGreaterThanEquals", "1", false, None),
        ("DateEquals", "2020-01-01", false, Some("DateNotEquals")),
        ("DateLessThan", "2020-01-01", false, None),
        ("DateLessThanEquals", "2020-01-01", false, None),
        ("DateGreaterThan", "2020-01-01", false, None),
        ("DateGreaterThanEquals", "2020-01-01", false, None),
        ("Bool", "true", false, None),
        ("BinaryEquals", "AAEC", false, None),
        ("IpAddress", "0.0.0.0/0", false, Some("NotIpAddress")),
        ("ArnEquals", "*", false, Some("ArnNotEquals")),
        ("ArnLike", "*", false, Some("ArnNotLike")),
    ] {
        let holds = |operator: String| applies(&json!({ operator: { "k:missing": value } }), &missing);
        assert_eq!(holds(operator.to_owned()), plain, "{operator}");
        assert!(holds(format!("{operator}IfExists")), "{operator}IfExists");
        if let Some(not) = not {
            assert!(holds(not.to_owned()), "{not}");
            assert!(holds(format!("{not}IfExists")), "{not}IfExists");
        }
    }
}

/// "If the condition key is present in the context of the request, process the key as specified in the policy. If the key is
/// not present, evaluate the condition element as true."
#[test]
fn if_exists_is_about_the_keys_absence_alone() {
    let condition = json!({ "StringLikeIfExists": { "ec2:InstanceType": ["t1.*", "t2.*", "m3.*"] } });
    for (value, fits) in [(None, true), (Some("t2.micro"), true), (Some("c5.large"), false)] {
        let context = value.map(|it| Context::new().with("ec2:InstanceType", it)).unwrap_or_default();
        assert_eq!(applies(&condition, &context), fits, "{value:?}");
    }
}

/// "Use a Null condition operator to check if a condition key is absent at the time of authorization."
#[test]
fn null_asks_whether_the_key_is_there() {
    for (value, absent) in [(None, true), (Some("2026-01-01T00:00:00Z"), false), (Some(""), true)] {
        let context = value.map(|it| Context::new().with("aws:TokenIssueTime", it)).unwrap_or_default();
        for asked in [true, false] {
            let condition = json!({ "Null": { "aws:TokenIssueTime": asked.to_string() } });
            assert_eq!(applies(&condition, &context), absent == asked, "{asked} of {value:?}");
        }
    }
}

/// Several operators and keys: all must hold. Several values of one: any.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>
#[test]
fn conditions_are_anded_and_their_values_ored() {
    let condition = json!({
        "StringEquals": { "aws:PrincipalTag/department": ["finance", "hr", "legal"],
            "aws:PrincipalTag/role": ["audit", "security"] },
        "ArnLike": { "aws:PrincipalArn": ["arn:aws:iam::111111111111:user/a*", "arn:aws:iam::111111111111:user/b*"] },
    });
    for (department, role, fits) in [
        (Some("hr"), Some("audit"), true),
        (Some("legal"), Some("security"), true),
        (Some("sales"), Some("audit"), false),
        (Some("hr"), Some("intern"), false),
        (None, Some("audit"), false),
        (Some("hr"), None, false),
    ] {
        let mut context = Context::new();
        department.into_iter().for_each(|it| context.add("aws:PrincipalTag/department", it));
        role.into_iter().for_each(|it| context.add("aws:PrincipalTag/role", it));
        assert_eq!(applies(&condition, &context), fits, "{department:?} {role:?}");
    }
    // Negated, none of the values may fit: "evaluated with NOR".
    let negated = json!({ "StringNotEquals": { "aws:PrincipalTag/department": ["finance", "hr"] } });
    for (value, fits) in [("finance", false), ("hr", false), ("sales", true)] {
        assert_eq!(applies(&negated, &Context::new().with("aws:PrincipalTag/department", value)), fits);
    }
}

/// Credentials without a second factor: the key is absent for long-term keys, and `false` for sessions that began without one.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-multifactorauthpresent>
#[test]
fn mfa_present_is_absent_for_long_term_keys() {
    let bool_if_exists = json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } });
    let bool_alone = json!({ "Bool": { "aws:MultiFactorAuthPresent": "false" } });
    let null = json!({ "Null": { "aws:MultiFactorAuthPresent": "true" } });
    for (value, by_if_exists, by_bool, by_null) in
        [(None, true, false, true), (Some("false"), true, true, false), (Some("true"), false, false, false)]
    {
        let context =
            value.map(|it| Context::new().with("aws:MultiFactorAuthPresent", it)).unwrap_or_default();
        assert_eq!(applies(&bool_if_exists, &context), by_if_exists, "{value:?}");
        assert_eq!(applies(&bool_alone, &context), by_bool, "{value:?}");
        assert_eq!(applies(&null, &context), by_null, "{value:?}");
    }
}
