//! Signatures of others, checked against their public keys: RSA (PKCS #1 v1.5) and ECDSA, as web tokens have them.
//!
//! It signs nothing, and knows no algorithm but those in [`Algorithm`]: none without a key, none with a shared one.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters, UnparsedPublicKey,
};

/// The algorithms of RFC 7518 that are accepted. RSA keys have 2,048 to 8,192 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA, PKCS #1 v1.5, SHA-256.
    Rs256,
    /// RSA, PKCS #1 v1.5, SHA-384.
    Rs384,
    /// RSA, PKCS #1 v1.5, SHA-512.
    Rs512,
    /// ECDSA over P-256, SHA-256.
    Es256,
    /// ECDSA over P-384, SHA-384.
    Es384,
}

/// A public key, in the parts that web keys (RFC 7517) write down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
    /// A point of P-256, uncompressed.
    P256(Vec<u8>),
    /// A point of P-384, uncompressed.
    P384(Vec<u8>),
}

/// The signature is not of this key over these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not valid")]
pub struct Unverified;

impl Algorithm {
    /// By its registered name; `None` for every other, `none` and the ones with shared secrets among them.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            _ => return None,
        })
    }

    fn rsa(self) -> Option<&'static RsaParameters> {
        match self {
            Self::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
            Self::Es256 | Self::Es384 => None,
        }
    }
}

impl PublicKey {
    /// A point of a named curve from its coordinates; `None` where the curve is not accepted or a coordinate is of
    /// another length.
    pub fn point(curve: &str, x: &[u8], y: &[u8]) -> Option<Self> {
        let (length, of): (usize, fn(Vec<u8>) -> Self) = match curve {
            "P-256" => (32, Self::P256),
            "P-384" => (48, Self::P384),
            _ => return None,
        };
        (x.len() == length && y.len() == length).then(|| of([&[4], x, y].concat()))
    }

    /// Whether this key is of the kind that the algorithm uses.
    pub const fn suits(&self, algorithm: Algorithm) -> bool {
        matches!(
            (self, algorithm),
            (Self::Rsa { .. }, Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512)
                | (Self::P256(_), Algorithm::Es256)
                | (Self::P384(_), Algorithm::Es384)
        )
    }

    /// Checks a signature over a message.
    ///
    /// # Errors
    /// Where it does not fit, or the key is of another kind than the algorithm's.
    // SECURITY: the kind of key decides what is computed. An algorithm that a token claims never turns a public key
    // into a shared secret.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), Unverified> {
        if !self.suits(algorithm) {
            return Err(Unverified);
        }
        let verified = match self {
            Self::Rsa { n, e } => {
                let parameters = algorithm.rsa().ok_or(Unverified)?;
                PublicKeyComponents { n: n.as_slice(), e: e.as_slice() }
                    .verify(parameters, message, signature)
            }
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::P384(point) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature)
            }
        };
        verified.map_err(|_| Unverified)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    };

    use super::*;

    fn signed(
        with: &'static aws_lc_rs::signature::EcdsaSigningAlgorithm,
        message: &[u8],
    ) -> (Vec<u8>, Vec<u8>) {
        let key = EcdsaKeyPair::generate(with).unwrap();
        let signature = key.sign(&SystemRandom::new(), message).unwrap();
        (key.public_key().as_ref().to_vec(), signature.as_ref().to_vec())
    }

    #[test]
    fn a_signature_is_of_its_key_over_its_bytes() {
        for (with, algorithm, curve, length) in [
            (&ECDSA_P256_SHA256_FIXED_SIGNING, Algorithm::Es256, "P-256", 32),
            (&ECDSA_P384_SHA384_FIXED_SIGNING, Algorithm::Es384, "P-384", 48),
        ] {
            let (point, signature) = signed(with, b"message");
            let (x, y) = point[1..].split_at(length);
            let key = PublicKey::point(curve, x, y).unwrap();
            assert_eq!(key.verify(algorithm, b"message", &signature), Ok(()));
            assert_eq!(key.verify(algorithm, b"messagf", &signature), Err(Unverified));
            assert_eq!(key.verify(algorithm, b"message", &signature[1..]), Err(Unverified));
            assert_eq!(key.verify(Algorithm::Rs256, b"message", &signature), Err(Unverified));
            let (other, _) = signed(with, b"");
            let (x, y) = other[1..].split_at(length);
            let other = PublicKey::point(curve, x, y).unwrap();
            assert_eq!(other.verify(algorithm, b"message", &signature), Err(Unverified));
        }
    }

    #[test]
    fn only_the_listed_algorithms_have_a_name() {
        for name in ["none", "None", "HS256", "HS384", "HS512", "PS256", "ES512", "EdDSA", "rs256", ""] {
            assert_eq!(Algorithm::named(name), None, "{name}");
        }
        assert_eq!(Algorithm::named("RS256"), Some(Algorithm::Rs256));
    }

    #[test]
    fn points_off_the_curve_and_keys_too_short_verify_nothing() {
        let off = PublicKey::point("P-256", &[1; 32], &[1; 32]).unwrap();
        assert_eq!(off.verify(Algorithm::Es256, b"", &[1; 64]), Err(Unverified));
        assert_eq!(PublicKey::point("P-256", &[1; 31], &[1; 32]), None);
        assert_eq!(PublicKey::point("secp256k1", &[1; 32], &[1; 32]), None);
        let short = PublicKey::Rsa { n: vec![0xff; 128], e: vec![1, 0, 1] };
        assert_eq!(short.verify(Algorithm::Rs256, b"", &[1; 128]), Err(Unverified));
    }
}
