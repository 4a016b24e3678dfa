//! How much throughput there may be: ceilings of on-demand tables and indexes, what tables and indexes are made ready for,
//! and the quotas of both. No store, no wire.

use super::Part;
use crate::api;
use crate::error::Error;
use crate::invalid::Invalid;
use crate::records::{Billing, Ceiling, TableRecord, Warm};

/// The most units in a second of one table or index, in either direction.
pub(crate) const UNITS_MAX: i64 = 40_000;
/// The most units that all tables and indexes of an account reserve, in either direction.
pub(crate) const ACCOUNT_UNITS_MAX: i64 = 80_000;
/// Takes a ceiling away.
const NONE: i64 = -1;

const MORE: &str =
    "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.";
const INITIAL: &str = "initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html#on-demand-capacity-mode-initial";

fn ceilings(given: &api::OnDemandThroughput) -> [(&'static str, Option<i64>); 2] {
    [
        ("MaxReadRequestUnits", given.max_read_request_units),
        ("MaxWriteRequestUnits", given.max_write_request_units),
    ]
}

/// The ceiling of a new table or index.
///
/// # Errors
/// It is provisioned, or a value is out of range.
pub(crate) fn new_ceiling(
    given: Option<&api::OnDemandThroughput>,
    part: Part<'_>,
    billing: Billing,
) -> Result<Ceiling, Invalid> {
    let Some(given) = given else { return Ok(Ceiling::default()) };
    for (member, value) in ceilings(given) {
        if value.is_some() && billing != Billing::PayPerRequest {
            let of = match part {
                Part::Table => String::new(),
                Part::Index(name) => format!(" for index: {name}"),
            };
            return Err(Invalid::parameter(format!(
                "{member} for OnDemandThroughput{of} cannot be specified when table BillingMode is PROVISIONED."
            )));
        }
    }
    for (member, value) in ceilings(given) {
        if value.is_some_and(|value| value < 1) {
            return Err(out_of_range(member, part));
        }
    }
    Ok(Ceiling { read: given.max_read_request_units, write: given.max_write_request_units })
}

/// The ceiling of a table or index after a change of one or both of its values.
///
/// # Errors
/// It is provisioned, or a value is out of range.
pub(crate) fn changed_ceiling(
    present: Ceiling,
    given: Option<&api::OnDemandThroughput>,
    part: Part<'_>,
    billing: Billing,
) -> Result<Ceiling, Invalid> {
    if billing != Billing::PayPerRequest {
        let named = given.and_then(|given| ceilings(given).into_iter().find(|(_, value)| value.is_some()));
        return match named {
            None => Ok(Ceiling::default()),
            Some((member, _)) => {
                let of = match part {
                    Part::Table => String::new(),
                    Part::Index(name) => format!(" for index : {name}"),
                };
                Err(Invalid::parameter(format!(
                    "{member} for OnDemandThroughput{of} cannot be specified when the table BillingMode is PROVISIONED"
                )))
            }
        };
    }
    let Some(given) = given else { return Ok(present) };
    for (member, value) in ceilings(given) {
        if value.is_some_and(|value| value != NONE && value < 1) {
            return Err(out_of_range(member, part));
        }
    }
    let changed = |present: Option<i64>, given: Option<i64>| match given {
        None => present,
        Some(NONE) => None,
        some => some,
    };
    Ok(Ceiling {
        read: changed(present.read, given.max_read_request_units),
        write: changed(present.write, given.max_write_request_units),
    })
}

fn out_of_range(member: &str, part: Part<'_>) -> Invalid {
    Invalid::parameter(format!(
        "Requested {member} for OnDemandThroughput for {} is outside of valid range",
        part.of_ceilings()
    ))
}

/// What a new table or index is made ready for.
///
/// # Errors
/// It is less than what it is ready for anyway.
pub(crate) fn new_warm(
    given: Option<&api::WarmThroughput>,
    part: Part<'_>,
    units: Option<(i64, i64)>,
) -> Result<Warm, Invalid> {
    let Some(given) = given else { return Ok(Warm::default()) };
    let (least, read, write) = match units {
        None => (Warm::ON_DEMAND, INITIAL, INITIAL),
        Some((read, write)) => (
            Warm { read, write },
            "ReadCapacityUnits of ProvisionedThroughput",
            "WriteCapacityUnits of ProvisionedThroughput",
        ),
    };
    check_warm(given, least, part, [read, write])?;
    Ok(asked_for(given))
}

/// What a table or index is made ready for after a change; it never gets less.
///
/// # Errors
/// It would.
pub(crate) fn changed_warm(
    present: Warm,
    given: &api::WarmThroughput,
    part: Part<'_>,
) -> Result<Warm, Invalid> {
    const LESS: &str = "current WarmThroughput, decreasing WarmThroughput is not supported";
    check_warm(given, present, part, [LESS; 2])?;
    Ok(present.max(asked_for(given)))
}

fn asked_for(given: &api::WarmThroughput) -> Warm {
    Warm { read: given.read_units_per_second.unwrap_or(0), write: given.write_units_per_second.unwrap_or(0) }
}

fn check_warm(
    given: &api::WarmThroughput,
    least: Warm,
    part: Part<'_>,
    than: [&str; 2],
) -> Result<(), Invalid> {
    let members = [
        ("ReadUnitsPerSecond", given.read_units_per_second, least.read),
        ("WriteUnitsPerSecond", given.write_units_per_second, least.write),
    ];
    for ((member, value, least), than) in members.into_iter().zip(than) {
        if value.is_some_and(|value| value < least) {
            return Err(Invalid::parameter(format!(
                "Requested {member} for WarmThroughput for {part} is lower than {than}"
            )));
        }
    }
    Ok(())
}

/// Refuses a table that asks for more than one table or index may have.
///
/// # Errors
/// It does.
pub(crate) fn check_quotas(record: &TableRecord) -> Result<(), Error> {
    let region = record.region.as_str();
    let own = match record.billing {
        Billing::PayPerRequest => None,
        Billing::Provisioned { read, write } => Some((read, write)),
    };
    check_part(Part::Table, own, record.ceiling, record.warm, region)?;
    for index in &record.indexes {
        check_part(Part::Index(&index.name), index.units, index.ceiling, index.warm, region)?;
    }
    Ok(())
}

fn check_part(
    part: Part<'_>,
    units: Option<(i64, i64)>,
    ceiling: Ceiling,
    warm: Warm,
    region: &str,
) -> Result<(), Error> {
    let (read, write) = units.unwrap_or_default();
    for (member, value) in [("ReadCapacityUnits", read), ("WriteCapacityUnits", write)] {
        if value > UNITS_MAX {
            let (of, what) = match part {
                Part::Table => (String::new(), "table"),
                Part::Index(name) => (format!(" for index {name}"), "index"),
            };
            return Err(Error::LimitExceeded(format!(
                "The requested {member}{of}, {value}, is above the per {what} maximum for the account in {region}. \
                 Per {what} maximum: {UNITS_MAX}. {MORE}"
            )));
        }
    }
    let ceilings = [
        ("MaxReadRequestUnits", ceiling.read, "TableMaxReadCapacityUnits"),
        ("MaxWriteRequestUnits", ceiling.write, "TableMaxWriteCapacityUnits"),
    ];
    let over = |member: &str, of: String, quota: &str| {
        Error::LimitExceeded(format!(
            "Subscriber limit exceeded: Requested {member} for {of} exceeds {quota} of the account in region {region}"
        ))
    };
    for (member, value, quota) in ceilings {
        if value.is_some_and(|value| value > UNITS_MAX) {
            return Err(over(member, format!("OnDemandThroughput for {}", part.of_ceilings()), quota));
        }
    }
    let warm = [
        ("ReadUnitsPerSecond", warm.read, "TableMaxReadCapacityUnits"),
        ("WriteUnitsPerSecond", warm.write, "TableMaxWriteCapacityUnits"),
    ];
    for (member, value, quota) in warm {
        if value > UNITS_MAX {
            return Err(over(member, format!("WarmThroughput for {part}"), quota));
        }
    }
    Ok(())
}

/// What a table reserves, with its indexes.
pub(crate) fn reserved(record: &TableRecord) -> (i64, i64) {
    let Billing::Provisioned { read, write } = record.billing else { return (0, 0) };
    let units = record.indexes.iter().filter_map(|index| index.units);
    units.fold((read, write), |(reads, writes), (read, write)| {
        (reads.saturating_add(read), writes.saturating_add(write))
    })
}

/// Refuses units that an account has not got left, next to what its other tables reserve.
///
/// # Errors
/// It has not.
pub(crate) fn check_account(others: (i64, i64), record: &TableRecord) -> Result<(), Error> {
    let (read, write) = reserved(record);
    for (member, others, wanted) in
        [("ReadCapacityUnits", others.0, read), ("WriteCapacityUnits", others.1, write)]
    {
        if wanted > 0 && others.saturating_add(wanted) > ACCOUNT_UNITS_MAX {
            return Err(Error::LimitExceeded(format!(
                "This request would have caused the {member} limit to be exceeded for the account in {}. Current {member} \
                 reserved by the account: {others}. Limit: {ACCOUNT_UNITS_MAX}. Requested: {wanted}. {MORE}",
                record.region
            )));
        }
    }
    Ok(())
}
