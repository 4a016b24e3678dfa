//! HTTP APIs before their expansion: the implicit one that events share, and the bodies that the transform writes itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::error::Problems;
use super::super::event::is_http;
use super::super::implicit::{Route, combined, route, tag};
use super::super::value::{reference, truthy};
use super::super::{function, state_machine};
use super::body::{ANY, Body, is_valid, skeleton};
use super::{DEFAULT, IMPLICIT, KIND};

/// For each API, path and method the condition of the function behind it.
type Conditions = BTreeMap<String, BTreeMap<String, BTreeMap<String, Option<String>>>>;

/// What events say of the APIs that they belong to.
#[derive(Default)]
struct Found {
    conditions: Conditions,
    policies: Vec<(Option<String>, Option<String>)>,
}

/// Adds the implicit API where events need it, and gives the ids of the APIs whose bodies the transform writes.
pub(in super::super) fn prepare(root: &mut Map<String, Value>) -> Result<BTreeSet<String>, Problems> {
    let globals = root.get("Globals").cloned().unwrap_or_default();
    let Some(resources) = root.get_mut("Resources").and_then(Value::as_object_mut) else {
        return Ok(BTreeSet::new());
    };
    let mut managed = start(resources);
    let existing = resources.get(IMPLICIT).cloned();
    let existed_managed = managed.contains(IMPLICIT);
    let implicit = json!({ "Type": KIND, "Properties": { "DefinitionBody": skeleton() } });
    resources.insert(IMPLICIT.to_owned(), implicit);
    managed.insert(IMPLICIT.to_owned());
    let mut found = Found::default();
    let mut problems = Problems::default();
    let ids: Vec<String> = resources.keys().cloned().collect();
    for id in ids {
        let kind = resources.get(&id).and_then(|resource| resource.get("Type"));
        if kind.is_some_and(|kind| kind == function::KIND || kind == state_machine::KIND) {
            let result = events(&id, resources, &managed, &globals, &mut found);
            problems.collect(result);
        }
    }
    problems.into_result()?;
    let mut added = Map::new();
    attributes(resources, &found, &mut added);
    for id in &managed {
        let Some(doc) = document(resources, id) else { continue };
        let mut body = Body::new(doc)?;
        for path in body.paths() {
            let methods = found.conditions.get(id).and_then(|paths| paths.get(&path));
            let all: BTreeSet<&Option<String>> = methods.into_iter().flat_map(BTreeMap::values).collect();
            let spelled = path.replace('/', "SLASH").replace('{', "OB").replace('}', "CB");
            if let Some(name) = combined(&all, &format!("{id}{spelled}PathCondition"), &mut added) {
                body.make_conditional(&path, &name);
            }
        }
    }
    let used = document(resources, IMPLICIT)
        .and_then(|doc| doc.get("paths")?.as_object())
        .is_some_and(|paths| !paths.is_empty());
    if !used {
        resources.shift_remove(IMPLICIT);
        managed.remove(IMPLICIT);
        if let Some(existing) = existing {
            resources.insert(IMPLICIT.to_owned(), existing);
            if existed_managed {
                managed.insert(IMPLICIT.to_owned());
            }
        }
    }
    if !added.is_empty() {
        let section = root.entry("Conditions").or_insert_with(|| json!({}));
        section.as_object_mut().into_iter().for_each(|section| section.extend(added.clone()));
    }
    Ok(managed)
}

fn document<'a>(resources: &'a mut Map<String, Value>, id: &str) -> Option<&'a mut Value> {
    resources.get_mut(id)?.get_mut("Properties")?.get_mut("DefinitionBody")
}

/// Gives every API without a definition an empty body.
fn start(resources: &mut Map<String, Value>) -> BTreeSet<String> {
    let mut managed = BTreeSet::new();
    for (id, resource) in resources.iter_mut() {
        let Some(resource) = resource.as_object_mut() else { continue };
        if resource.get("Type").is_none_or(|kind| kind != KIND) {
            continue;
        }
        let properties = resource.entry("Properties").or_insert_with(|| json!({}));
        if properties.is_null() {
            *properties = json!({});
        }
        let Some(properties) = properties.as_object_mut() else { continue };
        let defined =
            ["DefinitionBody", "DefinitionUri"].iter().any(|name| truthy(properties, name).is_some());
        if !defined {
            properties.insert("DefinitionBody".to_owned(), skeleton());
            managed.insert(id.clone());
        }
    }
    managed
}

