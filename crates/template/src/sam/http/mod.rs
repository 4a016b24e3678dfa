//! `AWS::Serverless::HttpApi`: an HTTP API with its OpenAPI body, its stage, and the permissions of its authorizers.

mod auth;
mod body;
mod prepare;

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::domain;
use super::error::Problems;
use super::location;
use super::python::sorted;
use super::references::Generated;
use super::value::{Kind, check, is_intrinsic, is_truthy, member, reference, truthy};
use super::version::short_hash;

pub(super) use auth::arn as authorizers_arn;
pub(super) use body::{ANY, Body};
pub(super) use prepare::prepare;

pub(super) const KIND: &str = "AWS::Serverless::HttpApi";

const PROPERTIES: [(&str, Kind); 16] = [
    ("Name", Kind::Any),
    ("StageName", Kind::TextOrMap),
    ("Tags", Kind::Map),
    ("PropagateTags", Kind::Flag),
    ("DefinitionBody", Kind::Map),
    ("DefinitionUri", Kind::TextOrMap),
    ("StageVariables", Kind::Map),
    ("CorsConfiguration", Kind::FlagOrMap),
    ("AccessLogSettings", Kind::Map),
    ("DefaultRouteSettings", Kind::Map),
    ("Auth", Kind::Map),
    ("RouteSettings", Kind::Map),
    ("Domain", Kind::Map),
    ("FailOnWarnings", Kind::Flag),
    ("Description", Kind::Text),
    ("DisableExecuteApiEndpoint", Kind::Flag),
];

/// The route that takes what no other does, and the stage that needs no name.
pub(super) const DEFAULT: &str = "$default";

/// The logical id of the API of all events that name none.
pub(super) const IMPLICIT: &str = "ServerlessHttpApi";

const CREATED_BY: &str = "httpapi:createdBy";

const CORS: [(&str, &str); 6] = [
    ("AllowOrigins", "allowOrigins"),
    ("AllowHeaders", "allowHeaders"),
    ("AllowMethods", "allowMethods"),
    ("ExposeHeaders", "exposeHeaders"),
    ("MaxAge", "maxAge"),
    ("AllowCredentials", "allowCredentials"),
];

/// True where all HTTP APIs of a template have tags in common.
pub(super) fn has_global_tags(root: &Map<String, Value>) -> bool {
    let tags = root.get("Globals").and_then(|globals| globals.get("HttpApi")?.get("Tags"));
    tags.is_some_and(is_truthy)
}

/// All that an HTTP API becomes.
pub(super) fn expand(
    source: &Source<'_>,
    context: &mut Context,
    generated: &mut Generated,
) -> Result<Vec<(String, Value)>, Problems> {
    check(source.id, KIND, &source.properties, &PROPERTIES, &[])?;
    let mut tags = truthy(&source.properties, "Tags").and_then(Value::as_object).cloned();
    let api = api(source, context, &mut tags)?;
    let mut resources = vec![(source.id.to_owned(), source.whole("AWS::ApiGatewayV2::Api", api))];
    let domain_tags = tags.clone().map_or_else(|| json!({ CREATED_BY: "SAM" }), Value::Object);
    let mut groups = std::mem::take(&mut context.record_groups);
    let domain = domain::http(source, context, domain_tags, (true, &mut groups), generated);
    context.record_groups = groups;
    let domain = domain?;
    resources.extend(auth::permissions(source)?);
    resources.extend(domain);
    let (stage_id, stage) = stage(source, tags);
    generated.add(source.id, "Stage", &stage_id);
    resources.push((stage_id, source.part("AWS::ApiGatewayV2::Stage", stage)));
    Ok(resources)
}

