//! What is stored of an API while it is edited. What is served is the data plane's own record, frozen by a deployment.
//!
//! One record holds a whole API with its resources, methods and integrations: they change together and are deployed
//! together.

use std::collections::BTreeMap;

use base::{AccountId, Timestamp};
use gateway::records::{Authorization, ResponseType};
use serde::{Deserialize, Serialize};
use store::{Key, Table};

/// APIs: account, API id.
pub(crate) const APIS: Table = Table::new(0x0610, "apigateway-apis");

/// The key of an API.
pub(crate) fn api_key(account: AccountId, id: &str) -> Key {
    account_prefix(account).str(id)
}

/// What the keys of an account's APIs start with.
pub(crate) fn account_prefix(account: AccountId) -> Key {
    Key::new().str(account.as_str())
}

/// An API as its owner edits it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ApiRecord {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    pub(crate) created: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) binary_media_types: Vec<String>,
    /// `HEADER` or `AUTHORIZER`; kept for the owner.
    pub(crate) api_key_source: String,
    /// `EDGE` or `REGIONAL`.
    pub(crate) endpoint_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) disable_execute_api_endpoint: bool,
    pub(crate) root_resource_id: String,
    /// By resource id.
    pub(crate) resources: BTreeMap<String, ResourceRecord>,
    /// By id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) authorizers: BTreeMap<String, AuthorizerRecord>,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) models: BTreeMap<String, ModelRecord>,
    /// By id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) validators: BTreeMap<String, ValidatorRecord>,
    /// The gateway's own answers, where they are not its usual ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) responses: BTreeMap<ResponseType, GatewayResponseRecord>,
}

/// A model: a JSON schema with a name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelRecord {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) schema: String,
    pub(crate) content_type: String,
}

/// What a method may ask to be checked of its requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ValidatorRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) body: bool,
    pub(crate) parameters: bool,
}

/// One of the gateway's own answers, as the API's owner describes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GatewayResponseRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parameters: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) templates: BTreeMap<String, String>,
}

/// A function that tells callers apart, as its owner describes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AuthorizerRecord {
    pub(crate) name: String,
    /// `TOKEN` or `REQUEST`.
    pub(crate) kind: String,
    pub(crate) uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) credentials: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) identity_source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) validation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ttl_secs: Option<u32>,
    /// The owner's word; changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) auth_type: Option<String>,
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResourceRecord {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path_part: Option<String>,
    pub(crate) path: String,
    /// By HTTP method.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) methods: BTreeMap<String, MethodRecord>,
}

/// One method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MethodRecord {
    pub(crate) authorization: Authorization,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorizer_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation_name: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) api_key_required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) validator_id: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) request_parameters: BTreeMap<String, bool>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) request_models: BTreeMap<String, String>,
    /// By status code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) responses: BTreeMap<String, MethodResponseRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integration: Option<IntegrationRecord>,
}

impl Default for MethodRecord {
    fn default() -> Self {
        Self {
            authorization: Authorization::None,
            authorizer_id: None,
            operation_name: None,
            api_key_required: false,
            validator_id: None,
            request_parameters: BTreeMap::new(),
            request_models: BTreeMap::new(),
            responses: BTreeMap::new(),
            integration: None,
        }
    }
}

/// One declared response of a method.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct MethodResponseRecord {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parameters: BTreeMap<String, bool>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) models: BTreeMap<String, String>,
}

/// A method's integration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct IntegrationRecord {
    /// `AWS_PROXY` or `MOCK`.
    pub(crate) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http_method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) credentials: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) request_parameters: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) request_templates: BTreeMap<String, String>,
    pub(crate) passthrough_behavior: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_handling: Option<String>,
    pub(crate) timeout_millis: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache_namespace: Option<String>,
    /// By status code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) responses: BTreeMap<String, IntegrationResponseRecord>,
}

/// One response of an integration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct IntegrationResponseRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) selection_pattern: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parameters: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) templates: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway::records::{decode, encode};

    #[test]
    fn an_api_keeps_its_bytes() {
        let integration = IntegrationRecord {
            kind: "AWS_PROXY".into(),
            http_method: Some("POST".into()),
            uri: Some("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations".into()),
            passthrough_behavior: "WHEN_NO_MATCH".into(),
            timeout_millis: 29_000,
            ..IntegrationRecord::default()
        };
        let method = MethodRecord {
            authorization: Authorization::AwsIam,
            integration: Some(integration),
            ..MethodRecord::default()
        };
        let root = ResourceRecord {
            id: "r".into(),
            parent_id: None,
            path_part: None,
            path: "/".into(),
            methods: BTreeMap::from([("GET".into(), method)]),
        };
        let record = ApiRecord {
            id: "a".into(),
            name: "n".into(),
            description: None,
            version: None,
            created: Timestamp::from_secs(1),
            binary_media_types: vec![],
            api_key_source: "HEADER".into(),
            endpoint_type: "EDGE".into(),
            policy: None,
            tags: BTreeMap::from([("k".into(), "v".into())]),
            disable_execute_api_endpoint: false,
            root_resource_id: "r".into(),
            resources: BTreeMap::from([("r".into(), root)]),
            authorizers: BTreeMap::new(),
            models: BTreeMap::new(),
            validators: BTreeMap::new(),
            responses: BTreeMap::new(),
        };
        let golden = r#"{"v":"1","id":"a","name":"n","created":1000,"api_key_source":"HEADER","endpoint_type":"EDGE","tags":{"k":"v"},"disable_execute_api_endpoint":false,"root_resource_id":"r","resources":{"r":{"id":"r","path":"/","methods":{"GET":{"authorization":"AWS_IAM","integration":{"kind":"AWS_PROXY","http_method":"POST","uri":"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations","passthrough_behavior":"WHEN_NO_MATCH","timeout_millis":29000}}}}}}"#;
        assert_eq!(String::from_utf8(encode(&record).unwrap()).unwrap(), golden);
        assert_eq!(decode::<ApiRecord>(golden.as_bytes()).unwrap(), record);
    }
}
