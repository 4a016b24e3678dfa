//! `AWS::Serverless::StateMachine`: the state machine, its role, its version and alias, and what starts it.

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::event::{self, Callee, Targets};
use super::location;
use super::policy;
use super::python_json;
use super::references::Generated;
use super::role;
use super::value::{Kind, attribute, check, is_intrinsic, is_truthy, member, reference, tag_list, truthy};

pub(super) const KIND: &str = "AWS::Serverless::StateMachine";

const PROPERTIES: [(&str, Kind); 17] = [
    ("Definition", Kind::Map),
    ("DefinitionUri", Kind::TextOrMap),
    ("Logging", Kind::Map),
    ("Role", Kind::Text),
    ("RolePath", Kind::Any),
    ("DefinitionSubstitutions", Kind::Map),
    ("Events", Kind::MapOfMaps),
    ("Name", Kind::Text),
    ("Type", Kind::Text),
    ("Tags", Kind::Map),
    ("PropagateTags", Kind::Flag),
    ("Policies", Kind::TextOrPolicies),
    ("Tracing", Kind::Map),
    ("PermissionsBoundary", Kind::Text),
    ("AutoPublishAlias", Kind::Any),
    ("DeploymentPreference", Kind::Any),
    ("UseAliasAsEventTarget", Kind::PlainFlag),
];

/// All that a state machine becomes.
pub(super) fn expand(
    source: &Source<'_>,
    context: &mut Context,
    generated: &mut Generated,
) -> Result<Vec<(String, Value)>, Problems> {
    let properties = &source.properties;
    role::check_templates(source)?;
    check(source.id, KIND, properties, &PROPERTIES, &[])?;
    event::link_state_machine(source, context)?;
    let refuse = |message: &str| Err(Problems::resource(source.id, message));
    let mut machine = definition(source)?;
    let mut resources = Vec::new();
    if truthy(properties, "Role").is_some() && truthy(properties, "Policies").is_some() {
        return refuse(
            "Specify either 'Role' or 'Policies' (but not both at the same time) or neither of them",
        );
    }
    match truthy(properties, "Role") {
        Some(role) => drop(machine.insert("RoleArn".to_owned(), role.clone())),
        None => {
            let (id, role) = role::build(source, parts(source))?;
            machine.insert("RoleArn".to_owned(), attribute(&id, "Arn"));
            resources.push((id, role));
        }
    }
    let same = [
        ("Name", "StateMachineName"),
        ("Type", "StateMachineType"),
        ("Logging", "LoggingConfiguration"),
        ("Tracing", "TracingConfiguration"),
    ];
    for (from, to) in same {
        if let Some(value) = member(properties, from) {
            machine.insert(to.to_owned(), value.clone());
        }
    }
    machine.insert("Tags".to_owned(), tags(source).into());
    let alias = alias(source)?;
    let mut target = source.id.to_owned();
    if let Some((version, alias)) = alias {
        generated.add(source.id, "Version", &version.0);
        generated.add(source.id, "Alias", &alias.0);
        if truthy(properties, "UseAliasAsEventTarget").is_some() {
            target.clone_from(&alias.0);
        }
        resources.extend([version, alias]);
    }
    let events = events(source, &target, context);
    resources.extend(events.map_err(|problems| problems.of_events_alone(source.id))?);
    resources.insert(0, (source.id.to_owned(), source.whole("AWS::StepFunctions::StateMachine", machine)));
    if properties.get("PropagateTags").is_some_and(is_truthy) {
        super::value::propagate_tags(truthy(properties, "Tags"), &mut resources);
    }
    Ok(resources)
}

fn definition(source: &Source<'_>) -> Result<Map<String, Value>, Problems> {
    let properties = &source.properties;
    let refuse = |message: &str| Err(Problems::resource(source.id, message));
    let mut machine = Map::new();
    let mut substitutions = truthy(properties, "DefinitionSubstitutions").cloned();
    match (truthy(properties, "Definition"), truthy(properties, "DefinitionUri")) {
        (Some(_), Some(_)) => {
            return refuse("Specify either 'Definition' or 'DefinitionUri' property and not both.");
        }
        (Some(definition), None) => {
            let mut definition = definition.clone();
            let mut taken = Map::new();
            substitute(&mut definition, &mut taken);
            if !taken.is_empty() {
                match &mut substitutions {
                    Some(Value::Object(given)) => given.extend(taken),
                    other => *other = Some(Value::Object(taken)),
                }
            }
            let text = python_json::indented(&definition);
            let lines: Vec<&str> = text.split('\n').collect();
            machine.insert("DefinitionString".to_owned(), json!({ "Fn::Join": ["\n", lines] }));
        }
        (None, Some(uri)) => {
            let location = location::read(source.id, "DefinitionUri", uri)?.named("Bucket", "Key", "Version");
            machine.insert("DefinitionS3Location".to_owned(), Value::Object(location));
        }
        (None, None) => {
            return refuse("Either 'Definition' or 'DefinitionUri' property must be specified.");
        }
    }
    if let Some(substitutions) = substitutions {
        machine.insert("DefinitionSubstitutions".to_owned(), substitutions);
    }
    Ok(machine)
}

