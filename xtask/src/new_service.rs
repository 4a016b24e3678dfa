//! `cargo xtask new-service NAME`: the files that every service has, with one operation through the whole pipeline.
//!
//! Overwrites nothing: a service that exists is left alone. What the operation does is for its author to write.

use std::path::Path;

use serde_json::Value;

use crate::failure::{At, Failure, Outcome};
use crate::workspace::{read, root, services};

/// Writes the skeleton and generates its types.
pub(crate) fn run(name: &str, operation: Option<&str>) -> Outcome {
    let valid =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !valid {
        return Err(Failure::new(format!(
            "`{name}` is no name for a service: lower-case letters and digits"
        )));
    }
    if services()?.iter().any(|service| service == name) {
        return Err(Failure::new(format!("services/{name} exists")));
    }
    let chosen = choose(name, operation)?;
    for (path, text) in files(name, &chosen) {
        let text = if path.ends_with(".rs") { crate::generate::format(&text)? } else { text };
        create(&path, &text)?;
    }
    enlist(name)?;
    crate::generate::run(false)?;
    println!("services/{name} answers {}; `cargo nextest run -p {name}` runs its tests", chosen.name);
    Ok(())
}

/// The first operation of a new service.
struct Operation {
    name: String,
    /// `create_user` for `CreateUser`.
    function: String,
    /// The name of its input struct; `()` where it takes nothing.
    input: String,
}

fn choose(service: &str, wanted: Option<&str>) -> Outcome<Operation> {
    let packages = crate::generate::packages::install()?;
    let model = packages.service_model(service)?;
    let operations = model.get("operations").and_then(Value::as_object);
    let operations =
        operations.ok_or_else(|| Failure::new(format!("the model of {service} has no operations")))?;
    let shape = |name: &str| model.get("shapes").and_then(|shapes| shapes.get(name));
    let input = |operation: &Value| {
        operation.get("input").and_then(|input| input.get("shape")?.as_str()).map(str::to_owned)
    };
    let simple = |operation: &Value| {
        let required = input(operation).and_then(|name| shape(&name)?.get("required").cloned());
        required.is_none_or(|required| required.as_array().is_some_and(Vec::is_empty))
    };
    let reads = |name: &str| ["List", "Describe", "Get"].iter().any(|verb| name.starts_with(verb));
    let found = operations.iter().find(|(name, operation)| match wanted {
        Some(wanted) => name.as_str() == wanted,
        None => reads(name) && simple(operation),
    });
    let (name, operation) =
        found.ok_or_else(|| Failure::new("no such operation; name one with --operation"))?;
    Ok(Operation {
        name: name.clone(),
        function: crate::generate::snake(name),
        input: input(operation).map_or_else(
            || "()".to_owned(),
            |shape| format!("crate::api::{}", crate::generate::type_name(&shape)),
        ),
    })
}

fn create(path: &str, text: &str) -> Outcome {
    let path = root().join(path);
    if path.exists() {
        return Err(Failure::new(format!("{} exists", path.display())));
    }
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).at(path.display())?;
    std::fs::write(&path, text).at(path.display())
}

/// Adds the service to the workspace's manifest: behind the last service, and among the path dependencies.
fn enlist(name: &str) -> Outcome {
    let path = root().join("Cargo.toml");
    let mut lines: Vec<String> = read(&path)?.lines().map(str::to_owned).collect();
    let last = |lines: &[String], part: &str| lines.iter().rposition(|line| line.contains(part));
    let member =
        last(&lines, "    \"services/").ok_or_else(|| Failure::new("Cargo.toml lists no service"))?;
    lines.insert(member + 1, format!("    \"services/{name}\","));
    let dependency =
        last(&lines, "path = \"services/").ok_or_else(|| Failure::new("Cargo.toml depends on no service"))?;
    lines.insert(dependency + 1, format!("{name} = {{ path = \"services/{name}\" }}"));
    std::fs::write(&path, lines.join("\n") + "\n").at("Cargo.toml")
}

fn files(name: &str, operation: &Operation) -> Vec<(String, String)> {
    let Operation { name: operation, function, input } = operation;
    let fill = |template: &str| {
        template
            .replace("$NAME", name)
            .replace("$OPERATION", operation)
            .replace("$FUNCTION", function)
            .replace("$INPUT", input)
    };
    let overrides = "# What this service decides about its model. `cargo xtask gen` reads it.\n\n\
                     # Operations that `api.rs` has types for.\nimplement = [\"$OPERATION\"]\n";
    let templates = [
        ("Cargo.toml", include_str!("new_service/Cargo.toml.txt")),
        ("src/lib.rs", include_str!("new_service/lib.rs.txt")),
        ("src/access.rs", include_str!("new_service/access.rs.txt")),
        ("src/error.rs", include_str!("new_service/error.rs.txt")),
        ("src/model.rs", include_str!("new_service/model.rs.txt")),
        ("src/operations/mod.rs", include_str!("new_service/operations.rs.txt")),
        ("src/tests.rs", include_str!("new_service/tests.rs.txt")),
    ];
    let mut files: Vec<(String, String)> =
        templates.iter().map(|(path, text)| (format!("services/{name}/{path}"), fill(text))).collect();
    files.push((format!("models/{name}.overrides.toml"), fill(overrides)));
    files
}
