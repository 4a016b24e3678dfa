//! Random policies and requests, decided a second time by an evaluator written straight from AWS's rules, naively.
//!
//! It shares no code with the crate: JSON trees, recursive wildcards, and sets of principals.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use policy::{
    Context, NamedPolicy, Policy, PolicyKind, PolicySet, PrincipalKind, PrincipalView, Request, evaluate,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const HOME: &str = "111111111111";
const AWAY: &str = "222222222222";

/// A caller with the names it may be called by.
#[derive(Clone, Debug)]
struct Caller {
    kind: PrincipalKind,
    arn: &'static str,
    role: Option<&'static str>,
    service: Option<&'static str>,
}

const CALLERS: [Caller; 5] = [
    Caller {
        kind: PrincipalKind::User,
        arn: "arn:aws:iam::111111111111:user/ana",
        role: None,
        service: None,
    },
    Caller { kind: PrincipalKind::Root, arn: "arn:aws:iam::111111111111:root", role: None, service: None },
    Caller {
        kind: PrincipalKind::AssumedRole,
        arn: "arn:aws:sts::111111111111:assumed-role/app/s1",
        role: Some("arn:aws:iam::111111111111:role/app"),
        service: None,
    },
    Caller { kind: PrincipalKind::Service, arn: "", role: None, service: Some("x.amazonaws.com") },
    Caller { kind: PrincipalKind::Anonymous, arn: "", role: None, service: None },
];

impl Caller {
    fn account(&self) -> &'static str {
        if self.arn.is_empty() { "" } else { HOME }
    }

    fn view(&self) -> PrincipalView<'static> {
        PrincipalView {
            kind: self.kind,
            arn: self.arn,
            account: self.account(),
            role_arn: self.role,
            service: self.service,
            user_id: "ID",
        }
    }
}

#[derive(Clone, Debug)]
struct Case {
    caller: Caller,
    action: &'static str,
    resource: &'static str,
    owner: &'static str,
    context: Vec<(&'static str, Vec<&'static str>)>,
    identity: Vec<Value>,
    boundary: Option<Value>,
    session: Vec<Value>,
    resource_policy: Option<Value>,
}

// ---- the reference -------------------------------------------------------------------------------------------------

fn glob(pattern: &[char], text: &[char]) -> bool {
    match pattern.first() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).any(|skip| glob(&pattern[1..], &text[skip..])),
        Some(one) => !text.is_empty() && (*one == '?' || *one == text[0]) && glob(&pattern[1..], &text[1..]),
    }
}

fn like(pattern: &str, text: &str) -> bool {
    glob(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        other => vec![other.as_str().unwrap().to_owned()],
    }
}

impl Case {
    fn values(&self, key: &str) -> Vec<String> {
        let found = self.context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map_or(vec![], |(_, values)| values.iter().map(|value| (*value).to_owned()).collect())
    }

    /// The only variable that the pools use; wildcards in its value do not occur there.
    fn substitute(&self, text: &str) -> Option<String> {
        if !text.contains("${aws:username}") {
            return Some(text.to_owned());
        }
        (self.caller.kind == PrincipalKind::User).then(|| text.replace("${aws:username}", "ana"))
    }

    fn selects(&self, statement: &Value, positive: &str, negative: &str, text: &str, fold: bool) -> bool {
        let fits = |value: &Value| {
            list(value).iter().any(|pattern| {
                let pattern = if fold { Some(pattern.to_lowercase()) } else { self.substitute(pattern) };
                let text = if fold { text.to_lowercase() } else { text.to_owned() };
                pattern.is_some_and(|pattern| like(&pattern, &text))
            })
        };
        match statement.get(positive) {
            Some(value) => fits(value),
            None => !fits(&statement[negative]),
        }
    }

