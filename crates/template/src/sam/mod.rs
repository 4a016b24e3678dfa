//! The serverless transform: `AWS::Serverless::*` resources to plain CloudFormation.
//!
//! Gives the logical ids and the resources that the published transform (`AWS::Serverless-2016-10-31`) gives, so that a stack
//! can move between both. What it does not expand it refuses by name, all problems at once. It parses nothing and resolves
//! no function except references to parameters that decide what is generated.

mod api;
mod api_body;
mod application;
mod authorizer;
mod connector;
mod context;
mod deployment;
mod error;
mod event;
mod function;
mod globals;
mod http;
mod implicit;
mod invoke;
mod layer;
mod location;
mod policy;
mod python;
mod python_json;
mod references;
mod role;
mod rules;
mod sha1;
mod state_machine;
mod swagger;
mod table;
mod url;
mod usage_plan;
mod value;
mod version;

use indexmap::IndexMap;
use serde_json::{Map, Value};

pub use error::Problems;
pub use role::policy_template;

use context::{Context, Source};
use python::{Py, Text};
use references::Generated;

/// The name of the transform in a template.
pub const TRANSFORM: &str = "AWS::Serverless-2016-10-31";

/// True where a template asks for the transform.
pub fn wanted(root: &Value) -> bool {
    match root.get("Transform") {
        Some(Value::String(name)) => name == TRANSFORM,
        Some(Value::Array(names)) => names.iter().any(|name| name == TRANSFORM),
        _ => false,
    }
}

/// Expands a template. `parameters` are the values given for this operation; defaults come from the template.
pub fn transform(
    root: &Value,
    parameters: &IndexMap<String, Value>,
    region: &str,
) -> Result<Value, Problems> {
    let mut root = root.as_object().cloned().unwrap_or_default();
    check_structure(&root)?;
    let parameters = values(&root, parameters, region);
    let implicit::Prepared { mut bodies, mut order } = implicit::prepare(&mut root)?;
    let http_managed = http::prepare(&mut root)?;
    if http_managed.contains(http::IMPLICIT) && !order.iter().any(|id| id == http::IMPLICIT) {
        order.push(http::IMPLICIT.to_owned());
    }
    globals::apply(&mut root)?;
    let resources = root.remove("Resources").unwrap_or_default();
    let mut resources = resources.as_object().cloned().unwrap_or_default();
    let mut problems = Problems::default();
    connector::take_out(&mut resources, &mut problems);
    apply_openapi_version(&resources, &mut bodies);
    let apis = of_kind(&resources, api::KIND)
        .map(|(id, body)| (id.clone(), Source::new(id, body).properties))
        .collect();
    let mut context = Context {
        parameters,
        bodies,
        apis,
        resources: resources.clone(),
        mappings: root.get("Mappings").and_then(Value::as_object).cloned().unwrap_or_default(),
        deployments: Vec::new(),
        http_managed,
        usage_plan: usage_plan::Shared::default(),
        conditions: Map::new(),
        function_names: IndexMap::new(),
    };
    let ordered: Map<String, Value> =
        order.iter().filter_map(|id| Some((id.clone(), resources.get(id)?.clone()))).collect();
    let (expanded, generated) = expand_all(&ordered, &mut context, &mut problems);
    let mut result = Map::new();
    for (id, resource) in &resources {
        match expanded.get(id) {
            Some(parts) => result.extend(parts.iter().cloned()),
            None => {
                result.insert(id.clone(), context.resources.get(id).unwrap_or(resource).clone());
            }
        }
    }
    result.extend(expanded.get("").into_iter().flatten().cloned());
    // The template's order is not the order of expansion: what is shared is as its last API left it.
    for (id, part) in expanded.values().flatten() {
        if let Some(kind) = part.get("Type").and_then(Value::as_str)
            && SHARED.contains(&kind)
        {
            result.insert(id.clone(), part.clone());
        }
    }
    // They look at what the others became.
    let mut template = connector::Template { resources: &mut result, original: &resources };
    connector::expand_all(&mut template, &mut problems);
    problems.into_result()?;
    root.insert("Resources".to_owned(), Value::Object(result));
    if !context.conditions.is_empty() {
        let section = root.entry("Conditions").or_insert_with(|| Value::Object(Map::new()));
        section.as_object_mut().into_iter().for_each(|section| section.extend(context.conditions.clone()));
    }
    drop_transform(&mut root);
    let mut root = Value::Object(root);
    generated.apply(&mut root);
    Ok(root)
}

