//! Ways to more power than was given: sets of actions with which a principal can change what it, or what it can become,
//! may do.
//!
//! The sets are those that are published and well known. What a boundary would withhold is not looked at: a role with
//! a boundary is left out.

use template::Resource;

use super::reading::{Reading, policies, statements, texts};
use super::{Finding, rules};
use crate::glob;

/// Each way: its actions, all of which are needed, and what they do together.
const WAYS: [(&[&str], &str); 21] = [
    (&["iam:createpolicyversion"], "write a new version of a policy that is attached"),
    (&["iam:setdefaultpolicyversion"], "go back to an older, wider version of a policy"),
    (&["iam:attachuserpolicy"], "attach any policy to a user"),
    (&["iam:attachgrouppolicy"], "attach any policy to a group"),
    (&["iam:attachrolepolicy"], "attach any policy to a role"),
    (&["iam:putuserpolicy"], "write a policy into a user"),
    (&["iam:putgrouppolicy"], "write a policy into a group"),
    (&["iam:putrolepolicy"], "write a policy into a role"),
    (&["iam:addusertogroup"], "join a more powerful group"),
    (&["iam:createaccesskey"], "make keys of other users"),
    (&["iam:createloginprofile"], "set passwords of other users"),
    (&["iam:updateloginprofile"], "change passwords of other users"),
    (&["iam:updateassumerolepolicy", "sts:assumerole"], "let itself into any role"),
    (&["iam:deleterolepermissionsboundary"], "take its boundary away"),
    (&["iam:deleteuserpermissionsboundary"], "take its boundary away"),
    (&["iam:passrole", "lambda:createfunction", "lambda:invokefunction"], "run code under any role"),
    (
        &["iam:passrole", "lambda:createfunction", "lambda:createeventsourcemapping"],
        "run code under any role",
    ),
    (&["iam:passrole", "lambda:createfunction", "lambda:addpermission"], "run code under any role"),
    (&["lambda:updatefunctioncode"], "run code under the roles of other functions"),
    (&["iam:passrole", "cloudformation:createstack"], "make resources under any role"),
    (&["iam:passrole", "ec2:runinstances"], "run machines under any role"),
];

pub(super) fn check(reading: &Reading<'_>, name: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    if resource.properties.get("PermissionsBoundary").is_some() {
        return;
    }
    // Only what is granted widely leads anywhere: on every resource, or every one of a kind.
    let granted: Vec<String> = policies(resource)
        .documents
        .into_iter()
        .flat_map(statements)
        .filter(|statement| statement.get("Effect").and_then(serde_json::Value::as_str) == Some("Allow"))
        .filter(|statement| statement.get("Condition").is_none())
        .filter(|statement| texts(statement.get("Resource")).iter().any(|resource| is_wide(resource)))
        .flat_map(|statement| texts(statement.get("Action")))
        .collect();
    // Who may do everything needs no way to more: that is said already.
    if granted.iter().any(|action| action == "*" || action == "*:*") {
        return;
    }
    let holder = |wanted: &str| granted.iter().find(|has| glob::matches(&has.to_ascii_lowercase(), wanted));
    for (needed, what) in WAYS {
        let held: Option<Vec<&String>> = needed.iter().map(|action| holder(action)).collect();
        let Some(held) = held else { continue };
        let first = held.first().map(|action| action.as_str()).unwrap_or_default();
        let names: Vec<&str> = held.iter().map(|action| action.as_str()).collect();
        let message = format!("`{name}` can {what} ({})", names.join(", "));
        findings.push(reading.finding(&rules::ESCALATION, name, first, message));
    }
}

/// `*`, or an ARN whose name is a wildcard alone.
fn is_wide(resource: &str) -> bool {
    resource == "*"
        || resource.ends_with("/*") && resource.matches('/').count() == 1
        || resource.ends_with(":*")
}
