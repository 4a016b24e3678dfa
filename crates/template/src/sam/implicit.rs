//! APIs before their expansion: the implicit one that events share, and the bodies that the transform writes itself.

use std::collections::{BTreeMap, BTreeSet};

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::context::Body;
use super::error::Problems;
use super::event;
use super::python::{Py, Slots, Text};
use super::swagger::{self, Editor};
use super::value::is_truthy;

/// The logical id of the API of all events that name none.
pub(super) const IMPLICIT: &str = "ServerlessRestApi";
const IMPLICIT_HTTP: &str = "ServerlessHttpApi";
const API: &str = "AWS::Serverless::Api";

/// The `DeletionPolicy` and `UpdateReplacePolicy` of a function.
type Policies = (Option<String>, Option<String>);

/// For each API, path and method the condition of the function behind it.
type Conditions = BTreeMap<String, IndexMap<String, BTreeMap<String, Option<String>>>>;

/// What is settled about APIs before anything is expanded.
pub(super) struct Prepared {
    /// The body of every API.
    pub(super) bodies: IndexMap<String, Body>,
    /// The logical ids in the order in which resources are expanded: that order shows in the bodies.
    pub(super) order: Vec<String>,
}

/// True where the published transform holds what APIs are made of in hash tables: a template has a REST API, or an HTTP API
/// whose routes are authorized by default.
pub(super) fn is_hashed(root: &Map<String, Value>) -> bool {
    let default = |of: Option<&Value>| {
        let named = of.and_then(|of| of.get("Auth")?.get("DefaultAuthorizer"));
        named.is_some_and(is_truthy)
    };
    let global = default(root.get("Globals").and_then(|globals| globals.get("HttpApi")));
    let resources = root.get("Resources").and_then(Value::as_object).into_iter().flatten();
    resources.map(|(_, resource)| resource).any(|resource| {
        let properties = resource.get("Properties");
        let events = properties.and_then(|properties| properties.get("Events")?.as_object());
        match resource.get("Type").and_then(Value::as_str) {
            Some(API) => true,
            Some(super::http::KIND) => global || default(properties),
            Some(super::function::KIND | super::state_machine::KIND) => events.is_some_and(|events| {
                events.values().any(|e| e.get("Type").is_some_and(|kind| kind == "Api"))
            }),
            _ => false,
        }
    })
}

/// Adds the implicit API where events need it, gives events their API, and starts every API's body.
pub(super) fn prepare(root: &mut Map<String, Value>) -> Result<Prepared, Problems> {
    let globals = root.get("Globals").cloned().unwrap_or_default();
    check_conditions(root)?;
    let Some(resources) = root.get_mut("Resources").and_then(Value::as_object_mut) else {
        return Ok(Prepared { bodies: IndexMap::new(), order: Vec::new() });
    };
    let mut slots: Slots = resources.keys().collect();
    slots.add(IMPLICIT);
    let mut bodies = start_bodies(resources);
    let explicit = resources.get(IMPLICIT).cloned();
    let explicit_body = bodies.shift_remove(IMPLICIT);
    resources.insert(IMPLICIT.to_owned(), json!({ "Type": API, "Properties": { "StageName": "Prod" } }));
    bodies.insert(IMPLICIT.to_owned(), Body { doc: swagger::skeleton(), managed: true });

    let mut conditions = Conditions::new();
    let mut policies = Vec::new();
    let mut problems = Problems::default();
    for id in &slots.keys() {
        let kind = resources.get(id).and_then(|resource| resource.get("Type"));
        let has_events =
            kind.is_some_and(|kind| kind == super::function::KIND || kind == super::state_machine::KIND);
        if !has_events {
            continue;
        }
        let found = (&mut conditions, &mut policies);
        let result = add_events(id, resources, &globals, &mut bodies, found);
        problems.collect(result);
    }
    problems.into_result()?;

    let used = bodies.get(IMPLICIT).is_some_and(|body| {
        body.doc.get("paths").and_then(Py::as_dict).is_some_and(|paths| !paths.is_empty())
    });
    let mut added = Map::new();
    if used {
        set_attributes(resources, &conditions, &policies, &mut added);
    }
    set_path_conditions(&mut bodies, &conditions, &mut added)?;
    if !used {
        resources.shift_remove(IMPLICIT);
        bodies.shift_remove(IMPLICIT);
        if let (Some(explicit), Some(body)) = (explicit, explicit_body) {
            resources.insert(IMPLICIT.to_owned(), explicit);
            bodies.insert(IMPLICIT.to_owned(), body);
        }
    }
    if !resources.contains_key(IMPLICIT) {
        slots.remove(IMPLICIT);
    }
    // The published transform tries an implicit HTTP API as well, and takes it out again: that may move the others.
    if !resources.contains_key(IMPLICIT_HTTP) {
        slots.add(IMPLICIT_HTTP);
        slots.remove(IMPLICIT_HTTP);
    }
    if !added.is_empty() {
        let section = root.entry("Conditions").or_insert_with(|| json!({}));
        section.as_object_mut().into_iter().for_each(|section| section.extend(added.clone()));
    }
    Ok(Prepared { bodies, order: slots.keys() })
}

