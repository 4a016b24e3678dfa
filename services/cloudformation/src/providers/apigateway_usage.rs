//! `AWS::ApiGateway::ApiKey`, `AWS::ApiGateway::UsagePlan` and `AWS::ApiGateway::UsagePlanKey`: who may call an API how often.

use serde_json::{Map, Value, json};

use super::apigateway_parts as parts;
use super::apigateway_resource::uncapitalised;
use super::apigateway_seen as shown;
use super::reading::Reading;
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, required, seen, tags, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct ApiKey;

const KEY: [Property; 8] = [
    optional("CustomerId"),
    optional("Description"),
    optional("Enabled"),
    optional("GenerateDistinctId").fixed(),
    optional("Name").fixed(),
    optional("StageKeys"),
    optional("Tags"),
    optional("Value").fixed(),
];

impl Provider for ApiKey {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::ApiKey"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("apigateway", "CreateApiKey"))
    }

    fn properties(&self) -> &'static [Property] {
        &KEY
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let found = listed(work, "GetApiKeys").await?;
            let own = found.iter().find(|item| work.is_marked(item.get("tags")));
            Ok(own.map(|item| key(work, &text(item.get("id")))))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::API_KEY.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::API_KEY.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = members(work, &["CustomerId", "Description", "Enabled", "Value"]);
            let own = work.text("Name");
            let name = if own.is_empty() { work.planned.clone() } else { own };
            input.insert("name".to_owned(), name.into());
            let stages: Vec<_> = list(work.get("StageKeys")).iter().map(uncapitalised).collect();
            input.insert("stageKeys".to_owned(), stages.into());
            insert_tags(work, &mut input);
            let answer = work.call("apigateway", "CreateApiKey", Value::Object(input)).await?;
            Ok(key(work, &text(answer.get("id"))))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let enabled = work.text("Enabled");
            let enabled = if enabled.is_empty() { "false".to_owned() } else { enabled };
            let mut operations = vec![
                json!({ "op": "replace", "path": "/customerId", "value": work.text("CustomerId") }),
                json!({ "op": "replace", "path": "/description", "value": work.text("Description") }),
                json!({ "op": "replace", "path": "/enabled", "value": enabled }),
            ];
            if old.properties.get("StageKeys") != work.get("StageKeys") {
                let shown = work.call("apigateway", "GetApiKey", json!({ "apiKey": old.id })).await?;
                let (before, wanted) = (list(old.properties.get("StageKeys")), list(work.get("StageKeys")));
                key_patches(&mut operations, (before, list(shown.get("stageKeys"))), wanted);
            }
            let input = json!({ "apiKey": old.id, "patchOperations": operations });
            work.call("apigateway", "UpdateApiKey", input).await?;
            set_tags(work, &format!("/apikeys/{}", old.id), old).await?;
            Ok(key(work, &old.id))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(
            async move { gone(work.call("apigateway", "DeleteApiKey", json!({ "apiKey": old.id })).await) },
        )
    }
}

fn key(work: &Work, id: &str) -> Physical {
    work.made(id, json!({ "APIKeyId": id }))
}

pub(super) struct UsagePlan;

const PLAN: [Property; 6] = [
    optional("ApiStages"),
    optional("Description"),
    optional("Quota"),
    optional("Tags"),
    optional("Throttle"),
    optional("UsagePlanName"),
];

