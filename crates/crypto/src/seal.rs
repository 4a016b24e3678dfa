//! Sealing: AES-256-GCM around a value, bound to the place where it belongs.
//!
//! A sealed value is `version (1) | key id (4) | nonce (12) | ciphertext | tag (16)`. The caller's context, the version and
//! the key id are authenticated with it: a value that was moved, cut, altered or sealed elsewhere does not open.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{Aad, Nonce};

use crate::keyring::{DataKey, KEY_ID_BYTES, NONCE_BYTES, Nonces};

const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES;

/// How much longer a sealed value is than its plain text.
pub const SEAL_OVERHEAD_BYTES: usize = HEADER_BYTES + NONCE_BYTES + TAG_BYTES;

/// The bytes are not what this sealer sealed for this context. It does not say which, so that it is no oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open: it was altered, moved, or sealed under another key")]
pub struct Unsealable;

/// Seals and opens values of one purpose. Clones share the keys.
#[derive(Clone)]
pub struct Sealer(Arc<Keys>);

struct Keys {
    /// Seals, and is tried first when opening.
    current: DataKey,
    /// Retired by a rotation: they only open.
    retired: Vec<DataKey>,
    nonces: Nonces,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    pub(crate) fn new(current: DataKey, retired: Vec<DataKey>) -> Self {
        Self(Arc::new(Keys { current, retired, nonces: Nonces::new() }))
    }

    /// Seals the plain text for this context, which is authenticated but not stored.
    #[must_use]
    pub fn seal(&self, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let key = &self.0.current;
        loop {
            let nonce = self.0.nonces.draw();
            let mut sealed = Vec::with_capacity(plaintext.len() + SEAL_OVERHEAD_BYTES);
            sealed.push(VERSION);
            sealed.extend_from_slice(&key.id);
            let aad = Aad::from(associated(&sealed, context));
            sealed.extend_from_slice(&nonce);
            let body_at = sealed.len();
            sealed.extend_from_slice(plaintext);
            let Some(body) = sealed.get_mut(body_at..) else { continue };
            let nonce = Nonce::assume_unique_for_key(nonce);
            // Fails only above GCM's own limit of 64 GiB, which no value in memory here approaches.
            if let Ok(tag) = key.cipher.seal_in_place_separate_tag(nonce, aad, body) {
                sealed.extend_from_slice(tag.as_ref());
                return sealed;
            }
        }
    }

    /// Opens what [`Sealer::seal`] made for the same context.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let (header, rest) = sealed.split_first_chunk::<HEADER_BYTES>().ok_or(Unsealable)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Unsealable)?;
        let [VERSION, id @ ..] = header else { return Err(Unsealable) };
        let key = self.key(*id).ok_or(Unsealable)?;
        let aad = Aad::from(associated(header, context));
        let mut plaintext = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = key.cipher.open_in_place(nonce, aad, &mut plaintext).map_err(|_| Unsealable)?.len();
        plaintext.truncate(length);
        Ok(plaintext)
    }

    /// True where the value was sealed under a retired key, so that whoever owns it can seal it again.
    #[must_use]
    pub fn is_stale(&self, sealed: &[u8]) -> bool {
        sealed.get(1..HEADER_BYTES) != Some(self.0.current.id.as_slice())
    }

    fn key(&self, id: [u8; KEY_ID_BYTES]) -> Option<&DataKey> {
        std::iter::once(&self.0.current).chain(&self.0.retired).find(|key| key.id == id)
    }
}

/// What is authenticated beside the body. The header has a fixed length, so the two parts cannot run into each other.
fn associated(header: &[u8], context: &[u8]) -> Vec<u8> {
    [header, context].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RootKey;

    #[test]
    fn what_was_sealed_opens_in_its_context_only() {
        let sealer = RootKey::ephemeral().derive("test");
        for plaintext in [&b""[..], b"x", &[7; 10_000]] {
            let sealed = sealer.seal(b"place", plaintext);
            assert_eq!(sealed.len(), plaintext.len() + SEAL_OVERHEAD_BYTES);
            assert_eq!(sealer.open(b"place", &sealed).unwrap(), plaintext);
            assert_eq!(sealer.open(b"other place", &sealed), Err(Unsealable));
            assert_eq!(sealer.open(b"", &sealed), Err(Unsealable));
        }
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_refused() {
        let sealer = RootKey::ephemeral().derive("test");
        let sealed = sealer.seal(b"place", b"some value");
        for at in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert_eq!(sealer.open(b"place", &flipped), Err(Unsealable), "bit {at}");
        }
        for length in 0..sealed.len() {
            assert_eq!(sealer.open(b"place", &sealed[..length]), Err(Unsealable), "cut to {length}");
        }
    }

    #[test]
    fn another_purpose_or_root_does_not_open_it() {
        let root = RootKey::ephemeral();
        let sealed = root.derive("one").seal(b"", b"value");
        assert_eq!(root.derive("two").open(b"", &sealed), Err(Unsealable));
        assert_eq!(RootKey::ephemeral().derive("one").open(b"", &sealed), Err(Unsealable));
        assert_eq!(root.derive("one").open(b"", &sealed).unwrap(), b"value");
    }

    #[test]
    fn the_same_value_never_looks_the_same_twice() {
        let sealer = RootKey::ephemeral().derive("test");
        assert_ne!(sealer.seal(b"", b"value"), sealer.seal(b"", b"value"));
    }
}
