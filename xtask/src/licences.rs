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
    let mut expected = BTreeSet::new();
    for target in strings(&deny, &["graph", "targets"]) {
        let metadata = ask(&["metadata", "--locked", "--format-version", "1", "--filter-platform", &target])?;
        let metadata = serde_json::from_str(&metadata).at("cargo metadata")?;
        let tree =
            ["tree", "--locked", "--workspace", "--prefix", "none", "--format", "{p}", "--target", &target];
        let built = built(&ask(&tree)?);
        collect(&metadata, &built, &mut packages);
        expected.extend(built);
    }
    let problems: Vec<String> = packages.values().flat_map(|package| rules.broken_by(package)).collect();
    for problem in &problems {
        println!("supply chain: {problem}");
    }
    println!("{} packages checked for licences, bans and sources", packages.len());
    match problems.len() {
        // SECURITY: a package that was not looked at is not one that passed.
        0 if packages.is_empty() || packages.len() != expected.len() => {
            Err(Failure::new(format!("cargo builds {} packages, not those", expected.len())))
        }
        0 => Ok(()),
        count => Err(Failure::new(format!("{count} packages break deny.toml"))),
    }
}

/// What cargo prints.
fn ask(arguments: &[&str]) -> Outcome<String> {
    let name = format!("cargo {}", arguments.first().unwrap_or(&""));
    let output = cargo(arguments).current_dir(root()).output().at(&name)?;
    if output.status.success() {
        return String::from_utf8(output.stdout).at(name);
    }
    Err(Failure::new(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// The names and versions in a tree's lines, each `NAME vVERSION …`.
fn built(tree: &str) -> BTreeSet<(String, String)> {
    let lines = tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    });
    lines.collect()
}

/// Adds the packages of one target's graph that are built: the graph of `cargo metadata` also holds optional ones that
/// no feature switches on.
fn collect(metadata: &Value, built: &BTreeSet<(String, String)>, packages: &mut BTreeMap<String, Package>) {
    let list = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().to_vec()
    };
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let described: BTreeMap<_, _> = list(metadata, "packages")
        .into_iter()
        .filter(|package| {
            let named = text(package, "name").zip(text(package, "version"));
            named.is_some_and(|named| built.contains(&named))
        })
        .filter_map(|package| Some((text(&package, "id")?, package)))
        .collect();
    for node in metadata.get("resolve").map(|resolve| list(resolve, "nodes")).unwrap_or_default() {
        let Some((id, description)) = text(&node, "id").and_then(|id| described.get_key_value(&id)) else {
            continue;
        };
        let name = text(description, "name").unwrap_or_default();
        for dependency in list(&node, "dependencies").iter().filter_map(Value::as_str) {
            if described.contains_key(dependency) {
                packages.entry(dependency.to_owned()).or_default().parents.insert(name.clone());
            }
        }
        let package = packages.entry(id.clone()).or_default();
        package.version = text(description, "version").unwrap_or_default();
        package.licence = text(description, "license");
        package.source = text(description, "source");
        package.name = name;
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
