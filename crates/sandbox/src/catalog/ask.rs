//! Runs a program of the host to learn what it is.
//!
//! Only programs that the operator's own search path names, with an empty environment and a time limit.

use std::ffi::OsStr;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 64 * 1_024;

/// What `program` prints, or `None` if it fails, takes too long, or prints too much.
pub(super) fn ask(program: &Path, arguments: &[&str], search_path: &OsStr) -> Option<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", search_path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let answer = child.stdout.take().and_then(read_in_time);
    if answer.is_none() {
        let _ = child.kill();
    }
    let status = child.wait().ok()?;
    answer.filter(|_| status.success())
}

fn read_in_time(mut pipe: std::process::ChildStdout) -> Option<String> {
    let deadline = Instant::now() + PATIENCE;
    let mut answer = Vec::new();
    loop {
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).ok()?;
        let mut watched = [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)];
        if poll(&mut watched, Some(&left)).ok()? == 0 {
            return None;
        }
        let mut part = [0; 4_096];
        match pipe.read(&mut part).ok()? {
            0 => return String::from_utf8(answer).ok(),
            length => answer.extend_from_slice(part.get(..length)?),
        }
        if answer.len() > ANSWER_BYTES_MAX {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Option<String> {
        ask(Path::new("/bin/sh"), &["-c", script], OsStr::new("/usr/bin:/bin"))
    }

    #[test]
    fn an_answer_is_what_was_printed_and_failures_are_none() {
        assert_eq!(shell("echo 1; echo 2 >&2").as_deref(), Some("1\n"));
        assert_eq!(shell("echo 1; exit 1"), None);
        assert_eq!(shell("yes"), None);
        assert_eq!(ask(Path::new("/nonexistent"), &[], OsStr::new("")), None);
    }
}
