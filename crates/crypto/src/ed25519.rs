//! Ed25519: signatures over messages of any kind, made with a key of 32 bytes and checked with its public half.
//!
//! What a message means, and whose key it is, is known elsewhere.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// A public key, in bytes.
pub const PUBLIC_KEY_BYTES: usize = 32;
/// A signature, in bytes.
pub const SIGNATURE_BYTES: usize = 64;

/// A key that signs. It has no `Debug`.
pub struct SigningKey(Ed25519KeyPair);

/// The bytes are no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no signing key")]
pub struct InvalidSigningKey;

impl SigningKey {
    /// The key of this seed.
    ///
    /// # Errors
    /// Where the seed is none.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, InvalidSigningKey> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|_| InvalidSigningKey)
    }

    /// The half that checks.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_BYTES] {
        let mut key = [0; PUBLIC_KEY_BYTES];
        for (to, from) in key.iter_mut().zip(self.0.public_key().as_ref()) {
            *to = *from;
        }
        key
    }

    /// The signature of a message.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let mut signature = [0; SIGNATURE_BYTES];
        for (to, from) in signature.iter_mut().zip(self.0.sign(message).as_ref()) {
            *to = *from;
        }
        signature
    }
}

/// True where the holder of the key signed the message.
pub fn is_signed(public_key: &[u8; PUBLIC_KEY_BYTES], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let pairs = hex.as_bytes().chunks(2);
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    // RFC 8032, 7.1, test 2.
    #[test]
    fn signatures_are_those_of_the_standard() {
        let seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = SigningKey::from_seed(seed.as_slice().try_into().unwrap()).unwrap();
        let public = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        assert_eq!(key.public_key().as_slice(), public);
        let signature = key.sign(&[0x72]);
        assert_eq!(
            signature.as_slice(),
            bytes(
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            )
        );
        assert!(is_signed(&key.public_key(), &[0x72], &signature));
        assert!(!is_signed(&key.public_key(), &[0x73], &signature));
        assert!(!is_signed(&[1; 32], &[0x72], &signature));
        assert!(!is_signed(&key.public_key(), &[0x72], &signature[..63]));
    }
}
