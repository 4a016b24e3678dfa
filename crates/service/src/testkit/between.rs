//! What happens between a decision and its deed, as a test wants it.
//!
//! Builds without debug assertions have no such moments: the calls to [`happens`] are not in them.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;

use super::TestKit;

/// A moment of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Leave was given, and no work is done yet.
    Work,
    /// The handler is about to look at the state.
    View,
    /// The handler is about to change the state.
    Transaction,
}

type Event = (Moment, Box<dyn FnOnce() + Send>);

thread_local! {
    static NEXT: RefCell<Option<Event>> = const { RefCell::new(None) };
}

/// Lets happen what a test wants to happen at this moment of the next call.
#[cfg(debug_assertions)]
pub(crate) fn happens(moment: Moment) {
    let event = NEXT.with_borrow_mut(|next| next.take_if(|(at, _)| *at == moment));
    if let Some((_, event)) = event {
        std::thread::spawn(event).join().expect("what happens in between");
    }
}

/// At this moment of the next call from this thread, `event` happens, on a thread of its own.
pub fn then(moment: Moment, event: impl FnOnce() + Send + 'static) {
    NEXT.with_borrow_mut(|next| *next = Some((moment, Box::new(event))));
}

/// True once the last of these events has happened.
pub fn is_over() -> bool {
    NEXT.with_borrow(Option::is_none)
}

impl TestKit {
    /// At this moment of the next call, the administrator makes this call, whole.
    pub fn meanwhile(&self, moment: Moment, service: &str, operation: &str, input: Value) {
        self.meanwhile_as(&self.administrator(), moment, (service, operation, input));
    }

    /// The same of somebody else's call.
    pub fn meanwhile_as(
        &self,
        who: &Arc<identity::Principal>,
        moment: Moment,
        (service, operation, input): (&str, &str, Value),
    ) {
        let (pipeline, who) = (self.pipeline.clone(), Arc::clone(who));
        let (service, operation) = (service.to_owned(), operation.to_owned());
        then(moment, move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let call = super::invoke_json(&pipeline, &who, (&service, &operation), &input, super::test());
            let answer = runtime.expect("a runtime").block_on(call);
            answer.unwrap_or_else(|fault| panic!("{service} {operation}: {fault:?}"));
        });
    }

    /// Calls an operation with leave that `meanwhile` takes away between the decision and the work: it must be refused.
    pub async fn refused_after(
        &self,
        who: &Arc<identity::Principal>,
        meanwhile: (&str, &str, Value),
        (service, operation, input): (&str, &str, &Value),
    ) {
        self.meanwhile(Moment::Work, meanwhile.0, meanwhile.1, meanwhile.2);
        let refused = self.json(who, service, operation, input).await;
        assert!(is_over(), "{operation}: nothing happened in between");
        let fault = refused.expect_err(&format!("{operation} was carried out on another state"));
        assert!(fault.code.starts_with("AccessDenied"), "{operation}: {fault:?}");
    }
}
