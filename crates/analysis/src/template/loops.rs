//! `Fn::ForEach` around resources: what stands in a loop is checked once, as it is written.
//!
//! Unrolls nothing: whatever the loop puts in the place of its identifier, the grants are the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Loops stand in loops at most so deep.
const DEEP_MAX: usize = 5;

/// Takes resources out of their loops. Answers where each stands in the document, by the name that it has from then on.
pub(super) fn hoist(root: &mut Value) -> BTreeMap<String, String> {
    let mut paths = BTreeMap::new();
    let Some(Value::Object(resources)) = root.get_mut("Resources") else { return paths };
    let mut plain = Map::new();
    take(std::mem::take(resources), "Resources", DEEP_MAX, &mut plain, &mut paths);
    *resources = plain;
    paths
}

fn take(
    entries: Map<String, Value>,
    path: &str,
    deep: usize,
    plain: &mut Map<String, Value>,
    paths: &mut BTreeMap<String, String>,
) {
    for (key, value) in entries {
        let path = format!("{path}/{key}");
        match value {
            Value::Array(mut parts) if key.starts_with("Fn::ForEach::") && deep > 0 => {
                if let Some(Value::Object(body)) = parts.get_mut(2).map(Value::take) {
                    take(body, &format!("{path}/2"), deep - 1, plain, paths);
                }
            }
            value => {
                let name = free_name(&key, plain);
                paths.insert(name.clone(), path);
                plain.insert(name, value);
            }
        }
    }
}

/// `Topic${Name}` as a logical id: `TopicName`; where there is such a resource already, with a number behind it.
fn free_name(key: &str, taken: &Map<String, Value>) -> String {
    if !key.contains("${") && !key.contains("&{") {
        return key.to_owned();
    }
    let name: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    let mut numbered = (2..).map(|number| format!("{name}{number}"));
    if !taken.contains_key(&name) {
        return name;
    }
    numbered.find(|name| !taken.contains_key(name)).unwrap_or(name)
}
