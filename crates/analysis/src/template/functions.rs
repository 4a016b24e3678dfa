//! Functions: who may call their URLs, and whose role they have.
//!
//! What stands in their environment is `secrets`' matter.

use std::collections::BTreeMap;

use template::Resource;

use super::reading::Reading;
use super::{Finding, rules, sources};

const FUNCTIONS: [&str; 2] = ["AWS::Lambda::Function", "AWS::Serverless::Function"];

pub(super) fn check(reading: &Reading<'_>, name: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    for (property, path) in sources::ignored(reading, name, resource) {
        let message = format!("`{name}` names its Role, so SAM ignores its {property}");
        findings.push(reading.finding(&rules::IGNORED_POLICIES, name, &path, message));
    }
    let property = match resource.kind.as_str() {
        "AWS::Serverless::Function" => "FunctionUrlConfig/AuthType",
        "AWS::Lambda::Url" => "AuthType",
        _ => return,
    };
    if let Some((value, path)) = reading.raw(name, resource, property)
        && reading.text(value) == "NONE"
    {
        let message = format!("`{name}` has a URL that anyone may call");
        findings.push(reading.finding(&rules::PUBLIC_FUNCTION, name, &path, message));
    }
}

/// What every function of the template gets from its `Globals`.
pub(super) fn check_globals(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    if let Some((value, path)) = reading.global("Function/FunctionUrlConfig/AuthType")
        && reading.text(value) == "NONE"
    {
        let message = "every function has a URL that anyone may call".to_owned();
        findings.push(reading.finding(&rules::PUBLIC_FUNCTION, "", &path, message));
    }
}

/// Functions that name the same role: what one of them may do, all of them may.
pub(super) fn check_shared_roles(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    let mut users: BTreeMap<String, Vec<(&str, String)>> = BTreeMap::new();
    for (name, resource) in
        reading.resources().filter(|(_, resource)| FUNCTIONS.contains(&resource.kind.as_str()))
    {
        let own = reading.raw(name, resource, "Role");
        let is_sam = resource.kind == "AWS::Serverless::Function";
        let role = own.or_else(|| reading.global_of(name, "Function/Role").filter(|_| is_sam));
        let found = role.map(|(value, path)| reading.items(value, path)).unwrap_or_default();
        for (role, path) in found {
            let role = reading.text(role).replace(".Arn>", ">");
            users.entry(role).or_default().push((name, path));
        }
    }
    for (role, functions) in users.iter().filter(|(role, functions)| functions.len() > 1 && !role.is_empty())
    {
        for (name, path) in functions {
            let others: Vec<&str> =
                functions.iter().map(|(other, _)| *other).filter(|other| other != name).collect();
            let message = format!("`{name}` shares the role {role} with {}", others.join(", "));
            findings.push(reading.finding(&rules::SHARED_ROLE, name, path, message));
        }
    }
}
