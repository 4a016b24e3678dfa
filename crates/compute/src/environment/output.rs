//! What a function writes: pipes in, lines out, bounded in every direction.
//!
//! A line longer than the limit is split, never dropped; bytes that are not UTF-8 are replaced. What has no line feed is
//! handed on nevertheless once it has waited for one. A pipe that nobody reads stops its writer, which is what an idle
//! environment deserves.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use base::{Clock, Timestamp};
use serde_json::Value;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::unix::pipe::Receiver;
use tokio::time::Instant;

use super::allowance::Allowance;
use crate::contract::LogEvent;
use crate::function::{FunctionLogging, LogFormat, LogLevel};
use crate::limits::{LOG_HELD_BYTES_MAX, LOG_LINE_BYTES_MAX, LOG_TAIL_BYTES_MAX};

/// Bytes read at once.
const READ_BYTES: usize = 8 * 1024;
/// What the bootstraps write for a line end within one event. A bare carriage return stays what it is.
const EVENT_LINE: &str = "\r\0";
/// Bytes read from one pipe before others get their turn.
const TURN_BYTES: usize = 256 * 1024;

/// The output of one environment.
pub(crate) struct Output {
    clock: Clock,
    /// Read into, and split from, again and again.
    scratch: Vec<u8>,
    pipes: [Pipe; 2],
    lines: Lines,
}

/// Lines that were read and not handed on.
struct Lines {
    allowance: Allowance,
    held: Vec<LogEvent>,
    held_bytes: usize,
    tail: Vec<u8>,
    /// Of a JSON log: what the function's own lines must reach.
    least: Option<LogLevel>,
    /// The function's own lines again, where somebody besides the log wants them.
    untold: Option<Vec<LogEvent>>,
}

struct Pipe {
    source: Option<Source>,
    partial: Vec<u8>,
    /// Its end was not there when it was looked for before.
    has_waited: bool,
}

/// One pipe, read in two ways: when the reactor says so, and directly.
struct Source {
    watched: Receiver,
    direct: File,
}

impl Output {
    /// Reads these two pipes.
    ///
    /// # Errors
    /// Where they are not pipes, or cannot be registered with this runtime.
    pub(crate) fn new(
        stdout: OwnedFd,
        stderr: OwnedFd,
        logging: FunctionLogging,
        clock: Clock,
    ) -> io::Result<Self> {
        let pipes = [Pipe::new(stdout)?, Pipe::new(stderr)?];
        let least = (logging.format == LogFormat::Json).then_some(logging.application_level);
        let lines = Lines { least, untold: Some(Vec::new()), ..Lines::new() };
        Ok(Self { clock, scratch: vec![0; READ_BYTES], pipes, lines })
    }

    /// The function's own lines since this was last asked.
    pub(crate) fn take_untold(&mut self) -> Vec<LogEvent> {
        self.lines.untold.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// From here on the log alone gets the function's lines.
    pub(crate) fn stop_telling(&mut self) {
        self.lines.untold = None;
    }

    /// Reads what is there, and asks to be woken when there is more.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) {
        for pipe in &mut self.pipes {
            pipe.poll_read(cx, &mut self.scratch, &mut self.lines, &self.clock);
        }
    }

    /// Reads what is there at this moment, whatever the reactor knows: what was written before an answer was sent
    /// is in the pipe when the answer arrives.
    pub(crate) fn read_now(&mut self) {
        for pipe in &mut self.pipes {
            pipe.read_now(&mut self.scratch, &mut self.lines, &self.clock);
        }
    }

    /// Ends lines that have no end yet.
    // SECURITY: an invocation's output is in its own part of the log. What is left over would stand before the output of
    // the next one, whose caller may be somebody else.
    pub(crate) fn end_lines(&mut self) {
        for pipe in &mut self.pipes {
            pipe.end_line(&mut self.lines, &self.clock);
        }
        self.lines.say_what_was_dropped(&self.clock);
    }

    /// Ends lines that had no end when this was called before, and have none yet.
    pub(crate) fn end_old_lines(&mut self) {
        for pipe in &mut self.pipes {
            if std::mem::replace(&mut pipe.has_waited, !pipe.partial.is_empty()) {
                pipe.end_line(&mut self.lines, &self.clock);
            }
        }
    }

    /// Adds a line of the platform's own.
    pub(crate) fn platform_line(&mut self, line: impl Into<String>) {
        self.lines.say_what_was_dropped(&self.clock);
        self.lines.keep(line.into(), &self.clock);
    }

