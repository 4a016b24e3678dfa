//! Bodies that are checked while they arrive: against one hash, or chunk by chunk, each signed over the one before.
//!
//! What comes out is not proven before [`PayloadDecoder::finish`] has answered: whoever takes the bytes keeps them to
//! himself until then. Holds one line of a chunk's frame at most.

use base::SecretBytes;
use bytes::Bytes;
use crypto::Sha256;

use super::error::SignatureError;

/// The longest line of a frame: a size, a signature, or a header behind the body.
const LINE_BYTES_MAX: usize = 4_096;
/// The most headers behind a body.
const TRAILERS_MAX: usize = 16;
/// The hash of nothing, which each chunk's string to sign has in the place of headers.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// How a body that is still on its way must be checked.
#[derive(Debug)]
pub struct Payload(Kind);

#[derive(Debug)]
enum Kind {
    Unsigned,
    Whole([u8; 32]),
    Chunks { chain: Option<ChunkChain>, trailer: bool },
}

/// What the next chunk's signature is made of, besides the chunk.
#[derive(Debug)]
pub(super) struct ChunkChain {
    pub(super) key: SecretBytes,
    pub(super) stamp: String,
    pub(super) scope: String,
    pub(super) previous: String,
}

impl ChunkChain {
    /// Compares a signature over these lines and makes it the one before the next.
    fn check(&mut self, algorithm: &str, lines: &[&str], given: &str) -> Result<(), SignatureError> {
        let text =
            format!("{algorithm}\n{}\n{}\n{}\n{}", self.stamp, self.scope, self.previous, lines.join("\n"));
        let expected = hex::encode(crypto::hmac_sha256(self.key.expose(), text.as_bytes()));
        if !crypto::constant_time_eq(expected.as_bytes(), given.as_bytes()) {
            return Err(SignatureError::ChunkWrong);
        }
        self.previous = expected;
        Ok(())
    }
}

impl Payload {
    /// Nothing is signed of it.
    pub const fn unsigned() -> Self {
        Self(Kind::Unsigned)
    }

    pub(super) const fn whole(sha256: [u8; 32]) -> Self {
        Self(Kind::Whole(sha256))
    }

    pub(super) const fn chunks(chain: Option<ChunkChain>, trailer: bool) -> Self {
        Self(Kind::Chunks { chain, trailer })
    }

    /// What a request that is not signed at all says of its body.
    ///
    /// # Errors
    /// Where it says that the chunks are signed, or what nobody understands.
    pub fn of_unsigned(headers: &http::HeaderMap) -> Result<Self, SignatureError> {
        use super::payload::Stated;
        match Stated::read(headers, true)?.0 {
            Stated::Unsigned => Ok(Self::unsigned()),
            Stated::Whole(hash) => Ok(Self::whole(hash)),
            Stated::Chunks { signed: false, trailer } => Ok(Self::chunks(None, trailer)),
            Stated::Chunks { signed: true, .. } => Err(SignatureError::ChunkWrong),
        }
    }

    /// True where the body has frames of its own around what it says.
    pub const fn is_framed(&self) -> bool {
        matches!(self.0, Kind::Chunks { .. })
    }

    /// Checks and takes frames off.
    pub fn decoder(self) -> PayloadDecoder {
        PayloadDecoder {
            hash: Sha256::new(),
            state: State::Size,
            line: Vec::new(),
            given: String::new(),
            trailers: Vec::new(),
            payload: self,
        }
    }
}

enum State {
    /// Reads `size;chunk-signature=…`.
    Size,
    /// Reads so many bytes of a chunk.
    Data(u64),
    /// Reads the line end behind a chunk.
    Behind,
    /// Reads headers behind the last chunk, or the empty line that ends the body.
    Trailers,
    /// Nothing may follow.
    Done,
}

/// Takes a body in pieces of any size and gives what it says.
pub struct PayloadDecoder {
    payload: Payload,
    hash: Sha256,
    state: State,
    line: Vec<u8>,
    given: String,
    trailers: Vec<(String, String)>,
}

impl PayloadDecoder {
    /// Takes a piece; what it says is appended to `out`.
    ///
    /// # Errors
    /// Where a chunk is not what was signed, or is no chunk.
    pub fn push(&mut self, mut bytes: Bytes, out: &mut Vec<Bytes>) -> Result<(), SignatureError> {
        match &self.payload.0 {
            Kind::Unsigned => out.push(bytes),
            Kind::Whole(_) => {
                self.hash.update(&bytes);
                out.push(bytes);
            }
            Kind::Chunks { .. } => {
                while !bytes.is_empty() {
                    self.step(&mut bytes, out)?;
                }
            }
        }
        Ok(())
    }

    /// Proves the whole, and answers what came behind it, by lower-case name.
    ///
    /// # Errors
    /// Where the body is not what was signed, or ended early.
    pub fn finish(self) -> Result<Vec<(String, String)>, SignatureError> {
        match &self.payload.0 {
            Kind::Unsigned => Ok(Vec::new()),
            Kind::Whole(stated) => {
                let same = crypto::constant_time_eq(&self.hash.finish(), stated);
                if same { Ok(Vec::new()) } else { Err(SignatureError::PayloadMismatch) }
            }
            Kind::Chunks { trailer, .. } => match self.state {
                State::Done => Ok(self.trailers),
                // Some clients leave the last empty line out, where nothing is announced behind the body.
                State::Trailers if !trailer && self.line.is_empty() => Ok(self.trailers),
                _ => Err(SignatureError::ChunkMalformed),
            },
        }
    }

