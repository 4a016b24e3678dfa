//! Time, from one place: the system's clock, or one that a test moves by hand.
//!
//! Nothing else in the workspace asks the operating system for wall-clock time (`clippy.toml` bans it).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. May be negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From whole seconds since the epoch; saturates.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This moment plus `millis` (may be negative); saturates.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// This moment plus `secs` (may be negative); saturates.
    #[must_use]
    pub const fn plus_secs(self, secs: i64) -> Self {
        self.plus_millis(secs.saturating_mul(1_000))
    }

    /// Milliseconds from `earlier` to `self`; negative where `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    fn civil(self) -> jiff::civil::DateTime {
        let instant = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        jiff::tz::TimeZone::UTC.to_datetime(instant)
    }

    /// `2026-11-22T02:56:59Z`: seconds, UTC, as IAM and CloudTrail write it.
    pub fn iso8601_secs(self) -> String {
        let t = self.civil();
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            t.year(),
            t.month(),
            t.day(),
            t.hour(),
            t.minute(),
            t.second()
        )
    }

    /// `2026-11-22T02:56:59.123Z`: milliseconds, UTC.
    pub fn iso8601_millis(self) -> String {
        let t = self.civil();
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            t.year(),
            t.month(),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.millisecond()
        )
    }

    /// `20261122T025659Z`: the basic form that SigV4 uses.
    pub fn iso8601_basic(self) -> String {
        let t = self.civil();
        format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
            t.year(),
            t.month(),
            t.day(),
            t.hour(),
            t.minute(),
            t.second()
        )
    }

    /// `Sun, 22 Nov 2026 02:56:59 GMT`: the form of HTTP's `Date` header.
    pub fn http_date(self) -> String {
        let t = self.civil();
        jiff::fmt::strtime::format("%a, %d %b %Y %H:%M:%S GMT", t).unwrap_or_default()
    }

    /// Parses RFC 3339 / ISO 8601 with an offset or `Z`. `None` where the text is anything else.
    pub fn parse_iso8601(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|instant| Self(instant.as_millisecond()))
    }

    /// Parses the SigV4 basic form `YYYYMMDDTHHMMSSZ`.
    pub fn parse_basic(text: &str) -> Option<Self> {
        // Read by hand: every signed request has one.
        let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
        let [y1, y2, y3, y4, mo1, mo2, d1, d2, b'T', h1, h2, mi1, mi2, s1, s2, b'Z'] = *bytes else {
            return None;
        };
        let digit = |byte: u8| byte.is_ascii_digit().then(|| (byte & 15).cast_signed());
        let pair = |tens, ones| Some(digit(tens)? * 10 + digit(ones)?);
        let year = i16::from(pair(y1, y2)?) * 100 + i16::from(pair(y3, y4)?);
        let (month, day) = (pair(mo1, mo2)?, pair(d1, d2)?);
        let (hour, minute, second) = (pair(h1, h2)?, pair(mi1, mi2)?, pair(s1, s2)?);
        let civil = jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        let instant = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
        Some(Self(instant.as_millisecond()))
    }

    /// Parses an HTTP date (`Sun, 22 Nov 2026 02:56:59 GMT`).
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let instant = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(Self(instant.timestamp().as_millisecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso8601_millis())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a component gets the time from. Cheap to clone; clones of a manual clock share its hand.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The operating system's clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until [`Clock::advance_millis`] moves it. For tests.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(start.millis()))))
    }

    /// The present moment.
    #[allow(clippy::disallowed_methods, reason = "the one place that asks the system")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                Timestamp(since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
            }
            Source::Manual(hand) => Timestamp(hand.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock by `millis`; a system clock ignores it.
    pub fn advance_millis(&self, millis: i64) {
        if let Source::Manual(hand) = &self.0 {
            hand.fetch_add(millis, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_round_trip() {
        let moment = Timestamp::from_millis(1_440_938_160_123);
        assert_eq!(moment.iso8601_secs(), "2015-08-30T12:36:00Z");
        assert_eq!(moment.iso8601_millis(), "2015-08-30T12:36:00.123Z");
        assert_eq!(moment.iso8601_basic(), "20150830T123600Z");
        assert_eq!(moment.http_date(), "Sun, 30 Aug 2015 12:36:00 GMT");
        assert_eq!(Timestamp::parse_iso8601("2015-08-30T12:36:00.123Z"), Some(moment));
        let whole = Timestamp::from_secs(moment.secs());
        assert_eq!(Timestamp::parse_basic("20150830T123600Z"), Some(whole));
        assert_eq!(Timestamp::parse_http_date("Sun, 30 Aug 2015 12:36:00 GMT"), Some(whole));
    }

    #[test]
    fn nonsense_is_no_time() {
        for bad in ["", "now", "20150830T1236", "2015083AT123600Z", "20151330T123600Z"] {
            assert_eq!(Timestamp::parse_basic(bad), None, "{bad}");
            assert_eq!(Timestamp::parse_iso8601(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_manual_clock_moves_by_hand() {
        let clock = Clock::manual(Timestamp::from_secs(10));
        let twin = clock.clone();
        clock.advance_millis(5);
        assert_eq!(twin.now(), Timestamp::from_millis(10_005));
    }
}