    /// Forgets the end of the log, as a new invocation begins.
    pub(crate) fn begin_tail(&mut self) {
        self.lines.tail.clear();
    }

    /// The end of the log since [`Output::begin_tail`].
    pub(crate) fn tail(&self) -> Vec<u8> {
        let start = self.lines.tail.len().saturating_sub(LOG_TAIL_BYTES_MAX);
        self.lines.tail.get(start..).unwrap_or_default().to_vec()
    }

    /// True where enough is held to hand it on.
    pub(crate) const fn is_full(&self) -> bool {
        self.lines.held_bytes >= LOG_HELD_BYTES_MAX
    }

    /// True where anything is held, whole lines or what may become one.
    pub(crate) fn holds_anything(&self) -> bool {
        !self.lines.held.is_empty() || self.pipes.iter().any(|pipe| !pipe.partial.is_empty())
    }

    /// Hands on what is held.
    pub(crate) fn take_held(&mut self) -> Vec<LogEvent> {
        self.lines.held_bytes = 0;
        std::mem::take(&mut self.lines.held)
    }
}

impl Lines {
    fn new() -> Self {
        Self {
            allowance: Allowance::new(Instant::now()),
            held: Vec::new(),
            held_bytes: 0,
            tail: Vec::new(),
            least: None,
            untold: None,
        }
    }

    /// A line of the function's own, if it may write that much and its level is wanted.
    fn push_own(&mut self, line: &[u8], clock: &Clock) {
        if !self.allowance.admits(line.len() + size_of::<LogEvent>(), Instant::now()) {
            return;
        }
        self.say_what_was_dropped(clock);
        let mut message = String::from_utf8_lossy(line).into_owned();
        if message.contains(EVENT_LINE) {
            message = message.replace(EVENT_LINE, "\n");
        }
        if self.least.is_some_and(|least| level_of(&message).is_some_and(|level| level < least)) {
            return;
        }
        if let Some(untold) = &mut self.untold {
            untold.push(LogEvent { timestamp: clock.now(), message: message.clone() });
        }
        self.keep(message, clock);
    }

    fn say_what_was_dropped(&mut self, clock: &Clock) {
        if let Some(notice) = self.allowance.notice() {
            self.keep(notice, clock);
        }
    }

    fn keep(&mut self, message: String, clock: &Clock) {
        self.tail.extend_from_slice(message.as_bytes());
        self.tail.push(b'\n');
        if self.tail.len() > 4 * LOG_TAIL_BYTES_MAX {
            let excess = self.tail.len() - LOG_TAIL_BYTES_MAX;
            self.tail.drain(..excess);
        }
        self.held_bytes += message.len() + size_of::<LogEvent>();
        self.held.push(LogEvent { timestamp: clock.now(), message });
    }
}

/// The level of a line of a JSON log: `INFO`, as on Lambda, where an object says none, or not when it was written. What is no
/// object is a text, and has none.
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>
fn level_of(line: &str) -> Option<LogLevel> {
    #[derive(serde::Deserialize)]
    struct Said {
        level: Option<Value>,
        timestamp: Option<Value>,
    }
    let said: Said = line.trim_start().starts_with('{').then(|| serde_json::from_str(line).ok())??;
    let level = said.level.as_ref().and_then(Value::as_str).and_then(LogLevel::of);
    let is_timed = said.timestamp.as_ref().and_then(Value::as_str).is_some_and(is_rfc3339);
    Some(level.filter(|_| is_timed).unwrap_or_default())
}

/// Of ISO 8601, in which more may be written, only what RFC 3339 has.
fn is_rfc3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_whole = matches!(bytes.get(10), Some(b'T' | b't')) && bytes.get(16) == Some(&b':');
    let has_zone = matches!(bytes, [.., b'Z' | b'z'] | [.., b'+' | b'-', _, _, b':', _, _]);
    is_whole && has_zone && !text.contains(',') && Timestamp::parse_iso8601(text).is_some()
}

