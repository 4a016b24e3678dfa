//! An incremental HTTP/1.1 request parser for the few requests that a runtime makes.
//!
//! The peer is hostile code. Everything is bounded, ambiguous framing is refused, and bytes of a body beyond the
//! largest answer are counted but not kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use bytes::{Buf, Bytes, BytesMut};
use tokio::time::Instant;

use crate::limits::{
    RESPONSE_BYTES_MAX, RESPONSE_DISCARD_BYTES_MAX, RUNTIME_BODIES_BYTES_MAX, RUNTIME_HEAD_BYTES_MAX,
    RUNTIME_HEADERS_MAX,
};

/// A body up to this, come in one piece with its head, is copied: what it came in is used again at once.
const SHORT_BODY_BYTES: usize = 4 * 1024;

/// The request cannot be understood; the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// One whole request.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) head: Head,
    /// The body, or as much of it as may be kept.
    pub(crate) body: Bytes,
    /// How long the body was in truth.
    pub(crate) body_bytes: u64,
    /// What a streamed answer says at its end where it failed half-way.
    pub(crate) failed_midway: Option<(String, Bytes)>,
    /// When its head came, where the rest came later.
    pub(crate) began: Option<Instant>,
}

/// What a parser gives, in order: a whole request, or the beginning, the pieces and the end of one whose body is
/// answered as it comes.
#[derive(Debug)]
pub(crate) enum Parsed {
    Whole(Message),
    Begins(Head),
    Piece(Bytes),
    /// With what it says at its end where it failed half-way.
    Ends(Option<(String, Bytes)>),
}

/// What matters of a request's head.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    /// `Lambda-Runtime-Function-Error-Type`
    pub(crate) error_type: Option<String>,
    /// Of the body, where it could be one.
    pub(crate) content_type: Option<String>,
    /// What an extension says of itself.
    pub(crate) extension: Option<Box<ExtensionHead>>,
    /// `Lambda-Runtime-Function-Response-Mode: streaming`, of an answer to an invocation.
    pub(crate) streams: bool,
    pub(crate) keep_alive: bool,
    pub(crate) expects_continue: bool,
}

/// The headers of an extension's call.
#[derive(Debug, Default)]
pub(crate) struct ExtensionHead {
    /// `Lambda-Extension-Name`
    pub(crate) name: Option<String>,
    /// `Lambda-Extension-Identifier`
    pub(crate) identifier: Option<String>,
    /// `Lambda-Extension-Accept-Feature: accountId`
    pub(crate) wants_account: bool,
    /// `Lambda-Extension-Function-Error-Type`
    pub(crate) error_type: Option<String>,
}

/// Where in a request the parser stands.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    state: State,
    owes_continue: bool,
    bodies: Bodies,
}

/// Bytes of bodies that are not whole yet, of all connections of one environment together: a runtime sends one answer at a
/// time, and what it leaves half sent is kept in the platform's memory, not in its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bodies(Arc<AtomicUsize>);

/// What one body holds of them, until dropped.
#[derive(Debug, Default)]
struct Held {
    bodies: Bodies,
    bytes: usize,
}

