//! Which services a policy grants anything of.
//!
//! Reads texts that compiled as policies before. A wildcard in the service's place grants something of every service
//! that is offered here.

use std::collections::BTreeSet;

use analysis::glob;
use analysis::json::{self, Node};

/// What AWS calls the services that are offered here, by the prefix of their actions.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
const NAMES: [(&str, &str); 12] = [
    ("access-analyzer", "AWS IAM Access Analyzer"),
    ("apigateway", "Amazon API Gateway Management"),
    ("cloudformation", "AWS CloudFormation"),
    ("cloudtrail", "AWS CloudTrail"),
    ("dynamodb", "Amazon DynamoDB"),
    ("iam", "AWS Identity and Access Management"),
    ("lambda", "AWS Lambda"),
    ("logs", "Amazon CloudWatch Logs"),
    ("organizations", "AWS Organizations"),
    ("s3", "Amazon S3"),
    ("ssm", "AWS Systems Manager"),
    ("sts", "AWS Security Token Service"),
];

/// A service's name for people.
pub(crate) fn service_name(namespace: &str) -> String {
    let known = NAMES.iter().find(|(other, _)| *other == namespace);
    known.map_or_else(|| namespace.to_owned(), |(_, name)| (*name).to_owned())
}

fn offered() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(namespace, _)| *namespace)
}

/// The namespaces of which a policy allows something.
pub(crate) fn namespaces(text: &str) -> BTreeSet<String> {
    let document = json::parse(text).ok();
    let statements = document.as_ref().and_then(|document| document.get("Statement"));
    let mut found = BTreeSet::new();
    for statement in statements.map(Node::one_or_many).unwrap_or_default() {
        if statement.get("Effect").and_then(Node::text) != Some("Allow") {
            continue;
        }
        for action in statement.get("Action").map(Node::texts).unwrap_or_default() {
            let vendor = action.split(':').next().unwrap_or_default().to_ascii_lowercase();
            if vendor.contains('*') {
                found.extend(offered().filter(|name| glob::matches(&vendor, name)).map(str::to_owned));
            } else {
                found.insert(vendor);
            }
        }
        let excluded = statement.get("NotAction").map(Node::texts).unwrap_or_default();
        if !excluded.is_empty() {
            let whole = |name: &str| {
                let all = format!("{name}:*");
                excluded.iter().any(|pattern| *pattern == "*" || pattern.to_ascii_lowercase() == all)
            };
            found.extend(offered().filter(|name| !whole(name)).map(str::to_owned));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_allowed_is_granted() {
        let of = |statement: &str| namespaces(&format!(r#"{{"Statement":[{statement}]}}"#));
        let allow = r#"{"Effect":"Allow","Action":["s3:Get*","DynamoDB:*"],"Resource":"*"}"#;
        assert_eq!(of(allow), ["dynamodb", "s3"].map(str::to_owned).into());
        assert!(of(&allow.replace("Allow", "Deny")).is_empty());
        let all = of(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
        assert!(all.contains("lambda") && all.contains("iam") && all.contains("access-analyzer"));
        let but = of(r#"{"Effect":"Allow","NotAction":["iam:*","lambda:Get*"],"Resource":"*"}"#);
        assert!(!but.contains("iam") && but.contains("lambda"));
        assert!(namespaces("{").is_empty());
    }

    #[test]
    fn every_service_is_known_by_the_prefix_of_its_actions() {
        for model in protocol::models() {
            let prefix = match model.service() {
                "accessanalyzer" => "access-analyzer",
                // Streams are DynamoDB's own.
                "dynamodbstreams" => "dynamodb",
                other => other,
            };
            assert_ne!(service_name(prefix), prefix, "{}", model.service());
        }
    }
}
