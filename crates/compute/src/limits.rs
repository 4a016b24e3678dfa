//! Every number that bounds compute, in one place.
//!
//! The names say the unit. Where AWS documents a quota for the same thing, the number is AWS's.

use std::time::Duration;

/// The largest deployment package of a direct upload, zipped.
pub const PACKAGE_ZIPPED_BYTES_MAX: usize = 50 * 1024 * 1024;
/// The largest deployment package from S3, zipped. AWS bounds only the unzipped size there.
pub const OBJECT_BYTES_MAX: usize = 250 * 1024 * 1024;
/// The largest deployment package, unzipped.
pub const PACKAGE_UNZIPPED_BYTES_MAX: u64 = 262_144_000;
/// The most entries in a deployment package.
pub const PACKAGE_ENTRIES_MAX: usize = 65_535;
/// The most files, links and folders that it becomes, with those folders that stand in paths alone.
pub const PACKAGE_NAMES_MAX: usize = 131_072;
/// The longest path of an entry.
pub const ENTRY_PATH_BYTES_MAX: usize = 1_024;
/// The longest component of an entry's path.
pub const ENTRY_NAME_BYTES_MAX: usize = 255;
/// The deepest entry.
pub const ENTRY_DEPTH_MAX: usize = 64;
/// The longest target of a link.
pub const LINK_TARGET_BYTES_MAX: u64 = 1_024;

/// The largest payload of a synchronous invocation.
pub const REQUEST_BYTES_MAX: usize = 6 * 1024 * 1024;
/// The largest payload of an asynchronous invocation.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;
/// The largest answer of a function: six megabytes and the hundred bytes that Lambda allows on top.
pub const RESPONSE_BYTES_MAX: usize = 6 * 1024 * 1024 + 100;
/// The largest answer that is handed on as it comes.
pub const STREAMED_BYTES_MAX: u64 = 200 * 1024 * 1024;
/// Of such an answer, what is handed on as fast as it comes: Lambda's number.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html>
pub const STREAMED_FREE_BYTES: u64 = 6 * 1024 * 1024;
/// What is handed on of the rest in a second: Lambda's number.
pub const STREAMED_BYTES_PER_SECOND: u64 = 2 * 1024 * 1024;
/// Pieces of such an answer that wait for who takes them; the function waits meanwhile.
pub const STREAMED_PIECES_MAX: usize = 16;
/// What bodies that are not whole yet may hold, over all connections of one environment: one answer, and what extensions
/// send beside it.
pub const RUNTIME_BODIES_BYTES_MAX: usize = RESPONSE_BYTES_MAX + 512 * 1024;
/// Bytes beyond the largest answer that are read and thrown away before the connection is closed instead.
pub const RESPONSE_DISCARD_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The largest request head on the Runtime API.
pub const RUNTIME_HEAD_BYTES_MAX: usize = 64 * 1024;
/// The most request headers on the Runtime API.
pub const RUNTIME_HEADERS_MAX: usize = 64;
/// The most connections that one environment may hold open to its Runtime API.
pub const RUNTIME_CONNECTIONS_MAX: usize = 32;
/// The most extensions of one environment.
pub const EXTENSIONS_MAX: usize = 10;
/// Telemetry records of an environment's start that are kept for those who subscribe during it.
pub const EARLY_TELEMETRY_MAX: usize = 256;
/// Bytes of such records.
pub const EARLY_TELEMETRY_BYTES_MAX: usize = 64 * 1024;
/// The most connections that one environment may hold open to its AWS door.
pub const DOOR_CONNECTIONS_MAX: usize = 64;

/// The largest head of a request to the egress proxy.
pub const EGRESS_HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most headers of a request to the egress proxy.
pub const EGRESS_HEADERS_MAX: usize = 64;
/// How long the head of a request to the egress proxy may take.
pub const EGRESS_HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Connections of all environments to the outside; of one account, half of them; of one environment, [`DOOR_CONNECTIONS_MAX`].
pub const EGRESS_CONNECTIONS_MAX: usize = 1_024;
/// How long a connection to the outside may be silent.
pub const EGRESS_IDLE_TIME_MAX: Duration = Duration::from_secs(350);
/// How long a connection to the outside may last.
pub const EGRESS_TIME_MAX: Duration = Duration::from_secs(3_600);
/// Names that are resolved for functions at one time.
pub const EGRESS_LOOKUPS_MAX: usize = 16;
/// How long a name may take to resolve.
pub const EGRESS_LOOKUP_TIME_MAX: Duration = Duration::from_secs(5);
/// Addresses of one name that are looked at.
pub const EGRESS_ADDRESSES_MAX: usize = 8;
/// Bytes that wait in one direction of a connection to the outside.
pub const EGRESS_BUFFER_BYTES: usize = 16 * 1024;
/// Attempts of one environment that come to nothing, a second; more wait for their answer.
pub const EGRESS_REFUSALS_PER_SECOND: u32 = 10;
/// Such attempts that may come at once after a quiet time.
pub const EGRESS_REFUSALS_BURST: u32 = 50;

