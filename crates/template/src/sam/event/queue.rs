//! Queues for events that could not be delivered: `DeadLetterConfig` of rules and schedules.

use serde_json::{Map, Value, json};

use super::super::context::Source;
use super::super::error::Problems;
use super::super::policy;
use super::super::value::{attribute, reference};
use super::Event;

type Queue = (Option<Value>, Vec<(String, Value)>);

fn checked<'a>(event: &'a Event<'_>) -> Result<Option<&'a Map<String, Value>>, Problems> {
    let Some(Value::Object(config)) = event.get("DeadLetterConfig") else { return Ok(None) };
    let (arn, kind) = (config.contains_key("Arn"), config.get("Type"));
    match (arn, kind) {
        (true, Some(_)) => {
            Err(event.refuse_long("You can either define 'Arn' or 'Type' property of DeadLetterConfig."))
        }
        (_, Some(kind)) if kind != "SQS" => {
            Err(event.refuse_long("The only valid value for 'Type' property of DeadLetterConfig is 'SQS'."))
        }
        (false, None) => Err(event.refuse_long("No 'Arn' or 'Type' property provided for DeadLetterConfig.")),
        _ => Ok(Some(config)),
    }
}

fn named(event: &Event<'_>, config: &Map<String, Value>) -> Result<String, Problems> {
    match config.get("QueueLogicalId").filter(|id| !id.is_null()) {
        None => Ok(format!("{}Queue", event.logical_id)),
        Some(Value::String(id)) if id.is_empty() => Ok(format!("{}Queue", event.logical_id)),
        Some(Value::String(id)) => Ok(id.clone()),
        Some(_) => Err(event.refuse_long("QueueLogicalId must be a string")),
    }
}

/// The queue of a rule: the ARN to send to, and what is generated for it, its policy included.
pub(super) fn of_rule(event: &Event<'_>, source: &Source<'_>, rule: &Value) -> Result<Queue, Problems> {
    let (arn, mut resources) = of_schedule(event, source)?;
    if let (Some((id, _)), Some(arn)) = (resources.first(), &arn) {
        let document = policy::queue(&json!({ "Service": "events.amazonaws.com" }), rule, arn);
        let properties = Map::from_iter([
            ("PolicyDocument".to_owned(), document),
            ("Queues".to_owned(), json!([reference(id)])),
        ]);
        let part = source.part("AWS::SQS::QueuePolicy", properties);
        resources.push((format!("{}QueuePolicy", event.logical_id), part));
    }
    Ok((arn, resources))
}

/// The queue of a schedule, which reaches it with its own role.
pub(super) fn of_schedule(event: &Event<'_>, source: &Source<'_>) -> Result<Queue, Problems> {
    let Some(config) = checked(event)? else { return Ok((None, Vec::new())) };
    if let Some(arn) = config.get("Arn").filter(|arn| !arn.is_null()) {
        return Ok((Some(arn.clone()), Vec::new()));
    }
    let id = named(event, config)?;
    let queue = source.part("AWS::SQS::Queue", Map::new());
    Ok((Some(attribute(&id, "Arn")), vec![(id, queue)]))
}