fn api(
    source: &Source<'_>,
    context: &Context,
    tags: &mut Option<Map<String, Value>>,
) -> Result<Map<String, Value>, Problems> {
    let properties = &source.properties;
    let refuse = |message: &str| Err(Problems::resource(source.id, message));
    let written = truthy(properties, "DefinitionBody");
    let located = truthy(properties, "DefinitionUri");
    let mut api = Map::new();
    if let Some(flag) = truthy(properties, "FailOnWarnings") {
        api.insert("FailOnWarnings".to_owned(), flag.clone());
    }
    match (written, located) {
        (Some(_), Some(_)) => {
            return refuse("Specify either 'DefinitionUri' or 'DefinitionBody' property and not both.");
        }
        (Some(written), None) => {
            let body = complete(source, context, written, tags)?;
            api.insert("Body".to_owned(), body);
        }
        (None, located) => {
            let cors = truthy(properties, "CorsConfiguration").map(|cors| context.with_parameters(cors));
            if cors.is_some_and(|cors| is_truthy(&cors)) {
                return refuse("Cors works only with inline OpenApi specified in 'DefinitionBody' property.");
            }
            let inline = [("Auth", "the 'DefinitionBody'"), ("Tags", "the 'DefinitionBody'")];
            for (name, place) in inline {
                if truthy(properties, name).is_some() {
                    return refuse(&format!(
                        "{name} works only with inline OpenApi specified in {place} property."
                    ));
                }
            }
            if member(properties, "DisableExecuteApiEndpoint").is_some() {
                return refuse("DisableExecuteApiEndpoint works only within 'DefinitionBody' property.");
            }
            for name in ["Name", "Description"] {
                if truthy(properties, name).is_some() {
                    return refuse(&format!(
                        "{name} works only with inline OpenApi specified in the 'DefinitionBody' property."
                    ));
                }
            }
            let Some(located) = located else {
                return refuse(
                    "'DefinitionUri' or 'DefinitionBody' are required properties of an 'AWS::Serverless::HttpApi'. Add a value \
                     for one of these properties or add a 'HttpApi' event to an 'AWS::Serverless::Function'.",
                );
            };
            let location = location::read(source.id, "DefinitionUri", located)?;
            let location = location.named("Bucket", "Key", "Version");
            api.insert("BodyS3Location".to_owned(), Value::Object(location));
        }
    }
    Ok(api)
}

/// The body with everything that the API's own properties add to it.
fn complete(
    source: &Source<'_>,
    context: &Context,
    written: &Value,
    tags: &mut Option<Map<String, Value>>,
) -> Result<Value, Problems> {
    let properties = &source.properties;
    let refuse = |message: String| Err(Problems::resource(source.id, message));
    let invalid = |what: &str| {
        refuse(format!(
            "Unable to add {what} because 'DefinitionBody' does not contain a valid OpenApi definition."
        ))
    };
    let mut doc = written.clone();
    let valid = body::is_valid(&doc);
    let cors = truthy(properties, "CorsConfiguration").map(|cors| context.with_parameters(cors));
    if let Some(cors) = cors.filter(is_truthy) {
        add_cors(source.id, &mut doc, &cors, valid)?;
    }
    if let Some(auth) = truthy(properties, "Auth").and_then(Value::as_object) {
        if auth.keys().any(|key| !auth::KNOWN.contains(&key.as_str())) {
            return refuse("Invalid value for 'Auth' property".to_owned());
        }
        if !valid {
            return invalid("Auth configuration");
        }
        auth::write(source.id, auth, &mut doc)?;
    }
    if !valid && tags.is_some() {
        return invalid("`Tags`");
    }
    if valid {
        let tags = tags.get_or_insert_default();
        tags.insert(CREATED_BY.to_owned(), json!("SAM"));
        if let Value::Object(sorted) = sorted(&Value::Object(tags.clone()))
            && context.hashed_tags
            && source.id != IMPLICIT
        {
            *tags = sorted;
        }
        Body::new(&mut doc)?.add_tags(tags)?;
    }
    if let Some(disabled) = member(properties, "DisableExecuteApiEndpoint") {
        Body::new(&mut doc)?.set_endpoint_disabled(disabled)?;
    }
    name(source, &mut doc)?;
    let fails = truthy(properties, "FailOnWarnings").is_some();
    if let (true, Some(paths)) = (fails, doc.get_mut("paths").and_then(Value::as_object_mut))
        && let Some(default) = paths.shift_remove(DEFAULT)
    {
        paths.insert(format!("/{DEFAULT}"), default);
    }
    Ok(doc)
}

/// Title and description, where the body has none of its own.
fn name(source: &Source<'_>, doc: &mut Value) -> Result<(), Problems> {
    let refuse = |what: &str| {
        Err(Problems::resource(
            source.id,
            format_args!(
                "Unable to set {what} because it is already defined within inline OpenAPI specified in the 'DefinitionBody' \
                 property."
            ),
        ))
    };
    let info = |doc: &Value, member: &str| doc.get("info").and_then(|info| info.get(member)).cloned();
    if let Some(name) = truthy(&source.properties, "Name") {
        if info(doc, "title") != Some(reference("AWS::StackName")) {
            return refuse("Name");
        }
        if let Some(info) = doc.get_mut("info").and_then(Value::as_object_mut) {
            info.insert("title".to_owned(), name.clone());
        }
    }
    if let Some(description) = truthy(&source.properties, "Description") {
        if info(doc, "description").is_some_and(|description| is_truthy(&description)) {
            return refuse("Description");
        }
        if let Some(doc) = doc.as_object_mut() {
            let info = doc.entry("info").or_insert_with(|| json!({}));
            if let Some(info) = info.as_object_mut() {
                info.insert("description".to_owned(), description.clone());
            }
        }
    }
    Ok(())
}

