//! What goes on in the background: output is delivered, queued events are invoked, environments end with the platform.

use std::sync::Arc;
use std::time::Duration;

use base::Region;
use compute::{
    BoxFuture, EventAnswer, EventEnding, EventReport, EventTarget, EventVerdict, InvokeOutcome,
    InvokeRequest, QueuedEvent, Settlement,
};
use protocol::Bytes;
use service::{Internal, Jobs, Pipeline};

use crate::catalog::Loaded;
use crate::model::name::Target;
use crate::model::trace;
use crate::operations::invoke::{choose, concurrency};
use crate::operations::provisioned;
use crate::operations::recursion::is_loop;
use crate::{Lambda, destinations};

/// How long invocations in progress may go on once the platform stops.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Opens the way for output, and ends every environment when the platform stops.
pub(crate) async fn environments(lambda: Arc<Lambda>, mut jobs: Jobs) -> Result<(), Internal> {
    lambda.delivery.open(jobs.pipeline().clone());
    for loaded in lambda.catalog.provisioned() {
        provisioned::apply_to(&lambda, &loaded);
    }
    jobs.stopped().await;
    lambda.compute.stop(STOP_GRACE).await;
    Ok(())
}

/// Invokes what was queued.
pub(crate) async fn events(lambda: Arc<Lambda>, mut jobs: Jobs) -> Result<(), Internal> {
    let target = QueuedInvocations { lambda: Arc::clone(&lambda), pipeline: jobs.pipeline().clone() };
    let target = Arc::new(target);
    lambda.events.run(target, async { jobs.stopped().await }).await;
    Ok(())
}

struct QueuedInvocations {
    lambda: Arc<Lambda>,
    pipeline: Pipeline,
}

impl EventTarget for QueuedInvocations {
    fn deliver<'a>(&'a self, event: &'a QueuedEvent, payload: Bytes) -> BoxFuture<'a, EventReport> {
        Box::pin(self.invoke(event, payload))
    }

    fn settle<'a>(&'a self, event: &'a QueuedEvent, settlement: Settlement) -> BoxFuture<'a, ()> {
        Box::pin(self.send(event, settlement))
    }
}

const fn unanswered(verdict: EventVerdict) -> EventReport {
    EventReport { verdict, answer: None }
}

impl QueuedInvocations {
    // Leave was granted when the event was accepted, and belongs to whoever sent it.
    async fn invoke(&self, event: &QueuedEvent, payload: Bytes) -> EventReport {
        let lambda = &self.lambda;
        let Some((target, loaded)) = self.find(event) else { return unanswered(EventVerdict::Gone) };
        let Ok(spec) = choose(&loaded, &target) else { return unanswered(EventVerdict::Gone) };
        if loaded.function.record.reserved_concurrency == Some(0) {
            return unanswered(EventVerdict::Rejected("ZeroReservedConcurrency"));
        }
        if is_loop(&loaded, trace::hops(&event.trace_id, &target.id.arn())) {
            return unanswered(EventVerdict::Rejected("RecursiveInvocation"));
        }
        let request = InvokeRequest {
            request_id: event.request_id.clone(),
            payload,
            invoked_arn: target.arn(),
            trace_id: event.trace_id.clone(),
            client_context: event.client_context.clone(),
            wants_log_tail: false,
            concurrency: concurrency(lambda, &loaded, &spec.version, target.id.account),
            answer_sink: None,
        };
        match lambda.compute.invoke(&spec, request).await {
            Ok(outcome) => answered(outcome),
            Err(error) => {
                tracing::debug!(error = %base::Chain(&error), "an asynchronous invocation has to wait");
                unanswered(EventVerdict::Refused)
            }
        }
    }

    /// The function that the event was sent to: none that was made later under its name.
    fn find(&self, event: &QueuedEvent) -> Option<(Target, Arc<Loaded>)> {
        let target = target(event, &self.lambda.region)?;
        let loaded = self.lambda.catalog.get(&target.id)?;
        (loaded.function.record.id == event.function_id || event.function_id.is_none())
            .then_some((target, loaded))
    }

    async fn send(&self, event: &QueuedEvent, settlement: Settlement) {
        if settlement.ending != EventEnding::Done {
            tracing::warn!(
                function = event.function_arn,
                request_id = event.request_id,
                ending = ?settlement.ending,
                "an asynchronous invocation was given up"
            );
        }
        let Some((target, loaded)) = self.find(event) else { return };
        destinations::send(&self.lambda.roles, &self.pipeline, &loaded, &target, event, &settlement).await;
    }
}

fn answered(outcome: InvokeOutcome) -> EventReport {
    let is_function_error = outcome.is_function_error;
    let answer = EventAnswer {
        payload: outcome.payload,
        executed_version: outcome.executed_version,
        is_function_error,
    };
    let verdict = if is_function_error { EventVerdict::FunctionError } else { EventVerdict::Done };
    EventReport { verdict, answer: Some(answer) }
}

fn target(event: &QueuedEvent, region: &Region) -> Option<Target> {
    Target::parse(&event.function_arn, event.qualifier.as_deref(), event.account, region).ok()
}
