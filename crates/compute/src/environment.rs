//! One execution environment: a process, its Runtime API, its output, its doors.
//!
//! It has one owner at a time and serves one invocation at a time; whoever owns it drives its connections and reads
//! its output on the same task, so that an invocation needs no hand-over between tasks.

mod allowance;
mod arriving;
mod door;
mod life;
mod output;
mod parked;
mod report;
mod shutdown;
mod variables;

pub use variables::RESERVED_VARIABLES;

pub(crate) use life::{Completion, Doors, Environment, InitFailure, Placement};
pub(crate) use parked::{Parked, Started};
pub(crate) use report::{
    Report, Verdict, end_line, error_payload, exit_message, init_report_line, start_line, timeout_line,
    timeout_message,
};
pub(crate) use shutdown::ShutdownReason;
pub(crate) use variables::{binds_at_exec, parked_variables, variables_of};
