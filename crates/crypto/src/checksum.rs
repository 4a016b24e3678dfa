//! The five checksums that AWS's APIs carry in headers and trailers of their own, made of bytes that arrive in pieces.
//!
//! Knows no request and compares nothing: who reads a header decides what it means. None of them is a secret's.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, Digest};
use serde::{Deserialize, Serialize};

use crate::{Sha1, Sha256};

/// An algorithm that AWS's APIs know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// CRC-32 (ISO-HDLC), 4 bytes.
    #[serde(rename = "CRC32")]
    Crc32,
    /// CRC-32C (Castagnoli), 4 bytes.
    #[serde(rename = "CRC32C")]
    Crc32c,
    /// CRC-64/NVME, 8 bytes.
    #[serde(rename = "CRC64NVME")]
    Crc64Nvme,
    /// SHA-1, 20 bytes.
    #[serde(rename = "SHA1")]
    Sha1,
    /// SHA-256, 32 bytes.
    #[serde(rename = "SHA256")]
    Sha256,
}

impl Algorithm {
    /// All of them, the cheapest first.
    pub const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// AWS's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The header, or trailer, that carries it.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// Bytes of a value.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    const fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// The value of two pieces behind one another from the values of both; only sums have that.
    #[must_use]
    pub fn combine(self, first: &[u8], second: &[u8], second_bytes: u64) -> Option<Vec<u8>> {
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        let sum = crc_fast::checksum_combine(self.crc()?, number(first), number(second), second_bytes);
        Some(tail(sum, self.bytes()))
    }
}

/// The last bytes of a number, most significant first.
fn tail(number: u64, bytes: usize) -> Vec<u8> {
    number.to_be_bytes().into_iter().skip(8_usize.saturating_sub(bytes)).collect()
}

/// A checksum in the making.
pub struct Hasher(State);

enum State {
    Sum(Algorithm, Box<Digest>),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Hasher {
    /// Of no bytes yet.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match (algorithm, algorithm.crc()) {
            (_, Some(crc)) => State::Sum(algorithm, Box::new(Digest::new(crc))),
            (Algorithm::Sha1, None) => State::Sha1(Sha1::new()),
            (_, None) => State::Sha256(Sha256::new()),
        })
    }

    /// Of more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sum(_, digest) => digest.update(bytes),
            State::Sha1(digest) => digest.update(bytes),
            State::Sha256(digest) => digest.update(bytes),
        }
    }

    /// The checksum of all bytes so far.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self.0 {
            State::Sum(algorithm, digest) => tail(digest.finalize(), algorithm.bytes()),
            State::Sha1(digest) => digest.finish().to_vec(),
            State::Sha256(digest) => digest.finish().to_vec(),
        }
    }
}

/// The checksum of bytes that are all here.
#[must_use]
pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// A value as headers carry it: base64.
#[must_use]
pub fn encode(value: &[u8]) -> String {
    STANDARD.encode(value)
}

/// A value from a header; `None` where it is none of this algorithm.
#[must_use]
pub fn decode(algorithm: Algorithm, text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok().filter(|bytes| bytes.len() == algorithm.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pieces(algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = Hasher::new(algorithm);
        bytes.chunks(3).for_each(|piece| hasher.update(piece));
        hasher.finish()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn checksums_have_their_published_values() {
        // The check values of the standards: of the digits from 1 to 9.
        for (algorithm, value) in [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        ] {
            assert_eq!(hex(&of(algorithm, b"123456789")), value, "{}", algorithm.name());
            assert_eq!(in_pieces(algorithm, b"123456789"), of(algorithm, b"123456789"));
            assert_eq!(Algorithm::parse(algorithm.name()), Some(algorithm));
            assert_eq!(
                decode(algorithm, &encode(&of(algorithm, b""))).map(|value| value.len()),
                Some(algorithm.bytes())
            );
        }
    }

    #[test]
    fn sums_of_pieces_make_the_sum_of_the_whole() {
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let whole = algorithm.combine(&of(algorithm, b"1234"), &of(algorithm, b"56789"), 5);
            assert_eq!(whole, Some(of(algorithm, b"123456789")), "{}", algorithm.name());
        }
        assert_eq!(Algorithm::Sha1.combine(&[], &[], 0), None);
    }
}
