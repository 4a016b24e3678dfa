//! The AES-256-GCM keys of one purpose, and the nonces they are used with.
//!
//! Knows nothing of where keys come from; see `root`. A nonce is never chosen by a caller.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use zeroize::Zeroizing;

use crate::random;

/// How many bytes name a key inside a sealed value.
pub(crate) const KEY_ID_BYTES: usize = 4;
/// The size of a nonce.
pub(crate) const NONCE_BYTES: usize = 12;
const PREFIX_BYTES: usize = 8;

/// One data key, ready to use.
pub(crate) struct DataKey {
    /// Its name inside sealed values: a digest, so that it says nothing about the key.
    pub(crate) id: [u8; KEY_ID_BYTES],
    /// The cipher.
    pub(crate) cipher: LessSafeKey,
}

impl DataKey {
    /// Expands a root key for one purpose (HKDF-SHA-256 in its one-block form: extract with a fixed salt,
    /// expand with the purpose).
    pub(crate) fn derive(root: &[u8; 32], purpose: &str) -> Option<Self> {
        let extracted = Zeroizing::new(crate::hmac_sha256(b"fastness data key v1", root));
        let expand = |label: &str| {
            let info = [label.as_bytes(), b"\0", purpose.as_bytes(), &[1]].concat();
            Zeroizing::new(crate::hmac_sha256(extracted.as_slice(), &info))
        };
        let key = expand("key");
        let id = *expand("id").first_chunk()?;
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice()).ok()?);
        Some(Self { id, cipher })
    }
}

/// Hands out nonces: eight random bytes drawn when the sequence starts, then a 32-bit count.
///
/// SECURITY: GCM falls apart when a nonce repeats under one key. The count cannot repeat within a prefix, a full
/// count draws a new prefix, and a process start draws its own: 65,536 prefixes, each good for 4 billion values,
/// collide with a probability below 2^-32, far better than 96 random bits a value would be.
pub(crate) struct Nonces(Mutex<Sequence>);

struct Sequence {
    prefix: [u8; PREFIX_BYTES],
    next: u32,
}

impl Nonces {
    /// A sequence with a prefix of its own.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Sequence { prefix: random::bytes(), next: 0 }))
    }

    /// A nonce that this process has not used yet.
    pub(crate) fn draw(&self) -> [u8; NONCE_BYTES] {
        let mut sequence = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut nonce = [0; NONCE_BYTES];
        let fresh = sequence.prefix.iter().copied().chain(sequence.next.to_be_bytes());
        nonce.iter_mut().zip(fresh).for_each(|(to, from)| *to = from);
        match sequence.next.checked_add(1) {
            Some(next) => sequence.next = next,
            None => *sequence = Sequence { prefix: random::bytes(), next: 0 },
        }
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_never_drawn_twice() {
        let nonces = Nonces::new();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            assert!(seen.insert(nonces.draw()));
        }
        nonces.0.lock().unwrap().next = u32::MAX - 2;
        for _ in 0..10 {
            assert!(seen.insert(nonces.draw()));
        }
        assert!(nonces.0.lock().unwrap().next < 100, "a full count starts over under a new prefix");
    }

    #[test]
    fn purposes_and_roots_have_keys_of_their_own() {
        let id = |root: u8, purpose| DataKey::derive(&[root; 32], purpose).unwrap().id;
        assert_eq!(id(1, "store"), id(1, "store"));
        assert_ne!(id(1, "store"), id(1, "session"));
        assert_ne!(id(1, "store"), id(2, "store"));
    }
}
