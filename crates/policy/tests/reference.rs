//! Random policies and requests, decided a second time by an evaluator written straight from AWS's rules, naively.
//!
//! It shares no code with the crate: JSON trees, recursive wildcards, and sets of principals. `PROPTEST_CASES=2000000 cargo
//! test -p policy --test reference --release` runs it for as long as one likes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use policy::{
    Context, NamedPolicy, Policy, PolicyKind, PolicySet, PrincipalKind, PrincipalView, Request, evaluate,
    explain,
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
    /// The resource's policy alone opens it, and a grant may stand beside it.
    resource_decides: bool,
    grant: bool,
    endpoint: Option<Value>,
    /// From the root down to the account.
    service_control: Vec<Vec<Value>>,
    resource_control: Vec<Vec<Value>>,
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

/// The first five colons part components; a pattern that ends early leaves the rest open.
fn arn_like(pattern: &str, actual: &str) -> bool {
    let mut patterns: Vec<&str> = pattern.splitn(6, ':').collect();
    if pattern == "*" {
        return true;
    }
    patterns.resize(6, "*");
    let actual: Vec<&str> = actual.splitn(6, ':').collect();
    actual.len() == 6 && patterns.iter().zip(&actual).all(|(pattern, text)| like(pattern, text))
}

/// The moments of the pools, or seconds since 1970.
fn date(text: &str) -> Option<i64> {
    match text {
        "2025-01-01T00:00:00Z" => Some(1_735_689_600),
        "2025-06-01T00:00:00Z" => Some(1_748_736_000),
        "2026-01-01T00:00:00Z" => Some(1_767_225_600),
        other => other.parse().ok(),
    }
}

fn boolean(text: &str) -> Option<bool> {
    text.to_lowercase().parse().ok()
}

fn address(text: &str) -> Option<u32> {
    let octets: Vec<u32> = text.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    (octets.len() == 4).then(|| octets.iter().fold(0, |all, octet| all << 8 | octet))
}

