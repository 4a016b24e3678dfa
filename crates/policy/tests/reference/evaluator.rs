//! AWS's rules, written down as its pages have them.

use policy::PrincipalKind;
use serde_json::{Value, json};

use crate::values::*;
use crate::{Case, HOME};

impl Case {
    /// What follows from who calls and whose the resource is; a context cannot say otherwise.
    fn derived(&self, key: &str) -> Option<Vec<String>> {
        let caller = &self.caller;
        let is_service = caller.kind == PrincipalKind::Service;
        let value = match key.to_ascii_lowercase().as_str() {
            "aws:username" => {
                if caller.kind == PrincipalKind::User {
                    "ana"
                } else {
                    ""
                }
            }
            "aws:principalarn" => caller.role.unwrap_or(caller.arn),
            "aws:principalaccount" => caller.account(),
            "aws:resourceaccount" => self.owner,
            "aws:userid" => caller.id,
            "aws:principalisawsservice" => {
                if is_service {
                    "true"
                } else {
                    "false"
                }
            }
            "aws:principalservicename" => caller.service.unwrap_or(""),
            "aws:principaltype" => match caller.kind {
                PrincipalKind::Root => "Account",
                PrincipalKind::User => "User",
                PrincipalKind::AssumedRole => "AssumedRole",
                PrincipalKind::Federated => "FederatedUser",
                PrincipalKind::Anonymous => "Anonymous",
                PrincipalKind::Service => "",
            },
            _ => return None,
        };
        Some(if value.is_empty() { vec![] } else { vec![value.to_owned()] })
    }

    pub(crate) fn values(&self, key: &str) -> Vec<String> {
        if let Some(derived) = self.derived(key) {
            return derived;
        }
        let found = self.context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map_or(vec![], |(_, values)| values.iter().map(|value| (*value).to_owned()).collect())
    }

