//! Random cases, out of pools so small that things meet.

#![allow(clippy::too_many_lines, reason = "lists")]

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{AWAY, CALLERS, Case, HOME};

fn pick<T: Clone + std::fmt::Debug + 'static>(pool: Vec<T>) -> impl Strategy<Value = T> {
    prop::sample::select(pool)
}

fn conditions() -> impl Strategy<Value = Option<Value>> {
    let set = || pick(vec!["", "", "ForAnyValue:", "ForAllValues:"]);
    let if_exists = || pick(vec!["", "IfExists"]);
    let block = |operators: Vec<&'static str>, keys: Vec<&'static str>, values: Vec<&'static str>| {
        let values = prop::collection::vec(pick(values), 1..3);
        (set(), pick(operators), if_exists(), pick(keys), values).prop_map(
            |(set, operator, if_exists, key, values)| json!({ format!("{set}{operator}{if_exists}"): { key: values } }),
        )
    };
    let texts = block(
        vec![
            "StringEquals",
            "StringNotEquals",
            "StringLike",
            "StringNotLike",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
        ],
        vec![
            "k:one",
            "K:Many",
            "k:none",
            "aws:PrincipalType",
            "AWS:principalArn",
            "aws:userid",
            "aws:username",
        ],
        vec![
            "",
            "1",
            "2",
            "ana",
            "ANA",
            "User",
            "*:s1",
            "arn:aws:iam::*:role/app",
            "${k:one}${k:none,''}",
            "${aws:username}",
            "${k:one}",
            "${k:none, 'ana'}",
            "${k:many,'x'}c",
            "a*",
            "?",
        ],
    );
    let numbers = block(
        vec![
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ],
        vec!["k:one", "K:Many", "k:none", "aws:ResourceAccount"],
        vec!["1", "2", "10", "1.5", "2.0", "111111111111"],
    );
    let arns = block(
        vec!["ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals"],
        vec!["k:arn", "k:one", "aws:PrincipalArn"],
        vec![
            "*",
            "arn:aws:s3",
            "arn:aws:s3:::b*",
            "arn:aws:iam::*:role/?",
            "arn:aws:iam::111111111111:*/${k:one, 'app'}*",
            "arn:*:iam::1:role/a:b",
            "a*",
        ],
    );
    let dates = block(
        vec![
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ],
        vec!["k:when", "k:one"],
        vec![
            "2026-01-01T00:00:00Z",
            "2025-01-01T00:00:00Z",
            "2026-01-01",
            "2026-01-01T01:00+01:00",
            "1748736000",
        ],
    );
    let booleans = block(
        vec!["Bool"],
        vec!["k:flag", "k:one", "aws:PrincipalIsAWSService"],
        vec!["true", "false", "${k:flag}", "${k:none, 'TRUE'}", "${k:one}"],
    );
    let networks = block(
        vec!["IpAddress", "NotIpAddress"],
        vec!["k:ip", "k:one"],
        vec!["10.0.0.0/8", "10.1.0.0/16", "192.0.2.1", "0.0.0.0/0", "2001:db8::/32", "::/0"],
    );
    let null = (
        pick(vec!["k:one", "k:none", "k:many", "aws:username", "aws:PrincipalServiceName"]),
        pick(vec!["true", "false"]),
    )
        .prop_map(|(key, value)| json!({ "Null": { key: value } }));
    let one =
        prop_oneof![4 => texts, 2 => numbers, 2 => arns, 1 => dates, 1 => booleans, 1 => networks, 1 => null];
    // Several blocks under one roof: operators and keys are anded.
    let several = prop::collection::vec(one, 1..3).prop_map(|blocks| {
        let mut all = json!({});
        for block in blocks {
            for (operator, keys) in block.as_object().unwrap() {
                for (key, values) in keys.as_object().unwrap() {
                    all[operator][key] = values.clone();
                }
            }
        }
        all
    });
    prop::option::weighted(0.6, several)
}

