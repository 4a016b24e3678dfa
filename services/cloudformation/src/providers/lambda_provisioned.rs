//! `ProvisionedConcurrencyConfig` of a version or an alias.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Failure, Work, gone, seen, text};

const PROPERTY: &str = "ProvisionedConcurrencyConfig";
const NUMBER: &str = "ProvisionedConcurrentExecutions";

/// How often and how long apart it is looked at until the environments are there.
const LOOKS_MAX: usize = 240;
const LOOK_APART: Duration = Duration::from_millis(500);

fn called((function, qualifier): (&str, &str)) -> Map<String, Value> {
    let named = [("FunctionName", function), ("Qualifier", qualifier)];
    named.into_iter().map(|(member, value)| (member.to_owned(), value.into())).collect()
}

/// Sets what the template says, where it differs from what it said before.
pub(super) async fn set(work: &Work, of: (&str, &str), before: Option<&Value>) -> Result<(), Failure> {
    let wanted = work.get(PROPERTY);
    if wanted == before {
        return Ok(());
    }
    let Some(number) = wanted.and_then(|wanted| wanted.get(NUMBER)) else {
        let input = Value::Object(called(of));
        return gone(work.call("lambda", "DeleteProvisionedConcurrencyConfig", input).await);
    };
    let mut input = called(of);
    input.insert(NUMBER.to_owned(), number.clone());
    work.call("lambda", "PutProvisionedConcurrencyConfig", Value::Object(input)).await?;
    for _ in 0..LOOKS_MAX {
        let input = Value::Object(called(of));
        let shown = work.call("lambda", "GetProvisionedConcurrencyConfig", input).await?;
        match text(shown.get("Status")).as_str() {
            "READY" => return Ok(()),
            "FAILED" => return Err(Failure::new(text(shown.get("StatusReason")))),
            _ => tokio::time::sleep(LOOK_APART).await,
        }
    }
    Err(Failure::new("The provisioned concurrency was not ready in time."))
}

/// What there is, where the template says any.
pub(super) async fn read(work: &Work, of: (&str, &str), now: &mut Map<String, Value>) -> Result<(), Failure> {
    if work.get(PROPERTY).is_none() {
        return Ok(());
    }
    let input = Value::Object(called(of));
    let shown = match work.call("lambda", "GetProvisionedConcurrencyConfig", input).await {
        Err(fault) if fault.code == "ProvisionedConcurrencyConfigNotFoundException" => None,
        shown => seen(shown)?,
    };
    if let Some(number) =
        shown.and_then(|shown| shown.get("RequestedProvisionedConcurrentExecutions").cloned())
    {
        now.insert(PROPERTY.to_owned(), json!({ NUMBER: number }));
    }
    Ok(())
}
