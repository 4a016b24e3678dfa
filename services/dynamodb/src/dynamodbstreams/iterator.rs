//! Shard iterators: a place in a shard, as text.
//!
//! ```text
//! stream ARN | 1 | next sequence number . shard . made at, in milliseconds
//! ```
//! It is readable and not signed: what it names is authorized anew each time it is used.

use base::Timestamp;

/// How long an iterator can be used.
pub const LIFE_MILLIS: i64 = 15 * 60 * 1_000;
const VERSION: &str = "|1|";

/// A place in a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iterator {
    /// The stream's ARN.
    pub stream: String,
    /// The shard's id.
    pub shard: String,
    /// The least sequence number that comes next.
    pub next: u64,
    /// When it was made.
    pub made: Timestamp,
}

impl Iterator {
    /// The iterator as text.
    pub fn text(&self) -> String {
        let Self { stream, shard, next, made } = self;
        format!("{stream}{VERSION}{next:x}.{shard}.{:x}", made.millis())
    }

    /// The iterator in a text.
    pub fn parse(text: &str) -> Option<Self> {
        let (stream, place) = text.split_once(VERSION)?;
        let (next, rest) = place.split_once('.')?;
        let (shard, made) = rest.split_once('.')?;
        Some(Self {
            stream: stream.to_owned(),
            shard: shard.to_owned(),
            next: u64::from_str_radix(next, 16).ok()?,
            made: Timestamp::from_millis(i64::from_str_radix(made, 16).ok().filter(|millis| *millis >= 0)?),
        })
    }

    /// True where it is too old to be used, or from the future.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        !(-LIFE_MILLIS..=LIFE_MILLIS).contains(&now.millis_since(self.made))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterators_are_read_as_they_are_written() {
        let iterator = Iterator {
            stream: "arn:aws:dynamodb:us-east-1:000000000000:table/T.a/stream/2026-01-01T00:00:00.000"
                .to_owned(),
            shard: "shardId-00000000000000000001-00000005".to_owned(),
            next: u64::MAX,
            made: Timestamp::from_secs(1_000),
        };
        assert_eq!(Iterator::parse(&iterator.text()), Some(iterator.clone()));
        assert!(!iterator.is_expired(Timestamp::from_secs(1_900)));
        assert!(iterator.is_expired(Timestamp::from_secs(1_901)));
        for text in ["", "|1|", "a|1|1.b", "a|1|x.b.1", "a|1|1.b.-1", "a|2|1.b.1"] {
            assert_eq!(Iterator::parse(text), None, "{text}");
        }
    }
}
