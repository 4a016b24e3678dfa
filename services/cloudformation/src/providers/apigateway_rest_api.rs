//! `AWS::ApiGateway::RestApi`: from an OpenAPI body, or empty.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::apigateway_body as definition;
use super::apigateway_seen as shown;
use super::document::to_text;
use super::reading::Reading;
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, seen, tags, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct RestApi;

const PROPERTIES: [Property; 15] = [
    optional("ApiKeySourceType"),
    optional("BinaryMediaTypes"),
    optional("Body"),
    optional("BodyS3Location"),
    optional("Description"),
    optional("DisableExecuteApiEndpoint"),
    optional("EndpointConfiguration"),
    optional("FailOnWarnings"),
    optional("MinimumCompressionSize"),
    optional("Mode"),
    optional("Name"),
    optional("Parameters"),
    optional("Policy"),
    optional("Tags"),
    optional("Version"),
];

/// APIs that one call lists.
const PAGE: u32 = 500;

/// True where an API was made by the stack: then what is inside of it, where the stack was about to make it, is too.
pub(super) async fn is_of_stack(work: &Work, api: &str) -> Result<bool, Failure> {
    let shown = seen(work.call("apigateway", "GetRestApi", json!({ "restApiId": api })).await)?;
    Ok(work.is_of_stack(shown.as_ref().and_then(|api| api.get("tags"))))
}

impl Provider for RestApi {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::RestApi"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let mut position = Value::Null;
            loop {
                let input = json!({ "limit": PAGE, "position": position });
                let page = work.call("apigateway", "GetRestApis", input).await?;
                let found = list(page.get("items")).iter().find(|api| work.is_marked(api.get("tags")));
                if let Some(api) = found {
                    return Ok(Some(work.made(text(api.get("id")), Value::Null)));
                }
                position = page.get("position").cloned().unwrap_or_default();
                if position.is_null() {
                    return Ok(None);
                }
            }
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::REST_API.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::REST_API.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let answer = match definition::read(work).await? {
                Some(body) => {
                    let body = definition::named(body, work.get("Name"));
                    work.call("apigateway", "ImportRestApi", import(work, &body)).await?
                }
                None => work.call("apigateway", "CreateRestApi", Value::Object(plain(work)?)).await?,
            };
            let id = text(answer.get("id"));
            let root = answer.get("rootResourceId").cloned();
            let made = work.made(&id, json!({ "RestApiId": id, "RootResourceId": root }));
            if definition::is_given(work) {
                patch(work, &id, Before::imported(&Value::Null))
                    .await
                    .map_err(|failure| failure.after(&made))?;
                set_tags(work, &id, None).await.map_err(|failure| failure.after(&made))?;
            }
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let differs = |name: &&str| old.properties.get(*name) != work.get(name);
            // Without a name of its own the API has the body's title: only the body knows it.
            let unnamed = work.get("Name").is_none() && differs(&"Name");
            let of_import = ["Body", "BodyS3Location", "FailOnWarnings", "Mode", "Parameters"];
            let imports = unnamed || of_import.iter().any(differs);
            let body = if imports { definition::read(work).await? } else { None };
            if let Some(body) = &body {
                let mut input = import(work, body);
                if let Some(input) = input.as_object_mut() {
                    input.insert("restApiId".to_owned(), old.id.clone().into());
                    let mode = work.get("Mode").cloned().unwrap_or_else(|| json!("overwrite"));
                    input.insert("mode".to_owned(), mode);
                }
                work.call("apigateway", "PutRestApi", input).await?;
            }
            let before = Before { properties: &old.properties, imported: body.is_some() };
            patch(work, &old.id, before).await?;
            set_tags(work, &old.id, old.properties.get("Tags")).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            if old.id == work.planned {
                // The service gives the id: a planned one was never made.
                return Ok(());
            }
            gone(work.call("apigateway", "DeleteRestApi", json!({ "restApiId": old.id })).await)
        })
    }
}

fn import(work: &Work, body: &[u8]) -> Value {
    let mut input = Map::from_iter([("body".to_owned(), Value::from(STANDARD.encode(body)))]);
    for (from, to) in [("FailOnWarnings", "failOnWarnings"), ("Parameters", "parameters")] {
        input.extend(work.get(from).map(|value| (to.to_owned(), value.clone())));
    }
    Value::Object(input)
}

fn plain(work: &Work) -> Result<Map<String, Value>, Failure> {
    if work.get("Name").is_none() {
        return Err(Failure::new("Property Name is required where there is no Body."));
    }
    let renamed = [
        ("ApiKeySourceType", "apiKeySource"),
        ("BinaryMediaTypes", "binaryMediaTypes"),
        ("Description", "description"),
        ("DisableExecuteApiEndpoint", "disableExecuteApiEndpoint"),
        ("MinimumCompressionSize", "minimumCompressionSize"),
        ("Name", "name"),
        ("Version", "version"),
    ];
    let mut input = Map::new();
    for (from, to) in renamed {
        input.extend(work.get(from).map(|value| (to.to_owned(), value.clone())));
    }
    if let Some(endpoint) = work.get("EndpointConfiguration") {
        check_endpoint(Some(endpoint))?;
        let types = endpoint.get("Types").cloned().unwrap_or_default();
        input.insert("endpointConfiguration".to_owned(), json!({ "types": types }));
    }
    if let Some(policy) = work.get("Policy") {
        input.insert("policy".to_owned(), to_text(Some(policy)).into());
    }
    if let Some(given) = work.get("Tags") {
        input.insert("tags".to_owned(), Value::Object(tags::to_map(Some(given))));
    }
    Ok(input)
}