impl Provider for UsagePlan {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::UsagePlan"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("apigateway", "CreateUsagePlan"))
    }

    fn properties(&self) -> &'static [Property] {
        &PLAN
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let found = listed(work, "GetUsagePlans").await?;
            let own = found.iter().find(|item| work.is_marked(item.get("tags")));
            Ok(own.map(|item| plan(work, &text(item.get("id")))))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::USAGE_PLAN.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::USAGE_PLAN.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = members(work, &["Description"]);
            input.insert("name".to_owned(), plan_name(work).into());
            for property in ["Quota", "Throttle"] {
                if let Some(value) = work.get(property) {
                    input.insert(property.to_ascii_lowercase(), numbers(&uncapitalised(value)));
                }
            }
            let stages: Vec<_> = list(work.get("ApiStages")).iter().map(api_stage).collect();
            input.insert("apiStages".to_owned(), stages.into());
            insert_tags(work, &mut input);
            let answer = work.call("apigateway", "CreateUsagePlan", Value::Object(input)).await?;
            Ok(plan(work, &text(answer.get("id"))))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut operations = vec![
                json!({ "op": "replace", "path": "/name", "value": plan_name(work) }),
                json!({ "op": "replace", "path": "/description", "value": work.text("Description") }),
            ];
            for (property, path) in [("Quota", "/quota"), ("Throttle", "/throttle")] {
                settings(&mut operations, path, old.properties.get(property), work.get(property));
            }
            if old.properties.get("ApiStages") != work.get("ApiStages") {
                let shown = work.call("apigateway", "GetUsagePlan", json!({ "usagePlanId": old.id })).await?;
                let mut now = Map::new();
                parts::plan(&shown, &mut now);
                let (before, wanted) = (list(old.properties.get("ApiStages")), list(work.get("ApiStages")));
                stage_patches(&mut operations, (before, list(now.get("ApiStages"))), wanted);
            }
            let input = json!({ "usagePlanId": old.id, "patchOperations": operations });
            work.call("apigateway", "UpdateUsagePlan", input).await?;
            set_tags(work, &format!("/usageplans/{}", old.id), old).await?;
            Ok(plan(work, &old.id))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            gone(work.call("apigateway", "DeleteUsagePlan", json!({ "usagePlanId": old.id })).await)
        })
    }
}

fn plan(work: &Work, id: &str) -> Physical {
    work.made(id, json!({ "Id": id }))
}

fn plan_name(work: &Work) -> String {
    let own = work.text("UsagePlanName");
    if own.is_empty() { work.planned.clone() } else { own }
}

fn api_stage(stage: &Value) -> Value {
    let mut shown = uncapitalised(stage);
    if let Some(Value::Object(methods)) = shown.get_mut("throttle") {
        methods.values_mut().for_each(|limits| *limits = numbers(&uncapitalised(limits)));
    }
    shown
}

/// Members that a template may write as text.
fn numbers(settings: &Value) -> Value {
    let number = |value: &Value| match value {
        Value::String(text) => serde_json::from_str::<Value>(text).ok().filter(Value::is_number),
        _ => None,
    };
    let members = settings.as_object().into_iter().flatten();
    Value::Object(
        members.map(|(name, value)| (name.clone(), number(value).unwrap_or_else(|| value.clone()))).collect(),
    )
}

/// The settings of a quota or a throttle, as patches; all of them, so that none stays of what was before.
fn settings(operations: &mut Vec<Value>, path: &str, old: Option<&Value>, new: Option<&Value>) {
    if old == new {
        return;
    }
    operations.push(json!({ "op": "remove", "path": path }));
    for (name, value) in uncapitalised(new.unwrap_or(&Value::Null)).as_object().into_iter().flatten() {
        let value = text(Some(value));
        operations.push(json!({ "op": "replace", "path": format!("{path}/{name}"), "value": value }));
    }
}

/// The stages that a key names, as patches. What the key does not have, such as a stage that it was refused, is not taken from it.
fn key_patches(operations: &mut Vec<Value>, (before, now): (&[Value], &[Value]), wanted: &[Value]) {
    let named = |item: &Value| format!("{}/{}", text(item.get("RestApiId")), text(item.get("StageName")));
    let is_there = |item: &Value| now.contains(&named(item).into());
    let gone = before.iter().filter(|item| !wanted.contains(item) && is_there(item));
    operations.extend(gone.map(|it| json!({ "op": "remove", "path": "/stages", "value": named(it) })));
    let new = wanted.iter().filter(|item| !before.contains(item) || !is_there(item));
    operations.extend(new.map(|it| json!({ "op": "add", "path": "/stages", "value": named(it) })));
}

