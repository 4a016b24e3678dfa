//! `cargo xtask coverage`: how much of each API is implemented, declined with a reason, or neither.
//!
//! Reads the operation tables in the services' sources; the services' own tests hold them to what is registered.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::failure::{At, Outcome};
use crate::workspace::{read, root, services};

/// What a service says of its API's operations.
struct Coverage {
    service: String,
    operations: BTreeSet<String>,
    implemented: BTreeSet<String>,
    declined: BTreeSet<String>,
}

/// Prints the table; with `missing`, also the operations that are neither.
pub(crate) fn run(missing: bool) -> Outcome {
    println!("{:<16} {:>10} {:>12} {:>9} {:>8}", "service", "operations", "implemented", "declined", "neither");
    for service in services()? {
        let coverage = read_coverage(&service)?;
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
        let answered = |operation: &&String| self.implemented.contains(*operation) || self.declined.contains(*operation);
        self.operations.iter().filter(|operation| !answered(operation)).collect()
    }
}

fn read_coverage(service: &str) -> Outcome<Coverage> {
    let place = format!("models/{service}.json");
    let model: Value = serde_json::from_str(&read(&root().join(&place))?).at(&place)?;
    let operations: BTreeSet<String> =
        model.get("operations").and_then(Value::as_object).into_iter().flat_map(|table| table.keys().cloned()).collect();
    let (mut implemented, mut declined) = (BTreeSet::new(), BTreeSet::new());
    for path in rust_files(service)? {
        let text = read(&path)?;
        implemented.extend(registered(&text));
        declined.extend(refused(&text));
    }
    implemented.retain(|operation| operations.contains(operation));
    declined.retain(|operation| operations.contains(operation) && !implemented.contains(operation));
    Ok(Coverage { service: service.to_owned(), operations, implemented, declined })
}

fn rust_files(service: &str) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![root().join("services").join(service).join("src")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).at(folder.display())? {
            let path = entry.at(folder.display())?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("api.rs") {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// `….operation::<api::CreateUser, …>(…)`: the last word of the path.
fn registered(text: &str) -> Vec<String> {
    let calls = text.split("operation::<").skip(1);
    calls
        .filter_map(|call| {
            let path = call.split([',', '>']).next()?.trim();
            path.rsplit("::").next().map(str::to_owned)
        })
        .collect()
}

/// Every quoted word between `.declined(` and the bracket that closes it.
fn refused(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for call in text.split(".declined(").skip(1) {
        let mut depth = 1_usize;
        for (at, piece) in call.split('"').enumerate() {
            if at % 2 == 1 {
                words.push(piece.to_owned());
                continue;
            }
            for char in piece.chars() {
                depth = match char {
                    '(' => depth + 1,
                    ')' => depth.saturating_sub(1),
                    _ => depth,
                };
            }
            if depth == 0 {
                break;
            }
        }
    }
    words
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
        assert_eq!(refused(text), ["a (good) reason", "DeleteUser", "ListUsers"]);
    }
}
