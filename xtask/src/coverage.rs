//! `cargo xtask coverage`: how much of each API is implemented, declined with a reason, or neither.
//!
//! Reads the operation tables in the services' sources; the services' own tests hold them to what is registered.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::failure::{At, Outcome};
use crate::workspace::{Api, apis, read, root};

/// What a service says of its API's operations.
struct Coverage {
    service: String,
    operations: BTreeSet<String>,
    implemented: BTreeSet<String>,
    declined: BTreeSet<String>,
}

/// Prints the table; with `missing`, also the operations that are neither.
pub(crate) fn run(missing: bool) -> Outcome {
    println!(
        "{:<16} {:>10} {:>12} {:>9} {:>8}",
        "service", "operations", "implemented", "declined", "neither"
    );
    for api in apis()? {
        let coverage = read_coverage(&api)?;
        let neither = coverage.neither();
        println!(
            "{:<16} {:>10} {:>12} {:>9} {:>8}",
            coverage.service,
            coverage.operations.len(),
            coverage.implemented.len(),
            coverage.declined.len(),
            neither.len()
        );
        if missing {
            neither.iter().for_each(|operation| println!("    {operation}"));
        }
    }
    Ok(())
}

impl Coverage {
    fn neither(&self) -> Vec<&String> {
        let answered =
            |operation: &&String| self.implemented.contains(*operation) || self.declined.contains(*operation);
        self.operations.iter().filter(|operation| !answered(operation)).collect()
    }
}

fn read_coverage(api: &Api) -> Outcome<Coverage> {
    let service = api.name.as_str();
    let place = format!("models/{service}.json");
    let model: Value = serde_json::from_str(&read(&root().join(&place))?).at(&place)?;
    let operations: BTreeSet<String> = model
        .get("operations")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|table| table.keys().cloned())
        .collect();
    let (mut implemented, mut declined) = (BTreeSet::new(), BTreeSet::new());
    for path in rust_files(&api.folder)? {
        let text = read(&path)?;
        implemented.extend(registered(&text));
        declined.extend(refused(&text));
    }
    implemented.retain(|operation| operations.contains(operation));
    declined.retain(|operation| operations.contains(operation) && !implemented.contains(operation));
    Ok(Coverage { service: service.to_owned(), operations, implemented, declined })
}

fn rust_files(source: &str) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![root().join(source)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).at(folder.display())? {
            let path = entry.at(folder.display())?.path();
            if path.is_dir() && !path.ends_with("tests") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("api.rs")
            {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// Operations that a table registers, `.operation::<api::CreateUser, …>(…)` or `.operation(access::of::<api::GetUser>…)`,
/// and those that a handler takes, `Permit<api::CreateUser>`: the last word of each path.
fn registered(text: &str) -> Vec<String> {
    let table = if text.contains(".operation") { "api::" } else { "operation::<" };
    let paths = ["operation::<", "Permit<", table].into_iter().flat_map(|start| text.split(start).skip(1));
    let word = |path: &str| {
        let path = path.split([',', '>', '(', ')', ' ', '{', ';']).next()?;
        path.rsplit("::").next().map(str::to_owned)
    };
    let mut words: Vec<String> = paths.filter_map(word).collect();
    words.sort();
    words.dedup();
    words
}

/// Every quoted word of a module that declines operations; the caller keeps those that are operations.
fn refused(text: &str) -> Vec<String> {
    if !text.contains("declined(") && !text.contains("DECLINED") {
        return Vec::new();
    }
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_from_their_source() {
        let text = r#"
            .operation::<api::CreateUser, _, _, _, _>(access::a, b)
            .operation::<GetUser, _>(access::a, b)
            .declined("a (good) reason", &["DeleteUser", "ListUsers"])
            .job("NotAnOperation")
        "#;
        assert_eq!(registered(text), ["CreateUser", "GetUser"]);
        assert_eq!(registered("_: Permit<api::TagUser>,"), ["TagUser"]);
        assert_eq!(refused(text), ["a (good) reason", "DeleteUser", "ListUsers", "NotAnOperation"]);
        assert!(refused("\"DeleteUser\"").is_empty());
    }
}