/// The stages of a plan, as patches: `now` is what it has, which need not be what it was asked for with `before`. What is another
/// one goes first; what others gave the plan stays.
fn stage_patches(operations: &mut Vec<Value>, (before, now): (&[Value], &[Value]), wanted: &[Value]) {
    let named = |stage: &Value| format!("{}:{}", text(stage.get("ApiId")), text(stage.get("Stage")));
    let among = |stages: &[Value], stage: &Value| stages.iter().any(|other| named(other) == named(stage));
    let stays = |stage: &Value| {
        wanted.contains(stage) && (now.contains(stage) || before.contains(stage) && among(now, stage))
    };
    let kept: Vec<&Value> = wanted.iter().filter(|stage| stays(stage)).collect();
    let is_kept = |stage: &Value| kept.iter().any(|kept| named(kept) == named(stage));
    let is_ours = |stage: &Value| among(before, stage) || among(wanted, stage);
    for stage in now.iter().filter(|stage| is_ours(stage) && !is_kept(stage)) {
        operations.push(json!({ "op": "remove", "path": "/apiStages", "value": named(stage) }));
    }
    for stage in wanted.iter().filter(|stage| !is_kept(stage)) {
        operations.push(json!({ "op": "add", "path": "/apiStages", "value": named(stage) }));
        for (method, limits) in stage.get("Throttle").and_then(Value::as_object).into_iter().flatten() {
            // `/pets/GET` is a path and a method: two parts of the patch's own path.
            let (path, name) = method.rsplit_once('/').unwrap_or(("", method));
            let place = format!("/apiStages/{}/throttle/{}/{name}", named(stage), path.replace('/', "~1"));
            for (setting, value) in uncapitalised(limits).as_object().into_iter().flatten() {
                let value = text(Some(value));
                operations
                    .push(json!({ "op": "replace", "path": format!("{place}/{setting}"), "value": value }));
            }
        }
    }
}

pub(super) struct UsagePlanKey;

const TIE: [Property; 3] =
    [required("KeyId").fixed(), required("KeyType").fixed(), required("UsagePlanId").fixed()];

impl Provider for UsagePlanKey {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::UsagePlanKey"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("apigateway", "CreateUsagePlanKey"))
    }

    fn properties(&self) -> &'static [Property] {
        &TIE
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let (key, plan) = (work.text("KeyId"), work.text("UsagePlanId"));
            // A tie has no tags: it is the stack's where one of its ends is.
            let of_plan = is_of_stack(work, "GetUsagePlan", json!({ "usagePlanId": plan })).await?;
            if !of_plan && !is_of_stack(work, "GetApiKey", json!({ "apiKey": key })).await? {
                return Ok(None);
            }
            let input = json!({ "usagePlanId": plan, "keyId": key });
            let found = seen(work.call("apigateway", "GetUsagePlanKey", input).await)?;
            Ok(found.map(|_| tie(work)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::USAGE_PLAN_KEY.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::USAGE_PLAN_KEY.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let input = uncapitalised(&Value::Object(work.properties.clone()));
            work.call("apigateway", "CreateUsagePlanKey", input).await?;
            Ok(tie(work))
        })
    }

    fn update<'a>(&'a self, _: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async { Err(Failure::new("A key of a usage plan cannot be changed in place.").untouched()) })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let part = |name: &str| text(old.properties.get(name));
            let input = json!({ "usagePlanId": part("UsagePlanId"), "keyId": part("KeyId") });
            gone(work.call("apigateway", "DeleteUsagePlanKey", input).await)
        })
    }
}

fn tie(work: &Work) -> Physical {
    let id = format!("{}:{}", work.text("KeyId"), work.text("UsagePlanId"));
    work.made(&id, json!({ "Id": id }))
}

/// True where the stack made what a call shows.
async fn is_of_stack(work: &Work, operation: &str, input: Value) -> Result<bool, Failure> {
    let shown = seen(work.call("apigateway", operation, input).await)?;
    Ok(work.is_of_stack(shown.as_ref().and_then(|shown| shown.get("tags"))))
}

/// Everything that a list of the account holds.
async fn listed(work: &Work, operation: &str) -> Result<Vec<Value>, Failure> {
    let (mut all, mut position) = (Vec::new(), Value::Null);
    loop {
        let page = work.call("apigateway", operation, json!({ "limit": 500, "position": position })).await?;
        all.extend_from_slice(list(page.get("items")));
        position = page.get("position").cloned().unwrap_or_default();
        if position.is_null() {
            return Ok(all);
        }
    }
}

