//! Versions of a key: where the null one is, and listings that go on behind what is gone.

use std::cell::Cell;

use base::Timestamp;
use bytes::Bytes;
use serde_json::{Value, json};
use store::{Key, Range, Read, Store, StoreError, Table, Transaction};

use super::kit;
use crate::error::Error;
use crate::records::{
    BucketRecord, CURRENT, OLDER, OlderNull, VersionRecord, Versioning, decode, encode, object_key,
};
use crate::versions;

/// Counts the lists that are asked for.
struct Counting<'a, 'b> {
    from: &'a Transaction<'b>,
    lists: Cell<usize>,
}

impl Read for Counting<'_, '_> {
    fn read(&self, table: Table, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.from.read(table, key)
    }

    fn list(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.lists.set(self.lists.get() + 1);
        self.from.list(table, range)
    }
}

fn bucket(versioning: Versioning) -> BucketRecord {
    let record = json!({"v": 1, "id": "b", "account": "123456789012", "region": "us-east-1", "created": 0,
        "versioning": versioning});
    serde_json::from_value(record).unwrap()
}

fn new() -> VersionRecord {
    VersionRecord { marker: false, ..versions::marker(Timestamp::from_secs(1)) }
}

/// All versions of the key, the newest first.
fn all(transaction: &Transaction<'_>) -> Vec<VersionRecord> {
    let newest = versions::newest(transaction, "b", "k").unwrap();
    let older = transaction.scan(OLDER, &Range::prefix(object_key("b", "k"))).unwrap();
    newest.into_iter().chain(older.iter().map(|(_, stored)| decode(stored).unwrap())).collect()
}

#[tokio::test]
async fn the_null_version_is_found_without_looking_at_the_others() {
    let store = Store::ephemeral().unwrap();
    let mut seed = 7_u32;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize % below
    };
    let mut found = 0;
    for _ in 0..600 {
        let (what, which) = (random(8), random(64));
        let steps = store.transact(|transaction| {
            let there = all(transaction);
            match what {
                0 => drop(versions::push(transaction, &bucket(Versioning::Suspended), "k", new())?),
                1..=4 => drop(versions::push(transaction, &bucket(Versioning::Enabled), "k", new())?),
                _ if there.is_empty() => {}
                5 | 6 => {
                    for null in there.iter().filter(|version| version.id.is_none()) {
                        versions::remove(transaction, "b", "k", null)?;
                    }
                }
                _ => versions::remove(transaction, "b", "k", &there[which % there.len()])?,
            }
            let there = all(transaction);
            let nulls: Vec<&VersionRecord> = there.iter().filter(|version| version.id.is_none()).collect();
            assert!(nulls.len() <= 1, "{nulls:?}");
            let counting = Counting { from: transaction, lists: Cell::new(0) };
            let null = versions::version(&counting, "b", "k", "null")?;
            assert_eq!(null.map(|null| null.seq), nulls.first().map(|null| null.seq));
            assert_eq!(counting.lists.get(), 0);
            Ok::<usize, Error>(nulls.len())
        });
        found += steps.await.unwrap();
    }
    assert!((100..500).contains(&found), "{found}");
}

#[tokio::test]
async fn records_of_before_learn_where_the_null_version_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::ephemeral().unwrap();
    let sealer = crypto::RootKey::ephemeral().derive("s3");
    let s3 = crate::state::S3::open(store.clone(), folder.path().join("c"), sealer).unwrap();
    let made = store.transact(|transaction| {
        versions::push(transaction, &bucket(Versioning::Never), "k", new())?;
        for _ in 0..3 {
            versions::push(transaction, &bucket(Versioning::Enabled), "k", new())?;
        }
        let newest = versions::newest(transaction, "b", "k")?.unwrap();
        let before = VersionRecord { older_null: OlderNull::Unknown, ..newest };
        let stored = encode(&before)?;
        assert!(!String::from_utf8_lossy(&stored).contains("older_null"), "as it was stored before");
        transaction.put(CURRENT, object_key("b", "k"), stored)?;
        // Found all the same, by looking.
        assert_eq!(versions::version(transaction, "b", "k", "null")?.map(|null| null.seq), Some(1));
        Ok::<(), Error>(())
    });
    made.await.unwrap();
    crate::jobs::learn_nulls(&s3).await.unwrap();
    let newest = store.get(CURRENT, object_key("b", "k")).unwrap().unwrap();
    assert_eq!(decode::<VersionRecord>(&newest).unwrap().older_null, OlderNull::At(1));
}

