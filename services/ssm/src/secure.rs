//! Values of type `SecureString`: sealed once more, each for its own parameter.
//!
//! What is stored, and answered to who does not ask for the text, is the sealed form. One key exists, the account's managed one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crypto::Sealer;
use service::Internal;

use crate::Error;
use crate::model::Reference;

pub(crate) const ALIAS: &str = "alias/aws/ssm";

/// Seals and opens values.
pub(crate) struct Secure(Sealer);

impl Secure {
    pub(crate) const fn new(sealer: Sealer) -> Self {
        Self(sealer)
    }

    /// The sealed form, as text.
    pub(crate) fn seal(&self, of: &Reference, value: &str) -> String {
        BASE64.encode(self.0.seal(of.arn().as_bytes(), value.as_bytes()))
    }

    /// The value of a sealed form.
    pub(crate) fn open(&self, of: &Reference, sealed: &str) -> Result<String, Error> {
        let damaged = || Error::Internal(Internal::new("a sealed parameter does not open"));
        let sealed = BASE64.decode(sealed).map_err(|_| damaged())?;
        let value = self.0.open(of.arn().as_bytes(), &sealed).map_err(|_| damaged())?;
        String::from_utf8(value).map_err(|_| damaged())
    }
}

/// Refuses every key but the managed one; answers what it is told as.
pub(crate) fn check_key(of: &Reference, key: Option<String>) -> Result<String, Error> {
    let key = key.unwrap_or_else(|| ALIAS.to_owned());
    let arn = format!("arn:aws:kms:{}:{}:{ALIAS}", of.region, of.account);
    if key == ALIAS || key == arn {
        return Ok(key);
    }
    Err(Error::InvalidKeyId(format!(
        "Invalid keyId {key}: there is no key service yet, and no key but {ALIAS}."
    )))
}
