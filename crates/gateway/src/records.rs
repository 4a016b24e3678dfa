//! What the data plane consumes: deployments, which freeze an API, and stages, which point at one.
//!
//! The control plane writes these records through [`Stages`](crate::Stages) and nothing else; how an API is edited
//! before it is deployed is not known here.

mod account;
mod plan;
mod response;
mod validation;

use std::collections::BTreeMap;

use base::{AccountId, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Key, Table};

pub use account::{ACCOUNTS, AccessLog, AccountRecord};
pub use plan::{
    API_KEYS, KEY_DIGESTS, KeyRecord, KeyValue, PLAN_KEYS, PlanQuota, PlanRecord, PlanStage, PlanThrottle,
    QuotaPeriod, USAGE, USAGE_PLANS, UsageRecord, account_prefix, digest_key, owned_key, plan_key,
};
pub use response::{GatewayResponse, HeaderSource, ResponseType};
pub use validation::{Parameter, Validation};

/// Stages: API id, stage name.
pub const STAGES: Table = Table::new(0x0601, "apigateway-stages");
/// Deployments: API id, deployment id.
pub const DEPLOYMENTS: Table = Table::new(0x0602, "apigateway-deployments");

/// The key of a stage.
pub fn stage_key(rest_api_id: &str, stage_name: &str) -> Key {
    Key::new().str(rest_api_id).str(stage_name)
}

/// The key of a deployment.
pub fn deployment_key(rest_api_id: &str, deployment_id: &str) -> Key {
    Key::new().str(rest_api_id).str(deployment_id)
}

/// What both tables' keys of one API start with.
pub fn api_prefix(rest_api_id: &str) -> Key {
    Key::new().str(rest_api_id)
}

/// A record does not parse.
#[derive(Debug, thiserror::Error)]
#[error("a record of API Gateway does not parse")]
pub struct RecordError(#[from] serde_json::Error);

/// A stored record with its version. A later version gets a variant of its own, and old ones stay readable.
#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum Stored<T> {
    #[serde(rename = "1")]
    V1(T),
}

/// Writes a record.
///
/// # Errors
/// Where a value has no JSON form, which none of these records can hold.
pub fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, RecordError> {
    Ok(serde_json::to_vec(&Stored::V1(record))?)
}

/// Reads a record of any version.
///
/// # Errors
/// Where the bytes are no such record.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, RecordError> {
    let Stored::V1(record) = serde_json::from_slice(bytes)?;
    Ok(record)
}

/// An API as it was when it was deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeploymentRecord {
    /// The account that owns the API.
    pub account: AccountId,
    /// The API.
    pub rest_api_id: String,
    /// The deployment.
    pub id: String,
    /// The owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// What it froze.
    pub api: DeployedApi,
}

/// All that serving a request needs to know of an API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeployedApi {
    /// The resource policy, its resources spelt out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Media types whose bodies travel as bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub binary_media_types: Vec<String>,
    /// The API does not answer at its default address.
    #[serde(default)]
    pub disable_execute_api_endpoint: bool,
    /// The methods of all resources.
    pub methods: Vec<DeployedMethod>,
    /// The functions that tell callers apart, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub authorizers: BTreeMap<String, Authorizer>,
    /// JSON schemas by name, where a method holds bodies against them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, String>,
    /// The gateway's own answers, where they are not its usual ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub responses: BTreeMap<ResponseType, GatewayResponse>,
    /// True where API keys are what authorizers say they are, false where callers send them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keys_by_authorizer: bool,
}

/// A function that says who calls, and what they may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Authorizer {
    /// The owner's name for it.
    pub name: String,
    /// What it is asked with.
    pub kind: AuthorizerKind,
    /// The function's ARN or name as it stands in its URI, stage variables not yet filled in.
    pub function: String,
    /// As whom it is invoked: API Gateway itself, or a role.
    pub credentials: Credentials,
    /// Where the parts of a caller's identity come from. A request that lacks one is refused before anyone is asked.
    pub identity: Vec<IdentitySource>,
    /// What a token must look like before anyone is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<String>,
    /// How long an answer counts, in seconds.
    pub ttl_secs: u32,
}

/// What an authorizer is asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthorizerKind {
    /// One header's value.
    #[serde(rename = "TOKEN")]
    Token,
    /// The whole request but its body.
    #[serde(rename = "REQUEST")]
    Request,
}

