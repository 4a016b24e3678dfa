//! Calls of other services, as the service's role, with JSON in and out.
//!
//! Every call goes through the pipeline: decided by the role's policy, recorded in the account's trail.

use std::sync::Arc;
use std::time::Duration;

use identity::Principal;
use protocol::{Fault, Redact};
use serde_json::{Value, json};
use service::{Pipeline, Source};

use crate::zone::PRINCIPAL;

/// How often a call is tried that the account's own calls leave no room for, and how long in between.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(200);
/// Pages of one list.
const PAGES_MAX: usize = 10_000;

/// Reads one account.
pub(crate) struct Reader {
    pipeline: Pipeline,
    principal: Arc<Principal>,
}

/// How a list goes on: the member of the answer, and that of the next request.
pub(crate) type Paged = (&'static str, &'static str);

impl Reader {
    pub(crate) const fn new(pipeline: Pipeline, principal: Arc<Principal>) -> Self {
        Self { pipeline, principal }
    }

    /// Calls an operation.
    pub(crate) async fn call(&self, service: &str, operation: &str, input: &Value) -> Result<Value, Fault> {
        let model = protocol::model(service).and_then(|model| model.operation(operation));
        let model = model.ok_or_else(Fault::internal)?;
        let mut tries = 0;
        loop {
            let input = match model.input() {
                Some(shape) => protocol::value_from_json(shape, input)?,
                None => protocol::Value::default(),
            };
            let principal = Arc::clone(&self.principal);
            let source = Source::platform(PRINCIPAL);
            let answer = self.pipeline.invoke(principal, source, service, operation, input).await;
            tries += 1;
            match answer {
                Err(fault) if fault.code.starts_with("Throttling") && tries < TRIES => {
                    tokio::time::sleep(PAUSE).await;
                }
                answer => {
                    let output = answer?;
                    let shown = |shape| protocol::value_to_json(shape, &output, Redact::No);
                    return Ok(model.output().map_or(Value::Null, shown));
                }
            }
        }
    }

    /// All items of a list.
    pub(crate) async fn list(
        &self,
        (service, operation): (&str, &str),
        mut input: Value,
        items: &str,
        (out, next): Paged,
    ) -> Result<Vec<Value>, Fault> {
        let mut all = Vec::new();
        for _ in 0..PAGES_MAX {
            let mut page = self.call(service, operation, &input).await?;
            if let Some(Value::Array(more)) = page.get_mut(items).map(Value::take) {
                all.extend(more);
            }
            match page.get(out).and_then(Value::as_str) {
                Some(token) => {
                    if let Some(members) = input.as_object_mut() {
                        members.insert(next.to_owned(), json!(token));
                    }
                }
                None => break,
            }
        }
        Ok(all)
    }
}