fn events(
    id: &str,
    resources: &mut Map<String, Value>,
    managed: &BTreeSet<String>,
    globals: &Value,
    found: &mut Found,
) -> Result<(), Problems> {
    let Some(resource) = resources.get(id).and_then(Value::as_object).cloned() else { return Ok(()) };
    let attribute = |name: &str| resource.get(name).and_then(Value::as_str).map(str::to_owned);
    let condition = attribute("Condition");
    let policies = (attribute("DeletionPolicy"), attribute("UpdateReplacePolicy"));
    let properties = resource.get("Properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let Some(mut events) = properties.get("Events").and_then(Value::as_object).cloned() else {
        return Ok(());
    };
    for (event_id, event) in events.iter_mut().filter(|(_, event)| is_http(event)) {
        let refuse = |message: String| Err(Problems::event(id, event_id, message));
        let Some(event) = event.as_object_mut() else { continue };
        let given = event.entry("Properties").or_insert_with(|| json!({}));
        let Some(given) = given.as_object_mut() else {
            return refuse("Properties should be a map.".to_owned());
        };
        if !given.contains_key("ApiId") {
            tag(IMPLICIT, resources, &resource, globals);
            given.insert("ApiId".to_owned(), reference(IMPLICIT));
        }
        if truthy(given, "Path").is_none() && truthy(given, "Method").is_none() {
            given.insert("Path".to_owned(), json!(DEFAULT));
            given.insert("Method".to_owned(), json!(ANY));
        }
        let Route { api, path, method } = match route(given, "ApiId") {
            Ok(route) => route,
            Err(message) => return refuse(message),
        };
        let methods = found.conditions.entry(api.clone()).or_default().entry(path.clone()).or_default();
        methods.insert(method.clone(), condition.clone());
        if api == IMPLICIT {
            found.policies.push(policies.clone());
        }
        if !resources.contains_key(&api) {
            return refuse(format!(
                "ApiId must be a valid reference to an '{KIND}' resource in same template."
            ));
        }
        if managed.contains(&api)
            && let Some(doc) = document(resources, &api).filter(|doc| is_valid(doc))
        {
            Body::new(doc)?.add_path(&path, &method)?;
        }
        if let Some(settings) = given.get("RouteSettings") {
            if !settings.is_object() && condition.is_none() {
                return refuse("Property 'RouteSettings' should be a map.".to_owned());
            }
            let route = if method == ANY { path } else { format!("{} {path}", method.to_uppercase()) };
            set_route(resources, &api, route, settings, condition.as_deref())?;
        }
    }
    let stored = resources.get_mut(id).and_then(|resource| resource.get_mut("Properties"));
    if let Some(stored) = stored.and_then(Value::as_object_mut) {
        stored.insert("Events".to_owned(), Value::Object(events));
    }
    Ok(())
}

fn set_route(
    resources: &mut Map<String, Value>,
    api: &str,
    route: String,
    settings: &Value,
    condition: Option<&str>,
) -> Result<(), Problems> {
    let properties = resources.get_mut(api).and_then(|api| api.get_mut("Properties"));
    let Some(properties) = properties.and_then(Value::as_object_mut) else { return Ok(()) };
    let all = properties.entry("RouteSettings").or_insert_with(|| json!({}));
    let Some(all) = all.as_object_mut() else {
        return Err(Problems::resource(api, "Property 'RouteSettings' should be a map."));
    };
    let entry = all.entry(route).or_insert_with(|| json!({}));
    if let Some(entry) = entry.as_object_mut() {
        match condition {
            None => entry.extend(settings.as_object().cloned().unwrap_or_default()),
            Some(condition) => {
                let branches = json!([condition, settings, reference("AWS::NoValue")]);
                entry.insert("Fn::If".to_owned(), branches);
            }
        }
    }
    Ok(())
}

/// The implicit API lives under the conditions, and with the policies, of the functions behind it.
fn attributes(resources: &mut Map<String, Value>, found: &Found, added: &mut Map<String, Value>) {
    let Some(api) = resources.get_mut(IMPLICIT).and_then(Value::as_object_mut) else { return };
    let paths = found.conditions.get(IMPLICIT);
    let all: BTreeSet<&Option<String>> =
        paths.into_iter().flatten().flat_map(|(_, methods)| methods.values()).collect();
    if let Some(name) = combined(&all, "ServerlessHttpApiCondition", added) {
        api.insert("Condition".to_owned(), name.into());
    }
    let given = |name: &str, known: &[&'static str], chosen: &dyn Fn(usize) -> Option<String>| {
        let all: Vec<String> = (0..found.policies.len()).filter_map(chosen).collect();
        let strongest = known.iter().find(|policy| all.iter().any(|given| given == *policy))?;
        Some((name.to_owned(), json!(strongest)))
    };
    let deletion = |at: usize| found.policies.get(at).and_then(|policies| policies.0.clone());
    let replacement = |at: usize| found.policies.get(at).and_then(|policies| policies.1.clone());
    api.extend(given("DeletionPolicy", &["Retain", "Delete"], &deletion));
    api.extend(given("UpdateReplacePolicy", &["Retain", "Snapshot", "Delete"], &replacement));
}
