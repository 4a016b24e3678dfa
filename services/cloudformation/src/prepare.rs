//! A template as given, made ready: transformed, checked, its parameters resolved, its resources known.
//!
//! Everything that can be refused is refused here, before anything is created. Calls no service.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;
use indexmap::IndexMap;
use serde_json::Value;
use service::Pipeline;
use template::parameter::{self, Given, ParameterValue};
use template::{
    Document, INCLUDE, Macros, Plan, Pseudo, ResolvedOutput, Resources, Scope, Template, TemplateError,
    include_wanted, sam,
};

use crate::api;
use crate::error::Error;
use crate::foreseen::KNOWN_LATER;
use crate::included::Included;
use crate::model;
use crate::providers;
use crate::records::{Content, ParameterRecord};
use crate::registry;

/// A template that was parsed and, where it asks for it, transformed.
pub(crate) struct Parsed {
    pub(crate) template: Template,
    pub(crate) processed: Value,
    /// True where a transform ran.
    pub(crate) expanded: bool,
    /// What `Transform` names.
    pub(crate) transforms: Vec<String>,
}

/// The values that a caller gives to parameters.
pub(crate) fn given(parameters: &[api::Parameter]) -> Result<IndexMap<String, Given>, Error> {
    let mut given = IndexMap::new();
    for parameter in parameters {
        let key = parameter.parameter_key.clone().unwrap_or_default();
        let value = match (&parameter.parameter_value, parameter.use_previous_value) {
            (Some(_), Some(true)) => {
                return Err(Error::Validation(format!(
                    "Invalid input for parameter key {key}. Cannot specify usePreviousValue as true and non empty value for \
                     a parameter"
                )));
            }
            (Some(value), _) => Given::Value(value.clone()),
            (None, Some(true)) => Given::Previous,
            (None, _) => {
                return Err(Error::Validation(format!(
                    "Invalid input for parameter key {key}. Need to specify either usePreviousValue as true or a value for \
                     the parameter"
                )));
            }
        };
        if given.insert(key.clone(), value).is_some() {
            return Err(Error::Validation(format!("Parameter key {key} is given more than once.")));
        }
    }
    Ok(given)
}

/// What a stack has, where its template stays the same, was taken under the declarations that hold now. Held against them again
/// it could be refused: what a pattern may be is known better with time.
pub(crate) fn as_before(given: &mut IndexMap<String, Given>, before: &Content, text: &str) {
    if before.template != text {
        return;
    }
    let mut accepted = Vec::new();
    for (key, value) in given.iter_mut().filter(|(_, value)| **value == Given::Previous) {
        if let Some(record) = before.parameters.iter().find(|record| record.key == *key) {
            *value = Given::Accepted(record.value.clone());
        }
    }
    let processed: Value = serde_json::from_str(&before.processed).unwrap_or_default();
    for record in before.parameters.iter().filter(|record| !given.contains_key(&record.key)) {
        let declared = processed.get("Parameters").and_then(|all| all.get(&record.key)?.get("Default"));
        let default = declared.map(|default| match default {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        });
        if default.as_ref() == Some(&record.value) {
            accepted.push((record.key.clone(), Given::Accepted(record.value.clone())));
        }
    }
    given.extend(accepted);
}

/// Parses a template; `given`, `previous` and the time are what the transform may look at. One that the stack has already is not held
/// against what only new ones must fulfil.
pub(crate) fn parse(
    text: &str,
    pseudo: &Pseudo,
    given: &IndexMap<String, Given>,
    previous: &IndexMap<String, String>,
    included: &Included,
    now: Timestamp,
    is_new: bool,
) -> Result<Parsed, Error> {
    let document = Document::parse(text)?;
    let transforms = transforms(&document.root);
    // SECURITY: what comes from elsewhere is acknowledged by the caller, wherever in the template it is asked for.
    let expanded = sam::wanted(&document.root) || !transforms.is_empty();
    let base = Macros::new(given, previous, pseudo, now);
    let macros = Macros { includes: included, lookup: included, ..base };
    let document = macros.run(document)?;
    if is_new {
        template::check_nulls(&document)?;
    }
    let template = Template::from_document(&document)?;
    if let Some(other) = template.transforms.first() {
        return Err(Error::Validation(format!("No transform named {other} found.")));
    }
    if document.root.get("Globals").is_some() {
        return Err(Error::Validation("Invalid template property or properties [Globals]".to_owned()));
    }
    Ok(Parsed { template, processed: document.root, expanded, transforms })
}

/// All that a template asks to run: what its `Transform` names, and what it includes anywhere.
fn transforms(root: &Value) -> Vec<String> {
    let listed = match root.get("Transform") {
        Some(Value::Array(calls)) => calls.iter().collect(),
        one => Vec::from_iter(one),
    };
    let name = |call: &Value| call.as_str().or_else(|| call.get("Name")?.as_str()).map(str::to_owned);
    let mut names: Vec<String> = listed.into_iter().filter_map(name).collect();
    if include_wanted(root) && !names.iter().any(|name| name == INCLUDE) {
        names.push(INCLUDE.to_owned());
    }
    names
}

