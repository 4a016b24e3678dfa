//! What is said where a function's program cannot be executed: Lambda's words, by the ways that a program has.
//!
//! A fault of the function's package is its own to fail by, not the platform's. Runs in the function's process, with no
//! more rights than the program would have had.

use std::ffi::{CStr, OsStr};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use crate::sys::{self, CommandLine};

/// How a runtime finds whom to ask for work.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
const ERROR_TYPE: &str = "Runtime.InvalidEntrypoint";
/// What a custom runtime is.
const BOOTSTRAP: &str = "bootstrap";
const PATIENCE: Duration = Duration::from_secs(5);
/// The answer tells nothing that is needed; it is read so that the report is over before the process is.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// As shells end.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

/// Where Lambda looks for it, in this order.
const TASK_BOOTSTRAP: &CStr = c"/var/task/bootstrap";
const LAYER_BOOTSTRAP: &CStr = c"/opt/bootstrap";

/// What is executed where a custom runtime's program is none: as on Lambda, a layer may bring it.
// Asked in here, where links lead to what the function sees.
pub(super) fn in_place_of(program: &CStr) -> Option<&'static CStr> {
    let is_missing = program == TASK_BOOTSTRAP && !is_bootstrap(path_of(program));
    (is_missing && is_bootstrap(path_of(LAYER_BOOTSTRAP))).then_some(LAYER_BOOTSTRAP)
}

fn path_of(program: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(program.to_bytes()))
}

/// Lambda passes over what is not there, be it at a link's end, and over folders.
fn is_bootstrap(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| !found.is_dir())
}

/// Tells why `program` was not executed as `command` says; the process's exit code.
pub(super) fn refused(program: &CStr, command: &CommandLine, error: &io::Error) -> i32 {
    let path = path_of(program);
    let program = program.to_string_lossy();
    let is_bootstrap_path = path.file_name().is_some_and(|name| name == BOOTSTRAP);
    let is_missing = if is_bootstrap_path { !is_bootstrap(path) } else { !path.exists() };
    // The spawner takes it for executed: what follows is as if the program had said it.
    if sys::close_all_but(&mut []).is_err() {
        return NOT_EXECUTABLE;
    }
    if is_bootstrap_path {
        let message = if is_missing {
            "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]".to_owned()
        } else {
            format!("fork/exec {program}: {}", words(error))
        };
        // Where nobody listens, the end of the process tells.
        drop(report(command, &message));
    } else {
        let words = if is_missing { "does not exist" } else { words(error) };
        drop(writeln!(io::stderr(), "{program}: {words}"));
    }
    if is_missing { NOT_FOUND } else { NOT_EXECUTABLE }
}

fn words(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => "permission denied",
        Some(libc::ENOEXEC) => "exec format error",
        Some(libc::ENOENT | libc::ENOTDIR) => "no such file or directory",
        Some(libc::E2BIG) => "argument list too long",
        _ => "cannot be executed",
    }
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror>
fn report(command: &CommandLine, message: &str) -> io::Result<()> {
    let address = command.variable(RUNTIME_API).ok_or(io::ErrorKind::NotFound)?;
    let address: SocketAddr = address.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut api = TcpStream::connect_timeout(&address, PATIENCE)?;
    api.set_read_timeout(Some(PATIENCE))?;
    let body = serde_json::json!({ "errorType": ERROR_TYPE, "errorMessage": message }).to_string();
    write!(
        api,
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Lambda-Runtime-Function-Error-Type: {ERROR_TYPE}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    api.take(ANSWER_BYTES_MAX).read_to_end(&mut Vec::new()).map(drop)
}