/// What an API was before it is patched.
#[derive(Clone, Copy)]
struct Before<'a> {
    properties: &'a Value,
    /// A body was just put. It brings its own title and settings: what the template says besides is said again.
    imported: bool,
}

impl<'a> Before<'a> {
    fn imported(properties: &'a Value) -> Self {
        Self { properties, imported: true }
    }

    /// True where the API has this value surely.
    fn has(self, property: &str, value: &Value) -> bool {
        !self.imported && self.properties.get(property) == Some(value)
    }
}

/// What a body does not say, as patches where it differs.
async fn patch(work: &Work, id: &str, before: Before<'_>) -> Result<(), Failure> {
    let mut operations = Vec::new();
    let renamed = [
        ("ApiKeySourceType", "/apiKeySource"),
        ("Description", "/description"),
        ("DisableExecuteApiEndpoint", "/disableExecuteApiEndpoint"),
        ("MinimumCompressionSize", "/minimumCompressionSize"),
        ("Name", "/name"),
        ("Version", "/version"),
    ];
    for (property, path) in renamed {
        if let Some(value) = work.get(property).filter(|value| !before.has(property, value)) {
            operations.push(json!({ "op": "replace", "path": path, "value": text(Some(value)) }));
        }
    }
    if let Some(policy) = work.get("Policy").filter(|policy| !before.has("Policy", policy)) {
        operations.push(json!({ "op": "replace", "path": "/policy", "value": to_text(Some(policy)) }));
    }
    operations.extend(defaults(work, before.properties));
    operations.extend(endpoint_patch(work, before)?);
    // The transform writes its types with slashes escaped: both ways mean the same.
    let path = |kind: &&Value| format!("/binaryMediaTypes/{}", text(Some(*kind)).replace('/', "~1"));
    let had = list(before.properties.get("BinaryMediaTypes"));
    let wanted = list(work.get("BinaryMediaTypes"));
    for kind in had.iter().filter(|kind| !wanted.contains(kind)) {
        operations.push(json!({ "op": "remove", "path": path(&kind) }));
    }
    for kind in wanted.iter().filter(|kind| before.imported || !had.contains(kind)) {
        operations.push(json!({ "op": "add", "path": path(&kind) }));
    }
    if operations.is_empty() {
        return Ok(());
    }
    let input = json!({ "restApiId": id, "patchOperations": operations });
    work.call("apigateway", "UpdateRestApi", input).await?;
    Ok(())
}

/// What the template no longer says, back to what an API has where nothing is said.
fn defaults(work: &Work, old: &Value) -> Vec<Value> {
    // What the body says itself is not the template's to take away.
    let table = [
        ("ApiKeySourceType", "/apiKeySource", "HEADER", "/x-amazon-apigateway-api-key-source"),
        ("Description", "/description", "", "/info/description"),
        ("DisableExecuteApiEndpoint", "/disableExecuteApiEndpoint", "false", "/none"),
        ("Policy", "/policy", "", "/x-amazon-apigateway-policy"),
        ("Version", "/version", "", "/info/version"),
    ];
    let dropped = table.iter().filter(|(property, _, _, by_body)| {
        let told = definition::tells(work, by_body);
        old.get(*property).is_some_and(|value| !value.is_null()) && work.get(property).is_none() && !told
    });
    dropped.map(|(_, path, default, _)| json!({ "op": "replace", "path": path, "value": default })).collect()
}

/// The change of the endpoint's type, where it is not what the API has.
fn endpoint_patch(work: &Work, before: Before<'_>) -> Result<Option<Value>, Failure> {
    let kind = |configuration: Option<&Value>| {
        let types = configuration.and_then(|configuration| configuration.get("Types"));
        list(types).first().map(|kind| text(Some(kind)))
    };
    check_endpoint(work.get("EndpointConfiguration"))?;
    let Some(wanted) = kind(work.get("EndpointConfiguration")) else { return Ok(None) };
    // An import may have been told the type already.
    let told = work.get("Parameters").and_then(|parameters| parameters.get("endpointConfigurationTypes"));
    let told = told.map(|told| text(Some(told))).filter(|_| before.imported);
    let present = told
        .or_else(|| kind(before.properties.get("EndpointConfiguration")))
        .unwrap_or_else(|| "EDGE".to_owned());
    if present == wanted {
        return Ok(None);
    }
    let path = format!("/endpointConfiguration/types/{present}");
    Ok(Some(json!({ "op": "replace", "path": path, "value": wanted })))
}

fn check_endpoint(configuration: Option<&Value>) -> Result<(), Failure> {
    let members = configuration.and_then(Value::as_object).into_iter().flatten();
    match members.map(|(name, _)| name).find(|name| *name != "Types") {
        Some(name) => {
            Err(Failure::new(format!("EndpointConfiguration has no member {name} that is supported here")))
        }
        None => Ok(()),
    }
}

async fn set_tags(work: &Work, id: &str, old: Option<&Value>) -> Result<(), Failure> {
    let (set, removed) = tags::difference(old, work.get("Tags"));
    let arn = base::Arn::new("apigateway", work.caller.region().as_str(), "", format!("/restapis/{id}"))
        .to_string();
    if !removed.is_empty() {
        tags::take_off(
            work,
            ("apigateway", "UntagResource"),
            &json!({ "resourceArn": arn }),
            "tagKeys",
            removed,
        )
        .await?;
    }
    if !set.is_empty() {
        work.call("apigateway", "TagResource", json!({ "resourceArn": arn, "tags": set })).await?;
    }
    Ok(())
}
