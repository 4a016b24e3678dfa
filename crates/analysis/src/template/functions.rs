//! Functions: who may call them, whose role they have, and what stands in their environment.
//!
//! A secret is told by its variable's name or by its form, and never repeated in a finding.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use template::{Document, Resource};

use super::reading::{Reading, each, text};
use super::{Finding, rules};

/// Parts of names of variables that hold secrets.
const SECRET_NAMES: [&str; 9] =
    ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "API_KEY", "PRIVATE_KEY", "ACCESS_KEY", "CREDENTIAL"];
/// Parts of names that say where a secret is, and not what it is.
const REFERENCE_NAMES: [&str; 34] = [
    "ARN",
    "NAME",
    "ID",
    "PATH",
    "URL",
    "URI",
    "TTL",
    "TABLE",
    "EXPIRY",
    "EXPIRES",
    "EXPIRATION",
    "ISSUER",
    "AUDIENCE",
    "ENDPOINT",
    "HOST",
    "HEADER",
    "LENGTH",
    "ENABLED",
    "REQUIRED",
    "VERSION",
    "REGION",
    "PREFIX",
    "TYPE",
    "FILE",
    "PARAMETER",
    "BUCKET",
    "ALGORITHM",
    "LIMIT",
    "SIZE",
    "COUNT",
    "DAYS",
    "HOURS",
    "MINUTES",
    "SECONDS",
];
/// What secrets begin with.
const SECRET_PREFIXES: [&str; 14] = [
    "-----BEGIN ",
    "ghp_",
    "gho_",
    "github_pat_",
    "xoxb-",
    "xoxp-",
    "sk_live_",
    "rk_live_",
    "glpat-",
    "AIza",
    "npm_",
    "SG.",
    "eyJhbGciOi",
    "ya29.",
];

pub(super) fn check(reading: &Reading<'_>, name: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    let properties = &resource.properties;
    match resource.kind.as_str() {
        "AWS::Lambda::Function" | "AWS::Serverless::Function" => {
            let variables = properties.pointer("/Environment/Variables").and_then(Value::as_object);
            secrets(reading, variables, &mut |rule, needle, message| {
                findings.push(reading.finding(rule, name, needle, format!("`{name}`: {message}")));
            });
            if properties.pointer("/FunctionUrlConfig/AuthType").map(text).as_deref() == Some("NONE") {
                let message = format!("`{name}` has a URL that anyone may call");
                findings.push(reading.finding(&rules::PUBLIC_FUNCTION, name, "AuthType", message));
            }
        }
        "AWS::Lambda::Url" if properties.get("AuthType").map(text).as_deref() == Some("NONE") => {
            let message = format!("`{name}` is a URL that anyone may call");
            findings.push(reading.finding(&rules::PUBLIC_FUNCTION, name, "AuthType", message));
        }
        "AWS::Lambda::Permission" => permission(reading, name, properties, findings),
        "AWS::Lambda::LayerVersionPermission" => {
            let everyone = properties.get("Principal").map(text).as_deref() == Some("*");
            if everyone && properties.get("OrganizationId").is_none() {
                let message = format!("`{name}` lets every account use the layer");
                findings.push(reading.finding(&rules::ANYONE, name, "Principal", message));
            }
        }
        _ => {}
    }
}

fn permission(reading: &Reading<'_>, name: &str, properties: &Value, findings: &mut Vec<Finding>) {
    let principal = properties.get("Principal").map(text).unwrap_or_default();
    let bound =
        ["SourceArn", "SourceAccount", "PrincipalOrgID"].iter().any(|key| properties.get(key).is_some());
    if bound {
        return;
    }
    if principal == "*" {
        let message = format!("`{name}` lets anyone call the function");
        findings.push(reading.finding(&rules::PUBLIC_FUNCTION, name, "Principal", message));
    } else if principal.ends_with(".amazonaws.com") || principal.ends_with(".amazon.com") {
        let message = format!("`{name}` lets {principal} call the function on anybody's behalf");
        findings.push(reading.finding(&rules::CONFUSED_DEPUTY, name, "Principal", message));
    }
}

