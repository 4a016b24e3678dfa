//! What is stored of a stream: its table, what its records show, its shards.
//!
//! It outlives its table by a day, so it repeats what readers want to know of it.

use base::{AccountId, Region, Timestamp};
use serde::{Deserialize, Serialize};

use super::{DamagedRecord, table_arn};
use crate::key::KeySchema;

/// The version that [`StreamRecord`] is written in. The first one knew no policies.
const VERSION: u8 = 2;
const FIRST_VERSION: u8 = 1;

/// What the records of a stream show of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// `KEYS_ONLY`
    KeysOnly,
    /// `NEW_IMAGE`
    NewImage,
    /// `OLD_IMAGE`
    OldImage,
    /// `NEW_AND_OLD_IMAGES`
    NewAndOldImages,
}

impl View {
    /// The view of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::KeysOnly, Self::NewImage, Self::OldImage, Self::NewAndOldImages]
            .into_iter()
            .find(|view| view.name() == name)
    }

    /// The view's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeysOnly => "KEYS_ONLY",
            Self::NewImage => "NEW_IMAGE",
            Self::OldImage => "OLD_IMAGE",
            Self::NewAndOldImages => "NEW_AND_OLD_IMAGES",
        }
    }

    /// True where records hold the item as it is after the change.
    pub const fn shows_new(self) -> bool {
        matches!(self, Self::NewImage | Self::NewAndOldImages)
    }

    /// True where records hold the item as it was before the change.
    pub const fn shows_old(self) -> bool {
        matches!(self, Self::OldImage | Self::NewAndOldImages)
    }
}

/// What a table knows of its newest stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamOfTable {
    /// Names the stream's records; given out like the ids of tables.
    pub id: u64,
    /// The last part of its ARN.
    pub label: String,
    /// What its records show.
    pub view: View,
    /// False once it was disabled.
    pub is_enabled: bool,
}

/// A part of a stream, from one sequence number to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// The id that the API answers.
    pub id: String,
    /// The first sequence number that can be in it.
    pub start: u64,
    /// The last one, once it is closed.
    pub end: Option<u64>,
    /// The shard before it, even where that is gone.
    pub parent: Option<String>,
    /// When it was opened.
    pub opened: Timestamp,
}

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRecord {
    version: u8,
    /// Names the stream's records.
    pub id: u64,
    /// The owner.
    pub account: AccountId,
    /// Where it is.
    pub region: Region,
    /// The table's name.
    pub table: String,
    /// The table's id.
    pub table_id: u64,
    /// The last part of its ARN: when it was made.
    pub label: String,
    /// What its records show.
    pub view: View,
    /// The table's keys.
    pub schema: KeySchema,
    /// When it was made.
    pub created: Timestamp,
    /// When it was disabled, or its table deleted.
    pub ended: Option<Timestamp>,
    /// Its parts, oldest first; the last one is open unless the stream has ended.
    pub shards: Vec<Shard>,
    /// Its own policy.
    #[serde(default)]
    pub policy: Option<super::PolicyRecord>,
}

impl StreamRecord {
    /// A new stream of a table.
    pub fn new(table: &super::TableRecord, stream: &StreamOfTable, created: Timestamp, start: u64) -> Self {
        let shard = Shard { id: shard_id(start), start, end: None, parent: None, opened: created };
        Self {
            version: VERSION,
            id: stream.id,
            account: table.account,
            region: table.region.clone(),
            table: table.name.clone(),
            table_id: table.id,
            label: stream.label.clone(),
            view: stream.view,
            schema: table.schema.clone(),
            created,
            ended: None,
            shards: vec![shard],
            policy: None,
        }
    }

    /// Closes the open shard with this sequence number.
    pub fn close(&mut self, end: u64) {
        if let Some(shard) = self.shards.last_mut() {
            shard.end.get_or_insert(end);
        }
    }

    /// Closes the open shard with this sequence number, and opens another one behind it.
    pub fn rotate(&mut self, end: u64, now: Timestamp) {
        self.close(end);
        let parent = self.shards.last().map(|shard| shard.id.clone());
        let start = end.saturating_add(1);
        self.shards.push(Shard { id: shard_id(start), start, end: None, parent, opened: now });
    }

    /// The stream's ARN.
    pub fn arn(&self) -> String {
        stream_arn(&table_arn(self.account, &self.region, &self.table), &self.label)
    }

    /// The stored bytes.
    ///
    /// # Errors
    /// Never, in practice: the record is plain data.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// The record in these bytes.
    ///
    /// # Errors
    /// The bytes are damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DamagedRecord> {
        let record: Self = serde_json::from_slice(bytes)?;
        match record.version {
            FIRST_VERSION | VERSION => Ok(Self { version: VERSION, ..record }),
            newer => Err(DamagedRecord::Version(newer)),
        }
    }
}

/// The ARN of a table's stream.
pub fn stream_arn(table: &str, label: &str) -> String {
    format!("{table}/stream/{label}")
}

fn shard_id(start: u64) -> String {
    format!("shardId-{:020}-{:08x}", start >> 20, start & 0xf_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = r#"{"version":2,"id":9,"account":"000000000001","region":"us-east-1","table":"Orders","table_id":7,"label":"1970-01-01T00:00:01.000","view":"NewImage","schema":{"partition":{"name":"id","scalar":"S"},"sort":null},"created":1000,"ended":null,"shards":[{"id":"shardId-00000000000000000001-00000005","start":1048581,"end":1048590,"parent":null,"opened":1000},{"id":"shardId-00000000000000000001-0000000f","start":1048591,"end":null,"parent":"shardId-00000000000000000001-00000005","opened":2000}],"policy":{"text":"{}","revision":"1"}}"#;

    #[test]
    fn the_stored_form_does_not_change() {
        let mut record = StreamRecord::decode(GOLDEN.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(record.encode().unwrap()).unwrap(), GOLDEN);
        record.shards.pop();
        record.shards[0].end = None;
        record.rotate(1_048_590, Timestamp::from_secs(2));
        assert_eq!(String::from_utf8(record.encode().unwrap()).unwrap(), GOLDEN);
        assert_eq!(
            record.arn(),
            "arn:aws:dynamodb:us-east-1:000000000001:table/Orders/stream/1970-01-01T00:00:01.000"
        );
        let newer = GOLDEN.replacen("\"version\":2", "\"version\":3", 1);
        assert!(matches!(StreamRecord::decode(newer.as_bytes()), Err(DamagedRecord::Version(3))));
        let first = GOLDEN.replacen("\"version\":2", "\"version\":1", 1);
        let first = first.replace(r#","policy":{"text":"{}","revision":"1"}"#, "");
        let read = StreamRecord::decode(first.as_bytes()).unwrap();
        assert_eq!((read.policy, read.shards.len()), (None, 2));
    }
}