impl Held {
    /// Counts so many more; an error where it would be more than one environment may have.
    fn grow(&mut self, bytes: usize) -> Result<(), Malformed> {
        self.bytes += bytes;
        let before = self.bodies.0.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > RUNTIME_BODIES_BYTES_MAX { Err(Malformed) } else { Ok(()) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.bodies.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Fixed(Box<Partial>, u64),
    ChunkSize(Box<Partial>),
    Chunk(Box<Partial>, u64),
    ChunkEnd(Box<Partial>),
    Trailers(Box<Partial>),
    Broken,
}

#[derive(Debug, Default)]
struct Partial {
    head: Head,
    body: BytesMut,
    held: Held,
    body_bytes: u64,
    /// Pieces are handed out as they come; nothing is kept.
    streams: bool,
    began: Option<Instant>,
}

enum Framing {
    Length(u64),
    Chunked,
}

#[allow(clippy::large_enum_variant, reason = "one is made for a call, and taken apart at once")]
enum Step {
    Next(State),
    Out(Parsed, State),
    NeedsInput(State),
}

impl Parser {
    /// One connection's, which shares the room for bodies with the environment's others.
    pub(crate) fn new(bodies: Bodies) -> Self {
        Self { bodies, ..Self::default() }
    }

    /// Takes as much of `input` as it can and answers what it came to.
    pub(crate) fn advance(&mut self, input: &mut BytesMut) -> Result<Option<Parsed>, Malformed> {
        loop {
            let state = std::mem::replace(&mut self.state, State::Broken);
            match self.step(state, input)? {
                Step::Next(state) => self.state = state,
                Step::Out(parsed, state) => {
                    self.state = state;
                    return Ok(Some(parsed));
                }
                Step::NeedsInput(state) => {
                    self.state = state;
                    return Ok(None);
                }
            }
        }
    }

    /// True once where the peer waits for `100 Continue` before it sends its body.
    pub(crate) const fn take_continue(&mut self) -> bool {
        std::mem::replace(&mut self.owes_continue, false)
    }

    /// True where what comes next is the beginning of a request.
    pub(crate) const fn is_at_head(&self) -> bool {
        matches!(self.state, State::Head)
    }

    fn step(&mut self, state: State, input: &mut BytesMut) -> Result<Step, Malformed> {
        match state {
            State::Broken => Err(Malformed),
            State::Head => self.head(input),
            State::Fixed(partial, 0) => Ok(partial.finish(None)),
            State::Fixed(mut partial, remaining) => {
                let (taken, piece) = partial.take(input, remaining)?;
                let left = remaining - taken;
                Ok(match piece {
                    Some(piece) => Step::Out(Parsed::Piece(piece), State::Fixed(partial, left)),
                    None if left == 0 => partial.finish(None),
                    None => Step::NeedsInput(State::Fixed(partial, left)),
                })
            }
            State::ChunkSize(partial) => chunk_size(partial, input),
            State::Chunk(mut partial, remaining) => {
                let (taken, piece) = partial.take(input, remaining)?;
                let left = remaining - taken;
                let state = if left == 0 { State::ChunkEnd(partial) } else { State::Chunk(partial, left) };
                Ok(match piece {
                    Some(piece) => Step::Out(Parsed::Piece(piece), state),
                    None if left == 0 => Step::Next(state),
                    None => Step::NeedsInput(state),
                })
            }
            State::ChunkEnd(partial) => match input.get(..2) {
                None => Ok(Step::NeedsInput(State::ChunkEnd(partial))),
                Some(b"\r\n") => {
                    input.advance(2);
                    Ok(Step::Next(State::ChunkSize(partial)))
                }
                Some(_) => Err(Malformed),
            },
            State::Trailers(partial) => trailers(partial, input),
        }
    }

    fn head(&mut self, input: &mut BytesMut) -> Result<Step, Malformed> {
        let mut headers = [httparse::EMPTY_HEADER; RUNTIME_HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(input) {
            Ok(httparse::Status::Complete(length)) if length <= RUNTIME_HEAD_BYTES_MAX => length,
            Ok(httparse::Status::Partial) if input.len() <= RUNTIME_HEAD_BYTES_MAX => {
                return Ok(Step::NeedsInput(State::Head));
            }
            _ => return Err(Malformed),
        };
        let (head, framing) = read_head(&request)?;
        self.owes_continue = head.expects_continue;
        input.advance(length);
        if let Some(body) = short_body(&head, &framing, input) {
            self.owes_continue = false;
            let message =
                Message { head, body_bytes: body.len() as u64, body, failed_midway: None, began: None };
            return Ok(Step::Out(Parsed::Whole(message), State::Head));
        }
        let streams = head.streams;
        let (head, begins) = if streams { (Head::default(), Some(head)) } else { (head, None) };
        let held = Held { bodies: self.bodies.clone(), bytes: 0 };
        let partial =
            Box::new(Partial { head, held, streams, began: Some(Instant::now()), ..Partial::default() });
        let state = match framing {
            Framing::Length(length) => State::Fixed(partial, length),
            Framing::Chunked => State::ChunkSize(partial),
        };
        Ok(match begins {
            Some(head) => Step::Out(Parsed::Begins(head), state),
            None => Step::Next(state),
        })
    }
}

impl Partial {
    /// How many bytes were taken; and they themselves, where they are handed out at once.
    fn take(&mut self, input: &mut BytesMut, limit: u64) -> Result<(u64, Option<Bytes>), Malformed> {
        let length = input.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        let taken = u64::try_from(length).map_err(|_| Malformed)?;
        self.body_bytes = self.body_bytes.saturating_add(taken);
        if self.body_bytes > RESPONSE_DISCARD_BYTES_MAX {
            return Err(Malformed);
        }
        let mut piece = input.split_to(length);
        if self.streams {
            return Ok((taken, (taken > 0).then(|| piece.freeze())));
        }
        piece.truncate(RESPONSE_BYTES_MAX.saturating_sub(self.body.len()));
        self.held.grow(piece.len())?;
        if self.body.is_empty() {
            self.body = piece;
        } else {
            self.body.extend_from_slice(&piece);
        }
        Ok((taken, None))
    }

    fn finish(self, failed_midway: Option<(String, Bytes)>) -> Step {
        let parsed = if self.streams {
            Parsed::Ends(failed_midway)
        } else {
            let (body, body_bytes) = (self.body.freeze(), self.body_bytes);
            Parsed::Whole(Message { head: self.head, body, body_bytes, failed_midway, began: self.began })
        };
        Step::Out(parsed, State::Head)
    }
}

/// The body of a request that is whole already, where it is short and not answered as it comes.
fn short_body(head: &Head, framing: &Framing, input: &mut BytesMut) -> Option<Bytes> {
    let Framing::Length(length) = framing else { return None };
    let length =
        usize::try_from(*length).ok().filter(|length| *length <= SHORT_BODY_BYTES && !head.streams)?;
    let body = Bytes::copy_from_slice(input.get(..length)?);
    input.advance(length);
    Some(body)
}

// SECURITY: a length and a transfer coding together, or two lengths, are how requests are smuggled: refused.
fn read_head(request: &httparse::Request<'_, '_>) -> Result<(Head, Framing), Malformed> {
    let mut head = Head {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
        keep_alive: request.version == Some(1),
        ..Head::default()
    };
    let mut length: Option<u64> = None;
    let mut chunked = false;
    for header in request.headers.iter() {
        let name = header.name;
        let value = header.value.trim_ascii();
        if name.eq_ignore_ascii_case("content-length") {
            if length.replace(decimal(value)?).is_some() {
                return Err(Malformed);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed);
            }
            chunked = true;
        } else if name.eq_ignore_ascii_case("connection") {
            head.keep_alive &= !value.eq_ignore_ascii_case(b"close");
        } else if name.eq_ignore_ascii_case("expect") {
            head.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
        } else if name.eq_ignore_ascii_case("lambda-runtime-function-error-type") {
            head.error_type = error_type(value);
        } else if name.eq_ignore_ascii_case("lambda-runtime-function-response-mode") {
            head.streams = value.eq_ignore_ascii_case(b"streaming");
        } else if name.eq_ignore_ascii_case("content-type") {
            head.content_type = content_type(value);
        } else if let Some(name) = extension_header(name) {
            head.extension.get_or_insert_default().note(name, value);
        }
    }
    // Only an answer can be handed on as it comes; whatever else says so is read like any other request.
    head.streams &= head.method == "POST" && head.target.ends_with("/response");
    match (length, chunked) {
        (Some(_), true) => Err(Malformed),
        (length, false) => Ok((head, Framing::Length(length.unwrap_or(0)))),
        (None, true) => Ok((head, Framing::Chunked)),
    }
}

fn decimal(digits: &[u8]) -> Result<u64, Malformed> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed);
    }
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).ok_or(Malformed)
}

