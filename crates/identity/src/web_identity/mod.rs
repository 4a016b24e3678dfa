//! Tokens of identity providers (OpenID Connect): read, checked against the provider's published keys, and held to
//! their own terms.
//!
//! A token proves who someone is to its issuer, and gives no right: whether a role lets that someone in is the role's
//! trust policy's to say. Keys come over the network through a way that its owner gives ([`FetchDocument`]), from
//! issuers that the operator named and from no other; nothing here opens a connection.

mod claims;
mod issuers;
mod keys;
mod token;

pub use claims::{ClaimError, Claims, SessionClaims};
pub use issuers::{BoxFuture, FetchDocument, FetchError, IssuerError, Issuers};
pub use keys::Keys;
pub use token::{MalformedToken, TOKEN_BYTES_MAX, Token};

/// Whatever the bytes, they are no token that any key vouches for, and no set of keys is read without bound.
#[doc(hidden)]
pub fn fuzz_web_identity(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let keys = Keys::parse(data);
    if let Ok(token) = Token::parse(&text) {
        let own = Keys::parse(br#"{"keys":[]}"#).unwrap_or_default();
        assert!(!token.is_signed_by(&own), "a token passed without a key");
        let _ = token.claims().check(base::Timestamp::default());
    }
    drop(keys);
}

#[cfg(test)]
mod tests;
