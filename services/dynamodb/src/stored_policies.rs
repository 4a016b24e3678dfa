//! Policies of tables and streams, from before principals stood in them by unique id.
//!
//! They are bound at a start, once; what is written later is bound by who writes it.

use identity::{Binder, StoredPolicies, StoredPolicyError};

use crate::records::{STREAMS, StreamRecord, TABLES, TableRecord};

/// The tables and streams, for who brings their policies along.
pub const POLICIES: [StoredPolicies; 2] =
    [StoredPolicies { table: TABLES, bind: of_table }, StoredPolicies { table: STREAMS, bind: of_stream }];

fn of_table(binder: &Binder<'_>, stored: &[u8]) -> Result<Option<Vec<u8>>, StoredPolicyError> {
    let mut table = TableRecord::decode(stored).map_err(StoredPolicyError::record)?;
    let Some(policy) = &mut table.policy else { return Ok(None) };
    let changed = binder.document(&mut policy.text)?;
    changed.then(|| table.encode().map_err(StoredPolicyError::record)).transpose()
}

fn of_stream(binder: &Binder<'_>, stored: &[u8]) -> Result<Option<Vec<u8>>, StoredPolicyError> {
    let mut stream = StreamRecord::decode(stored).map_err(StoredPolicyError::record)?;
    let Some(policy) = &mut stream.policy else { return Ok(None) };
    let changed = binder.document(&mut policy.text)?;
    changed.then(|| stream.encode().map_err(StoredPolicyError::record)).transpose()
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use service::testkit::before::{ANA, ANA_ID, EVE, store_with_ana};
    use store::{Key, StoreError};

    use super::*;
    use crate::records::{PolicyRecord, StreamOfTable};

    fn policy() -> PolicyRecord {
        let text = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":["{ANA}","{EVE}"]}},"Action":"dynamodb:*","Resource":"*"}}]}}"#
        );
        PolicyRecord { text, revision: "1".to_owned() }
    }

    #[tokio::test]
    async fn tables_and_streams_of_before_name_by_unique_id() {
        let (store, directory) = store_with_ana().await;
        // As the first version wrote it, behind the table's number.
        let table = format!(
            r#"{{"version":1,"id":7,"account":"000000000001","region":"us-east-1","name":"Orders","uuid":"u","schema":{{"partition":{{"name":"id","scalar":"S"}},"sort":null}},"billing":"PayPerRequest","created":1000,"is_protected":false,"class":"STANDARD","is_encryption_requested":false,"tags":[],"time_to_live":null,"policy":{}}}"#,
            serde_json::to_string(&policy()).unwrap()
        );
        let table = [7_u64.to_be_bytes().to_vec(), table.into_bytes()].concat();
        let record = TableRecord::decode(&table).unwrap();
        let of_table = r#"{"id":9,"label":"l","view":"NewImage","is_enabled":true}"#;
        let of_table: StreamOfTable = serde_json::from_str(of_table).unwrap();
        let mut stream = StreamRecord::new(&record, &of_table, Timestamp::default(), 1);
        stream.policy = Some(policy());
        let put: Result<(), StoreError> = store
            .transact(|t| {
                t.put(TABLES, record.key(), table)?;
                t.put(STREAMS, Key::new().u64(9), stream.encode().unwrap())
            })
            .await;
        put.unwrap();
        directory.bind_stored(&POLICIES).await.unwrap();
        let table = TableRecord::decode(&store.get(TABLES, record.key()).unwrap().unwrap()).unwrap();
        let stream = StreamRecord::decode(&store.get(STREAMS, Key::new().u64(9)).unwrap().unwrap()).unwrap();
        assert_eq!((table.name.as_str(), table.id), ("Orders", 7));
        for policy in [table.policy.unwrap(), stream.policy.unwrap()] {
            assert!(policy.text.contains(ANA_ID), "{}", policy.text);
            assert!(!policy.text.contains(ANA) && !policy.text.contains(EVE), "{}", policy.text);
            assert_eq!(policy.revision, "1");
        }
    }
}
