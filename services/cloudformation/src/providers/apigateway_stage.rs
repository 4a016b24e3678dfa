//! `AWS::ApiGateway::Stage`.

use serde_json::{Map, Value, json};

use super::apigateway_seen as shown;
use super::reading::Reading;
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, required, seen, tags, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Stage;

const PROPERTIES: [Property; 9] = [
    optional("AccessLogSetting"),
    optional("DeploymentId"),
    optional("Description"),
    optional("MethodSettings"),
    required("RestApiId").fixed(),
    required("StageName").fixed(),
    optional("Tags"),
    optional("TracingEnabled"),
    optional("Variables"),
];

impl Provider for Stage {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Stage"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let (api, stage) = (work.text("RestApiId"), work.text("StageName"));
            let input = json!({ "restApiId": api, "stageName": stage });
            let shown = seen(work.call("apigateway", "GetStage", input).await)?;
            let tags = shown.as_ref().and_then(|stage| stage.get("tags"));
            Ok(work.is_marked(tags).then(|| work.made(stage, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::STAGE.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::STAGE.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let renamed = [
                ("DeploymentId", "deploymentId"),
                ("Description", "description"),
                ("RestApiId", "restApiId"),
                ("StageName", "stageName"),
                ("TracingEnabled", "tracingEnabled"),
                ("Variables", "variables"),
            ];
            let mut input = Map::new();
            for (from, to) in renamed {
                input.extend(work.get(from).map(|value| (to.to_owned(), value.clone())));
            }
            if let Some(given) = work.get("Tags") {
                input.insert("tags".to_owned(), Value::Object(tags::to_map(Some(given))));
            }
            work.call("apigateway", "CreateStage", Value::Object(input)).await?;
            let made = work.made(work.text("StageName"), Value::Null);
            let mut settings = method_patches(work, &Value::Null)?;
            settings.extend(log_patches(work, None));
            patch(work, &made.id, settings).await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let api = work.text("RestApiId");
            let mut operations = patches(work, &old.properties);
            operations.extend(method_patches(work, &old.properties)?);
            operations.extend(log_patches(work, old.properties.get("AccessLogSetting")));
            patch(work, &old.id, operations).await?;
            set_tags(work, &api, old).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let api = text(old.properties.get("RestApiId"));
            let stage = text(old.properties.get("StageName"));
            gone(
                work.call("apigateway", "DeleteStage", json!({ "restApiId": api, "stageName": stage })).await,
            )
        })
    }
}

async fn patch(work: &Work, stage: &str, operations: Vec<Value>) -> Result<(), Failure> {
    if operations.is_empty() {
        return Ok(());
    }
    let api = work.text("RestApiId");
    let input = json!({ "restApiId": api, "stageName": stage, "patchOperations": operations });
    work.call("apigateway", "UpdateStage", input).await?;
    Ok(())
}

/// What is written of each request, as patches where it differs.
fn log_patches(work: &Work, old: Option<&Value>) -> Vec<Value> {
    let new = work.get("AccessLogSetting");
    if new == old {
        return Vec::new();
    }
    let part = |name: &str| text(new.and_then(|setting| setting.get(name)));
    if new.is_none() {
        return vec![json!({ "op": "remove", "path": "/accessLogSettings" })];
    }
    let replace = |path: &str, value: String| json!({ "op": "replace", "path": path, "value": value });
    vec![
        replace("/accessLogSettings/destinationArn", part("DestinationArn")),
        replace("/accessLogSettings/format", part("Format")),
    ]
}

/// A member of a method's settings, and where the stage keeps it.
const SETTINGS: [(&str, &str); 8] = [
    ("CacheDataEncrypted", "caching/dataEncrypted"),
    ("CacheTtlInSeconds", "caching/ttlInSeconds"),
    ("CachingEnabled", "caching/enabled"),
    ("DataTraceEnabled", "logging/dataTrace"),
    ("LoggingLevel", "logging/loglevel"),
    ("MetricsEnabled", "metrics/enabled"),
    ("ThrottlingBurstLimit", "throttling/burstLimit"),
    ("ThrottlingRateLimit", "throttling/rateLimit"),
];

