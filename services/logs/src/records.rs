//! What is stored of groups and streams; their events are chunks, see `chunk`.
//!
//! Records are JSON with a version. A field is added with a default and never reused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
pub(crate) use service::records::{decode, encode};
use store::{Key, Read, Table, Transaction};

use crate::error::Error;
use crate::model::GroupName;

/// Groups by account, region and name.
pub(crate) const GROUPS: Table = Table::new(0x0401, "log groups");
/// Streams by group and name.
pub(crate) const STREAMS: Table = Table::new(0x0402, "log streams");
/// Chunks of events by stream, time and batch.
pub(crate) const CHUNKS: Table = Table::new(0x0403, "log events");
/// How many bytes of events a group holds.
pub(crate) const SIZES: Table = Table::new(0x0404, "log group sizes");
/// Groups and streams that are gone for everybody, but whose events are still to be deleted.
pub(crate) const DOOMED: Table = Table::new(0x0405, "doomed logs");

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupRecord {
    /// The record's version: 1.
    pub(crate) v: u8,
    /// Another one each time a group of this name is made.
    pub(crate) id: String,
    pub(crate) created: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retention_days: Option<u32>,
    pub(crate) class: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) protected: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
}

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StreamRecord {
    /// The record's version: 1.
    pub(crate) v: u8,
    /// Another one each time a stream of this name is made.
    pub(crate) id: String,
    pub(crate) created: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ingested: Option<i64>,
    /// The number of the next batch.
    pub(crate) next_batch: u64,
}

pub(crate) fn group_prefix(group: &GroupName) -> Key {
    Key::new().str(group.account.as_str()).str(group.region.as_str())
}

pub(crate) fn group_key(group: &GroupName) -> Key {
    group_prefix(group).str(&group.name)
}

pub(crate) fn stream_prefix(group_id: &str) -> Key {
    Key::new().str(group_id)
}

pub(crate) fn stream_key(group_id: &str, name: &str) -> Key {
    stream_prefix(group_id).str(name)
}

/// The group, or that there is none.
pub(crate) fn group(from: &(impl Read + ?Sized), name: &GroupName) -> Result<GroupRecord, Error> {
    find_group(from, name)?.ok_or_else(Error::no_group)
}

/// The group, if there is one.
pub(crate) fn find_group(
    from: &(impl Read + ?Sized),
    name: &GroupName,
) -> Result<Option<GroupRecord>, Error> {
    Ok(from.read(GROUPS, &group_key(name))?.map(|stored| decode(&stored)).transpose()?)
}

/// The stream, or that there is none.
pub(crate) fn stream(from: &(impl Read + ?Sized), group_id: &str, name: &str) -> Result<StreamRecord, Error> {
    find_stream(from, group_id, name)?.ok_or_else(Error::no_stream)
}

/// The stream, if there is one.
pub(crate) fn find_stream(
    from: &(impl Read + ?Sized),
    group_id: &str,
    name: &str,
) -> Result<Option<StreamRecord>, Error> {
    Ok(from.read(STREAMS, &stream_key(group_id, name))?.map(|stored| decode(&stored)).transpose()?)
}

/// How many bytes of events the group holds.
pub(crate) fn size(from: &(impl Read + ?Sized), group_id: &str) -> Result<u64, Error> {
    let stored = from.read(SIZES, &Key::new().str(group_id))?;
    Ok(stored.and_then(|bytes| bytes.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))).unwrap_or(0))
}

/// Notes that the group now holds so many bytes more, or fewer.
pub(crate) fn resize(transaction: &mut Transaction<'_>, group_id: &str, change: i64) -> Result<(), Error> {
    let size = size(transaction, group_id)?.saturating_add_signed(change);
    transaction.put(SIZES, Key::new().str(group_id), size.to_be_bytes().to_vec())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_forms_stay_as_they_are() {
        let group = GroupRecord {
            v: 1,
            id: "G".into(),
            created: 5,
            retention_days: Some(7),
            class: "STANDARD".into(),
            protected: true,
            tags: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        };
        let golden = r#"{"v":1,"id":"G","created":5,"retention_days":7,"class":"STANDARD","protected":true,"tags":{"a":"b"}}"#;
        assert_eq!(encode(&group).unwrap(), golden.as_bytes());
        assert_eq!(decode::<GroupRecord>(golden.as_bytes()).unwrap(), group);
        let bare: GroupRecord = decode(br#"{"v":1,"id":"G","created":5,"class":"STANDARD"}"#).unwrap();
        assert_eq!((bare.retention_days, bare.protected, bare.tags.len()), (None, false, 0));

        let stream = StreamRecord {
            v: 1,
            id: "S".into(),
            created: 5,
            first: Some(6),
            last: Some(7),
            ingested: Some(8),
            next_batch: 9,
        };
        let golden = r#"{"v":1,"id":"S","created":5,"first":6,"last":7,"ingested":8,"next_batch":9}"#;
        assert_eq!(encode(&stream).unwrap(), golden.as_bytes());
        assert_eq!(decode::<StreamRecord>(golden.as_bytes()).unwrap(), stream);
    }
}
