//! `ScheduleV2`: a schedule of EventBridge Scheduler, with a role of its own.

use serde_json::{Map, Value, json};

use super::super::context::Source;
use super::super::error::Problems;
use super::super::policy;
use super::super::value::{Kind, attribute};
use super::{Event, Target, queue};

pub(in super::super) const PROPERTIES: [(&str, Kind); 16] = [
    ("PermissionsBoundary", Kind::Text),
    ("ScheduleExpression", Kind::Text),
    ("FlexibleTimeWindow", Kind::Map),
    ("Name", Kind::Text),
    ("State", Kind::Text),
    ("Description", Kind::Text),
    ("StartDate", Kind::Text),
    ("EndDate", Kind::Text),
    ("ScheduleExpressionTimezone", Kind::Text),
    ("GroupName", Kind::Text),
    ("KmsKeyArn", Kind::Text),
    ("Input", Kind::Text),
    ("RoleArn", Kind::Text),
    ("DeadLetterConfig", Kind::Map),
    ("RetryPolicy", Kind::Map),
    ("OmitName", Kind::PlainFlag),
];

const SAME: [&str; 7] = [
    "ScheduleExpression",
    "Description",
    "StartDate",
    "EndDate",
    "ScheduleExpressionTimezone",
    "GroupName",
    "KmsKeyArn",
];

/// Whom a schedule calls.
#[derive(Clone, Copy)]
pub(in super::super) enum Callee {
    Function,
    StateMachine,
}

pub(super) fn expand(target: &Target<'_>, event: &Event<'_>) -> Result<Vec<(String, Value)>, Problems> {
    let owner = (event.function, event.id, event.logical_id.as_str());
    schedule(target.source, owner, &event.properties, &target.arn(), Callee::Function)
}

/// The schedule, its role and its queue. `owner` is the resource, the event's key and its logical id.
pub(in super::super) fn schedule(
    source: &Source<'_>,
    owner: (&str, &str, &str),
    properties: &Map<String, Value>,
    arn: &Value,
    callee: Callee,
) -> Result<Vec<(String, Value)>, Problems> {
    let (function, id, logical_id) = owner;
    let event = Event { id, logical_id: logical_id.to_owned(), function, properties: properties.clone() };
    let mut schedule = Map::new();
    if let Some(state) = event.truthy("State") {
        schedule.insert("State".to_owned(), state.clone());
    }
    match (event.truthy("OmitName"), event.truthy("Name")) {
        (Some(_), Some(_)) => return Err(event.refuse_long("Name cannot be set when OmitName is True")),
        (Some(_), None) => {}
        (None, name) => {
            let name = name.cloned().unwrap_or_else(|| logical_id.into());
            schedule.insert("Name".to_owned(), name);
        }
    }
    for name in SAME {
        if let Some(value) = event.get(name) {
            schedule.insert(name.to_owned(), value.clone());
        }
    }
    let window = event.truthy("FlexibleTimeWindow").cloned().unwrap_or_else(|| json!({ "Mode": "OFF" }));
    schedule.insert("FlexibleTimeWindow".to_owned(), window);
    let (dead_letters, mut resources) = queue::of_schedule(&event, source)?;
    let role = match event.truthy("RoleArn") {
        Some(role) => role.clone(),
        None => {
            let role_id = format!("{logical_id}Role");
            let role = role(&event, source, arn, callee, dead_letters.as_ref());
            resources.push((role_id.clone(), role));
            attribute(&role_id, "Arn")
        }
    };
    let mut target = Map::from_iter([("Arn".to_owned(), arn.clone()), ("RoleArn".to_owned(), role)]);
    for name in ["Input", "RetryPolicy"] {
        if let Some(value) = event.get(name) {
            target.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(arn) = dead_letters {
        target.insert("DeadLetterConfig".to_owned(), json!({ "Arn": arn }));
    }
    schedule.insert("Target".to_owned(), Value::Object(target));
    resources.push((logical_id.to_owned(), source.part("AWS::Scheduler::Schedule", schedule)));
    Ok(resources)
}

fn role(
    event: &Event<'_>,
    source: &Source<'_>,
    arn: &Value,
    callee: Callee,
    dead_letters: Option<&Value>,
) -> Value {
    let mut policies: Vec<Value> = match callee {
        Callee::Function => policy::send_to("Lambda", &event.logical_id, arn).into_iter().collect(),
        Callee::StateMachine => vec![policy::start_execution(&event.logical_id, arn)],
    };
    policies.extend(dead_letters.and_then(|arn| policy::send_to("SQS", &event.logical_id, arn)));
    let mut role = Map::from_iter([
        ("AssumeRolePolicyDocument".to_owned(), policy::trust("scheduler.amazonaws.com")),
        ("Policies".to_owned(), policies.into()),
    ]);
    if let Some(boundary) = event.truthy("PermissionsBoundary") {
        role.insert("PermissionsBoundary".to_owned(), boundary.clone());
    }
    source.part("AWS::IAM::Role", role)
}
