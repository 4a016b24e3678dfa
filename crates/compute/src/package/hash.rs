//! The name of a package: the SHA-256 of its zip file.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use serde::{Deserialize, Serialize};

/// SHA-256 of a deployment package as it was uploaded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeHash([u8; 32]);

/// The text was not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code hash is 64 lower-case hexadecimal digits")]
pub struct InvalidCodeHash;

impl CodeHash {
    /// The hash of these bytes.
    pub fn of(zip: &[u8]) -> Self {
        Self(crypto::sha256(zip))
    }

    /// As Lambda shows it: `CodeSha256`.
    pub fn base64(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(self.0)
    }
}

impl fmt::Display for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CodeHash {
    type Err = InvalidCodeHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(InvalidCodeHash),
        };
        if text.len() != 64 {
            return Err(InvalidCodeHash);
        }
        let mut hash = [0; 32];
        for (slot, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let [high, low] = *pair else { return Err(InvalidCodeHash) };
            *slot = digit(high)? << 4 | digit(low)?;
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for CodeHash {
    type Error = InvalidCodeHash;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CodeHash> for String {
    fn from(hash: CodeHash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_written_as_hex_and_as_lambda_does() {
        let hash = CodeHash::of(b"");
        assert_eq!(hash.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hash.base64(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(hash.to_string().parse(), Ok(hash));
    }

    #[test]
    fn what_could_name_another_file_is_no_hash() {
        let upper = "E".repeat(64);
        let dots = "../".repeat(21) + ".";
        for bad in ["", "00", &upper, &dots, &"é".repeat(32)] {
            assert!(bad.parse::<CodeHash>().is_err(), "{bad}");
        }
    }
}
