//! The sections of a CloudFormation template, checked for shape.
//!
//! Knows no resource type and evaluates nothing: properties stay the trees they were. A section or a resource attribute it
//! does not know is an error.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::document::{Document, Places};
use crate::error::TemplateError;
use crate::limits;
use crate::nulls;
use crate::parameter::Parameter;
use crate::rules::Rule;

/// The values of one map of `Mappings`, by top-level and second-level key.
type Mapping = IndexMap<String, Map<String, Value>>;

/// A parsed template.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// `Description`.
    pub description: Option<String>,
    /// `Metadata`, kept as data.
    pub metadata: Option<Value>,
    /// `Transform`: the macros to run, in order. Empty once they ran.
    pub transforms: Vec<String>,
    /// `Parameters`, in the order of the template.
    pub parameters: IndexMap<String, Parameter>,
    /// `Mappings`: map name, top-level key, second-level key.
    pub mappings: IndexMap<String, Mapping>,
    /// `Conditions`, not evaluated.
    pub conditions: IndexMap<String, Value>,
    /// `Resources`, in the order of the template.
    pub resources: IndexMap<String, Resource>,
    /// `Outputs`.
    pub outputs: IndexMap<String, Output>,
    /// `Rules`, not evaluated.
    pub(crate) rules: IndexMap<String, Rule>,
    /// Where its parts stand.
    pub(crate) places: Places,
}

/// One entry of `Resources`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// `Type`, for example `AWS::Lambda::Function`.
    pub kind: String,
    /// `Properties`, not resolved; an empty map where there are none.
    pub properties: Value,
    /// `Condition`: the name of the condition under which the resource exists.
    pub condition: Option<String>,
    /// `DependsOn`.
    pub depends_on: Vec<String>,
    /// `DeletionPolicy`: `Delete`, `Retain`, `RetainExceptOnCreate` or `Snapshot`.
    pub deletion_policy: Option<String>,
    /// `UpdateReplacePolicy`: `Delete`, `Retain` or `Snapshot`.
    pub update_replace_policy: Option<String>,
    /// `UpdatePolicy`, `CreationPolicy`: kept as data.
    pub policies: Map<String, Value>,
    /// `Metadata`, kept as data.
    pub metadata: Option<Value>,
    /// The line of its logical id.
    pub line: Option<u32>,
}

/// One entry of `Outputs`.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// `Description`.
    pub description: Option<String>,
    /// `Value`, not resolved.
    pub value: Value,
    /// `Export.Name`, not resolved.
    pub export_name: Option<Value>,
    /// `Condition`.
    pub condition: Option<String>,
}

/// The sections that a template may have.
const SECTIONS: [&str; 12] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
];

impl Template {
    /// Reads the sections of a parsed document.
    pub fn from_document(document: &Document) -> Result<Self, TemplateError> {
        let root =
            document.root.as_object().ok_or_else(|| TemplateError::format("unsupported structure."))?;
        check_sections(root, document)?;
        let template = Self {
            description: description(root)?,
            metadata: root.get("Metadata").cloned(),
            transforms: transforms(root.get("Transform"))?,
            parameters: parameters(document)?,
            mappings: mappings(document)?,
            conditions: entries(root, "Conditions", limits::RESOURCES_MAX, |_, value| Ok(value.clone()))?,
            resources: entries(root, "Resources", limits::RESOURCES_MAX, |name, value| {
                let line = document.line(&format!("Resources/{name}"));
                resource(name, value, line)
                    .map_err(|error| error.under(name).under("Resources").located(document.places()))
            })?,
            outputs: entries(root, "Outputs", limits::OUTPUTS_MAX, |name, value| {
                output(name, value)
                    .map_err(|error| error.under(name).under("Outputs").located(document.places()))
            })?,
            rules: entries(root, "Rules", limits::RULES_MAX, |name, value| {
                Rule::parse(name, value)
                    .map_err(|error| error.under(name).under("Rules").located(document.places()))
            })?,
            places: document.places().clone(),
        };
        if template.resources.is_empty() {
            return Err(TemplateError::format("At least one Resources member must be defined."));
        }
        Ok(template)
    }

    /// Refuses a resource under the name of a parameter: nothing could refer to it.
    fn check_unique(&self) -> Result<(), TemplateError> {
        match self.resources.iter().find(|(name, _)| self.parameters.contains_key(*name)) {
            None => Ok(()),
            Some((name, resource)) => Err(TemplateError::format(format_args!(
                "Logical ids must be unique within a template: {name} is a parameter and a resource."
            ))
            .at(resource.line)),
        }
    }

