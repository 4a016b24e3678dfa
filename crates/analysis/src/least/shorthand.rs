//! SAM's policy templates, where one covers what was needed of a resource.
//!
//! The templates are facts, read from the published transform. Only those with one parameter, which names one resource,
//! are tried; what a template grants beyond the need is told with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Needed;
use crate::resource::Reading;

const FACTS: &str = include_str!("../../../../models/sam-policy-templates.json");

/// How the evaluator reads a template's resources; what stands for variables was put in before.
const FILLED: Reading = Reading::of(true, false, false);

/// A policy template that covers all that was needed of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shorthand {
    /// The template's name, for example `DynamoDBReadPolicy`.
    pub name: String,
    /// Its parameter, for example `TableName`.
    pub parameter: String,
    /// The parameter's value.
    pub value: String,
    /// The actions that it grants and that were not needed.
    pub beyond: Vec<String>,
    /// The patterns with which it grants what was needed on more than what was needed.
    pub reach: Vec<String>,
}

impl Shorthand {
    /// As it stands under `Policies` of a SAM function.
    #[must_use]
    pub fn as_json(&self) -> Value {
        json!({ &self.name: { &self.parameter: self.value } })
    }

    /// True where it grants what was needed and nothing else.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.beyond.is_empty() && self.reach.is_empty()
    }
}

/// What was needed of one resource: actions, each with what of the resource it was on.
type Needs = BTreeSet<(String, String)>;

/// For each resource that some template covers, the one with the least beyond the need.
#[must_use]
pub fn shorthands(needed: &Needed) -> Vec<Shorthand> {
    let facts: Value = serde_json::from_str(FACTS).unwrap_or_default();
    let mut of_resource: BTreeMap<String, Needs> = BTreeMap::new();
    for (action, resources) in needed.iter() {
        for resource in resources {
            let need = (action.to_owned(), resource.clone());
            of_resource.entry(owner(resource).to_owned()).or_default().insert(need);
        }
    }
    of_resource.iter().filter_map(|(resource, needs)| best(&facts, resource, needs)).collect()
}

/// What a resource is granted with: an index with its table, an object with its bucket.
fn owner(resource: &str) -> &str {
    if resource.starts_with("arn:aws:s3:::") {
        return resource.split('/').next().unwrap_or(resource);
    }
    resource.split("/index/").next().unwrap_or(resource)
}

fn best(facts: &Value, resource: &str, needs: &Needs) -> Option<Shorthand> {
    let name = resource
        .rsplit([':', '/'])
        .next()
        .filter(|name| !name.is_empty() && !name.contains(['*', '?', '$']))?;
    let templates = facts.get("templates").and_then(Value::as_object)?;
    let fitting = templates.iter().filter_map(|(template, facts)| {
        let [parameter] = facts.get("parameters")?.as_array()?.as_slice() else { return None };
        let parameter = parameter.as_str()?;
        let granted = granted(facts, resource, parameter, name)?;
        if !needs.iter().all(|need| granted.iter().any(|grant| grant.covers(need))) {
            return None;
        }
        let used = |action: &String| needs.iter().any(|(needed, _)| needed.eq_ignore_ascii_case(action));
        let all: BTreeMap<&String, &String> = granted.iter().flat_map(|grant| &grant.actions).collect();
        let beyond =
            all.into_iter().filter(|(action, _)| !used(action)).map(|(_, name)| name.clone()).collect();
        let reach =
            granted.iter().filter(|grant| grant.actions.keys().any(&used)).flat_map(|grant| &grant.patterns);
        let reach: BTreeSet<&String> = reach.filter(|pattern| pattern.contains(['*', '?'])).collect();
        Some(Shorthand {
            name: template.clone(),
            parameter: parameter.to_owned(),
            value: name.to_owned(),
            beyond,
            reach: reach.into_iter().cloned().collect(),
        })
    });
    fitting.min_by_key(|found| (found.beyond.len(), found.reach.len()))
}

/// What one statement of a template grants: actions, by their names in lower case, and the patterns that they are on.
struct Grant {
    actions: BTreeMap<String, String>,
    patterns: Vec<String>,
}

