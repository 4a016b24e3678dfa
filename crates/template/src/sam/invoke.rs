//! `EventInvokeConfig`: retries of asynchronous calls, and where their results go.

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::policy;
use super::value::{attribute, if_parts, is_no_value, member, reference, shown, truthy};
use super::version::short_hash;

/// What the configuration generates, and the policies that it gives the function's role.
pub(super) struct Invoke {
    pub(super) resources: Vec<(String, Value)>,
    pub(super) policies: Vec<Value>,
}

const TYPES: [&str; 5] = ["SQS", "SNS", "EventBridge", "Lambda", "S3Bucket"];

/// Expands the configuration. `alias` is the id of the alias and its name.
pub(super) fn expand(
    source: &Source<'_>,
    alias: Option<&(String, String)>,
    context: &mut Context,
) -> Result<Invoke, Problems> {
    let config = source.properties.get("EventInvokeConfig").map(|config| context.with_parameters(config));
    let config = config.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    let id = format!("{}EventInvokeConfig", source.id);
    let mut invoke = Invoke { resources: Vec::new(), policies: Vec::new() };
    let mut destinations = Map::new();
    let given = match truthy(&config, "DestinationConfig") {
        None => Map::new(),
        Some(Value::Object(given)) => given.clone(),
        Some(_) => return Err(not_a_map(source, "")),
    };
    for event in ["OnSuccess", "OnFailure"] {
        let Some(destination) = member(&given, event) else { continue };
        let Some(destination) = destination.as_object() else {
            return Err(not_a_map(source, &format!(".{event}")));
        };
        let arn = add(source, event, &id, destination, context, &mut invoke)?;
        destinations.insert(event.to_owned(), json!({ "Destination": arn }));
    }
    let mut properties = Map::from_iter([
        ("FunctionName".to_owned(), reference(source.id)),
        ("Qualifier".to_owned(), alias.map_or("$LATEST", |(_, name)| name).into()),
        ("DestinationConfig".to_owned(), Value::Object(destinations)),
    ]);
    for name in ["MaximumEventAgeInSeconds", "MaximumRetryAttempts"] {
        if let Some(value) = member(&config, name) {
            properties.insert(name.to_owned(), value.clone());
        }
    }
    // Its attributes are all of the function's, not only those that are passed on.
    let mut part = source.all_attributes("AWS::Lambda::EventInvokeConfig", properties);
    if let (Some((alias, _)), Some(part)) = (alias, part.as_object_mut()) {
        part.insert("DependsOn".to_owned(), json!([alias]));
    }
    invoke.resources.push((id, part));
    Ok(invoke)
}

fn not_a_map(source: &Source<'_>, path: &str) -> Problems {
    Problems::resource(
        source.id,
        format_args!("Property 'EventInvokeConfig.DestinationConfig{path}' should be a map."),
    )
}

/// Where results go; a queue or a topic is made where the template names none.
fn add(
    source: &Source<'_>,
    event: &str,
    id: &str,
    config: &Map<String, Value>,
    context: &mut Context,
    invoke: &mut Invoke,
) -> Result<Value, Problems> {
    let kind = config.get("Type").cloned().unwrap_or_default();
    let Some(kind) = kind.as_str().filter(|kind| TYPES.contains(kind)) else {
        let message =
            format!("'Type: {}' must be one of {}", shown(&kind), super::value::printed_list(&TYPES));
        return Err(Problems::resource(source.id, message));
    };
    let target = format!("{id}{event}");
    let given = member(config, "Destination");
    let (condition, otherwise) = condition_of(id, given, context)?;
    if let (Some(given), None) = (given, &condition) {
        invoke.policies.extend(policy::send_to(kind, &target, given));
        return Ok(given.clone());
    }
    let (target_id, resource_kind) = match kind {
        "SQS" => (format!("{target}Queue"), "AWS::SQS::Queue"),
        "SNS" => (format!("{target}Topic"), "AWS::SNS::Topic"),
        _ => {
            let message = "Destination is required if Type is not ['SQS', 'SNS']";
            return Err(Problems::resource(source.id, message));
        }
    };
    let made = if kind == "SNS" { reference(&target_id) } else { attribute(&target_id, "Arn") };
    let mut resource = source.part(resource_kind, Map::new());
    let combined = both(source, condition.as_deref(), context);
    if let (Some(name), Some(body)) = (combined, resource.as_object_mut()) {
        body.insert("Condition".to_owned(), name.into());
    }
    let destination = match (&condition, otherwise) {
        (Some(condition), Some(other)) => json!({ "Fn::If": [condition, made, other] }),
        _ => made,
    };
    invoke.policies.extend(policy::send_to(kind, &target, &destination));
    invoke.resources.push((target_id, resource));
    Ok(destination)
}

type Conditional = (Option<String>, Option<Value>);

/// The condition under which nothing is given, and what is given otherwise.
fn condition_of(id: &str, given: Option<&Value>, context: &mut Context) -> Result<Conditional, Problems> {
    let Some(parts) = given.and_then(if_parts) else { return Ok((None, None)) };
    let [condition, yes, no] = parts
        .map_err(|why| Problems::resource(id, format_args!("Malformed 'Destination' property: {why}.")))?;
    let condition = condition.as_str().unwrap_or_default().to_owned();
    Ok(match (is_no_value(yes), is_no_value(no)) {
        (true, false) => (Some(condition), Some(no.clone())),
        (false, true) => {
            let name = unique(&format!("NOT{condition}"), id);
            context.conditions.insert(name.clone(), json!({ "Fn::Not": [{ "Condition": condition }] }));
            (Some(name), Some(yes.clone()))
        }
        _ => (None, None),
    })
}

/// Both conditions as one. The published transform nests each term once too often, which CloudFormation refuses.
fn both(source: &Source<'_>, property: Option<&str>, context: &mut Context) -> Option<String> {
    let (own, property) = match (source.condition(), property) {
        (Some(own), Some(property)) => (own, property),
        (one, other) => return one.or(other).map(str::to_owned),
    };
    let name = unique(&format!("{own}AND{property}"), source.id);
    let terms = json!({ "Fn::And": [{ "Condition": own }, { "Condition": property }] });
    context.conditions.insert(name.clone(), terms);
    Some(name)
}

fn unique(name: &str, id: &str) -> String {
    format!("{name}{}", short_hash(id)).chars().take(crate::limits::LOGICAL_ID_CHARS_MAX).collect()
}