    fn step(&mut self, bytes: &mut Bytes, out: &mut Vec<Bytes>) -> Result<(), SignatureError> {
        if let State::Data(left) = self.state {
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let piece = bytes.split_to(taken);
            if matches!(self.payload.0, Kind::Chunks { chain: Some(_), .. }) {
                self.hash.update(&piece);
            }
            self.state = match left - taken as u64 {
                0 => State::Behind,
                left => State::Data(left),
            };
            out.push(piece);
            return Ok(());
        }
        if matches!(self.state, State::Done) {
            return Err(SignatureError::ChunkMalformed);
        }
        let Some(line) = self.take_line(bytes)? else { return Ok(()) };
        match self.state {
            State::Size => self.size(&line),
            State::Behind if line.is_empty() => {
                self.state = State::Size;
                self.check_chunk()
            }
            State::Trailers => self.trailer(&line),
            _ => Err(SignatureError::ChunkMalformed),
        }
    }

    /// A whole line without its end, once it has arrived.
    fn take_line(&mut self, bytes: &mut Bytes) -> Result<Option<String>, SignatureError> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(bytes.len(), |end| end + 1);
        if self.line.len() + taken > LINE_BYTES_MAX {
            return Err(SignatureError::ChunkMalformed);
        }
        self.line.extend_from_slice(&bytes.split_to(taken));
        if end.is_none() {
            return Ok(None);
        }
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        String::from_utf8(line.to_vec()).map(Some).map_err(|_| SignatureError::ChunkMalformed)
    }

    fn size(&mut self, line: &str) -> Result<(), SignatureError> {
        let (size, extension) = line.split_once(';').unwrap_or((line, ""));
        let is_hex = (1..=16).contains(&size.len()) && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size =
            u64::from_str_radix(size, 16).ok().filter(|_| is_hex).ok_or(SignatureError::ChunkMalformed)?;
        self.hash = Sha256::new();
        if matches!(self.payload.0, Kind::Chunks { chain: Some(_), .. }) {
            let given = extension.strip_prefix("chunk-signature=").ok_or(SignatureError::ChunkWrong)?;
            given.clone_into(&mut self.given);
        }
        if size > 0 {
            self.state = State::Data(size);
            return Ok(());
        }
        self.state = State::Trailers;
        self.check_chunk()
    }

    fn check_chunk(&mut self) -> Result<(), SignatureError> {
        let hash = hex::encode(std::mem::take(&mut self.hash).finish());
        match &mut self.payload.0 {
            Kind::Chunks { chain: Some(chain), .. } => {
                chain.check("AWS4-HMAC-SHA256-PAYLOAD", &[EMPTY_SHA256, &hash], &self.given)
            }
            _ => Ok(()),
        }
    }

    fn trailer(&mut self, line: &str) -> Result<(), SignatureError> {
        let Kind::Chunks { chain, trailer } = &mut self.payload.0 else {
            return Err(SignatureError::ChunkMalformed);
        };
        if line.is_empty() {
            self.state = State::Done;
            // SECURITY: where the headers behind the body are signed, none of them counts without its signature.
            let unproven = chain.is_some() && *trailer && self.given != TRAILER_CHECKED;
            return if unproven { Err(SignatureError::ChunkWrong) } else { Ok(()) };
        }
        let (name, value) = line.split_once(':').ok_or(SignatureError::ChunkMalformed)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if !*trailer || self.given == TRAILER_CHECKED {
            return Err(SignatureError::ChunkMalformed);
        }
        if name == "x-amz-trailer-signature" {
            let Some(chain) = chain else { return Err(SignatureError::ChunkMalformed) };
            let text: String =
                self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
            let hash = hex::encode(crypto::sha256(text.as_bytes()));
            chain.check("AWS4-HMAC-SHA256-TRAILER", &[&hash], value)?;
            TRAILER_CHECKED.clone_into(&mut self.given);
            return Ok(());
        }
        if self.trailers.len() >= TRAILERS_MAX || self.trailers.iter().any(|(known, _)| *known == name) {
            return Err(SignatureError::ChunkMalformed);
        }
        self.trailers.push((name, value.to_owned()));
        Ok(())
    }
}

