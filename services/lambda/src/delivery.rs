//! Functions' output on its way to CloudWatch Logs, in the name of each function's own role.
//!
//! A role that may not write logs writes none: the events are dropped and counted, as on Lambda. Nothing here waits for
//! an invocation, and no invocation waits for it.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use compute::{BoxFuture, LogEvent, LogSink, LogTarget};
use identity::Principal;
use parking_lot::Mutex;
use protocol::{Fault, Structure, Value};
use service::{Pipeline, Source};

use crate::roles::log_writer;

/// The most events of one `PutLogEvents`.
const BATCH_EVENTS_MAX: usize = 10_000;
/// The most bytes of one `PutLogEvents`, by its own way of counting.
const BATCH_BYTES_MAX: usize = 1_048_576;
/// What an event counts besides its message.
const EVENT_OVERHEAD_BYTES: usize = 26;
/// Streams that are remembered as made; beyond, all are forgotten and asked for again.
const STREAMS_MAX: usize = 10_000;

/// Writes output through the pipeline, once that is there.
#[derive(Default)]
pub(crate) struct LogDelivery {
    pipeline: OnceLock<Pipeline>,
    made: Mutex<HashSet<(String, String)>>,
}

impl LogDelivery {
    /// From here on output is delivered through `pipeline`.
    pub(crate) fn open(&self, pipeline: Pipeline) {
        let _ = self.pipeline.set(pipeline);
    }

    async fn deliver_as_role(&self, target: &LogTarget, events: Vec<LogEvent>) -> Result<(), Fault> {
        let Some(pipeline) = self.pipeline.get() else { return Err(Fault::internal()) };
        let Some(principal) = log_writer(pipeline.directory(), target, pipeline.clock().now()) else {
            return Err(Fault::internal());
        };
        let writer = Writer { pipeline, principal: Arc::new(principal), target };
        let stream = (target.log_group.clone(), target.log_stream.clone());
        if !self.made.lock().contains(&stream) {
            writer.make_stream().await?;
            let mut made = self.made.lock();
            if made.len() >= STREAMS_MAX {
                made.clear();
            }
            made.insert(stream.clone());
        }
        for batch in batches(events) {
            let put = writer.put(&batch).await;
            let put = match put {
                Err(fault) if fault.code == "ResourceNotFoundException" => {
                    // Someone deleted the group or the stream: it is made again, as on Lambda.
                    writer.make_stream().await?;
                    writer.put(&batch).await
                }
                other => other,
            };
            if put.is_err() {
                self.made.lock().remove(&stream);
            }
            put?;
        }
        Ok(())
    }
}

impl LogSink for LogDelivery {
    fn deliver<'a>(&'a self, target: &'a LogTarget, events: Vec<LogEvent>) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let delivered = self.deliver_as_role(target, events).await;
            if let Err(fault) = &delivered {
                tracing::debug!(function = target.function_arn, code = %fault.code, "output was not delivered");
            }
            delivered.is_ok()
        })
    }
}

struct Writer<'a> {
    pipeline: &'a Pipeline,
    principal: Arc<Principal>,
    target: &'a LogTarget,
}

impl Writer<'_> {
    async fn call(&self, operation: &str, input: Structure) -> Result<(), Fault> {
        let source = Source::platform("lambda.amazonaws.com");
        let input = Value::Structure(input);
        self.pipeline.invoke(Arc::clone(&self.principal), source, "logs", operation, input).await.map(drop)
    }

    fn names(&self) -> Structure {
        Structure::new()
            .with("logGroupName", self.target.log_group.as_str())
            .with("logStreamName", self.target.log_stream.as_str())
    }

    /// Makes the stream, and the group where that is missing and the role may make it.
    async fn make_stream(&self) -> Result<(), Fault> {
        let made = existing_is_fine(self.call("CreateLogStream", self.names()).await);
        match made {
            Err(fault) if fault.code == "ResourceNotFoundException" => {
                let group = Structure::new().with("logGroupName", self.target.log_group.as_str());
                existing_is_fine(self.call("CreateLogGroup", group).await)?;
                existing_is_fine(self.call("CreateLogStream", self.names()).await)
            }
            other => other,
        }
    }

    async fn put(&self, events: &[LogEvent]) -> Result<(), Fault> {
        let events = events.iter().map(|event| {
            // On Lambda an event's message ends as the line did that was printed.
            let message = format!("{}\n", event.message);
            let timestamp = Value::Integer(event.timestamp.millis());
            Value::Structure(Structure::new().with("timestamp", timestamp).with("message", message))
        });
        self.call("PutLogEvents", self.names().with("logEvents", Value::List(events.collect()))).await
    }
}

fn existing_is_fine(made: Result<(), Fault>) -> Result<(), Fault> {
    match made {
        Err(fault) if fault.code == "ResourceAlreadyExistsException" => Ok(()),
        other => other,
    }
}

/// Events in the order and in the portions that `PutLogEvents` takes; those without text cannot be written.
fn batches(mut events: Vec<LogEvent>) -> Vec<Vec<LogEvent>> {
    events.sort_by_key(|event| event.timestamp);
    let mut batches: Vec<Vec<LogEvent>> = Vec::new();
    let mut bytes = usize::MAX;
    for event in events {
        let size = event.message.len() + 1 + EVENT_OVERHEAD_BYTES;
        match batches.last_mut() {
            Some(last) if last.len() < BATCH_EVENTS_MAX && bytes.saturating_add(size) <= BATCH_BYTES_MAX => {
                bytes += size;
                last.push(event);
            }
            _ => {
                bytes = size;
                batches.push(vec![event]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    fn event(at: i64, length: usize) -> LogEvent {
        LogEvent { timestamp: Timestamp::from_millis(at), message: "x".repeat(length) }
    }

    #[test]
    fn batches_keep_time_order_and_stay_within_the_limits() {
        let made = batches(vec![event(2, 1), event(1, 1)]);
        assert_eq!(made, [vec![event(1, 1), event(2, 1)]]);
        let many = batches((0..20_001).map(|n| event(n, 1)).collect());
        assert_eq!(many.iter().map(Vec::len).collect::<Vec<_>>(), [10_000, 10_000, 1]);
        let large = batches((0..9).map(|n| event(n, 200 * 1024)).collect());
        assert_eq!(large.iter().map(Vec::len).collect::<Vec<_>>(), [5, 4]);
        assert!(batches(Vec::new()).is_empty());
    }
}