    /// `None` where it cannot be decided.
    fn condition(&self, operator: &str, key: &str, expected: &Value) -> Option<bool> {
        let expected = list(expected);
        let actual = self.values(key);
        if operator == "Null" {
            return Some((expected[0] == "true") == actual.is_empty());
        }
        let (set, operator) =
            operator.split_once(':').map_or(("", operator), |(set, operator)| (set, operator));
        let (operator, if_exists) =
            operator.strip_suffix("IfExists").map_or((operator, false), |it| (it, true));
        let negated = operator.contains("Not");
        if actual.is_empty() {
            return Some(if_exists || set == "ForAllValues" || (set.is_empty() && negated));
        }
        if set.is_empty() && actual.len() > 1 {
            return None;
        }
        let one = |actual: &str| -> Option<bool> {
            let mut fits = false;
            for expected in &expected {
                fits |= match operator.replace("Not", "").as_str() {
                    "StringEquals" => self.substitute(expected).is_some_and(|it| it == actual),
                    "StringLike" => self.substitute(expected).is_some_and(|it| like(&it, actual)),
                    "NumericEquals" => expected.parse::<i64>().ok()? == actual.parse::<i64>().ok()?,
                    "NumericLessThan" => actual.parse::<i64>().ok()? < expected.parse::<i64>().ok()?,
                    other => unimplemented_operator(other),
                };
            }
            Some(fits != negated)
        };
        let answers: Vec<Option<bool>> = actual.iter().map(|value| one(value)).collect();
        let decisive = set != "ForAllValues";
        if answers.contains(&Some(decisive)) {
            return Some(decisive);
        }
        if answers.contains(&None) { None } else { Some(!decisive) }
    }

