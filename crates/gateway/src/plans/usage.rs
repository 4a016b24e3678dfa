//! What was used of a plan with one key: counted in memory, written once a second.
//!
//! After a `kill -9` the requests of the last second or so are not counted. No request waits for the store.

use base::Timestamp;

use crate::records::{PlanQuota, QuotaPeriod, UsageRecord};

const DAY_SECS: i64 = 86_400;
/// Days that are told; older ones are forgotten.
const DAYS_MAX: usize = 400;

/// The day of a moment, counted from 1970.
pub fn day_of(moment: Timestamp) -> i64 {
    moment.secs().div_euclid(DAY_SECS)
}

/// A day as it is written: `2026-11-22`.
pub fn date_of(day: i64) -> String {
    let text = Timestamp::from_secs(day.saturating_mul(DAY_SECS)).iso8601_secs();
    text.get(..10).unwrap_or_default().to_owned()
}

/// The day of the month, from 1.
fn day_of_month(day: i64) -> i64 {
    date_of(day).get(8..).and_then(|day| day.parse().ok()).unwrap_or(1)
}

/// The first day of the period that a day is in.
pub fn period_of(quota: &PlanQuota, day: i64) -> i64 {
    let offset = i64::from(quota.offset);
    match quota.period {
        QuotaPeriod::Day => day,
        // 1970 began on a Thursday.
        QuotaPeriod::Week => day - (day + 4 - offset).rem_euclid(7),
        QuotaPeriod::Month => {
            let first = day - (day_of_month(day) - 1);
            let start = first + offset;
            if start <= day { start } else { first - day_of_month(first - 1) + offset }
        }
    }
}

/// Counts one request; false where the quota has none left.
pub(super) fn count(record: &mut UsageRecord, quota: Option<&PlanQuota>, now: Timestamp) -> bool {
    let day = day_of(now);
    if let Some(quota) = quota {
        begin_period(record, quota, day);
        if record.used >= i64::from(quota.limit) {
            return false;
        }
    }
    record.used = record.used.saturating_add(1);
    let left = left(record, quota);
    let today = record.days.entry(day).or_default();
    *today = (today.0.saturating_add(1), left);
    if record.days.len() > DAYS_MAX {
        record.days.pop_first();
    }
    true
}

/// What is left of a period; nothing where nothing is limited.
fn left(record: &UsageRecord, quota: Option<&PlanQuota>) -> i64 {
    quota.map_or(0, |quota| i64::from(quota.limit).saturating_sub(record.used).max(0))
}

/// Counts what was used since the period of a day began, and forgets what was used before.
fn begin_period(record: &mut UsageRecord, quota: &PlanQuota, day: i64) {
    let period = period_of(quota, day);
    if record.period_day < period {
        record.period_day = period;
        record.used = record.days.range(period..).map(|(_, (used, _))| used).sum();
    }
}

/// Makes this many requests be left of the present period.
pub fn set_left(record: &mut UsageRecord, quota: &PlanQuota, wanted: i64, now: Timestamp) {
    let day = day_of(now);
    begin_period(record, quota, day);
    record.used = i64::from(quota.limit).saturating_sub(wanted);
    record.days.entry(day).or_default().1 = wanted;
}

/// What was used on each of some days, and what was left then.
pub fn by_day(
    record: &UsageRecord,
    quota: Option<&PlanQuota>,
    days: std::ops::RangeInclusive<i64>,
) -> Vec<Vec<i64>> {
    let one = |day: i64| {
        if let Some((used, left)) = record.days.get(&day) {
            return vec![*used, *left];
        }
        let Some(quota) = quota else { return vec![0, 0] };
        // A day without a request has what the last day before it left, as long as its period goes on.
        let before = record.days.range(period_of(quota, day)..day).next_back();
        vec![0, before.map_or(i64::from(quota.limit), |(_, (_, left))| *left)]
    };
    days.map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i64 {
        (0..40_000).find(|day| date_of(*day) == text).unwrap()
    }

    #[test]
    fn periods_begin_where_the_calendar_says() {
        for (period, offset, today, start) in [
            (QuotaPeriod::Day, 0, "2026-11-22", "2026-11-22"),
            // A Sunday.
            (QuotaPeriod::Week, 0, "2026-11-22", "2026-11-22"),
            (QuotaPeriod::Week, 0, "2026-11-28", "2026-11-22"),
            (QuotaPeriod::Week, 1, "2026-11-22", "2026-11-16"),
            (QuotaPeriod::Week, 6, "2026-11-22", "2026-11-21"),
            (QuotaPeriod::Month, 0, "2026-11-22", "2026-11-01"),
            (QuotaPeriod::Month, 21, "2026-11-22", "2026-11-22"),
            (QuotaPeriod::Month, 22, "2026-11-22", "2026-10-23"),
            (QuotaPeriod::Month, 27, "2026-03-01", "2026-02-28"),
            (QuotaPeriod::Month, 0, "2024-02-29", "2024-02-01"),
        ] {
            let quota = PlanQuota { limit: 1, offset, period };
            assert_eq!(date_of(period_of(&quota, day(today))), start, "{period:?} {offset} {today}");
        }
    }

    #[test]
    fn a_quota_holds_for_its_period_and_no_longer() {
        let quota = PlanQuota { limit: 2, offset: 0, period: QuotaPeriod::Week };
        let at = |text: &str| Timestamp::from_secs(day(text) * DAY_SECS + 7);
        let mut record = UsageRecord::default();
        let sunday = at("2026-11-22");
        let taken: Vec<_> = (0..3).map(|_| count(&mut record, Some(&quota), sunday)).collect();
        assert_eq!(taken, [true, true, false]);
        assert!(!count(&mut record, Some(&quota), at("2026-11-28")));
        set_left(&mut record, &quota, 1, at("2026-11-28"));
        assert!(count(&mut record, Some(&quota), at("2026-11-28")));
        assert!(!count(&mut record, Some(&quota), at("2026-11-28")));
        assert!(count(&mut record, Some(&quota), at("2026-11-29")));
        let days = day("2026-11-21")..=day("2026-11-30");
        let told = by_day(&record, Some(&quota), days);
        let expected = [[0, 2], [2, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [1, 0], [1, 1], [0, 1]];
        assert_eq!(told, expected.map(|pair| pair.to_vec()));
    }

    #[test]
    fn without_a_quota_everything_is_counted_and_nothing_refused() {
        let mut record = UsageRecord::default();
        for day in 0..500 {
            assert!(count(&mut record, None, Timestamp::from_secs(day * DAY_SECS)));
        }
        assert_eq!((record.used, record.days.len()), (500, DAYS_MAX));
    }
}
