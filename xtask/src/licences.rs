//! The supply chain without cargo-deny: licences, bans and sources of `deny.toml`, checked over `cargo metadata`.
//!
//! It stands in where cargo-deny is not installed. It knows no advisories, no licence texts and no duplicates: only what
//! packages declare of themselves, and who depends on whom.

mod expression;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use toml::Table;

use crate::failure::{At, Failure, Outcome};
use crate::host::cargo;
use crate::workspace::{read, root};

/// The one registry.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A package that would be built, and who asks for it.
#[derive(Default)]
struct Package {
    name: String,
    version: String,
    licence: Option<String>,
    source: Option<String>,
    parents: BTreeSet<String>,
}

/// What `deny.toml` says.
struct Rules {
    licences: BTreeSet<String>,
    /// A crate's name, and the only ones that may depend on it.
    bans: Vec<(String, BTreeSet<String>)>,
}

/// Checks every package of every target that `deny.toml` names.
pub(crate) fn run() -> Outcome {
    let text = read(&root().join("deny.toml"))?;
    let deny: Table = text.parse().at("deny.toml")?;
    let rules = Rules::of(&deny)?;
    let mut packages = BTreeMap::new();
    for target in strings(&deny, &["graph", "targets"]) {
        let output = cargo(&["metadata", "--locked", "--format-version", "1", "--filter-platform", &target])
            .current_dir(root())
            .output()
            .at("cargo metadata")?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!("cargo metadata: {}", complaint.trim())));
        }
        collect(&serde_json::from_slice(&output.stdout).at("cargo metadata")?, &mut packages);
    }
    let problems: Vec<String> = packages.values().flat_map(|package| rules.broken_by(package)).collect();
    for problem in &problems {
        println!("supply chain: {problem}");
    }
    println!("{} packages checked for licences, bans and sources", packages.len());
    match problems.len() {
        0 if packages.is_empty() => Err(Failure::new("deny.toml names no target")),
        0 => Ok(()),
        count => Err(Failure::new(format!("{count} packages break deny.toml"))),
    }
}

/// Adds the packages of one target's graph.
fn collect(metadata: &Value, packages: &mut BTreeMap<String, Package>) {
    let list = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().to_vec()
    };
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let described: BTreeMap<_, _> = list(metadata, "packages")
        .into_iter()
        .filter_map(|package| Some((text(&package, "id")?, package)))
        .collect();
    let name_of = |id: &str| described.get(id).and_then(|package| text(package, "name")).unwrap_or_default();
    // The resolved graph, not the list of packages: that one has every platform's.
    for node in metadata.get("resolve").map(|resolve| list(resolve, "nodes")).unwrap_or_default() {
        let Some(id) = text(&node, "id") else { continue };
        let package = packages.entry(id.clone()).or_default();
        if let Some(description) = described.get(&id) {
            package.name = name_of(&id);
            package.version = text(description, "version").unwrap_or_default();
            package.licence = text(description, "license");
            package.source = text(description, "source");
        }
        for dependency in list(&node, "dependencies").iter().filter_map(Value::as_str) {
            packages.entry(dependency.to_owned()).or_default().parents.insert(name_of(&id));
        }
    }
}

impl Rules {
    fn of(deny: &Table) -> Outcome<Self> {
        let bans =
            deny.get("bans").and_then(|bans| bans.get("deny")?.as_array()).cloned().unwrap_or_default();
        let bans = bans.iter().map(|ban| {
            let ban = ban.as_table().ok_or_else(|| Failure::new("a ban of deny.toml is no table"))?;
            let name = ban.get("crate").and_then(toml::Value::as_str);
            let name = name.ok_or_else(|| Failure::new("a ban of deny.toml names no crate"))?;
            Ok((name.to_owned(), strings(ban, &["wrappers"]).into_iter().collect()))
        });
        let licences = strings(deny, &["licenses", "allow"]).into_iter().collect();
        Ok(Self { licences, bans: bans.collect::<Outcome<_>>()? })
    }

    /// What this package breaks.
    fn broken_by(&self, package: &Package) -> Vec<String> {
        let shown = format!("{} {}", package.name, package.version);
        let mut problems = Vec::new();
        match &package.licence {
            None => problems.push(format!("{shown} declares no licence")),
            Some(licence) if !expression::is_met(licence, &self.licences) => {
                problems.push(format!("{shown}: its licence is not allowed: {licence}"));
            }
            Some(_) => {}
        }
        if package.source.as_deref().is_some_and(|source| source != REGISTRY) {
            problems.push(format!("{shown} comes from {}", package.source.as_deref().unwrap_or_default()));
        }
        for (_, wrappers) in self.bans.iter().filter(|(name, _)| *name == package.name) {
            let outside: Vec<&str> = package.parents.difference(wrappers).map(String::as_str).collect();
            if wrappers.is_empty() {
                problems.push(format!("{shown} is banned; {} depends on it", outside.join(", ")));
            } else if !outside.is_empty() {
                problems.push(format!("{shown} may not be used by {}", outside.join(", ")));
            }
        }
        problems
    }
}

/// The strings of a list somewhere in a table.
fn strings(table: &Table, path: &[&str]) -> Vec<String> {
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    let found = rest.iter().try_fold(table.get(*first), |value, name| Some(value?.get(name)));
    let list = found.flatten().and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
