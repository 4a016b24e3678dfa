//! An issuer's published keys (RFC 7517): those that sign, of the kinds that are accepted.
//!
//! Keys of other kinds or uses are passed over, as the standard wants; a document beyond the bounds is no document.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::signature::{Algorithm, PublicKey};
use serde::Deserialize;

/// The most keys that are read; AWS takes a hundred of each kind.
const KEYS_MAX: usize = 200;
/// The largest modulus, in bytes.
const MODULUS_BYTES_MAX: usize = 1_024;

/// An issuer's keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

#[derive(Debug, PartialEq, Eq)]
struct Key {
    id: Option<String>,
    /// The one algorithm that the key is for, where its issuer says so.
    algorithm: Option<String>,
    public: PublicKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// From a JSON web key set; `None` where it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(bytes).ok()?;
        if document.keys.len() > KEYS_MAX {
            return None;
        }
        Some(Self(document.keys.into_iter().filter_map(key).collect()))
    }

    /// The key of this id that suits the algorithm; without an id, the only one that does.
    // SECURITY: where several could be meant, none is: which key vouches is never left to trial.
    pub(super) fn of(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&PublicKey> {
        let for_it = |key: &&Key| {
            key.public.suits(algorithm)
                && key.algorithm.as_deref().is_none_or(|name| Algorithm::named(name) == Some(algorithm))
                && id.is_none_or(|id| key.id.as_deref() == Some(id))
        };
        let mut found = self.0.iter().filter(for_it);
        let first = found.next()?;
        found.next().is_none().then_some(&first.public)
    }
}

fn key(written: serde_json::Value) -> Option<Key> {
    let written: Written = serde_json::from_value(written).ok()?;
    if written.r#use.as_deref().is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let public = match written.kty.as_str() {
        "RSA" => {
            let (n, e) = (number(written.n?)?, number(written.e?)?);
            (n.len() <= MODULUS_BYTES_MAX && e.len() <= 8).then_some(PublicKey::Rsa { n, e })?
        }
        "EC" => PublicKey::point(&written.crv?, &decoded(&written.x?)?, &decoded(&written.y?)?)?,
        _ => return None,
    };
    Some(Key { id: written.kid, algorithm: written.alg, public })
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// A number without leading zeros, which some issuers write.
#[allow(clippy::needless_pass_by_value, reason = "taken out of the document")]
fn number(text: String) -> Option<Vec<u8>> {
    let bytes = decoded(&text)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let number = bytes.get(zeros..)?.to_vec();
    (!number.is_empty()).then_some(number)
}
