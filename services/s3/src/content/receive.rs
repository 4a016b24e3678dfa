//! Takes a stream in: hashed, checked against what was stated, and kept; durable once it returns, and visible to nobody.
//!
//! Whoever receives writes the record that names it, in a transaction, or drops it and it is gone.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use protocol::{ByteStream, Fault};
use service::Internal;
use store::{Key, StoreError, Transaction};

use super::file::Writing;
use super::{Files, INLINE_BYTES_MAX};
use crate::error::Error;
use crate::records::{Content, FILES, INLINE};
use crypto::checksum::{self, Algorithm, Hasher};

/// How many bytes go to the disk at once.
const STEP_BYTES: usize = 1024 * 1024;

/// What a caller states of the bytes to come.
#[derive(Default)]
pub(crate) struct Wanted {
    /// `Content-MD5`.
    pub(crate) md5: Option<[u8; 16]>,
    /// The checksum to compute; what it must be may come behind the bytes.
    pub(crate) algorithm: Option<Algorithm>,
    /// What it must be.
    pub(crate) checksum: Option<Vec<u8>>,
    /// The most bytes there may be.
    pub(crate) bytes_max: u64,
}

impl Wanted {
    /// The same with the checksum that `stream`'s head promises behind the bytes, where nothing else names one.
    pub(crate) fn announced_by(self, stream: &ByteStream) -> Self {
        let announced = || Algorithm::ALL.into_iter().find(|known| stream.announces(known.header()));
        Self { algorithm: self.algorithm.or_else(announced), ..self }
    }
}

/// Bytes that are on the disk, or small.
pub(crate) struct Received {
    kept: Kept,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) algorithm: Algorithm,
    pub(crate) checksum: Vec<u8>,
}

enum Kept {
    Small(Bytes),
    File(Writing),
}

impl Received {
    /// Makes the content durable in the transaction of the record that will name it.
    pub(crate) fn place(&self, transaction: &mut Transaction<'_>) -> Result<Content, StoreError> {
        match &self.kept {
            Kept::Small(bytes) if bytes.is_empty() => Ok(Content::Nothing),
            Kept::Small(bytes) => {
                let id = crypto::random::hex(16);
                transaction.put(INLINE, Key::new().str(&id), bytes.clone())?;
                Ok(Content::Inline(id))
            }
            Kept::File(file) => {
                transaction.put(FILES, Key::new().str(file.id()), Bytes::new())?;
                Ok(Content::File(file.id().to_owned()))
            }
        }
    }

    /// The transaction is durable: the file stays.
    pub(crate) fn keep(self) {
        if let Kept::File(file) = self.kept {
            file.keep();
        }
    }
}

/// Hashes and writes, off the threads that serve.
struct Sink {
    md5: crypto::Md5,
    hasher: Hasher,
    file: Option<Writing>,
}

impl Sink {
    async fn take(mut self, files: &Files, bytes: Bytes) -> Result<Self, Error> {
        let files = files.clone();
        blocking(move || {
            self.md5.update(&bytes);
            self.hasher.update(&bytes);
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(files.create()?),
            };
            file.write(&bytes)?;
            Ok(self)
        })
        .await
    }
}

/// Runs what waits for the disk where that disturbs nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await.map_err(Internal::new)?;
    done.map_err(|error| Internal::new(error).into())
}

/// Takes the whole stream in.
pub(crate) async fn receive(files: &Files, stream: &ByteStream, wanted: &Wanted) -> Result<Received, Error> {
    let algorithm = wanted.algorithm.unwrap_or(Algorithm::Crc64Nvme);
    let mut sink = Sink { md5: crypto::Md5::new(), hasher: Hasher::new(algorithm), file: None };
    let mut chunks = stream.take();
    let mut waiting = BytesMut::new();
    let mut size = 0_u64;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        size = size.saturating_add(chunk.len() as u64);
        if size > wanted.bytes_max {
            return Err(too_large(size, wanted.bytes_max));
        }
        waiting.extend_from_slice(&chunk);
        if waiting.len() >= STEP_BYTES {
            sink = sink.take(files, waiting.split().freeze()).await?;
        }
    }
    // The stream's end is proven here: what was signed is what arrived.
    let rest = waiting.freeze();
    let (md5, value, kept) = if sink.file.is_none() && rest.len() <= INLINE_BYTES_MAX {
        sink.md5.update(&rest);
        sink.hasher.update(&rest);
        (sink.md5, sink.hasher, Kept::Small(rest))
    } else {
        let sink = sink.take(files, rest).await?;
        let file = sink.file.ok_or_else(|| Internal::new("content without a file"))?;
        (sink.md5, sink.hasher, Kept::File(file))
    };
    let received = Received { kept, size, md5: md5.finish(), algorithm, checksum: value.finish() };
    compare(&received, stream, wanted)?;
    sync(received).await
}

/// Waits until the disk has it.
async fn sync(received: Received) -> Result<Received, Error> {
    let Received { kept, size, md5, algorithm, checksum } = received;
    let kept = match kept {
        Kept::Small(bytes) => Kept::Small(bytes),
        Kept::File(mut file) => blocking(move || file.finish().map(|()| Kept::File(file))).await?,
    };
    Ok(Received { kept, size, md5, algorithm, checksum })
}

fn compare(received: &Received, stream: &ByteStream, wanted: &Wanted) -> Result<(), Error> {
    if wanted.md5.is_some_and(|md5| md5 != received.md5) {
        return Err(Error::new(
            "BadDigest",
            400,
            "The Content-MD5 you specified did not match what we received.",
        ));
    }
    let algorithm = received.algorithm;
    let mut stated = wanted.checksum.clone();
    for other in Algorithm::ALL {
        let Some(text) = stream.trailer(other.header()) else { continue };
        if other != algorithm || wanted.algorithm.is_none() {
            return Err(Error::invalid_request(format!(
                "The trailing checksum {} was not announced in x-amz-trailer.",
                other.name()
            )));
        }
        let value = checksum::decode(other, text).ok_or_else(|| bad_value(other))?;
        stated = Some(value);
    }
    if stated.is_some_and(|stated| stated != received.checksum) {
        let message =
            format!("The {} you specified did not match the calculated checksum.", algorithm.name());
        return Err(Error::new("BadDigest", 400, message));
    }
    Ok(())
}

/// A header or trailer that is no value of its algorithm.
pub(crate) fn bad_value(algorithm: Algorithm) -> Error {
    Error::invalid_request(format!("Value for {} header is invalid.", algorithm.header()))
}

fn too_large(size: u64, bytes_max: u64) -> Error {
    Fault::sender("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
        .with_member("ProposedSize", size.to_string())
        .with_member("MaxSizeAllowed", bytes_max.to_string())
        .into()
}
