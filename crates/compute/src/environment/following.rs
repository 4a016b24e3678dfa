//! When lines that are held become due, so that a log can be followed while its function runs.
//!
//! It tells the moment only, and costs an invocation that is over before nothing but a look at the clock.

use std::pin::Pin;
use std::task::Context;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::LOG_HELD_TIME_MAX;

/// The moment at which what is held becomes due.
pub(super) struct Following {
    timer: Pin<Box<Sleep>>,
    /// Kept over the end of an invocation: setting it again for each would take the runtime's lock every time.
    is_set: bool,
}

impl Following {
    pub(super) fn new() -> Self {
        Self { timer: Box::pin(sleep_until(Instant::now())), is_set: false }
    }

    /// True where lines are held that are due, and asks to be woken when they will be.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>, holds: bool) -> bool {
        if !self.is_set {
            if !holds {
                return false;
            }
            self.timer.as_mut().reset(Instant::now() + LOG_HELD_TIME_MAX);
            self.is_set = true;
        }
        if self.timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.is_set = false;
        holds
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    async fn is_due(following: &mut Following, holds: bool) -> bool {
        poll_fn(|cx| Poll::Ready(following.poll_due(cx, holds))).await
    }

    #[tokio::test]
    async fn what_is_held_is_due_a_moment_later_and_nothing_else_is() {
        let mut following = Following::new();
        assert!(!is_due(&mut following, false).await);
        for _ in 0..2 {
            let began = Instant::now();
            poll_fn(|cx| if following.poll_due(cx, true) { Poll::Ready(()) } else { Poll::Pending }).await;
            assert!(began.elapsed() >= LOG_HELD_TIME_MAX);
        }
        assert!(!is_due(&mut following, true).await);
        tokio::time::sleep(2 * LOG_HELD_TIME_MAX).await;
        assert!(!is_due(&mut following, false).await, "what was held was handed on otherwise");
        assert!(!is_due(&mut following, true).await, "and what came after it has its own time");
    }
}