/// `Globals.Function.Environment`, which every function of the template gets.
pub(super) fn check_globals(reading: &Reading<'_>, document: &Document, findings: &mut Vec<Finding>) {
    let variables =
        document.root.pointer("/Globals/Function/Environment/Variables").and_then(Value::as_object);
    secrets(reading, variables, &mut |rule, needle, message| {
        findings.push(reading.global(rule, needle, format!("every function: {message}")));
    });
    let url = document.root.pointer("/Globals/Function/FunctionUrlConfig/AuthType");
    if url.map(text).as_deref() == Some("NONE") {
        let message = "every function has a URL that anyone may call".to_owned();
        findings.push(reading.global(&rules::PUBLIC_FUNCTION, "AuthType", message));
    }
}

fn secrets(
    reading: &Reading<'_>,
    variables: Option<&Map<String, Value>>,
    add: &mut dyn FnMut(&'static super::Rule, &str, String),
) {
    for (variable, value) in variables.into_iter().flatten() {
        for value in each(value) {
            if is_hidden_parameter(reading, value) {
                add(&rules::SECRET_PARAMETER, variable, format!("{variable} is a parameter with NoEcho"));
            } else if is_secret(variable, value) {
                add(&rules::PLAIN_SECRET, variable, format!("{variable} holds a secret in plain text"));
            }
        }
    }
}

fn is_hidden_parameter(reading: &Reading<'_>, value: &Value) -> bool {
    let shown = text(value);
    reading
        .template
        .parameters
        .iter()
        .any(|(name, parameter)| parameter.no_echo && (shown.contains(&format!("${{{name}}}"))))
}

fn is_secret(variable: &str, value: &Value) -> bool {
    let shown = text(value);
    // A reference is resolved where it is used, and what refers to another resource is not written here.
    let literal = !shown.is_empty() && !shown.contains("{{resolve:") && !shown.contains("${");
    let name = variable.to_ascii_uppercase();
    let named = SECRET_NAMES.iter().any(|part| name.contains(part))
        && !REFERENCE_NAMES.iter().any(|part| name.ends_with(part))
        && !is_no_secret(&shown);
    literal && (named || has_form_of_secret(&shown))
}

/// Switches, small numbers, ARNs and addresses are none, whatever their variable is called.
fn is_no_secret(text: &str) -> bool {
    let is_switch = ["true", "false", "yes", "no", "on", "off", "none"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    let is_small = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_switch || is_small || text.starts_with("arn:") || text.starts_with("https://")
}

fn has_form_of_secret(text: &str) -> bool {
    SECRET_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) || is_access_key(text) || has_password(text)
}

/// An address with a user and a password: `postgres://user:password@host/…`.
fn has_password(text: &str) -> bool {
    let authority = text.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    let user = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
    user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}

fn is_access_key(text: &str) -> bool {
    let rest = text.strip_prefix("AKIA").or_else(|| text.strip_prefix("ASIA"));
    rest.is_some_and(|rest| {
        rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}

/// Functions that name the same role: what one of them may do, all of them may.
pub(super) fn check_shared_roles(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    let mut users: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, resource) in &reading.template.resources {
        if !matches!(resource.kind.as_str(), "AWS::Lambda::Function" | "AWS::Serverless::Function") {
            continue;
        }
        for role in resource.properties.get("Role").map(each).unwrap_or_default() {
            let role = text(role).replace(".Arn}", "}");
            users.entry(role).or_default().push(name);
        }
    }
    for (role, functions) in users.iter().filter(|(role, functions)| functions.len() > 1 && !role.is_empty())
    {
        for name in functions {
            let others: Vec<&str> = functions.iter().copied().filter(|other| other != name).collect();
            let message = format!("`{name}` shares the role {role} with {}", others.join(", "));
            let accepted = reading.template.resources.get(*name).and_then(|found| found.metadata.as_ref());
            if !super::is_accepted(accepted, rules::SHARED_ROLE.id) {
                findings.push(reading.finding(&rules::SHARED_ROLE, name, "Role:", message));
            }
        }
    }
}
