//! What is stored: a record for each parameter with its latest version, and one for each older version.
//!
//! Records are JSON with a version. A field is added with a default and never reused.

use std::collections::BTreeMap;
use std::fmt;

use base::{AccountId, Region};
use serde::{Deserialize, Serialize};
pub(crate) use service::records::{decode, encode};
use store::{Key, Read, Table, Transaction};

use crate::Error;
use crate::model::{Reference, Selector};

/// Parameters by account, region and path.
pub(crate) const PARAMETERS: Table = Table::new(0x0E01, "parameters");
/// Versions that are not the latest, by account, region, path and number.
pub(crate) const VERSIONS: Table = Table::new(0x0E02, "parameter versions");
/// How many parameters there are, by account and region.
pub(crate) const COUNTS: Table = Table::new(0x0E03, "parameter counts");

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ParameterRecord {
    /// The record's version: 1.
    pub(crate) v: u8,
    /// As it was made, with the slash that it may begin with.
    pub(crate) name: String,
    /// The number of the oldest version that is kept.
    pub(crate) oldest: u64,
    pub(crate) latest: VersionRecord,
    /// Labels and the versions that they point to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
}

/// A version of a parameter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionRecord {
    pub(crate) number: u64,
    pub(crate) kind: String,
    /// The value; of a `SecureString` its sealed form.
    pub(crate) value: String,
    /// In milliseconds.
    pub(crate) modified: i64,
    /// The ARN of who put it.
    pub(crate) user: String,
    pub(crate) tier: String,
    pub(crate) data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) allowed_pattern: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
}

// SECURITY: values are secrets to whoever reads a log.
impl fmt::Debug for VersionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VersionRecord")
            .field("number", &self.number)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl ParameterRecord {
    /// The labels of a version, in order.
    pub(crate) fn labels_of(&self, number: u64) -> Vec<String> {
        self.labels.iter().filter(|(_, of)| **of == number).map(|(label, _)| label.clone()).collect()
    }

    /// The parameter's name as a reference.
    pub(crate) fn reference(&self, account: AccountId, region: &Region) -> Reference {
        Reference::own(account, region, &self.name)
    }
}

/// The keys of an account's parameters in a region begin with it.
pub(crate) fn place(account: AccountId, region: &Region) -> Key {
    Key::new().str(account.as_str()).str(region.as_str())
}

pub(crate) fn parameter_key(of: &Reference) -> Key {
    place(of.account, &of.region).str(&of.path)
}

pub(crate) fn version_key(of: &Reference, number: u64) -> Key {
    parameter_key(of).u64(number)
}

/// The parameter at this path, whichever way its name is spelled.
pub(crate) fn at_path(from: &(impl Read + ?Sized), of: &Reference) -> Result<Option<ParameterRecord>, Error> {
    Ok(from.read(PARAMETERS, &parameter_key(of))?.map(|stored| decode(&stored)).transpose()?)
}

/// The parameter that is meant, if there is one.
pub(crate) fn find(from: &(impl Read + ?Sized), of: &Reference) -> Result<Option<ParameterRecord>, Error> {
    Ok(at_path(from, of)?.filter(|record| of.means(&record.name)))
}

/// The parameter that is meant, or that there is none.
pub(crate) fn parameter(from: &(impl Read + ?Sized), of: &Reference) -> Result<ParameterRecord, Error> {
    find(from, of)?.ok_or_else(|| Error::not_found(of))
}

/// A version by its number, or that there is none.
pub(crate) fn version(
    from: &(impl Read + ?Sized),
    of: &Reference,
    record: &ParameterRecord,
    number: u64,
) -> Result<VersionRecord, Error> {
    if number == record.latest.number {
        return Ok(record.latest.clone());
    }
    let stored = from.read(VERSIONS, &version_key(of, number))?;
    stored.map(|stored| decode(&stored)).transpose()?.ok_or_else(|| Error::no_version(number, &record.name))
}

/// The version that is meant: the latest, or the one that a selector names.
pub(crate) fn selected(
    from: &(impl Read + ?Sized),
    of: &Reference,
    record: &ParameterRecord,
) -> Result<VersionRecord, Error> {
    match &of.selector {
        None => Ok(record.latest.clone()),
        Some(Selector::Version(number)) => version(from, of, record, *number),
        Some(Selector::Label(label)) => {
            let number = record.labels.get(label).ok_or_else(|| Error::no_label(label, &record.name))?;
            version(from, of, record, *number)
        }
    }
}

/// How many parameters the account has in the region.
pub(crate) fn count(from: &(impl Read + ?Sized), account: AccountId, region: &Region) -> Result<u64, Error> {
    let stored = from.read(COUNTS, &place(account, region))?;
    Ok(stored.and_then(|bytes| bytes.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))).unwrap_or(0))
}

/// Notes that the account now has one parameter more, or one fewer.
pub(crate) fn recount(transaction: &mut Transaction<'_>, of: &Reference, change: i64) -> Result<(), Error> {
    let now = count(transaction, of.account, &of.region)?.saturating_add_signed(change);
    transaction.put(COUNTS, place(of.account, &of.region), now.to_be_bytes().to_vec())?;
    Ok(())
}

/// Writes a parameter's record.
pub(crate) fn save(
    transaction: &mut Transaction<'_>,
    of: &Reference,
    record: &ParameterRecord,
) -> Result<(), Error> {
    Ok(transaction.put(PARAMETERS, parameter_key(of), encode(record)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_stays_as_it_is() {
        let latest = VersionRecord {
            number: 2,
            kind: "String".into(),
            value: "secret".into(),
            modified: 5,
            user: "U".into(),
            tier: "Standard".into(),
            data_type: "text".into(),
            description: Some("D".into()),
            allowed_pattern: None,
            key_id: None,
        };
        let record = ParameterRecord {
            v: 1,
            name: "/a".into(),
            oldest: 1,
            latest,
            labels: BTreeMap::from([("prod".to_owned(), 1)]),
            tags: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        };
        let golden = r#"{"v":1,"name":"/a","oldest":1,"latest":{"number":2,"kind":"String","value":"secret","modified":5,"user":"U","tier":"Standard","data_type":"text","description":"D"},"labels":{"prod":1},"tags":{"k":"v"}}"#;
        assert_eq!(encode(&record).unwrap(), golden.as_bytes());
        assert_eq!(decode::<ParameterRecord>(golden.as_bytes()).unwrap(), record);
        assert!(!format!("{record:?}").contains("secret"));
    }
}
