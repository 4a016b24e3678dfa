//! Reports as they are kept: the credential report of an account, and what services were last used by whom.
//!
//! A report is what was so when it was made; it is never renewed behind its reader's back.

use base::{AccountId, Timestamp};
use identity::records::Record;
use serde::{Deserialize, Serialize};
use store::{Key, Table};

/// Account → [`CredentialReportRecord`].
pub(crate) const CREDENTIAL_REPORTS: Table = Table::new(0x0131, "credential reports");
/// Account, job id → [`UsageReportRecord`].
pub(crate) const USAGE_REPORTS: Table = Table::new(0x0132, "reports of last use");

/// Account, job id → [`OrganizationReportRecord`].
pub(crate) const ORGANIZATION_REPORTS: Table = Table::new(0x0135, "reports of last use in organizations");

/// One of an account's usage reports.
pub(crate) fn usage_key(account: AccountId, job: &str) -> Key {
    Key::new().str(account.as_str()).str(job)
}

/// Everybody's credentials, as CSV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CredentialReportRecord {
    /// When it was made.
    #[serde(rename = "at")]
    pub(crate) made_at: Timestamp,
    /// The report.
    pub(crate) csv: String,
}

impl Record for CredentialReportRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "credential report";
}

/// Which services an entity may use, and when it last did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UsageReportRecord {
    /// When it was asked for.
    #[serde(rename = "from")]
    pub(crate) created_at: Timestamp,
    /// When it was done.
    #[serde(rename = "to")]
    pub(crate) completed_at: Timestamp,
    /// True where actions are listed as well.
    #[serde(rename = "deep", default)]
    pub(crate) by_action: bool,
    /// By namespace.
    pub(crate) services: Vec<ServiceUse>,
}

impl Record for UsageReportRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "report of last use";
}

/// Which services a part of an organization may use, and where in it they last were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrganizationReportRecord {
    /// When it was asked for, and done.
    #[serde(rename = "at")]
    pub(crate) created_at: Timestamp,
    /// By namespace, in order: the latest use in each account, latest first.
    pub(crate) services: Vec<(String, Vec<OrganizationUse>)>,
}

impl Record for OrganizationReportRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "report of last use in an organization";
}

/// The latest use of a service in one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrganizationUse {
    /// `o-…/r-…/ou-…/123456789012`
    #[serde(rename = "p")]
    pub(crate) path: String,
    /// When.
    #[serde(rename = "t")]
    pub(crate) at: Timestamp,
    /// Where.
    #[serde(rename = "r")]
    pub(crate) region: String,
}

/// The last use of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceUse {
    /// `dynamodb`
    #[serde(rename = "n")]
    pub(crate) namespace: String,
    /// Who used it when and where, latest first; each entity once.
    #[serde(rename = "w", default)]
    pub(crate) by: Vec<Use>,
    /// Its actions with their last use.
    #[serde(rename = "a", default)]
    pub(crate) actions: Vec<(String, Use)>,
}

/// One use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Use {
    /// The entity's ARN.
    #[serde(rename = "e")]
    pub(crate) entity: String,
    /// When.
    #[serde(rename = "t")]
    pub(crate) at: Timestamp,
    /// Where.
    #[serde(rename = "r")]
    pub(crate) region: String,
}

impl ServiceUse {
    /// Takes a use in; calls come newest first.
    pub(crate) fn add(&mut self, action: &str, used: &Use) {
        if !self.by.iter().any(|other| other.entity == used.entity) {
            self.by.push(used.clone());
        }
        if !self.actions.iter().any(|(other, _)| other == action) {
            self.actions.push((action.to_owned(), used.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let at = Timestamp::from_secs(1);
        let used = Use { entity: "e".into(), at, region: "r".into() };
        let mut service = ServiceUse { namespace: "s3".into(), ..ServiceUse::default() };
        service.add("GetObject", &used);
        service.add("GetObject", &Use { at: Timestamp::from_secs(0), ..used });
        let report =
            UsageReportRecord { created_at: at, completed_at: at, by_action: false, services: vec![service] };
        let bytes = report.encode().unwrap();
        assert_eq!(
            std::str::from_utf8(&bytes[1..]).unwrap(),
            r#"{"from":1000,"to":1000,"deep":false,"services":[{"n":"s3","w":[{"e":"e","t":1000,"r":"r"}],"a":[["GetObject",{"e":"e","t":1000,"r":"r"}]]}]}"#
        );
        assert_eq!(UsageReportRecord::decode(&bytes).unwrap(), report);
        let used = OrganizationUse { path: "o/r/1".into(), at, region: "r".into() };
        let report = OrganizationReportRecord { created_at: at, services: vec![("s3".into(), vec![used])] };
        assert_eq!(
            &report.encode().unwrap()[1..],
            br#"{"at":1000,"services":[["s3",[{"p":"o/r/1","t":1000,"r":"r"}]]]}"#
        );
        let report = CredentialReportRecord { made_at: at, csv: "a\n".into() };
        let bytes = report.encode().unwrap();
        assert_eq!(std::str::from_utf8(&bytes[1..]).unwrap(), r#"{"at":1000,"csv":"a\n"}"#);
    }
}
