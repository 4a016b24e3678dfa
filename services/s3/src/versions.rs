//! The versions of a key: which one a reader finds, what a new one displaces, what a deletion brings back.
//!
//! The newest version stands in one table, all older ones in another, so that listing current objects never walks
//! through history. Asks nobody for leave.

use base::Timestamp;
use bytes::Bytes;
use service::Internal;
use store::{Key, Range, Transaction};

use crate::error::Error;
use crate::model::name;
use crate::records::{
    self, BucketRecord, CURRENT, Content, DOOMED, FILES, INLINE, OLDER, PARTS, PartRecord, Read,
    VersionRecord, Versioning, decode, encode, object_key, older_key,
};

/// The newest version of a key, be it a delete marker.
pub(crate) fn newest(from: &impl Read, bucket_id: &str, key: &str) -> Result<Option<VersionRecord>, Error> {
    from.read(CURRENT, &object_key(bucket_id, key))?.map(|stored| decode(&stored)).transpose()
}

/// What a reader without a version id finds.
pub(crate) fn current(from: &impl Read, bucket_id: &str, key: &str) -> Result<Option<VersionRecord>, Error> {
    Ok(newest(from, bucket_id, key)?.filter(|version| !version.marker))
}

/// The version of this id, be it a delete marker.
pub(crate) fn version(
    from: &impl Read,
    bucket_id: &str,
    key: &str,
    id: &str,
) -> Result<Option<VersionRecord>, Error> {
    let newest = newest(from, bucket_id, key)?;
    if let Some(newest) = newest.filter(|newest| newest.version_id() == id) {
        return Ok(Some(newest));
    }
    if id == "null" {
        return older_null(from, bucket_id, key);
    }
    let Some(seq) = name::place_of(id) else { return Ok(None) };
    let stored = from.read(OLDER, &older_key(bucket_id, key, seq))?;
    let found: Option<VersionRecord> = stored.map(|stored| decode(&stored)).transpose()?;
    Ok(found.filter(|version| version.version_id() == id))
}

fn older_null(from: &impl Read, bucket_id: &str, key: &str) -> Result<Option<VersionRecord>, Error> {
    for (_, stored) in from.list(OLDER, &Range::prefix(object_key(bucket_id, key)))? {
        let version: VersionRecord = decode(&stored)?;
        if version.id.is_none() {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

/// A version or a marker that has no place yet.
pub(crate) fn marker(now: Timestamp) -> VersionRecord {
    VersionRecord {
        v: 1,
        seq: 0,
        id: None,
        marker: true,
        modified: now,
        size: 0,
        etag: String::new(),
        content: Content::Nothing,
        about: records::About::default(),
        tags: std::collections::BTreeMap::new(),
        checksum: None,
        parts: None,
        managed_key: false,
    }
}

/// Makes this the newest version of the key, as the bucket's versioning says, and answers it with its id.
pub(crate) fn push(
    transaction: &mut Transaction<'_>,
    bucket: &BucketRecord,
    key: &str,
    mut version: VersionRecord,
) -> Result<VersionRecord, Error> {
    let before = newest(transaction, &bucket.id, key)?;
    version.seq = before.as_ref().map_or(1, |before| before.seq + 1);
    version.id = (bucket.versioning == Versioning::Enabled).then(|| name::version_id(version.seq));
    if let Some(before) = before {
        if version.id.is_none() && before.id.is_none() {
            release(transaction, &before.content)?;
        } else {
            let place = older_key(&bucket.id, key, before.seq);
            transaction.put(OLDER, place, encode(&before)?)?;
            if version.id.is_none()
                && let Some(null) = older_null(transaction, &bucket.id, key)?
            {
                transaction.delete(OLDER, older_key(&bucket.id, key, null.seq))?;
                release(transaction, &null.content)?;
            }
        }
    }
    transaction.put(CURRENT, object_key(&bucket.id, key), encode(&version)?)?;
    Ok(version)
}

/// Changes a version in its place.
pub(crate) fn replace(
    transaction: &mut Transaction<'_>,
    bucket_id: &str,
    key: &str,
    version: &VersionRecord,
) -> Result<(), Error> {
    let is_newest = newest(transaction, bucket_id, key)?.is_some_and(|newest| newest.seq == version.seq);
    let record = encode(version)?;
    if is_newest {
        transaction.put(CURRENT, object_key(bucket_id, key), record)?;
    } else {
        transaction.put(OLDER, older_key(bucket_id, key, version.seq), record)?;
    }
    Ok(())
}

/// Deletes one version for good; the one before it becomes the newest where it was that.
pub(crate) fn remove(
    transaction: &mut Transaction<'_>,
    bucket_id: &str,
    key: &str,
    version: &VersionRecord,
) -> Result<(), Error> {
    let is_newest = newest(transaction, bucket_id, key)?.is_some_and(|newest| newest.seq == version.seq);
    if is_newest {
        let older = transaction.scan(OLDER, &Range::prefix(object_key(bucket_id, key)).limit(1))?;
        match older.into_iter().next() {
            Some((place, stored)) => {
                transaction.delete(OLDER, place)?;
                transaction.put(CURRENT, object_key(bucket_id, key), stored)?;
            }
            None => transaction.delete(CURRENT, object_key(bucket_id, key))?,
        }
    } else {
        transaction.delete(OLDER, older_key(bucket_id, key, version.seq))?;
    }
    release(transaction, &version.content)
}

/// Nothing names this content any more.
pub(crate) fn release(transaction: &mut Transaction<'_>, content: &Content) -> Result<(), Error> {
    match content {
        Content::Nothing => {}
        Content::Inline(id) => transaction.delete(INLINE, Key::new().str(id))?,
        Content::File(id) => {
            transaction.delete(FILES, Key::new().str(id))?;
            transaction.put(DOOMED, Key::new().str(id), Bytes::new())?;
        }
        Content::Parts(upload) => {
            for (place, stored) in transaction.scan(PARTS, &Range::prefix(Key::new().str(upload)))? {
                let part: PartRecord = decode(&stored)?;
                if matches!(part.content, Content::Parts(_)) {
                    return Err(Internal::new("a part has parts").into());
                }
                release(transaction, &part.content)?;
                transaction.delete(PARTS, place)?;
            }
        }
    }
    Ok(())
}
