//! `AutoPublishAlias`: a version whose logical id follows the code, and an alias that points to it.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::sha1;
use super::value::{member, truthy};

/// The generated version and alias.
pub(super) struct Published {
    pub(super) version: (String, Value),
    pub(super) alias: (String, Value),
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
        None => fingerprint(&code, source, function),
    };
    let version_id = format!("{}Version{suffix}", source.id);
    let mut properties = Map::from_iter([("FunctionName".to_owned(), super::function::name_of(source.id))]);
    if let Some(description) = member(&source.properties, "VersionDescription") {
        properties.insert("Description".to_owned(), description.clone());
    }
    let mut version = source.part("AWS::Lambda::Version", properties);
    if let Some(body) = version.as_object_mut() {
        // A version outlives the next deployment: aliases and callers may still point to it.
        let policy = member(&source.properties, "VersionDeletionPolicy").cloned();
        body.entry("DeletionPolicy").or_insert_with(|| policy.unwrap_or_else(|| json!("Retain")));
    }
    let alias_id = format!("{}Alias{}", source.id, name.replace('-', "D").replace('_', "U"));
    let alias = Map::from_iter([
        ("Name".to_owned(), Value::from(name)),
        ("FunctionName".to_owned(), super::function::name_of(source.id)),
        ("FunctionVersion".to_owned(), json!({ "Fn::GetAtt": [version_id, "Version"] })),
    ]);
    Ok(Published {
        version: (version_id, version),
        alias: (alias_id, source.part("AWS::Lambda::Alias", alias)),
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

fn fingerprint(code: &Value, source: &Source<'_>, function: &Map<String, Value>) -> String {
    let mut data = code.as_object().cloned().unwrap_or_default();
    if source.properties.get("AutoPublishAliasAllProperties") == Some(&Value::Bool(true)) {
        data = function.clone();
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
    let mut text = String::new();
    write_sorted(&Value::Object(data), &mut text);
    sha1::hex(text.as_bytes()).chars().take(10).collect()
}

/// JSON without spaces, keys sorted, all but ASCII escaped.
fn write_sorted(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write_ascii(&Value::from(key.as_str()), out);
                out.push(':');
                write_sorted(map.get(key).unwrap_or(&Value::Null), out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write_sorted(item, out);
            }
            out.push(']');
        }
        leaf => write_ascii(leaf, out),
    }
}

fn write_ascii(leaf: &Value, out: &mut String) {
    let mut units = [0_u16; 2];
    for character in leaf.to_string().chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}
