//! What stands around plain resources: `Fn::ForEach`, whose resources are checked once, as they are written, functions in the
//! place of a resource's policies, and SAM's own attributes. The sections of a plain template have none of these.
//!
//! Unrolls nothing: whatever the loop puts in the place of its identifier, the grants are the same. Fetches nothing: what a macro
//! or an include would bring is not there.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Loops stand in loops at most so deep.
const DEEP_MAX: usize = 5;
/// The transform with which these may be functions.
const EXTENSIONS: &str = "AWS::LanguageExtensions";
const INCLUDE: &str = "Fn::Transform";
const POLICIES: [&str; 2] = ["DeletionPolicy", "UpdateReplacePolicy"];

/// Where resources stand, and what they do not take from `Globals`.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Each resource's path in the document, by the name that it has from then on.
    pub(super) paths: BTreeMap<String, String>,
    /// `IgnoreGlobals` of those that have it: `*`, or names of properties.
    pub(super) ignored: BTreeMap<String, Value>,
    is_extended: bool,
}

/// Takes resources and outputs out of their loops, and attributes off them that only transforms read.
pub(super) fn hoist(root: &mut Value) -> Around {
    drop_includes(root);
    let transforms = root.get("Transform").cloned().unwrap_or_default();
    let mut around = Around {
        is_extended: transforms == EXTENSIONS
            || transforms.as_array().is_some_and(|all| all.iter().any(|name| name == EXTENSIONS)),
        ..Around::default()
    };
    if let Some(Value::Object(outputs)) = root.get_mut("Outputs") {
        let mut plain = Map::new();
        take(std::mem::take(outputs), "Outputs", DEEP_MAX, &mut plain, &mut Around::default());
        *outputs = plain;
    }
    let Some(Value::Object(resources)) = root.get_mut("Resources") else { return around };
    let mut plain = Map::new();
    take(std::mem::take(resources), "Resources", DEEP_MAX, &mut plain, &mut around);
    *resources = plain;
    around
}

/// Takes away the calls of macros that stand in the place of names: `Fn::Transform`, and `Transform` with parameters.
fn drop_includes(root: &mut Value) {
    let Some(root) = root.as_object_mut() else { return };
    match root.get_mut("Transform") {
        Some(Value::Array(calls)) => calls.retain(Value::is_string),
        Some(Value::Object(_)) => drop(root.shift_remove("Transform")),
        _ => {}
    }
    root.shift_remove(INCLUDE);
    for section in root.values_mut().filter_map(Value::as_object_mut) {
        section.shift_remove(INCLUDE);
        for entry in section.values_mut().filter_map(Value::as_object_mut) {
            entry.shift_remove(INCLUDE);
        }
    }
}

fn take(
    entries: Map<String, Value>,
    path: &str,
    deep: usize,
    plain: &mut Map<String, Value>,
    around: &mut Around,
) {
    for (key, value) in entries {
        let path = format!("{path}/{key}");
        match value {
            Value::Array(mut parts) if key.starts_with("Fn::ForEach::") && deep > 0 => {
                if let Some(Value::Object(body)) = parts.get_mut(2).map(Value::take) {
                    take(body, &format!("{path}/2"), deep - 1, plain, around);
                }
            }
            mut value => {
                let name = free_name(&key, plain);
                around.paths.insert(name.clone(), path);
                if let Some(body) = value.as_object_mut() {
                    body.shift_remove("Connectors");
                    let ignored = body.shift_remove("IgnoreGlobals");
                    if around.is_extended {
                        body.retain(|name, value| value.is_string() || !POLICIES.contains(&name.as_str()));
                    }
                    around.ignored.extend(ignored.map(|ignored| (name.clone(), ignored)));
                }
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