    fn names(&self, principal: &Value) -> Vec<&'static str> {
        let mut found = Vec::new();
        let mut entries = Vec::new();
        match principal {
            Value::String(_) => entries.push(("AWS".to_owned(), "*".to_owned())),
            Value::Object(kinds) => {
                for (kind, values) in kinds {
                    entries.extend(list(values).into_iter().map(|value| (kind.clone(), value)));
                }
            }
            _ => {}
        }
        for (kind, value) in entries {
            let root = format!("arn:aws:iam::{}:root", self.caller.account());
            if kind == "AWS" && value == "*" {
                found.push("anyone");
            } else if kind == "Service" && self.caller.service == Some(value.as_str()) {
                found.push("exact");
            } else if kind == "AWS" && !self.caller.arn.is_empty() {
                if value == self.caller.arn {
                    found.push("exact");
                } else if value == root {
                    found.push("account");
                } else if self.caller.role == Some(value.as_str()) {
                    found.push("role");
                }
            }
        }
        found
    }

    /// Whether any statement denies, and how the closest one that allows names the caller.
    fn policy(&self, policy: &Value, principals: bool) -> (bool, Option<usize>) {
        const CLOSENESS: [&str; 4] = ["account", "anyone", "role", "exact"];
        let (mut denied, mut allowed) = (false, None);
        for statement in policy["Statement"].as_array().unwrap() {
            let deny = statement["Effect"] == "Deny";
            if !self.selects(statement, "Action", "NotAction", self.action, true)
                || !self.selects(statement, "Resource", "NotResource", self.resource, false)
            {
                continue;
            }
            let mut verdicts = vec![];
            if let Some(Value::Object(operators)) = statement.get("Condition") {
                for (operator, keys) in operators {
                    for (key, expected) in keys.as_object().unwrap() {
                        verdicts.push(self.condition(operator, key, expected));
                    }
                }
            }
            let undecidable = verdicts.contains(&None) && !verdicts.contains(&Some(false));
            let holds = if undecidable { None } else { Some(!verdicts.contains(&Some(false))) };
            if !holds.unwrap_or(deny) {
                continue;
            }
            let closeness = match (principals, statement.get("Principal")) {
                (false, _) => Some(3),
                (true, Some(principal)) => self
                    .names(principal)
                    .iter()
                    .filter_map(|name| CLOSENESS.iter().position(|it| it == name))
                    .max(),
                (true, None) => {
                    let names = self.names(&statement["NotPrincipal"]);
                    let needed: &[&str] = match self.caller.kind {
                        PrincipalKind::User => &["account", "exact"],
                        PrincipalKind::AssumedRole => &["account", "role", "exact"],
                        _ => &["exact"],
                    };
                    let spared = if deny {
                        names.contains(&"anyone") || needed.iter().all(|name| names.contains(name))
                    } else {
                        !names.is_empty()
                    };
                    (!spared).then_some(1)
                }
            };
            match (closeness, deny) {
                (Some(_), true) => denied = true,
                (Some(closeness), false) => allowed = allowed.max(Some(closeness)),
                (None, _) => {}
            }
        }
        (denied, allowed)
    }

    fn allowed(&self) -> bool {
        let all = |policies: &[Value]| {
            policies
                .iter()
                .map(|policy| self.policy(policy, false))
                .fold((false, false), |(deny, allow), (d, a)| (deny || d, allow || a.is_some()))
        };
        let identity = all(&self.identity);
        let boundary = self.boundary.as_ref().map(|policy| all(std::slice::from_ref(policy)));
        let session = (!self.session.is_empty()).then(|| all(&self.session));
        let resource =
            self.resource_policy.as_ref().map_or((false, None), |policy| self.policy(policy, true));
        if identity.0 || resource.0 || boundary.is_some_and(|it| it.0) || session.is_some_and(|it| it.0) {
            return false;
        }
        if self.caller.arn.is_empty() {
            return resource.1.is_some();
        }
        let narrowed = boundary.is_none_or(|it| it.1) && session.is_none_or(|it| it.1);
        let own_side = (self.caller.kind == PrincipalKind::Root || identity.1) && narrowed;
        if self.owner == HOME {
            own_side || resource.1 == Some(3) || (matches!(resource.1, Some(1 | 2)) && narrowed)
        } else {
            own_side && resource.1.is_some()
        }
    }

    fn decided(&self) -> bool {
        let mut context = Context::new();
        for (name, values) in &self.context {
            values.iter().for_each(|value| context.add(*name, *value));
        }
        let parse = |value: &Value, kind| Policy::parse(&value.to_string(), kind).unwrap();
        let identity: Vec<_> =
            self.identity.iter().map(|it| NamedPolicy::new("p", parse(it, PolicyKind::Identity))).collect();
        let session: Vec<_> = self.session.iter().map(|it| parse(it, PolicyKind::Session)).collect();
        let boundary = self.boundary.as_ref().map(|it| parse(it, PolicyKind::Boundary));
        let resource = self.resource_policy.as_ref().map(|it| parse(it, PolicyKind::Resource));
        let set = PolicySet {
            identity: &identity,
            boundary: boundary.as_ref(),
            session: &session,
            resource: resource.as_ref(),
            ..PolicySet::default()
        };
        let request = Request {
            principal: self.caller.view(),
            action: self.action,
            resource: self.resource,
            resource_account: self.owner,
            context: &context,
        };
        evaluate(&request, &set).is_allowed()
    }
}

#[allow(clippy::panic, reason = "the pools hold no other operator")]
fn unimplemented_operator(name: &str) -> bool {
    panic!("the reference does not know {name}")
}

// ---- the pools -----------------------------------------------------------------------------------------------------

fn pick<T: Clone + std::fmt::Debug + 'static>(pool: Vec<T>) -> impl Strategy<Value = T> {
    prop::sample::select(pool)
}