impl Grant {
    fn covers(&self, (action, resource): &(String, String)) -> bool {
        self.actions.contains_key(&action.to_ascii_lowercase())
            && self.patterns.iter().any(|pattern| FILLED.may_match(pattern, resource))
    }
}

/// What a template grants when its parameter is `name`. `None` where it grants something with a wildcard, or on another
/// resource altogether.
fn granted(facts: &Value, resource: &str, parameter: &str, name: &str) -> Option<Vec<Grant>> {
    let mut granted = Vec::new();
    for statement in facts.pointer("/document/Statement")?.as_array()? {
        let list = |element: &str| match statement.get(element) {
            Some(Value::Array(items)) => items.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        let patterns: Vec<String> = list("Resource")
            .iter()
            .map(|pattern| filled(&text(pattern), resource, parameter, name))
            .collect();
        let is_of_it = |pattern: &String| {
            pattern != "*" && (owner(pattern) == resource || FILLED.may_match(pattern, resource))
        };
        let actions: BTreeMap<String, String> = list("Action")
            .iter()
            .filter_map(Value::as_str)
            .map(|action| (action.to_ascii_lowercase(), action.to_owned()))
            .collect();
        if !patterns.iter().any(is_of_it) || actions.keys().any(|action| action.contains(['*', '?'])) {
            return None;
        }
        granted.push(Grant { actions, patterns });
    }
    (!granted.is_empty()).then_some(granted)
}

/// A pattern as text: with `${Name}` where the facts refer to something.
fn text(pattern: &Value) -> String {
    let sub = pattern.get("Fn::Sub").unwrap_or(pattern);
    let text = sub.as_str().or_else(|| sub.get(0)?.as_str());
    text.map(str::to_owned).unwrap_or_default()
}

/// The pattern with the parameter's value in its place, and what deployment knows taken from the resource's own ARN. The
/// variable of `Fn::Sub` is the parameter's name with a small first letter.
fn filled(pattern: &str, resource: &str, parameter: &str, name: &str) -> String {
    let mut small = parameter.to_owned();
    if let Some(first) = small.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    let mut out = pattern.to_owned();
    for variable in [parameter, &small] {
        out = out.replace(&format!("${{{variable}}}"), name);
    }
    let part = |at: usize| resource.split(':').nth(at).filter(|part| !part.is_empty()).unwrap_or("*");
    for (pseudo, at) in [("AWS::Partition", 1), ("AWS::Region", 3), ("AWS::AccountId", 4)] {
        out = out.replace(&format!("${{{pseudo}}}"), part(at));
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
            ..Call::default()
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
        assert!(found[0].beyond.contains(&"dynamodb:Scan".to_owned()), "by its name: {:?}", found[0].beyond);
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
        let found = &shorthands(&exact)[0];
        assert_eq!(found.beyond, Vec::<String>::new());
        assert_eq!(found.reach, [format!("{TABLE}/index/*")], "it reaches the indexes as well");
        assert!(!found.is_exact());
        let invoked = needed(&["lambda:InvokeFunction"], "arn:aws:lambda:us-east-1:111111111111:function:f");
        assert_eq!(shorthands(&invoked)[0].name, "LambdaInvokePolicy");
        let sent = needed(&["sns:Publish"], "arn:aws:sns:us-east-1:111111111111:t");
        let found = &shorthands(&sent)[0];
        assert_eq!((found.name.as_str(), found.is_exact()), ("SNSPublishMessagePolicy", true));
        // Objects are granted with their bucket.
        let read = needed(&["s3:GetObject"], "arn:aws:s3:::b/folder/k");
        let found = &shorthands(&read)[0];
        assert_eq!((found.name.as_str(), found.value.as_str()), ("S3ReadPolicy", "b"));
        assert_eq!(found.reach, ["arn:aws:s3:::b/*"]);
    }

    #[test]
    fn where_none_covers_it_none_is_told() {
        assert_eq!(shorthands(&needed(&["dynamodb:DeleteTable"], TABLE)), []);
        assert_eq!(shorthands(&needed(&["dynamodb:ListTables"], "*")), []);
    }
}
