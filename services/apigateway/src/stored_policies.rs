//! Policies of APIs, as their owners edit them and as they were deployed, from before principals stood in them by unique id.
//!
//! They are bound at a start, once; what is written later is bound by who writes it.

use gateway::records::{DEPLOYMENTS, DeploymentRecord, decode, encode};
use identity::{Binder, StoredPolicies, StoredPolicyError};

use crate::records::{APIS, ApiRecord};

/// The APIs and their deployments, for who brings their policies along.
pub const POLICIES: [StoredPolicies; 2] = [
    StoredPolicies { table: APIS, bind: of_api },
    StoredPolicies { table: DEPLOYMENTS, bind: of_deployment },
];

fn of_api(binder: &Binder<'_>, stored: &[u8]) -> Result<Option<Vec<u8>>, StoredPolicyError> {
    let mut api: ApiRecord = decode(stored).map_err(StoredPolicyError::record)?;
    let Some(policy) = &mut api.policy else { return Ok(None) };
    let changed = binder.document(policy)?;
    changed.then(|| encode(&api).map_err(StoredPolicyError::record)).transpose()
}

fn of_deployment(binder: &Binder<'_>, stored: &[u8]) -> Result<Option<Vec<u8>>, StoredPolicyError> {
    let mut deployment: DeploymentRecord = decode(stored).map_err(StoredPolicyError::record)?;
    let Some(policy) = &mut deployment.api.policy else { return Ok(None) };
    let changed = binder.document(policy)?;
    changed.then(|| encode(&deployment).map_err(StoredPolicyError::record)).transpose()
}

#[cfg(test)]
mod tests {
    use service::testkit::before::{ANA, ANA_ID, EVE, store_with_ana};
    use store::{Key, StoreError};

    use super::*;

    #[tokio::test]
    async fn apis_and_deployments_of_before_name_by_unique_id() {
        let (store, directory) = store_with_ana().await;
        let policy = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":["{ANA}","{EVE}"]}},"Action":"execute-api:Invoke","Resource":"*"}}]}}"#
        );
        let api = serde_json::json!({"v": "1", "id": "a", "name": "n", "created": 1000, "api_key_source": "HEADER",
            "endpoint_type": "EDGE", "policy": policy, "root_resource_id": "r", "resources": {}});
        let deployment = serde_json::json!({"v": "1", "account": "000000000001", "rest_api_id": "a", "id": "d", "created": 1000,
            "api": {"policy": policy, "methods": []}});
        let put: Result<(), StoreError> = store
            .transact(|t| {
                t.put(APIS, Key::new().str("a"), api.to_string())?;
                t.put(DEPLOYMENTS, Key::new().str("d"), deployment.to_string())
            })
            .await;
        put.unwrap();
        directory.bind_stored(&POLICIES).await.unwrap();
        let bytes = store.get(APIS, Key::new().str("a")).unwrap().unwrap();
        let api: ApiRecord = decode(&bytes).unwrap();
        let bytes = store.get(DEPLOYMENTS, Key::new().str("d")).unwrap().unwrap();
        let deployment: DeploymentRecord = decode(&bytes).unwrap();
        assert_eq!((api.name.as_str(), deployment.id.as_str()), ("n", "d"));
        for text in [api.policy.unwrap(), deployment.api.policy.unwrap()] {
            assert!(text.contains(ANA_ID), "{text}");
            assert!(!text.contains(ANA) && !text.contains(EVE), "{text}");
        }
    }
}