    /// Variables replaced, defaults in the place of what the request does not have; `None` where something is left.
    /// Stars in values are no wildcards.
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
            let value = match self.values(name).as_slice() {
                [one] => Some(one.clone()),
                _ => default.map(str::to_owned),
            };
            out.push_str(before);
            out.push_str(&value?.replace('*', &LITERAL_STAR.to_string()));
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
        // What allows takes in less, and what is taken out of a deny.
        let closely = (statement["Effect"] == "Allow") == statement.get(positive).is_some();
        let fits = |value: &Value| {
            list(value).iter().any(|pattern| {
                let pattern = match (fold, closely) {
                    (true, _) => Some(pattern.to_lowercase()),
                    (false, true) => self.substitute(&near(pattern), variables),
                    (false, false) => self.substitute(pattern, variables),
                };
                let text = if fold { text.to_lowercase() } else { text.to_owned() };
                // An ARN that ends early leaves the rest open.
                let open = |pattern: String| match pattern.split(':').count() {
                    _ if fold || pattern == "*" => pattern,
                    parts => pattern + &":*".repeat(6_usize.saturating_sub(parts)),
                };
                pattern.map(open).is_some_and(|pattern| like(&pattern, &text))
            })
        };
        match (statement.get(positive), statement.get(negative)) {
            (Some(value), _) => fits(value),
            (None, Some(value)) => !fits(value),
            // A trust policy has no resource: it stands at its role.
            (None, None) => true,
        }
    }

    /// `None` where it cannot be decided.
    fn condition(&self, operator: &str, key: &str, expected: &Value, variables: bool) -> Option<bool> {
        let expected = list(expected);
        let actual = self.values(key);
        // "An empty data set, for example an empty string".
        let empty = actual.iter().all(String::is_empty);
        if operator == "Null" {
            return Some((expected[0] == "true") == empty);
        }
        let (set, operator) =
            operator.split_once(':').map_or(("", operator), |(set, operator)| (set, operator));
        let (operator, if_exists) =
            operator.strip_suffix("IfExists").map_or((operator, false), |it| (it, true));
        let negated = operator.contains("Not");
        if actual.is_empty() || (empty && !set.is_empty()) {
            return Some(if_exists || set == "ForAllValues" || (set.is_empty() && negated));
        }
        if set.is_empty() && actual.len() > 1 {
            return None;
        }
        let one = |actual: &str| -> Option<bool> {
            let (mut fits, mut open) = (false, false);
            for expected in &expected {
                let text = self.substitute(expected, variables);
                fits |= match operator.replace("Not", "").as_str() {
                    "StringEquals" => text.is_some_and(|it| it.replace(LITERAL_STAR, "*") == actual),
                    "StringEqualsIgnoreCase" => text.is_some_and(|it| {
                        it.replace(LITERAL_STAR, "*").to_lowercase() == actual.to_lowercase()
                    }),
                    "StringLike" => text.is_some_and(|it| like(&it, actual)),
                    "ArnLike" | "ArnEquals" => text.is_some_and(|it| arn_like(&it, actual)),
                    "NumericEquals" => number(actual)? == number(expected)?,
                    "NumericLessThan" => number(actual)? < number(expected)?,
                    "NumericLessThanEquals" => number(actual)? <= number(expected)?,
                    "NumericGreaterThan" => number(actual)? > number(expected)?,
                    "NumericGreaterThanEquals" => number(actual)? >= number(expected)?,
                    "DateEquals" => date(actual)? == date(expected)?,
                    "DateLessThan" => date(actual)? < date(expected)?,
                    "DateLessThanEquals" => date(actual)? <= date(expected)?,
                    "DateGreaterThan" => date(actual)? > date(expected)?,
                    "DateGreaterThanEquals" => date(actual)? >= date(expected)?,
                    "Bool" => {
                        let actual = boolean(actual)?;
                        let known = text.and_then(|it| boolean(&it));
                        open |= known.is_none();
                        known == Some(actual)
                    }
                    "IpAddress" => in_network(expected, actual)?,
                    other => unimplemented_operator(other),
                };
            }
            if open && !fits { None } else { Some(fits != negated) }
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
            } else if kind == "Federated" && self.caller.kind == PrincipalKind::Federated {
                if value == self.caller.arn {
                    found.push("exact");
                }
            } else if kind == "AWS" && !self.caller.id.is_empty() && value == self.caller.id {
                found.push("exact");
            } else if kind == "AWS" && self.caller.lender.is_some_and(|(arn, id)| value == arn || value == id)
            {
                // The user who federated is named: the session is meant, within its limits.
                found.push("role");
            } else if kind == "AWS" && self.caller.id.split_once(':').is_some_and(|(role, _)| role == value) {
                found.push("role");
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
    pub(crate) fn policy(&self, policy: &Value, principals: bool) -> (bool, Option<usize>) {
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
            let to_all = statement["Principal"] == "*" || statement["Principal"] == json!({ "AWS": "*" });
            let closeness = match (principals, statement.get("Principal")) {
                (false, _) => Some(3),
                // "…granted using the aws:PrincipalArn condition key with a wildcard(*) in the Principal element".
                (true, Some(_)) if !deny && to_all && names_callers(statement) => Some(3),
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
                        PrincipalKind::Federated if self.caller.lender.is_some() => {
                            &["account", "role", "exact"]
                        }
                        _ => &["exact"],
                    };
                    let spared = if deny && self.boundary.is_some() {
                        false // "will always deny any IAM principal that has a permissions boundary policy attached"
                    } else if deny {
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
    pub(crate) fn levels(&self, levels: &[Vec<Value>], principals: bool) -> Vec<(bool, bool)> {
        let one = |policies: &Vec<Value>| {
            let said = policies.iter().map(|policy| self.policy(policy, principals));
            said.fold((false, false), |(deny, allow), (d, a)| (deny || d, allow || a.is_some()))
        };
        levels.iter().map(one).collect()
    }

    pub(crate) fn allowed(&self) -> bool {
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
            // Trust policies and keys' policies open their resource alone; others do not have to.
            Some(3) => true,
            Some(1 | 2) => narrowed,
            Some(_) => own_side,
            None => own_side && !self.resource_decides && !self.trust,
        }
    }
}

/// A condition that holds for callers of listed ARNs alone.
fn names_callers(statement: &Value) -> bool {
    const OPERATORS: [&str; 5] =
        ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike"];
    let operators = statement.get("Condition").and_then(Value::as_object);
    operators.into_iter().flatten().any(|(operator, keys)| {
        OPERATORS.contains(&operator.strip_prefix("ForAnyValue:").unwrap_or(operator))
            && keys.as_object().unwrap().keys().any(|key| key.eq_ignore_ascii_case("aws:PrincipalArn"))
    })
}

#[allow(clippy::panic, reason = "the pools hold no other operator")]
fn unimplemented_operator(name: &str) -> bool {
    panic!("the reference does not know {name}")
}
