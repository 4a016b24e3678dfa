//! An account as an issuer: under which name it vouches for its users and roles to others, and with which keys.
//!
//! Keys that no longer sign are kept without their private half, until no token of theirs can still be good.

use std::fmt;

use base::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Record;

/// An account that is, or was, an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundRecord {
    /// The issuer's id: a UUID, the account's for ever.
    pub issuer: String,
    /// True where tokens are issued, and the keys published.
    pub enabled: bool,
    /// The keys of all algorithms, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<TokenKeyRecord>,
}

/// A key that signs tokens. The private half is in clear here; the store seals every value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenKeyRecord {
    /// What tokens name it by: `RSA_…` or `EC384_…`.
    pub id: String,
    /// `RS256` or `ES384`.
    #[serde(rename = "alg")]
    pub algorithm: String,
    /// The members of its public half as a web key (RFC 7517) has them, besides those above.
    #[serde(rename = "pub")]
    pub public: Vec<(String, String)>,
    /// PKCS #8, in base64; `None` once it no longer signs.
    #[serde(rename = "key", default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// When it was made.
    #[serde(rename = "created")]
    pub created_at: Timestamp,
}

impl fmt::Debug for TokenKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKeyRecord").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for TokenKeyRecord {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secret);
    }
}

/// Whose issuer's id it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerRecord {
    /// The account.
    pub account: AccountId,
}

impl Record for OutboundRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "issuer of tokens";
}

impl Record for IssuerRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "id of an issuer of tokens";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let record = OutboundRecord {
            issuer: "u".into(),
            enabled: true,
            keys: vec![TokenKeyRecord {
                id: "EC384_1".into(),
                algorithm: "ES384".into(),
                public: vec![("kty".into(), "EC".into())],
                secret: Some("c2VjcmV0".into()),
                created_at: Timestamp::from_secs(1),
            }],
        };
        let bytes = record.encode().unwrap();
        assert_eq!(
            std::str::from_utf8(&bytes[1..]).unwrap(),
            r#"{"issuer":"u","enabled":true,"keys":[{"id":"EC384_1","alg":"ES384","pub":[["kty","EC"]],"key":"c2VjcmV0","created":1000}]}"#
        );
        assert_eq!(OutboundRecord::decode(&bytes).unwrap(), record);
        assert!(!format!("{record:?}").contains("c2VjcmV0"), "a private key is not in Debug");
        let id = IssuerRecord { account: "123456789012".parse().unwrap() };
        assert_eq!(&id.encode().unwrap()[1..], br#"{"account":"123456789012"}"#);
    }
}
