//! `DeploymentPreference`: traffic that moves to a new version step by step, through CodeDeploy.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::value::{
    attribute, if_parts, is_intrinsic, is_no_value, is_truthy, member, reference, tag_list, truthy,
};

const APPLICATION: &str = "ServerlessDeploymentApplication";
const ROLE: &str = "CodeDeployServiceRole";
const CONDITION: &str = "ServerlessCodeDeployCondition";

const CONFIGURATIONS: [&str; 9] = [
    "Canary10Percent5Minutes",
    "Canary10Percent10Minutes",
    "Canary10Percent15Minutes",
    "Canary10Percent30Minutes",
    "Linear10PercentEvery1Minute",
    "Linear10PercentEvery2Minutes",
    "Linear10PercentEvery3Minutes",
    "Linear10PercentEvery10Minutes",
    "AllAtOnce",
];

/// The preference of one function, enabled.
pub(super) struct Preference {
    function: String,
    kind: Value,
    alarms: Option<Value>,
    role: Option<Value>,
    triggers: Option<Value>,
    condition: Option<String>,
    tags: Option<Map<String, Value>>,
}

/// Notes a function's preference, and gives its alias's `UpdatePolicy`.
pub(super) fn add(
    source: &Source<'_>,
    alias: Option<&str>,
    context: &mut Context,
) -> Result<Option<Value>, Problems> {
    let Some(Value::Object(given)) = truthy(&source.properties, "DeploymentPreference") else {
        return Ok(None);
    };
    let refuse = |message: &str| Err(Problems::resource(source.id, message));
    let resolved = |name: &str| given.get(name).map(|value| context.with_mappings(value)).transpose();
    let passes = match given.get("PassthroughCondition") {
        None => false,
        Some(value) => flag(source, &context.with_mappings(value)?)?,
    };
    let enabled = resolved("Enabled")?.unwrap_or(json!(true));
    if !is_truthy(&enabled) || matches!(enabled.as_str(), Some("false" | "False")) {
        return Ok(None);
    }
    let Some(kind) = resolved("Type")? else {
        return refuse("'DeploymentPreference' is missing required Property 'Type'");
    };
    let hooks = match given.get("Hooks") {
        None => Map::new(),
        Some(Value::Object(hooks)) => hooks.clone(),
        Some(_) => return refuse("'Hooks' property of 'DeploymentPreference' must be a dictionary"),
    };
    let propagates = source.properties.get("PropagateTags").is_some_and(is_truthy);
    let tags = truthy(&source.properties, "Tags").filter(|_| propagates).and_then(Value::as_object);
    let preference = Preference {
        function: source.id.to_owned(),
        kind,
        alarms: member(given, "Alarms").cloned(),
        role: truthy(given, "Role").cloned(),
        triggers: truthy(given, "TriggerConfigurations").cloned(),
        condition: source.condition().filter(|_| passes).map(str::to_owned),
        tags: tags.cloned(),
    };
    context.deployments.push(preference);
    if alias.is_none() {
        return refuse("'DeploymentPreference' requires AutoPublishAlias property to be specified.");
    }
    let mut update = Map::from_iter([
        ("ApplicationName".to_owned(), reference(APPLICATION)),
        ("DeploymentGroupName".to_owned(), reference(&format!("{}DeploymentGroup", source.id))),
    ]);
    for (from, to) in [("PreTraffic", "BeforeAllowTrafficHook"), ("PostTraffic", "AfterAllowTrafficHook")] {
        if let Some(hook) = member(&hooks, from) {
            update.insert(to.to_owned(), hook.clone());
        }
    }
    Ok(Some(json!({ "CodeDeployLambdaAliasUpdate": update })))
}

fn flag(source: &Source<'_>, value: &Value) -> Result<bool, Problems> {
    const NAME: &str = "PassthroughCondition";
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if matches!(text.as_str(), "true" | "True") => Ok(true),
        Value::String(text) if matches!(text.as_str(), "false" | "False") => Ok(false),
        value if is_intrinsic(value) => Err(Problems::resource(
            source.id,
            format_args!(
                "Unsupported intrinsic: the only intrinsic functions supported for property {NAME} are FindInMap and \
                 parameter Refs."
            ),
        )),
        _ => Err(Problems::resource(source.id, format_args!("Invalid value for property {NAME}."))),
    }
}

