//! What every service must do, checked for every operation that it registers.
//!
//! A service gives one valid input an operation; one without a sample fails the test, so that no operation is added
//! unchecked. The samples need not succeed: their targets may not exist.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "for tests only")]

use std::collections::BTreeSet;

use protocol::Fault;
use serde_json::{Value, json};

use super::TestKit;

/// What a compliance run is given.
pub struct Subject<'a> {
    /// The API's name.
    pub service: &'static str,
    /// A valid input for each implemented operation.
    pub samples: &'a [(&'static str, Value)],
    /// Operations that need no policy; each has its reason in the service's access functions.
    pub open: &'a [&'static str],
    /// Text that must never be seen in an audit record, although samples hold it.
    pub secrets: &'a [&'static str],
}

/// Runs every check on a fresh platform.
pub async fn check(kit: &TestKit, subject: &Subject<'_>) {
    covers_every_operation(kit, subject);
    denies_whom_no_policy_allows(kit, subject).await;
    denies_across_accounts(kit, subject).await;
    refuses_bad_input(kit, subject).await;
    answers_what_it_does_not_implement(kit, subject).await;
    records_every_call(kit, subject).await;
}

fn covers_every_operation(kit: &TestKit, subject: &Subject<'_>) {
    let service = kit.pipeline.services().find(|service| service.name() == subject.service);
    let service = service.unwrap_or_else(|| panic!("the kit has no {}", subject.service));
    let implemented: BTreeSet<&str> = service.implemented().collect();
    let sampled: BTreeSet<&str> = subject.samples.iter().map(|(name, _)| *name).collect();
    assert_eq!(implemented, sampled, "every operation has a sample, and every sample an operation");
    let model = protocol::model(subject.service).expect("a model");
    let known: BTreeSet<&str> = model.operations().map(|operation| operation.name()).collect();
    for (name, reason) in service.declined() {
        assert!(known.contains(name), "{name} is declined and not in the model");
        assert!(!implemented.contains(name), "{name} is declined and implemented");
        assert!(reason.len() > 10, "{name} is declined without a reason");
    }
    let declined: BTreeSet<&str> = service.declined().map(|(name, _)| name).collect();
    let silent: Vec<_> =
        known.iter().filter(|name| !implemented.contains(*name) && !declined.contains(*name)).collect();
    assert!(silent.is_empty(), "neither implemented nor declined with a reason: {silent:?}");
}

fn is_denial(fault: &Fault) -> bool {
    fault.code == "AccessDenied" || fault.code == "AccessDeniedException"
}

async fn denies_whom_no_policy_allows(kit: &TestKit, subject: &Subject<'_>) {
    let nobody = kit.user("compliance-nobody", json!([])).await;
    for (operation, input) in subject.samples.iter().filter(|(name, _)| !subject.open.contains(name)) {
        let answer = kit.json(&nobody, subject.service, operation, input).await;
        let fault = answer.err().unwrap_or_else(|| panic!("{operation} let in a user without a policy"));
        assert!(
            is_denial(&fault),
            "{operation} answered {} instead of a denial: {}",
            fault.code,
            fault.message
        );
        assert!(fault.message.contains("is not authorized to perform"), "{operation}: {}", fault.message);
    }
    let denied = kit
        .user(
            "compliance-denied",
            json!([{"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": "*"}]),
        )
        .await;
    for (operation, input) in subject.samples.iter().filter(|(name, _)| !subject.open.contains(name)) {
        let fault = kit.json(&denied, subject.service, operation, input).await.expect_err("an explicit deny");
        assert!(is_denial(&fault), "{operation} answered {}", fault.code);
        assert!(fault.message.contains("with an explicit deny"), "{operation}: {}", fault.message);
    }
}

async fn denies_across_accounts(kit: &TestKit, subject: &Subject<'_>) {
    let stranger = std::sync::Arc::new(identity::Principal::Anonymous);
    for (operation, input) in subject.samples.iter().filter(|(name, _)| !subject.open.contains(name)) {
        let answer = kit.json(&stranger, subject.service, operation, input).await;
        let fault = answer.err().unwrap_or_else(|| panic!("{operation} let in a stranger"));
        assert!(is_denial(&fault), "{operation} answered a stranger with {}: {}", fault.code, fault.message);
    }
}

async fn refuses_bad_input(kit: &TestKit, subject: &Subject<'_>) {
    let administrator = kit.administrator();
    for (operation, input) in subject.samples {
        let Some(members) = input.as_object() else { continue };
        for name in members.keys() {
            let mut bad = input.clone();
            bad[name] = json!({"unexpected": ["shape"]});
            if let Err(fault) = kit.json(&administrator, subject.service, operation, &bad).await {
                assert!(fault.is_sender(), "{operation} with a bad {name} answered {}", fault.code);
            }
        }
        let required = protocol::model(subject.service).and_then(|model| model.operation(operation));
        let needs_some = required.and_then(|model| model.input()).is_some_and(requires_any);
        if needs_some {
            let fault = kit.json(&administrator, subject.service, operation, &json!({})).await;
            let fault = fault.err().unwrap_or_else(|| panic!("{operation} took an empty input"));
            assert!(fault.is_sender(), "{operation} without its input answered {}", fault.code);
        }
    }
}

fn requires_any(shape: protocol::Shape) -> bool {
    shape.members().iter().any(|member| member.is_required())
}

async fn answers_what_it_does_not_implement(kit: &TestKit, subject: &Subject<'_>) {
    let model = protocol::model(subject.service).expect("a model");
    let implemented: BTreeSet<&str> = subject.samples.iter().map(|(name, _)| *name).collect();
    let administrator = kit.administrator();
    for operation in model.operations().filter(|operation| !implemented.contains(operation.name())) {
        let answer = kit.json(&administrator, subject.service, operation.name(), &json!({})).await;
        let fault = answer.err().unwrap_or_else(|| panic!("{} answered", operation.name()));
        assert!(fault.code != "InternalFailure", "{} answered an internal failure", operation.name());
    }
}

async fn records_every_call(kit: &TestKit, subject: &Subject<'_>) {
    let administrator = kit.administrator();
    for (operation, input) in subject.samples {
        if let Err(fault) = kit.json(&administrator, subject.service, operation, input).await {
            assert!(fault.is_sender() || fault.status == 503, "{operation} failed inside: {}", fault.message);
        }
        kit.clock.advance_millis(1);
    }
    let records = kit.records().await;
    for (operation, _) in subject.samples {
        let named = protocol::model(subject.service).and_then(|model| model.operation(operation));
        let event = named.map_or(*operation, protocol::OperationModel::event_name);
        let mine = |record: &&Value| record["eventName"] == event;
        assert!(records.iter().any(|record| mine(&record)), "{operation} left no record");
        let denied = records.iter().filter(mine).any(|record| record["errorCode"].is_string());
        assert!(denied || subject.open.contains(operation), "{operation} left no record of its denial");
    }
    let text = records.iter().map(Value::to_string).collect::<String>();
    for secret in subject.secrets {
        assert!(!text.contains(secret), "`{secret}` is in the audit trail");
    }
}

/// Declares the compliance test of a service.
///
/// ```ignore
/// service::service_compliance!(kit().await, Subject { service: "sts", samples: &samples(), open: &["GetCallerIdentity"], secrets: &[] });
/// ```
#[macro_export]
macro_rules! service_compliance {
    ($kit:expr, $subject:expr) => {
        #[tokio::test]
        async fn the_service_is_compliant() {
            let kit = $kit;
            $crate::testkit::compliance::check(&kit, &$subject).await;
        }
    };
}
