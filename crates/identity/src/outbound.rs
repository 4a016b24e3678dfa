//! Tokens by which an account vouches for its users and roles to others, and the documents by which others check them.
//!
//! An account is an issuer of its own, at an address of the platform's, once it was switched on; its public halves are
//! then there for whoever asks, and nothing else is. What a token says is `sts`'s to say. A key signs for ninety days;
//! the one before it stays published until no token of its can still be good.

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use crypto::signature::{Algorithm, PublicKey};
use crypto::signing::{InvalidSigningKey, SigningKey};
use serde_json::{Map, Value, json};

use crate::directory::{Directory, DirectoryError, Reads as _};
use crate::records::{IssuerRecord, OutboundRecord, TokenKeyRecord, keys};

/// What the paths of issuers begin with; the issuer's id comes next.
pub const PATH: &str = "/_aws/tokens/";
/// Where an issuer's description is, below its address.
const DISCOVERY: &str = "/.well-known/openid-configuration";
/// Where its keys are.
const KEYS: &str = "/.well-known/jwks.json";
/// The algorithms that tokens are signed with, by their registered names.
pub const ALGORITHMS: [&str; 2] = ["RS256", "ES384"];
/// How long a key signs.
const SIGNS_SECS: i64 = 90 * 86_400;
/// How long a key that no longer signs is published: a day, where no token is good for more than an hour.
const PUBLISHED_AFTER_SECS: i64 = 86_400;
/// A UUID, in characters.
const ID_CHARS: usize = 36;

/// Why no token is made.
#[derive(Debug, thiserror::Error)]
pub enum TokenSigningError {
    /// The key does not read, or does not sign.
    #[error("a key that signs tokens cannot be used")]
    Key(#[from] InvalidSigningKey),
    /// There is no key of this algorithm.
    #[error("there is no key for this algorithm")]
    NoKey,
    /// The claims have no written form.
    #[error("the claims of a token cannot be written")]
    Claims(#[from] serde_json::Error),
}

/// A new key. One of RSA takes a while: not for a thread that others wait for.
///
/// # Errors
/// For algorithms other than those of [`ALGORITHMS`].
pub fn new_key(algorithm: &str, now: Timestamp) -> Result<TokenKeyRecord, TokenSigningError> {
    let known = Algorithm::named(algorithm).ok_or(TokenSigningError::NoKey)?;
    let (key, form) = SigningKey::generate(known)?;
    let (prefix, public) = web_key(&key.public_key()?).ok_or(InvalidSigningKey)?;
    Ok(TokenKeyRecord {
        id: format!("{prefix}_{}", crypto::random::hex(4)),
        algorithm: algorithm.to_owned(),
        public: public.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        secret: Some(STANDARD.encode(form.as_slice())),
        created_at: now,
    })
}

/// What keys of this kind are called, and the members that tell this one.
fn web_key(key: &PublicKey) -> Option<(&'static str, Vec<(&'static str, String)>)> {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match key {
        PublicKey::Rsa { n, e } => {
            Some(("RSA", vec![("kty", "RSA".to_owned()), ("n", text(n)), ("e", text(e))]))
        }
        PublicKey::P384(point) => {
            let (x, y) = point.get(1..)?.split_at_checked(48)?;
            let (kty, crv) = ("EC".to_owned(), "P-384".to_owned());
            Some(("EC384", vec![("kty", kty), ("crv", crv), ("x", text(x)), ("y", text(y))]))
        }
        PublicKey::P256(_) => None,
    }
}

impl TokenKeyRecord {
    fn is_of(&self, algorithm: &str) -> bool {
        self.algorithm == algorithm
    }

    /// A signed token (RFC 7519) with these claims.
    ///
    /// # Errors
    /// Where the key does not sign any more, or cannot be used.
    pub fn sign(&self, claims: &Value) -> Result<String, TokenSigningError> {
        let secret = self.secret.as_ref().ok_or(TokenSigningError::NoKey)?;
        let form = zeroize::Zeroizing::new(STANDARD.decode(secret).map_err(|_| InvalidSigningKey)?);
        let known = Algorithm::named(&self.algorithm).ok_or(TokenSigningError::NoKey)?;
        let key = SigningKey::from_pkcs8(known, &form)?;
        let header = json!({"kid": self.id, "typ": "JWT", "alg": self.algorithm});
        let part =
            |value: &Value| Ok::<_, serde_json::Error>(URL_SAFE_NO_PAD.encode(serde_json::to_vec(value)?));
        let signed = format!("{}.{}", part(&header)?, part(claims)?);
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())?);
        Ok(format!("{signed}.{signature}"))
    }
}

impl OutboundRecord {
    /// The key that signs now with this algorithm; `None` where there is none, or it signed for long enough.
    pub fn key(&self, algorithm: &str, now: Timestamp) -> Option<&TokenKeyRecord> {
        let latest = self.keys.iter().find(|key| key.is_of(algorithm))?;
        let is_fresh = now < latest.created_at.plus_secs(SIGNS_SECS) && latest.secret.is_some();
        is_fresh.then_some(latest)
    }

    /// Puts a new key in the place of the one before, which is published for a while and signs no more.
    pub fn renew(&mut self, key: TokenKeyRecord, now: Timestamp) {
        for old in self.keys.iter_mut().filter(|old| old.is_of(&key.algorithm)) {
            zeroize::Zeroize::zeroize(&mut old.secret);
            old.secret = None;
        }
        self.keys.insert(0, key);
        // An old key goes once the one after it is older than its last token can be.
        let mut kept: Vec<TokenKeyRecord> = Vec::with_capacity(self.keys.len());
        for key in std::mem::take(&mut self.keys) {
            let after = kept.iter().rev().find(|newer| newer.is_of(&key.algorithm));
            let is_over = after.is_some_and(|newer| now >= newer.created_at.plus_secs(PUBLISHED_AFTER_SECS));
            if !is_over {
                kept.push(key);
            }
        }
        self.keys = kept;
    }