async fn versioned(kit: &service::testkit::TestKit, versions: usize) {
    let root = kit.administrator();
    kit.json(&root, "s3", "CreateBucket", &json!({"Bucket": "bbb"})).await.unwrap();
    let put = json!({"Bucket": "bbb", "Key": "k", "Body": "eA=="});
    kit.json(&root, "s3", "PutObject", &put).await.unwrap();
    let enable = json!({"Bucket": "bbb", "VersioningConfiguration": {"Status": "Enabled"}});
    kit.json(&root, "s3", "PutBucketVersioning", &enable).await.unwrap();
    for _ in 0..versions {
        kit.json(&root, "s3", "PutObject", &put).await.unwrap();
    }
}

fn ids(page: &Value) -> Vec<String> {
    let versions = page["Versions"].as_array().cloned().unwrap_or_default();
    versions.iter().map(|version| version["VersionId"].as_str().unwrap().to_owned()).collect()
}

fn next(page: &Value, max: usize) -> Value {
    json!({"Bucket": "bbb", "MaxKeys": max, "KeyMarker": page["NextKeyMarker"],
        "VersionIdMarker": page["NextVersionIdMarker"]})
}

#[tokio::test]
async fn pages_that_are_deleted_one_by_one_leave_nothing() {
    for max in [1, 2, 3, 5, 8] {
        let kit = kit().await;
        let root = kit.administrator();
        versioned(&kit, 7).await;
        // The null version in the middle, too.
        let suspend = json!({"Bucket": "bbb", "VersioningConfiguration": {"Status": "Suspended"}});
        let mut input = json!({"Bucket": "bbb", "MaxKeys": max});
        if max % 2 == 1 {
            kit.json(&root, "s3", "PutBucketVersioning", &suspend).await.unwrap();
            kit.json(&root, "s3", "DeleteObject", &json!({"Bucket": "bbb", "Key": "k"})).await.unwrap();
        }
        for _ in 0..20 {
            let page = kit.json(&root, "s3", "ListObjectVersions", &input).await.unwrap();
            let markers = page["DeleteMarkers"].as_array().map_or(0, Vec::len);
            for id in ids(&page).into_iter().chain((0..markers).map(|_| "null".to_owned())) {
                let object = json!({"Bucket": "bbb", "Key": "k", "VersionId": id});
                kit.json(&root, "s3", "DeleteObject", &object).await.unwrap();
            }
            if page["IsTruncated"] != true {
                break;
            }
            input = next(&page, max);
        }
        kit.json(&root, "s3", "DeleteBucket", &json!({"Bucket": "bbb"})).await.unwrap();
    }
}

#[tokio::test]
async fn pages_show_every_version_once() {
    let kit = kit().await;
    let root = kit.administrator();
    versioned(&kit, 7).await;
    let whole = kit.json(&root, "s3", "ListObjectVersions", &json!({"Bucket": "bbb"})).await.unwrap();
    assert_eq!(ids(&whole).len(), 8);
    for max in [1, 3, 7, 8] {
        let (mut input, mut found) = (json!({"Bucket": "bbb", "MaxKeys": max}), Vec::new());
        loop {
            let page = kit.json(&root, "s3", "ListObjectVersions", &input).await.unwrap();
            found.extend(ids(&page));
            if page["IsTruncated"] != true {
                break;
            }
            input = next(&page, max);
        }
        assert_eq!(found, ids(&whole), "{max}");
    }
    let wrong = json!({"Bucket": "bbb", "KeyMarker": "k", "VersionIdMarker": "x"});
    let fault = kit.json(&root, "s3", "ListObjectVersions", &wrong).await.unwrap_err();
    assert_eq!(fault.code, "InvalidArgument");
}