    /// Refuses a mapping of more keys than AWS takes.
    fn check_mappings(&self) -> Result<(), TemplateError> {
        match self.mappings.iter().find(|(_, mapping)| mapping.len() > limits::MAPPING_KEYS_MAX) {
            None => Ok(()),
            Some((name, mapping)) => Err(TemplateError::format(format_args!(
                "Number of attributes of mapping {name}, {}, is greater than maximum allowed, {}",
                mapping.len(),
                limits::MAPPING_KEYS_MAX
            ))),
        }
    }

    /// Refuses references to what is nowhere in the template, whether its conditions hold or not, and names that could mean
    /// two things.
    pub fn check_references(&self) -> Result<(), TemplateError> {
        self.check_unique()?;
        self.check_mappings()?;
        crate::references::check(self)
    }
}

/// The `Parameters` of a document, before anything else of it is looked at.
pub(crate) fn parameters(document: &Document) -> Result<IndexMap<String, Parameter>, TemplateError> {
    let Some(root) = document.root.as_object() else { return Ok(IndexMap::new()) };
    entries(root, "Parameters", limits::PARAMETERS_MAX, |name, value| {
        let place = document.place(&format!("Parameters/{name}"));
        let mut parameter = Parameter::parse(name, value).map_err(|error| error.at_place(place))?;
        parameter.place = place;
        Ok(parameter)
    })
}

/// The `Mappings` of a document, before anything else of it is looked at.
pub(crate) fn mappings(document: &Document) -> Result<IndexMap<String, Mapping>, TemplateError> {
    let Some(root) = document.root.as_object() else { return Ok(IndexMap::new()) };
    entries(root, "Mappings", limits::MAPPINGS_MAX, |name, value| {
        mapping(name, value).map_err(|error| error.under(name).under("Mappings").located(document.places()))
    })
}

fn check_sections(root: &Map<String, Value>, document: &Document) -> Result<(), TemplateError> {
    for section in root.keys() {
        if !SECTIONS.contains(&section.as_str()) {
            let message = format!("Invalid template property or properties [{section}]");
            return Err(TemplateError::new(message).at(document.line(section)));
        }
    }
    if root.contains_key("Hooks") {
        return Err(TemplateError::format("the section Hooks is not supported.").at(document.line("Hooks")));
    }
    match root.get("AWSTemplateFormatVersion") {
        None => Ok(()),
        Some(Value::String(version)) if version == "2010-09-09" => Ok(()),
        Some(version) => Err(TemplateError::format(format_args!(
            "unsupported value for AWSTemplateFormatVersion: {version}."
        ))
        .at(document.line("AWSTemplateFormatVersion"))),
    }
}

fn description(root: &Map<String, Value>) -> Result<Option<String>, TemplateError> {
    match root.get("Description") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= limits::DESCRIPTION_BYTES_MAX => Ok(Some(text.clone())),
        Some(Value::String(_)) => Err(TemplateError::format(format_args!(
            "'Description' length is greater than {}.",
            limits::DESCRIPTION_BYTES_MAX
        ))),
        Some(_) => Err(TemplateError::format("Every Description member must be a string.")),
    }
}

fn transforms(value: Option<&Value>) -> Result<Vec<String>, TemplateError> {
    let refuse = || TemplateError::format("Transform must be a string or a list of strings.");
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(name)) => Ok(vec![name.clone()]),
        Some(Value::Array(names)) => {
            names.iter().map(|name| name.as_str().map(str::to_owned).ok_or_else(refuse)).collect()
        }
        Some(_) => Err(refuse()),
    }
}

fn entries<T>(
    root: &Map<String, Value>,
    section: &str,
    max: usize,
    mut read: impl FnMut(&str, &Value) -> Result<T, TemplateError>,
) -> Result<IndexMap<String, T>, TemplateError> {
    let map = match root.get(section) {
        None | Some(Value::Null) => return Ok(IndexMap::new()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(TemplateError::format(format_args!("'{section}' section must be an object."))),
    };
    if map.len() > max {
        return Err(TemplateError::format(format_args!(
            "Number of {}, {}, is greater than maximum allowed, {max}",
            section.to_lowercase(),
            map.len()
        )));
    }
    map.iter()
        .map(|(name, value)| {
            check_name(section, name)?;
            Ok((name.clone(), read(name, value)?))
        })
        .collect()
}

fn check_name(section: &str, name: &str) -> Result<(), TemplateError> {
    let alphanumeric = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if name.len() <= limits::LOGICAL_ID_CHARS_MAX
        && (alphanumeric || matches!(section, "Mappings" | "Conditions"))
    {
        return Ok(());
    }
    let member = section.strip_suffix('s').unwrap_or(section);
    Err(TemplateError::format(format_args!("{member} name {name} is non alphanumeric.")))
}

fn mapping(name: &str, value: &Value) -> Result<IndexMap<String, Map<String, Value>>, TemplateError> {
    let refuse =
        || TemplateError::format(format_args!("Every Mappings member {name} must be a map of maps."));
    let outer = value.as_object().ok_or_else(refuse)?;
    let mut mapping = IndexMap::new();
    for (key, inner) in outer {
        let inner = inner.as_object().ok_or_else(refuse)?;
        // What an include will put there is not known yet.
        if key != "Fn::Transform" && !inner.values().all(is_plain) {
            return Err(TemplateError::format("Every Mappings attribute must be a String or a List."));
        }
        mapping.insert(key.clone(), inner.clone());
    }
    Ok(mapping)
}

/// True for scalars and lists of them: mappings hold no functions.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(|item| !item.is_object() && !item.is_array()),
        other => !other.is_object(),
    }
}