/// The settings of methods, as patches where they differ. A method that is not named any more loses its own.
fn method_patches(work: &Work, old: &Value) -> Result<Vec<Value>, Failure> {
    let (before, wanted) = (list(old.get("MethodSettings")), list(work.get("MethodSettings")));
    let mut operations = Vec::new();
    for gone in before.iter().filter(|entry| !wanted.iter().any(|other| place(other) == place(entry))) {
        operations.push(json!({ "op": "remove", "path": place(gone) }));
    }
    for entry in wanted.iter().filter(|entry| !before.contains(entry)) {
        let members = entry.as_object().into_iter().flatten();
        for (name, value) in
            members.filter(|(name, _)| !matches!(name.as_str(), "HttpMethod" | "ResourcePath"))
        {
            let Some((_, path)) = SETTINGS.iter().find(|(member, _)| member == name) else {
                return Err(Failure::new(format!("MethodSettings has no member {name}")));
            };
            let path = format!("{}/{path}", place(entry));
            operations.push(json!({ "op": "replace", "path": path, "value": text(Some(value)) }));
        }
    }
    Ok(operations)
}

/// Where a stage keeps the settings of a method: `/*/*`, `/~1orders~1{id}/GET`.
pub(super) fn place(entry: &Value) -> String {
    let resource = text(entry.get("ResourcePath"));
    let resource = match resource.strip_prefix('/').unwrap_or(&resource) {
        // Templates write the slashes inside escaped, as the API wants them, or plain.
        all_or_escaped if all_or_escaped == "*" || all_or_escaped.starts_with("~1") => {
            all_or_escaped.to_owned()
        }
        plain => format!("~1{}", plain.replace('/', "~1")),
    };
    format!("/{resource}/{}", text(entry.get("HttpMethod")))
}

fn patches(work: &Work, old: &Value) -> Vec<Value> {
    let mut operations = Vec::new();
    let renamed = [
        ("DeploymentId", "/deploymentId", ""),
        ("Description", "/description", ""),
        ("TracingEnabled", "/tracingEnabled", "false"),
    ];
    for (property, path, default) in renamed {
        if old.get(property) != work.get(property) {
            let value = work.get(property).map_or_else(|| default.to_owned(), |value| text(Some(value)));
            operations.push(json!({ "op": "replace", "path": path, "value": value }));
        }
    }
    let empty = Map::new();
    let variables =
        |value: Option<&'_ Value>| value.and_then(Value::as_object).cloned().unwrap_or_else(|| empty.clone());
    let (before, wanted) = (variables(old.get("Variables")), variables(work.get("Variables")));
    for (name, value) in wanted.iter().filter(|(name, value)| before.get(*name) != Some(*value)) {
        let value = text(Some(value));
        operations.push(json!({ "op": "replace", "path": format!("/variables/{name}"), "value": value }));
    }
    for name in before.keys().filter(|name| !wanted.contains_key(*name)) {
        operations.push(json!({ "op": "remove", "path": format!("/variables/{name}") }));
    }
    operations
}

async fn set_tags(work: &Work, api: &str, old: &Physical) -> Result<(), Failure> {
    let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
    let resource = format!("/restapis/{api}/stages/{}", old.id);
    let arn = base::Arn::new("apigateway", work.caller.region().as_str(), "", resource).to_string();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stand_where_the_api_keeps_them() {
        let table = [
            ("/*", "*", "/*/*"),
            ("*", "*", "/*/*"),
            ("/~1orders~1{id}", "GET", "/~1orders~1{id}/GET"),
            ("/orders/{id}", "GET", "/~1orders~1{id}/GET"),
            ("/", "PUT", "/~1/PUT"),
        ];
        for (resource, method, path) in table {
            assert_eq!(place(&json!({ "ResourcePath": resource, "HttpMethod": method })), path);
        }
    }
}
