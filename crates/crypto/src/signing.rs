//! Keys that sign web tokens: RSA of 2,048 bits (`RS256`) and ECDSA over P-384 (`ES384`).
//!
//! What is signed, and who is to believe it, is known elsewhere. A key is made, or read from its PKCS #8 form; it has no
//! `Debug`, and is never told but in that form, to whoever made it.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use zeroize::Zeroizing;

use crate::certificate::{Der, INTEGER, SEQUENCE};
use crate::signature::{Algorithm, PublicKey};

/// Coordinates of P-384, in bytes.
const P384_BYTES: usize = 48;

/// A key that signs.
pub struct SigningKey(Pair);

enum Pair {
    Rsa(RsaKeyPair),
    P384(EcdsaKeyPair),
}

/// The bytes are no key of this algorithm, or the algorithm is none that is signed with here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such signing key")]
pub struct InvalidSigningKey;

impl SigningKey {
    /// A new key, with its PKCS #8 form to keep. One of RSA takes a tenth of a second, and now and then a whole one.
    ///
    /// # Errors
    /// For algorithms other than `RS256` and `ES384`.
    pub fn generate(algorithm: Algorithm) -> Result<(Self, Zeroizing<Vec<u8>>), InvalidSigningKey> {
        match algorithm {
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| InvalidSigningKey)?;
                let form: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| InvalidSigningKey)?;
                let form = Zeroizing::new(form.as_ref().to_vec());
                Ok((Self(Pair::Rsa(pair)), form))
            }
            Algorithm::Es384 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)
                    .map_err(|_| InvalidSigningKey)?;
                let form = pair.to_pkcs8v1().map_err(|_| InvalidSigningKey)?;
                let form = Zeroizing::new(form.as_ref().to_vec());
                Ok((Self(Pair::P384(pair)), form))
            }
            _ => Err(InvalidSigningKey),
        }
    }

    /// From the form that was kept.
    ///
    /// # Errors
    /// Where the bytes are not a key of this algorithm.
    pub fn from_pkcs8(algorithm: Algorithm, form: &[u8]) -> Result<Self, InvalidSigningKey> {
        let pair = match algorithm {
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(form).map(Pair::Rsa),
            Algorithm::Es384 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, form).map(Pair::P384)
            }
            _ => return Err(InvalidSigningKey),
        };
        pair.map(Self).map_err(|_| InvalidSigningKey)
    }

    /// The half that others check with.
    ///
    /// # Errors
    /// Where the key's own form is not what it should be.
    pub fn public_key(&self) -> Result<PublicKey, InvalidSigningKey> {
        let public = match &self.0 {
            Pair::Rsa(pair) => rsa_public(pair.public_key().as_ref()),
            Pair::P384(pair) => {
                let point = pair.public_key().as_ref();
                (point.len() == 1 + 2 * P384_BYTES).then(|| PublicKey::P384(point.to_vec()))
            }
        };
        public.ok_or(InvalidSigningKey)
    }

    /// The signature of a message, in the form that web tokens have it.
    ///
    /// # Errors
    /// Where the key does not sign.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, InvalidSigningKey> {
        let random = SystemRandom::new();
        match &self.0 {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| InvalidSigningKey)?;
                Ok(signature)
            }
            Pair::P384(pair) => {
                let signature = pair.sign(&random, message).map_err(|_| InvalidSigningKey)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

/// Modulus and exponent out of an `RSAPublicKey` (RFC 8017, A.1.1).
fn rsa_public(der: &[u8]) -> Option<PublicKey> {
    let mut parts = Der(Der(der).take(SEQUENCE)?);
    let number = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes.get(zeros..).map(<[u8]>::to_vec)
    };
    let (n, e) = (number(parts.take(INTEGER)?)?, number(parts.take(INTEGER)?)?);
    Some(PublicKey::Rsa { n, e })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::Unverified;

    #[test]
    fn what_a_kept_key_signs_its_public_half_verifies() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es384] {
            let (made, form) = SigningKey::generate(algorithm).unwrap();
            let kept = SigningKey::from_pkcs8(algorithm, &form).unwrap();
            let public = made.public_key().unwrap();
            assert_eq!(kept.public_key().unwrap(), public);
            let signature = kept.sign(b"message").unwrap();
            assert_eq!(public.verify(algorithm, b"message", &signature), Ok(()));
            assert_eq!(public.verify(algorithm, b"messagf", &signature), Err(Unverified));
            let (other, _) = SigningKey::generate(algorithm).unwrap();
            let other = other.public_key().unwrap();
            assert_eq!(other.verify(algorithm, b"message", &signature), Err(Unverified));
            assert!(SigningKey::from_pkcs8(algorithm, &form[1..]).is_err());
        }
    }

    #[test]
    fn a_key_is_of_one_algorithm_and_others_have_none() {
        let (_, form) = SigningKey::generate(Algorithm::Es384).unwrap();
        assert!(SigningKey::from_pkcs8(Algorithm::Rs256, &form).is_err());
        for algorithm in [Algorithm::Rs384, Algorithm::Rs512, Algorithm::Es256] {
            assert!(SigningKey::generate(algorithm).is_err());
            assert!(SigningKey::from_pkcs8(algorithm, &form).is_err());
        }
    }
}
