//! SHA-256, HMAC-SHA-256 and comparison in constant time.

use aws_lc_rs::{constant_time, digest, hmac};

/// SHA-256 over bytes that arrive in pieces.
#[derive(Clone)]
pub struct Sha256(digest::Context);

impl Sha256 {
    /// Nothing digested yet.
    #[must_use]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Digests more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes so far.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        first_32(self.0.finish().as_ref())
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

/// SHA-1 over bytes that arrive in pieces: for checksums that AWS's APIs define with it, and for nothing secret.
#[derive(Clone)]
pub struct Sha1(digest::Context);

impl Sha1 {
    /// Nothing digested yet.
    #[must_use]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY))
    }

    /// Digests more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes so far.
    #[must_use]
    pub fn finish(self) -> [u8; 20] {
        let mut output = [0; 20];
        for (to, from) in output.iter_mut().zip(self.0.finish().as_ref()) {
            *to = *from;
        }
        output
    }
}

impl Default for Sha1 {
    fn default() -> Self {
        Self::new()
    }
}

/// MD5 over bytes that arrive in pieces: for entity tags, and for nothing secret. AWS-LC's digests do not offer it.
#[derive(Clone, Default)]
pub struct Md5(md5::Md5);

impl Md5 {
    /// Nothing digested yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Digests more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        md5::Digest::update(&mut self.0, bytes);
    }

    /// The digest of all bytes so far.
    #[must_use]
    pub fn finish(self) -> [u8; 16] {
        md5::Digest::finalize(self.0).into()
    }
}

/// The SHA-256 digest of the bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    first_32(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The HMAC-SHA-256 of `data` under `key`.
#[must_use]
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    first_32(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref())
}

/// The HMAC-SHA-1 of `data` under `key`: for one-time codes (RFC 6238), which every authenticator makes with it.
#[must_use]
pub fn hmac_sha1(key: &[u8], data: &[u8]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut output = [0; 20];
    for (to, from) in output.iter_mut().zip(hmac::sign(&key, data).as_ref()) {
        *to = *from;
    }
    output
}

/// True where both are equal, in a time that depends on their lengths only.
#[must_use]
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// SHA-256's output as an array: both algorithms above always give 32 bytes.
fn first_32(bytes: &[u8]) -> [u8; 32] {
    let mut output = [0; 32];
    for (to, from) in output.iter_mut().zip(bytes) {
        *to = *from;
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn sha256_gives_the_standards_vectors() {
        let vectors = [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ];
        for (input, expected) in vectors {
            assert_eq!(hex(&sha256(input.as_bytes())), expected);
            let mut pieces = Sha256::new();
            input.bytes().for_each(|byte| pieces.update(&[byte]));
            assert_eq!(hex(&pieces.finish()), expected);
        }
    }

    #[test]
    fn legacy_digests_give_the_standards_vectors() {
        let (mut sha1, mut md5) = (Sha1::new(), Md5::new());
        for byte in b"abc" {
            sha1.update(&[*byte]);
            md5.update(&[*byte]);
        }
        assert_eq!(hex(&sha1.finish()), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(&md5.finish()), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn hmac_gives_the_standards_vectors() {
        // RFC 4231, cases 2 and 6 (a key longer than the block).
        let vectors: [(&[u8], &[u8], &str); 2] = [
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, data, expected) in vectors {
            assert_eq!(hex(&hmac_sha256(key, data)), expected);
        }
    }

    #[test]
    fn only_equal_bytes_are_equal() {
        assert!(constant_time_eq(b"", b""));
        assert!(constant_time_eq(b"abc", b"abc"));
        for (left, right) in [("abc", "abd"), ("abc", "ab"), ("", "a")] {
            assert!(!constant_time_eq(left.as_bytes(), right.as_bytes()));
        }
    }
}