/// Refuses resource types that are not known here.
pub(crate) fn check_types(template: &Template, pipeline: &Pipeline) -> Result<(), Error> {
    let unknown: Vec<&str> = template
        .resources
        .values()
        .map(|resource| resource.kind.as_str())
        .filter(|kind| !providers::is_offered(kind, pipeline))
        .collect();
    if !unknown.is_empty() {
        let mut kinds: Vec<&str> = unknown;
        kinds.sort_unstable();
        kinds.dedup();
        let kinds = kinds.join(", ");
        return Err(Error::Validation(format!(
            "Template format error: Unrecognized resource types: [{kinds}]"
        )));
    }
    Ok(())
}

/// Refuses resource types, properties and policies that are not known here.
pub(crate) fn check_resources(template: &Template, pipeline: &Pipeline) -> Result<(), Error> {
    check_types(template, pipeline)?;
    for (id, resource) in &template.resources {
        let refused = |why: String| Error::from(TemplateError::new(why).at(resource.line));
        providers::check(id, &resource.kind, &resource.properties).map_err(refused)?;
        let policies = [&resource.deletion_policy, &resource.update_replace_policy];
        if policies.into_iter().flatten().any(|policy| policy == "Snapshot") {
            let kind = &resource.kind;
            return Err(refused(format!(
                "Template error: resource type {kind} does not support deletion policy Snapshot"
            )));
        }
        let is_kept =
            |name: &&String| *name != "CreationPolicy" || resource.kind != providers::WAIT_CONDITION;
        if let Some(name) = resource.policies.keys().find(is_kept) {
            return Err(refused(format!(
                "Template format error: {name} of resource {id} is not supported here."
            )));
        }
    }
    Ok(())
}

/// The pseudo parameters of a stack.
pub(crate) fn pseudo(account: &str, region: &str, name: &str, id: &str) -> Pseudo {
    Pseudo {
        account_id: account.to_owned(),
        region: region.to_owned(),
        stack_id: id.to_owned(),
        stack_name: name.to_owned(),
    }
}

/// A plan from what is stored.
pub(crate) fn plan(content: &Content, pseudo: Pseudo) -> Result<Plan, Error> {
    let root: Value = serde_json::from_str(&content.processed)?;
    let template = Template::from_document(&Document::from(root))?;
    let given = content.parameters.iter();
    let given = given.map(|record| (record.key.clone(), Given::Accepted(record.value.clone()))).collect();
    let values = parameter::resolve_with(&template, &given, &IndexMap::new(), content)?;
    Ok(Plan::new(&template, Scope::new(&template, values, pseudo)?)?)
}

/// Parameters as they are stored.
pub(crate) fn parameter_records(
    values: &IndexMap<String, ParameterValue>,
    template: &Template,
) -> Vec<ParameterRecord> {
    let record = |(key, value): (&String, &ParameterValue)| ParameterRecord {
        key: key.clone(),
        value: value.text().to_owned(),
        resolved: value.resolved().map(str::to_owned),
        no_echo: template.parameters.get(key).is_some_and(|parameter| parameter.no_echo),
    };
    values.iter().map(record).collect()
}

/// Stands for resources whose values are not known: references differ where they name different things.
pub(crate) struct Symbolic;

/// The same while a template is checked: exports must exist, and those that are used are remembered.
struct Checked<'a> {
    template: &'a Template,
    exports: &'a BTreeMap<String, String>,
    used: RefCell<BTreeSet<String>>,
    by_change_set: bool,
}

impl Resources for Checked<'_> {
    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        Symbolic.reference(logical_id)
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError> {
        let resource = self.template.resources.get(logical_id);
        if resource.is_some_and(|resource| registry::lacks_attribute(&resource.kind, attribute)) {
            return Err(TemplateError::function(format_args!(
                "resource {logical_id} does not support attribute type {attribute} in Fn::GetAtt"
            )));
        }
        Symbolic.attribute(logical_id, attribute)
    }

    fn is_unknown(&self, text: &str) -> bool {
        Symbolic.is_unknown(text)
    }

    fn import(&self, name: &str) -> Result<Value, TemplateError> {
        if depends(name) {
            return Err(TemplateError::function(
                "the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs",
            ));
        }
        self.used.borrow_mut().insert(name.to_owned());
        match exported(self.exports, name) {
            // Another stack may export it until the change set is executed.
            Err(_) if self.by_change_set => Symbolic.import(name),
            found => found,
        }
    }
}

/// What is exported under a name.
pub(crate) fn exported(exports: &BTreeMap<String, String>, name: &str) -> Result<Value, TemplateError> {
    let found = exports.get(name).map(|value| Value::from(value.as_str()));
    found.ok_or_else(|| TemplateError::new(format!("No export named {name} found.")))
}

