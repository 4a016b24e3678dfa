//! What a template's functions refer to: resources, parameters and pseudo parameters that must be there.
//!
//! Resolves nothing. A name that is nowhere is an error, in a branch that is not taken too where the whole template is checked.

use std::collections::BTreeSet;

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use crate::error::TemplateError;
use crate::intrinsic::{self, Attribute, Piece, Resources};
use crate::scope::{Pseudo, Scope};
use crate::template::{Output, Resource, Template};

/// `Unresolved resource dependencies […] in the … block of the template`
pub(crate) fn unresolved(logical_id: &str, block: &str) -> TemplateError {
    let why =
        format_args!("Unresolved resource dependencies [{logical_id}] in the {block} block of the template");
    // AWS tells the one of outputs without its usual prefix.
    if block == "Outputs" { TemplateError::new(why.to_string()) } else { TemplateError::format(why) }
}

/// Checks every reference of a template, in branches that no condition takes and in resources that do not exist too.
pub(crate) fn check(template: &Template) -> Result<(), TemplateError> {
    for (id, body) in &template.resources {
        resource(body, template)
            .map_err(|error| error.under(id).under("Resources").located(&template.places).at(body.line))?;
    }
    for (key, body) in &template.outputs {
        output(body, template)
            .map_err(|error| error.under(key).under("Outputs").located(&template.places))?;
    }
    Ok(())
}

fn resource(body: &Resource, template: &Template) -> Result<(), TemplateError> {
    if let Some(condition) = &body.condition {
        check_condition(template, condition)?;
    }
    let mut references = References::all(template, "Resources");
    references.visit(&body.properties).map_err(|error| error.under("Properties"))?;
    for (name, policy) in &body.policies {
        references.visit(policy).map_err(|error| error.under(name))?;
    }
    match body.depends_on.iter().find(|name| !template.resources.contains_key(*name)) {
        Some(name) => Err(unresolved(name, "Resources").under("DependsOn")),
        None => Ok(()),
    }
}

fn output(body: &Output, template: &Template) -> Result<(), TemplateError> {
    if let Some(condition) = &body.condition {
        check_condition(template, condition)?;
    }
    let mut references = References::all(template, "Outputs");
    references.visit(&body.value).map_err(|error| error.under("Value"))?;
    let name = body.export_name.iter().try_for_each(|name| references.visit(name));
    name.map_err(|error| error.under("Name").under("Export"))
}

fn check_condition(template: &Template, name: &str) -> Result<(), TemplateError> {
    if template.conditions.contains_key(name) {
        return Ok(());
    }
    Err(TemplateError::format(format_args!("Unresolved condition dependency {name} in the template")))
}

/// Which branches of `Fn::If` are looked at.
#[derive(Clone, Copy)]
enum Branches<'a> {
    Taken(&'a Scope),
    All(&'a Template),
}

/// Collects what a tree refers to: whatever gives a value that another resource has a part in is found here, or it could not be
/// made behind that one.
pub(crate) struct References<'a> {
    resources: &'a IndexMap<String, Resource>,
    branches: Branches<'a>,
    /// The resources.
    pub(crate) found: BTreeSet<String>,
    /// All names as they are asked for, parameters too: `Name` or `Name.Attribute`, in the order of the template.
    pub(crate) uses: IndexSet<String>,
    block: &'static str,
}

/// There are none whose values are known.
struct Absent;

impl Resources for Absent {
    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        Err(unresolved(logical_id, "Resources"))
    }

    fn attribute(&self, logical_id: &str, _attribute: &str) -> Result<Value, TemplateError> {
        Err(unresolved(logical_id, "Resources"))
    }
}

impl<'a> References<'a> {
    /// In the branches that are taken.
    pub(crate) fn taken(
        resources: &'a IndexMap<String, Resource>,
        scope: &'a Scope,
        block: &'static str,
    ) -> Self {
        Self::of(resources, Branches::Taken(scope), block)
    }

    /// In all branches.
    fn all(template: &'a Template, block: &'static str) -> Self {
        Self::of(&template.resources, Branches::All(template), block)
    }

