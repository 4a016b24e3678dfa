//! Identity providers that an account registered: whose tokens, made for whom, may prove someone.
//!
//! The record holds no key: those are the issuer's to publish, and the operator's to let be fetched.

use base::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Record, Tag};
use crate::principal::entity_arn;

/// An OpenID Connect provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OidcProviderRecord {
    /// The issuer's URL without `https://`, as condition keys begin with it.
    pub url: String,
    /// The audiences whose tokens are taken.
    #[serde(rename = "clients", default, skip_serializing_if = "Vec::is_empty")]
    pub client_ids: Vec<String>,
    /// Certificate thumbprints, kept as given; which authority an issuer is trusted by is the operator's to say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thumbprints: Vec<String>,
    /// When it was made.
    #[serde(rename = "created")]
    pub created_at: Timestamp,
    /// Tags, in the order in which they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

impl OidcProviderRecord {
    /// `arn:aws:iam::123456789012:oidc-provider/host/path`
    pub fn arn(account: AccountId, url: &str) -> String {
        entity_arn(account, "oidc-provider", "/", url)
    }

    /// The URL without its scheme, from the ARN of a provider of this account.
    pub fn url_of(account: AccountId, arn: &str) -> Option<&str> {
        let rest = arn.strip_prefix("arn:aws:iam::")?.strip_prefix(account.as_str())?;
        rest.strip_prefix(":oidc-provider/").filter(|url| !url.is_empty())
    }
}

impl Record for OidcProviderRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "identity provider";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let record = OidcProviderRecord {
            url: "idp.example/x".into(),
            client_ids: vec!["sts.amazonaws.com".into()],
            thumbprints: vec!["a".repeat(40)],
            created_at: Timestamp::from_secs(1),
            tags: vec![("k".into(), "v".into())],
        };
        let bytes = record.encode().unwrap();
        let text = format!(
            r#"{{"url":"idp.example/x","clients":["sts.amazonaws.com"],"thumbprints":["{}"],"created":1000,"tags":[["k","v"]]}}"#,
            "a".repeat(40)
        );
        assert_eq!(std::str::from_utf8(&bytes[1..]).unwrap(), text);
        assert_eq!(OidcProviderRecord::decode(&bytes).unwrap(), record);
    }

    #[test]
    fn an_arn_leads_to_its_url_in_its_own_account_only() {
        let account = "123456789012".parse().unwrap();
        let arn = OidcProviderRecord::arn(account, "idp.example:8443/x");
        assert_eq!(arn, "arn:aws:iam::123456789012:oidc-provider/idp.example:8443/x");
        assert_eq!(OidcProviderRecord::url_of(account, &arn), Some("idp.example:8443/x"));
        assert_eq!(OidcProviderRecord::url_of("210987654321".parse().unwrap(), &arn), None);
    }
}
