//! The versions of a key: which one a reader finds, what a new one displaces, what a deletion brings back.
//!
//! The newest version stands in one table, all older ones in another, so that listing current objects never walks
//! through history. Asks nobody for leave.

use base::Timestamp;
use bytes::Bytes;
use store::{Key, Range, Read, Transaction};

use crate::error::Error;
use crate::model::name;
use crate::records::{
    self, BucketRecord, CURRENT, Content, DOOMED, DOOMED_PARTS, FILES, INLINE, OLDER, OlderNull,
    VersionRecord, Versioning, decode, encode, object_key, older_key,
};

/// The newest version of a key, be it a delete marker.
pub(crate) fn newest(
    from: &(impl Read + ?Sized),
    bucket_id: &str,
    key: &str,
) -> Result<Option<VersionRecord>, Error> {
    Ok(from.read(CURRENT, &object_key(bucket_id, key))?.map(|stored| decode(&stored)).transpose()?)
}

/// What a reader without a version id finds.
pub(crate) fn current(
    from: &(impl Read + ?Sized),
    bucket_id: &str,
    key: &str,
) -> Result<Option<VersionRecord>, Error> {
    Ok(newest(from, bucket_id, key)?.filter(|version| !version.marker))
}

/// The version of this id, be it a delete marker.
pub(crate) fn version(
    from: &(impl Read + ?Sized),
    bucket_id: &str,
    key: &str,
    id: &str,
) -> Result<Option<VersionRecord>, Error> {
    let Some(newest) = newest(from, bucket_id, key)? else { return Ok(None) };
    if newest.version_id() == id {
        return Ok(Some(newest));
    }
    let seq = if id == "null" { older_null(from, bucket_id, key, &newest)? } else { name::place_of(id) };
    let Some(seq) = seq else { return Ok(None) };
    let stored = from.read(OLDER, &older_key(bucket_id, key, seq))?;
    let found: Option<VersionRecord> = stored.map(|stored| decode(&stored)).transpose()?;
    Ok(found.filter(|version| version.version_id() == id))
}

/// Versions of before that are looked through at once.
const LOOKED_AT_ONCE: usize = 1_000;

/// The newest record of a key that is from before it knew where the null version is, and what it knows once all older ones were
/// looked through.
pub(crate) fn unlearned(
    from: &impl Read,
    bucket_id: &str,
    key: &str,
) -> Result<Option<(VersionRecord, VersionRecord)>, Error> {
    let newest = newest(from, bucket_id, key)?.filter(|newest| newest.older_null == OlderNull::Unknown);
    let Some(before) = newest else { return Ok(None) };
    let older_null = at(older_null(from, bucket_id, key, &before)?);
    Ok(Some((before.clone(), VersionRecord { older_null, ..before })))
}

/// The place of the null version among the older ones.
fn older_null(
    from: &(impl Read + ?Sized),
    bucket_id: &str,
    key: &str,
    newest: &VersionRecord,
) -> Result<Option<u64>, Error> {
    match newest.older_null {
        OlderNull::Nowhere => return Ok(None),
        OlderNull::At(seq) => return Ok(Some(seq)),
        OlderNull::Unknown => {}
    }
    // From before its place was kept. What is pushed next knows it.
    let mut range = Range::prefix(object_key(bucket_id, key)).limit(LOOKED_AT_ONCE);
    loop {
        let page = from.list(OLDER, &range)?;
        for (_, stored) in &page {
            let version: VersionRecord = decode(stored)?;
            if version.id.is_none() {
                return Ok(Some(version.seq));
            }
        }
        match page.last() {
            Some((last, _)) if page.len() == LOOKED_AT_ONCE => range = range.after(last),
            _ => return Ok(None),
        }
    }
}

const fn at(null: Option<u64>) -> OlderNull {
    match null {
        Some(seq) => OlderNull::At(seq),
        None => OlderNull::Nowhere,
    }
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
        older_null: OlderNull::Unknown,
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
    version.older_null = OlderNull::Nowhere;
    if let Some(mut before) = before {
        let null = older_null(transaction, &bucket.id, key, &before)?;
        before.older_null = OlderNull::Unknown;
        match (version.id.is_none(), before.id.is_none()) {
            (true, true) => release(transaction, &before.content)?,
            (true, false) => {
                put_older(transaction, &bucket.id, key, &before)?;
                if let Some(null) = null {
                    remove_older(transaction, &bucket.id, key, null)?;
                }
            }
            (false, is_null) => {
                put_older(transaction, &bucket.id, key, &before)?;
                version.older_null = at(if is_null { Some(before.seq) } else { null });
            }
        }
    }
    transaction.put(CURRENT, object_key(&bucket.id, key), encode(&version)?)?;
    Ok(version)
}

fn put_older(
    transaction: &mut Transaction<'_>,
    bucket_id: &str,
    key: &str,
    version: &VersionRecord,
) -> Result<(), Error> {
    Ok(transaction.put(OLDER, older_key(bucket_id, key, version.seq), encode(version)?)?)
}

/// Deletes the older version in this place for good.
fn remove_older(
    transaction: &mut Transaction<'_>,
    bucket_id: &str,
    key: &str,
    seq: u64,
) -> Result<(), Error> {
    let place = older_key(bucket_id, key, seq);
    let Some(stored) = transaction.get(OLDER, &place)? else { return Ok(()) };
    transaction.delete(OLDER, place)?;
    release(transaction, &decode::<VersionRecord>(&stored)?.content)
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
    let Some(mut newest) = newest(transaction, bucket_id, key)? else { return Ok(()) };
    let null = older_null(transaction, bucket_id, key, &newest)?;
    if newest.seq != version.seq {
        // The newest knows from now on, where it did not or where this was the null version.
        let left = at(null.filter(|seq| *seq != version.seq));
        if newest.older_null != left {
            newest.older_null = left;
            transaction.put(CURRENT, object_key(bucket_id, key), encode(&newest)?)?;
        }
        return remove_older(transaction, bucket_id, key, version.seq);
    }
    let older = transaction.scan(OLDER, &Range::prefix(object_key(bucket_id, key)).limit(1))?;
    match older.into_iter().next() {
        Some((place, stored)) => {
            let mut older: VersionRecord = decode(&stored)?;
            older.older_null = at(null.filter(|seq| *seq != older.seq));
            transaction.delete(OLDER, place)?;
            transaction.put(CURRENT, object_key(bucket_id, key), encode(&older)?)?;
        }
        None => transaction.delete(CURRENT, object_key(bucket_id, key))?,
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
        // SECURITY: there may be thousands, of each of a thousand objects: the store's one writer does not wait for them.
        Content::Parts(upload) => transaction.put(DOOMED_PARTS, Key::new().str(upload), Bytes::new())?,
    }
    Ok(())
}
