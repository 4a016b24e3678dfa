//! A template with its values: which resources exist, in which order, and what their properties resolve to.
//!
//! Creates nothing. Every reference in every active resource and output is checked here, before anything is provisioned.

use std::collections::{BTreeSet, HashMap};

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use crate::derived::{Derived, IsSecret};
use crate::document::Places;
use crate::error::TemplateError;
use crate::intrinsic::{self, Resources};
use crate::references::{References, unresolved};
use crate::scope::Scope;
use crate::template::{Output, Resource, Template};

/// What is to exist, and in which order.
#[derive(Clone, Debug)]
pub struct Plan {
    scope: Scope,
    resources: IndexMap<String, Resource>,
    outputs: IndexMap<String, Output>,
    dependencies: HashMap<String, BTreeSet<String>>,
    order: Vec<String>,
    places: Places,
}

/// One resolved output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedOutput {
    /// The output's key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Its description.
    pub description: Option<String>,
    /// The name under which it is exported.
    pub export_name: Option<String>,
}

impl Plan {
    /// Selects the resources whose condition holds, and orders them.
    pub fn new(template: &Template, scope: Scope) -> Result<Self, TemplateError> {
        let mut resources = IndexMap::new();
        for (id, resource) in &template.resources {
            let line = resource.line;
            let exists = resource.condition.as_deref().map_or(Ok(true), |c| scope.condition(c));
            if exists.map_err(|e| e.at(line))? {
                resources.insert(id.clone(), resource.clone());
            }
        }
        let mut outputs = IndexMap::new();
        for (key, output) in &template.outputs {
            let exists = output.condition.as_deref().map_or(Ok(true), |c| scope.condition(c));
            if exists.map_err(|error| error.under(key).under("Outputs").located(&template.places))? {
                outputs.insert(key.clone(), output.clone());
            }
        }
        let mut dependencies = HashMap::new();
        for (id, resource) in &resources {
            let found = dependencies_of(id, resource, template, &scope).map_err(|error| {
                error.under(id).under("Resources").located(&template.places).at(resource.line)
            })?;
            dependencies.insert(id.clone(), found);
        }
        check_existing(&dependencies, &resources)?;
        for (key, output) in &outputs {
            let mut references = References::taken(&template.resources, &scope, "Outputs");
            let located = |error: TemplateError, member: &str| {
                error.under(member).under(key).under("Outputs").located(&template.places)
            };
            references.visit(&output.value).map_err(|error| located(error, "Value"))?;
            if let Some(name) = &output.export_name {
                references.visit(name).map_err(|error| located(error.under("Name"), "Export"))?;
            }
            if let Some(absent) = references.found.iter().find(|id| !resources.contains_key(*id)) {
                return Err(unresolved(absent, "Outputs"));
            }
        }
        let order = order(&resources, &dependencies)?;
        Ok(Self { scope, resources, outputs, dependencies, order, places: template.places.clone() })
    }

    /// The resources that are to exist, in the order of the template.
    pub fn resources(&self) -> &IndexMap<String, Resource> {
        &self.resources
    }

    /// The logical ids, each behind all that it depends on.
    pub fn order(&self) -> &[String] {
        &self.order
    }

    /// What a resource depends on, directly.
    pub fn dependencies(&self, logical_id: &str) -> impl Iterator<Item = &str> {
        self.dependencies.get(logical_id).into_iter().flatten().map(String::as_str)
    }

    /// What one property of a resource takes its value from, in the branches that are taken: `Name` of a parameter or a
    /// resource, or `Name.Attribute`, each once.
    pub fn uses(&self, logical_id: &str, property: &str) -> Result<IndexSet<String>, TemplateError> {
        let mut references = References::taken(&self.resources, &self.scope, "Resources");
        let properties = self.resources.get(logical_id).map(|resource| &resource.properties);
        let given = properties.and_then(|properties| properties.get(property));
        given.into_iter().try_for_each(|value| references.visit(value))?;
        Ok(references.uses)
    }

    /// The values in scope.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The properties of a resource with every function resolved.
    pub fn properties(&self, logical_id: &str, resources: &dyn Resources) -> Result<Value, TemplateError> {
        let Some(resource) = self.resources.get(logical_id) else {
            return Err(unresolved(logical_id, "Resources"));
        };
        let resolved = intrinsic::resolve(&resource.properties, &self.scope, resources);
        let located = |error: TemplateError| {
            error.under("Properties").under(logical_id).under("Resources").located(&self.places)
        };
        Ok(resolved.map_err(|error| located(error).at(resource.line))?.unwrap_or_default())
    }

    /// The `Metadata` of a resource with every function resolved, where it has some.
    pub fn metadata(
        &self,
        logical_id: &str,
        resources: &dyn Resources,
    ) -> Result<Option<Value>, TemplateError> {
        match self.resources.get(logical_id).and_then(|resource| resource.metadata.as_ref()) {
            Some(metadata) => intrinsic::resolve(metadata, &self.scope, resources),
            None => Ok(None),
        }
    }

