//! One connection of a runtime: bytes in, requests out; answers queued and written as the peer takes them.
//!
//! It never waits by itself. Whoever polls it decides for how long.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::answer::{CONTINUE, Refused};
use super::message::{Bodies, Parsed, Parser};

/// Bytes read before others get their turn.
const TURN_BYTES: usize = 1024 * 1024;
/// What leaves in one write: an answer that was held back, and the head and the body of the one after it.
const SLICES: usize = 3;
/// Room made for what is read.
const READ_BYTES: usize = 16 * 1024;
/// Room that is enough for a read where a request may begin: most are shorter, and the buffer is used again.
const ROOM_BYTES: usize = 4 * 1024;

pub(super) struct Connection {
    stream: TcpStream,
    parser: Parser,
    input: BytesMut,
    output: VecDeque<Bytes>,
    /// No further request is read.
    closes: bool,
    /// A request was handed out and its answer is not queued yet.
    owes_answer: bool,
    /// What is queued waits for the answer after it, so that both leave in one write.
    holds_back: bool,
    /// A streamed request has begun and not ended; and whether the connection goes on after it.
    streaming: Option<bool>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, bodies: Bodies) -> Self {
        // A small answer must not wait for the peer's acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            parser: Parser::new(bodies),
            input: BytesMut::new(),
            output: VecDeque::new(),
            closes: false,
            owes_answer: false,
            holds_back: false,
            streaming: None,
        }
    }

    /// True where a streamed request has begun and not ended.
    pub(super) const fn is_streaming(&self) -> bool {
        self.streaming.is_some()
    }

    /// Reads nothing more; what is queued still goes out.
    pub(super) const fn close(&mut self) {
        self.streaming = None;
        self.owes_answer = false;
        self.closes = true;
    }

    /// What came in next; `None` once the connection is of no more use.
    pub(super) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Parsed>> {
        let mut turn = 0;
        loop {
            if !self.holds_back {
                if self.poll_flush(cx).is_err() {
                    return Poll::Ready(None);
                }
                if !self.output.is_empty() {
                    // SECURITY: a peer that does not read its answers gets no more of them.
                    return Poll::Pending;
                }
            }
            if self.closes {
                let is_done = self.output.is_empty() && !self.owes_answer;
                return if is_done { Poll::Ready(None) } else { Poll::Pending };
            }
            match self.parser.advance(&mut self.input) {
                Ok(Some(parsed)) => {
                    self.note(&parsed);
                    return Poll::Ready(Some(parsed));
                }
                Ok(None) if self.holds_back && !self.owes_answer => {
                    // What came after the request was no whole one: nobody waits for two answers.
                    self.holds_back = false;
                    continue;
                }
                Ok(None) => {}
                Err(_) => {
                    self.closes = true;
                    self.send(Refused::Malformed.bytes());
                    continue;
                }
            }
            if self.parser.take_continue() {
                self.send(CONTINUE); // comes before the request is whole, so no answer is owed yet
            }
            let wanted = if self.parser.is_at_head() { ROOM_BYTES } else { READ_BYTES };
            if self.input.capacity().saturating_sub(self.input.len()) < wanted {
                self.input.reserve(READ_BYTES);
            }
            // Not tried and then awaited: a read that fills less than its room tells that nothing is left, for free.
            match std::pin::pin!(self.stream.read_buf(&mut self.input)).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(None),
                Poll::Ready(Ok(length)) => {
                    turn += length;
                    if turn >= TURN_BYTES {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    const fn note(&mut self, parsed: &Parsed) {
        let goes_on = match parsed {
            Parsed::Whole(message) => message.head.keep_alive,
            Parsed::Begins(head) => {
                self.streaming = Some(head.keep_alive);
                return;
            }
            Parsed::Piece(_) => return,
            Parsed::Ends(_) => !matches!(self.streaming.take(), Some(false)),
        };
        self.closes |= !goes_on;
        self.owes_answer = true;
    }

    /// Queues bytes and writes as many as the peer takes now.
    pub(super) fn send(&mut self, bytes: Bytes) {
        self.send_both(bytes, Bytes::new());
    }

    /// Queues bytes, and writes them with the answer after them where the peer has asked for that already. A peer that
    /// asks for the next invocation as it answers one wakes once for both.
    pub(super) fn send_with_next(&mut self, bytes: Bytes) {
        if self.input.is_empty() || self.closes || !self.output.is_empty() {
            return self.send(bytes);
        }
        self.output.push_back(bytes);
        self.owes_answer = false;
        self.holds_back = true;
    }

    /// Writes what waits for the answer after it.
    pub(super) fn let_go(&mut self) {
        if std::mem::take(&mut self.holds_back) {
            let _ = self.write_now();
        }
    }

    /// Queues a head and a body, and writes as many of them as the peer takes now.
    pub(super) fn send_both(&mut self, head: Bytes, body: Bytes) {
        self.output.extend([head, body].into_iter().filter(|bytes| !bytes.is_empty()));
        self.owes_answer = false;
        self.holds_back = false;
        // An error shows again, and is handled, at the next poll.
        let _ = self.write_now();
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while !self.output.is_empty() {
            self.write_now()?;
            if !self.output.is_empty() && self.stream.poll_write_ready(cx)?.is_pending() {
                break;
            }
        }
        Ok(())
    }

    /// Writes until nothing is left or the peer takes no more.
    fn write_now(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            let mut slices: [_; SLICES] = std::array::from_fn(|_| IoSlice::new(&[]));
            for (slice, bytes) in slices.iter_mut().zip(&self.output) {
                *slice = IoSlice::new(bytes);
            }
            match self.stream.try_write_vectored(&slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.wrote(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn wrote(&mut self, mut written: usize) {
        while let Some(first) = self.output.front_mut() {
            if written < first.len() {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.output.pop_front();
        }
    }
}
