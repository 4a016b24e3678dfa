//! Delivers due events, as many at a time as their order gives out, and decides when each is tried again or given up.
//!
//! An event is deleted only once its fate is decided; a process that dies before that delivers it again.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use store::StoreError;
use tokio::task::JoinSet;

use super::schedule::Entry;
use super::{EVENTS, PAYLOADS, Queue, QueuedEvent, key_of};
use crate::BoxFuture;

/// What came of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventVerdict {
    /// The function answered.
    Done,
    /// The function failed.
    FunctionError,
    /// The function was not reached: throttled, or a fault of the platform.
    Refused,
    /// The function will not be reached however often it is tried; why, in the owner's words.
    Rejected(&'static str),
    /// The function does not exist any more.
    Gone,
}

/// What a function answered to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventAnswer {
    /// The answer, or the description of the failure.
    pub payload: Bytes,
    /// The version that ran.
    pub executed_version: String,
    /// True where the function failed.
    pub is_function_error: bool,
}

/// One delivery and its answer, if the function was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventReport {
    /// What came of it.
    pub verdict: EventVerdict,
    /// What the function answered.
    pub answer: Option<EventAnswer>,
}

/// How an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventEnding {
    /// The function answered.
    Done,
    /// The function failed as often as it may.
    RetriesExhausted,
    /// The event is too old.
    AgeExceeded,
    /// The function may not be reached.
    Rejected(&'static str),
    /// The function does not exist any more.
    Gone,
}

/// All that is known of an event at its end.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// How it ended.
    pub ending: EventEnding,
    /// The answer to the last try, if that reached the function; none of an event that is given up at its age.
    pub answer: Option<EventAnswer>,
    /// The event.
    pub payload: Bytes,
    /// How often the function ran.
    pub tries: u32,
}

/// Delivers one event.
pub trait EventTarget: Send + Sync + 'static {
    /// Invokes the event's function.
    fn deliver<'a>(&'a self, event: &'a QueuedEvent, payload: Bytes) -> BoxFuture<'a, EventReport>;
    /// An event has ended, and is forgotten afterwards; a process that dies in between settles it again.
    fn settle<'a>(&'a self, event: &'a QueuedEvent, settlement: Settlement) -> BoxFuture<'a, ()>;
}

/// What follows a try.
enum Next {
    Again(Timestamp),
    End(EventEnding),
}

