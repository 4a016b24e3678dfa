//! How often it may be changed how a table is paid for.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>

use base::Timestamp;

use crate::error::Error;
use crate::records::{Billing, Settled, UnitChanges};

/// Changes to `PAY_PER_REQUEST` within 24 hours.
const SWITCHES_MAX: usize = 4;
/// Decreases within a day (UTC) that need no pause.
const DECREASES_FREE: usize = 4;
const DAY_SECS: i64 = 24 * 3_600;
const HOUR_SECS: i64 = 3_600;

/// Notes a change of how a table is paid for.
///
/// # Errors
/// It was changed too often of late.
pub(crate) fn settle(settled: &mut Settled, from: Billing, to: Billing, now: Timestamp) -> Result<(), Error> {
    match (from, to) {
        (Billing::Provisioned { .. }, Billing::PayPerRequest) => {
            settled.switches.retain(|switch| now.millis_since(*switch) < DAY_SECS * 1_000);
            if let (Some(last), Some(first)) = (settled.switches.last(), settled.switches.first())
                && settled.switches.len() >= SWITCHES_MAX
            {
                return Err(Error::LimitExceeded(format!(
                    "Subscriber limit exceeded: Update to PayPerRequest mode are limited to {SWITCHES_MAX} times in 1 \
                     day(s). Last update at {}. Next update can be made at {}",
                    spoken(*last),
                    spoken(first.plus_secs(DAY_SECS))
                )));
            }
            settled.switches.push(now);
            settled.on_demand = Some(now);
            Ok(())
        }
        (Billing::Provisioned { read, write }, Billing::Provisioned { read: reads, write: writes }) => {
            change_units(&mut settled.units, (read, write), (reads, writes), now)
        }
        _ => Ok(()),
    }
}

/// Notes a change of provisioned units.
///
/// # Errors
/// They were lowered too often today.
pub(crate) fn change_units(
    changes: &mut UnitChanges,
    from: (i64, i64),
    to: (i64, i64),
    now: Timestamp,
) -> Result<(), Error> {
    if to.0 < from.0 || to.1 < from.1 {
        changes.lowered.retain(|lowered| day(*lowered) == day(now));
        if let Some(last) = changes.lowered.last()
            && changes.lowered.len() >= DECREASES_FREE
            && now.millis_since(*last) < HOUR_SECS * 1_000
        {
            return Err(Error::LimitExceeded(format!(
                "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After \
                 the first {DECREASES_FREE} decreases, each subsequent decrease in the same UTC day can be performed at \
                 most once every {HOUR_SECS} seconds. Number of decreases today: {}. Last decrease at {}. Next decrease \
                 can be made at {}",
                changes.lowered.len(),
                spoken(*last),
                spoken(last.plus_secs(HOUR_SECS))
            )));
        }
        changes.lowered.push(now);
    }
    if to.0 > from.0 || to.1 > from.1 {
        changes.raised = Some(now);
    }
    Ok(())
}

/// How often units were lowered today.
pub(crate) fn lowered_today(changes: &UnitChanges, now: Timestamp) -> i64 {
    let today = changes.lowered.iter().filter(|lowered| day(**lowered) == day(now)).count();
    i64::try_from(today).unwrap_or(i64::MAX)
}

const fn day(time: Timestamp) -> i64 {
    time.secs().div_euclid(DAY_SECS)
}

/// `Wednesday, July 25, 2018 at 7:38:10 PM Coordinated Universal Time`, as these messages write it.
fn spoken(time: Timestamp) -> String {
    let date = time.http_date();
    let mut parts = date.split([' ', ',']).filter(|part| !part.is_empty());
    let (weekday, number, month, year, clock) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
    let long = |short: Option<&str>, names: &[&str]| {
        let short = short.unwrap_or_default();
        names.iter().find(|name| name.starts_with(short)).copied().unwrap_or_default().to_owned()
    };
    let (hour, rest) = clock.and_then(|clock| clock.split_once(':')).unwrap_or_default();
    let hour: u32 = hour.parse().unwrap_or(0);
    let half = if hour < 12 { "AM" } else { "PM" };
    let shown = if hour.is_multiple_of(12) { 12 } else { hour % 12 };
    format!(
        "{}, {} {}, {} at {shown}:{rest} {half} Coordinated Universal Time",
        long(weekday, &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]),
        long(
            month,
            &[
                "January",
                "February",
                "March",
                "April",
                "May",
                "June",
                "July",
                "August",
                "September",
                "October",
                "November",
                "December"
            ]
        ),
        number.unwrap_or_default().trim_start_matches('0'),
        year.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: Billing = Billing::Provisioned { read: 5, write: 5 };

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_iso8601(text).unwrap()
    }

    #[test]
    fn four_switches_to_on_demand_in_a_day_are_enough() {
        let (mut settled, start) = (Settled::default(), at("2018-07-25T19:38:10Z"));
        for hour in 0..4 {
            settle(&mut settled, UNITS, Billing::PayPerRequest, start.plus_secs(hour * HOUR_SECS)).unwrap();
            settle(&mut settled, Billing::PayPerRequest, UNITS, start.plus_secs(hour * HOUR_SECS)).unwrap();
        }
        let refused =
            settle(&mut settled, UNITS, Billing::PayPerRequest, start.plus_secs(23 * HOUR_SECS)).unwrap_err();
        let told = refused.to_string();
        assert!(
            told.ends_with(
                "Next update can be made at Thursday, July 26, 2018 at 7:38:10 PM Coordinated Universal Time"
            ),
            "{told}"
        );
        assert!(settle(&mut settled, UNITS, Billing::PayPerRequest, start.plus_secs(DAY_SECS)).is_ok());
    }

    #[test]
    fn units_are_lowered_four_times_a_day_and_then_hourly() {
        let (mut changes, start) = (UnitChanges::default(), at("2018-07-25T00:05:00Z"));
        for step in 0..4 {
            change_units(&mut changes, (10 - step, 1), (9 - step, 1), start).unwrap();
        }
        change_units(&mut changes, (6, 1), (7, 1), start).unwrap();
        assert_eq!((lowered_today(&changes, start), changes.raised), (4, Some(start)));
        let refused =
            change_units(&mut changes, (7, 1), (6, 1), start.plus_secs(60)).unwrap_err().to_string();
        assert!(refused.contains(
            "Number of decreases today: 4. Last decrease at Wednesday, July 25, 2018 at 12:05:00 AM"
        ));
        change_units(&mut changes, (7, 1), (6, 1), start.plus_secs(HOUR_SECS)).unwrap();
        assert!(change_units(&mut changes, (6, 1), (5, 1), start.plus_secs(HOUR_SECS + 1)).is_err());
        change_units(&mut changes, (6, 1), (5, 1), start.plus_secs(DAY_SECS)).unwrap();
        assert_eq!(lowered_today(&changes, start.plus_secs(DAY_SECS)), 1);
    }
}
