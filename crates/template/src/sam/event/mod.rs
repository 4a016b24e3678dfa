//! Events of functions: what calls them, and what that takes.
//!
//! Decides by type only; each kind of event is a file of its own. An event type that the published transform does not know
//! is refused in its words.

mod access;
mod bridge;
mod http;
mod merge;
mod pull;
mod push;
mod queue;
pub(super) mod rest;
mod rest_auth;
mod rest_request;
mod schedule;
mod stream_facts;
mod topic;

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::python::Slots;
use super::value::{Kind, attribute, check, reference};
use super::version;

pub(super) use bridge::{Targets, rule};
pub(super) use http::is_http;
pub(super) use rest::{api_id, is_api};
pub(super) use schedule::{Callee, schedule};

/// What an event calls: a function, or its alias.
pub(super) struct Target<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) alias: Option<&'a str>,
}

impl Target<'_> {
    /// What `FunctionName` is set to.
    fn name(&self) -> Value {
        reference(self.alias.unwrap_or(self.source.id))
    }

    /// The ARN that events call.
    pub(super) fn arn(&self) -> Value {
        self.alias.map_or_else(|| attribute(self.source.id, "Arn"), reference)
    }

    fn permission(&self, id: String, grant: Grant<'_>) -> (String, Value) {
        let mut properties = Map::from_iter([
            ("Action".to_owned(), json!("lambda:InvokeFunction")),
            ("FunctionName".to_owned(), self.name()),
            ("Principal".to_owned(), json!(grant.principal)),
        ]);
        let optional = [
            ("SourceArn", grant.source_arn),
            ("SourceAccount", grant.source_account),
            ("EventSourceToken", grant.token),
        ];
        properties.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        (id, self.source.part("AWS::Lambda::Permission", properties))
    }
}

/// Whom a permission lets call.
#[derive(Default)]
struct Grant<'a> {
    principal: &'a str,
    source_arn: Option<Value>,
    source_account: Option<Value>,
    token: Option<Value>,
}

/// One event of a function.
struct Event<'a> {
    /// Its key.
    id: &'a str,
    /// The logical id of its main resource: the function's and its own.
    logical_id: String,
    function: &'a str,
    properties: Map<String, Value>,
}

impl Event<'_> {
    fn refuse(&self, message: impl std::fmt::Display) -> Problems {
        Problems::event(self.function, self.id, message)
    }

    /// The same where the published transform names the event by its logical id.
    fn refuse_long(&self, message: impl std::fmt::Display) -> Problems {
        Problems::event(self.function, &self.logical_id, message)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        super::value::member(&self.properties, name)
    }

    fn truthy(&self, name: &str) -> Option<&Value> {
        super::value::truthy(&self.properties, name)
    }

    /// `Property 'x' should be a map.`
    fn map(&self, name: &str) -> Result<Option<&Map<String, Value>>, Problems> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(self.refuse(format_args!("Property '{name}' should be a map."))),
        }
    }
}

/// In which order the published transform meets a function's events: that order shows in the bodies of APIs.
pub(super) struct Order {
    /// The `Api` events, as they are added to bodies at first.
    pub(super) of_routes: Vec<String>,
    /// All events, as they are expanded.
    pub(super) of_all: Vec<String>,
}

impl Order {
    pub(super) fn of(events: &Map<String, Value>) -> Self {
        let mut all: Slots = events.keys().collect();
        let order = all.keys();
        let routes: Slots = order.iter().filter(|id| events.get(*id).is_some_and(is_api)).collect();
        let of_routes = routes.keys();
        all.merge(&of_routes);
        Self { of_routes, of_all: all.keys() }
    }
}

/// The properties of an event type and those that it must have.
type Shape = (&'static [(&'static str, Kind)], &'static [&'static str]);

fn shape(kind: &str) -> Option<Shape> {
    let pull = stream_facts::shape(kind);
    Some(match kind {
        "Api" => (&rest::API_EVENT, &["Path", "Method", "RestApiId"]),
        "HttpApi" => (&http::PROPERTIES, &[]),
        "Schedule" => (&bridge::SCHEDULE, &["Schedule"]),
        "CloudWatchEvent" | "EventBridgeRule" => (&bridge::PATTERN, &[]),
        "ScheduleV2" => (&schedule::PROPERTIES, &["ScheduleExpression"]),
        "S3" => (&push::BUCKET, &["Bucket", "Events"]),
        "SNS" => (&topic::PROPERTIES, &["Topic"]),
        "AlexaSkill" => (&push::SKILL, &[]),
        "IoTRule" => (&push::IOT, &["Sql"]),
        "Cognito" => (&push::COGNITO, &["UserPool", "Trigger"]),
        "CloudWatchLogs" => (&push::LOGS, &["LogGroupName", "FilterPattern"]),
        _ => return pull,
    })
}

