//! One execution environment: a process, its Runtime API, its output, its doors.
//!
//! It has one owner at a time and serves one invocation at a time; whoever owns it drives its connections and reads
//! its output on the same task, so that an invocation needs no hand-over between tasks.

mod allowance;
mod answering;
mod arriving;
mod door;
mod extensions;
mod following;
mod invocation;
mod life;
mod output;
mod parked;
mod platform;
mod report;
mod shutdown;
mod telemetry;
mod telling;
mod variables;

pub use variables::RESERVED_VARIABLES;

pub(crate) use life::{Completion, Doors, Environment, InitFailure, LaunchProblem, Placement, Unlaunchable};
pub(crate) use parked::{Parked, Started};
pub use platform::runtime_version_arn;
pub(crate) use platform::{PlatformEvent, Report, Status, runtime_version};
pub(crate) use report::{error_payload, exit_message, timeout_line, timeout_message};
pub(crate) use shutdown::ShutdownReason;
pub(crate) use telemetry::fuzz_subscription;
pub(crate) use variables::{EXEC_WRAPPER, binds_at_exec, is_default, parked_variables, variables_of};
