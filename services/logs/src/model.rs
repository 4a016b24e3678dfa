//! The rules of the domain: names, ARNs, retention, batches.
//!
//! No I/O, no async, no wire.

use std::ops::Range;

use base::{AccountId, Arn, Region, Timestamp};

use crate::error::Error;

/// The retentions that AWS accepts, in days.
const RETENTION_DAYS: [i64; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1_096, 1_827, 2_192, 2_557, 2_922, 3_288,
    3_653,
];
/// What AWS adds to each event's text when it counts bytes.
pub(crate) const EVENT_OVERHEAD_BYTES: usize = 26;
/// The most bytes of a batch or of a page.
pub(crate) const BATCH_BYTES_MAX: usize = 1_048_576;
const BATCH_SPAN_MILLIS_MAX: i64 = 24 * 60 * 60 * 1_000;
const TOO_OLD_MILLIS: i64 = 14 * 24 * 60 * 60 * 1_000;
const TOO_NEW_MILLIS: i64 = 2 * 60 * 60 * 1_000;
/// The most tags of a group.
pub(crate) const TAGS_MAX: usize = 50;

/// A group by name, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupName {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: String,
}

impl GroupName {
    /// A group of the call's own account and region.
    pub(crate) fn own(account: AccountId, region: &Region, name: &str) -> Self {
        Self { account, region: region.clone(), name: name.to_owned() }
    }

    /// From a name, or from an identifier that is a name or an ARN; exactly one of the two is given.
    pub(crate) fn of(
        account: AccountId,
        region: &Region,
        name: Option<&str>,
        identifier: Option<&str>,
    ) -> Result<Self, Error> {
        match (name, identifier) {
            (Some(name), None) => Ok(Self::own(account, region, name)),
            (None, Some(identifier)) if identifier.starts_with("arn:") => Self::from_arn(identifier),
            (None, Some(identifier)) => Ok(Self::own(account, region, identifier)),
            _ => Err(Error::invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.")),
        }
    }

    /// From `arn:aws:logs:region:account:log-group:name`, with or without `:*` at its end.
    pub(crate) fn from_arn(text: &str) -> Result<Self, Error> {
        let invalid = || Error::invalid(format!("Invalid resource ARN: {text}"));
        let arn: Arn = text.parse().map_err(|_| invalid())?;
        let name = arn.resource.strip_prefix("log-group:").ok_or_else(invalid)?;
        let name = name.strip_suffix(":*").unwrap_or(name);
        if arn.partition != base::PARTITION || arn.service != "logs" || !is_group_name(name) {
            return Err(invalid());
        }
        Ok(Self {
            account: arn.account.parse().map_err(|_| invalid())?,
            region: arn.region.parse().map_err(|_| invalid())?,
            name: name.to_owned(),
        })
    }

    /// The group's ARN, without the `:*` that stands for its streams.
    pub(crate) fn arn(&self) -> String {
        let resource = format!("log-group:{}", self.name);
        Arn::new("logs", self.region.as_str(), self.account.as_str(), resource).to_string()
    }

    /// The ARN that policies are asked about for the group's streams: an empty stream stands for all of them.
    pub(crate) fn stream_arn(&self, stream: &str) -> String {
        format!("{}:log-stream:{stream}", self.arn())
    }
}

/// True for what a group may be called: the model's own rule, for names that come inside ARNs.
fn is_group_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte);
    (1..=512).contains(&name.len()) && name.bytes().all(allowed)
}

/// Checks a retention and gives it back.
pub(crate) fn retention(days: i64) -> Result<u32, Error> {
    let allowed = RETENTION_DAYS.contains(&days).then(|| u32::try_from(days).ok()).flatten();
    allowed.ok_or_else(|| {
        let list = RETENTION_DAYS.map(|days| days.to_string()).join(", ");
        Error::invalid(format!("The specified retention period is not valid. It must be one of: {list}."))
    })
}

/// The first moment that a retention keeps.
pub(crate) fn kept_from(now: Timestamp, retention_days: Option<u32>) -> i64 {
    retention_days.map_or(i64::MIN, |days| now.plus_secs(-i64::from(days) * 86_400).millis())
}

/// What of a batch is taken, and what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) taken: Range<usize>,
    pub(crate) too_new_from: Option<usize>,
    pub(crate) too_old_to: Option<usize>,
    pub(crate) expired_to: Option<usize>,
}

