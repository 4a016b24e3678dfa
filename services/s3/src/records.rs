//! What is stored of buckets, objects and uploads. What objects say is content; see `content`.
//!
//! Records are JSON with a version. A field is added with a default and never reused.

use std::collections::BTreeMap;

use base::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
pub(crate) use service::records::{decode, encode};
use store::{Key, Read, Table};

use crate::error::Error;
use crypto::checksum::Algorithm;

/// Buckets by name: names are one space for all accounts.
pub(crate) const BUCKETS: Table = Table::new(0x0b01, "s3 buckets");
/// The newest version of each key, delete markers included, by bucket and key.
pub(crate) const CURRENT: Table = Table::new(0x0b02, "s3 objects");
/// Older versions by bucket, key and age, the youngest first.
pub(crate) const OLDER: Table = Table::new(0x0b03, "s3 versions");
/// Small content, by its id.
pub(crate) const INLINE: Table = Table::new(0x0b04, "s3 content");
/// The ids of content that has a file and is in use.
pub(crate) const FILES: Table = Table::new(0x0b05, "s3 files");
/// The ids of files that nothing needs any more.
pub(crate) const DOOMED: Table = Table::new(0x0b06, "doomed s3 files");
/// Uploads in parts that are not complete, by bucket, key and id.
pub(crate) const UPLOADS: Table = Table::new(0x0b07, "s3 uploads");
/// Parts by upload and number; those of complete ones are the object's content.
pub(crate) const PARTS: Table = Table::new(0x0b08, "s3 parts");
/// The ids of uploads whose parts nothing needs any more.
pub(crate) const DOOMED_PARTS: Table = Table::new(0x0b09, "doomed s3 parts");
/// The ids of buckets that are gone, and have uploads.
pub(crate) const DOOMED_BUCKETS: Table = Table::new(0x0b0a, "doomed s3 buckets");

/// What was done once, at a start.
pub(crate) const NOTES: Table = Table::new(0x0b0b, "s3 notes");

/// Whether a bucket keeps versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Versioning {
    #[default]
    Never,
    Enabled,
    Suspended,
}

/// What a bucket's public access block forbids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublicAccess {
    pub(crate) block_acls: bool,
    pub(crate) ignore_acls: bool,
    pub(crate) block_policy: bool,
    pub(crate) restrict: bool,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BucketRecord {
    /// The record's version: 1.
    pub(crate) v: u8,
    /// Another one each time a bucket of this name is made.
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) region: String,
    pub(crate) created: Timestamp,
    #[serde(default)]
    pub(crate) versioning: Versioning,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) public_access: Option<PublicAccess>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ownership: Option<String>,
    /// Whether the encryption's configuration asked for a bucket key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) bucket_key: bool,
    /// True where what is put is under the managed key `aws/s3`: see `encryption`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) managed_key: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
}

/// Where an object's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    /// There are none: a delete marker, or an empty object.
    Nothing,
    /// In the store, under this id.
    Inline(String),
    /// In the file of this id.
    File(String),
    /// In the parts of this upload.
    Parts(String),
}

/// A stated or computed checksum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksum {
    pub(crate) algorithm: Algorithm,
    /// As headers carry it; of a composite one with `-` and the number of parts behind it.
    pub(crate) value: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) composite: bool,
}

/// What a caller says about an object, to be told again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache_control: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_disposition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_encoding: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) metadata: Vec<(String, String)>,
}

/// Where a key has its null version, as its newest version knows, so that nobody looks through all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OlderNull {
    /// Nobody has looked: the record is from before this was kept, or it is not the newest.
    #[default]
    Unknown,
    /// No older version has no id.
    Nowhere,
    /// The older version in this place.
    At(u64),
}

/// One version of an object, or a delete marker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionRecord {
    /// The record's version: 1.
    pub(crate) v: u8,
    /// Grows with every version of a key.
    pub(crate) seq: u64,
    /// `None` is the null version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) marker: bool,
    pub(crate) modified: Timestamp,
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) content: Content,
    #[serde(default)]
    pub(crate) about: About,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<Checksum>,
    /// Of how many parts it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parts: Option<u32>,
    /// True where it is told to be under the managed key `aws/s3`: see `encryption`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) managed_key: bool,
    /// Of the newest version alone: where among the older ones the null version is.
    #[serde(default, skip_serializing_if = "OlderNull::is_unknown")]
    pub(crate) older_null: OlderNull,
}

impl OlderNull {
    const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

impl VersionRecord {
    /// The id as callers see it.
    pub(crate) fn version_id(&self) -> &str {
        self.id.as_deref().unwrap_or("null")
    }
}

/// An upload in parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UploadRecord {
    /// The record's version: 1.
    pub(crate) v: u8,
    pub(crate) id: String,
    pub(crate) initiated: Timestamp,
    pub(crate) about: About,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) algorithm: Option<Algorithm>,
    /// Whether the whole object's checksum is made of the parts' checksums instead of the parts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) composite: bool,
    /// True where it is told to be under the managed key `aws/s3`: see `encryption`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) managed_key: bool,
    /// `x-amz-server-side-encryption` as it was said when the upload began: what policies hold its parts against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<String>,
    /// The key that was named then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key: Option<String>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartRecord {
    /// The record's version: 1.
    pub(crate) v: u8,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) modified: Timestamp,
    pub(crate) content: Content,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<Checksum>,
}

pub(crate) fn bucket_key(name: &str) -> Key {
    Key::new().str(name)
}

pub(crate) fn upload_key(bucket_id: &str, key: &str, upload: &str) -> Key {
    object_key(bucket_id, key).str(upload)
}

/// The upload of this id, if it is still one.
pub(crate) fn find_upload(
    from: &(impl Read + ?Sized),
    bucket_id: &str,
    key: &str,
    upload: &str,
) -> Result<Option<UploadRecord>, Error> {
    let stored = from.read(UPLOADS, &upload_key(bucket_id, key, upload))?;
    Ok(stored.map(|stored| decode(&stored)).transpose()?)
}

pub(crate) fn object_key(bucket_id: &str, key: &str) -> Key {
    Key::new().str(bucket_id).str(key)
}

pub(crate) fn older_key(bucket_id: &str, key: &str, seq: u64) -> Key {
    object_key(bucket_id, key).u64_desc(seq)
}

pub(crate) fn part_key(upload: &str, number: u32) -> Key {
    Key::new().str(upload).u32(number)
}

/// The bucket, if there is one.
pub(crate) fn find_bucket(from: &(impl Read + ?Sized), name: &str) -> Result<Option<BucketRecord>, Error> {
    Ok(from.read(BUCKETS, &bucket_key(name))?.map(|stored| decode(&stored)).transpose()?)
}

/// The bucket, or that there is none.
pub(crate) fn bucket(from: &(impl Read + ?Sized), name: &str) -> Result<BucketRecord, Error> {
    find_bucket(from, name)?.ok_or_else(|| Error::no_such_bucket(name))
}
