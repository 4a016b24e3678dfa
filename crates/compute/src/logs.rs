//! From environments to CloudWatch Logs: a bounded queue that is emptied in batches.
//!
//! An invocation never waits for its log. What does not fit, or is refused because the role may not write it, is
//! dropped and counted, as on Lambda.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::contract::{LogEvent, LogSink, LogTarget};
use crate::limits::{LOG_QUEUE_BATCHES_MAX, LOG_QUEUE_BYTES_MAX};

/// How long events gather before they are delivered together.
const GATHER_TIME: Duration = Duration::from_millis(100);
/// The most batches of one delivery.
const GATHER_BATCHES_MAX: usize = 1_024;

struct Batch {
    target: Arc<LogTarget>,
    events: Vec<LogEvent>,
    bytes: usize,
}

/// The way into the queue. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LogQueue {
    sender: mpsc::Sender<Batch>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    waiting_bytes: AtomicUsize,
    dropped: AtomicU64,
}

impl LogQueue {
    /// Starts the queue. It ends when its last handle is dropped and everything is delivered.
    pub(crate) fn start(sink: Arc<dyn LogSink>) -> Self {
        let (sender, receiver) = mpsc::channel(LOG_QUEUE_BATCHES_MAX);
        let counts = Arc::new(Counts::default());
        tokio::spawn(deliver(receiver, sink, Arc::clone(&counts)));
        Self { sender, counts }
    }

    /// Puts events into the queue, or drops and counts them.
    pub(crate) fn put(&self, target: &Arc<LogTarget>, events: Vec<LogEvent>) {
        if events.is_empty() {
            return;
        }
        let count = events.len();
        let bytes = events.iter().map(|event| event.message.len()).sum();
        let waiting = self.counts.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let batch = Batch { target: Arc::clone(target), events, bytes };
        if waiting > LOG_QUEUE_BYTES_MAX || self.sender.try_send(batch).is_err() {
            self.counts.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.counts.drop_events(count);
        }
    }

    /// Waits until nothing waits for delivery any more, but not longer than `patience`.
    pub(crate) async fn drain(&self, patience: Duration) {
        let empty = async {
            while self.counts.waiting_bytes.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(patience, empty).await;
    }

    /// How many events were dropped or refused since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }
}

impl Counts {
    fn drop_events(&self, count: usize) {
        self.dropped.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

async fn deliver(mut receiver: mpsc::Receiver<Batch>, sink: Arc<dyn LogSink>, counts: Arc<Counts>) {
    let mut batches = Vec::new();
    while receiver.recv_many(&mut batches, GATHER_BATCHES_MAX).await > 0 {
        tokio::time::sleep(GATHER_TIME).await;
        while batches.len() < GATHER_BATCHES_MAX
            && let Ok(batch) = receiver.try_recv()
        {
            batches.push(batch);
        }
        let bytes: usize = batches.iter().map(|batch| batch.bytes).sum();
        for (target, events) in by_stream(batches.drain(..)) {
            let count = events.len();
            if !sink.deliver(&target, events).await {
                counts.drop_events(count);
            }
        }
        counts.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Events of each stream in the order in which they came.
fn by_stream(batches: impl Iterator<Item = Batch>) -> HashMap<Arc<LogTarget>, Vec<LogEvent>> {
    let mut streams: HashMap<Arc<LogTarget>, Vec<LogEvent>> = HashMap::new();
    for batch in batches {
        streams.entry(batch.target).or_default().extend(batch.events);
    }
    streams
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use parking_lot::Mutex;

    use super::*;
    use crate::BoxFuture;
    use crate::testing;

    #[derive(Default)]
    struct Sink(Mutex<Vec<(String, Vec<String>)>>);

    impl LogSink for Sink {
        fn deliver<'a>(&'a self, target: &'a LogTarget, events: Vec<LogEvent>) -> BoxFuture<'a, bool> {
            let messages = events.into_iter().map(|event| event.message).collect();
            self.0.lock().push((target.log_stream.clone(), messages));
            Box::pin(async { target.log_group != "denied" })
        }
    }

    fn event(message: &str) -> LogEvent {
        LogEvent { timestamp: Timestamp::from_millis(0), message: message.to_owned() }
    }

    fn target(group: &str, stream: &str) -> Arc<LogTarget> {
        Arc::new(LogTarget {
            log_group: group.to_owned(),
            log_stream: stream.to_owned(),
            ..testing::log_target()
        })
    }

    #[tokio::test]
    async fn events_of_a_stream_arrive_together_and_in_order() {
        let sink = Arc::new(Sink::default());
        let queue = LogQueue::start(Arc::clone(&sink) as Arc<dyn LogSink>);
        let stream = target("g", "s");
        queue.put(&stream, vec![event("1"), event("2")]);
        queue.put(&stream, vec![event("3")]);
        queue.put(&target("denied", "d"), vec![event("x")]);
        tokio::time::sleep(2 * GATHER_TIME + Duration::from_millis(100)).await;
        let mut seen = sink.0.lock().clone();
        seen.sort();
        assert_eq!(
            seen,
            [
                ("d".to_owned(), vec!["x".to_owned()]),
                ("s".to_owned(), vec!["1".to_owned(), "2".to_owned(), "3".to_owned()])
            ]
        );
        assert_eq!(queue.dropped(), 1);
    }

    #[tokio::test]
    async fn a_full_queue_drops_and_counts() {
        let sink = Arc::new(Sink::default());
        let queue = LogQueue::start(sink);
        let stream = target("g", "s");
        for _ in 0..LOG_QUEUE_BATCHES_MAX + 10 {
            queue.put(&stream, vec![event("x")]);
        }
        assert_eq!(queue.dropped(), 10);
    }
}
