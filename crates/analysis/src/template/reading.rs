//! A template as its findings need it, in one of its worlds: values with the lines on which they stand.
//!
//! Deploys nothing and knows no rule. Of `Fn::If` the branch is read that the world has; what is `AWS::NoValue` is not there.

use serde_json::Value;
use template::{Document, Resource, Template};

use super::loops::Around;
use super::resolve::{intrinsic, is_no_value};
use super::worlds::World;
use super::{Finding, Managed, Rule};
use crate::json::{Json, Member, Node, Place, Span};

pub(super) struct Reading<'t> {
    pub(super) template: &'t Template,
    document: &'t Document,
    around: &'t Around,
    managed: Managed<'t>,
    world: World,
}

impl<'t> Reading<'t> {
    pub(super) fn new(
        document: &'t Document,
        template: &'t Template,
        (around, managed): (&'t Around, Managed<'t>),
        world: World,
    ) -> Self {
        Self { template, document, around, managed, world }
    }

    /// The document of a policy that AWS keeps, every part of it on the line where the policy is named.
    pub(super) fn managed(&self, named: &str, path: &str) -> Option<Node> {
        self.document(&Value::String((self.managed)(named)?), path)
    }

    /// The resources that there are in this world.
    pub(super) fn resources(&self) -> impl Iterator<Item = (&'t str, &'t Resource)> {
        let all = self.template.resources.iter();
        let is_there = |resource: &Resource| match &resource.condition {
            Some(condition) => self.world.holds(condition),
            None => true,
        };
        all.filter(move |(_, resource)| is_there(resource)).map(|(name, resource)| (name.as_str(), resource))
    }

    pub(super) fn line(&self, path: &str) -> Option<usize> {
        self.document.line(path).and_then(|line| usize::try_from(line).ok())
    }

    /// One of a resource's properties, with its lines.
    pub(super) fn property(&self, name: &str, resource: &Resource, property: &str) -> Option<Node> {
        let (value, path) = self.raw(name, resource, property)?;
        self.node(value, &path)
    }