    /// A policy of a resource (`CreationPolicy`, `UpdatePolicy`) with every function resolved, where it has one.
    pub fn policy(
        &self,
        logical_id: &str,
        name: &str,
        resources: &dyn Resources,
    ) -> Result<Option<Value>, TemplateError> {
        let resource = self.resources.get(logical_id);
        let Some((resource, policy)) = resource.and_then(|found| Some((found, found.policies.get(name)?)))
        else {
            return Ok(None);
        };
        let resolved = intrinsic::resolve(policy, &self.scope, resources);
        let located = |error: TemplateError| {
            error.under(name).under(logical_id).under("Resources").located(&self.places)
        };
        resolved.map_err(|error| located(error).at(resource.line))
    }

    /// What the functions of resources and outputs give that have a secret in them.
    ///
    /// # Errors
    /// There is more of it than can be told.
    pub fn derived(
        &self,
        is_secret: IsSecret<'_>,
        resources: &dyn Resources,
    ) -> Result<Vec<Value>, TemplateError> {
        let mut derived = Derived::new(&self.scope, resources, is_secret);
        for resource in self.resources.values() {
            derived.visit(&resource.properties)?;
            resource.metadata.iter().try_for_each(|metadata| derived.visit(metadata))?;
        }
        self.outputs.values().try_for_each(|output| derived.visit(&output.value))?;
        Ok(derived.found)
    }

    /// The outputs, once every resource exists.
    pub fn outputs(&self, resources: &dyn Resources) -> Result<Vec<ResolvedOutput>, TemplateError> {
        let text = |value: &Value, key: &str| {
            intrinsic::resolve(value, &self.scope, resources)
                .map_err(|error| error.under("Value").under(key).under("Outputs").located(&self.places))?
                .as_ref()
                .and_then(crate::parameter::scalar_text)
                .ok_or_else(|| {
                    TemplateError::format(format_args!(
                        "The Value field of every Outputs member must evaluate to a String. ({key})"
                    ))
                })
        };
        self.outputs
            .iter()
            .map(|(key, output)| {
                Ok(ResolvedOutput {
                    key: key.clone(),
                    value: text(&output.value, key)?,
                    description: output.description.clone(),
                    export_name: output.export_name.as_ref().map(|name| text(name, key)).transpose()?,
                })
            })
            .collect()
    }
}

fn dependencies_of(
    id: &str,
    resource: &Resource,
    template: &Template,
    scope: &Scope,
) -> Result<BTreeSet<String>, TemplateError> {
    let mut references = References::taken(&template.resources, scope, "Resources");
    references.visit(&resource.properties).map_err(|error| error.under("Properties"))?;
    for (name, policy) in &resource.policies {
        references.visit(policy).map_err(|error| error.under(name))?;
    }
    for name in &resource.depends_on {
        if !template.resources.contains_key(name) {
            return Err(unresolved(name, "Resources").under("DependsOn"));
        }
        // AWS lets DependsOn name a resource whose condition is false, and ignores it.
        let inactive = template.resources.get(name).and_then(|r| r.condition.as_deref());
        if inactive.map_or(Ok(true), |condition| scope.condition(condition))? {
            references.found.insert(name.clone());
        }
    }
    if references.found.contains(id) {
        return Err(circular([id]));
    }
    Ok(references.found)
}

fn check_existing(
    dependencies: &HashMap<String, BTreeSet<String>>,
    resources: &IndexMap<String, Resource>,
) -> Result<(), TemplateError> {
    let absent: IndexSet<&str> = resources
        .keys()
        .filter_map(|id| dependencies.get(id))
        .flatten()
        .filter(|id| !resources.contains_key(*id))
        .map(String::as_str)
        .collect();
    if absent.is_empty() {
        return Ok(());
    }
    Err(unresolved(&absent.into_iter().collect::<Vec<_>>().join(", "), "Resources"))
}

fn circular<'a>(ids: impl IntoIterator<Item = &'a str>) -> TemplateError {
    let ids = ids.into_iter().collect::<Vec<_>>().join(", ");
    TemplateError::new(format!("Circular dependency between resources: [{ids}]"))
}

/// Kahn's algorithm, stable in the order of the template.
fn order(
    resources: &IndexMap<String, Resource>,
    dependencies: &HashMap<String, BTreeSet<String>>,
) -> Result<Vec<String>, TemplateError> {
    let mut placed: IndexSet<&str> = IndexSet::new();
    loop {
        let ready: Vec<&str> = resources
            .keys()
            .map(String::as_str)
            .filter(|id| !placed.contains(id))
            .filter(|id| {
                dependencies.get(*id).is_none_or(|set| set.iter().all(|d| placed.contains(d.as_str())))
            })
            .collect();
        if ready.is_empty() {
            break;
        }
        placed.extend(ready);
    }
    if placed.len() == resources.len() {
        return Ok(placed.into_iter().map(str::to_owned).collect());
    }
    Err(circular(resources.keys().map(String::as_str).filter(|id| !placed.contains(id))))
}