    /// The public halves, as a set of web keys (RFC 7517).
    fn key_set(&self) -> Value {
        let keys = self.keys.iter().map(|key| {
            let mut members: Map<String, Value> =
                key.public.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            for (name, value) in [("kid", key.id.as_str()), ("alg", &key.algorithm), ("use", "sig")] {
                members.insert(name.to_owned(), json!(value));
            }
            Value::Object(members)
        });
        json!({"keys": keys.collect::<Vec<_>>()})
    }
}

impl Directory {
    /// From here on issuers are at addresses that begin with this: `https://localhost:4566`.
    pub fn issues_at(&self, base: &str) {
        self.set_issuers_base(base.trim_end_matches('/').to_owned());
    }

    /// The address of an issuer, which is also its name in tokens.
    pub fn issuer(&self, record: &OutboundRecord) -> String {
        format!("{}{PATH}{}", self.issuers_base(), record.issuer)
    }

    /// What stands at a path of an issuer's: its description, or its keys. `None` where there is nothing, and where the
    /// issuer's account does not issue tokens.
    ///
    /// # Errors
    /// Where the records cannot be read.
    // SECURITY: for strangers. It tells what the account's owner made public by switching it on, and for all else the same
    // nothing.
    pub fn published(&self, path: &str) -> Result<Option<Vec<u8>>, DirectoryError> {
        let Some(rest) = path.strip_prefix(PATH) else { return Ok(None) };
        let Some((id, document)) = rest.split_at_checked(ID_CHARS) else { return Ok(None) };
        if ![DISCOVERY, KEYS].contains(&document) {
            return Ok(None);
        }
        let store = self.store();
        let found: Option<IssuerRecord> = store.record(keys::ISSUERS, &keys::unique(id))?;
        let Some(IssuerRecord { account }) = found else { return Ok(None) };
        let record: Option<OutboundRecord> = store.record(keys::OUTBOUND, &keys::account(account))?;
        let Some(record) = record.filter(|record| record.enabled) else { return Ok(None) };
        let answer = if document == KEYS { record.key_set() } else { self.description(&record) };
        Ok(Some(answer.to_string().into_bytes()))
    }

    /// OpenID Connect Discovery 1.0, as far as checking a token needs it.
    fn description(&self, record: &OutboundRecord) -> Value {
        let issuer = self.issuer(record);
        json!({
            "jwks_uri": format!("{issuer}{KEYS}"),
            "issuer": issuer,
            "subject_types_supported": ["public"],
            "response_types_supported": ["id_token"],
            "id_token_signing_alg_values_supported": ALGORITHMS,
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "jti", "https://sts.amazonaws.com/"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web_identity::{Keys, Token};

    const NOW: Timestamp = Timestamp::from_secs(1_767_225_600);

    fn record() -> OutboundRecord {
        let keys = ALGORITHMS.map(|algorithm| new_key(algorithm, NOW).unwrap()).to_vec();
        OutboundRecord { issuer: "i".into(), enabled: true, keys }
    }

    fn ids(record: &OutboundRecord) -> Vec<&str> {
        record.keys.iter().map(|key| key.id.as_str()).collect()
    }

    #[test]
    fn a_token_passes_by_the_published_keys_and_by_no_others() {
        let (own, other) = (record(), record());
        let claims = json!({"iss": "https://i.example", "sub": "s", "aud": "a", "iat": 1, "exp": 2});
        for algorithm in ALGORITHMS {
            let text = own.key(algorithm, NOW).unwrap().sign(&claims).unwrap();
            let token = Token::parse(&text).unwrap();
            for (record, expected) in [(&own, true), (&other, false)] {
                let keys = Keys::parse(record.key_set().to_string().as_bytes()).unwrap();
                assert_eq!(token.is_signed_by(&keys), expected, "{algorithm}");
            }
        }
        assert!(new_key("HS256", NOW).is_err() && new_key("none", NOW).is_err());
    }

    #[test]
    fn keys_change_and_the_old_ones_stay_until_their_tokens_are_over() {
        let mut record = record();
        let first = ids(&record).iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let later = NOW.plus_secs(SIGNS_SECS);
        assert!(record.key("ES384", later.plus_secs(-1)).is_some());
        assert!(record.key("ES384", later).is_none(), "it signed for long enough");
        record.renew(new_key("ES384", later).unwrap(), later);
        assert!(first.iter().all(|id| ids(&record).contains(&id.as_str())), "published for a while yet");
        let old = record.keys.iter().find(|key| key.id == first[1]).unwrap();
        assert_eq!(old.secret, None, "and signs no more");
        assert!(old.sign(&json!({})).is_err());
        let next = later.plus_secs(SIGNS_SECS);
        record.renew(new_key("ES384", next).unwrap(), next);
        assert!(!ids(&record).contains(&first[1].as_str()), "gone");
        assert_eq!(record.keys.len(), 3, "one of RSA, the latest of ECDSA and the one before");
        assert!(record.key("RS256", NOW).is_some(), "the other algorithm's is what it was");
        assert!(!record.key_set().to_string().contains(record.keys[0].secret.as_ref().unwrap().as_str()));
    }
}
