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
