//! Which services a policy grants anything of.
//!
//! Reads texts that compiled as policies before. A wildcard in the service's place grants something of every service
//! that is offered here.

use std::collections::BTreeSet;

use analysis::glob;
use analysis::json::{self, Node};

/// What AWS calls the services that are offered here.
const NAMES: [(&str, &str); 9] = [
    ("apigateway", "Amazon API Gateway Management"),
    ("cloudformation", "AWS CloudFormation"),
    ("cloudtrail", "AWS CloudTrail"),
    ("dynamodb", "Amazon DynamoDB"),
    ("iam", "AWS Identity and Access Management"),
    ("lambda", "AWS Lambda"),
    ("logs", "Amazon CloudWatch Logs"),
    ("s3", "Amazon S3"),
    ("sts", "AWS Security Token Service"),
];

/// A service's name for people.
pub(crate) fn service_name(namespace: &str) -> String {
    let known = NAMES.iter().find(|(other, _)| *other == namespace);
    known.map_or_else(|| namespace.to_owned(), |(_, name)| (*name).to_owned())
}

fn offered() -> BTreeSet<String> {
    protocol::models().map(|model| model.service().to_owned()).collect()
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
                found.extend(offered().into_iter().filter(|name| glob::matches(&vendor, name)));
            } else {
                found.insert(vendor);
            }
        }
        let excluded = statement.get("NotAction").map(Node::texts).unwrap_or_default();
        if !excluded.is_empty() {
            let whole = |name: &String| {
                let all = format!("{name}:*");
                excluded.iter().any(|pattern| *pattern == "*" || pattern.to_ascii_lowercase() == all)
            };
            found.extend(offered().into_iter().filter(|name| !whole(name)));
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
        assert!(all.contains("lambda") && all.contains("iam"));
        let but = of(r#"{"Effect":"Allow","NotAction":["iam:*","lambda:Get*"],"Resource":"*"}"#);
        assert!(!but.contains("iam") && but.contains("lambda"));
        assert!(namespaces("{").is_empty());
    }
}
