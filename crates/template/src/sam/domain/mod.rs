//! `Domain` of APIs: the domain's name, what of it leads to the API, and its records in Route 53.

mod history;
mod http;
mod records;
mod rest;

use serde_json::{Map, Value};

use super::context::{Context, Source};
use super::error::Problems;
use super::value::truthy;

pub(super) use history::History;
pub(super) use http::expand as http;
pub(super) use records::Groups;
pub(super) use rest::expand as rest;

/// The paths of the domain that lead to the API, where not all do.
fn paths(id: &str, domain: &Map<String, Value>) -> Result<Option<Vec<String>>, Problems> {
    let items = match truthy(domain, "BasePath") {
        Some(Value::String(one)) => return Ok(Some(vec![one.clone()])),
        Some(Value::Array(items)) => items,
        _ => return Ok(None),
    };
    let texts = items.iter().enumerate().map(|(at, item)| {
        let refused =
            || Problems::resource(id, format_args!("Property 'Domain.BasePath[{at}]' should be a string."));
        item.as_str().map(str::to_owned).ok_or_else(refused)
    });
    texts.collect::<Result<Vec<_>, _>>().map(Some)
}

/// A resource without any of the API's attributes.
pub(super) fn plain(kind: &str, properties: Map<String, Value>) -> Value {
    let body = [("Type".to_owned(), kind.into()), ("Properties".to_owned(), Value::Object(properties))];
    Value::Object(Map::from_iter(body))
}

/// An id that is made of what the template has.
pub(super) fn checked(id: String) -> Result<String, Problems> {
    if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(id)
    } else {
        Err(Problems::resource(&id, "Logical ids must be alphanumeric."))
    }
}

/// What of `MutualTlsAuthentication` is handed on, or the names in it that are unknown.
fn mutual_tls(given: &Map<String, Value>) -> Result<Value, Vec<&String>> {
    const KNOWN: [&str; 2] = ["TruststoreUri", "TruststoreVersion"];
    let mut unknown: Vec<&String> = given.keys().filter(|name| !KNOWN.contains(&name.as_str())).collect();
    unknown.sort();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let kept = KNOWN.iter().filter_map(|name| Some(((*name).to_owned(), truthy(given, name)?.clone())));
    Ok(Value::Object(kept.collect()))
}

/// The domain of an API with the parameters filled in.
fn read(source: &Source<'_>, context: &Context) -> Result<Option<Map<String, Value>>, Problems> {
    let Some(given) = super::value::member(&source.properties, "Domain") else { return Ok(None) };
    match context.with_parameters(given) {
        Value::Object(domain) => Ok(Some(domain)),
        _ => Err(Problems::resource(source.id, "Property 'Domain' should be a map.")),
    }
}
