//! The compact form of a signed token (RFC 7515, RFC 7519): header, claims, signature.
//!
//! It reads and never trusts: claims are worth nothing before [`Token::is_signed_by`] said yes. Algorithms without a key,
//! with shared keys, or unknown are not read at all; neither are headers that ask for what is not understood here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::signature::Algorithm;
use serde::Deserialize;

use super::claims::Claims;
use super::keys::Keys;

/// The longest token that is read: AWS's own bound.
pub const TOKEN_BYTES_MAX: usize = 20_000;

/// The text is not a signed token of a form that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is not a signed web token")]
pub struct MalformedToken;

/// A token, read and not yet believed.
pub struct Token<'a> {
    /// What the signature is over.
    signed: &'a str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    key_id: Option<String>,
    claims: Claims,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515, 4.1.11). None are.
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

fn decoded(part: &str) -> Result<Vec<u8>, MalformedToken> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| MalformedToken)
}

impl<'a> Token<'a> {
    /// Reads a token.
    ///
    /// # Errors
    /// Where it is too long, not of three parts, or its algorithm is not one of the accepted.
    pub fn parse(text: &'a str) -> Result<Self, MalformedToken> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(MalformedToken);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(MalformedToken)?;
        let (header, claims) = signed.split_once('.').ok_or(MalformedToken)?;
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| MalformedToken)?;
        // SECURITY: an allow-list, before anything else of the token is looked at.
        let algorithm = Algorithm::named(&header.alg).ok_or(MalformedToken)?;
        if header.crit.is_some() {
            return Err(MalformedToken);
        }
        let claims = Claims::parse(&decoded(claims)?).ok_or(MalformedToken)?;
        Ok(Self { signed, signature: decoded(signature)?, algorithm, key_id: header.kid, claims })
    }

    /// What it says. A stranger can write anything here until the signature is checked.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// True where the keys hold the one that this token names, whether or not it fits.
    pub(super) fn names_one_of(&self, keys: &Keys) -> bool {
        keys.of(self.key_id.as_deref(), self.algorithm).is_some()
    }

    /// Whether one of these keys signed it.
    pub fn is_signed_by(&self, keys: &Keys) -> bool {
        let key = keys.of(self.key_id.as_deref(), self.algorithm);
        key.is_some_and(|key| key.verify(self.algorithm, self.signed.as_bytes(), &self.signature).is_ok())
    }
}