pub(crate) fn policy(principals: bool) -> impl Strategy<Value = Value> {
    let actions = prop::collection::vec(
        pick(vec!["*", "s3:*", "S3:getobject", "s3:Get*", "d:?etItem", "d:PutItem", "sts:*", "sts:Assume*"]),
        1..3,
    );
    let resources = prop::collection::vec(
        pick(vec![
            "*",
            "arn:aws:s3:::b/*",
            "arn:aws:s3:::b/${aws:username}/*",
            "arn:aws:s3:::b/${k:one, 'ana'}/x",
            "arn:aws:s3:::b/???/x",
            "arn:aws:iam",
            "arn:aws:d:*:*:table/t*",
            "arn:aws:d:*:table/t*:x",
            "arn:aws:d:us-*1:*",
            "arn:aws:s3:::b/*a/x",
            "arn:aws:s3:::b/*a:?/*",
            "arn:aws:s3:::b/?*${k:one, ':'}/x",
        ]),
        1..3,
    );
    let principal = pick(vec![
        json!("*"),
        json!({ "AWS": "*" }),
        json!({ "AWS": "arn:aws:iam::111111111111:root" }),
        json!({ "AWS": ["arn:aws:iam::111111111111:user/ana", "arn:aws:iam::222222222222:root"] }),
        json!({ "AWS": ["arn:aws:iam::111111111111:user/ana", "arn:aws:iam::111111111111:root"] }),
        json!({ "AWS": "arn:aws:iam::111111111111:role/app" }),
        json!({ "AWS": ["arn:aws:sts::111111111111:assumed-role/app/s1"] }),
        json!({ "AWS": ["arn:aws:sts::111111111111:assumed-role/app/s1", "arn:aws:iam::111111111111:root", "arn:aws:iam::111111111111:role/app"] }),
        json!({ "AWS": ["AIDAEXAMPLEEXAMPLE00", "arn:aws:iam::111111111111:root"] }),
        json!({ "AWS": "AROAEXAMPLEEXAMPLE00" }),
        json!({ "AWS": "arn:aws:sts::111111111111:federated-user/bob" }),
        json!({ "Federated": "accounts.example.com" }),
        json!({ "AWS": "arn:aws:iam::222222222222:root", "Service": "x.amazonaws.com" }),
        json!({ "Service": "x.amazonaws.com" }),
        json!({ "Service": "y.amazonaws.com" }),
    ]);
    let not = || prop::bool::weighted(0.2);
    let statement =
        (prop::bool::weighted(0.75), (not(), actions), (not(), resources), (not(), principal), conditions())
            .prop_map(
                move |(
                    allow,
                    (not_action, actions),
                    (not_resource, resources),
                    (not_principal, principal),
                    condition,
                )| {
                    let mut statement = json!({ "Effect": if allow { "Allow" } else { "Deny" } });
                    statement[if not_action { "NotAction" } else { "Action" }] = json!(actions);
                    statement[if not_resource { "NotResource" } else { "Resource" }] = json!(resources);
                    if principals {
                        statement[if not_principal { "NotPrincipal" } else { "Principal" }] = principal;
                    }
                    if let Some(condition) = condition {
                        statement["Condition"] = condition;
                    }
                    statement
                },
            );
    let version = pick(vec!["2012-10-17", "2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"]);
    (version, prop::collection::vec(statement, 1..4)).prop_map(|(version, statements)| {
        // Without variables, `${…}` is no boolean.
        let wants_variables = |statement: &Value| {
            let operators = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
            operators
                .filter(|(operator, _)| operator.contains("Bool"))
                .any(|(_, keys)| keys.to_string().contains('$'))
        };
        let version = if statements.iter().any(wants_variables) { "2012-10-17" } else { version };
        json!({ "Version": version, "Statement": statements })
    })
}

/// A policy for an organization's limits: positive principals, as its parser wants them.
fn control(principals: bool) -> impl Strategy<Value = Value> {
    policy(principals).prop_map(move |mut policy| {
        for statement in policy["Statement"].as_array_mut().unwrap() {
            let members = statement.as_object_mut().unwrap();
            if let Some(principal) = members.remove("NotPrincipal") {
                members.insert("Principal".to_owned(), principal);
            }
        }
        policy
    })
}

