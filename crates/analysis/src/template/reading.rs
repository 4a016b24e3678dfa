//! A template as its findings need it: values as text where that can be told, and the lines on which they stand.
//!
//! Evaluates nothing. An intrinsic that hides its value is shown as the name it refers to; of `Fn::If` both branches
//! are read.

use std::collections::BTreeMap;

use serde_json::Value;
use template::{Document, Resource, Template};

use super::{Finding, Rule};

pub(super) struct Reading<'t> {
    pub(super) template: &'t Template,
    document: &'t Document,
    lines: Vec<&'t str>,
    /// The first lines of all resources, sorted.
    starts: Vec<usize>,
    /// Where each resource stands in the document.
    paths: BTreeMap<String, String>,
}

impl<'t> Reading<'t> {
    pub(super) fn new(
        text: &'t str,
        document: &'t Document,
        template: &'t Template,
        paths: BTreeMap<String, String>,
    ) -> Self {
        let mut reading =
            Self { template, document, lines: text.lines().collect(), starts: Vec::new(), paths };
        let starts = template.resources.keys().filter_map(|name| reading.start_of_resource(name));
        let mut starts: Vec<usize> = starts.collect();
        starts.sort_unstable();
        reading.starts = starts;
        reading
    }

    /// The line of a resource's own block on which `needle` stands; the resource's line where none has it.
    fn line_of(&self, resource: &str, needle: &str) -> Option<usize> {
        let start = self.start_of_resource(resource)?;
        let end = self.starts.iter().copied().find(|other| *other > start).unwrap_or(usize::MAX);
        Some(self.search(start, end, needle).unwrap_or(start))
    }

    fn start_of_resource(&self, resource: &str) -> Option<usize> {
        self.start_of(self.paths.get(resource)?)
    }

    fn start_of(&self, path: &str) -> Option<usize> {
        self.document.line(path).and_then(|line| usize::try_from(line).ok())
    }

    fn search(&self, start: usize, end: usize, needle: &str) -> Option<usize> {
        // A wildcard alone stands in quotes or as a list's item; anywhere else it is part of something longer.
        let quoted = [format!("\"{needle}\""), format!("'{needle}'")];
        let found = |line: &str| {
            if needle == "*" { quoted.iter().any(|text| line.contains(text)) } else { line.contains(needle) }
        };
        let block = self.lines.iter().enumerate().skip(start.saturating_sub(1));
        let mut block = block.take(end.saturating_sub(start)).map(|(at, line)| (at + 1, *line));
        if needle.is_empty() {
            return None;
        }
        block.find(|(_, line)| found(line)).map(|(at, _)| at)
    }

    /// A finding in a resource, on the line on which `needle` stands.
    pub(super) fn finding(
        &self,
        rule: &'static Rule,
        resource: &str,
        needle: &str,
        message: String,
    ) -> Finding {
        Finding { rule, resource: resource.to_owned(), line: self.line_of(resource, needle), message }
    }

    /// The same, on the first line with `needle` from the line on that has `anchor`.
    pub(super) fn finding_after(
        &self,
        rule: &'static Rule,
        resource: &str,
        (anchor, needle): (&str, &str),
        message: String,
    ) -> Finding {
        let line = self.line_of(resource, anchor).map(|start| {
            let end = self.starts.iter().copied().find(|other| *other > start).unwrap_or(usize::MAX);
            self.search(start, end, needle).unwrap_or(start)
        });
        Finding { rule, resource: resource.to_owned(), line, message }
    }

    /// What the template's `Globals` say under this pointer.
    pub(super) fn global_value(&self, pointer: &str) -> Option<&'t Value> {
        self.document.root.get("Globals")?.pointer(pointer)
    }

    /// A finding in the template's `Globals`.
    pub(super) fn global(&self, rule: &'static Rule, needle: &str, message: String) -> Finding {
        let start = self.start_of("Globals").unwrap_or(1);
        let end = self.starts.first().copied().unwrap_or(usize::MAX).max(start + 1);
        let line = self.search(start, end, needle).unwrap_or(start);
        Finding { rule, resource: String::new(), line: Some(line), message }
    }
}

/// The branches of a value: itself, or both sides of `Fn::If`, lists flattened.
pub(super) fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().flat_map(each).collect(),
        Value::Object(members) => match members.get("Fn::If").and_then(Value::as_array) {
            Some(parts) if members.len() == 1 => parts.iter().skip(1).flat_map(each).collect(),
            _ => vec![value],
        },
        one => vec![one],
    }
}

/// A value as text: what it refers to stands as `${Name}`.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) => {
            let one = members.iter().next().filter(|_| members.len() == 1);
            match one {
                Some((name, Value::String(target))) if name == "Ref" || name == "Fn::GetAtt" => {
                    format!("${{{target}}}")
                }
                Some((name, Value::String(text))) if name == "Fn::Sub" => text.clone(),
                Some((name, Value::Array(parts))) if name == "Fn::Sub" => {
                    parts.first().map(text).unwrap_or_default()
                }
                Some((name, Value::Array(parts))) if name == "Fn::GetAtt" => {
                    let parts: Vec<String> = parts.iter().map(text).collect();
                    format!("${{{}}}", parts.join("."))
                }
                Some((name, Value::Array(parts))) if name == "Fn::Join" => {
                    let between = parts.first().map(text).unwrap_or_default();
                    let parts = parts.get(1).and_then(Value::as_array).cloned().unwrap_or_default();
                    parts.iter().map(text).collect::<Vec<_>>().join(&between)
                }
                Some((name, _)) => format!("${{{name}}}"),
                None => String::new(),
            }
        }
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// The texts of a string or of a list.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    value.map(each).unwrap_or_default().into_iter().map(text).collect()
}

/// The statements of a policy document.
pub(super) fn statements(document: &Value) -> Vec<&Value> {
    let documents = each(document).into_iter();
    documents.filter_map(|document| document.get("Statement")).flat_map(each).collect()
}

/// The identity policies that a resource holds or hands to its own role: documents and ARNs or names of managed ones.
#[derive(Default)]
pub(super) struct Policies<'t> {
    pub(super) documents: Vec<&'t Value>,
    pub(super) managed: Vec<String>,
}

pub(super) fn policies(resource: &Resource) -> Policies<'_> {
    let properties = &resource.properties;
    let get = |name: &str| properties.get(name).map(each).unwrap_or_default();
    let mut policies = Policies::default();
    match resource.kind.as_str() {
        "AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group" => {
            let inline = get("Policies").into_iter().filter_map(|policy| policy.get("PolicyDocument"));
            policies.documents.extend(inline);
            policies.managed.extend(get("ManagedPolicyArns").into_iter().map(text));
        }
        "AWS::IAM::Policy"
        | "AWS::IAM::ManagedPolicy"
        | "AWS::IAM::RolePolicy"
        | "AWS::IAM::UserPolicy"
        | "AWS::IAM::GroupPolicy" => policies.documents.extend(get("PolicyDocument")),
        "AWS::Serverless::Function" | "AWS::Serverless::StateMachine" => {
            for policy in get("Policies") {
                match policy {
                    // A document, or one of SAM's policy templates, whose single member is its name.
                    Value::Object(members) if members.contains_key("Statement") => {
                        policies.documents.push(policy)
                    }
                    Value::String(_) => policies.managed.push(text(policy)),
                    _ => {}
                }
            }
        }
        _ => {}
    }
    policies
}
