//! Reads content in ranges, a little at a time, as the reader takes it.
//!
//! A block that does not open ends the stream with an error: nothing unproven is answered.

use std::sync::Arc;

use bytes::Bytes;
use protocol::{ByteStream, Chunks, Fault};
use service::Internal;
use store::{Key, Store};

use super::file::{BLOCK_BYTES, Reading};
use super::receive::blocking;
use super::{Files, Hold};
use crate::error::Error;
use crate::records::{Content, INLINE};

/// Blocks that one step reads.
const STEP_BLOCKS: u64 = 8;

/// Where the bytes of a piece come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// They are here already.
    Bytes(Bytes),
    /// They are read when it is their turn.
    Content(Content),
}

/// A piece of an object's content, and how large that is.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) source: Source,
    pub(crate) size: u64,
}

/// All of an object's content, which stays for as long as this is there, whatever becomes of the object.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) hold: Option<Hold>,
}

/// The bytes from `from` to before `to` of the pieces behind one another.
pub(crate) fn read(store: &Store, files: &Files, held: Held, from: u64, to: u64) -> ByteStream {
    let length = to.saturating_sub(from);
    let state = State {
        store: store.clone(),
        files: files.clone(),
        pieces: held.pieces.into_iter(),
        _hold: held.hold,
        open: None,
        skip: from,
        left: length,
    };
    let chunks = futures_util::stream::unfold(Some(state), |state| async {
        let mut state = state?;
        match state.next().await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(state))),
            Ok(None) => None,
            Err(error) => {
                tracing::error!(error = %base::Chain(&error), "the content of an object cannot be read");
                Some((Err(Fault::internal()), None))
            }
        }
    });
    let chunks: Chunks = Box::pin(chunks);
    ByteStream::new(Some(length), chunks)
}

struct State {
    store: Store,
    files: Files,
    pieces: std::vec::IntoIter<Piece>,
    /// As long as somebody reads.
    _hold: Option<Hold>,
    open: Option<Open>,
    /// Bytes before the first that is wanted.
    skip: u64,
    /// Bytes still wanted.
    left: u64,
}

struct Open {
    reading: Arc<Reading>,
    size: u64,
    at: u64,
}

impl State {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while self.left > 0 {
            if let Some(open) = self.open.as_mut().filter(|open| open.at < open.size) {
                let chunk = open.step(self.left).await?;
                self.left = self.left.saturating_sub(chunk.len() as u64);
                return Ok(Some(chunk));
            }
            self.open = None;
            let Some(piece) = self.pieces.next() else {
                return Err(Internal::new("an object's content is shorter than its record says").into());
            };
            if self.skip >= piece.size {
                self.skip -= piece.size;
                continue;
            }
            let skip = std::mem::take(&mut self.skip);
            let content = match piece.source {
                Source::Bytes(bytes) => {
                    if let Some(chunk) = self.take(&bytes, skip) {
                        return Ok(Some(chunk));
                    }
                    continue;
                }
                Source::Content(content) => content,
            };
            match content {
                Content::File(id) => {
                    let files = self.files.clone();
                    let reading = Arc::new(blocking(move || files.read(&id)).await?);
                    self.open = Some(Open { reading, size: piece.size, at: skip });
                }
                Content::Inline(id) => {
                    let bytes = self.store.get(INLINE, Key::new().str(&id))?;
                    let bytes = bytes.ok_or_else(|| Internal::new("small content is gone"))?;
                    if let Some(chunk) = self.take(&bytes, skip) {
                        return Ok(Some(chunk));
                    }
                }
                Content::Nothing | Content::Parts(_) => {}
            }
        }
        Ok(None)
    }

    /// What is wanted of these bytes behind the first `skip`; `None` where nothing is.
    fn take(&mut self, bytes: &Bytes, skip: u64) -> Option<Bytes> {
        let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len());
        let end = usize::try_from(self.left).unwrap_or(usize::MAX).saturating_add(skip).min(bytes.len());
        let chunk = bytes.slice(skip..end);
        self.left = self.left.saturating_sub(chunk.len() as u64);
        (!chunk.is_empty()).then_some(chunk)
    }
}

impl Open {
    async fn step(&mut self, left: u64) -> Result<Bytes, Error> {
        let block_bytes = BLOCK_BYTES as u64;
        let (first, inside) = (self.at / block_bytes, self.at % block_bytes);
        let blocks = (inside + left).div_ceil(block_bytes).min(STEP_BLOCKS);
        let (reading, size) = (Arc::clone(&self.reading), self.size);
        let plain = Bytes::from(blocking(move || reading.blocks(first, blocks, size)).await?);
        let inside = usize::try_from(inside).unwrap_or(usize::MAX).min(plain.len());
        let end = usize::try_from(left).unwrap_or(usize::MAX).saturating_add(inside).min(plain.len());
        let chunk = plain.slice(inside..end);
        if chunk.is_empty() {
            return Err(Internal::new("an object's file is shorter than its record says").into());
        }
        self.at += chunk.len() as u64;
        Ok(chunk)
    }
}