fn conditions() -> impl Strategy<Value = Option<Value>> {
    let operator = pick(vec![
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
    ]);
    let block = (pick(vec!["", "ForAnyValue:", "ForAllValues:"]), operator, pick(vec!["", "IfExists"]));
    let key = pick(vec!["k:one", "K:Many", "k:none"]);
    let values = prop::collection::vec(pick(vec!["1", "2", "ana", "${aws:username}", "a*", "?"]), 1..3);
    let general = (block, key, values).prop_map(|((set, operator, if_exists), key, values)| {
        let values = if operator.starts_with("Numeric") { vec!["2"] } else { values };
        json!({ format!("{set}{operator}{if_exists}"): { key: values } })
    });
    let null = (pick(vec!["k:one", "k:none"]), pick(vec!["true", "false"]))
        .prop_map(|(key, value)| json!({ "Null": { key: value } }));
    prop_oneof![2 => Just(None), 3 => general.prop_map(Some), 1 => null.prop_map(Some)]
}

fn policy(principals: bool) -> impl Strategy<Value = Value> {
    let actions = prop::collection::vec(
        pick(vec!["*", "s3:*", "S3:getobject", "s3:Get*", "d:?etItem", "d:PutItem"]),
        1..3,
    );
    let resources = prop::collection::vec(
        pick(vec![
            "*",
            "arn:aws:s3:::b/*",
            "arn:aws:s3:::b/${aws:username}/*",
            "arn:aws:s3:::b/???/x",
            "arn:aws:d:*:*:table/t*",
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
    prop::collection::vec(statement, 1..4)
        .prop_map(|statements| json!({ "Version": "2012-10-17", "Statement": statements }))
}

fn case() -> impl Strategy<Value = Case> {
    let value = || pick(vec!["1", "2", "ana", "abc", "x"]);
    let context =
        (prop::option::of(value()), prop::collection::vec(value(), 0..3)).prop_map(|(one, many)| {
            let mut context = vec![];
            context.extend(one.map(|value| ("k:One", vec![value])));
            if !many.is_empty() {
                context.push(("k:many", many));
            }
            context
        });
    let request = (
        pick(CALLERS.to_vec()),
        pick(vec!["s3:GetObject", "S3:PUTOBJECT", "d:GetItem"]),
        pick(vec!["arn:aws:s3:::b/ana/x", "arn:aws:s3:::b/bob/x", "arn:aws:d:us-east-1:1:table/t"]),
        pick(vec![HOME, HOME, AWAY]),
        context,
    );
    let policies = (
        prop::collection::vec(policy(false), 0..3),
        prop::option::weighted(0.3, policy(false)),
        prop::collection::vec(policy(false), 0..2),
        prop::option::of(policy(true)),
    );
    (request, policies).prop_map(
        |((caller, action, resource, owner, context), (identity, boundary, session, resource_policy))| Case {
            caller,
            action,
            resource,
            owner,
            context,
            identity,
            boundary,
            session,
            resource_policy,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_reference_agrees(case in case()) {
        prop_assert_eq!(case.decided(), case.allowed());
    }

    #[test]
    fn wildcards_agree_with_a_naive_matcher(pattern in "[ab*?]{0,9}", text in "[abä]{0,9}") {
        let document = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "a:b", "Resource": "*",
            "Condition": { "StringLike": { "k:v": pattern.clone() } } } });
        let identity = [NamedPolicy::new("p", Policy::parse(&document.to_string(), PolicyKind::Identity).unwrap())];
        let context = Context::new().with("k:v", text.clone());
        let request = Request {
            principal: CALLERS[0].view(), action: "a:b", resource: "*", resource_account: HOME, context: &context,
        };
        let decision = evaluate(&request, &PolicySet { identity: &identity, ..PolicySet::default() });
        prop_assert_eq!(decision.is_allowed(), like(&pattern, &text));
    }

    /// Adding a deny never turns a refusal into a permission.
    #[test]
    fn more_denies_never_allow_more(case in case(), extra in policy(false)) {
        let mut more = case.clone();
        let mut extra = extra;
        extra["Statement"].as_array_mut().unwrap().iter_mut().for_each(|statement| statement["Effect"] = json!("Deny"));
        more.identity.push(extra);
        prop_assert!(case.decided() || !more.decided());
    }
}
