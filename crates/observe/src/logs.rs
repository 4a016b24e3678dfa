//! Logs for operators: what `tracing` events of this process become.
//!
//! Nobody but operators reads them, yet no secret belongs in them. Audit does not go through here.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Why logging was not set up.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The filter does not parse.
    #[error("`{filter}` is not a log filter")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Something else in this process took the logs first.
    #[error("logging is set up already")]
    Taken,
}

/// Sends events that pass the filter (for example `info` or `info,store=debug`) to standard error. Once a process.
pub fn init(filter: &str, format: Format) -> Result<(), LogsError> {
    let parsed = EnvFilter::try_new(filter)
        .map_err(|source| LogsError::Filter { filter: filter.to_owned(), source })?;
    // Colours are for people at a terminal; a file or a collector gets plain text.
    let lines = tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let set = match format {
        Format::Text => lines.compact().try_init(),
        Format::Json => lines.json().try_init(),
    };
    set.map_err(|_| LogsError::Taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_checked_and_logs_are_taken_once() {
        assert!(matches!(init("store=loud", Format::Text), Err(LogsError::Filter { .. })));
        init("warn,store=debug", Format::Json).unwrap();
        assert!(matches!(init("info", Format::Text), Err(LogsError::Taken)));
    }
}
