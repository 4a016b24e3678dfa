//! What is stored of tables, and where.
//!
//! | table | key | value |
//! |---|---|---|
//! | `dynamodb.tables` | account, region, name | id and layout (8 bytes each), then [`TableRecord`] as JSON |
//! | `dynamodb.items` | see [`crate::key`] | see [`crate::item`]; entries of indexes too, under the index's id |
//! | `dynamodb.doomed` | id of a table or an index | nothing: it is gone, what it holds is to be deleted |
//! | `dynamodb.sequence` | empty | the last id given out |
//! | `dynamodb.collections` | table id, partition key | how many bytes the items of the partition count for |
//! | `dynamodb.streams` | stream id | [`StreamRecord`] as JSON |
//! | `dynamodb.changes` | stream id, sequence number | see [`crate::streams`] |
//! | `dynamodb.tokens` | account, client token | when it came, and the digest of its request |
//! | `dynamodb.backups` | account, region, table, id | [`BackupRecord`] as JSON; its items are in `dynamodb.items` |
//! | `dynamodb.copies` | id that items are copied to | [`CopyRecord`] as JSON, until they are there |
//! | `dynamodb.history` | history id, sequence number | see [`crate::history`] |

mod backup;
mod index;
mod stream;
mod throughput;

use base::{AccountId, Region, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Key, Table};

use crate::key::{KeyAttribute, KeySchema};

pub use backup::{
    BackupKind, BackupPlace, BackupRecord, CopyPurpose, CopyRecord, HistoryOfTable, LiveSource, Recovery,
    Restored, backups_of,
};
pub use index::{IndexKind, IndexRecord, IndexState, Projected};
pub use stream::{Shard, StreamOfTable, StreamRecord, View, stream_arn};
pub use throughput::{Ceiling, Warm};

/// Table descriptors.
pub const TABLES: Table = Table::new(0x0501, "dynamodb.tables");
/// Items.
pub const ITEMS: Table = Table::new(0x0502, "dynamodb.items");
/// Deleted tables whose items are still there.
pub const DOOMED: Table = Table::new(0x0503, "dynamodb.doomed");
/// The last table id.
pub const SEQUENCE: Table = Table::new(0x0504, "dynamodb.sequence");
/// Client tokens of transactions.
pub const TOKENS: Table = Table::new(0x0505, "dynamodb.tokens");

/// Sizes of item collections, for tables with local indexes.
pub const COLLECTIONS: Table = Table::new(0x0506, "dynamodb.collections");

/// Streams, until a day after their end.
pub const STREAMS: Table = Table::new(0x0507, "dynamodb.streams");
/// Changes of items, for streams.
pub const CHANGES: Table = Table::new(0x0508, "dynamodb.changes");

/// Backups.
pub const BACKUPS: Table = Table::new(0x0509, "dynamodb.backups");
/// Items that are being copied.
pub const COPIES: Table = Table::new(0x050A, "dynamodb.copies");
/// What changed items were before.
pub const HISTORY: Table = Table::new(0x050B, "dynamodb.history");

/// The version that [`TableRecord`] is written in. The first one knew no indexes and no layout, the second no
/// history, the third no keys of several attributes and no ceilings.
const VERSION: u8 = 4;
const FIRST_VERSION: u8 = 1;

/// How a table is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Billing {
    /// `PAY_PER_REQUEST`
    PayPerRequest,
    /// `PROVISIONED`
    Provisioned {
        /// Read capacity units.
        read: i64,
        /// Write capacity units.
        write: i64,
    },
}

/// What was changed of a table, as far as the limits of such changes need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// When it was last changed to `PAY_PER_REQUEST`, or made so.
    #[serde(default)]
    pub on_demand: Option<Timestamp>,
    /// The changes to `PAY_PER_REQUEST` of the last 24 hours, oldest first.
    #[serde(default)]
    pub switches: Vec<Timestamp>,
    /// The changes of the table's own units.
    #[serde(default)]
    pub units: UnitChanges,
    /// When expiry was last switched on or off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_live: Option<Timestamp>,
}

/// When the provisioned units of a table or an index were changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitChanges {
    /// When they were last raised.
    #[serde(default)]
    pub raised: Option<Timestamp>,
    /// When they were lowered, as far as that was on the day of the last time; oldest first.
    #[serde(default)]
    pub lowered: Vec<Timestamp>,
}

