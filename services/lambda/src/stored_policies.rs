//! Policies of functions, their versions and aliases, from before principals stood in them by unique id.
//!
//! They are bound at a start, once; what is written later is bound by who writes it.

use identity::{Binder, StoredPolicies, StoredPolicyError};

use crate::records::{FUNCTIONS, FunctionRecord, Record};

/// The functions, for who brings their policies along.
pub const POLICIES: StoredPolicies = StoredPolicies { table: FUNCTIONS, bind };

fn bind(binder: &Binder<'_>, stored: &[u8]) -> Result<Option<Vec<u8>>, StoredPolicyError> {
    let mut function = FunctionRecord::decode(stored).map_err(StoredPolicyError::record)?;
    let mut changed = false;
    for statement in function.policies.values_mut().flat_map(|policy| &mut policy.statements) {
        changed |= binder.statement(&mut statement.body)?;
    }
    changed.then(|| function.encode().map_err(StoredPolicyError::record)).transpose()
}

#[cfg(test)]
mod tests {
    use service::testkit::before::{ANA, ANA_ID, EVE, store_with_ana};
    use store::{Key, StoreError};

    use super::*;

    #[tokio::test]
    async fn functions_of_before_name_by_unique_id() {
        let (store, directory) = store_with_ana().await;
        let old = format!(
            r#"{{"latest":{{"version":"$LATEST","revision_id":"r","runtime":"python3.13","handler":"app.handler","role":"arn:aws:iam::000000000001:role/r","description":"","timeout_secs":3,"memory_mib":128,"tmp_mib":512,"variables":[],"log_group":null,"code":"{}","code_bytes":22,"modified_at":1440938160000}},"next_version":2,"tags":[],"reserved_concurrency":null,"policies":{{"":{{"revision_id":"p","statements":[{{"sid":"s","body":{{"Sid":"s","Effect":"Allow","Principal":{{"AWS":"{ANA}"}},"Action":"lambda:InvokeFunction","Resource":"f"}}}}]}},"1":{{"revision_id":"q","statements":[{{"sid":"t","body":{{"Sid":"t","Effect":"Allow","Principal":{{"AWS":"{EVE}"}},"Action":"lambda:InvokeFunction","Resource":"f:1"}}}}]}}}}}}"#,
            "0".repeat(64)
        );
        let bytes = [b"\x01".to_vec(), old.into_bytes()].concat();
        FunctionRecord::decode(&bytes).unwrap();
        let put: Result<(), StoreError> =
            store.transact(|t| t.put(FUNCTIONS, Key::new().str("f"), bytes)).await;
        put.unwrap();
        directory.bind_stored(&[POLICIES]).await.unwrap();
        let bytes = store.get(FUNCTIONS, Key::new().str("f")).unwrap().unwrap();
        let function = FunctionRecord::decode(&bytes).unwrap();
        let named = |qualifier: &str| {
            function.policies[qualifier].statements[0].body["Principal"]["AWS"].as_str().unwrap().to_owned()
        };
        assert_eq!(named(""), ANA_ID);
        assert!(named("1").starts_with("AIDA"), "nobody is let in by a name that nobody has: {}", named("1"));
        assert_eq!(function.next_version, 2);
    }
}
