//! The parts of API Gateway's resources that calls show otherwise than templates write them.
//!
//! Asks for nothing: it is given what a call showed.

use serde_json::{Map, Value};

use super::apigateway_seen::capitalised;
use super::apigateway_stage::place;
use super::document::to_text;
use super::reading::document;
use super::{Work, list};

/// A map of responses by status as the list that templates write.
fn responses(shown: Option<&Value>, names: &[&str]) -> Value {
    let map = shown.and_then(Value::as_object).into_iter().flatten();
    map.map(|(status, response)| {
        let mut entry = capitalised(response, names);
        entry.insert("StatusCode".to_owned(), status.clone().into());
        Value::Object(entry)
    })
    .collect()
}

/// A method's responses, and its integration with its own.
pub(super) fn method(thing: &Value, now: &mut Map<String, Value>) {
    let own = responses(thing.get("methodResponses"), &["ResponseModels", "ResponseParameters"]);
    now.insert("MethodResponses".to_owned(), own);
    let Some(shown) = thing.get("methodIntegration").filter(|shown| !shown.is_null()) else { return };
    let mut integration = capitalised(
        shown,
        &[
            "CacheNamespace",
            "ContentHandling",
            "Credentials",
            "PassthroughBehavior",
            "RequestParameters",
            "RequestTemplates",
            "TimeoutInMillis",
            "Type",
            "Uri",
        ],
    );
    integration.extend(shown.get("httpMethod").map(|it| ("IntegrationHttpMethod".to_owned(), it.clone())));
    let answers = ["ContentHandling", "ResponseParameters", "ResponseTemplates", "SelectionPattern"];
    integration
        .insert("IntegrationResponses".to_owned(), responses(shown.get("integrationResponses"), &answers));
    now.insert("Integration".to_owned(), Value::Object(integration));
}

/// An API's media types and its policy, spelt as the template spells them.
pub(super) fn api(work: &Work, thing: &Value, now: &mut Map<String, Value>) {
    let given = list(work.get("BinaryMediaTypes"));
    let spelt = |shown: &Value| {
        let same =
            |own: &&Value| own.as_str().is_some_and(|own| Some(&*own.replace("~1", "/")) == shown.as_str());
        given.iter().find(same).unwrap_or(shown).clone()
    };
    let types: Vec<Value> = list(thing.get("binaryMediaTypes")).iter().map(spelt).collect();
    now.insert("BinaryMediaTypes".to_owned(), types.into());
    let Some(Value::String(policy)) = thing.get("policy") else { return };
    // What a template writes short, the API keeps in full.
    let (region, account) = (work.caller.region().as_str(), work.caller.account);
    let id = thing.get("id").and_then(Value::as_str).unwrap_or_default();
    let full = format!("\"arn:aws:execute-api:{region}:{account}:{id}/");
    let is_short = to_text(work.get("Policy")).contains("\"execute-api:/");
    let policy = if is_short { policy.replace(&full, "\"execute-api:/") } else { policy.clone() };
    now.insert("Policy".to_owned(), document(Some(&policy.into())));
}

/// The settings of one method on a stage.
const SETTINGS: [&str; 8] = [
    "CacheDataEncrypted",
    "CacheTtlInSeconds",
    "CachingEnabled",
    "DataTraceEnabled",
    "LoggingLevel",
    "MetricsEnabled",
    "ThrottlingBurstLimit",
    "ThrottlingRateLimit",
];

/// A stage's logs, and the settings of its methods.
pub(super) fn stage(work: &Work, thing: &Value, now: &mut Map<String, Value>) {
    if let Some(logs) = thing.get("accessLogSettings").filter(|logs| !logs.is_null()) {
        let logs = capitalised(logs, &["DestinationArn", "Format"]);
        now.insert("AccessLogSetting".to_owned(), Value::Object(logs));
    }
    let shown = thing.get("methodSettings").and_then(Value::as_object).into_iter().flatten();
    let given = list(work.get("MethodSettings"));
    let entries = shown.map(|(key, settings)| {
        let mut entry = capitalised(settings, &SETTINGS);
        let (path, method) = key.rsplit_once('/').unwrap_or((key, ""));
        let own = given.iter().find(|own| key_of(own) == *key);
        let path = match path {
            "*" => "/*".to_owned(),
            path => format!("/{}", path.trim_start_matches('/')),
        };
        let part =
            |name: &str, shown: &str| own.and_then(|own| own.get(name)).cloned().unwrap_or(shown.into());
        entry.insert("HttpMethod".to_owned(), part("HttpMethod", method));
        entry.insert("ResourcePath".to_owned(), part("ResourcePath", &path));
        Value::Object(entry)
    });
    now.insert("MethodSettings".to_owned(), entries.collect());
}

