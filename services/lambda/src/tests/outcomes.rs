//! Asynchronous invocations: their settings, and where their outcome goes.

use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::{ARN, Fixture, create_input};

fn encoded(event: &Value) -> Value {
    json!(base64::engine::general_purpose::STANDARD.encode(event.to_string()))
}

/// `orders`, whose role may invoke `audit`, and `audit`, which remembers in its log what it got.
async fn two_functions(may: Value) -> Fixture {
    let fixture = Fixture::empty().await;
    fixture.kit.role("sender-role", json!({"Service": "lambda.amazonaws.com"}), may).await;
    let mut orders = create_input();
    orders["Role"] = json!("arn:aws:iam::123456789012:role/sender-role");
    fixture.ok("CreateFunction", orders).await;
    let mut audit = create_input();
    audit["FunctionName"] = json!("audit");
    fixture.ok("CreateFunction", audit).await;
    fixture
}

fn audit_arn() -> String {
    ARN.replace("orders", "audit")
}

/// Waits until `function` was run `count` times; its events.
async fn seen(fixture: &Fixture, function: &str, count: usize) -> Vec<Value> {
    let mut events = Vec::new();
    for _ in 0..300 {
        let seen = fixture.seen.lock().unwrap().clone();
        events = seen.into_iter().filter(|(name, _)| name == function).map(|(_, event)| event).collect();
        if events.len() >= count {
            return events;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{function} was not run {count} times: {events:?}");
}

fn may_invoke_audit() -> Value {
    json!([{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": audit_arn()}])
}

async fn send(fixture: &Fixture, event: &Value) {
    let input = json!({"FunctionName": "orders", "InvocationType": "Event", "Payload": encoded(event)});
    assert_eq!(fixture.ok("Invoke", input).await["StatusCode"], 202);
}

#[tokio::test]
async fn an_event_of_a_function_that_is_gone_is_none_of_the_one_that_has_its_name() {
    let fixture = two_functions(may_invoke_audit()).await;
    send(&fixture, &json!({"n": 1})).await;
    fixture.ok("DeleteFunction", json!({"FunctionName": "orders"})).await;
    let mut orders = create_input();
    orders["Role"] = json!("arn:aws:iam::123456789012:role/sender-role");
    fixture.ok("CreateFunction", orders).await;
    let config = json!({"FunctionName": "orders", "DestinationConfig": {"OnSuccess": {"Destination": audit_arn()},
        "OnFailure": {"Destination": audit_arn()}}});
    fixture.ok("PutFunctionEventInvokeConfig", config).await;
    send(&fixture, &json!({"n": 2})).await;
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let _jobs = fixture.kit.pipeline.start_jobs(&stopped);
    assert_eq!(seen(&fixture, "audit", 1).await[0]["requestPayload"], json!({"n": 2}));
    // The first one was taken first.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(seen(&fixture, "orders", 1).await, [json!({"n": 2})]);
    assert_eq!(seen(&fixture, "audit", 1).await.len(), 1);
}

#[tokio::test]
async fn outcomes_reach_the_destination_as_the_functions_role() {
    let fixture = two_functions(may_invoke_audit()).await;
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let _jobs = fixture.kit.pipeline.start_jobs(&stopped);
    let config = json!({"FunctionName": "orders", "MaximumRetryAttempts": 0,
        "DestinationConfig": {"OnSuccess": {"Destination": audit_arn()}, "OnFailure": {"Destination": audit_arn()}}});
    let made = fixture.ok("PutFunctionEventInvokeConfig", config).await;
    assert_eq!(
        (&made["FunctionArn"], &made["MaximumRetryAttempts"]),
        (&json!(format!("{ARN}:$LATEST")), &json!(0))
    );
    send(&fixture, &json!({"n": 1})).await;
    let record = seen(&fixture, "audit", 1).await.remove(0);
    assert_eq!(record["requestContext"]["condition"], "Success");
    assert_eq!(
        (&record["requestPayload"], &record["responsePayload"]["event"]),
        (&json!({"n": 1}), &json!({"n": 1}))
    );
    send(&fixture, &json!({"fail": true})).await;
    let record = seen(&fixture, "audit", 2).await.remove(1);
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 1);
    assert_eq!(record["responseContext"]["functionError"], "Unhandled");
    assert_eq!(record["responsePayload"], json!({"errorType": "E"}));
    fixture
        .ok("PutFunctionConcurrency", json!({"FunctionName": "orders", "ReservedConcurrentExecutions": 0}))
        .await;
    send(&fixture, &json!({"n": 3})).await;
    let record = seen(&fixture, "audit", 3).await.remove(2);
    assert_eq!(record["requestContext"]["condition"], "ZeroReservedConcurrency");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 0);
}

#[tokio::test]
async fn a_role_without_leave_sends_nothing_and_that_is_on_record() {
    let fixture = two_functions(may_invoke_audit()).await;
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let _jobs = fixture.kit.pipeline.start_jobs(&stopped);
    let config =
        json!({"FunctionName": "orders", "DestinationConfig": {"OnSuccess": {"Destination": audit_arn()}}});
    fixture.ok("PutFunctionEventInvokeConfig", config.clone()).await;
    // What was in order when it was set may be taken back, which is seen when something is sent, and when it is set again.
    fixture.kit.role("other-role", json!({"Service": "lambda.amazonaws.com"}), json!([])).await;
    let role = "arn:aws:iam::123456789012:role/other-role";
    fixture.ok("UpdateFunctionConfiguration", json!({"FunctionName": "orders", "Role": role})).await;
    let message = format!(
        "The function's execution role does not have permissions to call InvokeFunction on {}",
        audit_arn()
    );
    let refused = ("InvalidParameterValueException".to_owned(), message);
    assert_eq!(fixture.refused("PutFunctionEventInvokeConfig", config.clone()).await, refused);
    assert_eq!(fixture.refused("UpdateFunctionEventInvokeConfig", config).await, refused);
    let denials = async || {
        let is_denial = |record: &Value| {
            record["errorCode"].as_str().is_some_and(|code| code.starts_with("AccessDenied"))
                && record["userIdentity"].to_string().contains("other-role")
        };
        fixture.kit.records().await.iter().filter(|record| is_denial(record)).count()
    };
    let before = denials().await;
    assert_eq!(before, 2, "asking before is on record, too");
    send(&fixture, &json!({"n": 1})).await;
    let mut denied = false;
    for _ in 0..300 {
        denied = denials().await > before;
        if denied {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(denied, "{:?}", fixture.kit.records().await.last());
    assert!(fixture.seen.lock().unwrap().iter().all(|(name, _)| name == "orders"));
}

#[tokio::test]
async fn settings_are_kept_by_version_and_alias() {
    let fixture = two_functions(json!([])).await;
    fixture.ok("PublishVersion", json!({"FunctionName": "orders"})).await;
    fixture
        .ok("CreateAlias", json!({"FunctionName": "orders", "Name": "live", "FunctionVersion": "1"}))
        .await;
    for qualifier in ["1", "live"] {
        let config =
            json!({"FunctionName": "orders", "Qualifier": qualifier, "MaximumEventAgeInSeconds": 60});
        fixture.ok("PutFunctionEventInvokeConfig", config).await;
    }
    let update = json!({"FunctionName": "orders", "Qualifier": "live", "MaximumRetryAttempts": 1});
    let made = fixture.ok("UpdateFunctionEventInvokeConfig", update).await;
    assert_eq!((&made["MaximumEventAgeInSeconds"], &made["MaximumRetryAttempts"]), (&json!(60), &json!(1)));
    let fixture = fixture.restarted().await;
    let listed = fixture.ok("ListFunctionEventInvokeConfigs", json!({"FunctionName": "orders"})).await;
    assert_eq!(listed["FunctionEventInvokeConfigs"].as_array().unwrap().len(), 2);
    fixture.ok("DeleteAlias", json!({"FunctionName": "orders", "Name": "live"})).await;
    let listed = fixture.ok("ListFunctionEventInvokeConfigs", json!({"FunctionName": "orders"})).await;
    assert_eq!(listed["FunctionEventInvokeConfigs"].as_array().unwrap().len(), 1);
    let absent = format!("The function {ARN}:$LATEST doesn't have an EventInvokeConfig");
    let named = json!({"FunctionName": "orders"});
    for (operation, input) in [
        ("GetFunctionEventInvokeConfig", named.clone()),
        ("DeleteFunctionEventInvokeConfig", named),
        ("UpdateFunctionEventInvokeConfig", json!({"FunctionName": "orders", "MaximumRetryAttempts": 1})),
    ] {
        let expected = ("ResourceNotFoundException".to_owned(), absent.clone());
        assert_eq!(fixture.refused(operation, input).await, expected, "{operation}");
    }
    let nothing = fixture.refused("PutFunctionEventInvokeConfig", json!({"FunctionName": "orders"})).await;
    assert_eq!(nothing.0, "InvalidParameterValueException");
}

#[tokio::test]
async fn a_chain_that_comes_back_too_often_is_stopped_unless_allowed() {
    let fixture = Fixture::start().await;
    let call = async |trace: String| {
        let source = service::Source { trace: Some(trace), ..service::Source::platform("test") };
        let input = protocol::Structure::new().with("FunctionName", "orders");
        let who = fixture.kit.administrator();
        let input = protocol::Value::Structure(input);
        fixture.kit.pipeline.invoke(who, source, "lambda", "Invoke", input).await.map(drop)
    };
    let now = fixture.kit.clock.now();
    let mut trace = crate::model::trace::Trace::next(None, ARN, now).header();
    for _ in 1..16 {
        call(trace.clone()).await.unwrap();
        trace = crate::model::trace::Trace::next(Some(&trace), ARN, now).header();
    }
    assert_eq!(call(trace.clone()).await.unwrap_err().code, "RecursiveInvocationException");
    fixture
        .ok("PutFunctionRecursionConfig", json!({"FunctionName": "orders", "RecursiveLoop": "Allow"}))
        .await;
    assert_eq!(
        fixture.ok("GetFunctionRecursionConfig", json!({"FunctionName": "orders"})).await["RecursiveLoop"],
        "Allow"
    );
    call(trace).await.unwrap();
}

#[tokio::test]
async fn settings_that_a_stack_puts_on_others_functions_leave_receipts() {
    let fixture = Fixture::start().await;
    let mut settings = json!({"FunctionName": "orders", "MaximumRetryAttempts": 1});
    let put = async |settings: &Value| {
        fixture.kit.receipts("lambda", "PutFunctionEventInvokeConfig", settings).await.unwrap()
    };
    assert_eq!(put(&settings).await, [format!("{ARN}:$LATEST")]);
    // They are there already: whoever puts others in their place has not made them.
    settings["MaximumRetryAttempts"] = json!(2);
    assert!(put(&settings).await.is_empty());
}