/// An error type as the runtime names it, kept only where it could be one.
fn error_type(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (!text.is_empty() && text.len() <= 128 && text.chars().all(allowed)).then(|| text.to_owned())
}

fn extension_header(name: &str) -> Option<&str> {
    let (prefix, rest) = name.split_at_checked("lambda-extension-".len())?;
    prefix.eq_ignore_ascii_case("lambda-extension-").then_some(rest)
}

impl ExtensionHead {
    fn note(&mut self, name: &str, value: &[u8]) {
        let text = || std::str::from_utf8(value).ok().filter(|text| text.len() <= 256).map(str::to_owned);
        match name.to_ascii_lowercase().as_str() {
            "name" => self.name = text(),
            "identifier" => self.identifier = text(),
            "function-error-type" => self.error_type = error_type(value),
            "accept-feature" => {
                let asked = text().unwrap_or_default();
                self.wants_account = asked.split(',').any(|feature| feature.trim() == "accountId");
            }
            _ => {}
        }
    }
}

/// A media type, kept only where a header can say it.
fn content_type(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let allowed = |c: char| c == ' ' || c.is_ascii_graphic();
    (!text.is_empty() && text.len() <= 256 && text.chars().all(allowed)).then(|| text.to_owned())
}

fn chunk_size(partial: Box<Partial>, input: &mut BytesMut) -> Result<Step, Malformed> {
    match httparse::parse_chunk_size(input) {
        Ok(httparse::Status::Complete((length, size))) => {
            input.advance(length);
            Ok(Step::Next(if size == 0 { State::Trailers(partial) } else { State::Chunk(partial, size) }))
        }
        Ok(httparse::Status::Partial) if input.len() <= RUNTIME_HEAD_BYTES_MAX => {
            Ok(Step::NeedsInput(State::ChunkSize(partial)))
        }
        _ => Err(Malformed),
    }
}