/// What has events is made under a condition that is named, not written out.
fn check_conditions(root: &Map<String, Value>) -> Result<(), Problems> {
    let resources = root.get("Resources").and_then(Value::as_object).into_iter().flatten();
    let has_events = |kind: &Value| kind == super::function::KIND || kind == super::state_machine::KIND;
    let conditions = resources.filter(|(_, resource)| resource.get("Type").is_some_and(has_events));
    let mut conditions = conditions.filter_map(|(_, resource)| resource.get("Condition"));
    if conditions.any(|condition| is_truthy(condition) && !condition.is_string()) {
        return Err(Problems::structure("Every Condition member must be a string."));
    }
    Ok(())
}

fn start_bodies(resources: &mut Map<String, Value>) -> IndexMap<String, Body> {
    let mut bodies = IndexMap::new();
    for (id, resource) in resources.iter_mut() {
        if resource.get("Type").is_none_or(|kind| kind != API) {
            continue;
        }
        let written =
            resource.get("Properties").and_then(|p| p.get("DefinitionBody")).filter(|b| is_truthy(b));
        let elsewhere = resource.get("Properties").and_then(|p| p.get("DefinitionUri"));
        if written.is_none() && elsewhere.is_some_and(is_truthy) {
            continue;
        }
        let body = match written.map(Py::from_template) {
            Some(Py::Dict(doc)) => Body { doc: Arc::unwrap_or_clone(doc), managed: false },
            _ => Body { doc: swagger::skeleton(), managed: true },
        };
        bodies.insert(id.clone(), body);
    }
    bodies
}

fn add_events(
    id: &str,
    resources: &mut Map<String, Value>,
    globals: &Value,
    bodies: &mut IndexMap<String, Body>,
    (conditions, policies): (&mut Conditions, &mut Vec<Policies>),
) -> Result<(), Problems> {
    let Some(function) = resources.get(id).and_then(Value::as_object).cloned() else { return Ok(()) };
    let attribute = |name: &str| function.get(name).and_then(Value::as_str).map(str::to_owned);
    let policy = (attribute("DeletionPolicy"), attribute("UpdateReplacePolicy"));
    let events = function.get("Properties").and_then(|p| p.get("Events")).and_then(Value::as_object);
    let Some(mut events) = events.cloned() else { return Ok(()) };
    for name in &event::Order::of(&events).of_routes {
        let refuse = |message: &str| Problems::event(id, name, message);
        let properties = events.get_mut(name).and_then(|event| event.get_mut("Properties"));
        let Some(properties) = properties.filter(|properties| is_truthy(properties)) else { continue };
        let properties = properties.as_object_mut().ok_or_else(|| refuse("Properties should be a map."))?;
        if !properties.contains_key("RestApiId") {
            tag(IMPLICIT, resources, &function, globals);
            properties.insert("RestApiId".to_owned(), json!({ "Ref": IMPLICIT }));
        }
        let Route { api, path, method } =
            route(properties, "RestApiId").map_err(|message| refuse(&message))?;
        let by_path = conditions.entry(api.clone()).or_default().entry(path.clone()).or_default();
        by_path.insert(method.clone(), attribute("Condition"));
        if api == IMPLICIT {
            policies.push(policy.clone());
        }
        let kind = resources.get(&api).map(|api| api.get("Type").and_then(Value::as_str));
        if kind.is_none_or(|kind| kind == Some(super::http::KIND)) {
            let message =
                format!("RestApiId must be a valid reference to an '{API}' resource in same template.");
            return Err(refuse(&message));
        }
        let Some(body) = bodies.get_mut(&api).filter(|body| body.managed) else { continue };
        let mut editor = Editor::new(&body.doc)?;
        editor.add_path(&path, &method)?;
        body.doc = editor.finish();
    }
    let properties = resources.get_mut(id).and_then(|function| function.get_mut("Properties"));
    if let Some(stored) = properties.and_then(|properties| properties.get_mut("Events")) {
        *stored = Value::Object(events);
    }
    Ok(())
}

/// What an event adds to which API.
pub(super) struct Route {
    pub(super) api: String,
    pub(super) path: String,
    pub(super) method: String,
}

/// Reads the route of an event whose API is named under `name`.
pub(super) fn route(properties: &Map<String, Value>, name: &str) -> Result<Route, String> {
    for name in ["Path", "Method"] {
        if properties.get(name).is_none_or(Value::is_null) {
            return Err(format!("Property '{name}' is required."));
        }
    }
    let text = |name: &str, value: Option<&str>| {
        value.map(str::to_owned).ok_or_else(|| format!("Property '{name}' should be a string."))
    };
    let of = |name: &str| properties.get(name).and_then(Value::as_str);
    let api = properties.get(name).and_then(event::api_id);
    Ok(Route {
        api: text(name, api)?,
        path: text("Path", of("Path"))?,
        method: text("Method", of("Method"))?,
    })
}