    fn of(resources: &'a IndexMap<String, Resource>, branches: Branches<'a>, block: &'static str) -> Self {
        Self { resources, branches, found: BTreeSet::new(), uses: IndexSet::new(), block }
    }
}

impl References<'_> {
    pub(crate) fn visit(&mut self, value: &Value) -> Result<(), TemplateError> {
        match value {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(at, item)| self.visit(item).map_err(|error| error.under(at.to_string()))),
            Value::Object(map) => match intrinsic::function(map) {
                Some(("Ref", Value::String(name))) => self.reference(name),
                Some(("Fn::GetAtt", argument)) => {
                    let (id, attribute) = intrinsic::attribute_parts(argument)?;
                    self.attribute(id)?;
                    self.uses.insert(format!("{id}.{}", self.named(&attribute)));
                    match attribute {
                        Attribute::Function(function) => self.visit(function),
                        Attribute::Text(_) => Ok(()),
                    }
                }
                Some(("Fn::Sub", argument)) => self.substitution(argument),
                Some(("Fn::If", argument)) => match self.branches {
                    Branches::Taken(scope) => self.visit(intrinsic::branch(argument, scope)?),
                    Branches::All(template) => self.all_branches(template, argument),
                },
                Some((_, argument)) => self.visit(argument),
                None => map
                    .iter()
                    .try_for_each(|(name, value)| self.visit(value).map_err(|error| error.under(name))),
            },
            _ => Ok(()),
        }
    }

    /// Both branches of an `Fn::If`, whose condition is one of the template's.
    fn all_branches(&mut self, template: &Template, argument: &Value) -> Result<(), TemplateError> {
        match argument.as_array().map(Vec::as_slice) {
            Some([Value::String(condition), yes, no]) => {
                check_condition(template, condition)?;
                self.visit(yes)?;
                self.visit(no)
            }
            _ => self.visit(argument),
        }
    }

    /// The name of an attribute; empty where a function gives it of what is not known.
    fn named(&self, attribute: &Attribute<'_>) -> String {
        match (attribute, self.branches) {
            (Attribute::Text(text), _) => (*text).to_owned(),
            (Attribute::Function(function), Branches::Taken(scope)) => {
                let named = intrinsic::resolve(function, scope, &Absent).ok().flatten();
                named.as_ref().and_then(crate::parameter::scalar_text).unwrap_or_default()
            }
            (Attribute::Function(_), Branches::All(_)) => String::new(),
        }
    }

    fn reference(&mut self, name: &str) -> Result<(), TemplateError> {
        let is_value = match self.branches {
            Branches::Taken(scope) => scope.value(name).is_some(),
            Branches::All(template) => template.parameters.contains_key(name) || Pseudo::has(name),
        };
        self.uses.insert(name.to_owned());
        if name == "AWS::NoValue" || is_value {
            return Ok(());
        }
        if !self.resources.contains_key(name) {
            return Err(unresolved(name, self.block));
        }
        self.found.insert(name.to_owned());
        Ok(())
    }

    fn attribute(&mut self, id: &str) -> Result<(), TemplateError> {
        if !self.resources.contains_key(id) {
            let message = format_args!("instance of Fn::GetAtt references undefined resource {id}");
            return Err(TemplateError::function(message));
        }
        self.found.insert(id.to_owned());
        Ok(())
    }

    fn substitution(&mut self, argument: &Value) -> Result<(), TemplateError> {
        let (template, variables) = intrinsic::sub_parts(argument)?;
        for value in variables.into_iter().flat_map(|own| own.values()) {
            self.visit(value)?;
        }
        for piece in intrinsic::sub_pieces(template)? {
            let Piece::Name(name) = piece else { continue };
            if variables.is_some_and(|own| own.contains_key(name)) {
                continue;
            }
            match name.split_once('.') {
                Some((id, _)) => {
                    self.attribute(id)?;
                    self.uses.insert(name.to_owned());
                }
                None => self.reference(name)?,
            }
        }
        Ok(())
    }
}
