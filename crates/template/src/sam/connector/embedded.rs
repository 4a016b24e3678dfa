//! Connectors that stand in their sources: each becomes a connector of its own.

use serde_json::{Map, Value, json};

use super::super::error::Problems;
use super::KIND;

/// Takes the connectors out of all resources, and puts them beside.
pub(in super::super) fn take_out(resources: &mut Map<String, Value>, problems: &mut Problems) {
    let mut made: Vec<(String, Value)> = Vec::new();
    for (id, body) in resources.iter() {
        let Some(given) = body.get("Connectors") else { continue };
        let Some(given) = given.as_object() else {
            let message = format_args!("Attribute '{id}.Connectors' should be a map.");
            problems.collect::<()>(Err(Problems::resource(id, message)));
            continue;
        };
        for (name, connector) in given {
            let whole = format!("{id}{name}");
            let Some(connector) = problems.collect(one(id, name, connector)) else { continue };
            if resources.contains_key(&whole) {
                problems.collect::<()>(Err(Problems::taken(id, &whole, KIND)));
                continue;
            }
            made.push((whole, connector));
        }
    }
    for body in resources.values_mut().filter_map(Value::as_object_mut) {
        body.shift_remove("Connectors");
    }
    resources.extend(made);
}

fn one(source: &str, name: &str, connector: &Value) -> Result<Value, Problems> {
    let Some(connector) = connector.as_object() else {
        let whole = format!("{source}{name}");
        return Err(Problems::resource(&whole, format_args!("{source}.{whole} should be a map.")));
    };
    let mut connector = connector.clone();
    connector.insert("Type".to_owned(), KIND.into());
    let is_map = |value: Option<&Value>, path: &str, what: &str| match value {
        Some(Value::Object(map)) => Ok(map.clone()),
        _ => Err(Problems::resource(source, format_args!("{what} '{path}' should be a map."))),
    };
    let path = format!("Connectors.{name}.Properties");
    let mut properties = is_map(connector.get("Properties"), &path, "Attribute")?;
    let mut origin = Map::from_iter([("Id".to_owned(), json!(source))]);
    if let Some(more) = properties.shift_remove("SourceReference") {
        let more = is_map(Some(&more), &format!("{path}.SourceReference"), "Property")?;
        if more.contains_key("Id") {
            return Err(Problems::resource(name, "'Id' shouldn't be defined in 'SourceReference'."));
        }
        origin.extend(more);
    }
    properties.insert("Source".to_owned(), Value::Object(origin));
    connector.insert("Properties".to_owned(), Value::Object(properties));
    Ok(Value::Object(connector))
}