    /// One of a resource's properties as it is written, and its path; members of members by `/`.
    pub(super) fn raw<'v>(
        &self,
        name: &str,
        resource: &'v Resource,
        property: &str,
    ) -> Option<(&'v Value, String)> {
        let own = self.around.paths.get(name).map(String::as_str).unwrap_or_default();
        self.at(&resource.properties, format!("{own}/Properties"), property)
    }

    /// What the template's `Globals` say, and its path.
    pub(super) fn global(&self, path: &str) -> Option<(&'t Value, String)> {
        self.at(self.document.root.get("Globals")?, "Globals".to_owned(), path)
    }

    /// The same for one resource: nothing where it ignores that property.
    pub(super) fn global_of(&self, name: &str, path: &str) -> Option<(&'t Value, String)> {
        let is_it =
            |ignored: &Value| ignored == "*" || path.split('/').nth(1).is_some_and(|it| ignored == it);
        let ignored = self.around.ignored.get(name);
        let ignores = ignored.is_some_and(|all| {
            is_it(all) || all.as_array().is_some_and(|properties| properties.iter().any(is_it))
        });
        self.global(path).filter(|_| !ignores)
    }

    /// What stands under a path of names, and its own path; of `Fn::If` on the way the branch that this world has.
    fn at<'v>(&self, value: &'v Value, mut path: String, names: &str) -> Option<(&'v Value, String)> {
        let mut found = value;
        for name in names.split('/') {
            found = found.get(name)?;
            path.push_str(&format!("/{name}"));
            while let Some(("Fn::If", argument)) = intrinsic(found) {
                let (chosen, at) = self.chosen(argument)?;
                found = chosen;
                path.push_str(&format!("/Fn::If/{at}"));
            }
        }
        (!is_no_value(found)).then_some((found, path))
    }

    /// A finding in a resource, on the line of a path.
    pub(super) fn finding(
        &self,
        rule: &'static Rule,
        resource: &str,
        path: &str,
        message: String,
    ) -> Finding {
        Finding { rule, resource: resource.to_owned(), line: self.line(path), message }
    }

    /// The branch of `Fn::If` that this world has, and which of its arguments it is.
    pub(super) fn chosen<'v>(&self, argument: &'v Value) -> Option<(&'v Value, usize)> {
        let at = if self.world.holds(argument.get(0)?.as_str()?) { 1 } else { 2 };
        argument.get(at).filter(|chosen| !is_no_value(chosen)).map(|chosen| (chosen, at))
    }

    /// The items of a list or a value as the only one, each with its path; lists in lists flattened.
    pub(super) fn items<'v>(&self, value: &'v Value, path: String) -> Vec<(&'v Value, String)> {
        match value {
            Value::Null => Vec::new(),
            Value::Array(items) => {
                let each = items.iter().enumerate();
                each.flat_map(|(at, item)| self.items(item, format!("{path}/{at}"))).collect()
            }
            one if is_no_value(one) => Vec::new(),
            one => match intrinsic(one) {
                Some(("Fn::If", argument)) => match self.chosen(argument) {
                    Some((chosen, at)) => self.items(chosen, format!("{path}/Fn::If/{at}")),
                    None => Vec::new(),
                },
                _ => vec![(one, path)],
            },
        }
    }

    /// A value with its lines: functions stand as the text that they give.
    pub(super) fn node(&self, value: &Value, path: &str) -> Option<Node> {
        let found = match value {
            Value::Null => return None,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(number) => Json::Number(number.to_string()),
            Value::String(text) => Json::String(text.clone()),
            Value::Array(_) => {
                let items = self.items(value, path.to_owned());
                Json::Array(items.iter().filter_map(|(item, path)| self.node(item, path)).collect())
            }
            Value::Object(members) => match intrinsic(value) {
                Some(("Fn::If", argument)) => {
                    let (chosen, at) = self.chosen(argument)?;
                    return self.node(chosen, &format!("{path}/Fn::If/{at}"));
                }
                Some(_) if is_no_value(value) => return None,
                Some(("Ref", Value::String(name))) if self.is_list(name) => {
                    let items = self.default(name).unwrap_or_default().split(',');
                    let items = items.map(|item| Json::String(item.trim().to_owned()));
                    Json::Array(items.map(|value| Node { value, span: self.span(path) }).collect())
                }
                Some(_) => Json::String(self.text(value)),
                None => {
                    let each = members.iter().filter_map(|(name, value)| {
                        let path = format!("{path}/{name}");
                        let node = self.node(value, &path)?;
                        Some(Member { name: name.clone(), name_span: self.span(&path), node })
                    });
                    Json::Object(each.collect())
                }
            },
        };
        Some(Node { value: found, span: self.span(path) })
    }

    /// A policy document: a tree, or JSON as text, which stands on the line of its property.
    pub(super) fn document(&self, value: &Value, path: &str) -> Option<Node> {
        let node = self.node(value, path)?;
        let Some(text) = node.text() else { return Some(node) };
        let mut inner = crate::json::parse(text).ok()?;
        relocate(&mut inner, node.span);
        Some(inner)
    }

    fn is_list(&self, name: &str) -> bool {
        let parameter = self.template.parameters.get(name);
        parameter.is_some_and(|parameter| parameter.kind.is_list()) && self.default(name).is_some()
    }

    fn span(&self, path: &str) -> Span {
        let at = Place { line: self.line(path).unwrap_or(1), ..Place::default() };
        Span { start: at, end: at }
    }
}

fn relocate(node: &mut Node, span: Span) {
    node.span = span;
    match &mut node.value {
        Json::Array(items) => items.iter_mut().for_each(|item| relocate(item, span)),
        Json::Object(members) => members.iter_mut().for_each(|member| relocate(&mut member.node, span)),
        _ => {}
    }
}

/// The line on which a value stands.
pub(super) fn line(node: &Node) -> usize {
    node.span.start.line
}