/// The implicit API takes tags over from what propagates its own.
pub(super) fn tag(
    implicit: &str,
    resources: &mut Map<String, Value>,
    owner: &Map<String, Value>,
    globals: &Value,
) {
    let kind = owner.get("Type").and_then(Value::as_str).and_then(|kind| kind.rsplit("::").next());
    let global = kind.and_then(|kind| globals.get(kind));
    let own = owner.get("Properties");
    let setting = |name: &str| {
        let of = |place: Option<&Value>| {
            place.and_then(|place| place.get(name)).filter(|value| is_truthy(value)).cloned()
        };
        of(own).or_else(|| of(global))
    };
    let (Some(_), Some(Value::Object(tags))) = (setting("PropagateTags"), setting("Tags")) else { return };
    let implicit = resources.get_mut(implicit).and_then(|api| api.get_mut("Properties"));
    let Some(properties) = implicit.and_then(Value::as_object_mut) else { return };
    if let Some(all) = properties.entry("Tags").or_insert_with(|| json!({})).as_object_mut() {
        all.extend(tags);
    }
    properties.insert("PropagateTags".to_owned(), json!(true));
}

/// The implicit API lives under the conditions, and with the policies, of the functions behind it.
fn set_attributes(
    resources: &mut Map<String, Value>,
    conditions: &Conditions,
    policies: &[Policies],
    added: &mut Map<String, Value>,
) {
    let all: BTreeSet<&Option<String>> =
        conditions.get(IMPLICIT).into_iter().flatten().flat_map(|(_, methods)| methods.values()).collect();
    let Some(api) = resources.get_mut(IMPLICIT).and_then(Value::as_object_mut) else { return };
    if let Some(name) = combined(&all, "ServerlessRestApiCondition", added) {
        api.insert("Condition".to_owned(), name.into());
    }
    let strongest = |chosen: &dyn Fn(&Policies) -> Option<String>| {
        let given: Vec<String> = policies.iter().filter_map(chosen).collect();
        ["Retain", "Snapshot", "Delete"].into_iter().find(|policy| given.iter().any(|g| g == policy))
    };
    if let Some(policy) = strongest(&|policy| policy.0.clone()).filter(|policy| *policy != "Snapshot") {
        api.insert("DeletionPolicy".to_owned(), policy.into());
    }
    if let Some(policy) = strongest(&|policy| policy.1.clone()) {
        api.insert("UpdateReplacePolicy".to_owned(), policy.into());
    }
}

fn set_path_conditions(
    bodies: &mut IndexMap<String, Body>,
    conditions: &Conditions,
    added: &mut Map<String, Value>,
) -> Result<(), Problems> {
    for (id, body) in bodies.iter_mut().filter(|(_, body)| body.managed) {
        let mut editor = Editor::new(&body.doc)?;
        for path in editor.paths() {
            let methods = conditions.get(id).and_then(|paths| paths.get(&path));
            let all: BTreeSet<&Option<String>> = methods.into_iter().flat_map(BTreeMap::values).collect();
            let spelled = path.replace('/', "SLASH").replace('{', "OB").replace('}', "CB");
            if let Some(name) = combined(&all, &format!("{id}{spelled}PathCondition"), added) {
                let from_template = all.len() == 1;
                editor.make_conditional(&path, &Text { text: name, from_template });
            }
        }
        body.doc = editor.finish();
    }
    Ok(())
}

/// The name of a condition that holds where any of `all` does; none where something is unconditional.
pub(super) fn combined(
    all: &BTreeSet<&Option<String>>,
    name: &str,
    added: &mut Map<String, Value>,
) -> Option<String> {
    let names: Option<Vec<String>> = all.iter().map(|condition| (*condition).clone()).collect();
    let mut names = names.filter(|names| !names.is_empty())?;
    if names.len() == 1 {
        return names.pop();
    }
    // An Fn::Or takes ten conditions: more are chained through numbered ones.
    const TERMS_MAX: usize = 10;
    let mut number = (names.len() - 2) / (TERMS_MAX - 1);
    while names.len() > 1 {
        let title = if number > 0 { format!("{name}{number}") } else { name.to_owned() };
        number = number.saturating_sub(1);
        let rest = names.split_off(names.len().min(TERMS_MAX));
        let terms: Vec<Value> = names.iter().map(|name| json!({ "Condition": name })).collect();
        added.insert(title.clone(), json!({ "Fn::Or": terms }));
        names = rest;
        names.push(title);
    }
    Some(name.to_owned())
}
