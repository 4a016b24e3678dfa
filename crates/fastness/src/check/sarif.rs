//! Findings as SARIF 2.1.0, which code hosts show beside the lines.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use std::collections::BTreeMap;
use std::path::Path;

use analysis::template::{Finding, RULES, Rule, Severity};
use serde_json::{Value, json};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// The score by which code hosts sort findings of security.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "8.0",
        Severity::Medium => "5.0",
        Severity::Low => "2.0",
    }
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": format!("{} ({})", rule.title, rule.owasp)},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {"tags": ["security", rule.owasp], "security-severity": score(rule.severity)},
    })
}

fn result(file: &Path, finding: &Finding, fingerprint: &str) -> Value {
    let index = RULES.iter().position(|rule| rule.id == finding.rule.id);
    let logical =
        (!finding.resource.is_empty()).then(|| json!([{"name": finding.resource, "kind": "resource"}]));
    json!({
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": level(finding.rule.severity),
        "message": {"text": finding.message},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": artifact(file),
                "region": {"startLine": finding.line.unwrap_or(1)},
            },
            "logicalLocations": logical.unwrap_or_else(|| json!([])),
        }],
        // By this a code host knows a finding again when lines have moved.
        "partialFingerprints": {"fastnessFinding/v1": fingerprint},
    })
}

/// The same for the same finding in the same resource, on whatever line.
fn fingerprint(finding: &Finding) -> String {
    let parts = [finding.rule.id, &finding.resource, &finding.message];
    hex::encode(crypto::sha256(parts.join("\n").as_bytes())).chars().take(32).collect()
}

/// Where the file is: relative to the folder from which it is checked, in CI the repository's; one outside of it by its whole
/// path.
fn artifact(file: &Path) -> Value {
    let here = std::env::current_dir().unwrap_or_default();
    let inside = file.strip_prefix(&here).unwrap_or(file);
    let inside = inside.strip_prefix(".").unwrap_or(inside);
    if inside.is_absolute() {
        return json!({"uri": format!("file://{}", uri(inside))});
    }
    json!({"uri": uri(inside), "uriBaseId": "%SRCROOT%"})
}

/// A relative reference, as SARIF wants it: `/` between folders, and no bytes that a URI does not have.
fn uri(file: &Path) -> String {
    let mut uri = String::new();
    for byte in file.to_string_lossy().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte.into())
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

/// The whole report.
pub(super) fn report(file: &Path, findings: &[Finding]) -> Value {
    let rules: Vec<Value> = RULES.iter().map(|each| rule(each)).collect();
    let mut seen = BTreeMap::<String, usize>::new();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let print = fingerprint(finding);
            let times = seen.entry(print.clone()).and_modify(|times| *times += 1).or_insert(1);
            // Findings that say the same of one resource are told apart by their order.
            result(file, finding, &format!("{print}:{times}"))
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "fastness", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "automationDetails": {"id": "fastness-check/"},
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    })
}