/// Environments that are started at one time; further invocations wait, and take one that becomes idle meanwhile.
pub const STARTS_MAX: usize = 8;
/// Environments of one account that come up at one time, however long their own code takes; a function has at most half of
/// those that the account's other functions leave. More of them at once, and code that computes would not come up in time.
pub const STARTS_ACCOUNT_MAX: usize = 16;
/// How long a start counts as one of [`STARTS_MAX`]; what takes longer is the function's own code.
pub const START_TURN_TIME_MAX: Duration = Duration::from_millis(250);
/// Environments of one kind that are started ahead of their functions.
pub const PARKED_CLASS_MAX: usize = 8;
/// Environments of all kinds that are started ahead.
pub const PARKED_MAX: usize = 16;
/// How long environments of a kind are started ahead after a function last wanted one.
pub const PARKED_INTEREST: Duration = Duration::from_secs(600);
/// How long one waits for its function before it is replaced.
pub const PARKED_AGE_MAX: Duration = Duration::from_secs(3_600);
/// How long an environment may take from its start to its first `next`.
pub const INIT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a provisioned environment may take to come up, at least: functions with a longer time-out have that.
pub const PROVISIONED_INIT_TIME_MIN: Duration = Duration::from_secs(130);
/// How long an environment with an internal extension, and no other, may take to end.
pub const SHUTDOWN_TIME_INTERNAL: Duration = Duration::from_millis(500);
/// How long an environment with an external extension may take to end.
pub const SHUTDOWN_TIME_EXTERNAL: Duration = Duration::from_millis(2_000);
/// What the runtime gets of that, where external extensions are told after it.
pub const RUNTIME_SHUTDOWN_TIME: Duration = Duration::from_millis(300);
/// How long an environment that nobody uses is kept.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(300);
/// How long an environment is used at all; a new one has new code of the platform's, and nothing that piled up.
pub const ENVIRONMENT_AGE_MAX: Duration = Duration::from_secs(7_200);
/// How long an environment stays runnable once it is idle; then it is frozen.
pub const IDLE_BEFORE_FREEZE: Duration = Duration::from_millis(100);
/// An environment whose role credentials expire within this is not used again.
pub const CREDENTIALS_MARGIN: Duration = Duration::from_secs(900 + 60);

/// The longest line of output that stays one log event; a longer one is split.
pub const LOG_LINE_BYTES_MAX: usize = 256 * 1024;
/// Bytes that one environment may write in a second; what is over is dropped, and a line says so.
pub const OUTPUT_BYTES_PER_SECOND: u64 = 8 * 1024 * 1024;
/// Bytes that one environment may write at once after a quiet time.
pub const OUTPUT_BURST_BYTES: u64 = 16 * 1024 * 1024;
/// The end of an invocation's log that `LogType=Tail` answers.
pub const LOG_TAIL_BYTES_MAX: usize = 4 * 1024;
/// Output that one environment holds before it is handed to the log queue in the middle of an invocation.
pub const LOG_HELD_BYTES_MAX: usize = 64 * 1024;
/// How long it holds lines while an invocation goes on.
pub const LOG_HELD_TIME_MAX: Duration = Duration::from_millis(250);
/// Output batches that wait for delivery; more are dropped and counted.
pub const LOG_QUEUE_BATCHES_MAX: usize = 4_096;
/// Output bytes that wait for delivery; more are dropped and counted.
pub const LOG_QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Concurrent executions of one account: AWS's default quota.
pub const ACCOUNT_CONCURRENCY_MAX: u32 = 1_000;
/// Concurrency of an account that reservations must leave to functions without one.
pub const UNRESERVED_CONCURRENCY_MIN: u32 = 100;
/// Environments of this machine at one time, unless the operator sets another number.
pub const ENVIRONMENTS_MAX: usize = 100;
/// Memory that this machine promises to environments at one time, unless the operator sets another number.
pub const ENVIRONMENT_MEMORY_MIB_MAX: u64 = 16 * 1024;

/// How long an asynchronous invocation is tried.
pub const EVENT_AGE_MAX: Duration = Duration::from_secs(6 * 3_600);
/// How often an asynchronous invocation is tried again after a function error.
pub const EVENT_RETRIES_MAX: u32 = 2;
/// Asynchronous invocations that wait in one account.
pub const EVENT_QUEUE_MAX: usize = 10_000;
/// Asynchronous invocations in progress at one time; an account has at most half of those that other accounts leave.
pub const EVENT_WORKERS_MAX: usize = 256;
/// Asynchronous invocations of one account in progress at one time; a function has at most half of those that the account's
/// other functions leave.
pub const EVENT_WORKERS_ACCOUNT_MAX: usize = 32;
