//! What connectors know: which types may be connected, what each pair may be granted, and how a type is referred to.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Facts {
    connectors: BTreeMap<String, BTreeMap<String, Pair>>,
    #[serde(rename = "connectorTypes")]
    types: Map<String, Value>,
}

static FACTS: LazyLock<Facts> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../../models/sam-policy-templates.json"))
        // SECURITY: without the facts no pair is known, and so every connector is refused.
        .unwrap_or_else(|_| Facts { connectors: BTreeMap::new(), types: Map::new() })
});

/// What two types may be granted.
#[derive(Clone)]
pub(super) struct Pair {
    /// `AWS_IAM_ROLE_MANAGED_POLICY`, `AWS_LAMBDA_PERMISSION`, …
    pub(super) kind: String,
    /// True where the source holds the policy.
    pub(super) source_policy: bool,
    /// Who waits for it.
    pub(super) depended_by: Option<String>,
    /// What each permission grants, in the order in which they are told.
    pub(super) categories: Value,
    /// The only combinations of permissions that are of use, where not all are.
    combinations: Option<Vec<Vec<String>>>,
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Properties {
            source_policy: bool,
            depended_by: Option<String>,
            access_categories: Value,
            valid_access_categories: Option<Vec<Vec<String>>>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Entry {
            r#type: String,
            properties: Properties,
        }
        let Entry { r#type, properties } = Entry::deserialize(deserializer)?;
        Ok(Self {
            kind: r#type,
            source_policy: properties.source_policy,
            depended_by: properties.depended_by,
            categories: properties.access_categories,
            combinations: properties.valid_access_categories,
        })
    }
}

/// What these types may be granted.
pub(super) fn pair(from: &str, to: &str) -> Option<Pair> {
    FACTS.connectors.get(from)?.get(to).cloned()
}

/// How a resource of a type is referred to, with its logical id filled in.
pub(super) fn outputs(kind: &str, id: &str) -> Value {
    let known = FACTS.types.get(kind).and_then(|known| known.get("Outputs")).cloned().unwrap_or_default();
    let values = IndexMap::from_iter([("logicalId".to_owned(), Some(Value::from(id)))]);
    fill(&known, &values).unwrap_or_default()
}

/// Where a resource of a type tells its role: the name of a property, or a way to find it.
pub(super) fn role(kind: &str) -> Option<&'static Value> {
    FACTS.types.get(kind)?.get("Inputs")?.get("Role")
}

impl Pair {
    /// The permissions that are asked for, if they may be.
    pub(super) fn permissions<'a>(
        &self,
        asked: &[&'a str],
        from: &str,
        to: &str,
    ) -> Result<Vec<&'a str>, String> {
        let known: Vec<&String> = self.categories.as_object().into_iter().flat_map(Map::keys).collect();
        let all = known.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        if asked.is_empty() {
            return Err(format!("'Permissions' cannot be empty; valid values are: {all}."));
        }
        let refused = format!("Unsupported 'Permissions' provided for connector from {from} to {to};");
        if !asked.iter().all(|name| known.iter().any(|known| known == name)) {
            return Err(format!("{refused} valid values are: {all}."));
        }
        let mut wanted = asked.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        if let Some(combinations) = &self.combinations {
            let sorted = combinations.iter().map(|names| {
                let mut names = names.clone();
                names.sort();
                names
            });
            let sorted: Vec<Vec<String>> = sorted.collect();
            if !sorted.iter().any(|names| names.iter().eq(wanted.iter())) {
                let told: Vec<String> = sorted.iter().map(|names| names.join(" + ")).collect();
                return Err(format!("{refused} valid combinations are: {}.", told.join(", ")));
            }
        }
        Ok(wanted)
    }
}

/// Fills `%{name}` in: alone it becomes the value, in a longer text an `Fn::Sub` of it.
pub(super) fn fill(value: &Value, values: &IndexMap<String, Option<Value>>) -> Result<Value, String> {
    Ok(match value {
        Value::Object(map) => {
            let filled = map.iter().map(|(name, item)| Ok((name.clone(), fill(item, values)?)));
            Value::Object(filled.collect::<Result<_, String>>()?)
        }
        Value::Array(items) => items.iter().map(|item| fill(item, values)).collect::<Result<_, String>>()?,
        Value::String(text) => fill_text(text, values)?,
        other => other.clone(),
    })
}

fn fill_text(text: &str, values: &IndexMap<String, Option<Value>>) -> Result<Value, String> {
    let mut filled = text.to_owned();
    let mut used = Map::new();
    for (name, value) in values {
        let pattern = format!("%{{{name}}}");
        if !filled.contains(&pattern) {
            continue;
        }
        let value = value.clone().ok_or_else(|| format!("{name} is missing."))?;
        if pattern == filled {
            return Ok(value);
        }
        // Variables of a substitution have no dots.
        let variable: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        filled = filled.replace(&pattern, &format!("${{{variable}}}"));
        used.insert(variable, value);
    }
    let substitutes =
        filled.split_once("${").is_some_and(|(_, rest)| rest.find('}').is_some_and(|at| at > 0));
    Ok(match (substitutes, used.is_empty()) {
        (false, _) => filled.into(),
        (true, true) => json!({ "Fn::Sub": filled }),
        (true, false) => json!({ "Fn::Sub": [filled, used] }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_known_and_of_a_known_kind() {
        assert!(FACTS.connectors.len() >= 11 && FACTS.types.len() >= 11);
        for pair in FACTS.connectors.values().flat_map(BTreeMap::values) {
            let kinds =
                ["IAM_ROLE_MANAGED_POLICY", "LAMBDA_PERMISSION", "SQS_QUEUE_POLICY", "SNS_TOPIC_POLICY"];
            assert!(kinds.iter().any(|kind| pair.kind == format!("AWS_{kind}")), "{}", pair.kind);
            assert!(pair.categories.as_object().is_some_and(|map| !map.is_empty()));
        }
    }

    #[test]
    fn variables_are_filled_in() {
        let arn = json!({ "Fn::GetAtt": ["T", "Arn"] });
        let values = IndexMap::from_iter([
            ("Source.Arn".to_owned(), Some(arn.clone())),
            ("Source.Name".to_owned(), None),
        ]);
        assert_eq!(fill(&json!(["%{Source.Arn}"]), &values), Ok(json!([arn])));
        let sub = json!({ "Fn::Sub": ["${SourceArn}/index/*", { "SourceArn": arn }] });
        assert_eq!(fill(&json!("%{Source.Arn}/index/*"), &values), Ok(sub));
        assert_eq!(fill(&json!("${AWS::Region}"), &values), Ok(json!({ "Fn::Sub": "${AWS::Region}" })));
        assert_eq!(fill(&json!("%{Source.Name}"), &values), Err("Source.Name is missing.".to_owned()));
    }
}
