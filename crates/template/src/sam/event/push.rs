//! Events that a service sends by itself: S3, Cognito, IoT, Alexa and CloudWatch Logs.
//!
//! S3 and Cognito events change the bucket or the user pool of the same template; one that is elsewhere is refused.

use serde_json::{Map, Value, json};

use super::super::context::Context;
use super::super::error::Problems;
use super::super::value::{Kind, attribute, reference};
use super::{Event, Grant, Target};

pub(super) const BUCKET: [(&str, Kind); 3] =
    [("Bucket", Kind::Text), ("Events", Kind::PlainTextOrTexts), ("Filter", Kind::MapOfText)];
pub(super) const SKILL: [(&str, Kind); 1] = [("SkillId", Kind::Text)];
pub(super) const IOT: [(&str, Kind); 2] = [("Sql", Kind::Text), ("AwsIotSqlVersion", Kind::Text)];
pub(super) const COGNITO: [(&str, Kind); 2] = [("UserPool", Kind::Text), ("Trigger", Kind::PlainTextOrTexts)];
pub(super) const LOGS: [(&str, Kind); 2] = [("LogGroupName", Kind::Text), ("FilterPattern", Kind::Text)];

/// The id of the resource that an event of S3 or Cognito belongs to.
pub(super) fn link(event: &Event<'_>, property: &str, context: &Context) -> Result<String, Problems> {
    let is_bucket = property == "Bucket";
    let reference = event.get(property).and_then(|value| value.get("Ref"));
    match reference {
        Some(Value::String(id)) if context.resources.contains_key(id) => Ok(id.clone()),
        Some(Value::String(_)) | None => Err(event.refuse(if is_bucket {
            "S3 events must reference an S3 bucket in the same template."
        } else {
            "Cognito events must reference a Cognito UserPool in the same template."
        })),
        Some(_) if is_bucket => Err(event.refuse("'Ref' value in S3 events is not a valid string.")),
        Some(_) => Err(event.refuse_long("Ref in Userpool is not a string.")),
    }
}

/// A member of a map that is made where it is missing.
fn section<'a>(map: &'a mut Map<String, Value>, name: &str, empty: Value) -> &'a mut Value {
    let entry = map.entry(name.to_owned()).or_insert(Value::Null);
    if entry.is_null() {
        *entry = empty;
    }
    entry
}

fn texts(value: Option<&Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    }
}

fn properties<'a>(
    id: &str,
    kind: &str,
    context: &'a mut Context,
) -> Result<&'a mut Map<String, Value>, Problems> {
    let resource = context.resources.get_mut(id).and_then(Value::as_object_mut);
    let Some(resource) = resource else { return Err(Problems::resource(id, "Resource is not a map.")) };
    match resource.get("Type") {
        Some(found) if found == kind => {}
        None => return Err(Problems::resource(id, "Resource dict missing key 'Type'.")),
        Some(found) => {
            let found = found.as_str().unwrap_or_default();
            let message = format_args!("Resource has incorrect Type; expected '{kind}', got '{found}'");
            return Err(Problems::resource(id, message));
        }
    }
    section(resource, "Properties", json!({}))
        .as_object_mut()
        .ok_or_else(|| Problems::resource(id, "Properties should be a map."))
}

/// Notifies the function of what happens in a bucket.
pub(super) fn bucket(
    target: &Target<'_>,
    event: &Event<'_>,
    context: &mut Context,
) -> Result<Vec<(String, Value)>, Problems> {
    let id = link(event, "Bucket", context)?;
    let permission_id = format!("{}Permission", event.logical_id);
    let grant = Grant {
        principal: "s3.amazonaws.com",
        source_account: Some(reference("AWS::AccountId")),
        ..Grant::default()
    };
    let permission = target.permission(permission_id.clone(), grant);
    let condition = target.source.condition().map(str::to_owned);
    let mut base = Map::from_iter([("Function".to_owned(), target.arn())]);
    if let Some(filter) = event.get("Filter") {
        base.insert("Filter".to_owned(), filter.clone());
    }
    let properties = properties(&id, "AWS::S3::Bucket", context)?;
    let list = |what: &str| Problems::resource(&id, what);
    if let Some(condition) = &condition {
        let tags = section(properties, "Tags", json!([]))
            .as_array_mut()
            .ok_or_else(|| list("Property 'Tags' should be a list."))?;
        // A dependency that holds only under the condition: DependsOn could not say that.
        tags.push(json!({
            "Key": format!("sam:ConditionalDependsOn:{permission_id}"),
            "Value": { "Fn::If": [condition, { "Ref": permission_id }, "no dependency"] },
        }));
    }
    let configuration = section(properties, "NotificationConfiguration", json!({}))
        .as_object_mut()
        .ok_or_else(|| list("Property 'NotificationConfiguration' should be a map."))?;
    let lambdas = section(configuration, "LambdaConfigurations", json!([]))
        .as_array_mut()
        .ok_or_else(|| list("Invalid type for LambdaConfigurations. Must be a list."))?;
    for kind in texts(event.get("Events")) {
        let mut entry = base.clone();
        entry.insert("Event".to_owned(), kind);
        let entry = match &condition {
            Some(condition) => json!({ "Fn::If": [condition, entry, reference("AWS::NoValue")] }),
            None => Value::Object(entry),
        };
        if !lambdas.contains(&entry) {
            lambdas.push(entry);
        }
    }
    if condition.is_none() {
        depend(&event.logical_id, &id, &permission_id, context)?;
    }
    Ok(vec![permission])
}

