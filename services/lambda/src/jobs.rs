//! What goes on in the background: output is delivered, queued events are invoked, environments end with the platform.

use std::sync::Arc;
use std::time::Duration;

use base::Region;
use compute::{BoxFuture, EventTarget, EventVerdict, InvokeRequest, QueuedEvent};
use protocol::Bytes;
use service::{Internal, Jobs};

use crate::Lambda;
use crate::model::name::Target;
use crate::operations::invoke::{choose, concurrency};

/// How long invocations in progress may go on once the platform stops.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Opens the way for output, and ends every environment when the platform stops.
pub(crate) async fn environments(lambda: Arc<Lambda>, mut jobs: Jobs) -> Result<(), Internal> {
    lambda.delivery.open(jobs.pipeline().clone());
    jobs.stopped().await;
    lambda.compute.stop(STOP_GRACE).await;
    Ok(())
}

/// Invokes what was queued.
pub(crate) async fn events(lambda: Arc<Lambda>, mut jobs: Jobs) -> Result<(), Internal> {
    let target = Arc::new(QueuedInvocations { lambda: Arc::clone(&lambda) });
    lambda.events.run(target, async { jobs.stopped().await }).await;
    Ok(())
}

struct QueuedInvocations {
    lambda: Arc<Lambda>,
}

impl EventTarget for QueuedInvocations {
    fn deliver<'a>(&'a self, event: &'a QueuedEvent, payload: Bytes) -> BoxFuture<'a, EventVerdict> {
        Box::pin(self.invoke(event, payload))
    }

    fn give_up<'a>(&'a self, event: &'a QueuedEvent, verdict: EventVerdict) -> BoxFuture<'a, ()> {
        tracing::warn!(
            function = event.function_arn,
            request_id = event.request_id,
            ?verdict,
            "an asynchronous invocation was given up"
        );
        Box::pin(std::future::ready(()))
    }
}

impl QueuedInvocations {
    // Leave was granted when the event was accepted, and belongs to whoever sent it.
    async fn invoke(&self, event: &QueuedEvent, payload: Bytes) -> EventVerdict {
        let lambda = &self.lambda;
        let Some(target) = target(event, &lambda.region) else { return EventVerdict::Gone };
        let Some(loaded) = lambda.catalog.get(&target.id) else { return EventVerdict::Gone };
        let Ok(spec) = choose(&loaded, &target) else { return EventVerdict::Gone };
        let request = InvokeRequest {
            request_id: event.request_id.clone(),
            payload,
            invoked_arn: target.arn(),
            trace_id: event.trace_id.clone(),
            client_context: event.client_context.clone(),
            wants_log_tail: false,
            concurrency: concurrency(lambda, &loaded, &target),
        };
        match lambda.compute.invoke(&spec, request).await {
            Ok(outcome) if outcome.is_function_error => EventVerdict::FunctionError,
            Ok(_) => EventVerdict::Done,
            Err(error) => {
                tracing::debug!(error = %base::Chain(&error), "an asynchronous invocation has to wait");
                EventVerdict::Refused
            }
        }
    }
}

fn target(event: &QueuedEvent, region: &Region) -> Option<Target> {
    Target::parse(&event.function_arn, event.qualifier.as_deref(), event.account, region).ok()
}
