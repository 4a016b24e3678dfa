//! What is stored of an event source mapping, and what came of each one's last reading.
//!
//! The latter is told to its owner and is not kept over a restart. How far a mapping has read is `checkpoints`'.

use std::collections::HashMap;

use base::{AccountId, Timestamp};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use store::Table;

use crate::kept::{Kept, Row};
use crate::model::pattern::Pattern;
use crate::records::Record;

/// Mappings, by account and id.
pub(crate) const MAPPINGS: Table = Table::new(0x0306, "lambda-event-source-mappings");

/// A mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MappingRecord {
    pub(crate) uuid: String,
    pub(crate) account: AccountId,
    /// The function's ARN, with a qualifier where one was given.
    pub(crate) function_arn: String,
    pub(crate) source_arn: String,
    pub(crate) is_enabled: bool,
    pub(crate) batch_size: u32,
    pub(crate) window_secs: u32,
    /// `TRIM_HORIZON` or `LATEST`.
    pub(crate) starting_position: String,
    /// Patterns as they were given; a record that matches one is seen.
    pub(crate) filters: Vec<String>,
    pub(crate) bisects: bool,
    /// `None` is without end.
    pub(crate) retries_max: Option<u32>,
    /// `None` is as long as the source keeps it.
    pub(crate) age_max_secs: Option<u32>,
    /// True where the function says which records of a batch failed.
    pub(crate) reports_failures: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) modified_at: Timestamp,
    /// Batches of one shard that run at once; records of one item stay in order.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) lanes: u32,
    /// The length of its tumbling windows; 0 is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) tumbling_secs: u32,
    /// The ARN of what gets told of records that are given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on_failure: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<(String, String)>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_one(value: &u32) -> bool {
    *value == 1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(value: &u32) -> bool {
    *value == 0
}

const fn one() -> u32 {
    1
}

impl Record for MappingRecord {
    const NAME: &'static str = "event source mapping";
}

impl Row for MappingRecord {
    const TABLE: Table = MAPPINGS;
    type View = Mapping;

    fn account(&self) -> AccountId {
        self.account
    }

    fn id(&self) -> &str {
        &self.uuid
    }
}

/// A mapping with its patterns read.
pub(crate) struct Mapping {
    pub(crate) record: MappingRecord,
    pub(crate) patterns: Vec<Pattern>,
}

impl From<MappingRecord> for Mapping {
    fn from(record: MappingRecord) -> Self {
        // They were read before they were stored; one that cannot be any more lets nothing through.
        let patterns = record.filters.iter().filter_map(|text| Pattern::parse(text).ok()).collect();
        Self { record, patterns }
    }
}

impl Mapping {
    /// True where the function is to see this record.
    pub(crate) fn admits(&self, event: &serde_json::Value) -> bool {
        self.record.filters.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(event))
    }

    /// True where both read alike: whatever differs, reading need not begin again for it.
    pub(crate) fn reads_like(&self, other: &Self) -> bool {
        let apart = |record: &MappingRecord| MappingRecord { tags: Vec::new(), ..record.clone() };
        apart(&self.record) == apart(&other.record)
    }
}

/// All mappings of this platform.
pub(crate) type Mappings = Kept<MappingRecord>;

/// What came of each mapping's last reading, by the mapping's id.
#[derive(Default)]
pub(crate) struct Results(RwLock<HashMap<String, String>>);

impl Results {
    /// What came of a mapping's last reading.
    pub(crate) fn of(&self, uuid: &str) -> String {
        self.0.read().get(uuid).cloned().unwrap_or_else(|| "No records processed".to_owned())
    }

    /// Tells what came of a mapping's last reading.
    pub(crate) fn tell(&self, uuid: &str, result: &str) {
        let is_known = self.0.read().get(uuid).is_some_and(|known| known == result);
        if !is_known {
            self.0.write().insert(uuid.to_owned(), result.to_owned());
        }
    }

    /// Forgets a mapping that is gone.
    pub(crate) fn forget(&self, uuid: &str) {
        self.0.write().remove(uuid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The stored form: a change here needs a new version and a reader for the old one.
    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let record = MappingRecord {
            uuid: "u".into(),
            account: "000000000001".parse().unwrap(),
            function_arn: "f".into(),
            source_arn: "s".into(),
            is_enabled: true,
            batch_size: 100,
            window_secs: 0,
            starting_position: "LATEST".into(),
            filters: vec![r#"{"a":["b"]}"#.into()],
            bisects: false,
            retries_max: Some(2),
            age_max_secs: None,
            reports_failures: true,
            created_at: Timestamp::from_millis(1),
            modified_at: Timestamp::from_millis(2),
            lanes: 1,
            tumbling_secs: 0,
            on_failure: None,
            tags: Vec::new(),
        };
        let golden = concat!(
            "\u{1}",
            r#"{"uuid":"u","account":"000000000001","function_arn":"f","source_arn":"s","is_enabled":true,"#,
            r#""batch_size":100,"window_secs":0,"starting_position":"LATEST","filters":["{\"a\":[\"b\"]}"],"#,
            r#""bisects":false,"retries_max":2,"age_max_secs":null,"reports_failures":true,"created_at":1,"#,
            r#""modified_at":2}"#
        );
        assert_eq!(String::from_utf8(record.encode().unwrap()).unwrap(), golden);
        assert_eq!(MappingRecord::decode(golden.as_bytes()).unwrap(), record);
        let further = MappingRecord {
            lanes: 2,
            tumbling_secs: 5,
            on_failure: Some("b".into()),
            tags: vec![("k".into(), "v".into())],
            ..record.clone()
        };
        let more = r#","lanes":2,"tumbling_secs":5,"on_failure":"b","tags":[["k","v"]]}"#;
        let golden = format!("{}{more}", golden.strip_suffix('}').unwrap());
        assert_eq!(String::from_utf8(further.encode().unwrap()).unwrap(), golden);
        assert_eq!(MappingRecord::decode(golden.as_bytes()).unwrap(), further);
        let tagged = Mapping::from(MappingRecord { tags: Vec::new(), ..further.clone() });
        assert!(tagged.reads_like(&Mapping::from(further)) && !tagged.reads_like(&Mapping::from(record)));
    }
}