/// What a serverless resource may have besides its properties. The published transform drops anything else, and a description.
const ATTRIBUTES: [&str; 11] = [
    "Type",
    "Description",
    "Properties",
    "Condition",
    "DependsOn",
    "DeletionPolicy",
    "UpdatePolicy",
    "UpdateReplacePolicy",
    "Metadata",
    "IgnoreGlobals",
    "Connectors",
];

/// The serverless types that are expanded.
const EXPANDED: [&str; 8] = [
    function::KIND,
    state_machine::KIND,
    api::KIND,
    http::KIND,
    table::KIND,
    layer::KIND,
    application::KIND,
    connector::KIND,
];

type Expanded = IndexMap<String, Vec<(String, Value)>>;

/// Functions first, since their events write into the bodies of APIs; then APIs; then the rest.
fn expand_all(
    resources: &Map<String, Value>,
    context: &mut Context,
    problems: &mut Problems,
) -> (Expanded, Generated) {
    let mut generated = Generated::default();
    let mut expanded = Expanded::new();
    for (id, body) in of_kind(resources, function::KIND) {
        let source = Source::new(id, body);
        remember_name(&source, context);
        let parts = function::expand(&source, context, &mut generated);
        problems.collect(parts.map(|parts| expanded.insert(id.clone(), parts)));
    }
    for (id, body) in of_kind(resources, state_machine::KIND) {
        let parts = state_machine::expand(&Source::new(id, body), context, &mut generated);
        problems.collect(parts.map(|parts| expanded.insert(id.clone(), parts)));
    }
    for (id, body) in of_kind(resources, api::KIND) {
        let parts = api::expand(&Source::new(id, body), context, &mut generated);
        problems.collect(parts.map(|parts| expanded.insert(id.clone(), parts)));
    }
    for (id, body) in of_kind(resources, http::KIND) {
        // Events wrote their routes into it.
        let body = context.resources.get(id).and_then(Value::as_object).unwrap_or(body);
        let parts = http::expand(&Source::new(id, body), context, &mut generated);
        problems.collect(parts.map(|parts| expanded.insert(id.clone(), parts)));
    }
    for (id, body) in resources.iter().filter_map(|(id, body)| Some((id, body.as_object()?))) {
        let source = Source::new(id, body);
        let parts = match body.get("Type").and_then(Value::as_str) {
            Some(table::KIND) => table::expand(&source),
            Some(layer::KIND) => layer::expand(&source, context),
            Some(application::KIND) => application::expand(&source),
            _ => continue,
        };
        if let Some(parts) = problems.collect(parts) {
            if let Some((new, _)) = parts.first().filter(|(new, _)| new != id) {
                generated.rename(id, new);
            }
            expanded.insert(id.clone(), parts);
        }
    }
    for (id, resource) in resources {
        let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
        if kind.starts_with("AWS::Serverless::") && !EXPANDED.contains(&kind) {
            let message = format_args!("The resource type {kind} is not supported by this platform.");
            problems.collect::<()>(Err(Problems::resource(id, message)));
        }
        let unknown =
            |name: &&String| kind.starts_with("AWS::Serverless::") && !ATTRIBUTES.contains(&name.as_str());
        if let Some(name) = resource.as_object().and_then(|body| body.keys().find(unknown)) {
            let message = format_args!("The attribute {name} is not supported by this platform.");
            problems.collect::<()>(Err(Problems::resource(id, message)));
        }
    }
    check_unique(resources, &expanded, problems);
    let preferences = std::mem::take(&mut context.deployments);
    let shared = deployment::resources(&preferences, &mut context.conditions, problems);
    if !shared.is_empty() {
        expanded.insert(String::new(), shared);
    }
    (expanded, generated)
}

/// The types of what several APIs may share.
const SHARED: [&str; 3] =
    ["AWS::ApiGateway::UsagePlan", "AWS::ApiGateway::ApiKey", "AWS::ApiGateway::UsagePlanKey"];

