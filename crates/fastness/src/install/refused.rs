//! Which hosts an installation asked for and did not reach, for whoever wonders what it wanted there.
//!
//! An installation is no function's and leaves no record in a trail: what it was refused is told to whoever started it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use compute::{BoxFuture, EgressAttempt, EgressLog, EgressOutcome};

/// Hosts that are named.
const NAMED_MAX: usize = 8;

/// What was refused, or failed.
#[derive(Default)]
pub(super) struct Refused(Mutex<Vec<String>>);

impl Refused {
    /// One line for each.
    pub(super) fn lines(&self) -> Vec<String> {
        self.all().clone()
    }

    fn all(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EgressLog for Refused {
    fn record(&self, attempt: EgressAttempt) -> BoxFuture<'_, bool> {
        let EgressAttempt { host, port, outcome, .. } = attempt;
        let host: String = host.chars().filter(|c| !c.is_control()).collect();
        tracing::info!(host, port, ?outcome, "an installation asks for the outside");
        let told = match outcome {
            EgressOutcome::Connected => None,
            EgressOutcome::Refused(reason) => Some(format!(
                "refused {host}:{port}: {reason} (--registry names what an installation may reach)"
            )),
            EgressOutcome::Failed(reason) => Some(format!("not reached {host}:{port}: {reason}")),
        };
        let mut all = self.all();
        if let Some(told) = told.filter(|told| all.len() < NAMED_MAX && !all.contains(told)) {
            all.push(told);
        }
        Box::pin(std::future::ready(true))
    }
}
