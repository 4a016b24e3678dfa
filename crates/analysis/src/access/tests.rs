//! Comparisons: what is shown, what is not, and that what is shown is true of the evaluator.

use super::*;

fn policy(statements: &str) -> Document {
    Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap()
}

fn allow(action: &str, resource: &str, more: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":{action},"Resource":{resource}{more}}}"#)
}

#[test]
fn new_access_is_what_is_not_shown_to_be_old() {
    let all = allow(r#""*""#, r#""*""#, "");
    let gets = allow(r#""s3:Get*""#, r#""arn:aws:s3:::b/*""#, "");
    let one = allow(r#""s3:GetObject""#, r#""arn:aws:s3:::b/k""#, "");
    let region = r#","Condition":{"StringEquals":{"aws:RequestedRegion":["b","a"]}}"#;
    let same_region = r#","Condition":{"StringEquals":{"AWS:requestedregion":["a","b"]}}"#;
    let bound = allow(r#""s3:GetObject""#, r#""arn:aws:s3:::b/k""#, region);
    let bound_too = allow(r#""s3:GetObject""#, r#""arn:aws:s3:::b/k""#, same_region);
    let deny = r#"{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b/secret/*"}"#;
    let everything_but = r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#;
    let less = r#"{"Effect":"Allow","NotAction":["iam:*","sts:*"],"Resource":"*"}"#;
    let items = allow(r#"["dynamodb:GetItem","dynamodb:BatchGetItem"]"#, r#""*""#, "");
    let pattern = allow(r#""dynamodb:*GetItem""#, r#""*""#, "");
    for (new, existing, expected) in [
        (one.clone(), gets.clone(), 0),
        (gets.clone(), one.clone(), 1),
        (all.clone(), gets.clone(), 1),
        (gets.clone(), all.clone(), 0),
        (one.clone(), bound.clone(), 1),
        (bound.clone(), one.clone(), 0),
        (bound.clone(), bound_too, 0),
        (gets.clone(), format!("{gets},{deny}"), 1),
        (format!("{gets},{deny}"), format!("{gets},{deny}"), 0),
        (one.clone(), format!("{gets},{deny}"), 0),
        (format!("{all},{}", all.replace("Allow", "Deny")), one.clone(), 0),
        (less.to_owned(), everything_but.to_owned(), 0),
        (everything_but.to_owned(), less.to_owned(), 1),
        (one.clone(), everything_but.to_owned(), 0),
        (everything_but.to_owned(), all.clone(), 0),
        (pattern, items, 0),
    ] {
        assert_eq!(new_access(&policy(&new), &policy(&existing)).len(), expected, "{new} after {existing}");
    }
}

#[test]
fn what_is_listed_is_granted_or_not() {
    let listed = |actions: &[&str], resources: &[&str]| {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        [Listed { actions: texts(actions), resources: texts(resources) }]
    };
    let gets = allow(r#""s3:Get*""#, r#""arn:aws:s3:::b/*""#, "");
    let deny = r#"{"Effect":"Deny","Action":"s3:GetObject","Resource":"*"}"#;
    for (text, wanted, expected) in [
        (gets.clone(), listed(&["s3:GetObject"], &[]), 1),
        (gets.clone(), listed(&["S3:getobject"], &["arn:aws:s3:::b/k"]), 1),
        (gets.clone(), listed(&["s3:GetObject"], &["arn:aws:s3:::c/k"]), 0),
        (gets.clone(), listed(&["s3:PutObject"], &[]), 0),
        (gets.clone(), listed(&[], &["arn:aws:s3:::b/k"]), 1),
        (format!("{gets},{deny}"), listed(&["s3:GetObject"], &[]), 0),
        (format!("{gets},{deny}"), listed(&["s3:GetObjectAcl"], &[]), 1),
    ] {
        assert_eq!(granted(&policy(&text), &wanted).len(), expected, "{text}");
    }
}

#[test]
fn everyone_is_told_from_someone() {
    let of = |principal: &str, more: &str| {
        let text = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"s3:*","Resource":"*"{more}}}]}}"#
        );
        no_public_access(&text).unwrap().len()
    };
    let when = |operator: &str, key: &str, value: &str| {
        format!(r#","Condition":{{"{operator}":{{"{key}":"{value}"}}}}"#)
    };
    for (principal, more, expected) in [
        (r#""*""#, String::new(), 1),
        (r#"{"AWS":"*"}"#, String::new(), 1),
        (r#"{"AWS":"111111111111"}"#, String::new(), 0),
        (r#"{"Service":"sns.amazonaws.com"}"#, String::new(), 0),
        (r#""*""#, when("StringEquals", "aws:PrincipalOrgID", "o-1"), 0),
        (r#""*""#, when("StringLike", "aws:PrincipalOrgID", "*"), 1),
        (r#""*""#, when("StringEqualsIfExists", "aws:PrincipalOrgID", "o-1"), 1),
        (r#""*""#, when("ForAllValues:StringEquals", "aws:PrincipalOrgID", "o-1"), 1),
        (r#""*""#, when("StringNotEquals", "aws:PrincipalOrgID", "o-1"), 1),
        (r#""*""#, when("Bool", "aws:SecureTransport", "true"), 1),
        (r#""*""#, when("IpAddress", "aws:SourceIp", "0.0.0.0/0"), 1),
        (r#""*""#, when("IpAddress", "aws:SourceIp", "192.0.2.0/24"), 0),
        (r#""*""#, when("ArnLike", "aws:SourceArn", "arn:aws:sns:*:111111111111:*"), 0),
        (r#""*""#, when("ArnLike", "aws:SourceArn", "arn:aws:sns:*:*:*"), 1),
        (r#""*""#, when("ArnLike", "aws:SourceArn", "arn:aws:s3:::bucket*"), 1),
        (r#""*""#, when("IpAddress", "aws:SourceIp", "192.0.2.1"), 0),
        (r#""*""#, when("StringLike", "aws:SourceIp", "*"), 1),
        (r#""*""#, when("StringLike", "aws:userid", "*:*"), 1),
        (r#""*""#, when("StringLike", "aws:userid", "A*"), 1),
        (r#""*""#, when("StringLike", "aws:userid", "AROAABCDEFGHIJKLMNOPQ:*"), 0),
        (r#""*""#, when("StringLike", "aws:PrincipalOrgID", "o-*"), 1),
        (r#""*""#, when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-*/*"), 1),
        (r#""*""#, when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-a1b2c3d4e5/*"), 0),
        (r#""*""#, when("StringLike", "aws:PrincipalAccount", "1*"), 1),
        (r#""*""#, when("StringLike", "aws:SourceVpce", "vpce-*"), 1),
        (r#""*""#, when("ArnLike", "s3:DataAccessPointArn", "arn:aws:s3:*:*:accesspoint/*"), 1),
        (r#""*""#, when("ArnLike", "s3:DataAccessPointArn", "arn:aws:s3:*:111111111111:accesspoint/*"), 0),
        (r#"{"Federated":"accounts.google.com"}"#, String::new(), 1),
        (r#"{"Federated":"accounts.google.com"}"#, when("StringEquals", "accounts.google.com:aud", "me"), 0),
    ] {
        assert_eq!(of(principal, &more), expected, "{principal} {more}");
    }
    assert!(no_public_access("{}").is_err());
    for nobody in
        ["", r#""Principal":{},"#, r#""Principal":{"AWS":[]},"#, r#""Principal":7,"#, r#""Principal":"me","#]
    {
        let text =
            format!(r#"{{"Statement":[{{"Effect":"Allow",{nobody}"Action":"s3:*","Resource":"*"}}]}}"#);
        assert!(no_public_access(&text).is_err(), "{text}");
    }
}

/// The audience is what everybody asks for; whose people come, one claim says.
#[test]
fn the_people_of_a_shared_provider_are_told_apart() {
    let of = |provider: &str, condition: &serde_json::Value| {
        let provider = format!("arn:aws:iam::111111111111:oidc-provider/{provider}");
        let statement = serde_json::json!({"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": provider}, "Condition": condition});
        may_be_public(&serde_json::json!({ "Statement": statement }).to_string())
    };
    let github = "token.actions.githubusercontent.com";
    let by = |operator: &str, claim: &str, value: &str| {
        let condition = serde_json::json!({operator: {format!("{github}:{claim}"): value}});
        of(github, &condition)
    };
    assert!(of(github, &serde_json::json!({})) && by("StringEquals", "aud", "sts.amazonaws.com"));
    for (value, public) in [
        ("repo:octo/app:ref:refs/heads/main", false),
        ("repo:octo/*", false),
        ("repo:octo/app:*", false),
        ("repository_owner_id:12:*", false),
        ("repo:*", true),
        ("repo:octo*", true),
        ("repo:*/app:*", true),
        ("*octo/app*", true),
        ("repo:/*", true),
        ("r?po:octo/app", true),
        ("*", true),
        ("", true),
    ] {
        assert_eq!(by("StringLike", "sub", value), public, "{value}");
    }
    assert!(by("StringNotLike", "sub", "repo:octo/*"));
    // Where no customers share it, its audience is somebody's; where they are told apart by it, it is the one that counts.
    let plain = |key: &str| serde_json::json!({"StringEquals": {key: "x"}});
    assert!(!of("idp.example", &plain("idp.example:aud")));
    assert!(!of("oidc.vercel.com", &plain("oidc.vercel.com:aud")));
    assert!(of("oidc.vercel.com", &plain("oidc.vercel.com:sub")));
    // Trusted beside one that is not told apart.
    let both = serde_json::json!({"Statement": {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal":
        {"Federated": ["arn:aws:iam::1:oidc-provider/idp.example", "arn:aws:iam::1:oidc-provider/gitlab.com"]},
        "Condition": {"StringEquals": {"idp.example:aud": "x"}}}});
    assert!(may_be_public(&both.to_string()));
}

fn bucket(principal: &str, condition: &str) -> bool {
    may_be_public(&format!(
        r#"{{"Statement":[{{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Principal":{principal}{condition}}}]}}"#
    ))
}

#[test]
fn whoever_is_let_in_makes_a_policy_public() {
    assert!(
        bucket(r#""*""#, "")
            && bucket(r#"{"AWS":"*"}"#, "")
            && bucket(r#"{"AWS":["arn:aws:iam::1:root","*"]}"#, "")
    );
    assert!(!bucket(r#"{"AWS":"arn:aws:iam::123456789012:root"}"#, ""));
    assert!(!bucket(r#"{"Service":"cloudtrail.amazonaws.com"}"#, ""));
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
        assert_eq!(bucket(r#""*""#, condition), public, "{condition}");
    }
    assert!(!may_be_public(r#"{"Statement":{"Effect":"Deny","Principal":"*"}}"#) && may_be_public("{"));
}