/// Where a part of an identity comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdentitySource {
    /// A header.
    #[serde(rename = "header")]
    Header(String),
    /// A parameter of the query.
    #[serde(rename = "query")]
    Query(String),
    /// A stage variable.
    #[serde(rename = "variable")]
    Variable(String),
    /// A member of the request's context, as `identity.sourceIp`.
    #[serde(rename = "context")]
    Context(String),
}

/// One method of one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeployedMethod {
    /// The resource.
    pub resource_id: String,
    /// The resource's path template, for example `/orders/{id}`.
    pub resource_path: String,
    /// The HTTP method, or `ANY`.
    pub http_method: String,
    /// Who may call it.
    pub authorization: Authorization,
    /// The authorizer's id, where a function tells callers apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer: Option<String>,
    /// True where callers need an API key of a usage plan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub api_key_required: bool,
    /// What is checked of its requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// What answers it.
    pub integration: Integration,
}

/// How callers of a method are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authorization {
    /// Not at all: whoever the resource policy lets in, or everyone where there is none.
    #[serde(rename = "NONE")]
    None,
    /// By their signature; policies decide.
    #[serde(rename = "AWS_IAM")]
    AwsIam,
    /// By a function, whose answer decides.
    #[serde(rename = "CUSTOM")]
    Custom,
}

/// What answers a method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Integration {
    /// A function gets the whole request and gives the whole answer.
    #[serde(rename = "AWS_PROXY")]
    LambdaProxy {
        /// The function's ARN or name as it stands in the integration's URI, stage variables not yet filled in.
        function: String,
        /// As whom it is invoked.
        credentials: Credentials,
        /// How long the function may take.
        timeout_millis: u32,
    },
    /// A fixed answer.
    #[serde(rename = "MOCK")]
    Mock(Mock),
}

/// As whom a function is invoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Credentials {
    /// API Gateway itself: the function's own policy must let it in.
    #[serde(rename = "service")]
    Service,
    /// Whoever called the API.
    #[serde(rename = "caller")]
    Caller,
    /// A role that API Gateway assumes.
    #[serde(rename = "role")]
    Role(String),
}

/// An answer of texts with variables, chosen by a status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mock {
    /// The integration's status for each content type of a request.
    pub statuses: BTreeMap<String, u16>,
    /// For content types whose status depends on the request: templates of JSON that has it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub request_templates: BTreeMap<String, String>,
    /// True where a request of another content type is passed through, false where it is refused.
    #[serde(default)]
    pub passes_through: bool,
    /// The possible answers.
    pub responses: Vec<MockResponse>,
}

/// One possible answer of a mock integration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MockResponse {
    /// The status it answers with.
    pub status: u16,
    /// A pattern for the integration's status; `None` is the default answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection_pattern: Option<String>,
    /// Fixed headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Headers that are a variable's value: `context.requestId`, `stageVariables.v`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Templates of bodies by content type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub templates: BTreeMap<String, String>,
}

