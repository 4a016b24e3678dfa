//! The way by which a caller hears of an answer before its invocation is over.

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::function::{InvokeError, InvokeOutcome};

pub(super) type Told = Result<InvokeOutcome, InvokeError>;

/// Tells a caller once; what comes later is nobody's to hear.
pub(super) struct EarlyAnswer(Mutex<Option<oneshot::Sender<Told>>>);

impl EarlyAnswer {
    pub(super) fn new() -> (Self, oneshot::Receiver<Told>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Mutex::new(Some(sender))), receiver)
    }

    pub(super) fn tell(&self, told: Told) {
        if let Some(sender) = self.0.lock().take() {
            let _ = sender.send(told);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};

    use super::*;
    use crate::pool::tests::{echo, fixture};
    use crate::testing::request;

    /// Counts who wakes it, and hands that on.
    struct Counting {
        wakes: AtomicUsize,
        task: Mutex<Waker>,
    }

    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.wakes.fetch_add(1, Ordering::SeqCst);
            self.task.lock().wake_by_ref();
        }
    }

    // A task that is woken while it runs is looked after by another thread, which has to wake up for it.
    #[tokio::test]
    async fn an_invocation_that_ends_wakes_nobody_who_is_awake() {
        let fixture = fixture(echo).await;
        fixture.invoke("1").await;
        let spec = Arc::new(fixture.spec.clone());
        let mut invocation = pin!(fixture.compute.invoke(&spec, request("2")));
        let counting =
            Arc::new(Counting { wakes: AtomicUsize::new(0), task: Mutex::new(Waker::noop().clone()) });
        let waker = Waker::from(Arc::clone(&counting));
        let mut polls = 0;
        let wakes = poll_fn(|cx| {
            polls += 1;
            *counting.task.lock() = cx.waker().clone();
            let before = counting.wakes.load(Ordering::SeqCst);
            let polled = invocation.as_mut().poll(&mut Context::from_waker(&waker));
            polled.map(|_| counting.wakes.load(Ordering::SeqCst) - before)
        })
        .await;
        assert!(polls > 1, "the invocation never waited");
        assert_eq!(wakes, 0);
    }
}
