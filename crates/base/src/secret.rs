//! Memory that must not be printed: wiped on drop, silent in `Debug`, never `Display`, never `Serialize`.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Secret text, such as a secret access key.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct SecretString(String);

impl SecretString {
    /// Takes ownership of the secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself. The caller must not log, store in clear or return it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretString(…)")
    }
}

/// Secret bytes, such as a data key.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes ownership of the secret.
    pub fn new(secret: Vec<u8>) -> Self {
        Self(secret)
    }

    /// The secret itself. The caller must not log, store in clear or return it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_says_nothing() {
        assert!(!format!("{:?}", SecretString::new("hunter2")).contains("hunter"));
        assert!(!format!("{:?}", SecretBytes::new(b"hunter2".to_vec())).contains("104"));
    }
}
