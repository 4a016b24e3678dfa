//! SAM's policy templates, where one covers what was needed of a resource.
//!
//! The templates are facts, read from the published transform. Only those with one parameter, which names one resource,
//! are tried; what a template grants beyond the need is told with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Needed;
use crate::glob;
use crate::template::reading::text;

const FACTS: &str = include_str!("../../../../models/sam-policy-templates.json");

/// A policy template that covers all that was needed of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shorthand {
    /// The template's name, for example `DynamoDBReadPolicy`.
    pub name: String,
    /// Its parameter, for example `TableName`.
    pub parameter: String,
    /// The parameter's value.
    pub value: String,
    /// The actions that it grants and that were not needed; empty where it fits exactly.
    pub beyond: Vec<String>,
}

impl Shorthand {
    /// As it stands under `Policies` of a SAM function.
    #[must_use]
    pub fn as_json(&self) -> Value {
        json!({ &self.name: { &self.parameter: self.value } })
    }
}

/// For each resource that some template covers, the one with the least beyond the need.
#[must_use]
pub fn shorthands(needed: &Needed) -> Vec<Shorthand> {
    let facts: Value = serde_json::from_str(FACTS).unwrap_or_default();
    let mut of_resource: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (action, resources) in needed.iter() {
        for resource in resources {
            // An index is granted with its table.
            let owner = resource.split("/index/").next().unwrap_or(resource);
            of_resource.entry(owner.to_owned()).or_default().insert(action.to_owned());
        }
    }
    of_resource.iter().filter_map(|(resource, actions)| best(&facts, resource, actions)).collect()
}

fn best(facts: &Value, resource: &str, actions: &BTreeSet<String>) -> Option<Shorthand> {
    let name = resource.rsplit([':', '/']).next().filter(|name| !name.is_empty() && *name != "*")?;
    let templates = facts.get("templates").and_then(Value::as_object)?;
    let fitting = templates.iter().filter_map(|(template, facts)| {
        let [parameter] = facts.get("parameters")?.as_array()?.as_slice() else { return None };
        let parameter = parameter.as_str()?;
        let granted = granted(facts, resource, parameter, name)?;
        if !actions.iter().all(|action| granted.contains(&action.to_ascii_lowercase())) {
            return None;
        }
        let has = |action: &String| actions.iter().any(|needed| needed.eq_ignore_ascii_case(action));
        let beyond: Vec<String> = granted.into_iter().filter(|action| !has(action)).collect();
        Some(Shorthand {
            name: template.clone(),
            parameter: parameter.to_owned(),
            value: name.to_owned(),
            beyond,
        })
    });
    fitting.min_by_key(|found| found.beyond.len())
}

/// The actions, in lower case, that a template grants on this resource when its parameter is `name`. `None` where it
/// grants something with a wildcard, or on another resource altogether.
fn granted(facts: &Value, resource: &str, parameter: &str, name: &str) -> Option<BTreeSet<String>> {
    let mut granted = BTreeSet::new();
    for statement in facts.pointer("/document/Statement")?.as_array()? {
        let list = |element: &str| match statement.get(element) {
            Some(Value::Array(items)) => items.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        let reaches = list("Resource").iter().any(|pattern| {
            let pattern = filled(&text(pattern), parameter, name);
            pattern != "*" && glob::matches(&pattern, resource)
        });
        for action in list("Action").iter().filter_map(Value::as_str) {
            if !reaches || action.contains(['*', '?']) {
                return None;
            }
            granted.insert(action.to_ascii_lowercase());
        }
    }
    (!granted.is_empty()).then_some(granted)
}

/// The pattern with the parameter's value in its place and a star for everything that deployment knows. The variable of
/// `Fn::Sub` is the parameter's name with a small first letter.
fn filled(pattern: &str, parameter: &str, name: &str) -> String {
    let mut small = parameter.to_owned();
    if let Some(first) = small.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    let mut out = pattern.to_owned();
    for variable in [parameter, &small] {
        out = out.replace(&format!("${{{variable}}}"), name);
    }
    for pseudo in ["AWS::Partition", "AWS::Region", "AWS::AccountId"] {
        out = out.replace(&format!("${{{pseudo}}}"), "*");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Call;

    fn needed(actions: &[&str], resource: &str) -> Needed {
        let call = Call {
            who: "r".into(),
            session: String::new(),
            at: String::new(),
            region: String::new(),
            denied: false,
            needs: actions.iter().map(|action| ((*action).to_owned(), resource.to_owned())).collect(),
        };
        Needed::of([&call])
    }

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:111111111111:table/orders";

    #[test]
    fn the_narrowest_template_that_covers_the_need_is_told() {
        let found = shorthands(&needed(&["dynamodb:GetItem", "dynamodb:Query"], TABLE));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].value.as_str()), ("DynamoDBReadPolicy", "orders"));
        assert_eq!(found[0].as_json(), json!({"DynamoDBReadPolicy": {"TableName": "orders"}}));
        assert!(found[0].beyond.contains(&"dynamodb:scan".to_owned()));
        let exact = needed(
            &[
                "dynamodb:GetItem",
                "dynamodb:Scan",
                "dynamodb:Query",
                "dynamodb:BatchGetItem",
                "dynamodb:DescribeTable",
            ],
            TABLE,
        );
        assert_eq!(shorthands(&exact)[0].beyond, Vec::<String>::new());
        let invoked = needed(&["lambda:InvokeFunction"], "arn:aws:lambda:us-east-1:111111111111:function:f");
        assert_eq!(shorthands(&invoked)[0].name, "LambdaInvokePolicy");
    }

    #[test]
    fn where_none_covers_it_none_is_told() {
        assert_eq!(shorthands(&needed(&["dynamodb:DeleteTable"], TABLE)), []);
        assert_eq!(shorthands(&needed(&["dynamodb:ListTables"], "*")), []);
    }
}
