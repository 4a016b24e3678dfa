//! Who is let in from outside, as a table.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const OWN: &str = "111111111111";
const OTHER: &str = "222222222222";

fn zone() -> Zone {
    Zone { accounts: [OWN.to_owned()].into(), organization: None }
}

fn found(statements: &Value, zone: &Zone) -> Vec<(String, bool, String, String)> {
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let shown = exposures(&text, zone).unwrap().into_iter().map(|it| {
        let actions: Vec<String> = it.actions.into_iter().collect();
        let conditions: Vec<String> =
            it.conditions.iter().map(|(key, value)| format!("{key}={value}")).collect();
        (format!("{} {}", it.kind, it.principal), it.is_public, actions.join(" "), conditions.join(" "))
    });
    shown.collect()
}

fn allow(principal: &Value, condition: &Value) -> Value {
    json!([{"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::b/*", "Condition": condition}])
}

#[test]
fn who_comes_from_outside_is_told() {
    for (principal, condition, expected) in [
        (json!({"AWS": format!("arn:aws:iam::{OWN}:root")}), json!({}), None),
        (json!({"AWS": OWN}), json!({}), None),
        (json!({"AWS": format!("arn:aws:iam::{OWN}:role/r")}), json!({}), None),
        (json!({"AWS": "AROAEXAMPLEEXAMPLEID"}), json!({}), None),
        (json!({"Service": "lambda.amazonaws.com"}), json!({}), None),
        (json!({"AWS": OTHER}), json!({}), Some(("AWS 222222222222", false, ""))),
        (
            json!({"AWS": format!("arn:aws:iam::{OTHER}:root")}),
            json!({}),
            Some(("AWS 222222222222", false, "")),
        ),
        (
            json!({"AWS": format!("arn:aws:iam::{OTHER}:role/r")}),
            json!({}),
            Some(("AWS arn:aws:iam::222222222222:role/r", false, "")),
        ),
        (json!("*"), json!({}), Some(("AWS *", true, ""))),
        (json!({"AWS": "*"}), json!({}), Some(("AWS *", true, ""))),
        (json!("*"), json!({"StringEquals": {"aws:PrincipalAccount": OWN}}), None),
        (
            json!("*"),
            json!({"StringEqualsIfExists": {"aws:PrincipalAccount": OWN}}),
            Some(("AWS *", true, "aws:PrincipalAccount=")),
        ),
        (
            json!("*"),
            json!({"StringEquals": {"AWS:principalaccount": [OWN, OTHER]}}),
            Some(("AWS *", false, "aws:PrincipalAccount=222222222222")),
        ),
        (json!("*"), json!({"ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{OWN}:role/*")}}), None),
        (
            json!("*"),
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/r"}}),
            Some(("AWS *", true, "aws:PrincipalArn=arn:aws:iam::*:role/r")),
        ),
        (
            json!("*"),
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
            Some(("AWS *", false, "aws:PrincipalOrgID=o-1")),
        ),
        (
            json!("*"),
            json!({"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}),
            Some(("AWS *", false, "aws:SourceIp=198.51.100.0/24")),
        ),
        (json!("*"), json!({"Bool": {"aws:SecureTransport": "true"}}), Some(("AWS *", true, ""))),
        (json!("*"), json!({"StringEquals": {"aws:SourceAccount": OWN}}), None),
        (
            json!({"Federated": "cognito-identity.amazonaws.com"}),
            json!({"StringEquals": {"cognito-identity.amazonaws.com:aud": "p"}}),
            Some(("Federated cognito-identity.amazonaws.com", false, "cognito-identity.amazonaws.com:aud=p")),
        ),
        (
            json!({"Federated": "accounts.google.com"}),
            json!({}),
            Some(("Federated accounts.google.com", true, "")),
        ),
    ] {
        let told = found(&allow(&principal, &condition), &zone());
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(who, public, conditions)| {
                (who.to_owned(), public, "s3:GetObject".to_owned(), conditions.to_owned())
            })
            .collect();
        assert_eq!(told, expected, "{principal} where {condition}");
    }
}

