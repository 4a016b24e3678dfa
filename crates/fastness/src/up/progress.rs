//! What a person sees while `up` works: one line a step, on stderr, so that stdout stays the report's.
//!
//! On a terminal the present step is shown with a spinner; elsewhere each step is a plain line.

use std::time::{Duration, Instant};

use cloudformation::api::StackEvent;
use indicatif::ProgressBar;

use crate::terminal;

/// Shows steps until it is finished.
pub(crate) struct Progress {
    bar: ProgressBar,
    begin: Instant,
    quiet: bool,
}

impl Progress {
    /// Begins; with `quiet`, nothing but failures is shown.
    pub(crate) fn start(quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, begin: Instant::now(), quiet }
    }

    /// A step begins.
    pub(crate) fn say(&self, step: &str) {
        self.line(&format!("{:>6.1}s  {step}", self.begin.elapsed().as_secs_f64()));
        self.bar.set_message(terminal::line(step));
    }

    /// What must be seen, also where nothing else is shown.
    pub(crate) fn warn(&self, text: &str) {
        self.bar.suspend(|| terminal::warn(text));
    }

    /// A stack event happened.
    pub(crate) fn event(&self, event: &StackEvent) {
        let status = event.resource_status.as_deref().unwrap_or_default();
        let resource = event.logical_resource_id.as_deref().unwrap_or_default();
        let kind = event.resource_type.as_deref().unwrap_or_default();
        let reason = event.resource_status_reason.as_deref().map(|reason| format!("  {reason}"));
        let reason = reason.unwrap_or_default();
        self.line(&format!(
            "{:>6.1}s  {status:<20} {resource} ({kind}){reason}",
            self.begin.elapsed().as_secs_f64()
        ));
    }

    fn line(&self, line: &str) {
        if self.quiet {
            return;
        }
        // A step is one line, whatever it names.
        let line = terminal::line(line);
        if self.bar.is_hidden() { terminal::tell(&line) } else { self.bar.println(line) }
    }

    /// The work is done.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