/// A generated resource must not take the place of another one.
fn check_unique(resources: &Map<String, Value>, expanded: &Expanded, problems: &mut Problems) {
    let mut seen: IndexMap<&str, &str> = IndexMap::new();
    for (source, parts) in expanded {
        for (id, part) in parts {
            let kind = part.get("Type").and_then(Value::as_str).unwrap_or_default();
            // What APIs share is made by each of them, the last time with all that share it.
            let shared = SHARED.contains(&kind) && id.starts_with("Serverless");
            let again = seen.insert(id, source).is_some() && !shared;
            let taken = (id != source && resources.contains_key(id)) || again;
            if taken {
                problems.collect::<()>(Err(Problems::taken(source, id, kind)));
            }
        }
    }
}

fn of_kind<'a>(
    resources: &'a Map<String, Value>,
    kind: &'a str,
) -> impl Iterator<Item = (&'a String, &'a Map<String, Value>)> {
    let bodies = resources.iter().filter_map(|(id, resource)| Some((id, resource.as_object()?)));
    bodies.filter(move |(_, body)| body.get("Type").is_some_and(|found| found == kind))
}

fn check_structure(root: &Map<String, Value>) -> Result<(), Problems> {
    let resources = root.get("Resources").and_then(Value::as_object).filter(|map| !map.is_empty());
    let Some(resources) = resources else {
        return Err(Problems::structure("'Resources' section is required"));
    };
    if !resources.values().all(Value::is_object) {
        return Err(Problems::structure(
            "All 'Resources' must be Objects. If you're using YAML, this may be an indentation issue.",
        ));
    }
    let mut problems = Problems::default();
    for (id, resource) in resources {
        let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
        let malformed = resource.get("Properties").is_some_and(|properties| !properties.is_object());
        if kind.starts_with("AWS::Serverless::") && malformed {
            let message = "Attribute 'Properties' should be a map.";
            problems.collect::<()>(Err(Problems::resource(id, message)));
        }
    }
    problems.into_result()
}

/// The values of all parameters that are known before anything exists.
fn values(
    root: &Map<String, Value>,
    given: &IndexMap<String, Value>,
    region: &str,
) -> IndexMap<String, Value> {
    let mut values = given.clone();
    let declared = root.get("Parameters").and_then(Value::as_object).into_iter().flatten();
    for (name, declaration) in declared {
        if let (false, Some(default)) = (values.contains_key(name), declaration.get("Default")) {
            values.insert(name.clone(), default.clone());
        }
    }
    for (name, value) in [("AWS::Region", region), ("AWS::Partition", base::PARTITION)] {
        values.entry(name.to_owned()).or_insert_with(|| value.into());
    }
    values
}

/// `OpenApiVersion: 3…` turns the bodies that the transform writes into OpenAPI 3.
fn apply_openapi_version(resources: &Map<String, Value>, bodies: &mut IndexMap<String, context::Body>) {
    for (id, body) in of_kind(resources, api::KIND) {
        let version = body.get("Properties").and_then(|properties| properties.get("OpenApiVersion"));
        let version = version.filter(|version| swagger::is_version_3(version));
        let managed = bodies.get_mut(id).filter(|body| body.managed);
        if let (Some(version), Some(body)) = (version, managed) {
            body.doc.set(Text::own("openapi"), Py::from_template(version));
            body.doc.remove("swagger");
        }
    }
}

/// Names of functions count into the deployments of their APIs.
fn remember_name(source: &Source<'_>, context: &mut Context) {
    let Some(name) = value::member(&source.properties, "FunctionName") else { return };
    let name = match Py::from_template(&context.with_parameters(name)).deep_copy() {
        Py::Text(text) => text.text,
        other => other.print(),
    };
    let Some(events) = source.properties.get("Events").and_then(Value::as_object) else { return };
    let order = event::Order::of(events).of_all;
    for event in order.iter().filter_map(|id| events.get(id)).filter(|event| event::is_api(event)) {
        let api = event.get("Properties").and_then(|properties| properties.get("RestApiId"));
        if let Some(api) = api.and_then(event::api_id) {
            context.function_names.entry(api.to_owned()).or_default().push_str(&name);
        }
    }
}

/// The transform ran; others stay for the caller to refuse.
fn drop_transform(root: &mut Map<String, Value>) {
    match root.get_mut("Transform") {
        Some(Value::Array(names)) if names.len() > 1 => names.retain(|name| name != TRANSFORM),
        _ => {
            root.shift_remove("Transform");
        }
    }
}
