//! `Schedule`, `CloudWatchEvent` and `EventBridgeRule`: rules of EventBridge that call a function or a state machine.

use serde_json::{Map, Value, json};

use super::super::context::Source;
use super::super::error::Problems;
use super::super::value::{Kind, attribute};
use super::{Event, Grant, Target, queue};

pub(super) const SCHEDULE: [(&str, Kind); 9] = [
    ("Schedule", Kind::Text),
    ("RuleName", Kind::Text),
    ("Input", Kind::Text),
    ("Enabled", Kind::Flag),
    ("State", Kind::Text),
    ("Name", Kind::Text),
    ("Description", Kind::Text),
    ("DeadLetterConfig", Kind::Map),
    ("RetryPolicy", Kind::Map),
];

pub(super) const PATTERN: [(&str, Kind); 11] = [
    ("EventBusName", Kind::Text),
    ("RuleName", Kind::Text),
    ("Pattern", Kind::Map),
    ("DeadLetterConfig", Kind::Map),
    ("RetryPolicy", Kind::Map),
    ("Input", Kind::Text),
    ("InputPath", Kind::Text),
    ("Target", Kind::Map),
    ("Enabled", Kind::Flag),
    ("State", Kind::Text),
    ("InputTransformer", Kind::Map),
];

pub(super) const START_SCHEDULE: [(&str, Kind); 10] = [
    ("Schedule", Kind::Text),
    ("Input", Kind::Text),
    ("Enabled", Kind::Flag),
    ("State", Kind::Text),
    ("Name", Kind::Text),
    ("Description", Kind::Text),
    ("DeadLetterConfig", Kind::Map),
    ("RetryPolicy", Kind::Map),
    ("Target", Kind::PlainMap),
    ("RoleArn", Kind::PlainText),
];

pub(super) const START_PATTERN: [(&str, Kind); 10] = [
    ("EventBusName", Kind::Text),
    ("RuleName", Kind::Text),
    ("Pattern", Kind::Map),
    ("Input", Kind::Text),
    ("InputPath", Kind::Text),
    ("DeadLetterConfig", Kind::Map),
    ("RetryPolicy", Kind::Map),
    ("State", Kind::Text),
    ("Target", Kind::PlainMap),
    ("InputTransformer", Kind::Map),
];

/// What a rule calls.
pub(in super::super) struct Targets<'a> {
    /// The resource that the event belongs to.
    pub(in super::super) source: &'a Source<'a>,
    /// The event's owner, key and logical id.
    pub(in super::super) owner: (&'a str, &'a str, &'a str),
    pub(in super::super) properties: &'a Map<String, Value>,
    /// The ARN to call, and the role to do it with where one is needed.
    pub(in super::super) arn: Value,
    pub(in super::super) role: Option<Value>,
    /// What the id of the target ends in.
    pub(in super::super) suffix: &'a str,
}

/// The ids of targets have at most 64 characters.
const TARGET_ID_MAX: usize = 64;

pub(super) fn expand(
    target: &Target<'_>,
    event: &Event<'_>,
    kind: &str,
) -> Result<Vec<(String, Value)>, Problems> {
    let targets = Targets {
        source: target.source,
        owner: (event.function, event.id, &event.logical_id),
        properties: &event.properties,
        arn: target.arn(),
        role: None,
        suffix: "LambdaTarget",
    };
    let mut resources = rule(&targets, kind)?;
    let grant = Grant {
        principal: "events.amazonaws.com",
        source_arn: Some(attribute(&event.logical_id, "Arn")),
        ..Grant::default()
    };
    resources.push(target.permission(format!("{}Permission", event.logical_id), grant));
    Ok(resources)
}

/// The rule, and a queue for what it cannot deliver where the event asks for one.
pub(in super::super) fn rule(targets: &Targets<'_>, kind: &str) -> Result<Vec<(String, Value)>, Problems> {
    let (function, id, logical_id) = targets.owner;
    let event =
        Event { id, logical_id: logical_id.to_owned(), function, properties: targets.properties.clone() };
    let mut rule = Map::new();
    let names: &[(&str, &str)] = match kind {
        "Schedule" => &[("Schedule", "ScheduleExpression"), ("Name", "Name"), ("Description", "Description")],
        _ => &[("EventBusName", "EventBusName"), ("Pattern", "EventPattern"), ("RuleName", "Name")],
    };
    for (from, to) in names {
        if let Some(value) = event.get(from) {
            rule.insert((*to).to_owned(), value.clone());
        }
    }
    match (event.truthy("State"), event.get("Enabled")) {
        (Some(_), Some(_)) => {
            return Err(event.refuse("State and Enabled Properties cannot both be specified."));
        }
        (Some(state), None) => drop(rule.insert("State".to_owned(), state.clone())),
        (None, Some(enabled)) => {
            let state = if super::super::value::is_truthy(enabled) { "ENABLED" } else { "DISABLED" };
            rule.insert("State".to_owned(), state.into());
        }
        (None, None) => {}
    }
    let (dead_letters, queues) =
        queue::of_rule(&event, targets.source, &attribute(&event.logical_id, "Arn"))?;
    rule.insert("Targets".to_owned(), json!([call(targets, &event, dead_letters)]));
    let mut resources = vec![(event.logical_id.clone(), targets.source.part("AWS::Events::Rule", rule))];
    resources.extend(queues);
    Ok(resources)
}

fn call(targets: &Targets<'_>, event: &Event<'_>, dead_letters: Option<Value>) -> Value {
    let given = event.get("Target").and_then(|target| target.get("Id")).cloned();
    let id = given.unwrap_or_else(|| target_id(&event.logical_id, targets.suffix).into());
    let mut call = Map::from_iter([("Arn".to_owned(), targets.arn.clone()), ("Id".to_owned(), id)]);
    if let Some(role) = &targets.role {
        call.insert("RoleArn".to_owned(), role.clone());
    }
    for name in ["Input", "InputPath", "RetryPolicy", "InputTransformer"] {
        if let Some(value) = event.get(name) {
            call.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(arn) = dead_letters {
        call.insert("DeadLetterConfig".to_owned(), json!({ "Arn": arn }));
    }
    Value::Object(call)
}

/// The suffix gives way where both together are too long, then the id.
fn target_id(logical_id: &str, suffix: &str) -> String {
    let whole = format!("{logical_id}{suffix}");
    if whole.len() <= TARGET_ID_MAX {
        return whole;
    }
    logical_id.chars().take(TARGET_ID_MAX - suffix.len()).chain(suffix.chars()).collect()
}