/// Puts functions and dynamic references of a definition aside: the definition is text, which cannot hold them.
fn substitute(value: &mut Value, taken: &mut Map<String, Value>) {
    let mut places: Vec<&mut Value> = match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &mut Value)> = map.iter_mut().collect();
            entries.sort_by_key(|(name, _)| *name);
            entries.into_iter().map(|(_, value)| value).collect()
        }
        Value::Array(items) => items.iter_mut().collect(),
        _ => return,
    };
    for place in &mut places {
        if is_intrinsic(place) || place.as_str().is_some_and(is_dynamic) {
            let name = format!("definition_substitution_{}", taken.len() + 1);
            let key = Value::from(format!("${{{name}}}"));
            taken.insert(name, std::mem::replace(*place, key));
        } else {
            substitute(place, taken);
        }
    }
}

fn is_dynamic(text: &str) -> bool {
    let Some(inner) = text.strip_prefix("{{resolve:").and_then(|rest| rest.strip_suffix("}}")) else {
        return false;
    };
    inner.split_once(':').is_some_and(|(service, key)| {
        let named = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        !service.is_empty() && service.bytes().all(named) && !key.is_empty()
    })
}

fn tags(source: &Source<'_>) -> Vec<Value> {
    let mut tags = vec![json!({ "Key": "stateMachine:createdBy", "Value": "SAM" })];
    tags.extend(tag_list(source.properties.get("Tags")));
    tags
}

fn parts(source: &Source<'_>) -> role::Parts {
    let mut policies = match truthy(&source.properties, "Policies") {
        None => Vec::new(),
        Some(Value::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
    };
    let tracing = truthy(&source.properties, "Tracing").and_then(|tracing| tracing.get("Enabled"));
    if tracing == Some(&Value::Bool(true)) {
        policies.push(json!("AWSXrayWriteOnlyAccess"));
    }
    role::Parts {
        managed: Vec::new(),
        inline: Vec::new(),
        trust: policy::trust("states.amazonaws.com"),
        tags: tags(source),
        policies: Some(policies.into()),
    }
}

type Published = ((String, Value), (String, Value));

fn alias(source: &Source<'_>) -> Result<Option<Published>, Problems> {
    let properties = &source.properties;
    let requires = |name: &str| {
        let message = format!("'{name}' requires 'AutoPublishAlias' property to be specified.");
        Err(Problems::resource(source.id, message))
    };
    let preference = truthy(properties, "DeploymentPreference");
    let Some(name) = truthy(properties, "AutoPublishAlias") else {
        if truthy(properties, "UseAliasAsEventTarget").is_some() {
            return requires("UseAliasAsEventTarget");
        }
        return if preference.is_some() { requires("DeploymentPreference") } else { Ok(None) };
    };
    let version_id = format!("{}Version", source.id);
    let version = Map::from_iter([
        ("StateMachineArn".to_owned(), reference(source.id)),
        ("StateMachineRevisionId".to_owned(), attribute(source.id, "StateMachineRevisionId")),
    ]);
    let mut version = source.part("AWS::StepFunctions::StateMachineVersion", version);
    if let Some(body) = version.as_object_mut() {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            body.entry(policy).or_insert_with(|| json!("Retain"));
        }
    }
    let mut preference = preference.cloned().unwrap_or_else(|| json!({ "Type": "ALL_AT_ONCE" }));
    if let Some(preference) = preference.as_object_mut() {
        preference.insert("StateMachineVersionArn".to_owned(), reference(&version_id));
    }
    let alias =
        Map::from_iter([("Name".to_owned(), name.clone()), ("DeploymentPreference".to_owned(), preference)]);
    let alias_id = format!("{}Alias{}", source.id, super::value::shown(name));
    let alias = source.part("AWS::StepFunctions::StateMachineAlias", alias);
    Ok(Some(((version_id, version), (alias_id, alias))))
}

fn events(
    source: &Source<'_>,
    target: &str,
    context: &mut Context,
) -> Result<Vec<(String, Value)>, Problems> {
    let events = source.properties.get("Events").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut resources = Vec::new();
    let order = event::Order::of(&events).of_all;
    for (id, event) in order.iter().filter_map(|id| events.get_key_value(id)) {
        let event = event::StateMachineEvent::read(source.id, id, event)?;
        let owner = (source.id, id.as_str(), event.logical_id.as_str());
        let arn = reference(target);
        if event.kind == "ScheduleV2" {
            resources.extend(event::schedule(source, owner, &event.properties, &arn, Callee::StateMachine)?);
            continue;
        }
        let service = if event.kind == "Api" { "apigateway.amazonaws.com" } else { "events.amazonaws.com" };
        let given = member(&event.properties, "RoleArn").cloned();
        let role = given.unwrap_or_else(|| {
            let (id, role) = start_role(source, &event.logical_id, service, &arn);
            let arn = attribute(&id, "Arn");
            resources.push((id, role));
            arn
        });
        if event.kind == "Api" {
            event::rest::start_execution(source, &event, target, &role, context)?;
            continue;
        }
        let targets = Targets {
            source,
            owner,
            properties: &event.properties,
            arn,
            role: Some(role),
            suffix: "StepFunctionsTarget",
        };
        resources.extend(event::rule(&targets, &event.kind)?);
    }
    Ok(resources)
}

/// The role that an event starts the state machine with.
fn start_role(source: &Source<'_>, event: &str, service: &str, arn: &Value) -> (String, Value) {
    let id = format!("{event}Role");
    let mut role = Map::from_iter([
        ("AssumeRolePolicyDocument".to_owned(), policy::trust(service)),
        ("Policies".to_owned(), json!([policy::start_execution(&id, arn)])),
    ]);
    if let Some(boundary) = truthy(&source.properties, "PermissionsBoundary") {
        role.insert("PermissionsBoundary".to_owned(), boundary.clone());
    }
    (id, source.part("AWS::IAM::Role", role))
}
