//! `Auth.UsagePlan`: a usage plan with a key, of one API or shared by all that ask for it.

use serde_json::{Map, Value, json};

use super::authorizer::listed;
use super::context::{Context, Source};
use super::error::Problems;
use super::value::{reference, truthy};

const KNOWN: [&str; 6] = ["CreateUsagePlan", "Description", "Quota", "Tags", "Throttle", "UsagePlanName"];
const CREATE: [&str; 3] = ["SHARED", "PER_API", "NONE"];
const CONDITION: &str = "SharedUsagePlanCondition";

/// The plan that APIs share, as far as they were met.
#[derive(Default)]
pub(super) struct Shared {
    apis: Vec<String>,
    stages: Vec<Value>,
    keys: Vec<Value>,
    conditions: Vec<String>,
    unconditional: bool,
    deletion: Option<String>,
    replacement: Option<String>,
}

/// The plan, its key and what ties both.
pub(super) fn expand(
    source: &Source<'_>,
    auth: &Map<String, Value>,
    stage: &str,
    context: &mut Context,
) -> Result<Vec<(String, Value)>, Problems> {
    let refuse = |message: String| Err(Problems::resource(source.id, message));
    let Some(plan) = auth.get("UsagePlan").filter(|plan| !plan.is_null()) else { return Ok(Vec::new()) };
    let Some(plan) = plan.as_object() else { return refuse("'UsagePlan' must be a dictionary".to_owned()) };
    if plan.keys().any(|key| !KNOWN.contains(&key.as_str())) {
        return refuse("Invalid property for 'UsagePlan'".to_owned());
    }
    let create = match plan.get("CreateUsagePlan").filter(|create| !create.is_null()) {
        None => return refuse("'CreateUsagePlan' is a required field for UsagePlan.".to_owned()),
        Some(create) => create.as_str().filter(|create| CREATE.contains(create)),
    };
    let Some(create) = create else {
        return refuse(format!("'CreateUsagePlan' accepts one of {}.", listed(&CREATE)));
    };
    let api_stage = json!({ "ApiId": reference(source.id), "Stage": reference(stage) });
    let stage_key = json!({ "RestApiId": reference(source.id), "StageName": reference(stage) });
    let (prefix, apis, stages, keys, attributes) = match create {
        "NONE" => return Ok(Vec::new()),
        "SHARED" => {
            let shared = &mut context.usage_plan;
            shared.apis.push(source.id.to_owned());
            shared.stages.push(api_stage);
            shared.keys.push(stage_key);
            let attributes = shared.attributes(source, &mut context.conditions);
            let shared = &context.usage_plan;
            ("Serverless", shared.apis.clone(), shared.stages.clone(), shared.keys.clone(), attributes)
        }
        _ => {
            let attributes = source.passed_on();
            (source.id, vec![source.id.to_owned()], vec![api_stage], vec![stage_key], attributes)
        }
    };
    let (plan_id, key_id) = (format!("{prefix}UsagePlan"), format!("{prefix}ApiKey"));
    let mut properties = Map::from_iter([("ApiStages".to_owned(), Value::from(stages))]);
    for name in ["UsagePlanName", "Description", "Quota", "Tags", "Throttle"] {
        if let Some(value) = truthy(plan, name) {
            properties.insert(name.to_owned(), value.clone());
        }
    }
    let resource = |kind: &str, depends_on: Value, properties: Map<String, Value>| {
        let mut body = Map::from_iter([("Type".to_owned(), json!(kind))]);
        body.insert("DependsOn".to_owned(), depends_on);
        body.extend(attributes.clone());
        body.insert("Properties".to_owned(), Value::Object(properties));
        Value::Object(body)
    };
    let key = Map::from_iter([("Enabled".to_owned(), json!(true)), ("StageKeys".to_owned(), json!(keys))]);
    let tie = Map::from_iter([
        ("KeyId".to_owned(), reference(&key_id)),
        ("KeyType".to_owned(), json!("API_KEY")),
        ("UsagePlanId".to_owned(), reference(&plan_id)),
    ]);
    Ok(vec![
        (plan_id.clone(), resource("AWS::ApiGateway::UsagePlan", json!(apis), properties)),
        (key_id.clone(), resource("AWS::ApiGateway::ApiKey", json!([plan_id]), key)),
        (format!("{prefix}UsagePlanKey"), resource("AWS::ApiGateway::UsagePlanKey", json!([key_id]), tie)),
    ])
}

impl Shared {
    /// What the shared resources live under: the strongest policies, and any of the conditions.
    fn attributes(&mut self, source: &Source<'_>, conditions: &mut Map<String, Value>) -> Map<String, Value> {
        let given = |name: &str| source.body.get(name).and_then(Value::as_str).map(str::to_owned);
        if let Some(policy) = given("DeletionPolicy")
            && (self.deletion.is_none() || policy == "Retain")
        {
            self.deletion = Some(policy);
        }
        if let Some(policy) = given("UpdateReplacePolicy") {
            let stronger =
                policy == "Retain" || (policy == "Snapshot" && self.replacement.as_deref() == Some("Delete"));
            if self.replacement.is_none() || stronger {
                self.replacement = Some(policy);
            }
        }
        match source.condition() {
            None => self.unconditional = true,
            Some(name) if !self.conditions.iter().any(|known| known == name) => {
                self.conditions.push(name.to_owned());
            }
            Some(_) => {}
        }
        let mut attributes = Map::new();
        if self.unconditional {
            conditions.shift_remove(CONDITION);
        } else {
            let terms: Vec<Value> = self.conditions.iter().map(|name| json!({ "Condition": name })).collect();
            let body = match terms.as_slice() {
                [one] => one.clone(),
                many => json!({ "Fn::Or": many }),
            };
            conditions.insert(CONDITION.to_owned(), body);
            attributes.insert("Condition".to_owned(), json!(CONDITION));
        }
        let policies = [("DeletionPolicy", &self.deletion), ("UpdateReplacePolicy", &self.replacement)];
        for (name, policy) in policies {
            if let Some(policy) = policy {
                attributes.insert(name.to_owned(), json!(policy));
            }
        }
        attributes
    }
}
