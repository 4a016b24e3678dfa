//! What is stored of a code signing configuration.
//!
//! Which function has which one is the function's record to say.

use base::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use store::Table;

use crate::kept::{Kept, Row};
use crate::records::Record;

/// Configurations, by account and id.
const SIGNING_CONFIGS: Table = Table::new(0x0308, "lambda-code-signing-configs");

/// A code signing configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SigningRecord {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) description: String,
    /// Signing profiles' ARNs.
    pub(crate) publishers: Vec<String>,
    /// `Warn` or `Enforce`.
    pub(crate) policy: String,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) modified_at: Timestamp,
}

impl Record for SigningRecord {
    const NAME: &'static str = "code signing configuration";
}

impl Row for SigningRecord {
    const TABLE: Table = SIGNING_CONFIGS;
    type View = Self;

    fn account(&self) -> AccountId {
        self.account
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// All configurations of this platform.
pub(crate) type SigningConfigs = Kept<SigningRecord>;

#[cfg(test)]
mod tests {
    use super::*;

    // The stored form: a change here needs a new version and a reader for the old one.
    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let record = SigningRecord {
            id: "csc-1".into(),
            account: "000000000001".parse().unwrap(),
            description: String::new(),
            publishers: vec!["p".into()],
            policy: "Warn".into(),
            tags: Vec::new(),
            modified_at: Timestamp::from_millis(1),
        };
        let bytes = record.encode().unwrap();
        let text = concat!(
            r#"{"id":"csc-1","account":"000000000001","description":"","publishers":["p"],"policy":"Warn","#,
            r#""tags":[],"modified_at":1}"#
        );
        assert_eq!(std::str::from_utf8(&bytes[1..]).unwrap(), text);
        assert_eq!(SigningRecord::decode(&bytes).unwrap(), record);
    }
}