/// A stage: a name for a deployment, with its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// The account that owns the API.
    pub account: AccountId,
    /// The API.
    pub rest_api_id: String,
    /// The stage's name: the first part of its path.
    pub stage_name: String,
    /// The deployment that it serves.
    pub deployment_id: String,
    /// The owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Stage variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Settings by `*/*`, or by resource path and method as in `orders/{id}/GET`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub method_settings: BTreeMap<String, MethodSettings>,
    /// What it writes of each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log: Option<AccessLog>,
    /// Kept for the owner; nothing is traced yet.
    #[serde(default)]
    pub tracing_enabled: bool,
    /// The owner's tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// Settings of a stage's methods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MethodSettings {
    /// Requests a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttling_rate_limit: Option<f64>,
    /// Requests at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttling_burst_limit: Option<u32>,
    /// Kept for the owner: metrics come with their service.
    #[serde(default)]
    pub metrics_enabled: bool,
    /// `OFF`, `ERROR` or `INFO`: what is written of how requests were executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging_level: Option<String>,
    /// Kept for the owner.
    #[serde(default)]
    pub data_trace_enabled: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountId {
        "111111111111".parse().unwrap()
    }

    fn deployment() -> DeploymentRecord {
        let lambda = Integration::LambdaProxy {
            function: "arn:aws:lambda:us-east-1:111111111111:function:${stageVariables.f}".into(),
            credentials: Credentials::Service,
            timeout_millis: 29_000,
        };
        let mock = Integration::Mock(Mock {
            statuses: BTreeMap::from([("application/json".into(), 200)]),
            passes_through: false,
            request_templates: BTreeMap::new(),
            responses: vec![MockResponse {
                status: 200,
                selection_pattern: None,
                headers: BTreeMap::from([("Access-Control-Allow-Origin".into(), "*".into())]),
                variables: BTreeMap::new(),
                templates: BTreeMap::from([("application/json".into(), "{}".into())]),
            }],
        });
        let method = |http_method: &str, authorization, integration| DeployedMethod {
            resource_id: "r1".into(),
            resource_path: "/orders".into(),
            http_method: http_method.into(),
            authorization,
            authorizer: None,
            api_key_required: false,
            validation: None,
            integration,
        };
        DeploymentRecord {
            account: account(),
            rest_api_id: "a1".into(),
            id: "d1".into(),
            description: None,
            created: Timestamp::from_secs(1),
            api: DeployedApi {
                policy: None,
                binary_media_types: vec!["image/png".into()],
                disable_execute_api_endpoint: false,
                methods: vec![
                    method("GET", Authorization::AwsIam, lambda),
                    method("OPTIONS", Authorization::None, mock),
                ],
                ..DeployedApi::default()
            },
        }
    }

    #[test]
    fn a_deployment_keeps_its_bytes() {
        let golden = r#"{"v":"1","account":"111111111111","rest_api_id":"a1","id":"d1","created":1000,"api":{"binary_media_types":["image/png"],"disable_execute_api_endpoint":false,"methods":[{"resource_id":"r1","resource_path":"/orders","http_method":"GET","authorization":"AWS_IAM","integration":{"type":"AWS_PROXY","function":"arn:aws:lambda:us-east-1:111111111111:function:${stageVariables.f}","credentials":"service","timeout_millis":29000}},{"resource_id":"r1","resource_path":"/orders","http_method":"OPTIONS","authorization":"NONE","integration":{"type":"MOCK","statuses":{"application/json":200},"passes_through":false,"responses":[{"status":200,"headers":{"Access-Control-Allow-Origin":"*"},"templates":{"application/json":"{}"}}]}}]}}"#;
        assert_eq!(String::from_utf8(encode(&deployment()).unwrap()).unwrap(), golden);
        assert_eq!(decode::<DeploymentRecord>(golden.as_bytes()).unwrap(), deployment());
    }

    #[test]
    fn an_authorizer_keeps_its_bytes() {
        let authorizer = Authorizer {
            name: "a".into(),
            kind: AuthorizerKind::Request,
            function: "f".into(),
            credentials: Credentials::Service,
            identity: vec![IdentitySource::Header("x-key".into()), IdentitySource::Query("q".into())],
            validation: None,
            ttl_secs: 300,
        };
        let golden = r#"{"v":"1","name":"a","kind":"REQUEST","function":"f","credentials":"service","identity":[{"header":"x-key"},{"query":"q"}],"ttl_secs":300}"#;
        assert_eq!(String::from_utf8(encode(&authorizer).unwrap()).unwrap(), golden);
        assert_eq!(decode::<Authorizer>(golden.as_bytes()).unwrap(), authorizer);
    }

    #[test]
    fn a_stage_keeps_its_bytes() {
        let stage = StageRecord {
            account: account(),
            rest_api_id: "a1".into(),
            stage_name: "prod".into(),
            deployment_id: "d1".into(),
            description: Some("live".into()),
            variables: BTreeMap::from([("f".into(), "orders".into())]),
            method_settings: BTreeMap::from([(
                "*/*".into(),
                MethodSettings { throttling_rate_limit: Some(0.5), ..MethodSettings::default() },
            )]),
            access_log: None,
            tracing_enabled: true,
            tags: BTreeMap::new(),
            created: Timestamp::from_secs(1),
            updated: Timestamp::from_secs(2),
        };
        let golden = r#"{"v":"1","account":"111111111111","rest_api_id":"a1","stage_name":"prod","deployment_id":"d1","description":"live","variables":{"f":"orders"},"method_settings":{"*/*":{"throttling_rate_limit":0.5,"metrics_enabled":false,"data_trace_enabled":false}},"tracing_enabled":true,"created":1000,"updated":2000}"#;
        assert_eq!(String::from_utf8(encode(&stage).unwrap()).unwrap(), golden);
        assert_eq!(decode::<StageRecord>(golden.as_bytes()).unwrap(), stage);
    }

    #[test]
    fn an_unknown_version_is_refused() {
        assert!(decode::<StageRecord>(br#"{"v":"2"}"#).is_err());
        assert!(decode::<StageRecord>(b"{}").is_err());
    }
}
