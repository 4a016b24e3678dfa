//! The serverless transform: `AWS::Serverless::*` resources to plain CloudFormation.
//!
//! Gives the logical ids and the resources that the published transform (`AWS::Serverless-2016-10-31`) gives, so that a stack
//! can move between both. What it does not expand it refuses by name, all problems at once. It parses nothing and resolves
//! no function except references to parameters that decide what is generated.

mod api;
mod api_body;
mod application;
mod authorizer;
mod capacity;
mod connector;
mod context;
mod deployment;
mod domain;
mod error;
mod event;
mod function;
mod globals;
mod graphql;
mod http;
mod implicit;
mod invoke;
mod layer;
mod location;
mod microvm;
mod network;
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
mod typed;
mod url;
mod usage_plan;
mod value;
mod version;
mod web;
mod websocket;

use base::Timestamp;
use indexmap::IndexMap;
use serde_json::{Map, Value};

pub use error::Problems;
pub use role::policy_template;

use crate::limits::{ATTRIBUTES_BYTES_MAX, RESOURCES_MAX, TRANSFORMED_MAX};
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

/// Expands a template. `parameters` are the values given for this operation; defaults come from the template. `now` names
/// the deployments of APIs that want one every time.
pub fn transform(
    root: &Value,
    parameters: &IndexMap<String, Value>,
    region: &str,
    now: Timestamp,
) -> Result<Value, Problems> {
    let mut root = root.as_object().cloned().unwrap_or_default();
    check_structure(&root)?;
    let parameters = values(&root, parameters, region);
    let implicit::Prepared { mut bodies, mut order } = implicit::prepare(&mut root)?;
    let http_managed = http::prepare(&mut root)?;
    if http_managed.contains(http::IMPLICIT) && !order.iter().any(|id| id == http::IMPLICIT) {
        order.push(http::IMPLICIT.to_owned());
    }
    let domains = domain::History::of(&root);
    let hashed_tags = implicit::is_hashed(&root) && !http::has_global_tags(&root);
    globals::apply(&mut root)?;
    let resources = root.remove("Resources").unwrap_or_default();
    let mut resources = resources.as_object().cloned().unwrap_or_default();
    let mut problems = Problems::default();
    connector::take_out(&mut resources, &mut problems);
    apply_openapi_version(&mut resources, &mut bodies);
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
        record_groups: domain::Groups::new(),
        domains,
        hashed_tags,
        conditions: Map::new(),
        function_names: IndexMap::new(),
        now,
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

/// The serverless types that are expanded, in the order in which they are: functions first, since their events write into the
/// bodies of APIs; then APIs; then the rest.
const EXPANDED: [&[&str]; 6] = [
    &[function::KIND],
    &[web::KIND],
    &[state_machine::KIND],
    &[api::KIND, http::KIND, websocket::KIND],
    &[
        table::KIND,
        layer::KIND,
        application::KIND,
        graphql::KIND,
        capacity::KIND,
        network::KIND,
        microvm::KIND,
    ],
    &[connector::KIND],
];

type Expanded = IndexMap<String, Vec<(String, Value)>>;

/// Expands all but connectors.
fn expand_all(
    resources: &Map<String, Value>,
    context: &mut Context,
    problems: &mut Problems,
) -> (Expanded, Generated) {
    let mut generated = Generated::default();
    let mut expanded = Expanded::new();
    let mut count = 0;
    for kinds in EXPANDED {
        for (id, body) in resources.iter().filter_map(|(id, body)| Some((id, body.as_object()?))) {
            let kind = body.get("Type").and_then(Value::as_str).unwrap_or_default();
            if !kinds.contains(&kind) || kind == connector::KIND {
                continue;
            }
            let parts = expand_one((id, kind), body, context, &mut generated);
            let Some(parts) = problems.collect(parts) else { continue };
            if let Some((new, _)) = parts.first().filter(|(new, _)| new != id && kind == layer::KIND) {
                generated.rename(id, new);
            }
            count += parts.len();
            if problems.collect(check_count(count, TRANSFORMED_MAX)).is_none() {
                return (expanded, generated);
            }
            expanded.insert(id.clone(), parts);
        }
    }
    for (id, resource) in resources {
        let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
        if kind.starts_with("AWS::Serverless::") && !EXPANDED.iter().any(|kinds| kinds.contains(&kind)) {
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

fn expand_one(
    (id, kind): (&str, &str),
    body: &Map<String, Value>,
    context: &mut Context,
    generated: &mut Generated,
) -> Result<Vec<(String, Value)>, Problems> {
    check_id(id)?;
    check_attributes(id, body)?;
    let source = Source::new(id, body);
    let parts = match kind {
        function::KIND => {
            remember_name(&source, context);
            function::expand(&source, context, generated)
        }
        state_machine::KIND => state_machine::expand(&source, context, generated),
        api::KIND => api::expand(&source, context, generated),
        http::KIND => {
            // Events wrote their routes into it.
            let body = context.resources.get(id).and_then(Value::as_object).cloned();
            let source = body.as_ref().map_or(source, |body| Source::new(id, body));
            http::expand(&source, context, generated)
        }
        websocket::KIND => websocket::expand(&source, context, generated),
        layer::KIND => layer::expand(&source, context),
        application::KIND => application::expand(&source),
        graphql::KIND => graphql::expand(&source),
        capacity::KIND => capacity::expand(&source),
        network::KIND => network::expand(&source),
        microvm::KIND => microvm::expand(&source, context),
        web::KIND => web::expand(&source, context),
        _ => table::expand(&source),
    }?;
    parts.iter().try_for_each(|(id, _)| check_id(id))?;
    Ok(parts)
}

fn check_id(id: &str) -> Result<(), Problems> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(Problems::resource(id, "Logical ids must be alphanumeric."))
}

/// The types of what several APIs may share.
const SHARED: [&str; 8] = [
    "AWS::ApiGateway::UsagePlan",
    "AWS::ApiGateway::ApiKey",
    "AWS::ApiGateway::UsagePlanKey",
    "AWS::ApiGateway::DomainName",
    "AWS::ApiGateway::DomainNameV2",
    "AWS::ApiGateway::DomainNameAccessAssociation",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::Route53::RecordSetGroup",
];

/// True for what only a plan that is shared makes in common.
fn of_plan(kind: &str) -> bool {
    SHARED.iter().take(3).any(|shared| *shared == kind)
}

/// A generated resource must not take the place of another one.
fn check_unique(resources: &Map<String, Value>, expanded: &Expanded, problems: &mut Problems) {
    let mut seen: IndexMap<&str, &str> = IndexMap::new();
    for (source, parts) in expanded {
        for (id, part) in parts {
            let kind = part.get("Type").and_then(Value::as_str).unwrap_or_default();
            // What APIs share is made by each of them, the last time with all that share it.
            let shared = SHARED.contains(&kind) && (id.starts_with("Serverless") || !of_plan(kind));
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

/// No template may have more resources, before the transform or, ten times that, behind it: the cap on templates is looked at later.
fn check_count(count: usize, max: usize) -> Result<(), Problems> {
    if count <= max {
        return Ok(());
    }
    Err(Problems::other(format!(
        "Template format error: Number of resources, {count}, is greater than maximum allowed, {RESOURCES_MAX}"
    )))
}

/// What is copied to all that a resource becomes has its bound.
fn check_attributes(id: &str, body: &Map<String, Value>) -> Result<(), Problems> {
    let attributes = body.iter().filter(|(name, _)| *name != "Properties");
    let bytes: usize = attributes.map(|(_, value)| value.to_string().len()).sum();
    if bytes <= ATTRIBUTES_BYTES_MAX {
        return Ok(());
    }
    let message = format_args!("Its attributes have {bytes} bytes; they may have {ATTRIBUTES_BYTES_MAX}.");
    Err(Problems::resource(id, message))
}

fn check_structure(root: &Map<String, Value>) -> Result<(), Problems> {
    let resources = root.get("Resources").and_then(Value::as_object).filter(|map| !map.is_empty());
    let Some(resources) = resources else {
        return Err(Problems::structure("'Resources' section is required"));
    };
    check_count(resources.len(), RESOURCES_MAX)?;
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
    problems.into_result()?;
    let conditions = resources.values().filter_map(|resource| resource.get("Condition"));
    match conditions.into_iter().any(|condition| value::is_truthy(condition) && !condition.is_string()) {
        true => Err(Problems::structure("Every Condition member must be a string.")),
        false => Ok(()),
    }
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

/// `OpenApiVersion: 3…` turns the bodies that the transform writes into OpenAPI 3; there it may be a number, as YAML reads `3.0`.
fn apply_openapi_version(resources: &mut Map<String, Value>, bodies: &mut IndexMap<String, context::Body>) {
    for (id, resource) in resources {
        let is_api = resource.get("Type").is_some_and(|kind| kind == api::KIND);
        let version = resource.pointer_mut("/Properties/OpenApiVersion").filter(|_| is_api);
        let version = version.filter(|version| swagger::is_version_3(version));
        let managed = bodies.get_mut(id).filter(|body| body.managed);
        if let (Some(version), Some(body)) = (version, managed) {
            // Of a number the published transform makes a text of its own, which counts otherwise into the deployment's name.
            let written = match version {
                Value::Number(number) => {
                    let text = number.to_string();
                    *version = Value::String(text.clone());
                    Py::from(text)
                }
                _ => Py::from_template(version),
            };
            body.doc.set(Text::own("openapi"), written);
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