impl Pipe {
    fn new(fd: OwnedFd) -> io::Result<Self> {
        let direct = File::from(fd.try_clone()?);
        // Non-blocking from here on, through either descriptor: the mode belongs to the pipe's end, not to the number.
        let watched = Receiver::from_owned_fd(fd)?;
        Ok(Self { source: Some(Source { watched, direct }), partial: Vec::new(), has_waited: false })
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, scratch: &mut [u8], lines: &mut Lines, clock: &Clock) {
        let mut turn = 0;
        loop {
            let Some(source) = &mut self.source else { return };
            let mut read = ReadBuf::new(scratch);
            match Pin::new(&mut source.watched).poll_read(cx, &mut read) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    turn += read.filled().len();
                    self.split(read.filled(), lines, clock);
                    if turn >= TURN_BYTES {
                        cx.waker().wake_by_ref();
                        return;
                    }
                }
                Poll::Ready(_) => self.source = None,
            }
        }
    }

    fn read_now(&mut self, scratch: &mut [u8], lines: &mut Lines, clock: &Clock) {
        let mut turn = 0;
        while turn < TURN_BYTES {
            let Some(source) = &self.source else { return };
            match (&source.direct).read(scratch) {
                Ok(length) if length > 0 => {
                    turn += length;
                    self.split(scratch.get(..length).unwrap_or_default(), lines, clock);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                _ => self.source = None,
            }
        }
    }

    fn end_line(&mut self, lines: &mut Lines, clock: &Clock) {
        self.has_waited = false;
        let rest = std::mem::take(&mut self.partial);
        if !rest.is_empty() {
            lines.push_own(&rest, clock);
        }
    }

    fn split(&mut self, bytes: &[u8], lines: &mut Lines, clock: &Clock) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            self.partial.extend_from_slice(text);
            while self.partial.len() > LOG_LINE_BYTES_MAX {
                let rest = self.partial.split_off(LOG_LINE_BYTES_MAX);
                lines.push_own(&std::mem::replace(&mut self.partial, rest), clock);
            }
            if ends {
                self.has_waited = false;
                let line = std::mem::take(&mut self.partial);
                lines.push_own(line.strip_suffix(b"\r").unwrap_or(&line), clock);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::limits::{OUTPUT_BURST_BYTES, OUTPUT_BYTES_PER_SECOND};

    fn output() -> (Output, io::PipeWriter, io::PipeWriter) {
        let (out, stdout) = io::pipe().unwrap();
        let (err, stderr) = io::pipe().unwrap();
        let logging = FunctionLogging::default();
        (Output::new(out.into(), err.into(), logging, Clock::system()).unwrap(), stdout, stderr)
    }

    fn messages(output: &mut Output) -> Vec<String> {
        output.take_held().into_iter().map(|event| event.message).collect()
    }

    #[tokio::test]
    async fn lines_come_out_whole_and_the_last_one_when_it_is_ended() {
        let (mut output, mut stdout, mut stderr) = output();
        stdout.write_all(b"one\ntw").unwrap();
        stderr.write_all(b"bad\xff\r\n").unwrap();
        output.read_now();
        assert_eq!(messages(&mut output), ["one", "bad\u{fffd}"]);
        stdout.write_all(b"o\nthree").unwrap();
        drop(stdout);
        output.read_now();
        output.end_lines();
        assert_eq!(messages(&mut output), ["two", "three"]);
        assert_eq!(output.tail(), "one\nbad\u{fffd}\ntwo\nthree\n".as_bytes());
    }

    #[tokio::test]
    async fn what_has_no_line_feed_waits_for_one_and_no_longer() {
        let (mut output, mut stdout, mut stderr) = output();
        stdout.write_all(b"one").unwrap();
        stderr.write_all(b"half").unwrap();
        output.read_now();
        assert!(output.holds_anything());
        output.end_old_lines();
        assert!(messages(&mut output).is_empty(), "it may go on");
        stderr.write_all(b" and half\nnew").unwrap();
        output.read_now();
        output.end_old_lines();
        assert_eq!(messages(&mut output), ["half and half", "one"]);
        output.end_old_lines();
        assert_eq!(messages(&mut output), ["new"]);
        assert!(!output.holds_anything());
    }

    #[tokio::test]
    async fn an_event_of_several_lines_is_one_and_its_lines_end_in_line_feeds() {
        let (mut output, mut stdout, _stderr) = output();
        stdout.write_all(b"Traceback:\r\0  File\r\0Odd\nprogress 1\rprogress 2\n").unwrap();
        output.read_now();
        assert_eq!(messages(&mut output), ["Traceback:\n  File\nOdd", "progress 1\rprogress 2"]);
        assert_eq!(output.tail(), b"Traceback:\n  File\nOdd\nprogress 1\rprogress 2\n");
    }

    #[test]
    fn an_object_of_a_json_log_has_the_level_that_it_says_with_its_moment_or_is_information() {
        for (line, level) in [
            (r#"{"level":"debug","timestamp":"2026-11-22T02:56:59Z","message":"m"}"#, LogLevel::Debug),
            (r#" {"level":"WARNING","timestamp":"2026-11-22t02:56:59.123456789+01:00"}"#, LogLevel::Warn),
            (
                r#"{"level":"\u0045RROR","timestamp":"2026-11-22T02:56:59-00:00","level2":{}}"#,
                LogLevel::Error,
            ),
            (r#"{"level":"ERROR","timestamp":1}"#, LogLevel::Info),
            (r#"{"level":"ERROR","timestamp":"2026-11-22 02:56:59,123+0000"}"#, LogLevel::Info),
            (r#"{"level":"ERROR","timestamp":"2026-11-22T02:56:59,123Z"}"#, LogLevel::Info),
            (r#"{"level":"ERROR","timestamp":"2026-11-22T02:56:59"}"#, LogLevel::Info),
            (r#"{"level":"ERROR","timestamp":"2026-11-22T02:56Z"}"#, LogLevel::Info),
            (r#"{"level":"ERROR","timestamp":"2026-13-22T02:56:59Z"}"#, LogLevel::Info),
            (r#"{"level":"ERROR","timestamp":null}"#, LogLevel::Info),
            (r#"{"level":"ERROR"}"#, LogLevel::Info),
            (r#"{"level":"DEBUG"}"#, LogLevel::Info),
            (r#"{"level":50,"timestamp":"2026-11-22T02:56:59Z"}"#, LogLevel::Info),
            (r#"{"level":"loud","timestamp":"2026-11-22T02:56:59Z"}"#, LogLevel::Info),
            (r#"{"message":"m"}"#, LogLevel::Info),
            ("{}", LogLevel::Info),
        ] {
            assert_eq!(level_of(line), Some(level), "{line}");
        }
        for line in ["DEBUG plain", "{", "[1]", "1", r#"{"level":"DEBUG"} and more"#] {
            assert_eq!(level_of(line), None, "{line}");
        }
    }

    #[tokio::test]
    async fn reading_wakes_and_sees_the_end() {
        let (mut output, mut stdout, stderr) = output();
        drop(stderr);
        let writer = std::thread::spawn(move || stdout.write_all(b"late\n").unwrap());
        std::future::poll_fn(|cx| {
            output.poll_read(cx);
            if output.pipes.iter().all(|pipe| pipe.source.is_none()) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        writer.join().unwrap();
        assert_eq!(messages(&mut output), ["late"]);
    }

    #[tokio::test]
    async fn output_without_end_is_bounded_and_what_was_dropped_is_said_before_the_next_line() {
        let (mut output, stdout, _stderr) = output();
        let much = usize::try_from(4 * OUTPUT_BURST_BYTES).unwrap();
        let writer = std::thread::spawn(move || {
            let mut stdout = stdout;
            let block = "x".repeat(1_023) + "\n";
            for _ in 0..much / 1_024 {
                stdout.write_all(block.as_bytes()).unwrap();
            }
        });
        let (mut kept, begin) = (0, Instant::now());
        std::future::poll_fn(|cx| {
            output.poll_read(cx);
            kept += output.take_held().iter().map(|event| event.message.len() + 1).sum::<usize>();
            if output.pipes[0].source.is_none() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        writer.join().unwrap();
        output.platform_line("END");
        let lines = messages(&mut output);
        // A machine that is slow enough drops nothing.
        let grown = OUTPUT_BYTES_PER_SECOND * (begin.elapsed().as_millis() as u64 + 1) / 1_000;
        assert!(kept as u64 <= OUTPUT_BURST_BYTES + grown, "{kept}");
        assert_eq!(lines.iter().any(|line| line.contains(" lines (")), kept < much, "{lines:?}");
        assert_eq!(lines.last().map(String::as_str), Some("END"));
    }

    #[tokio::test]
    async fn long_lines_are_split_and_the_tail_is_bounded() {
        let (mut output, stdout, _stderr) = output();
        let long = vec![b'x'; LOG_LINE_BYTES_MAX + 10];
        let writer = std::thread::spawn(move || {
            let mut stdout = stdout;
            stdout.write_all(&long).unwrap();
            stdout.write_all(b"\nend\n").unwrap();
        });
        std::future::poll_fn(|cx| {
            output.poll_read(cx);
            if output.pipes[0].source.is_none() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        writer.join().unwrap();
        let lengths: Vec<usize> = messages(&mut output).iter().map(String::len).collect();
        assert_eq!(lengths, [LOG_LINE_BYTES_MAX, 10, 3]);
        assert_eq!(output.tail().len(), LOG_TAIL_BYTES_MAX);
        assert!(output.tail().ends_with(b"end\n"));
    }
}
