//! Statements that allow too much: wildcards, everything but a list, any role, anyone.
//!
//! Denying statements are never too wide here.

use serde_json::Value;
use template::Resource;

use super::reading::{Reading, each, policies, statements, texts};
use super::{Finding, rules};
use crate::glob;

/// Managed policies that let their holder do everything, or make itself able to.
const ADMINISTRATORS: [&str; 3] = ["AdministratorAccess", "PowerUserAccess", "IAMFullAccess"];
/// Services whose machines are the account's own: a condition on whose behalf they come says nothing more.
const OWN_MACHINES: [&str; 4] =
    ["lambda.amazonaws.com", "ec2.amazonaws.com", "ecs-tasks.amazonaws.com", "edgelambda.amazonaws.com"];
/// Condition keys that say for whom a service comes.
const DEPUTY_KEYS: [&str; 5] =
    ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths", "aws:principalorgid"];

pub(super) fn check(reading: &Reading<'_>, name: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    let own = policies(resource);
    for managed in own.managed {
        let short = managed.rsplit('/').next().unwrap_or_default();
        if ADMINISTRATORS.contains(&short) {
            let message = format!("`{name}` has the managed policy {short}");
            findings.push(reading.finding(&rules::ADMINISTRATOR, name, short, message));
        } else if short.ends_with("FullAccess") {
            let message = format!("`{name}` has the managed policy {short}");
            findings.push(reading.finding(&rules::ACTION_WILDCARD, name, short, message));
        }
    }
    for statement in own.documents.into_iter().flat_map(statements) {
        identity(reading, name, statement, findings);
    }
    for statement in resource_statements(resource) {
        resource_policy(reading, name, statement, findings);
    }
}

/// Statements that name principals: trust policies and the policies of resources.
fn resource_statements(resource: &Resource) -> Vec<&Value> {
    let element = match resource.kind.as_str() {
        "AWS::IAM::Role" => "AssumeRolePolicyDocument",
        "AWS::Serverless::Function" => "AssumeRolePolicyDocument",
        "AWS::SQS::QueuePolicy"
        | "AWS::SQS::QueueInlinePolicy"
        | "AWS::SNS::TopicPolicy"
        | "AWS::SNS::TopicInlinePolicy"
        | "AWS::S3::BucketPolicy" => "PolicyDocument",
        "AWS::SecretsManager::ResourcePolicy" | "AWS::DynamoDB::Table" => "ResourcePolicy",
        "AWS::KMS::Key" | "AWS::KMS::ReplicaKey" => "KeyPolicy",
        "AWS::ECR::Repository" => "RepositoryPolicyText",
        "AWS::EFS::FileSystem" => "FileSystemPolicy",
        "AWS::S3::AccessPoint" => "Policy",
        "AWS::ApiGateway::RestApi" => "Policy",
        _ => return Vec::new(),
    };
    let found = resource.properties.get(element);
    // DynamoDB wraps its document once more.
    let document = found.and_then(|policy| policy.get("PolicyDocument")).or(found);
    document.map(statements).unwrap_or_default()
}

fn allows(statement: &Value) -> bool {
    statement.get("Effect").and_then(Value::as_str) == Some("Allow")
}

fn identity(reading: &Reading<'_>, name: &str, statement: &Value, findings: &mut Vec<Finding>) {
    if !allows(statement) {
        return;
    }
    for element in ["NotAction", "NotResource"] {
        if statement.get(element).is_some() {
            findings.push(reading.finding(
                &rules::NOT_ACTION,
                name,
                element,
                format!("`{name}` allows with {element}"),
            ));
        }
    }
    let actions = texts(statement.get("Action"));
    let resources = texts(statement.get("Resource"));
    let unbound = resources.iter().any(|resource| resource == "*");
    for action in &actions {
        let called = action.split_once(':').map_or(action.as_str(), |(_, called)| called);
        if action == "*" || action == "*:*" {
            findings.push(reading.finding_after(
                &rules::ADMINISTRATOR,
                name,
                ("Action", "*"),
                format!("`{name}` allows every action"),
            ));
        } else if called == "*" {
            findings.push(reading.finding(
                &rules::ACTION_WILDCARD,
                name,
                action,
                format!("`{name}` allows {action}"),
            ));
        } else if called.contains(['*', '?']) {
            findings.push(reading.finding(
                &rules::ACTION_PREFIX,
                name,
                action,
                format!("`{name}` allows {action}"),
            ));
        }
        if passes_any_role(action, &resources) {
            let message = format!("`{name}` may pass any role ({action})");
            findings.push(reading.finding(&rules::PASS_ROLE, name, action, message));
        }
    }
    let bindable: Vec<&str> =
        actions.iter().map(String::as_str).filter(|action| can_be_bound(action)).collect();
    if unbound && !bindable.is_empty() && statement.get("Condition").is_none() {
        let message = format!("`{name}` allows {} on every resource", bindable.join(", "));
        let place = (bindable.first().copied().unwrap_or_default(), "*");
        findings.push(reading.finding_after(&rules::RESOURCE_WILDCARD, name, place, message));
    }
}

fn passes_any_role(action: &str, resources: &[String]) -> bool {
    let pass = glob::matches(&action.to_ascii_lowercase(), "iam:passrole");
    pass && resources.iter().any(|resource| resource == "*" || resource.ends_with(":role/*"))
}

/// Whether an action works on resources that a policy could name. What is not known could be.
fn can_be_bound(action: &str) -> bool {
    let Some((service, called)) = action.split_once(':') else { return false };
    if called.contains(['*', '?']) {
        return false; // a finding of its own
    }
    match protocol::action(service, called) {
        Some(action) => !action.resources().is_empty(),
        None => true,
    }
}

fn principals<'s>(statement: &'s Value, kind: &str) -> Vec<String> {
    let element: Option<&'s Value> = statement.get("Principal");
    match element {
        Some(Value::String(all)) if kind == "AWS" => vec![all.clone()],
        Some(found) => each(found).into_iter().flat_map(|found| texts(found.get(kind))).collect(),
        None => Vec::new(),
    }
}

/// The condition keys of a statement, in lower case.
fn condition_keys(statement: &Value) -> Vec<String> {
    let conditions = statement.get("Condition").map(each).unwrap_or_default();
    let operators = conditions.into_iter().filter_map(Value::as_object).flat_map(serde_json::Map::values);
    operators
        .filter_map(Value::as_object)
        .flat_map(|keys| keys.keys())
        .map(|key| key.to_ascii_lowercase())
        .collect()
}

fn resource_policy(reading: &Reading<'_>, name: &str, statement: &Value, findings: &mut Vec<Finding>) {
    if !allows(statement) {
        return;
    }
    let keys = condition_keys(statement);
    if principals(statement, "AWS").iter().any(|principal| principal == "*") && keys.is_empty() {
        let message = format!("`{name}` lets anyone in, without a condition");
        findings.push(reading.finding(&rules::ANYONE, name, "*", message));
    }
    if statement.get("NotPrincipal").is_some() {
        let message = format!("`{name}` allows with NotPrincipal");
        findings.push(reading.finding(&rules::ANYONE, name, "NotPrincipal", message));
    }
    for service in principals(statement, "Service") {
        let own = OWN_MACHINES.contains(&service.as_str());
        if !own && !keys.iter().any(|key| DEPUTY_KEYS.contains(&key.as_str())) {
            let message = format!("`{name}` lets {service} in on anybody's behalf");
            findings.push(reading.finding(&rules::CONFUSED_DEPUTY, name, &service, message));
        }
    }
}
