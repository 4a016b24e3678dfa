//! Where a request's body ends, so that nothing after it is sent on as if it belonged to it.
//!
//! Follows bytes and keeps none. A chunked body that is not exactly so is refused.

/// The longest chunk-size line, and the longest trailer part.
const LINE_BYTES_MAX: usize = 256;
const TRAILER_BYTES_MAX: usize = 8 * 1024;

/// The body cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MalformedBody;

/// How much of a body is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// This many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunks),
}

/// Where in a chunked body it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunks {
    state: State,
    /// Bytes of the line, or of the trailers, so far.
    seen: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The digits of a size, and what they say.
    Size(u64, u8),
    Extension(u64),
    SizeEnd(u64),
    Data(u64),
    DataEnd,
    DataEndFeed,
    /// At the start of a line of the trailers.
    TrailerStart,
    Trailer,
    TrailerFeed,
    LastFeed,
    Done,
}

impl Body {
    /// A chunked body from its start.
    pub(super) const fn chunked() -> Self {
        Self::Chunked(Chunks { state: State::Size(0, 0), seen: 0 })
    }

    /// How many of these bytes, from their start, are still of this body.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, MalformedBody> {
        match self {
            Self::Length(left) => {
                let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
                Ok(taken)
            }
            Self::Chunked(chunks) => chunks.take(bytes),
        }
    }

    /// Whether all of it has come.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.state == State::Done,
        }
    }
}

impl Chunks {
    fn take(&mut self, bytes: &[u8]) -> Result<usize, MalformedBody> {
        let mut rest = bytes;
        while self.state != State::Done {
            if let State::Data(left) = self.state {
                let taken = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                rest = rest.get(taken..).unwrap_or_default();
                let left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
                self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
            }
            let Some((byte, after)) = rest.split_first() else { break };
            if !matches!(self.state, State::Data(_)) {
                self.step(*byte)?;
                rest = after;
            }
        }
        Ok(bytes.len() - rest.len())
    }

    fn step(&mut self, byte: u8) -> Result<(), MalformedBody> {
        let in_trailers = matches!(self.state, State::TrailerStart | State::Trailer | State::TrailerFeed);
        self.seen += 1;
        if self.seen > if in_trailers { TRAILER_BYTES_MAX } else { LINE_BYTES_MAX } {
            return Err(MalformedBody);
        }
        self.state = match (self.state, byte) {
            (State::Size(size, digits @ 0..16), digit) if digit.is_ascii_hexdigit() => {
                let value = char::from(digit).to_digit(16).ok_or(MalformedBody)?;
                State::Size(size << 4 | u64::from(value), digits + 1)
            }
            (State::Size(size, 1..), b'\r') | (State::Extension(size), b'\r') => State::SizeEnd(size),
            (State::Size(size, 1..), b';') => State::Extension(size),
            (State::Extension(size), b' '..=b'~' | b'\t') => State::Extension(size),
            (State::SizeEnd(0), b'\n') => self.starts(State::TrailerStart),
            (State::SizeEnd(size), b'\n') => self.starts(State::Data(size)),
            (State::DataEnd, b'\r') => State::DataEndFeed,
            (State::DataEndFeed, b'\n') => self.starts(State::Size(0, 0)),
            (State::TrailerStart, b'\r') => State::LastFeed,
            (State::TrailerStart | State::Trailer, b' '..=b'~' | b'\t' | 0x80..) => State::Trailer,
            (State::Trailer, b'\r') => State::TrailerFeed,
            (State::TrailerFeed, b'\n') => State::TrailerStart,
            (State::LastFeed, b'\n') => State::Done,
            _ => return Err(MalformedBody),
        };
        Ok(())
    }

    const fn starts(&mut self, state: State) -> State {
        self.seen = 0;
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_ends_where_it_ends() {
        let whole = b"5;x=1\r\nhello\r\n1\r\n\n\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        let length = whole.len() - 18;
        for cut in 0..=length {
            let mut body = Body::chunked();
            assert_eq!(body.take(&whole[..cut]), Ok(cut));
            assert_eq!(body.is_done(), cut == length);
            assert_eq!(body.take(&whole[cut..]), Ok(length - cut), "{cut}");
            assert!(body.is_done());
        }
        let mut fixed = Body::Length(3);
        assert_eq!((fixed.take(b"ab"), fixed.take(b"cd"), fixed.is_done()), (Ok(2), Ok(1), true));
    }

    #[test]
    fn what_is_not_exactly_chunked_is_refused() {
        for bytes in [
            &b"\r\n"[..],
            b"g\r\n",
            b" 5\r\n",
            b"5 \r\n",
            b"0x5\r\n",
            b"5\n",
            b"5\rx",
            b"1\r\nabc",
            b"1\r\na\nx",
            b"-1\r\n",
            b"11111111111111111\r\n",
            b"0\r\nA\n",
            b"0\r\n\rx",
            b"0\r\n\0",
        ] {
            assert_eq!(Body::chunked().take(bytes), Err(MalformedBody), "{bytes:?}");
        }
        let long = [b"1;".as_slice(), &[b'x'; LINE_BYTES_MAX]].concat();
        assert_eq!(Body::chunked().take(&long), Err(MalformedBody));
        let trailers = [b"0\r\n".as_slice(), &b"A: b\r\n".repeat(2_000)].concat();
        assert_eq!(Body::chunked().take(&trailers), Err(MalformedBody));
    }
}
