//! Calls the other services as whoever asked for the stack, through the pipeline, in the shape of their models.
//!
//! Knows no resource type. A member that a model has not, or a value that does not fit it, is an error.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Region};
use identity::Principal;
use protocol::{Fault, Redact};
use serde_json::Value;
use service::{Pipeline, Source};

use crate::records::StackRecord;
use crate::shape;

/// The name under which this service calls others.
pub(crate) const SERVICE: &str = "cloudformation.amazonaws.com";

/// How often a throttled call is tried, and how long the first pause is; each further one is twice as long.
const TRIES_MAX: usize = 8;
const PAUSE_FIRST: Duration = Duration::from_millis(100);

/// Who calls, and through what.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) pipeline: Pipeline,
    pub(crate) principal: Arc<Principal>,
    pub(crate) source: Source,
    pub(crate) account: AccountId,
    /// What the caller acknowledged, for stacks in the stack.
    pub(crate) capabilities: Vec<String>,
}

impl Caller {
    /// Whoever asked for something of a stack, from an address, protected on the way or not.
    pub(crate) fn new(
        pipeline: &Pipeline,
        principal: &Principal,
        (ip, is_secure): (IpAddr, bool),
        stack: &StackRecord,
    ) -> Self {
        Self {
            pipeline: pipeline.clone(),
            principal: Arc::new(principal.clone()),
            source: Source { ip, is_secure, ..Source::platform(SERVICE).through(SERVICE) },
            account: stack.account,
            capabilities: stack.content.capabilities.clone(),
        }
    }

    /// The region in which all of it happens.
    pub(crate) fn region(&self) -> &Region {
        self.pipeline.region()
    }

    /// Calls an operation with members named as in its model, and gives its answer the same way.
    pub(crate) async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, Fault> {
        let unknown = || Fault::sender("NotImplemented", format!("{service}:{operation} is not known here"));
        let model =
            protocol::model(service).and_then(|model| model.operation(operation)).ok_or_else(unknown)?;
        let input = match model.input() {
            Some(members) => protocol::value_from_json(members, &shape::fit(members, input))?,
            None => protocol::Value::Structure(protocol::Structure::new()),
        };
        let answer = self.patiently(service, operation, input).await?;
        Ok(model
            .output()
            .map_or(Value::Null, |members| protocol::value_to_json(members, &answer, Redact::No)))
    }

    /// Tries again where the caller's own rate is spent: a large stack is not to fail for being large.
    async fn patiently(
        &self,
        service: &str,
        operation: &str,
        input: protocol::Value,
    ) -> Result<protocol::Value, Fault> {
        let mut pause = PAUSE_FIRST;
        for _ in 0..TRIES_MAX {
            let (principal, source) = (Arc::clone(&self.principal), self.source.clone());
            let answer =
                Box::pin(self.pipeline.invoke(principal, source, service, operation, input.clone())).await;
            match answer {
                Err(fault) if fault.code == "ThrottlingException" => tokio::time::sleep(pause).await,
                answer => return answer,
            }
            pause *= 2;
        }
        Err(Fault::sender("ThrottlingException", "Rate exceeded"))
    }
}
