//! The rules of tables: which descriptions make one, and what may be changed later. No store, no time, no wire.

mod indexes;
mod keys;
mod policies;
mod settling;
mod throughput;

use std::collections::{BTreeMap, BTreeSet};

use crate::api;
use crate::invalid::Invalid;
use crate::records::Billing;

pub(crate) use indexes::{check_definitions, check_index_count, index_created, indexes, settle_units};
pub(crate) use keys::key_schema;
pub(crate) use policies::PolicyOf;
pub(crate) use settling::{change_units, lowered_today, settle};
pub(crate) use throughput::{
    ACCOUNT_UNITS_MAX, UNITS_MAX, changed_ceiling, changed_warm, check_account, check_quotas, new_ceiling,
    new_warm, reserved,
};

/// The most tables of one account.
pub(crate) const TABLES_MAX: usize = 2_500;
/// The most tags of one table.
pub(crate) const TAGS_MAX: usize = 50;
/// The most capacity units that can be provisioned.
const CAPACITY_UNITS_MAX: i64 = 1_000_000_000_000;

/// A table or one of its indexes, as messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// The table itself.
    Table,
    /// The index of this name.
    Index(&'a str),
}

impl Part<'_> {
    /// The same in messages about ceilings, which put a colon before the name.
    fn of_ceilings(self) -> String {
        match self {
            Self::Table => "table".to_owned(),
            Self::Index(name) => format!("index : {name}"),
        }
    }
}

impl std::fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Table => f.write_str("table"),
            Self::Index(name) => write!(f, "index {name}"),
        }
    }
}

/// What this service does not offer yet, in words that name the parameter. Nothing is dropped in silence.
pub(crate) fn unsupported(parameter: &str) -> Invalid {
    Invalid::parameter(format!("{parameter} is not supported yet"))
}

/// Refuses the parameters of CreateTable that are not offered yet.
///
/// # Errors
/// One of them is given.
pub(crate) fn check_offered(input: &api::CreateTableInput) -> Result<(), Invalid> {
    let parameters = [
        (input.global_table_source_arn.is_some(), "GlobalTableSourceArn"),
        (input.global_table_settings_replication_mode.is_some(), "GlobalTableSettingsReplicationMode"),
    ];
    match parameters.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, name)) => Err(unsupported(name)),
        None => Ok(()),
    }
}

/// How a new table is paid for.
///
/// # Errors
/// Mode and units do not go together, or the units are out of bounds.
pub(crate) fn billing(
    mode: Option<&str>,
    throughput: Option<&api::ProvisionedThroughput>,
) -> Result<Billing, Invalid> {
    match (mode, throughput) {
        (Some("PAY_PER_REQUEST"), Some(_)) => Err(Invalid::parameter(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (Some("PAY_PER_REQUEST"), None) => Ok(Billing::PayPerRequest),
        (_, None) => Err(Invalid::parameter(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (_, Some(units)) => {
            let named = [
                ("ReadCapacityUnits", units.read_capacity_units),
                ("WriteCapacityUnits", units.write_capacity_units),
            ];
            if let Some((name, units)) = named.into_iter().find(|(_, units)| *units > CAPACITY_UNITS_MAX) {
                return Err(Invalid::new(format!("Given value {units} for {name} is out of bounds")));
            }
            Ok(Billing::Provisioned { read: units.read_capacity_units, write: units.write_capacity_units })
        }
    }
}

/// How a table is paid for after a change; without a mode in the request it keeps its own.
///
/// # Errors
/// Mode and units do not go together, or the units are out of bounds.
pub(crate) fn rebilled(
    present: Billing,
    mode: Option<&str>,
    throughput: Option<&api::ProvisionedThroughput>,
) -> Result<Billing, Invalid> {
    match (present, mode, throughput) {
        (_, Some("PROVISIONED"), None) => {
            Err(Invalid::parameter("ProvisionedThroughput must be specified when BillingMode is PROVISIONED"))
        }
        (Billing::Provisioned { read, write }, _, Some(units))
            if (read, write) == (units.read_capacity_units, units.write_capacity_units)
                && mode != Some("PAY_PER_REQUEST") =>
        {
            Err(Invalid::new(format!(
                "The provisioned throughput for the table will not change. The requested value equals the current value. \
                 Current ReadCapacityUnits provisioned for the table: {read}. Requested ReadCapacityUnits: {read}. \
                 Current WriteCapacityUnits provisioned for the table: {write}. Requested WriteCapacityUnits: {write}. \
                 Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
            )))
        }
        (Billing::PayPerRequest, None, throughput) => billing(Some("PAY_PER_REQUEST"), throughput),
        (_, mode, throughput) => billing(mode, throughput),
    }
}

/// What is said of a tag that only the platform writes.
pub(crate) fn reserved_tag(key: &str) -> Invalid {
    Invalid::new(format!("Tag Key cannot be prefixed with aws:, Key: {key}"))
}

/// A table's tags after more were added.
///
/// # Errors
/// There are too many, a key is used twice, or a key or value is not allowed.
pub(crate) fn tagged(
    present: &[(String, String)],
    more: &[api::Tag],
) -> Result<Vec<(String, String)>, Invalid> {
    let mut tags: BTreeMap<String, String> = present.iter().cloned().collect();
    let mut seen = BTreeSet::new();
    for tag in more {
        if !seen.insert(tag.key.as_str()) {
            return Err(Invalid::new(format!(
                "Duplicate Tag Keys provided as input: Duplicate Tag Key found {}",
                tag.key
            )));
        }
        if service::is_mark(&tag.key) {
            return Err(reserved_tag(&tag.key));
        }
        tags.insert(tag.key.clone(), tag.value.clone());
    }
    if tags.keys().filter(|key| !service::is_mark(key)).count() > TAGS_MAX {
        return Err(Invalid::new("Number of Tags exceed the current limit for the provided ResourceArn"));
    }
    Ok(tags.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_and_units_go_together() {
        let units = api::ProvisionedThroughput { read_capacity_units: 5, write_capacity_units: 6 };
        assert_eq!(billing(Some("PAY_PER_REQUEST"), None), Ok(Billing::PayPerRequest));
        assert_eq!(billing(None, Some(&units)), Ok(Billing::Provisioned { read: 5, write: 6 }));
        assert!(billing(None, None).is_err());
        assert!(billing(Some("PAY_PER_REQUEST"), Some(&units)).is_err());
        assert!(rebilled(Billing::PayPerRequest, None, Some(&units)).is_err());
        assert!(rebilled(Billing::PayPerRequest, Some("PROVISIONED"), None).is_err());
        let changed = rebilled(Billing::Provisioned { read: 1, write: 1 }, None, Some(&units));
        assert_eq!(changed, Ok(Billing::Provisioned { read: 5, write: 6 }));
        let many = api::ProvisionedThroughput { read_capacity_units: CAPACITY_UNITS_MAX + 1, ..units };
        assert_eq!(
            billing(None, Some(&many)).unwrap_err().message(),
            "Given value 1000000000001 for ReadCapacityUnits is out of bounds"
        );
    }
}