fn resource(name: &str, value: &Value, line: Option<u32>) -> Result<Resource, TemplateError> {
    if value.is_null() {
        return Err(nulls::refused(&["Resources", name]));
    }
    let body =
        value.as_object().ok_or_else(|| TemplateError::format("Any Resources member must be an object."))?;
    let mut resource = Resource { properties: Value::Object(Map::new()), line, ..Resource::default() };
    for (attribute, value) in body {
        match attribute.as_str() {
            "Type" => resource.kind = text(name, attribute, value)?,
            "Properties" => match value {
                Value::Object(_) => resource.properties = value.clone(),
                Value::Null => {}
                _ => return Err(malformed(name, "Properties must be an object")),
            },
            "Condition" => resource.condition = Some(text(name, attribute, value)?),
            "DependsOn" => resource.depends_on = depends_on(name, value)?,
            "DeletionPolicy" => {
                let allowed = ["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"];
                resource.deletion_policy = Some(choice(name, attribute, value, &allowed)?);
            }
            "UpdateReplacePolicy" => {
                let allowed = ["Delete", "Retain", "Snapshot"];
                resource.update_replace_policy = Some(choice(name, attribute, value, &allowed)?);
            }
            "UpdatePolicy" | "CreationPolicy" => {
                resource.policies.insert(attribute.clone(), value.clone());
            }
            "Metadata" => resource.metadata = Some(value.clone()),
            // For whoever reads the template.
            "Description" => drop(text(name, attribute, value)?),
            _ => {
                let message = format!("Invalid template resource property '{attribute}'");
                return Err(TemplateError::new(message).under(attribute));
            }
        }
    }
    if resource.kind.is_empty() {
        return Err(malformed(name, "Every Resources object must contain a Type member."));
    }
    Ok(resource)
}

fn malformed(name: &str, why: &str) -> TemplateError {
    TemplateError::format(format_args!("[/Resources/{name}] {why}"))
}

fn text(name: &str, attribute: &str, value: &Value) -> Result<String, TemplateError> {
    match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        _ => Err(malformed(name, &format!("Every {attribute} member must be a string."))),
    }
}

fn choice(name: &str, attribute: &str, value: &Value, allowed: &[&str]) -> Result<String, TemplateError> {
    let chosen = text(name, attribute, value)?;
    if allowed.contains(&chosen.as_str()) {
        return Ok(chosen);
    }
    Err(TemplateError::format(format_args!("Unrecognized {attribute} {chosen} for resource {name}")))
}

fn depends_on(name: &str, value: &Value) -> Result<Vec<String>, TemplateError> {
    match value {
        Value::String(one) => Ok(vec![one.clone()]),
        Value::Array(many) => many.iter().map(|one| text(name, "DependsOn", one)).collect(),
        _ => Err(malformed(name, "Every DependsOn value must be a string.")),
    }
}

fn output(name: &str, value: &Value) -> Result<Output, TemplateError> {
    let malformed = |why: &str| TemplateError::format(format_args!("[/Outputs/{name}] {why}"));
    let body = value.as_object().ok_or_else(|| malformed("Every Outputs member must be an object."))?;
    let mut output = Output { description: None, value: Value::Null, export_name: None, condition: None };
    for (attribute, value) in body {
        match (attribute.as_str(), value) {
            ("Description", Value::String(text)) => output.description = Some(text.clone()),
            ("Condition", Value::String(name)) => output.condition = Some(name.clone()),
            ("Value", Value::Null) => {
                return Err(nulls::refused(&["Outputs", name, "Value"]));
            }
            ("Value", value) => output.value = value.clone(),
            ("Export", Value::Object(export)) if export.len() == 1 => {
                let name = export.get("Name").ok_or_else(|| malformed("Export must have a Name."))?;
                output.export_name = Some(name.clone());
            }
            _ => return Err(malformed(&format!("the member {attribute} is unknown or malformed."))),
        }
    }
    if output.value.is_null() {
        return Err(malformed("Every Outputs member must contain a Value object"));
    }
    Ok(output)
}