fn add_cors(id: &str, doc: &mut Value, cors: &Value, valid: bool) -> Result<(), Problems> {
    const NAME: &str = "x-amazon-apigateway-cors";
    let refuse = |message: String| Err(Problems::resource(id, message));
    let settings = match cors {
        Value::Bool(_) => json!({ "AllowOrigins": ["*"] }),
        cors if is_intrinsic(cors) => cors.clone(),
        cors => cors.clone(),
    };
    let Some(settings) = settings.as_object().cloned() else {
        return refuse("Invalid value for 'Cors' property.".to_owned());
    };
    let function = is_intrinsic(cors);
    let unknown = settings.keys().find(|key| !CORS.iter().any(|(name, _)| name == key));
    if let (false, Some(key)) = (function, unknown) {
        return refuse(format!("Invalid key '{key}' for 'Cors' property."));
    }
    if !valid {
        return refuse(
            "Unable to add Cors configuration because 'DefinitionBody' does not contain a valid OpenApi definition."
                .to_owned(),
        );
    }
    let credentials = settings.get("AllowCredentials") == Some(&json!(true));
    if credentials && settings.get("AllowOrigins") == Some(&json!(["*"])) {
        return refuse(
            "Unable to add Cors configuration because 'AllowCredentials' can not be true when 'AllowOrigin' is \"'*'\" or \
             not set."
                .to_owned(),
        );
    }
    let Some(doc) = doc.as_object_mut() else { return Ok(()) };
    let section = doc.entry(NAME).or_insert_with(|| json!({}));
    let Some(section) = section.as_object_mut() else {
        return Err(Problems::structure(format_args!(
            "Value of '{NAME}' must be a dictionary according to Swagger spec."
        )));
    };
    if function {
        section.extend(settings.into_iter().map(|(name, value)| (name, respelled(&value))));
        return Ok(());
    }
    for (from, to) in CORS {
        let given = match from {
            "MaxAge" => member(&settings, from),
            "AllowCredentials" => settings.get(from).filter(|_| credentials),
            _ => truthy(&settings, from),
        };
        if let Some(value) = given {
            section.insert(to.to_owned(), value.clone());
        }
    }
    Ok(())
}

/// A function's branches with the keys as OpenAPI spells them. The document's depth cap bounds the recursion.
fn respelled(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(respelled).collect(),
        Value::Object(map) => {
            let spelled = |name: &String| {
                CORS.iter()
                    .find(|(from, _)| from == name)
                    .map_or_else(|| name.clone(), |(_, to)| (*to).to_owned())
            };
            map.iter().map(|(name, value)| (spelled(name), respelled(value))).collect()
        }
        leaf => leaf.clone(),
    }
}

fn stage(source: &Source<'_>, tags: Option<Map<String, Value>>) -> (String, Map<String, Value>) {
    let properties = &source.properties;
    let name = truthy(properties, "StageName").cloned().unwrap_or_else(|| json!(DEFAULT));
    let id = match name.as_str() {
        Some(DEFAULT) => format!("{}ApiGatewayDefaultStage", source.id),
        Some(name) if name.chars().all(char::is_alphanumeric) => format!("{}{name}Stage", source.id),
        Some(name) => format!("{}Stage{}", source.id, short_hash(name)),
        None => format!("{}Stage", source.id),
    };
    let mut stage = Map::from_iter([
        ("ApiId".to_owned(), reference(source.id)),
        ("StageName".to_owned(), name),
        ("AutoDeploy".to_owned(), json!(true)),
    ]);
    for name in ["StageVariables", "AccessLogSettings", "DefaultRouteSettings", "RouteSettings"] {
        if let Some(value) = member(properties, name) {
            stage.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(tags) = tags {
        stage.insert("Tags".to_owned(), Value::Object(tags));
    }
    (id, stage)
}