/// The named properties as members of a call.
fn members(work: &Work, names: &[&str]) -> Map<String, Value> {
    uncapitalised(&Value::Object(work.pick(names))).as_object().cloned().unwrap_or_default()
}

fn insert_tags(work: &Work, input: &mut Map<String, Value>) {
    if let Some(given) = work.get("Tags") {
        input.insert("tags".to_owned(), Value::Object(tags::to_map(Some(given))));
    }
}

async fn set_tags(work: &Work, resource: &str, old: &Physical) -> Result<(), Failure> {
    let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
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
    fn only_what_differs_is_patched() {
        let mut operations = Vec::new();
        settings(&mut operations, "/quota", None, Some(&json!({ "Limit": 5, "Period": "DAY" })));
        settings(
            &mut operations,
            "/throttle",
            Some(&json!({ "RateLimit": 1 })),
            Some(&json!({ "RateLimit": 1 })),
        );
        let stage =
            json!({ "ApiId": "a", "Stage": "s", "Throttle": { "/pets/{id}/GET": { "RateLimit": 2 } } });
        let before = [json!({ "ApiId": "b", "Stage": "s" })];
        stage_patches(&mut operations, (&before, &before), &[stage]);
        let expected = [
            json!({ "op": "remove", "path": "/quota" }),
            json!({ "op": "replace", "path": "/quota/limit", "value": "5" }),
            json!({ "op": "replace", "path": "/quota/period", "value": "DAY" }),
            json!({ "op": "remove", "path": "/apiStages", "value": "b:s" }),
            json!({ "op": "add", "path": "/apiStages", "value": "a:s" }),
            json!({ "op": "replace", "path": "/apiStages/a:s/throttle/~1pets~1{id}/GET/rateLimit", "value": "2" }),
        ];
        assert_eq!(operations, expected);
        assert_eq!(
            numbers(&json!({ "limit": "5", "period": "DAY" })),
            json!({ "limit": 5, "period": "DAY" })
        );
    }

    #[test]
    fn a_stage_that_was_refused_is_not_taken_away() {
        let (a, b) = (json!({ "ApiId": "a", "Stage": "s" }), json!({ "ApiId": "b", "Stage": "s" }));
        let limited = json!({ "ApiId": "a", "Stage": "s", "Throttle": { "/p/GET": { "RateLimit": 2 } } });
        let patched = |before: &[&Value], now: &[&Value], wanted: &[&Value]| {
            let owned = |list: &[&Value]| list.iter().map(|stage| (*stage).clone()).collect::<Vec<_>>();
            let mut operations = Vec::new();
            stage_patches(&mut operations, (&owned(before), &owned(now)), &owned(wanted));
            let told = |patch: &Value| format!("{} {}", text(patch.get("op")), text(patch.get("value")));
            operations.iter().map(told).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        let bad = json!({ "Nope": 1 });
        assert_eq!(patched(&[&bad], &[&a], &[&a]), none, "nothing of the change was made");
        assert_eq!(patched(&[&json!("!bad")], &[], &[&a]), ["add a:s"]);
        assert_eq!(patched(&[&a, &bad], &[&a, &b], &[]), ["remove a:s"], "b is somebody else's");
        assert_eq!(patched(&[&limited], &[&a], &[&a]), none);
        assert_eq!(patched(&[&a], &[&limited], &[&a]), none, "what others did to it stays");
        assert_eq!(patched(&[&limited], &[&limited], &[&a]), ["remove a:s", "add a:s"]);

        let key = |api: &str| json!({ "RestApiId": api, "StageName": "s" });
        let mut operations = Vec::new();
        key_patches(&mut operations, (&[bad, key("b")], &[json!("b/s")]), &[key("a")]);
        let expected = [
            json!({ "op": "remove", "path": "/stages", "value": "b/s" }),
            json!({ "op": "add", "path": "/stages", "value": "a/s" }),
        ];
        assert_eq!(operations, expected);
    }
}
