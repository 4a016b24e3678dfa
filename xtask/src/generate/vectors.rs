//! botocore's protocol test vectors, reduced to what our codecs are held against.
//!
//! Kept: the model, the parameters and the HTTP message of each case. Dropped: descriptions, and what only a client
//! decides (endpoints, retries, host prefixes).

use serde_json::{Map, Value, json};

use super::Files;
use super::compact::{self, Model};
use super::overrides::Global;
use super::packages::Packages;
use crate::failure::{At, Failure, Outcome};

/// The protocols that our codecs speak, as botocore names the files.
const PROTOCOLS: [&str; 5] = ["json", "json_1_0", "query", "rest-json", "rest-xml"];

/// One file a protocol and direction.
pub(crate) fn generate(packages: &Packages, global: &Global, files: &mut Files) -> Outcome {
    let source = packages.botocore_source()?.join("tests/unit/protocols");
    for direction in ["input", "output"] {
        for protocol in PROTOCOLS {
            let path = source.join(direction).join(format!("{protocol}.json"));
            let text = std::fs::read_to_string(&path).at(path.display())?;
            let suites: Vec<Value> = serde_json::from_str(&text).at(path.display())?;
            let name = format!("{protocol}-{direction}");
            let mut lines = Vec::new();
            for suite in &suites {
                lines.extend(cases(&name, suite, global)?);
            }
            let file = format!("crates/protocol/tests/vectors/{name}.json");
            files.insert(file.into(), format!("[\n{}\n]\n", lines.join(",\n")));
        }
    }
    Ok(())
}

fn cases(name: &str, suite: &Value, global: &Global) -> Outcome<Vec<String>> {
    let cases = suite
        .get("cases")
        .and_then(Value::as_array)
        .ok_or_else(|| Failure::new(format!("{name}: no cases")))?;
    let mut lines = Vec::new();
    for case in cases {
        let id = case.get("id").and_then(Value::as_str).unwrap_or_default();
        let given = case.get("given").cloned().unwrap_or_default();
        let model = compact::compact_vector(id, &definition(suite, &given), global)?;
        let mut line = Map::new();
        line.insert("id".to_owned(), id.into());
        line.insert("model".to_owned(), whole(&model));
        for key in ["params", "serialized", "result", "response", "error", "errorMessage", "errorCode"] {
            if let Some(value) = case.get(key) {
                line.insert(key.to_owned(), value.clone());
            }
        }
        lines.push(Value::Object(line).to_string());
    }
    Ok(lines)
}

/// A case gives one operation, and error shapes where it has any, beside the suite's shapes.
fn definition(suite: &Value, given: &Value) -> Value {
    let name = given.get("name").and_then(Value::as_str).unwrap_or("OperationName");
    let mut operations = Map::new();
    operations.insert(name.to_owned(), given.clone());
    json!({
        "metadata": suite.get("metadata"),
        "operations": operations,
        "shapes": suite.get("shapes"),
    })
}

fn whole(model: &Model) -> Value {
    let mut out = model.header.clone();
    out.insert("operations".to_owned(), Value::Object(model.operations.iter().cloned().collect()));
    out.insert("shapes".to_owned(), Value::Object(model.shapes.iter().cloned().collect()));
    Value::Object(out)
}