/// A table's own policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// The document as it was given.
    pub text: String,
    /// Changes with every change of the document.
    pub revision: String,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRecord {
    version: u8,
    /// Names the table's items; another one when a table of the same name is made again.
    pub id: u64,
    /// The owner.
    pub account: AccountId,
    /// Where the table is.
    pub region: Region,
    /// The name.
    pub name: String,
    /// The id that the API answers.
    pub uuid: String,
    /// What items are found by.
    pub schema: KeySchema,
    /// How it is paid for.
    pub billing: Billing,
    /// When it was made.
    pub created: Timestamp,
    /// True where it cannot be deleted.
    pub is_protected: bool,
    /// `STANDARD` or `STANDARD_INFREQUENT_ACCESS`, where one was given.
    pub class: Option<String>,
    /// True where encryption under a key of AWS KMS was asked for; values are sealed in any case.
    pub is_encryption_requested: bool,
    /// Its tags, in order of their keys.
    pub tags: Vec<(String, String)>,
    /// The attribute that holds each item's time to live, where that is enabled.
    pub time_to_live: Option<String>,
    /// Its own policy.
    pub policy: Option<PolicyRecord>,
    /// Counts the changes of what a write has to keep up: indexes and streams.
    #[serde(default)]
    pub layout: u64,
    /// The secondary indexes, in order of their making.
    #[serde(default)]
    pub indexes: Vec<IndexRecord>,
    /// The newest stream.
    #[serde(default)]
    pub stream: Option<StreamOfTable>,
    /// How its past is kept, where it is.
    #[serde(default)]
    pub history: Option<HistoryOfTable>,
    /// What it was restored from, if it was.
    #[serde(default)]
    pub restored: Option<Restored>,
    /// What was changed of how it is paid for.
    #[serde(default)]
    pub settled: Settled,
    /// What it may use at most while it is paid for by request.
    #[serde(default)]
    pub ceiling: Ceiling,
    /// What it was made ready for.
    #[serde(default)]
    pub warm: Warm,
}

/// A stored table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DamagedRecord {
    /// The value is shorter than its id.
    #[error("a stored table is cut short")]
    Cut,
    /// The value is not in the form of any version.
    #[error("a stored table is damaged")]
    Json(#[from] serde_json::Error),
    /// The value was written by a newer version.
    #[error("a stored table has version {0}, which this version cannot read")]
    Version(u8),
}

impl TableRecord {
    /// A new table.
    pub fn new(
        account: AccountId,
        region: Region,
        name: String,
        schema: KeySchema,
        created: Timestamp,
    ) -> Self {
        Self {
            version: VERSION,
            id: 0,
            account,
            region,
            name,
            uuid: crypto::random::uuid(),
            schema,
            billing: Billing::PayPerRequest,
            created,
            is_protected: false,
            class: None,
            is_encryption_requested: false,
            tags: Vec::new(),
            time_to_live: None,
            policy: None,
            layout: 0,
            indexes: Vec::new(),
            stream: None,
            history: None,
            restored: None,
            settled: Settled::default(),
            ceiling: Ceiling::default(),
            warm: Warm::default(),
        }
    }

    /// Where the record is stored.
    pub fn key(&self) -> Key {
        table_key(self.account, &self.region, &self.name)
    }

    /// The stored bytes.
    ///
    /// # Errors
    /// Never, in practice: the record is plain data.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = self.id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.layout.to_be_bytes());
        serde_json::to_writer(&mut bytes, self)?;
        Ok(bytes)
    }

    /// The record in these bytes.
    ///
    /// # Errors
    /// The bytes are damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DamagedRecord> {
        let (stamp, json) = split(bytes).ok_or(DamagedRecord::Cut)?;
        let record: Self = serde_json::from_slice(json)?;
        match record.version {
            FIRST_VERSION..=VERSION if record.stamp() == stamp => Ok(Self { version: VERSION, ..record }),
            FIRST_VERSION..=VERSION => Err(DamagedRecord::Cut),
            newer => Err(DamagedRecord::Version(newer)),
        }
    }

    /// The table's ARN.
    pub fn arn(&self) -> String {
        table_arn(self.account, &self.region, &self.name)
    }

    /// What changes where a write has other work to do.
    pub const fn stamp(&self) -> Stamp {
        Stamp { id: self.id, layout: self.layout }
    }

    /// True while its items are being restored: nothing can be done with it yet.
    pub fn is_restoring(&self) -> bool {
        self.restored.as_ref().is_some_and(|restored| restored.in_progress)
    }

    /// The index of this name.
    pub fn index(&self, name: &str) -> Option<&IndexRecord> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// Every attribute that is part of a key of the table or of an index, once.
    pub fn defined(&self) -> Vec<&KeyAttribute> {
        let mut all: Vec<&KeyAttribute> = Vec::new();
        let schemas = std::iter::once(&self.schema).chain(self.indexes.iter().map(|index| &index.schema));
        for attribute in schemas.flat_map(KeySchema::attributes) {
            if !all.contains(&attribute) {
                all.push(attribute);
            }
        }
        all
    }

    /// The key attributes.
    pub fn key_attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.schema.attributes()
    }
}

