//! `fastness check TEMPLATE`: what a template would grant too widely, told before it is deployed.
//!
//! Reads one file, writes one report, starts and deploys nothing. It ends with 0 where nothing is found, with 1 where
//! something is at or above the asked severity, with 2 where the file is no template.

mod sarif;

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use analysis::template::{Finding, Severity};
use identity::directory::managed as kept;
use serde_json::json;

use crate::Error;
use crate::args::{CheckFormat, CheckOptions, CheckThreshold};
use crate::terminal;

/// Checks and prints.
pub(crate) fn run(options: &CheckOptions) -> ExitCode {
    match report(options) {
        Ok((text, failed)) => {
            terminal::print(&text);
            ExitCode::from(u8::from(failed))
        }
        Err(error) => {
            terminal::warn(&format!("{}: {error}", options.template.display()));
            ExitCode::from(2)
        }
    }
}

fn report(options: &CheckOptions) -> Result<(String, bool), Error> {
    let file = std::fs::File::open(&options.template)?;
    // More than any template may have is not read at all.
    let mut text = String::new();
    let most = u64::try_from(template::limits::DOCUMENT_BYTES_MAX)? + 1;
    std::io::Read::read_to_string(&mut std::io::Read::take(file, most), &mut text)?;
    let findings = analysis::template::check(&text, &managed)?;
    let least = match options.fail_on {
        CheckThreshold::Low => Some(Severity::Low),
        CheckThreshold::Medium => Some(Severity::Medium),
        CheckThreshold::High => Some(Severity::High),
        CheckThreshold::Never => None,
    };
    let failed = least.is_some_and(|least| findings.iter().any(|finding| finding.rule.severity >= least));
    let file = options.template.as_path();
    let written = match options.format {
        CheckFormat::Text => as_text(file, &findings),
        CheckFormat::Json => format!("{:#}\n", as_json(file, &findings)),
        CheckFormat::Sarif => format!("{:#}\n", sarif::report(file, &findings)),
    };
    Ok((written, failed))
}

/// The document of a policy that AWS keeps.
fn managed(name: &str) -> Option<String> {
    kept::by_name(name).map(|policy| policy.document.clone())
}

fn as_text(file: &Path, findings: &[Finding]) -> String {
    let mut out = String::new();
    let name = terminal::line(&file.display().to_string());
    for finding in findings {
        let rule = finding.rule;
        let line = finding.line.unwrap_or(1);
        let severity = rule.severity.word();
        let message = terminal::line(&finding.message);
        let _ = writeln!(out, "{name}:{line}: {severity}: {message} [{}]", rule.id);
        let _ = writeln!(out, "    {}", rule.owasp);
        let _ = writeln!(out, "    {}", rule.fix);
    }
    let _ = match findings.len() {
        0 => writeln!(out, "{name}: nothing found"),
        1 => writeln!(out, "1 finding"),
        count => writeln!(out, "{count} findings"),
    };
    out
}

fn as_json(file: &Path, findings: &[Finding]) -> serde_json::Value {
    let each = findings.iter().map(|finding| {
        json!({
            "rule": finding.rule.id,
            "severity": finding.rule.severity.word(),
            "file": file.display().to_string(),
            "line": finding.line,
            "resource": finding.resource,
            "message": finding.message,
            "risk": finding.rule.owasp,
            "fix": finding.rule.fix,
        })
    });
    json!({ "findings": each.collect::<Vec<_>>() })
}
