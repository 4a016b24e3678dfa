//! Work that goes on in the background: started with the platform, told when to stop.
//!
//! A job calls services only through the pipeline it is given, as a principal, like anyone else.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

use crate::error::Internal;
use crate::pipeline::Pipeline;

type BoxFuture = Pin<Box<dyn Future<Output = Result<(), Internal>> + Send>>;

/// A named piece of background work that has not started.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) work: Box<dyn FnOnce(Jobs) -> BoxFuture + Send>,
}

impl Job {
    pub(crate) fn new<F>(name: &'static str, work: impl FnOnce(Jobs) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<(), Internal>> + Send + 'static,
    {
        Self { name, work: Box::new(move |jobs| Box::pin(work(jobs))) }
    }
}

/// What a running job may use.
#[derive(Clone)]
pub struct Jobs {
    pipeline: Pipeline,
    stop: watch::Receiver<bool>,
}

impl Jobs {
    pub(crate) const fn new(pipeline: Pipeline, stop: watch::Receiver<bool>) -> Self {
        Self { pipeline, stop }
    }

    /// The way to every service.
    pub const fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Waits for `pause` and answers true, or false at once when the platform stops.
    pub async fn pause(&mut self, pause: Duration) -> bool {
        if *self.stop.borrow() {
            return false;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            _ = self.stop.changed() => false,
        }
    }

    /// Waits until the platform stops.
    pub async fn stopped(&mut self) {
        let _ = self.stop.wait_for(|stopping| *stopping).await;
    }
}