/// How long to wait where nothing is queued; a new event wakes earlier.
const IDLE_PAUSE: Duration = Duration::from_secs(60);
/// How long deliveries may go on once the queue is stopped.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait after the store failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn run(
    queue: &Arc<Queue>,
    target: Arc<dyn EventTarget>,
    stopped: impl Future<Output = ()> + Send,
) {
    let mut stopped = std::pin::pin!(stopped);
    let mut deliveries = JoinSet::new();
    loop {
        while deliveries.try_join_next().is_some() {}
        loop {
            let due = queue.schedule.lock().take_due(queue.now());
            let Some(entry) = due else { break };
            let (queue, target) = (Arc::clone(queue), Arc::clone(&target));
            deliveries.spawn(async move { queue.deliver(entry, &*target).await });
        }
        let pause = queue.pause();
        tokio::select! {
            () = &mut stopped => break,
            () = queue.changed.notified() => {}
            () = tokio::time::sleep(pause) => {}
            Some(_) = deliveries.join_next(), if !deliveries.is_empty() => {}
        }
    }
    // What is in progress may finish; what does not is found again in the store at the next start.
    let finish = async { while deliveries.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(STOP_PATIENCE, finish).await;
}

impl Queue {
    /// How long until the next event is due that may be taken; the end of a delivery wakes earlier.
    fn pause(&self) -> Duration {
        let due = self.schedule.lock().next_due();
        due.map_or(IDLE_PAUSE, |due| {
            Duration::from_millis(u64::try_from(due.millis_since(self.now())).unwrap_or(0)).min(IDLE_PAUSE)
        })
    }

    async fn deliver(&self, entry: Entry, target: &dyn EventTarget) {
        let (account, function) = entry.whose();
        match self.try_deliver(&entry, target).await {
            Ok(Some(again)) => self.schedule.lock().put_back(again),
            Ok(None) => self.schedule.lock().finish(account, &function),
            Err(error) => {
                tracing::error!(error = %base::Chain(&error), "an asynchronous invocation could not be recorded");
                tokio::time::sleep(FAILURE_PAUSE).await;
                let due_at = self.now().plus_millis(1_000);
                self.schedule.lock().put_back(Entry { due_at, ..entry });
            }
        }
        self.changed.notify_one();
    }

    /// One try; answers the event's next place in the order, if it has one.
    async fn try_deliver(
        &self,
        entry: &Entry,
        target: &dyn EventTarget,
    ) -> Result<Option<Entry>, StoreError> {
        let key = store::Key::new().str(entry.account.as_str()).str(&entry.request_id);
        let (state, payload) = (self.store.get(EVENTS, &key)?, self.store.get(PAYLOADS, &key)?);
        let (Some(state), Some(payload)) = (state, payload) else { return Ok(None) };
        let Ok(mut event) = QueuedEvent::decode(&state) else { return Ok(None) };
        let (report, tries, next) = if self.now() >= event.gives_up_at {
            let report = EventReport { verdict: EventVerdict::Refused, answer: None };
            (report, event.failures, Next::End(EventEnding::AgeExceeded))
        } else {
            let report = target.deliver(&event, payload.clone()).await;
            let ran = matches!(report.verdict, EventVerdict::Done | EventVerdict::FunctionError);
            let tries = event.failures + u32::from(ran);
            let next = self.next_try(&mut event, report.verdict);
            (report, tries, next)
        };
        match next {
            Next::Again(due_at) => {
                event.due_at = due_at;
                let state = event.encode();
                self.store.transact(|transaction| transaction.put(EVENTS, key_of(&event), state)).await?;
                Ok(Some(Entry::of(&event)))
            }
            Next::End(ending) => {
                let settlement = Settlement { ending, answer: report.answer, payload, tries };
                target.settle(&event, settlement).await;
                self.store
                    .transact(|transaction| {
                        transaction.delete(EVENTS, &key)?;
                        transaction.delete(PAYLOADS, &key)
                    })
                    .await?;
                Ok(None)
            }
        }
    }

    /// When the event is tried again, or how it ends.
    fn next_try(&self, event: &mut QueuedEvent, verdict: EventVerdict) -> Next {
        let pause = match verdict {
            EventVerdict::Done => return Next::End(EventEnding::Done),
            EventVerdict::Gone => return Next::End(EventEnding::Gone),
            EventVerdict::Rejected(why) => return Next::End(EventEnding::Rejected(why)),
            EventVerdict::FunctionError if event.failures >= event.retries_max => {
                return Next::End(EventEnding::RetriesExhausted);
            }
            EventVerdict::FunctionError => {
                event.failures += 1;
                event.refusals = 0;
                self.times.after_function_error.saturating_mul(event.failures)
            }
            EventVerdict::Refused => {
                event.refusals = event.refusals.saturating_add(1);
                let doubled = 1_u32.checked_shl(event.refusals - 1).unwrap_or(u32::MAX);
                self.times.after_refusal.saturating_mul(doubled).min(self.times.after_refusal_max)
            }
        };
        self.within_age(event, pause)
    }

    /// The next try after this pause. Where the event is too old by then, it gets its last try shortly before; after that, it
    /// waits until it is as old as it may become, and no sooner is it given up.
    fn within_age(&self, event: &QueuedEvent, pause: Duration) -> Next {
        let now = self.now();
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let wanted = now.plus_millis(millis(pause));
        let last = event.gives_up_at.plus_millis(-millis(self.times.after_refusal));
        if now >= event.gives_up_at {
            Next::End(EventEnding::AgeExceeded)
        } else if wanted < event.gives_up_at {
            Next::Again(wanted)
        } else if now < last {
            Next::Again(last)
        } else {
            Next::Again(event.gives_up_at)
        }
    }
}

#[cfg(test)]
mod tests {
    use base::Clock;
    use parking_lot::Mutex;
    use store::Store;

    use super::super::{EventQueue, RetryTimes};
    use super::*;

    #[derive(Default)]
    struct Target {
        verdicts: Mutex<Vec<EventVerdict>>,
        seen: Mutex<Vec<String>>,
        endings: Mutex<Vec<(EventEnding, u32)>>,
    }

    impl EventTarget for Target {
        fn deliver<'a>(&'a self, event: &'a QueuedEvent, payload: Bytes) -> BoxFuture<'a, EventReport> {
            let text = format!("{}:{}", event.request_id, String::from_utf8_lossy(&payload));
            self.seen.lock().push(text);
            let verdict = self.verdicts.lock().pop().unwrap_or(EventVerdict::Done);
            Box::pin(async move { EventReport { verdict, answer: None } })
        }

        fn settle<'a>(&'a self, _: &'a QueuedEvent, settlement: Settlement) -> BoxFuture<'a, ()> {
            assert_eq!(settlement.payload.as_ref(), b"p");
            self.endings.lock().push((settlement.ending, settlement.tries));
            Box::pin(async {})
        }
    }

    const FAST: RetryTimes = RetryTimes {
        after_function_error: Duration::from_millis(5),
        after_refusal: Duration::from_millis(5),
        after_refusal_max: Duration::from_millis(10),
    };

    fn event(id: &str, age_millis: i64) -> QueuedEvent {
        let now = Clock::system().now();
        QueuedEvent {
            account: "000000000000".parse().unwrap(),
            request_id: id.into(),
            function_arn: "arn".into(),
            function_id: None,
            qualifier: None,
            client_context: None,
            trace_id: String::new(),
            queued_at: now,
            due_at: now,
            gives_up_at: now.plus_millis(age_millis),
            retries_max: 2,
            failures: 0,
            refusals: 0,
        }
    }

    async fn put(store: &Store, queue: &EventQueue, event: &QueuedEvent) {
        let put =
            store.transact(|t| queue.put(t, event, Bytes::from_static(b"p")).map_err(|_| StoreError::Failed));
        put.await.unwrap();
    }

    /// Runs the queue until it is empty and answers what the target saw and how the event ended.
    async fn outcome(verdicts: &[EventVerdict], age_millis: i64) -> (usize, Vec<(EventEnding, u32)>) {
        outcome_with(FAST, verdicts, age_millis).await
    }

    async fn outcome_with(
        times: RetryTimes,
        verdicts: &[EventVerdict],
        age_millis: i64,
    ) -> (usize, Vec<(EventEnding, u32)>) {
        let store = Store::ephemeral().unwrap();
        let queue = EventQueue::load(store.clone(), Clock::system(), times).unwrap();
        put(&store, &queue, &event("a", age_millis)).await;
        let target = Arc::new(Target::default());
        target.verdicts.lock().extend(verdicts.iter().rev());
        drain(&queue, &target).await;
        assert!(store.scan(EVENTS, &store::Range::all()).unwrap().is_empty());
        assert!(store.scan(PAYLOADS, &store::Range::all()).unwrap().is_empty());
        (target.seen.lock().len(), target.endings.lock().clone())
    }

    async fn drain(queue: &EventQueue, target: &Arc<Target>) {
        let watched = queue.clone();
        let empty = async move {
            while !watched.is_empty() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let run = queue.run(Arc::clone(target) as Arc<dyn EventTarget>, empty);
        tokio::time::timeout(Duration::from_secs(10), run).await.unwrap();
    }

    #[tokio::test]
    async fn events_are_tried_as_often_as_lambda_does() {
        use EventVerdict::{Done, FunctionError, Gone, Refused, Rejected};
        let cases: [(&[EventVerdict], usize, (EventEnding, u32)); 7] = [
            (&[Done], 1, (EventEnding::Done, 1)),
            (&[FunctionError, Done], 2, (EventEnding::Done, 2)),
            (&[FunctionError, FunctionError, FunctionError], 3, (EventEnding::RetriesExhausted, 3)),
            (&[Refused, Refused, Refused, Refused, Done], 5, (EventEnding::Done, 1)),
            (&[Gone], 1, (EventEnding::Gone, 0)),
            (&[Rejected("why")], 1, (EventEnding::Rejected("why"), 0)),
            (&[FunctionError, Rejected("why")], 2, (EventEnding::Rejected("why"), 1)),
        ];
        for (verdicts, tries, ending) in cases {
            assert_eq!(outcome(verdicts, 60_000).await, (tries, vec![ending]), "{verdicts:?}");
        }
    }

    #[tokio::test]
    async fn an_event_that_is_too_old_is_given_up() {
        let (_, endings) = outcome(&[EventVerdict::Refused; 50], 30).await;
        assert_eq!(endings, [(EventEnding::AgeExceeded, 0)]);
    }

    #[tokio::test]
    async fn an_event_is_kept_for_its_whole_age_and_tried_once_more_at_its_end() {
        use EventVerdict::{Done, FunctionError, Refused};
        let times = RetryTimes {
            after_function_error: Duration::from_secs(60),
            after_refusal: Duration::from_secs(1),
            after_refusal_max: Duration::from_secs(60),
        };
        // What is still refused, or fails, at the end is given up at its age; what is free again by then runs. The pauses are long
        // enough for a machine that is busy with other things.
        let case = async |verdicts: &[EventVerdict], tries: usize, ending: (EventEnding, u32)| {
            let began = std::time::Instant::now();
            assert_eq!(outcome_with(times, verdicts, 6_000).await, (tries, vec![ending]), "{verdicts:?}");
            let age = began.elapsed().as_millis();
            let least = if ending.0 == EventEnding::AgeExceeded { 5_990 } else { 4_990 };
            assert!(age >= least, "{verdicts:?}: {age} ms");
        };
        tokio::join!(
            case(&[Refused, Refused, Refused, Refused, Refused], 4, (EventEnding::AgeExceeded, 0)),
            case(&[FunctionError, FunctionError], 2, (EventEnding::AgeExceeded, 2)),
            case(&[FunctionError, Done], 2, (EventEnding::Done, 2)),
            case(&[Refused, Refused, Refused, Done], 4, (EventEnding::Done, 1)),
        );
    }

    #[tokio::test]
    async fn what_was_queued_is_delivered_after_a_restart() {
        let store = Store::ephemeral().unwrap();
        let first = EventQueue::load(store.clone(), Clock::system(), FAST).unwrap();
        for id in ["a", "b", "c"] {
            put(&store, &first, &event(id, 60_000)).await;
        }
        drop(first);
        let second = EventQueue::load(store.clone(), Clock::system(), FAST).unwrap();
        assert_eq!(second.len(), 3);
        let target = Arc::new(Target::default());
        drain(&second, &target).await;
        let mut seen = target.seen.lock().clone();
        seen.sort();
        assert_eq!(seen, ["a:p", "b:p", "c:p"]);
    }

    /// Never answers for one account, and at once for all others.
    struct Stuck(Mutex<Vec<String>>);

    impl EventTarget for Stuck {
        fn deliver<'a>(&'a self, event: &'a QueuedEvent, _: Bytes) -> BoxFuture<'a, EventReport> {
            Box::pin(async move {
                if event.request_id.starts_with("slow") {
                    std::future::pending::<()>().await;
                }
                self.0.lock().push(event.request_id.clone());
                EventReport { verdict: EventVerdict::Done, answer: None }
            })
        }

        fn settle<'a>(&'a self, _: &'a QueuedEvent, _: Settlement) -> BoxFuture<'a, ()> {
            Box::pin(async {})
        }
    }

    #[tokio::test]
    async fn an_accounts_endless_events_hold_up_nobody_elses() {
        let store = Store::ephemeral().unwrap();
        let queue = EventQueue::load(store.clone(), Clock::system(), FAST).unwrap();
        for number in 0..100 {
            put(&store, &queue, &event(&format!("slow{number}"), 60_000)).await;
        }
        for number in 0..5 {
            let other = "111111111111".parse().unwrap();
            let quick = QueuedEvent { account: other, ..event(&format!("quick{number}"), 60_000) };
            put(&store, &queue, &quick).await;
        }
        let target = Arc::new(Stuck(Mutex::default()));
        let seen = Arc::clone(&target);
        let run = tokio::spawn({
            let queue = queue.clone();
            async move { queue.run(target, std::future::pending()).await }
        });
        let all = async {
            while seen.0.lock().len() < 5 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), all).await.unwrap();
        run.abort();
    }
}
