//! `AutoPublishAlias`: a version whose logical id follows the code, and an alias that points to it.

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::sha1;
use super::value::{is_truthy, member, referred, truthy};

/// The generated version and alias.
pub(super) struct Published {
    pub(super) version: (String, Value),
    pub(super) alias: (String, Value),
    /// The alias's own name.
    pub(super) name: String,
}

/// Publishes the function. Parameters in its code location are filled in, as the published transform does.
pub(super) fn expand(
    source: &Source<'_>,
    context: &Context,
    function: &mut Map<String, Value>,
) -> Result<Published, Problems> {
    let name = alias_name(source, context)?;
    let fixed = fixed_hash(source, context, function)?;
    let code = context.with_parameters(function.get("Code").unwrap_or(&Value::Null));
    function.insert("Code".to_owned(), code.clone());
    let suffix = match fixed {
        Some(hash) => hash.chars().take(10).collect(),
        None => fingerprint(&code, source, function, context),
    };
    let version_id = format!("{}Version{suffix}", source.id);
    let mut properties = Map::from_iter([("FunctionName".to_owned(), super::function::name_of(source.id))]);
    if let Some(description) = member(&source.properties, "VersionDescription") {
        properties.insert("Description".to_owned(), description.clone());
    }
    let scaling = member(&source.properties, "FunctionScalingConfig");
    if let (Some(scaling), Some(_)) = (scaling, member(&source.properties, "CapacityProviderConfig")) {
        properties.insert("FunctionScalingConfig".to_owned(), scaling.clone());
    }
    let mut version = source.part("AWS::Lambda::Version", properties);
    if let Some(body) = version.as_object_mut() {
        // A version outlives the next deployment: aliases and callers may still point to it.
        let policy = member(&source.properties, "VersionDeletionPolicy").cloned();
        let managed = member(&source.properties, "CapacityProviderConfig").is_some();
        let usual = if managed { "Delete" } else { "Retain" };
        body.entry("DeletionPolicy").or_insert_with(|| policy.unwrap_or_else(|| json!(usual)));
    }
    let alias_id = format!("{}Alias{}", source.id, name.replace('-', "D").replace('_', "U"));
    let mut alias = Map::from_iter([
        ("Name".to_owned(), Value::from(name.as_str())),
        ("FunctionName".to_owned(), super::function::name_of(source.id)),
        ("FunctionVersion".to_owned(), json!({ "Fn::GetAtt": [version_id, "Version"] })),
    ]);
    if let Some(config) = truthy(&source.properties, "ProvisionedConcurrencyConfig") {
        alias.insert("ProvisionedConcurrencyConfig".to_owned(), config.clone());
    }
    Ok(Published {
        version: (version_id, version),
        alias: (alias_id, source.part("AWS::Lambda::Alias", alias)),
        name,
    })
}

fn alias_name(source: &Source<'_>, context: &Context) -> Result<String, Problems> {
    let name = source.properties.get("AutoPublishAlias").unwrap_or(&Value::Null);
    let resolved = context.with_parameters(name);
    let Some(name) = resolved.as_str() else {
        return Err(Problems::resource(
            source.id,
            "'AutoPublishAlias' must be a string or a Ref to a template parameter",
        ));
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.bytes().all(allowed) && !name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(name.to_owned());
    }
    Err(Problems::resource(
        source.id,
        format_args!(
            "AutoPublishAlias name ('{name}') must contain only alphanumeric characters, hyphens, or underscores \
             matching (?!^[0-9]+$)([a-zA-Z0-9-_]+) pattern."
        ),
    ))
}

/// `AutoPublishCodeSha256`, which also goes into the description so that the function itself changes.
fn fixed_hash(
    source: &Source<'_>,
    context: &Context,
    function: &mut Map<String, Value>,
) -> Result<Option<String>, Problems> {
    let Some(hash) = truthy(&source.properties, "AutoPublishCodeSha256") else { return Ok(None) };
    let Value::String(hash) = context.with_parameters(hash) else {
        return Err(Problems::resource(source.id, "AutoPublishCodeSha256 must be a string"));
    };
    let description = truthy(&source.properties, "Description").map(|text| context.with_parameters(text));
    let description = match description {
        None => json!(hash),
        Some(Value::String(text)) => json!(format!("{text} {hash}")),
        Some(function) => json!({ "Fn::Join": [" ", [function, hash]] }),
    };
    function.insert("Description".to_owned(), description);
    Ok(Some(hash))
}

fn fingerprint(
    code: &Value,
    source: &Source<'_>,
    function: &Map<String, Value>,
    context: &Context,
) -> String {
    let mut data = code.as_object().cloned().unwrap_or_default();
    if source.properties.get("AutoPublishAliasAllProperties") == Some(&Value::Bool(true)) {
        data = function.clone();
        for layer in truthy(function, "Layers").and_then(Value::as_array).into_iter().flatten() {
            let Some(id) = referred(layer) else { continue };
            let properties = context.resources.get(id).and_then(|layer| layer.get("Properties"));
            let publishes = properties.and_then(|properties| properties.get("PublishLambdaVersion"));
            if let (Some(properties), Some(true)) = (properties, publishes.map(is_truthy)) {
                data.insert(id.to_owned(), properties.clone());
            }
        }
    } else {
        if let Some(Value::Object(environment)) = truthy(function, "Environment") {
            data.extend(environment.clone());
        }
        if let Some(size) = truthy(function, "MemorySize") {
            data.insert("MemorySize".to_owned(), size.clone());
        }
        let snapshot = truthy(function, "SnapStart");
        if let Some(snapshot) = snapshot.filter(|s| s.get("ApplyOn").is_some_and(|on| on != "None")) {
            data.insert("SnapStart".to_owned(), snapshot.clone());
        }
    }
    data_hash(&Value::Object(data))
}

/// What ends a logical id that follows some text.
pub(super) fn short_hash(text: &str) -> String {
    sha1::hex(text.as_bytes()).chars().take(10).collect()
}

/// What ends a logical id that follows a value: nothing follows what is empty.
pub(super) fn value_hash(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => String::new(),
        Value::String(text) => short_hash(text),
        value if is_truthy(value) => data_hash(value),
        _ => String::new(),
    }
}

/// What ends a logical id that follows some data.
pub(super) fn data_hash(data: &Value) -> String {
    short_hash(&super::python_json::compact(data))
}