impl Resources for Symbolic {
    fn is_unknown(&self, text: &str) -> bool {
        ["{{Ref ", "{{GetAtt ", "{{ImportValue ", KNOWN_LATER]
            .iter()
            .any(|placeholder| text.contains(placeholder))
    }

    fn import(&self, name: &str) -> Result<Value, TemplateError> {
        Ok(Value::from(format!("{{{{ImportValue {name}}}}}")))
    }

    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        Ok(Value::from(format!("{{{{Ref {logical_id}}}}}")))
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError> {
        Ok(Value::from(format!("{{{{GetAtt {logical_id}.{attribute}}}}}")))
    }
}

/// What a caller asks a stack to be.
pub(crate) struct Request<'a> {
    pub(crate) body: &'a str,
    /// True where the template comes with this request; what was taken before was checked then.
    pub(crate) is_new: bool,
    pub(crate) given: IndexMap<String, Given>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) capabilities: Vec<String>,
    pub(crate) by_change_set: bool,
    pub(crate) previous: IndexMap<String, String>,
    pub(crate) pseudo: Pseudo,
    /// What the template takes from elsewhere.
    pub(crate) included: &'a Included,
    /// When this was asked for; of what a change set told, when that was made.
    pub(crate) now: Timestamp,
    /// What the account's stacks export.
    pub(crate) exports: &'a BTreeMap<String, String>,
    /// What the platform offers.
    pub(crate) pipeline: &'a Pipeline,
}

/// Refuses to read what a template includes for a caller who did not acknowledge it.
pub(crate) fn check_includes(text: &str, capabilities: &[String]) -> Result<(), Error> {
    if text.contains(INCLUDE) && !transforms(&Document::parse(text)?.root).is_empty() {
        return model::check_expansion(capabilities);
    }
    Ok(())
}

/// Checks a request and makes it the content of a stack.
pub(crate) fn content(request: Request<'_>) -> Result<(Content, Plan), Error> {
    let (given, by_change_set) = (request.given, request.by_change_set);
    let (included, now) = (request.included, request.now);
    let parsed =
        parse(request.body, &request.pseudo, &given, &request.previous, included, now, request.is_new)?;
    let template = &parsed.template;
    model::check_capabilities(template, &request.capabilities, parsed.expanded, request.by_change_set)?;
    check_resources(template, request.pipeline)?;
    template.check_references()?;
    check_tags(&request.tags)?;
    let values = parameter::resolve_with(template, &given, &request.previous, request.included)?;
    let parameters = parameter_records(&values, template);
    let plan = Plan::new(template, Scope::new(template, values, request.pseudo)?)?;
    // Functions that cannot resolve whatever the resources answer are told now.
    let checked = Checked { template, exports: request.exports, used: RefCell::default(), by_change_set };
    for id in plan.order() {
        let properties = plan.properties(id, &checked)?;
        if let Some(resource) = plan.resources().get(id) {
            let refused = |why: String| Error::from(TemplateError::new(why).at(resource.line));
            providers::check_resolved(id, &resource.kind, &properties).map_err(refused)?;
        }
        plan.policy(id, "CreationPolicy", &checked)?;
    }
    check_exports(&plan.outputs(&checked)?)?;
    let content = Content {
        template: request.body.to_owned(),
        processed: parsed.processed.to_string(),
        description: template.description.clone(),
        parameters,
        tags: request.tags,
        capabilities: request.capabilities,
        imports: checked.used.into_inner().into_iter().collect(),
    };
    Ok((content, plan))
}

/// Refuses names of exports that are not known before anything is made, and two of one name.
fn check_exports(outputs: &[ResolvedOutput]) -> Result<(), Error> {
    let mut names = BTreeSet::new();
    for output in outputs {
        let Some(name) = &output.export_name else { continue };
        let key = &output.key;
        let why = if depends(name) {
            format!(
                "Template error: the Export name of output {key} must not depend on any resources, imported values, or \
                 Fn::GetAZs"
            )
        } else if !names.insert(name) {
            format!("Template error: Export names must be unique, and output {key} exports {name} again")
        } else {
            continue;
        };
        return Err(Error::Validation(why));
    }
    Ok(())
}

/// True where a text holds what stands for a resource.
fn depends(text: &str) -> bool {
    ["{{Ref ", "{{GetAtt "].iter().any(|mark| text.contains(mark))
}

fn check_tags(tags: &[(String, String)]) -> Result<(), Error> {
    if tags.len() > model::TAGS_MAX {
        return Err(Error::Validation(format!("A stack has at most {} tags.", model::TAGS_MAX)));
    }
    for (at, (key, _)) in tags.iter().enumerate() {
        if key.starts_with("aws:") {
            return Err(Error::Validation(format!(
                "Tag key {key} is reserved: keys that start with aws: are AWS's."
            )));
        }
        if tags.iter().take(at).any(|(other, _)| other == key) {
            return Err(Error::Validation(format!("Duplicate tag key {key}.")));
        }
    }
    Ok(())
}