fn trailers(partial: Box<Partial>, input: &mut BytesMut) -> Result<Step, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; RUNTIME_HEADERS_MAX];
    let (length, failed) = match httparse::parse_headers(input, &mut headers) {
        Ok(httparse::Status::Complete((length, headers))) => (length, midway_failure(headers)),
        Ok(httparse::Status::Partial) if input.len() <= RUNTIME_HEAD_BYTES_MAX => {
            return Ok(Step::NeedsInput(State::Trailers(partial)));
        }
        _ => return Err(Malformed),
    };
    input.advance(length);
    Ok(partial.finish(failed))
}

fn midway_failure(trailers: &[httparse::Header<'_>]) -> Option<(String, Bytes)> {
    let find = |name: &str| trailers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    let kind = error_type(find("lambda-runtime-function-error-type")?.value.trim_ascii())?;
    let body = find("lambda-runtime-function-error-body").map(|header| header.value.trim_ascii());
    let body = base64::engine::general_purpose::STANDARD.decode(body.unwrap_or_default()).unwrap_or_default();
    Some((kind, Bytes::from(body)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse_in_pieces(bytes: &[u8], piece: usize) -> Result<Vec<Message>, Malformed> {
        let mut parser = Parser::default();
        let mut input = BytesMut::new();
        let mut messages = Vec::new();
        for piece in bytes.chunks(piece.max(1)) {
            input.extend_from_slice(piece);
            while let Some(parsed) = parser.advance(&mut input)? {
                match parsed {
                    Parsed::Whole(message) => messages.push(message),
                    Parsed::Begins(head) => messages.push(Message { head, ..Message::default() }),
                    Parsed::Piece(piece) => {
                        assert!(!piece.is_empty());
                        let last = messages.last_mut().unwrap();
                        last.body = Bytes::from([last.body.as_ref(), piece.as_ref()].concat());
                    }
                    Parsed::Ends(failed_midway) => messages.last_mut().unwrap().failed_midway = failed_midway,
                }
            }
        }
        Ok(messages)
    }

    #[test]
    fn a_streamed_answer_comes_in_pieces_however_it_was_cut() {
        let head = "Lambda-Runtime-Function-Response-Mode: Streaming\r\nContent-Type: text/plain\r\n";
        let chunked = format!(
            "POST /x/response HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\
             Lambda-Runtime-Function-Error-Type: Late\r\n\r\nPOST /y/response HTTP/1.1\r\n{head}Content-Length: 2\r\n\r\nfg\
             POST /x/error HTTP/1.1\r\n{head}Content-Length: 1\r\n\r\nh"
        );
        for piece in 1..chunked.len() {
            let messages = parse_in_pieces(chunked.as_bytes(), piece).unwrap();
            let seen: Vec<_> = messages.iter().map(|m| (m.head.streams, m.body.as_ref())).collect();
            assert_eq!(seen, [(true, b"abcde".as_ref()), (true, b"fg"), (false, b"h")]);
            assert_eq!(messages[0].failed_midway, Some(("Late".to_owned(), Bytes::new())));
            assert_eq!(messages[0].head.content_type.as_deref(), Some("text/plain"));
        }
    }

    const EXCHANGE: &[u8] = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n\
        POST /a HTTP/1.1\r\nContent-Length: 5\r\nLambda-Runtime-Function-Error-Type: My.Error\r\n\r\nhello\
        POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\
        Lambda-Runtime-Function-Error-Type: Late\r\nLambda-Runtime-Function-Error-Body: e30=\r\n\r\n\
        GET /c HTTP/1.0\r\n\r\n";

    #[test]
    fn requests_come_out_whole_however_they_were_cut() {
        for piece in 1..EXCHANGE.len() {
            let messages = parse_in_pieces(EXCHANGE, piece).unwrap();
            let seen: Vec<_> = messages
                .iter()
                .map(|m| (m.head.target.as_str(), m.body.as_ref(), m.head.keep_alive))
                .collect();
            assert_eq!(
                seen,
                [
                    ("/2018-06-01/runtime/invocation/next", b"".as_ref(), true),
                    ("/a", b"hello", true),
                    ("/b", b"abcde", true),
                    ("/c", b"", false),
                ]
            );
            assert_eq!(messages[1].head.error_type.as_deref(), Some("My.Error"));
            assert_eq!(messages[2].failed_midway, Some(("Late".to_owned(), Bytes::from_static(b"{}"))));
        }
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        for headers in [
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "Content-Length: 1\r\nContent-Length: 1",
            "Content-Length: +1",
            "Content-Length: -1",
            "Content-Length: 99999999999999999999",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        ] {
            let request = format!("POST /a HTTP/1.1\r\n{headers}\r\n\r\nx");
            assert_eq!(parse_in_pieces(request.as_bytes(), 4096).err(), Some(Malformed), "{headers}");
        }
        let chunk = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n";
        assert_eq!(parse_in_pieces(chunk, 4096).err(), Some(Malformed));
        let endless = [b"GET /".as_slice(), &vec![b'a'; RUNTIME_HEAD_BYTES_MAX + 1]].concat();
        assert_eq!(parse_in_pieces(&endless, 4096).err(), Some(Malformed));
    }

    #[test]
    fn a_body_over_the_limit_is_counted_but_not_kept() {
        let length = RESPONSE_BYTES_MAX + 10_000;
        let mut request = format!("POST /a HTTP/1.1\r\nContent-Length: {length}\r\n\r\n").into_bytes();
        request.resize(request.len() + length, b'x');
        let messages = parse_in_pieces(&request, 65_536).unwrap();
        assert_eq!(messages[0].body.len(), RESPONSE_BYTES_MAX);
        assert_eq!(messages[0].body_bytes, length as u64);
    }

    #[test]
    fn bodies_left_half_sent_are_bounded_over_all_connections() {
        let bodies = Bodies::default();
        let begin = |length: usize| {
            let mut parser = Parser::new(bodies.clone());
            let mut input =
                BytesMut::from(format!("POST /a HTTP/1.1\r\nContent-Length: {length}\r\n\r\n").as_bytes());
            input.resize(input.len() + length - 1, b'x');
            let parsed = parser.advance(&mut input);
            (parsed.map(|parsed| parsed.is_some()), parser)
        };
        let (first, mut answer) = begin(RESPONSE_BYTES_MAX);
        let (second, small) = begin(100_000);
        assert_eq!(
            (first, second),
            (Ok(false), Ok(false)),
            "an answer, and a call of an extension beside it"
        );
        assert_eq!(begin(RESPONSE_BYTES_MAX).0, Err(Malformed));
        assert!(matches!(answer.advance(&mut BytesMut::from("x")), Ok(Some(Parsed::Whole(_)))));
        assert_eq!(
            begin(RESPONSE_BYTES_MAX).0,
            Ok(false),
            "what is whole, and what was refused, counts no more"
        );
        drop((answer, small));
        assert_eq!(bodies.0.load(Ordering::Relaxed), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            crate::runtime_api::fuzz::fuzz_runtime_api(&bytes);
        }

        #[test]
        fn no_damage_to_a_request_makes_it_panic(at in 0..EXCHANGE.len(), byte in any::<u8>()) {
            let mut bytes = EXCHANGE.to_vec();
            bytes[at] = byte;
            crate::runtime_api::fuzz::fuzz_runtime_api(&bytes);
        }
    }
}
