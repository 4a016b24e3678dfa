//! Whether a bucket's policy lets anyone in: what a public access block forbids.
//!
//! Stricter where AWS leaves the answer open: a condition narrows only if it is one of those that name a fixed circle of callers.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>

use std::net::IpAddr;

use serde_json::Value;

/// Condition keys whose fixed values make a circle of callers.
const NARROWING: [&str; 14] = [
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalaccount",
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "aws:sourceorgid",
    "aws:sourceip",
];

/// True where some statement allows whoever asks.
pub(crate) fn is_public(policy: &str) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return true };
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    statements.into_iter().any(is_open)
}

fn is_open(statement: &Value) -> bool {
    if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
        return false;
    }
    let anyone =
        statement.get("NotPrincipal").is_some() || statement.get("Principal").is_some_and(names_anyone);
    anyone && !statement.get("Condition").is_some_and(narrows)
}

fn names_anyone(principal: &Value) -> bool {
    match principal {
        Value::String(text) => text.contains('*'),
        Value::Array(items) => items.iter().any(names_anyone),
        Value::Object(kinds) => kinds.values().any(names_anyone),
        _ => false,
    }
}

fn narrows(condition: &Value) -> bool {
    let Some(operators) = condition.as_object() else { return false };
    operators.iter().any(|(operator, keys)| {
        let operator = operator.to_ascii_lowercase();
        let positive =
            ["stringequals", "stringlike", "arnequals", "arnlike", "ipaddress"].iter().any(|kind| {
                operator.strip_prefix("forallvalues:").is_none()
                    && operator
                        .strip_prefix("foranyvalue:")
                        .unwrap_or(&operator)
                        .trim_end_matches("ignorecase")
                        == *kind
            });
        let of_addresses = operator.ends_with("ipaddress");
        let fixed = |(key, values): (&String, &Value)| is_fixed(key, values, of_addresses);
        positive && keys.as_object().is_some_and(|keys| keys.iter().any(fixed))
    })
}

fn is_fixed(key: &str, values: &Value, of_addresses: bool) -> bool {
    let key = key.to_ascii_lowercase();
    let all = |fits: &dyn Fn(&str) -> bool| match values {
        Value::String(text) => fits(text),
        Value::Array(items) => !items.is_empty() && items.iter().all(|item| item.as_str().is_some_and(fits)),
        _ => false,
    };
    if !NARROWING.contains(&key.as_str()) {
        return false;
    }
    if key == "aws:sourceip" {
        return of_addresses && all(&is_narrow_range);
    }
    all(&|text| !text.contains('*') && !text.contains('?') && !text.contains("${"))
}

/// One address, or a range of them that is not nearly the whole world's.
// SECURITY: what is no address is nothing fixed: a pattern of a text may hold for all of them.
fn is_narrow_range(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let (bits_min, bits_max) = if address.is_ipv6() { (32, 128) } else { (8, 32) };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| (bits_min..=bits_max).contains(&bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(principal: &str, condition: &str) -> bool {
        is_public(&format!(
            r#"{{"Statement":[{{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Principal":{principal}{condition}}}]}}"#
        ))
    }

    #[test]
    fn whoever_is_let_in_makes_a_policy_public() {
        assert!(
            of(r#""*""#, "") && of(r#"{"AWS":"*"}"#, "") && of(r#"{"AWS":["arn:aws:iam::1:root","*"]}"#, "")
        );
        assert!(!of(r#"{"AWS":"arn:aws:iam::123456789012:root"}"#, ""));
        assert!(!of(r#"{"Service":"cloudtrail.amazonaws.com"}"#, ""));
        for (condition, public) in [
            (r#","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#, false),
            (r#","Condition":{"StringLike":{"aws:PrincipalArn":"arn:*"}}"#, true),
            (r#","Condition":{"StringEquals":{"aws:UserAgent":"x"}}"#, true),
            (r#","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/24"}}"#, false),
            (r#","Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, true),
            (r#","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.1"}}"#, false),
            (r#","Condition":{"IpAddress":{"aws:SourceIp":["2001:db8::/32","::/0"]}}"#, true),
            (r#","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}"#, true),
            (r#","Condition":{"IpAddress":{"aws:SourceIp":"*"}}"#, true),
            (r#","Condition":{"StringLike":{"aws:SourceIp":"*"}}"#, true),
            (r#","Condition":{"StringLike":{"aws:SourceIp":"*.*.*.*"}}"#, true),
            (r#","Condition":{"StringLike":{"aws:SourceIp":"10.0.0.1"}}"#, true),
            (r#","Condition":{"StringLike":{"aws:PrincipalAccount":"1*"}}"#, true),
            (r#","Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}"#, true),
            (r#","Condition":{"Bool":{"aws:SecureTransport":"true"}}"#, true),
        ] {
            assert_eq!(of(r#""*""#, condition), public, "{condition}");
        }
        assert!(!is_public(r#"{"Statement":{"Effect":"Deny","Principal":"*"}}"#) && is_public("{"));
    }
}
