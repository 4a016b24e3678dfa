//! The policy that a generation answers: the actions that were used, by service.
//!
//! As in AWS it names no resource: each statement is for all, or for placeholders to fill in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// The placeholders of an action's resources, in the form of their ARNs; `*` for actions that have none.
fn placeholders(action: &str) -> BTreeSet<String> {
    let (service, called) = action.split_once(':').unwrap_or_default();
    let facts = protocol::authorization(service);
    let kinds = facts.and_then(|facts| Some((facts, facts.action(called)?.resources())));
    let arns = kinds.into_iter().flat_map(|(facts, kinds)| {
        let required = kinds.iter().any(|(_, resource)| resource.required);
        let chosen = kinds.iter().filter(move |(_, resource)| resource.required || !required);
        chosen
            .filter_map(|(kind, _)| facts.resource(kind))
            .map(|resource| resource.arn.replace("${Partition}", "aws"))
    });
    let found: BTreeSet<String> = arns.collect();
    if found.is_empty() { ["*".to_owned()].into() } else { found }
}

/// The policy for what was used.
pub(crate) fn policy(used: &[(String, Vec<String>)], with_placeholders: bool) -> Value {
    let mut groups: BTreeMap<(String, BTreeSet<String>), Vec<&str>> = BTreeMap::new();
    for (action, _) in used {
        let service = action.split(':').next().unwrap_or_default().to_owned();
        let resources = if with_placeholders { placeholders(action) } else { ["*".to_owned()].into() };
        groups.entry((service, resources)).or_default().push(action);
    }
    let statements = groups.into_iter().map(|((_, resources), actions)| {
        let resources: Vec<String> = resources.into_iter().collect();
        let resource = match resources.as_slice() {
            [one] => json!(one),
            many => json!(many),
        };
        json!({"Effect": "Allow", "Action": actions, "Resource": resource})
    });
    json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_grouped_by_service_and_resource() {
        let used: Vec<(String, Vec<String>)> =
            ["dynamodb:GetItem", "dynamodb:ListTables", "dynamodb:PutItem", "s3:ListAllMyBuckets"]
                .iter()
                .map(|action| ((*action).to_owned(), Vec::new()))
                .collect();
        assert_eq!(
            policy(&used, false)["Statement"],
            json!([
                {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:ListTables", "dynamodb:PutItem"], "Resource": "*"},
                {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": "*"},
            ])
        );
        let filled = policy(&used, true);
        let of = |action: &str| {
            let statements = filled["Statement"].as_array().unwrap();
            let found =
                statements.iter().find(|it| it["Action"].as_array().unwrap().contains(&json!(action)));
            found.unwrap()["Resource"].clone()
        };
        assert_eq!(of("dynamodb:PutItem"), json!("arn:aws:dynamodb:${Region}:${Account}:table/${TableName}"));
        assert_eq!(of("dynamodb:ListTables"), json!("*"));
    }
}
