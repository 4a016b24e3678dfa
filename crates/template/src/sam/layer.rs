//! `AWS::Serverless::LayerVersion`: a layer whose logical id follows its properties, so that a change is a new version.

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::location::s3_location;
use super::value::{Kind, check, is_intrinsic, is_truthy, member, truthy};
use super::version::data_hash;

pub(super) const KIND: &str = "AWS::Serverless::LayerVersion";

const PROPERTIES: [(&str, Kind); 8] = [
    ("LayerName", Kind::TextOrMap),
    ("Description", Kind::Text),
    ("PublishLambdaVersion", Kind::Flag),
    ("ContentUri", Kind::TextOrMap),
    ("CompatibleArchitectures", Kind::TextOrMapList),
    ("CompatibleRuntimes", Kind::TextOrMapList),
    ("LicenseInfo", Kind::Text),
    ("RetentionPolicy", Kind::Text),
];

const RETENTION: &str = "['Retain', 'Delete']";

/// The layer under its new logical id.
pub(super) fn expand(source: &Source<'_>, context: &Context) -> Result<Vec<(String, Value)>, Problems> {
    check(source.id, KIND, &source.properties, &PROPERTIES, &["ContentUri"])?;
    let mut properties = source.properties.clone();
    properties.retain(|_, value| !value.is_null());
    for name in ["LayerName", "LicenseInfo", "Description", "RetentionPolicy"] {
        let Some(value) = truthy(&properties, name).map(|value| context.with_parameters(value)) else {
            continue;
        };
        if !value.is_string() && !value.is_object() {
            return Err(Problems::resource(
                source.id,
                format_args!("Could not resolve parameter for '{name}' or parameter is not a String."),
            ));
        }
        properties.insert(name.to_owned(), value);
    }
    let retention = retention(source, &properties)?;
    let id = format!("{}{}", source.id, fingerprint(source, &properties));
    let mut layer = Map::new();
    let name = truthy(&properties, "LayerName").cloned().unwrap_or_else(|| source.id.into());
    layer.insert("LayerName".to_owned(), name);
    let content = properties.get("ContentUri").unwrap_or(&Value::Null);
    layer.insert("Content".to_owned(), Value::Object(s3_location(&id, "ContentUri", content)?));
    for name in ["Description", "CompatibleArchitectures", "CompatibleRuntimes", "LicenseInfo"] {
        if let Some(value) = member(&properties, name) {
            layer.insert(name.to_owned(), value.clone());
        }
    }
    check_architectures(&id, &layer)?;
    let mut body = source.part("AWS::Lambda::LayerVersion", layer);
    if let Some(body) = body.as_object_mut() {
        if let Some(depends_on) = source.body.get("DependsOn").filter(|value| is_truthy(value)) {
            body.insert("DependsOn".to_owned(), depends_on.clone());
        }
        match retention {
            Some(policy) => drop(body.insert("DeletionPolicy".to_owned(), json!(policy))),
            None => drop(body.entry("DeletionPolicy").or_insert_with(|| json!("Retain"))),
        }
    }
    Ok(vec![(id, body)])
}

fn retention(source: &Source<'_>, properties: &Map<String, Value>) -> Result<Option<&'static str>, Problems> {
    let refuse = |message: String| Err(Problems::resource(source.id, message));
    let Some(policy) = member(properties, "RetentionPolicy") else { return Ok(None) };
    if is_intrinsic(policy) {
        return refuse(format!(
            "'RetentionPolicy' does not accept intrinsic functions, please use one of the following options: {RETENTION}"
        ));
    }
    let Some(text) = policy.as_str() else {
        return refuse(format!(
            "Invalid 'RetentionPolicy' type, please use one of the following options: {RETENTION}"
        ));
    };
    match ["Retain", "Delete"].into_iter().find(|known| known.eq_ignore_ascii_case(text)) {
        Some(policy) => Ok(Some(policy)),
        None => refuse(format!("'RetentionPolicy' must be one of the following options: {RETENTION}.")),
    }
}

/// Follows everything but the policies that say what becomes of old versions.
fn fingerprint(source: &Source<'_>, properties: &Map<String, Value>) -> String {
    let mut body = Map::from_iter([("Type".to_owned(), json!(KIND))]);
    for name in ["DependsOn", "UpdatePolicy", "Condition"] {
        if let Some(value) = source.body.get(name).filter(|value| name != "DependsOn" || is_truthy(value)) {
            body.insert(name.to_owned(), value.clone());
        }
    }
    body.insert("Properties".to_owned(), Value::Object(properties.clone()));
    data_hash(&json!({ source.id: body }))
}

fn check_architectures(id: &str, layer: &Map<String, Value>) -> Result<(), Problems> {
    let listed = truthy(layer, "CompatibleArchitectures").and_then(Value::as_array);
    let fits = |value: &Value| is_intrinsic(value) || matches!(value.as_str(), Some("x86_64" | "arm64"));
    if listed.into_iter().flatten().all(fits) {
        return Ok(());
    }
    Err(Problems::resource(id, "CompatibleArchitectures needs to be a list of 'x86_64' or 'arm64'"))
}