/// Checks a batch of (time, text length) as a whole, then sorts out events that are too old or too new.
pub(crate) fn judge(
    events: &[(i64, usize)],
    now: Timestamp,
    retention_days: Option<u32>,
) -> Result<Judged, Error> {
    let bytes: usize = events.iter().map(|(_, length)| length + EVENT_OVERHEAD_BYTES).sum();
    if bytes > BATCH_BYTES_MAX {
        return Err(Error::invalid(format!(
            "Upload too large: {bytes} bytes exceeds limit of {BATCH_BYTES_MAX}"
        )));
    }
    if !events.is_sorted_by_key(|(time, _)| *time) {
        return Err(Error::invalid(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    let (first, last) = (events.first().map_or(0, |event| event.0), events.last().map_or(0, |event| event.0));
    if last.saturating_sub(first) > BATCH_SPAN_MILLIS_MAX {
        return Err(Error::invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    let before = |moment: i64| events.partition_point(|(time, _)| *time < moment);
    let too_old = before(now.plus_millis(-TOO_OLD_MILLIS).millis());
    let expired = before(kept_from(now, retention_days));
    let too_new = before(now.plus_millis(TOO_NEW_MILLIS).millis().saturating_add(1));
    let start = too_old.max(expired).min(too_new);
    let some = |count: usize| Some(count).filter(|count| *count > 0);
    Ok(Judged {
        taken: start..too_new,
        too_new_from: Some(too_new).filter(|from| *from < events.len()),
        too_old_to: some(too_old),
        expired_to: some(expired),
    })
}

/// Checks tags as they come in, and what the group would then have.
pub(crate) fn check_tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), Error> {
    for (key, _) in tags {
        if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(Error::invalid(format!(
                "The tag key {key} is not valid: aws: is a reserved prefix."
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn at(offsets: &[i64]) -> Vec<(i64, usize)> {
        offsets.iter().map(|offset| (NOW.millis() + offset, 1)).collect()
    }

    #[test]
    fn a_batch_is_judged_by_its_times() {
        const HOUR: i64 = 3_600_000;
        const DAY: i64 = 24 * HOUR;
        let cases: [(&[i64], Option<u32>, Judged); 6] = [
            (&[0], None, Judged { taken: 0..1, ..Judged::default() }),
            (&[-14 * DAY, 0 - 13 * DAY], None, Judged { taken: 0..2, ..Judged::default() }),
            (
                &[-14 * DAY - 1, -14 * DAY],
                None,
                Judged { taken: 1..2, too_old_to: Some(1), ..Judged::default() },
            ),
            (
                &[2 * HOUR, 2 * HOUR + 1],
                None,
                Judged { taken: 0..1, too_new_from: Some(1), ..Judged::default() },
            ),
            (&[-DAY - 1, -DAY], Some(1), Judged { taken: 1..2, expired_to: Some(1), ..Judged::default() }),
            (
                &[-15 * DAY],
                Some(1),
                Judged { taken: 1..1, too_old_to: Some(1), expired_to: Some(1), ..Judged::default() },
            ),
        ];
        for (offsets, retention, expected) in cases {
            assert_eq!(judge(&at(offsets), NOW, retention).unwrap(), expected, "{offsets:?}");
        }
    }

    #[test]
    fn a_batch_in_disorder_or_too_long_or_too_large_is_refused() {
        let message = |events: &[(i64, usize)]| judge(events, NOW, None).unwrap_err().to_string();
        assert!(message(&at(&[1, 0])).contains("chronological order"));
        assert!(message(&at(&[-86_400_001, 0])).contains("cannot span more than 24 hours"));
        assert!(judge(&at(&[-86_400_000, 0]), NOW, None).is_ok());
        assert!(message(&[(NOW.millis(), 1_048_551)]).contains("1048577 bytes exceeds limit of 1048576"));
        assert!(judge(&[(NOW.millis(), 1_048_550)], NOW, None).is_ok());
    }

    #[test]
    fn arns_name_groups() {
        let arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/a";
        for text in [arn.to_owned(), format!("{arn}:*")] {
            let group = GroupName::from_arn(&text).unwrap();
            assert_eq!(group.arn(), arn);
            assert_eq!(group.stream_arn("s"), format!("{arn}:log-stream:s"));
        }
        for bad in [
            "arn:aws:logs:us-east-1:123456789012:log-group:",
            "arn:aws:logs:us-east-1:123456789012:log-group:a:log-stream:b",
            "arn:aws:s3:us-east-1:123456789012:log-group:a",
            "arn:aws:logs:us-east-1:12:log-group:a",
            "nonsense",
        ] {
            assert!(GroupName::from_arn(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_aws_own_retentions_are_accepted() {
        assert_eq!(retention(14).unwrap(), 14);
        for bad in [0, 2, -1, 3_654, i64::MAX] {
            assert!(retention(bad).is_err(), "{bad}");
        }
    }
}