/// Stands in the place of a given signature once the one of the trailers was right. No signature looks like it.
const TRAILER_CHECKED: &str = "trailers are checked";

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn chain() -> ChunkChain {
        ChunkChain {
            key: SecretBytes::new(KEY.to_vec()),
            stamp: "20130524T000000Z".to_owned(),
            scope: "20130524/us-east-1/s3/aws4_request".to_owned(),
            previous: "seed".to_owned(),
        }
    }

    /// A body in signed chunks, as a client makes it.
    fn signed(chunks: &[&[u8]], trailers: &[(&str, &str)]) -> Vec<u8> {
        let mut chain = chain();
        let mut out = Vec::new();
        let mut sign = |algorithm: &str, lines: &[&str]| {
            let text = format!(
                "{algorithm}\n{}\n{}\n{}\n{}",
                chain.stamp,
                chain.scope,
                chain.previous,
                lines.join("\n")
            );
            chain.previous = hex::encode(crypto::hmac_sha256(&KEY, text.as_bytes()));
            chain.previous.clone()
        };
        for chunk in chunks.iter().chain([&&b""[..]]) {
            let signature =
                sign("AWS4-HMAC-SHA256-PAYLOAD", &[EMPTY_SHA256, &hex::encode(crypto::sha256(chunk))]);
            out.extend_from_slice(format!("{:x};chunk-signature={signature}\r\n", chunk.len()).as_bytes());
            if !chunk.is_empty() {
                out.extend_from_slice(chunk);
                out.extend_from_slice(b"\r\n");
            }
        }
        if !trailers.is_empty() {
            let text: String = trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
            let signature =
                sign("AWS4-HMAC-SHA256-TRAILER", &[&hex::encode(crypto::sha256(text.as_bytes()))]);
            for (name, value) in trailers {
                out.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
            }
            out.extend_from_slice(format!("x-amz-trailer-signature:{signature}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out
    }

    type Read = Result<(Vec<u8>, Vec<(String, String)>), SignatureError>;

    fn read(payload: Payload, bytes: &[u8], piece: usize) -> Read {
        let mut decoder = payload.decoder();
        let mut out = Vec::new();
        for piece in bytes.chunks(piece) {
            decoder.push(Bytes::copy_from_slice(piece), &mut out)?;
        }
        decoder.finish().map(|trailers| (out.concat(), trailers))
    }

    #[test]
    fn chunks_are_joined_whatever_the_pieces() {
        let body = signed(&[b"hello ", b"world"], &[]);
        for piece in [1, 2, 3, 7, 1_000] {
            let read = read(Payload::chunks(Some(chain()), false), &body, piece).unwrap();
            assert_eq!(read, (b"hello world".to_vec(), Vec::new()));
        }
        let body = signed(&[b"x"], &[("x-amz-checksum-crc32", "AAAA")]);
        let (bytes, trailers) = read(Payload::chunks(Some(chain()), true), &body, 5).unwrap();
        assert_eq!((bytes.as_slice(), trailers[0].1.as_str()), (&b"x"[..], "AAAA"));
    }

    #[test]
    fn any_changed_byte_of_a_signed_body_is_refused() {
        for (trailer, body) in
            [(false, signed(&[b"hello", b"world"], &[])), (true, signed(&[b"x"], &[("a", "b")]))]
        {
            let whole = read(Payload::chunks(Some(chain()), trailer), &body, 9).unwrap();
            for at in 0..body.len() {
                let mut changed = body.clone();
                changed[at] ^= 0x01;
                let answer = read(Payload::chunks(Some(chain()), trailer), &changed, 9);
                // A size may be written in either case, and a line may end without its carriage return.
                assert!(answer.is_err() || answer.as_ref() == Ok(&whole), "byte {at}: {answer:?}");
            }
            for length in 0..body.len() - 2 {
                assert!(
                    read(Payload::chunks(Some(chain()), trailer), &body[..length], 9).is_err(),
                    "cut at {length}"
                );
            }
        }
        let body = signed(&[b"x"], &[("a", "b")]);
        let at = body.windows(11).position(|part| part == b"x-amz-trail").unwrap();
        let unsigned = [&body[..at], b"\r\n"].concat();
        assert_eq!(read(Payload::chunks(Some(chain()), true), &unsigned, 9), Err(SignatureError::ChunkWrong));
    }

    #[test]
    fn unsigned_chunks_have_trailers_too() {
        let body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
        let (bytes, trailers) = read(Payload::chunks(None, true), body, 4).unwrap();
        assert_eq!((bytes.as_slice(), trailers.len()), (&b"hello"[..], 1));
        for bad in [
            &b"5\r\nhello"[..],
            b"5\r\nhelloo\r\n0\r\n\r\n",
            b"zz\r\n",
            b"5\r\nhello\r\n0\r\n\r\nmore",
            b"",
            b"fffffffffffffffff\r\n",
            b"0\r\na:b\r\na:c\r\n\r\n",
            b"0\r\nnocolon\r\n\r\n",
        ] {
            assert!(read(Payload::chunks(None, true), bad, 3).is_err(), "{bad:?}");
        }
        assert!(read(Payload::chunks(None, true), &[b'1'; 10_000], 100).is_err(), "a line without end");
    }

    #[test]
    fn a_stated_hash_must_be_the_bodys() {
        let hash = crypto::sha256(b"abc");
        assert!(read(Payload::whole(hash), b"abc", 2).is_ok());
        assert_eq!(read(Payload::whole(hash), b"abd", 2), Err(SignatureError::PayloadMismatch));
        assert!(read(Payload::unsigned(), b"anything", 2).is_ok());
    }
}