/// Which table this is, and which layout of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The table's id.
    pub id: u64,
    /// How often its indexes and streams were changed.
    pub layout: u64,
}

/// The stamp in a stored table's bytes, without reading the rest.
pub fn stored_stamp(bytes: &[u8]) -> Option<Stamp> {
    split(bytes).map(|(stamp, _)| stamp)
}

/// The stamp and the JSON. The first version had no layout: its JSON began where the layout stands now, and a layout
/// never begins with a brace.
fn split(bytes: &[u8]) -> Option<(Stamp, &[u8])> {
    let (id, rest) = bytes.split_first_chunk::<8>()?;
    let id = u64::from_be_bytes(*id);
    if rest.first() == Some(&b'{') {
        return Some((Stamp { id, layout: 0 }, rest));
    }
    let (layout, json) = rest.split_first_chunk::<8>()?;
    Some((Stamp { id, layout: u64::from_be_bytes(*layout) }, json))
}

/// Where a table of this name is stored.
pub fn table_key(account: AccountId, region: &Region, name: &str) -> Key {
    Key::new().str(account.as_str()).str(region.as_str()).str(name)
}

/// The ARN of a table of this name.
pub fn table_arn(account: AccountId, region: &Region, name: &str) -> String {
    base::Arn::new("dynamodb", region.as_str(), account.as_str(), format!("table/{name}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::ScalarType;

    const GOLDEN: &str = r#"{"version":4,"id":7,"account":"000000000001","region":"us-east-1","name":"Orders","uuid":"u","schema":{"partition":{"name":"id","scalar":"S"},"sort":{"name":"at","scalar":"N"}},"billing":{"Provisioned":{"read":1,"write":2}},"created":1000,"is_protected":true,"class":"STANDARD","is_encryption_requested":false,"tags":[["k","v"]],"time_to_live":"ttl","policy":{"text":"{}","revision":"1"},"layout":3,"indexes":[{"id":8,"name":"by-x","kind":"Global","schema":{"partition":{"name":"x","scalar":"S"},"sort":null},"projected":{"Include":["y"]},"state":"Active","units":[3,4],"changes":{"raised":2000,"lowered":[]},"ceiling":{"read":null,"write":9},"warm":{"read":3,"write":4}}],"stream":{"id":9,"label":"l","view":"NewImage","is_enabled":true},"history":{"id":10,"copies":1,"recovery":{"since":1000,"days":35}},"restored":{"backup":"b","table":"t","at":1000,"in_progress":false},"settled":{"on_demand":1000,"switches":[1000],"units":{"raised":null,"lowered":[1000]},"time_to_live":1000},"ceiling":{"read":8,"write":null},"warm":{"read":5,"write":6}}"#;

    const SECOND: &str = r#"{"version":2,"id":7,"account":"000000000001","region":"us-east-1","name":"Orders","uuid":"u","schema":{"partition":{"name":"id","scalar":"S"},"sort":{"name":"at","scalar":"N"}},"billing":{"Provisioned":{"read":1,"write":2}},"created":1000,"is_protected":true,"class":"STANDARD","is_encryption_requested":false,"tags":[["k","v"]],"time_to_live":"ttl","policy":{"text":"{}","revision":"1"},"layout":3,"indexes":[],"stream":null}"#;

    fn sample() -> TableRecord {
        let key = |name: &str, scalar| KeyAttribute { name: name.to_owned(), scalar };
        let schema = KeySchema::new(key("id", ScalarType::S), Some(key("at", ScalarType::N)));
        TableRecord {
            id: 7,
            uuid: "u".to_owned(),
            billing: Billing::Provisioned { read: 1, write: 2 },
            is_protected: true,
            class: Some("STANDARD".to_owned()),
            tags: vec![("k".to_owned(), "v".to_owned())],
            time_to_live: Some("ttl".to_owned()),
            policy: Some(PolicyRecord { text: "{}".to_owned(), revision: "1".to_owned() }),
            layout: 3,
            indexes: vec![IndexRecord {
                id: 8,
                name: "by-x".to_owned(),
                kind: IndexKind::Global,
                schema: KeySchema::new(key("x", ScalarType::S), None),
                projected: Projected::Include(vec!["y".to_owned()]),
                state: IndexState::Active,
                units: Some((3, 4)),
                changes: UnitChanges { raised: Some(Timestamp::from_secs(2)), lowered: Vec::new() },
                ceiling: Ceiling { read: None, write: Some(9) },
                warm: Warm { read: 3, write: 4 },
            }],
            ceiling: Ceiling { read: Some(8), write: None },
            warm: Warm { read: 5, write: 6 },
            stream: Some(StreamOfTable {
                id: 9,
                label: "l".to_owned(),
                view: View::NewImage,
                is_enabled: true,
            }),
            history: Some(HistoryOfTable {
                id: 10,
                copies: 1,
                recovery: Some(Recovery { since: Timestamp::from_secs(1), days: 35 }),
            }),
            restored: Some(Restored {
                backup: Some("b".to_owned()),
                table: "t".to_owned(),
                at: Timestamp::from_secs(1),
                in_progress: false,
            }),
            settled: Settled {
                on_demand: Some(Timestamp::from_secs(1)),
                switches: vec![Timestamp::from_secs(1)],
                units: UnitChanges { raised: None, lowered: vec![Timestamp::from_secs(1)] },
                time_to_live: Some(Timestamp::from_millis(1_000)),
            },
            ..TableRecord::new(
                "000000000001".parse().unwrap(),
                "us-east-1".parse().unwrap(),
                "Orders".to_owned(),
                schema,
                Timestamp::from_secs(1),
            )
        }
    }

    const FIRST: &str = r#"{"version":1,"id":7,"account":"000000000001","region":"us-east-1","name":"Orders","uuid":"u","schema":{"partition":{"name":"id","scalar":"S"},"sort":{"name":"at","scalar":"N"}},"billing":{"Provisioned":{"read":1,"write":2}},"created":1000,"is_protected":true,"class":"STANDARD","is_encryption_requested":false,"tags":[["k","v"]],"time_to_live":"ttl","policy":{"text":"{}","revision":"1"}}"#;

    fn stored(layout: u64, json: &str) -> Vec<u8> {
        [&7_u64.to_be_bytes()[..], &layout.to_be_bytes()[..], json.as_bytes()].concat()
    }

    #[test]
    fn the_stored_form_does_not_change() {
        let golden = stored(3, GOLDEN);
        assert_eq!(String::from_utf8_lossy(&sample().encode().unwrap()), String::from_utf8_lossy(&golden));
        assert_eq!(TableRecord::decode(&golden).unwrap(), sample());
        assert_eq!(stored_stamp(&golden), Some(Stamp { id: 7, layout: 3 }));
    }

    #[test]
    fn earlier_stored_forms_are_still_read() {
        let first = [&7_u64.to_be_bytes()[..], FIRST.as_bytes()].concat();
        let later =
            TableRecord { indexes: Vec::new(), stream: None, history: None, restored: None, ..sample() };
        let later = TableRecord { settled: Settled::default(), ceiling: Ceiling::default(), ..later };
        let later = TableRecord { warm: Warm::default(), ..later };
        assert_eq!(TableRecord::decode(&stored(3, SECOND)).unwrap(), later);
        let third = GOLDEN.replacen("\"version\":4", "\"version\":3", 1);
        assert_eq!(TableRecord::decode(&stored(3, &third)).unwrap(), sample());
        let expected = TableRecord { layout: 0, ..later };
        assert_eq!(TableRecord::decode(&first).unwrap(), expected);
        assert_eq!(stored_stamp(&first), Some(Stamp { id: 7, layout: 0 }));
    }

    #[test]
    fn damaged_and_newer_records_are_refused() {
        assert!(matches!(TableRecord::decode(b"123"), Err(DamagedRecord::Cut)));
        assert!(matches!(TableRecord::decode(&stored(3, "{")), Err(DamagedRecord::Json(_))));
        let newer = GOLDEN.replacen("\"version\":4", "\"version\":5", 1);
        assert!(matches!(TableRecord::decode(&stored(3, &newer)), Err(DamagedRecord::Version(5))));
        let other = GOLDEN.replacen("\"id\":7", "\"id\":8", 1);
        assert!(TableRecord::decode(&stored(3, &other)).is_err());
        assert!(TableRecord::decode(&stored(4, GOLDEN)).is_err());
    }
}
