//! Policies of buckets, from before principals stood in them by unique id.
//!
//! They are bound at a start, once; what is written later is bound by who writes it.

use identity::{Binder, StoredPolicies, StoredPolicyError};

use crate::records::{BUCKETS, BucketRecord, decode, encode};

/// The buckets, for who brings their policies along.
pub const POLICIES: StoredPolicies = StoredPolicies { table: BUCKETS, bind };

fn bind(binder: &Binder<'_>, stored: &[u8]) -> Result<Option<Vec<u8>>, StoredPolicyError> {
    let mut bucket: BucketRecord = decode(stored).map_err(StoredPolicyError::record)?;
    let Some(policy) = &mut bucket.policy else { return Ok(None) };
    let changed = binder.document(policy)?;
    changed.then(|| encode(&bucket).map_err(StoredPolicyError::record)).transpose()
}

#[cfg(test)]
mod tests {
    use service::testkit::before::{ANA, ANA_ID, EVE, store_with_ana};
    use store::{Key, StoreError};

    use super::*;

    #[tokio::test]
    async fn a_bucket_of_before_names_by_unique_id() {
        let (store, directory) = store_with_ana().await;
        let policy = |principals: &str| {
            format!(
                r#"{{"Statement":[{{"Principal":{{"AWS":[{principals}]}},"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/*"}}]}}"#
            )
        };
        let old = serde_json::json!({"v": 1, "id": "i", "account": "000000000001", "region": "us-east-1", "created": 1000,
            "policy": policy(&format!(r#""{ANA}","{EVE}""#)), "tags": {"k": "v"}});
        let put: Result<(), StoreError> =
            store.transact(|t| t.put(BUCKETS, Key::new().str("b"), old.to_string())).await;
        put.unwrap();
        directory.bind_stored(&[POLICIES]).await.unwrap();
        let bytes = store.get(BUCKETS, Key::new().str("b")).unwrap().unwrap();
        let bucket: BucketRecord = decode(&bytes).unwrap();
        let text = bucket.policy.unwrap();
        assert!(text.contains(ANA_ID) && !text.contains(ANA), "{text}");
        assert!(!text.contains(EVE), "whoever is made under this name later is not let in: {text}");
        assert_eq!((bucket.id.as_str(), bucket.tags["k"].as_str()), ("i", "v"), "all else stays");
    }
}
