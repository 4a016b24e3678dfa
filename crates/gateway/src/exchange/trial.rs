//! A request that an API's owner tries on a method, as the API stands and not as it was deployed.
//!
//! Nobody's proof, key or rate is asked for: leave to try was asked before. What the integration needs leave for, it needs here
//! too: the function's own policy must let API Gateway in, for the stage `test-invoke-stage`.

use std::collections::BTreeMap;

use base::AccountId;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use identity::sigv4::Verifier;
use service::{Pipeline, Source};

use super::{Exchange, Progress};
use crate::address::Address;
use crate::audit;
use crate::gateway::Ids;
use crate::logs::Logs;
use crate::plans::Plans;
use crate::records::{DeployedApi, DeploymentRecord, StageRecord};
use crate::refusal::Refusal;
use crate::stages::{LiveStage, StageError};

/// The stage that a trial is made on.
const STAGE: &str = "test-invoke-stage";

/// A trial.
#[derive(Debug)]
pub struct Trial {
    /// The account that owns the API.
    pub account: AccountId,
    /// The API.
    pub rest_api_id: String,
    /// The API as it stands.
    pub api: DeployedApi,
    /// The method that is tried.
    pub resource_id: String,
    /// Its HTTP method.
    pub http_method: String,
    /// The path behind the stage, with its query.
    pub path_with_query: String,
    /// The request's headers.
    pub headers: Vec<(String, String)>,
    /// The request's body.
    pub body: Bytes,
    /// Stage variables.
    pub variables: BTreeMap<String, String>,
}

/// What came of a trial.
#[derive(Debug)]
pub struct Tried {
    /// The answer's status.
    pub status: u16,
    /// Its headers, in their order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
    /// How it was executed.
    pub log: String,
    /// How long it took, in milliseconds.
    pub latency_millis: i64,
}

/// Why there was no trial.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The API could not be served.
    #[error("the API cannot be served")]
    Stage(#[from] StageError),
    /// The path does not lead to the method.
    #[error("the path does not lead to the method")]
    Path,
    /// The request is none that could be sent.
    #[error("the request is none that could be sent")]
    Request,
}

impl Trial {
    /// Makes the trial; `source` is where its owner calls from.
    ///
    /// # Errors
    /// The API could not be served, or the request could not reach the method.
    pub async fn run(self, pipeline: &Pipeline, source: &Source) -> Result<Tried, TrialError> {
        let now = pipeline.clock().now();
        let method = Method::from_bytes(self.http_method.as_bytes()).map_err(|_| TrialError::Request)?;
        let path = if self.path_with_query.is_empty() { "/" } else { self.path_with_query.as_str() };
        let request = Request::builder().method(method).uri(path).body(());
        let (mut head, ()) = request.map_err(|_| TrialError::Request)?.into_parts();
        head.headers = headers(&self.headers)?;
        let record = StageRecord {
            account: self.account,
            rest_api_id: self.rest_api_id.clone(),
            stage_name: STAGE.to_owned(),
            deployment_id: String::new(),
            description: None,
            variables: self.variables,
            method_settings: BTreeMap::new(),
            access_log: None,
            tracing_enabled: false,
            tags: BTreeMap::new(),
            created: now,
            updated: now,
        };
        let deployment = DeploymentRecord {
            account: self.account,
            rest_api_id: self.rest_api_id.clone(),
            id: String::new(),
            description: None,
            created: now,
            api: self.api,
        };
        let stage = LiveStage::new(record, deployment)?;
        let address = Address {
            rest_api_id: &self.rest_api_id,
            stage_name: STAGE,
            path: head.uri.path(),
            domain_name: "testPrefix.testDomainName".to_owned(),
        };
        let (verifier, strangers) = (Verifier::new(), audit::strangers());
        let (plans, logs, ids) = (Plans::default(), Logs::default(), Ids::new(now));
        let exchange = Exchange {
            pipeline,
            verifier: &verifier,
            strangers: &strangers,
            plans: &plans,
            logs: &logs,
            stage: &stage,
            address: &address,
            head: &head,
            body: &self.body,
            source,
            ids: &ids,
            now,
        };
        exchange.tried(&self.resource_id).await
    }
}

impl Exchange<'_> {
    /// Validates and integrates, and asks nothing else.
    async fn tried(&self, resource_id: &str) -> Result<Tried, TrialError> {
        let routed = self.route().ok().filter(|routed| routed.method.resource_id == resource_id);
        let mut progress = Progress { routed, ..Progress::default() };
        let routed = progress.routed.as_ref().ok_or(TrialError::Path)?;
        let served = match self.validate(routed) {
            Ok(()) => Box::pin(self.integrate(routed, &progress.caller)).await,
            Err(refusal) => Err(refusal),
        };
        let latency_millis = self.pipeline.clock().now().millis_since(self.now);
        progress.integration_millis = Some(latency_millis);
        let refusal: Option<Refusal> = served.as_ref().err().cloned();
        let response = served.unwrap_or_else(|refusal| self.refuse(refusal, &progress));
        let lines = self.execution(&response, refusal.as_ref(), &progress, true);
        let log = lines.iter().map(|line| format!("({}) {line}\n", self.ids.request)).collect();
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(Tried {
            status: response.status().as_u16(),
            headers: response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: response.into_body(),
            log,
            latency_millis,
        })
    }
}

/// Headers of a trial. API Gateway bounds them as it bounds a request's.
const HEADERS_MAX: usize = 100;

fn headers(given: &[(String, String)]) -> Result<HeaderMap, TrialError> {
    if given.len() > HEADERS_MAX {
        return Err(TrialError::Request);
    }
    let one = |(name, value): &(String, String)| {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| TrialError::Request)?;
        let value = HeaderValue::from_str(value).map_err(|_| TrialError::Request)?;
        Ok::<_, TrialError>((name, value))
    };
    let mut headers = HeaderMap::new();
    for pair in given.iter().map(one) {
        let (name, value) = pair?;
        headers.append(name, value);
    }
    Ok(headers)
}