fn in_network(network: &str, actual: &str) -> Option<bool> {
    let (base, bits) = network.split_once('/').unwrap_or((network, "32"));
    let shift = 32 - bits.parse::<u32>().unwrap();
    Some(address(base).unwrap() >> shift == address(actual)? >> shift)
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

    /// Variables replaced, defaults in the place of what the request does not have; `None` where something is left.
    /// Wildcards in values do not occur in the pools.
    fn substitute(&self, text: &str, variables: bool) -> Option<String> {
        if !variables {
            return Some(text.to_owned());
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (inside, behind) = after.split_once('}').unwrap();
            let (name, default) = match inside.split_once(',') {
                Some((name, default)) => (name.trim(), Some(default.trim().trim_matches('\''))),
                None => (inside, None),
            };
            let is_user = self.caller.kind == PrincipalKind::User;
            let value = match (name, self.values(name).as_slice()) {
                ("aws:username", _) if is_user => Some("ana".to_owned()),
                (_, [one]) => Some(one.clone()),
                _ => default.map(str::to_owned),
            };
            out.push_str(before);
            out.push_str(&value?);
            rest = behind;
        }
        out.push_str(rest);
        Some(out)
    }

    fn selects(
        &self,
        statement: &Value,
        names: (&str, &str),
        text: &str,
        fold: bool,
        variables: bool,
    ) -> bool {
        let (positive, negative) = names;
        let fits = |value: &Value| {
            list(value).iter().any(|pattern| {
                let pattern =
                    if fold { Some(pattern.to_lowercase()) } else { self.substitute(pattern, variables) };
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
    fn condition(&self, operator: &str, key: &str, expected: &Value, variables: bool) -> Option<bool> {
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
                let text = self.substitute(expected, variables);
                fits |= match operator.replace("Not", "").as_str() {
                    "StringEquals" => text.is_some_and(|it| it == actual),
                    "StringEqualsIgnoreCase" => {
                        text.is_some_and(|it| it.to_lowercase() == actual.to_lowercase())
                    }
                    "StringLike" => text.is_some_and(|it| like(&it, actual)),
                    "ArnLike" | "ArnEquals" => text.is_some_and(|it| arn_like(&it, actual)),
                    "NumericEquals" => expected.parse::<i64>().ok()? == actual.parse::<i64>().ok()?,
                    "NumericLessThan" => actual.parse::<i64>().ok()? < expected.parse::<i64>().ok()?,
                    "NumericGreaterThanEquals" => {
                        actual.parse::<i64>().ok()? >= expected.parse::<i64>().ok()?
                    }
                    "DateLessThan" => date(actual)? < date(expected)?,
                    "DateGreaterThanEquals" => date(actual)? >= date(expected)?,
                    "Bool" => boolean(actual)? == boolean(expected)?,
                    "IpAddress" => in_network(expected, actual)?,
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
        let variables = policy["Version"] == "2012-10-17";
        let (mut denied, mut allowed) = (false, None);
        for statement in policy["Statement"].as_array().unwrap() {
            let deny = statement["Effect"] == "Deny";
            if !self.selects(statement, ("Action", "NotAction"), self.action, true, variables)
                || !self.selects(statement, ("Resource", "NotResource"), self.resource, false, variables)
            {
                continue;
            }
            let mut verdicts = vec![];
            if let Some(Value::Object(operators)) = statement.get("Condition") {
                for (operator, keys) in operators {
                    for (key, expected) in keys.as_object().unwrap() {
                        verdicts.push(self.condition(operator, key, expected, variables));
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

    /// Whether the policies of each level deny, and whether they allow.
    fn levels(&self, levels: &[Vec<Value>], principals: bool) -> Vec<(bool, bool)> {
        let one = |policies: &Vec<Value>| {
            let said = policies.iter().map(|policy| self.policy(policy, principals));
            said.fold((false, false), |(deny, allow), (d, a)| (deny || d, allow || a.is_some()))
        };
        levels.iter().map(one).collect()
    }

    fn allowed(&self) -> bool {
        let own = |policies: &[Value]| self.levels(&[policies.to_vec()], false)[0];
        let has_account = !self.caller.arn.is_empty();
        let identity = own(&self.identity);
        let boundary = self.boundary.as_ref().map(|policy| own(std::slice::from_ref(policy)));
        let session = (!self.session.is_empty()).then(|| own(&self.session));
        let resource =
            self.resource_policy.as_ref().map_or((false, None), |policy| self.policy(policy, true));
        let mut around = self.levels(&self.resource_control, true);
        if has_account {
            around.extend(self.levels(&self.service_control, false));
        }
        around.extend(self.endpoint.iter().flat_map(|policy| self.levels(&[vec![policy.clone()]], true)));
        // 1. An explicit deny anywhere.
        let denied = around.iter().any(|level| level.0)
            || identity.0
            || resource.0
            || boundary.is_some_and(|it| it.0)
            || session.is_some_and(|it| it.0);
        if denied {
            return false;
        }
        // 2. Every level of the organization, and the endpoint, must allow.
        if around.iter().any(|level| !level.1) {
            return false;
        }
        // 3. The resource's side and the caller's side.
        let resource_side = resource.1.is_some() || self.grant;
        if !has_account {
            return resource_side;
        }
        let narrowed = boundary.is_none_or(|it| it.1) && session.is_none_or(|it| it.1);
        let own_side = (self.caller.kind == PrincipalKind::Root || identity.1) && narrowed;
        if self.owner != HOME {
            return own_side && resource_side;
        }
        if self.grant {
            return true;
        }
        match resource.1 {
            Some(3) => true,
            Some(1 | 2) => narrowed,
            Some(_) => own_side,
            None => own_side && !self.resource_decides,
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
        let endpoint = self.endpoint.as_ref().map(|it| parse(it, PolicyKind::Resource));
        let compiled = |levels: &[Vec<Value>], kind| -> Vec<Vec<NamedPolicy>> {
            let level =
                |level: &Vec<Value>| level.iter().map(|it| NamedPolicy::new("p", parse(it, kind))).collect();
            levels.iter().map(level).collect()
        };
        let service_control = compiled(&self.service_control, PolicyKind::ServiceControl);
        let resource_control = compiled(&self.resource_control, PolicyKind::ResourceControl);
        let service_control: Vec<&[NamedPolicy]> = service_control.iter().map(Vec::as_slice).collect();
        let resource_control: Vec<&[NamedPolicy]> = resource_control.iter().map(Vec::as_slice).collect();
        let set = PolicySet {
            identity: &identity,
            boundary: boundary.as_ref(),
            session: &session,
            resource: resource.as_ref(),
            service_control: &service_control,
            resource_control: &resource_control,
            endpoint: endpoint.as_ref(),
            grant: self.grant.then_some("grant"),
            resource_decides: self.resource_decides,
        };
        let request = Request {
            principal: self.caller.view(),
            action: self.action,
            resource: self.resource,
            resource_account: self.owner,
            context: &context,
        };
        let decision = evaluate(&request, &set).is_allowed();
        assert_eq!(explain(&request, &set).allowed, decision);
        decision
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
        vec!["k:one", "K:Many", "k:none"],
        vec![
            "1",
            "2",
            "ana",
            "ANA",
            "${aws:username}",
            "${k:one}",
            "${k:none, 'ana'}",
            "${k:many,'x'}c",
            "a*",
            "?",
        ],
    );
    let numbers = block(
        vec!["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals"],
        vec!["k:one", "K:Many", "k:none"],
        vec!["1", "2", "10"],
    );
    let arns = block(
        vec!["ArnLike", "ArnNotLike", "ArnEquals"],
        vec!["k:arn", "k:one"],
        vec!["*", "arn:aws:s3", "arn:aws:s3:::b*", "arn:aws:iam::*:role/?", "arn:*:iam::1:role/a:b", "a*"],
    );
    let dates = block(
        vec!["DateLessThan", "DateGreaterThanEquals"],
        vec!["k:when", "k:one"],
        vec!["2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z"],
    );
    let booleans = block(vec!["Bool"], vec!["k:flag", "k:one"], vec!["true", "false"]);
    let networks = block(
        vec!["IpAddress", "NotIpAddress"],
        vec!["k:ip", "k:one"],
        vec!["10.0.0.0/8", "10.1.0.0/16", "192.0.2.1"],
    );
    let null = (pick(vec!["k:one", "k:none", "k:many"]), pick(vec!["true", "false"]))
        .prop_map(|(key, value)| json!({ "Null": { key: value } }));
    let one =
        prop_oneof![4 => texts, 2 => numbers, 2 => arns, 1 => dates, 1 => booleans, 1 => networks, 1 => null];
    prop::option::weighted(0.6, one)
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
    let version = pick(vec!["2012-10-17", "2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"]);
    (version, prop::collection::vec(statement, 1..4))
        .prop_map(|(version, statements)| json!({ "Version": version, "Statement": statements }))
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

fn case() -> impl Strategy<Value = Case> {
    let value = || pick(vec!["1", "2", "ana", "abc", "x"]);
    let single = |name: &'static str, values: Vec<&'static str>| {
        prop::option::of(pick(values)).prop_map(move |value| value.map(|value| (name, vec![value])))
    };
    let singles = (
        single("k:One", vec!["1", "2", "ana", "abc", "x"]),
        single(
            "k:Arn",
            vec!["arn:aws:s3:::bucket", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a:b", "a:b", "x"],
        ),
        single("k:when", vec!["2025-06-01T00:00:00Z", "2026-01-01T00:00:00Z", "x"]),
        single("k:flag", vec!["true", "False", "x"]),
        single("k:ip", vec!["10.1.2.3", "10.9.9.9", "192.0.2.1", "x"]),
    );
    let context = (singles, prop::collection::vec(value(), 0..3)).prop_map(|((a, b, c, d, e), many)| {
        let mut context: Vec<_> = [a, b, c, d, e].into_iter().flatten().collect();
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
    let around = (
        levels(false),
        levels(true),
        prop::option::weighted(0.15, policy(true)),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
    );
    (request, policies, around).prop_map(|(request, policies, around)| {
        let (caller, action, resource, owner, context) = request;
        let (identity, boundary, session, resource_policy) = policies;
        let (service_control, resource_control, endpoint, resource_decides, grant) = around;
        Case {
            caller,
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

fn configuration() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(3_000), failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(configuration())]

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
