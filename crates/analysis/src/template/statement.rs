//! One allowing statement of an identity's policy: its actions and resources as patterns, each with its line.
//!
//! Reads only; what is too wide about it others say. A denial is no statement here: what is denied grants nothing.

use super::conditions;
use super::reading::line;
use crate::json::Node;

/// An action or a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    /// From 1.
    pub(super) line: usize,
    /// As the template has it.
    pub(super) shown: String,
    /// What it matches, in its shortest form; an action in lower case.
    pub(super) plain: String,
}

/// An allowing statement.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// The resource in which it stands.
    pub(super) source: String,
    pub(super) actions: Vec<Pattern>,
    /// `*` for `NotResource`.
    pub(super) resources: Vec<Pattern>,
    /// `NotAction` and `NotResource`, with their lines.
    pub(super) inverted: Vec<(&'static str, usize)>,
    /// True where a condition limits what it is good for.
    pub(super) is_bound: bool,
    /// The services to which roles may be passed, where that is limited.
    pub(super) passed_to: Option<Vec<String>>,
}

impl Statement {
    fn read(source: &str, node: &Node) -> Option<Self> {
        if node.get("Effect").and_then(Node::text) != Some("Allow") {
            return None;
        }
        let mut actions = patterns(node.get("Action"));
        actions.iter_mut().for_each(|action| action.plain.make_ascii_lowercase());
        let mut resources = patterns(node.get("Resource"));
        let inverted = ["NotAction", "NotResource"];
        let inverted = inverted.into_iter().filter_map(|name| Some((name, member_line(node, name)?)));
        let inverted: Vec<(&str, usize)> = inverted.collect();
        for (name, line) in &inverted {
            if *name == "NotResource" {
                resources.push(Pattern { line: *line, shown: "*".to_owned(), plain: "*".to_owned() });
            }
        }
        Some(Self {
            source: source.to_owned(),
            actions,
            resources,
            inverted,
            is_bound: conditions::bind(node),
            passed_to: conditions::passed_to(node),
        })
    }
}

fn member_line(node: &Node, name: &str) -> Option<usize> {
    let member = node.members().iter().find(|member| member.name == name)?;
    Some(member.name_span.start.line)
}

/// The allowing statements of a document.
pub(super) fn statements(source: &str, document: &Node) -> Vec<Statement> {
    let found = document.get("Statement").map(Node::one_or_many).unwrap_or_default();
    found.iter().filter_map(|node| Statement::read(source, node)).collect()
}

fn patterns(found: Option<&Node>) -> Vec<Pattern> {
    let nodes = found.map(Node::one_or_many).unwrap_or_default().iter();
    let texts = nodes.filter_map(|node| node.text().map(|text| (line(node), text)));
    texts.map(|(line, text)| Pattern { line, shown: text.to_owned(), plain: plain(text) }).collect()
}

/// A pattern in its shortest form: `**` and `?*` are as good as `*`, since nothing that is named is empty.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['*', '?']) {
        let (before, from) = rest.split_at(at);
        let run = from.len() - from.trim_start_matches(['*', '?']).len();
        let (run, behind) = from.split_at(run);
        out.push_str(before);
        out.push_str(if run.contains('*') { "*" } else { run });
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_a_shortest_form() {
        for (text, expected) in [
            ("**", "*"),
            ("s3:**", "s3:*"),
            ("dynamodb:?*", "dynamodb:*"),
            ("a??b*?c", "a??b*c"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}
