//! Checksums of objects: what a caller states is compared, what he leaves out is made.
//!
//! Knows no object and no request; algorithms are S3's five.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, Digest};
use serde::{Deserialize, Serialize};

/// An algorithm that S3 knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    #[serde(rename = "CRC32")]
    Crc32,
    #[serde(rename = "CRC32C")]
    Crc32c,
    #[serde(rename = "CRC64NVME")]
    Crc64Nvme,
    #[serde(rename = "SHA1")]
    Sha1,
    #[serde(rename = "SHA256")]
    Sha256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// S3's name of it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The header, or trailer, that carries it.
    pub(crate) const fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// Bytes of a value.
    pub(crate) const fn bytes(self) -> usize {
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
    pub(crate) fn combine(self, first: &[u8], second: &[u8], second_bytes: u64) -> Option<Vec<u8>> {
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
pub(crate) enum Hasher {
    Sum(Algorithm, Box<Digest>),
    Sha1(crypto::Sha1),
    Sha256(crypto::Sha256),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match (algorithm, algorithm.crc()) {
            (_, Some(crc)) => Self::Sum(algorithm, Box::new(Digest::new(crc))),
            (Algorithm::Sha1, None) => Self::Sha1(crypto::Sha1::new()),
            (_, None) => Self::Sha256(crypto::Sha256::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sum(_, digest) => digest.update(bytes),
            Self::Sha1(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Sum(algorithm, digest) => tail(digest.finalize(), algorithm.bytes()),
            Self::Sha1(digest) => digest.finish().to_vec(),
            Self::Sha256(digest) => digest.finish().to_vec(),
        }
    }
}

/// A value as headers carry it.
pub(crate) fn encode(value: &[u8]) -> String {
    STANDARD.encode(value)
}

/// A value from a header; `None` where it is none of this algorithm.
pub(crate) fn decode(algorithm: Algorithm, text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok().filter(|bytes| bytes.len() == algorithm.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = Hasher::new(algorithm);
        bytes.chunks(3).for_each(|piece| hasher.update(piece));
        hasher.finish()
    }

    #[test]
    fn checksums_have_their_published_values() {
        // The check values of the standards: of the digits from 1 to 9.
        for (algorithm, hex) in [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        ] {
            assert_eq!(hex::encode(of(algorithm, b"123456789")), hex, "{}", algorithm.name());
            assert_eq!(Algorithm::parse(algorithm.name()), Some(algorithm));
            assert_eq!(
                decode(algorithm, &encode(&of(algorithm, b""))).map(|v| v.len()),
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