fn read<'a>(
    function: &'a str,
    id: &'a str,
    event: &Value,
    known: impl Fn(&str) -> Option<Shape>,
) -> Result<(String, Event<'a>), Problems> {
    let kind = event.get("Type").unwrap_or(&Value::Null);
    let shape = kind.as_str().and_then(known);
    let Some((properties, required)) = shape else {
        let shown = kind.as_str().map_or_else(|| super::value::printed(kind), str::to_owned);
        let message =
            format_args!("Resource dict has missing or invalid value for key Type. Event Type is: {shown}.");
        return Err(Problems::event(function, id, message));
    };
    let kind = kind.as_str().unwrap_or_default();
    let logical_id = format!("{function}{id}");
    if !logical_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Problems::resource(&logical_id, "Logical ids must be alphanumeric."));
    }
    let given = match event.get("Properties") {
        None => Map::new(),
        Some(Value::Object(map)) => map.clone(),
        Some(_) => {
            return Err(Problems::resource(&logical_id, "Properties of a resource must be an object."));
        }
    };
    check(&logical_id, kind, &given, properties, required)?;
    Ok((kind.to_owned(), Event { id, logical_id, function, properties: given }))
}

/// One event of a state machine, checked.
pub(super) struct StateMachineEvent<'a> {
    pub(super) kind: String,
    pub(super) id: &'a str,
    pub(super) logical_id: String,
    pub(super) properties: Map<String, Value>,
}

fn state_machine_shape(kind: &str) -> Option<Shape> {
    Some(match kind {
        "Api" => (&rest::START_EVENT, &["Path", "Method", "RestApiId"]),
        "Schedule" => (&bridge::START_SCHEDULE, &["Schedule"]),
        "CloudWatchEvent" | "EventBridgeRule" => (&bridge::START_PATTERN, &[]),
        "ScheduleV2" => (&schedule::PROPERTIES, &["ScheduleExpression"]),
        _ => return None,
    })
}

impl<'a> StateMachineEvent<'a> {
    pub(super) fn read(machine: &'a str, id: &'a str, event: &Value) -> Result<Self, Problems> {
        let (kind, event) = read(machine, id, event, state_machine_shape)?;
        Ok(Self { kind, id, logical_id: event.logical_id, properties: event.properties })
    }
}

/// Checks all events of a state machine before any is expanded.
pub(super) fn link_state_machine(source: &Source<'_>, context: &Context) -> Result<(), Problems> {
    let events = source.properties.get("Events").and_then(Value::as_object);
    for (id, event) in events.into_iter().flatten() {
        let (kind, event) = read(source.id, id, event, state_machine_shape)?;
        if kind == "Api" {
            rest::link(&event, context)?;
        }
    }
    Ok(())
}

/// Checks all events before any is expanded.
pub(super) fn link(source: &Source<'_>, context: &Context) -> Result<(), Problems> {
    let Some(events) = source.properties.get("Events").and_then(Value::as_object) else { return Ok(()) };
    for (id, event) in events {
        let (kind, event) = read(source.id, id, event, shape)?;
        match kind.as_str() {
            "S3" => drop(push::link(&event, "Bucket", context)?),
            "Cognito" => drop(push::link(&event, "UserPool", context)?),
            "Api" => rest::link(&event, context)?,
            _ => {}
        }
    }
    Ok(())
}

/// All that a function's events become. Events may add policies to the function's role.
pub(super) fn expand(
    target: &Target<'_>,
    context: &mut Context,
    role: &mut Value,
) -> Result<Vec<(String, Value)>, Problems> {
    let events =
        target.source.properties.get("Events").and_then(Value::as_object).cloned().unwrap_or_default();
    let order = Order::of(&events).of_all;
    let mut ordered: Vec<(&String, &Value)> =
        order.iter().filter_map(|id| events.get_key_value(id)).collect();
    ordered.sort_by_key(|(id, event)| {
        let path = event.get("Properties").and_then(|properties| properties.get("Path"));
        path.and_then(Value::as_str).unwrap_or(id.as_str())
    });
    let mut resources = Vec::new();
    for (id, event) in ordered {
        let (kind, event) = read(target.source.id, id, event, shape)?;
        resources.extend(match kind.as_str() {
            "Api" => rest::expand(target, &event, context)?,
            "HttpApi" => http::expand(target, &event, context)?,
            "Schedule" | "CloudWatchEvent" | "EventBridgeRule" => bridge::expand(target, &event, &kind)?,
            "ScheduleV2" => schedule::expand(target, &event)?,
            "S3" => push::bucket(target, &event, context)?,
            "SNS" => topic::expand(target, &event, context, role)?,
            "AlexaSkill" => push::skill(target, &event),
            "IoTRule" => push::iot(target, &event),
            "Cognito" => push::cognito(target, &event, context)?,
            "CloudWatchLogs" => push::logs(target, &event),
            _ => pull::expand(target, &event, &kind, context, role)?,
        });
    }
    Ok(resources)
}

/// `prefix` and the suffix where it is alphanumeric, else its fingerprint.
fn suffixed(prefix: &str, suffix: &str) -> String {
    if suffix.is_empty() || suffix.chars().all(char::is_alphanumeric) {
        return format!("{prefix}{suffix}");
    }
    format!("{prefix}{}", version::short_hash(suffix))
}