#[test]
fn an_organization_is_a_zone() {
    let organization =
        Zone { accounts: [OWN.to_owned(), OTHER.to_owned()].into(), organization: Some("o-1".to_owned()) };
    let by_id = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}});
    let by_path = json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/*"}});
    for statements in
        [allow(&json!({"AWS": OTHER}), &json!({})), allow(&json!("*"), &by_id), allow(&json!("*"), &by_path)]
    {
        assert_eq!(found(&statements, &organization), [], "{statements}");
        assert_eq!(found(&statements, &zone()).len(), 1, "{statements}");
    }
    let others = allow(&json!("*"), &json!({"StringLike": {"aws:PrincipalOrgPaths": "o-12/*"}}));
    assert_eq!(found(&others, &organization).len(), 1);
}

#[test]
fn what_is_denied_is_not_told() {
    let open = json!({"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::b/*"});
    let deny = |action: &str, more: Value| {
        let mut denial = json!({"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"});
        for (key, value) in more.as_object().unwrap() {
            denial[key] = value.clone();
        }
        json!([open, denial])
    };
    let actions = |statements: &Value| found(statements, &zone()).first().map(|it| it.2.clone());
    assert_eq!(actions(&deny("s3:PutObject", json!({}))).as_deref(), Some("s3:GetObject"));
    assert_eq!(actions(&deny("s3:*", json!({}))), None);
    let both = Some("s3:GetObject s3:PutObject");
    let insecure = json!({"Condition": {"Bool": {"aws:SecureTransport": "false"}}});
    assert_eq!(actions(&deny("s3:*", insecure)).as_deref(), both);
    let foreign = json!({"Condition": {"StringNotEquals": {"aws:PrincipalAccount": OWN},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}});
    assert_eq!(actions(&deny("s3:*", foreign)), None);
    let not_quite = json!({"Condition": {"StringNotEquals": {"aws:PrincipalAccount": [OWN, OTHER]}}});
    assert_eq!(actions(&deny("s3:*", not_quite)).as_deref(), both);
    let some = json!({"Principal": {"AWS": OTHER}});
    assert_eq!(actions(&deny("s3:*", some)).as_deref(), both);
}

#[test]
fn statements_for_the_same_outsider_are_one() {
    let statements = json!([
        {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "s3:GetObject", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": [OTHER, OWN]}, "Action": "s3:PutObject", "Resource": "*"},
        {"Effect": "Allow", "NotPrincipal": {"AWS": OWN}, "NotAction": "s3:DeleteObject", "Resource": "*"},
    ]);
    let told = found(&statements, &zone());
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].0.as_str(), told[0].1, told[0].2.as_str()), ("AWS *", true, "*"));
    assert_eq!((told[1].0.as_str(), told[1].2.as_str()), ("AWS 222222222222", "s3:GetObject s3:PutObject"));
}

proptest! {
    /// What the evaluator lets an outsider do, a finding tells.
    #[test]
    fn nobody_whom_the_evaluator_lets_in_is_left_out(
        statements in prop::collection::vec((any::<bool>(), 0..6_usize, 0..3_usize, 0..6_usize), 1..5)
    ) {
        let principals = [
            json!("*"), json!({"AWS": OTHER}), json!({"AWS": OWN}), json!({"AWS": format!("arn:aws:iam::{OTHER}:user/bob")}),
            json!({"AWS": [OWN, OTHER]}), json!({"AWS": "*"}),
        ];
        let actions = [json!("s3:GetObject"), json!("s3:*"), json!(["s3:PutObject"])];
        let conditions = [
            json!({}), json!({"StringEquals": {"aws:PrincipalAccount": OWN}}),
            json!({"StringNotEquals": {"aws:PrincipalAccount": OWN}}), json!({"Bool": {"aws:SecureTransport": "true"}}),
            json!({"StringEqualsIfExists": {"aws:PrincipalAccount": OTHER}}), json!({"Bool": {"aws:SecureTransport": "false"}}),
        ];
        let each: Vec<Value> = statements.iter().map(|(allows, principal, action, condition)| json!({
            "Effect": if *allows { "Allow" } else { "Deny" }, "Principal": principals[*principal], "Action": actions[*action],
            "Resource": "arn:aws:s3:::b/*", "Condition": conditions[*condition],
        })).collect();
        let text = json!({"Version": "2012-10-17", "Statement": each}).to_string();
        let policy = policy::Policy::parse(&text, policy::PolicyKind::Resource).unwrap();
        let bob = format!("arn:aws:iam::{OTHER}:user/bob");
        let context = policy::Context::new().with("aws:SecureTransport", "true");
        let identity = policy::Policy::parse(
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#, policy::PolicyKind::Identity).unwrap();
        let identity = [policy::NamedPolicy::new("all", identity)];
        let view = policy::PrincipalView { lender: None,
            kind: policy::PrincipalKind::User, arn: &bob, account: OTHER, role_arn: None, service: None, user_id: "AIDAX",
        };
        let request = policy::Request {
            principal: view, action: "s3:GetObject", resource: "arn:aws:s3:::b/k", resource_account: OWN, context: &context,
        };
        let set = policy::PolicySet { identity: &identity, resource: Some(&policy), ..policy::PolicySet::default() };
        if matches!(policy::evaluate(&request, &set), policy::Decision::Allow(_)) {
            let told = exposures(&text, &zone()).unwrap();
            prop_assert!(!told.is_empty(), "{text}");
        }
    }
}
