//! What stands behind an answer's head: bytes, or a body that still comes.
//!
//! It is written elsewhere.

use bytes::Bytes;
use protocol::ByteStream;

/// A body.
#[derive(Clone, Debug)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Chunks as they come.
    Stream(ByteStream),
}

impl Body {
    /// The bytes, where they are all here; none of a body that still comes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Stream(_) => &[],
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}