/// The same statements as a role's trust policy has them: of STS alone, and of no resource.
fn as_trust(mut policy: Value) -> Value {
    for statement in policy["Statement"].as_array_mut().unwrap() {
        let members = statement.as_object_mut().unwrap();
        for element in ["Resource", "NotResource", "NotAction"] {
            members.remove(element);
        }
        if let Some(principal) = members.remove("NotPrincipal") {
            members.insert("Principal".to_owned(), principal);
        }
        let actions = members.get("Action").and_then(Value::as_array).cloned().unwrap_or_default();
        let is_sts = actions.iter().any(|action| action.as_str().is_some_and(|it| it.starts_with('s')));
        members.insert("Action".to_owned(), json!(if is_sts { "sts:Assume*" } else { "sts:TagSession" }));
    }
    policy
}

fn levels(principals: bool) -> impl Strategy<Value = Vec<Vec<Value>>> {
    let everything = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let mut full = json!({ "Version": "2012-10-17", "Statement": [everything] });
    if principals {
        full["Statement"][0]["Principal"] = json!("*");
    }
    // Mostly with the policy that allows everything: else hardly any case would be allowed.
    let level = (prop::bool::weighted(0.8), prop::collection::vec(control(principals), 0..2));
    let level = level.prop_map(move |(with_full, mut policies)| {
        if with_full {
            policies.push(full.clone());
        }
        policies
    });
    prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(level, 1..4)]
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let value = || pick(vec!["", "1", "2", "ana", "abc", "x", "10"]);
    let single = |name: &'static str, values: Vec<&'static str>| {
        prop::option::of(pick(values)).prop_map(move |value| value.map(|value| (name, vec![value])))
    };
    let singles = (
        single("k:One", vec!["", "1", "2", "1.5", "ana", "ANA", "abc", "x", "a*", "app"]),
        single(
            "k:Arn",
            vec!["arn:aws:s3:::bucket", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a:b", "a:b", "x"],
        ),
        single(
            "k:when",
            vec!["2025-06-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01", "1767225600", "x"],
        ),
        single("k:flag", vec!["true", "False", "x"]),
        single(
            "k:ip",
            vec!["10.1.2.3", "10.9.9.9", "192.0.2.1", "::ffff:10.1.2.3", "2001:db8:1::1", "2001:db9::1", "x"],
        ),
        // What only the principal can say.
        single("aws:UserName", vec!["ana", "bob"]),
        single("aws:principalType", vec!["User"]),
    );
    let context =
        (singles, prop::collection::vec(value(), 0..3)).prop_map(|((a, b, c, d, e, f, g), many)| {
            let mut context: Vec<_> = [a, b, c, d, e, f, g].into_iter().flatten().collect();
            if !many.is_empty() {
                context.push(("k:many", many));
            }
            context
        });
    let request = (
        pick(CALLERS.to_vec()),
        pick(vec!["s3:GetObject", "S3:PUTOBJECT", "d:GetItem"]),
        pick(vec![
            "arn:aws:s3:::b/ana/x",
            "arn:aws:s3:::b/bob/x",
            "arn:aws:s3:::b/bob:ana/x",
            "arn:aws:s3:::b/ana::/x",
            "arn:aws:d:us-east-1:1:table/t",
            "arn:aws:d:us-east-1:1:table/t:1:x",
            "*",
        ]),
        pick(vec![HOME, HOME, HOME, AWAY, AWAY, ""]),
        context,
    );
    let policies = (
        prop::collection::vec(policy(false), 0..3),
        prop::option::weighted(0.3, policy(false)),
        prop::collection::vec(policy(false), 0..2),
        prop::option::of(policy(true)),
    );
    let around = (
        levels(false),
        levels(true),
        prop::option::weighted(0.15, policy(true)),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.15),
    );
    (request, policies, around).prop_map(|(request, policies, around)| {
        let (caller, action, resource, owner, context) = request;
        let (identity, boundary, session, resource_policy) = policies;
        let (service_control, resource_control, endpoint, resource_decides, grant, trust) = around;
        let trust = trust && resource_policy.is_some();
        let (action, resource) =
            if trust { ("sts:AssumeRole", "arn:aws:iam::111111111111:role/app") } else { (action, resource) };
        let resource_policy = if trust { resource_policy.map(as_trust) } else { resource_policy };
        Case {
            caller,
            trust,
            action,
            resource,
            owner,
            context,
            identity,
            boundary,
            session,
            resource_policy,
            resource_decides,
            grant,
            endpoint,
            service_control,
            resource_control,
        }
    })
}