/// Under which key a stage shows the settings of a method: `*/*`, `orders/{id}/GET`.
fn key_of(entry: &Value) -> String {
    let place = place(entry);
    let (resource, method) = place.rsplit_once('/').unwrap_or((&place, ""));
    let resource = resource.trim_start_matches('/').replace("~1", "/");
    let path = resource.trim_start_matches('/');
    format!("{}/{method}", if path.is_empty() { "/" } else { path })
}

const THROTTLE: [&str; 2] = ["BurstLimit", "RateLimit"];

/// A plan's stages and limits.
pub(super) fn plan(thing: &Value, now: &mut Map<String, Value>) {
    let limits = |shown: &Value| Value::Object(capitalised(shown, &THROTTLE));
    let stages = list(thing.get("apiStages")).iter().map(|stage| {
        let mut entry = capitalised(stage, &["ApiId", "Stage"]);
        if let Some(Value::Object(methods)) = stage.get("throttle") {
            let methods: Map<String, Value> =
                methods.iter().map(|(method, shown)| (method.clone(), limits(shown))).collect();
            entry.insert("Throttle".to_owned(), Value::Object(methods));
        }
        Value::Object(entry)
    });
    now.insert("ApiStages".to_owned(), stages.collect());
    let quota = thing.get("quota").filter(|quota| !quota.is_null());
    now.extend(quota.map(|quota| {
        ("Quota".to_owned(), Value::Object(capitalised(quota, &["Limit", "Offset", "Period"])))
    }));
    let throttle = thing.get("throttle").filter(|throttle| !throttle.is_null());
    now.extend(throttle.map(|throttle| ("Throttle".to_owned(), limits(throttle))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_shown_under_the_keys_that_templates_mean() {
        let table = [
            ("/*", "*", "*/*"),
            ("*", "*", "*/*"),
            ("/~1orders~1{id}", "GET", "orders/{id}/GET"),
            ("/orders/{id}", "GET", "orders/{id}/GET"),
            ("/", "PUT", "//PUT"),
        ];
        for (resource, method, key) in table {
            assert_eq!(key_of(&json!({ "ResourcePath": resource, "HttpMethod": method })), key);
        }
    }

    #[test]
    fn a_method_is_told_as_templates_write_it() {
        let thing = json!({
            "methodResponses": { "200": { "statusCode": "200", "responseModels": { "application/json": "Empty" } } },
            "methodIntegration": {
                "type": "MOCK", "httpMethod": "POST", "credentials": null,
                "integrationResponses": { "200": { "statusCode": "200", "selectionPattern": "x" } },
            },
        });
        let mut now = Map::new();
        method(&thing, &mut now);
        let expected = json!({
            "MethodResponses": [{ "ResponseModels": { "application/json": "Empty" }, "StatusCode": "200" }],
            "Integration": {
                "Type": "MOCK", "IntegrationHttpMethod": "POST",
                "IntegrationResponses": [{ "SelectionPattern": "x", "StatusCode": "200" }],
            },
        });
        assert_eq!(Value::Object(now), expected);
    }

    #[test]
    fn a_plan_is_told_as_templates_write_it() {
        let thing = json!({
            "apiStages": [{ "apiId": "a", "stage": "s", "throttle": { "/x/GET": { "burstLimit": 1, "rateLimit": 2.0 } } }],
            "quota": { "limit": 5, "offset": 0, "period": "DAY" },
        });
        let mut now = Map::new();
        plan(&thing, &mut now);
        let expected = json!({
            "ApiStages": [{ "ApiId": "a", "Stage": "s", "Throttle": { "/x/GET": { "BurstLimit": 1, "RateLimit": 2.0 } } }],
            "Quota": { "Limit": 5, "Offset": 0, "Period": "DAY" },
        });
        assert_eq!(Value::Object(now), expected);
    }
}
