//! Functions' output reaches the logs service in the name of their role, if the role may write it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::{Fault, Operation, Value};
use serde_json::json;
use service::{Access, AccessRequest, Permit, Service, ServiceBuilder};

use super::Fixture;
use crate::error::Error;

/// A logs service that remembers, and insists on groups and streams being made first.
#[derive(Default)]
pub(crate) struct Logs {
    made: Mutex<HashSet<String>>,
    lines: Mutex<Vec<String>>,
}

macro_rules! operation {
    ($name:ident) => {
        struct $name;
        impl Operation for $name {
            const SERVICE: &'static str = "logs";
            const NAME: &'static str = stringify!($name);
            type Input = Value;
            type Output = Value;
        }
    };
}

operation!(CreateLogGroup);
operation!(CreateLogStream);
operation!(PutLogEvents);

fn text(input: &Value, name: &str) -> String {
    match input {
        Value::Structure(members) => members.str(name).unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

fn access(_: &Logs, request: &AccessRequest<'_, Value>) -> Result<Access, Error> {
    let resource = |group: String| format!("arn:aws:logs:us-east-1:123456789012:log-group:{group}:*");
    Ok(Access::to("logs:PutLogEvents", resource(text(request.input, "logGroupName"))))
}

fn not_found() -> Error {
    Error::from(Fault::sender("ResourceNotFoundException", "The specified log group does not exist."))
}

pub(crate) fn service(logs: &Arc<Logs>) -> Service {
    ServiceBuilder::new("logs", Arc::clone(logs))
        .operation::<CreateLogGroup, Error, _, _, _>(
            access,
            |logs: Arc<Logs>, permit: Permit<CreateLogGroup>| async move {
                logs.made.lock().unwrap().insert(text(&permit.input, "logGroupName"));
                Ok(Value::default())
            },
        )
        .operation::<CreateLogStream, Error, _, _, _>(
            access,
            |logs: Arc<Logs>, permit: Permit<CreateLogStream>| async move {
                let mut made = logs.made.lock().unwrap();
                if !made.contains(&text(&permit.input, "logGroupName")) {
                    return Err(not_found());
                }
                made.insert(text(&permit.input, "logStreamName"));
                Ok(Value::default())
            },
        )
        .operation::<PutLogEvents, Error, _, _, _>(
            access,
            |logs: Arc<Logs>, permit: Permit<PutLogEvents>| async move {
                if !logs.made.lock().unwrap().contains(&text(&permit.input, "logStreamName")) {
                    return Err(not_found());
                }
                let Value::Structure(members) = &permit.input else { return Err(not_found()) };
                let Some(Value::List(events)) = members.get("logEvents") else { return Err(not_found()) };
                logs.lines.lock().unwrap().extend(events.iter().map(|event| text(event, "message")));
                Ok(Value::Structure(protocol::Structure::new()))
            },
        )
        .build()
}

/// Invokes once with a role that has these statements; the lines that arrived, and how many events were dropped.
async fn lines(statements: serde_json::Value) -> (Vec<String>, u64) {
    let logs = Arc::new(Logs::default());
    let fixture = Fixture::with(vec![service(&logs)]).await;
    fixture.kit.role("writer-role", json!({"Service": "lambda.amazonaws.com"}), statements).await;
    let mut input = super::create_input();
    input["Role"] = json!("arn:aws:iam::123456789012:role/writer-role");
    fixture.ok("CreateFunction", input).await;
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let _jobs = fixture.kit.pipeline.start_jobs(&stopped);
    tokio::time::sleep(Duration::from_millis(20)).await;
    fixture.invoke(json!({"FunctionName": "orders"}), &json!({"n": 1})).await;
    for _ in 0..200 {
        if fixture.compute.figures().log_events_dropped > 0 || !logs.lines.lock().unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let lines = logs.lines.lock().unwrap().clone();
    (lines, fixture.compute.figures().log_events_dropped)
}

#[tokio::test]
async fn output_arrives_as_the_role_and_makes_its_group_and_stream() {
    let resource = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/orders:*";
    let (lines, dropped) =
        lines(json!([{"Effect": "Allow", "Action": "logs:*", "Resource": resource}])).await;
    assert_eq!((lines.len(), dropped), (5, 0), "{lines:?}");
    assert!(lines[0].starts_with("INIT_START Runtime Version: python:3.13\t"));
    assert!(lines[1].starts_with("START RequestId: ") && lines[1].ends_with("Version: $LATEST\n"));
    assert_eq!(lines[2], "event {\"n\":1}\n");
    assert!(lines[4].starts_with("REPORT RequestId: "));
}

#[tokio::test]
async fn a_role_without_leave_writes_nothing_and_the_events_are_counted() {
    let (lines, dropped) = lines(json!([])).await;
    assert_eq!((lines.len(), dropped), (0, 5));
}