/// The application, its role and a group for every function that asks.
pub(super) fn resources(
    preferences: &[Preference],
    conditions: &mut Map<String, Value>,
    problems: &mut Problems,
) -> Vec<(String, Value)> {
    if preferences.is_empty() {
        return Vec::new();
    }
    let names: BTreeSet<Option<String>> = preferences.iter().map(|p| p.condition.clone()).collect();
    let names: BTreeSet<&Option<String>> = names.iter().collect();
    let condition = super::implicit::combined(&names, CONDITION, conditions);
    let mut tags = Map::new();
    preferences.iter().filter_map(|p| p.tags.clone()).for_each(|more| tags.extend(more));
    let shared = |kind: &str, mut properties: Map<String, Value>| {
        if !tags.is_empty() {
            properties.insert("Tags".to_owned(), tag_list(Some(&Value::Object(tags.clone()))).into());
        }
        resource(kind, properties, condition.as_deref())
    };
    let application = Map::from_iter([("ComputePlatform".to_owned(), json!("Lambda"))]);
    let mut all = vec![(APPLICATION.to_owned(), shared("AWS::CodeDeploy::Application", application))];
    if preferences.iter().any(|preference| preference.role.is_none()) {
        let role = Map::from_iter([
            ("AssumeRolePolicyDocument".to_owned(), super::policy::trust("codedeploy.amazonaws.com")),
            (
                "ManagedPolicyArns".to_owned(),
                json!([super::role::managed_arn("service-role/AWSCodeDeployRoleForLambda")]),
            ),
        ]);
        all.push((ROLE.to_owned(), shared("AWS::IAM::Role", role)));
    }
    for preference in preferences {
        all.extend(problems.collect(group(preference)));
    }
    all
}

fn resource(kind: &str, properties: Map<String, Value>, condition: Option<&str>) -> Value {
    let mut body = Map::from_iter([("Type".to_owned(), json!(kind))]);
    if let Some(condition) = condition {
        body.insert("Condition".to_owned(), json!(condition));
    }
    body.insert("Properties".to_owned(), Value::Object(properties));
    Value::Object(body)
}

fn group(preference: &Preference) -> Result<(String, Value), Problems> {
    let role = preference.role.clone().unwrap_or_else(|| attribute(ROLE, "Arn"));
    let mut group = Map::from_iter([
        ("ApplicationName".to_owned(), reference(APPLICATION)),
        (
            "AutoRollbackConfiguration".to_owned(),
            json!({
                "Enabled": true,
                "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
            }),
        ),
        ("DeploymentConfigName".to_owned(), configuration(&preference.kind, "")),
        (
            "DeploymentStyle".to_owned(),
            json!({ "DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL" }),
        ),
        ("ServiceRoleArn".to_owned(), role),
    ]);
    if let Some(alarms) = alarms(preference)? {
        group.insert("AlarmConfiguration".to_owned(), alarms);
    }
    if let Some(triggers) = &preference.triggers {
        group.insert("TriggerConfigurations".to_owned(), triggers.clone());
    }
    if let Some(tags) = &preference.tags {
        group.insert("Tags".to_owned(), tag_list(Some(&Value::Object(tags.clone()))).into());
    }
    let group = resource("AWS::CodeDeploy::DeploymentGroup", group, preference.condition.as_deref());
    Ok((format!("{}DeploymentGroup", preference.function), group))
}

fn alarms(preference: &Preference) -> Result<Option<Value>, Problems> {
    let Some(alarms) = preference.alarms.as_ref().filter(|a| is_truthy(a) && !is_no_value(a)) else {
        return Ok(None);
    };
    let refuse = |why: &str| Problems::resource(&preference.function, why);
    let list = |alarms: &Value| match alarms.as_array() {
        None => Err(refuse("Alarms must be a list")),
        Some(list) if list.first().is_none_or(is_no_value) => Ok(json!({})),
        Some(list) => {
            let named: Vec<Value> = list.iter().map(|alarm| json!({ "Name": alarm })).collect();
            Ok(json!({ "Enabled": true, "Alarms": named }))
        }
    };
    match if_parts(alarms) {
        None => list(alarms).map(Some),
        Some(Err(why)) => Err(refuse(why)),
        Some(Ok([condition, yes, no])) => Ok(Some(json!({ "Fn::If": [condition, list(yes)?, list(no)?] }))),
    }
}

/// AWS's own configurations are known to CodeDeploy under a longer name. The document's depth cap bounds the recursion.
fn configuration(value: &Value, function: &str) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| configuration(item, "")).collect(),
        Value::Object(map) if is_intrinsic(value) => {
            map.iter().map(|(name, inner)| (name.clone(), configuration(inner, name))).collect()
        }
        Value::String(name) if CONFIGURATIONS.contains(&name.as_str()) => {
            let parts = json!(["CodeDeployDefault.Lambda${ConfigName}", { "ConfigName": name }]);
            if function == "Fn::Sub" { parts } else { json!({ "Fn::Sub": parts }) }
        }
        other => other.clone(),
    }
}
