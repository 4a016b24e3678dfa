//! The Regions that a web function is copied to: names of Regions, and groups of them.
//!
//! A name is not held against a list of Regions; a group that is not known is refused.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::error::Problems;
use super::super::value::{is_intrinsic, printed_list, truthy};

const US: [&str; 4] = ["us-east-1", "us-east-2", "us-west-1", "us-west-2"];
const AP: [&str; 6] =
    ["ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2"];
const CA: [&str; 1] = ["ca-central-1"];
const EU: [&str; 5] = ["eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1"];
const SA: [&str; 1] = ["sa-east-1"];
const SPARSE: [&str; 7] = [
    "us-east-1",
    "eu-west-1",
    "eu-central-1",
    "ap-northeast-1",
    "ap-southeast-2",
    "sa-east-1",
    "ap-southeast-1",
];

/// Groups as the published transform has them.
const GROUPS: [(&str, &[&str]); 6] =
    [("US", &US), ("AP", &AP), ("CA", &CA), ("EU", &EU), ("SA", &SA), ("SPARSE_GLOBAL", &SPARSE)];

/// `ReplicaRegions` as a list, sorted; functions stand behind the names, as they are.
pub(super) fn expand(id: &str, replicas: &Value) -> Result<Value, Problems> {
    if is_intrinsic(replicas) {
        return Ok(replicas.clone());
    }
    let Some(map) = replicas.as_object() else { return joined(id, &entries(Some(replicas)), &[]) };
    let refuse = |message: String| Err(Problems::resource(id, message));
    let known = ["IncludeRegions", "ExcludeRegions"];
    let unknown: BTreeSet<&str> = map.keys().map(String::as_str).filter(|key| !known.contains(key)).collect();
    if !unknown.is_empty() {
        let unknown: Vec<&str> = unknown.into_iter().collect();
        return refuse(format!(
            "'ReplicaRegions' contains unrecognized keys: {}. Valid keys are: IncludeRegions, ExcludeRegions.",
            printed_list(&unknown)
        ));
    }
    let (included, excluded) = (truthy(map, "IncludeRegions"), truthy(map, "ExcludeRegions"));
    if excluded.is_some() && included.is_none() {
        return refuse(
            "'ExcludeRegions' requires 'IncludeRegions' to also be specified in 'ReplicaRegions'.".to_owned(),
        );
    }
    if [included, excluded].into_iter().flatten().any(is_intrinsic) {
        return refuse(
            "'IncludeRegions' and 'ExcludeRegions' do not support top-level intrinsic functions.".to_owned(),
        );
    }
    let (included, excluded) = (entries(included), entries(excluded));
    if !excluded.iter().all(Value::is_string) {
        return refuse("'ExcludeRegions' does not support intrinsic functions in entries.".to_owned());
    }
    if !excluded.is_empty() && !included.iter().all(Value::is_string) {
        return refuse(
            "'ExcludeRegions' cannot be used when 'IncludeRegions' contains intrinsic functions, because the exclusion \
             cannot be applied to an intrinsic value at transform time."
                .to_owned(),
        );
    }
    joined(id, &included, &excluded)
}

/// What Python goes over in a list's place.
fn entries(value: Option<&Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items.clone(),
        Some(Value::String(text)) => text.chars().map(|letter| letter.to_string().into()).collect(),
        Some(Value::Object(map)) => map.keys().map(|key| Value::from(key.as_str())).collect(),
        _ => Vec::new(),
    }
}

fn joined(id: &str, included: &[Value], excluded: &[Value]) -> Result<Value, Problems> {
    let mut names = names(id, included)?;
    for name in self::names(id, excluded)? {
        names.remove(&name);
    }
    let functions = included.iter().filter(|entry| !entry.is_string()).cloned();
    Ok(names.into_iter().map(Value::from).chain(functions).collect())
}

/// The names of entries that are texts, groups written out. The last unknown one is told, as the published transform does.
fn names(id: &str, entries: &[Value]) -> Result<BTreeSet<String>, Problems> {
    let mut names = BTreeSet::new();
    for key in entries.iter().rev().filter_map(Value::as_str) {
        let upper = key.to_uppercase();
        let all = upper == "ALL_STANDARD";
        let groups: Vec<&[&str]> =
            GROUPS.iter().filter(|(name, _)| all || *name == upper).map(|(_, group)| *group).collect();
        if groups.is_empty() {
            if !key.contains('-') {
                return Err(Problems::resource(id, format_args!("Unknown region key or code: '{key}'.")));
            }
            names.insert(key.to_owned());
        }
        names.extend(groups.into_iter().flatten().map(|name| (*name).to_owned()));
    }
    Ok(names)
}