fn depend(event: &str, bucket: &str, permission: &str, context: &mut Context) -> Result<(), Problems> {
    let Some(resource) = context.resources.get_mut(bucket).and_then(Value::as_object_mut) else {
        return Ok(());
    };
    let mut all = match resource.get("DependsOn") {
        None => Vec::new(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => items.clone(),
        Some(Value::String(one)) => vec![json!(one)],
        Some(_) => {
            let message = "Invalid type for field 'DependsOn'. Expected a string or list of strings.";
            return Err(Problems::resource(event, message));
        }
    };
    if !all.contains(&json!(permission)) {
        all.push(json!(permission));
    }
    resource.insert("DependsOn".to_owned(), all.into());
    Ok(())
}

/// Lets a skill call the function.
pub(super) fn skill(target: &Target<'_>, event: &Event<'_>) -> Vec<(String, Value)> {
    let grant = Grant {
        principal: "alexa-appkit.amazon.com",
        token: event.get("SkillId").cloned(),
        ..Grant::default()
    };
    vec![target.permission(format!("{}Permission", event.logical_id), grant)]
}

/// A rule of IoT.
pub(super) fn iot(target: &Target<'_>, event: &Event<'_>) -> Vec<(String, Value)> {
    let id = &event.logical_id;
    let arn = format!("arn:{}:iot:${{AWS::Region}}:${{AWS::AccountId}}:rule/${{RuleName}}", base::PARTITION);
    let grant = Grant {
        principal: "iot.amazonaws.com",
        source_arn: Some(json!({ "Fn::Sub": [arn, { "RuleName": reference(id) }] })),
        source_account: Some(json!({ "Fn::Sub": "${AWS::AccountId}" })),
        token: None,
    };
    let mut payload = Map::from_iter([
        ("Sql".to_owned(), event.get("Sql").cloned().unwrap_or_default()),
        ("RuleDisabled".to_owned(), json!(false)),
        ("Actions".to_owned(), json!([{ "Lambda": { "FunctionArn": target.arn() } }])),
    ]);
    if let Some(version) = event.truthy("AwsIotSqlVersion") {
        payload.insert("AwsIotSqlVersion".to_owned(), version.clone());
    }
    let rule = Map::from_iter([("TopicRulePayload".to_owned(), Value::Object(payload))]);
    vec![
        target.permission(format!("{id}Permission"), grant),
        (id.clone(), target.source.part("AWS::IoT::TopicRule", rule)),
    ]
}

/// A trigger of a user pool.
pub(super) fn cognito(
    target: &Target<'_>,
    event: &Event<'_>,
    context: &mut Context,
) -> Result<Vec<(String, Value)>, Problems> {
    let id = link(event, "UserPool", context)?;
    let properties = properties(&id, "AWS::Cognito::UserPool", context)?;
    let triggers = section(properties, "LambdaConfig", json!({}))
        .as_object_mut()
        .ok_or_else(|| Problems::resource(&id, "Property 'LambdaConfig' should be a map."))?;
    for trigger in texts(event.get("Trigger")) {
        let Some(name) = trigger.as_str() else { continue };
        if triggers.contains_key(name) {
            let shown = event.get("Trigger").map(super::super::value::shown).unwrap_or_default();
            return Err(event.refuse(format_args!("Cognito trigger \"{shown}\" defined multiple times.")));
        }
        triggers.insert(name.to_owned(), target.arn());
    }
    let grant = Grant {
        principal: "cognito-idp.amazonaws.com",
        source_arn: Some(attribute(&id, "Arn")),
        ..Grant::default()
    };
    let owner = target.alias.unwrap_or(target.source.id);
    Ok(vec![target.permission(format!("{owner}CognitoPermission"), grant)])
}

/// A subscription to a log group.
pub(super) fn logs(target: &Target<'_>, event: &Event<'_>) -> Vec<(String, Value)> {
    let arn = format!(
        "arn:{}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:${{__LogGroupName__}}:*",
        base::PARTITION
    );
    let group = event.get("LogGroupName").cloned().unwrap_or_default();
    let grant = Grant {
        principal: "logs.amazonaws.com",
        source_arn: Some(json!({ "Fn::Sub": [arn, { "__LogGroupName__": group }] })),
        ..Grant::default()
    };
    let permission = target.permission(format!("{}Permission", event.logical_id), grant);
    let filter = Map::from_iter([
        ("LogGroupName".to_owned(), group),
        ("FilterPattern".to_owned(), event.get("FilterPattern").cloned().unwrap_or_default()),
        ("DestinationArn".to_owned(), target.arn()),
    ]);
    let mut filter = target.source.part("AWS::Logs::SubscriptionFilter", filter);
    if let Some(body) = filter.as_object_mut() {
        body.insert("DependsOn".to_owned(), json!([permission.0]));
    }
    vec![permission, (event.logical_id.clone(), filter)]
}
