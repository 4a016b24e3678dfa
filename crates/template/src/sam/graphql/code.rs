//! What a GraphQL API runs: functions, and the resolvers that call them one after the other.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::super::error::Problems;
use super::super::value::{attribute, truthy};
use super::sources::Names;
use super::{Api, Part, entries, take};

/// The code of a resolver that has none: it hands on what its last function gave.
const PIPELINE: &str = "
export function request(ctx) {
    return {};
}

export function response(ctx) {
    return ctx.prev.result;
}
";

/// Functions, resolvers, and the data source without data where a function asked for it.
pub(super) fn expand(api: &Api<'_>, names: &mut Names) -> Result<Vec<Part>, Problems> {
    let mut ids = HashMap::new();
    let mut parts = Vec::new();
    for (name, given) in entries(&api.properties, "Functions") {
        if let Some(id) = truthy(given, "Id") {
            if given.len() != 1 {
                let message = "'Id' cannot be defined with other properties in Function.";
                return Err(Problems::resource(name, message));
            }
            ids.insert(name.as_str(), id.clone());
            continue;
        }
        let id = api.part_id(name)?;
        ids.insert(name.as_str(), attribute(&id, "FunctionId"));
        parts.push((id, api.part("FunctionConfiguration", function(api, name, given, names)?)));
    }
    for (kind, resolvers) in entries(&api.properties, "Resolvers") {
        for (name, given) in resolvers.iter().filter_map(|(name, given)| Some((name, given.as_object()?))) {
            let id = api.part_id(&format!("{kind}{name}"))?;
            let mut properties = resolver(name, given, &ids)?;
            properties.insert("ApiId".to_owned(), api.id.clone());
            properties.insert("TypeName".to_owned(), kind.as_str().into());
            let mut part = api.part("Resolver", properties);
            if let Some(part) = part.as_object_mut() {
                part.insert("DependsOn".to_owned(), json!([api.schema_id()]));
            }
            parts.push((id, part));
        }
    }
    parts.extend(names.none(api));
    Ok(parts)
}

fn function(
    api: &Api<'_>,
    name: &str,
    given: &Map<String, Value>,
    names: &mut Names,
) -> Result<Map<String, Value>, Problems> {
    let mut function = Map::new();
    both(name, given)?;
    match (truthy(given, "InlineCode"), truthy(given, "CodeUri")) {
        (Some(code), _) => function.insert("Code".to_owned(), code.clone()),
        (None, Some(uri)) => function.insert("CodeS3Location".to_owned(), uri.clone()),
        (None, None) => {
            return Err(Problems::resource(name, "One of 'InlineCode' or 'CodeUri' must be set."));
        }
    };
    function.insert("ApiId".to_owned(), api.id.clone());
    function.insert("Name".to_owned(), truthy(given, "Name").cloned().unwrap_or_else(|| name.into()));
    function.insert("DataSourceName".to_owned(), names.of(api, name, given)?);
    function.insert("Runtime".to_owned(), runtime(name, given)?);
    let same = [("MaxBatchSize", "MaxBatchSize"), ("Description", "Description"), ("Sync", "SyncConfig")];
    take(given, &same, &mut function);
    Ok(function)
}

fn resolver(
    name: &str,
    given: &Map<String, Value>,
    ids: &HashMap<&str, Value>,
) -> Result<Map<String, Value>, Problems> {
    let mut resolver = Map::new();
    both(name, given)?;
    take(given, &[("InlineCode", "Code"), ("CodeUri", "CodeS3Location")], &mut resolver);
    let coded = ["Code", "CodeS3Location"].iter().any(|name| truthy(&resolver, name).is_some());
    let runtime = if coded {
        runtime(name, given)?
    } else {
        resolver.insert("Code".to_owned(), PIPELINE.into());
        json!({ "Name": "APPSYNC_JS", "RuntimeVersion": "1.0.0" })
    };
    resolver.insert("Runtime".to_owned(), runtime);
    let field = truthy(given, "FieldName").cloned().unwrap_or_else(|| name.into());
    resolver.insert("FieldName".to_owned(), field);
    let Some(Value::Array(pipeline)) = truthy(given, "Pipeline") else {
        return Err(Problems::resource(
            name,
            format_args!(
                "Resolver '{name}' must have Pipeline defined. Unit resolvers are not supported. If you need a Unit resolver you \
                 can use AppSync resource."
            ),
        ));
    };
    let functions = pipeline.iter().filter_map(Value::as_str).map(|function| {
        let missing = || Problems::resource(name, format_args!("Function '{function}' does not exist."));
        ids.get(function).ok_or_else(missing)
    });
    let functions: Vec<&Value> = functions.collect::<Result<_, _>>()?;
    resolver.insert("Kind".to_owned(), "PIPELINE".into());
    resolver.insert("PipelineConfig".to_owned(), json!({ "Functions": functions }));
    take(given, &[("Caching", "CachingConfig")], &mut resolver);
    if let Some(size) = truthy(given, "MaxBatchSize") {
        resolver.insert("MaxBatchSize".to_owned(), size.clone());
    }
    Ok(resolver)
}

fn both(name: &str, given: &Map<String, Value>) -> Result<(), Problems> {
    if truthy(given, "InlineCode").is_some() && truthy(given, "CodeUri").is_some() {
        let message = "Both 'InlineCode' and 'CodeUri' cannot be defined at the same time.";
        return Err(Problems::resource(name, message));
    }
    Ok(())
}

fn runtime(name: &str, given: &Map<String, Value>) -> Result<Value, Problems> {
    let Some(runtime) = given.get("Runtime") else {
        let message = format!("'Runtime' must be defined as a property in {name}.");
        return Err(Problems::resource(name, message));
    };
    Ok(json!({ "Name": runtime.get("Name"), "RuntimeVersion": runtime.get("Version") }))
}
