//! Whose a request is: a stage's, a function URL's, or somebody's who awaits an answer.
//!
//! It reads no store: what it serves is in memory. What becomes of a request to a stage is [`crate::exchange`]'s.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response};
use identity::sigv4::Verifier;
use service::{Pipeline, Source};

use crate::address::Address;
use crate::audit;
use crate::body::Body;
use crate::callback::{self, Callbacks};
use crate::exchange::Exchange;
use crate::refusal::Refusal;
use crate::stages::Stages;
use crate::throttle::Bucket;
use crate::url::{self, FunctionUrls, UrlAddress, Visit};

/// The largest request body, in bytes: API Gateway's payload quota.
pub const BODY_BYTES_MAX: usize = 10 * 1_024 * 1_024;
/// The longest that an integration may take, in milliseconds.
pub const INTEGRATION_MILLIS_MAX: u32 = 29_000;

/// Serves the stages of REST APIs. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Shared>);

struct Shared {
    pipeline: Pipeline,
    stages: Stages,
    urls: FunctionUrls,
    callbacks: Option<Callbacks>,
    verifier: Verifier,
    strangers: Bucket,
}

/// The ids that one answer carries.
pub(crate) struct Ids {
    pub(crate) request: Arc<str>,
    pub(crate) extended: String,
    pub(crate) trace: String,
}

impl Ids {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            request: crypto::random::uuid().into(),
            extended: format!("{}=", crypto::random::alphanumeric(15)),
            trace: format!("Root=1-{:08x}-{}", now.secs(), crypto::random::hex(12)),
        }
    }

    fn put(&self, headers: &mut HeaderMap) {
        let own = [("x-amzn-requestid", &*self.request), ("x-amz-apigw-id", &self.extended)];
        for (name, value) in own {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        if let Ok(value) = HeaderValue::from_str(&self.trace) {
            headers.entry("x-amzn-trace-id").or_insert(value);
        }
    }
}

impl Gateway {
    /// A gateway that serves these stages and calls functions through this pipeline.
    pub fn new(pipeline: Pipeline, stages: Stages) -> Self {
        let (verifier, strangers) = (Verifier::new(), audit::strangers());
        let urls = FunctionUrls::default();
        Self(Arc::new(Shared { pipeline, stages, urls, callbacks: None, verifier, strangers }))
    }

    /// The same gateway, serving these function URLs too. For the wiring, before it serves.
    #[must_use]
    pub fn with_function_urls(self, urls: FunctionUrls) -> Self {
        self.with(|shared| shared.urls = urls)
    }

    /// The same gateway, taking these answers too. For the wiring, before it serves.
    #[must_use]
    pub fn with_callbacks(self, callbacks: Callbacks) -> Self {
        self.with(|shared| shared.callbacks = Some(callbacks))
    }

    fn with(self, edit: impl FnOnce(&mut Shared)) -> Self {
        let mut shared = Shared {
            pipeline: self.0.pipeline.clone(),
            stages: self.0.stages.clone(),
            urls: self.0.urls.clone(),
            callbacks: self.0.callbacks.clone(),
            verifier: Verifier::new(),
            strangers: audit::strangers(),
        };
        edit(&mut shared);
        Self(Arc::new(shared))
    }

    /// True where a request is addressed to whoever awaits an answer, whether or not somebody does.
    pub fn calls_back(head: &Parts) -> bool {
        callback::is_for(head)
    }

    /// Takes an answer that somebody awaits.
    pub async fn take_answer(&self, head: &Parts, body: &Bytes) -> Response<Bytes> {
        callback::take(self.0.callbacks.as_ref(), head, body).await
    }

    /// Notes that an answer was over its limit, and was not read.
    pub async fn answer_is_too_long(&self, head: &Parts) {
        callback::too_long(self.0.callbacks.as_ref(), head).await;
    }

    /// True where a request is addressed to a stage or a function URL, whether or not there is one.
    pub fn serves(&self, head: &Parts) -> bool {
        Address::of(head).is_some() || UrlAddress::of(head).is_some()
    }

    /// Answers a request to a stage. It never fails: every refusal is an answer in API Gateway's words.
    pub async fn handle(&self, head: Parts, body: Bytes, source: Source) -> Response<Body> {
        let now = self.0.pipeline.clock().now();
        let ids = Ids::new(now);
        if UrlAddress::of(&head).is_some() {
            return self.visit(&head, &body, &source, &ids, now).await;
        }
        let answer = Box::pin(self.serve(&head, &body, &source, &ids, now)).await;
        let mut response = answer.unwrap_or_else(Refusal::into_response);
        ids.put(response.headers_mut());
        response.map(Body::Whole)
    }

    /// Answers a request to a function URL.
    async fn visit(
        &self,
        head: &Parts,
        body: &Bytes,
        source: &Source,
        ids: &Ids,
        now: Timestamp,
    ) -> Response<Body> {
        let shared = &self.0;
        let visit = Visit {
            pipeline: &shared.pipeline,
            verifier: &shared.verifier,
            urls: &shared.urls,
            head,
            body,
            source,
            now,
            request_id: &ids.request,
            strangers: &shared.strangers,
            trace_id: &ids.trace,
        };
        let mut response = visit.answer().await;
        url::sign_off(&mut response, &ids.request, &ids.trace);
        response
    }

    async fn serve(
        &self,
        head: &Parts,
        body: &Bytes,
        source: &Source,
        ids: &Ids,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Refusal> {
        // SECURITY: before the caller is known, only names are read, and a stage that is not there is answered like one
        // that is closed.
        let address = Address::of(head).ok_or_else(Refusal::forbidden)?;
        let stage = self.0.stages.find(address.rest_api_id, address.stage_name);
        let stage = stage.filter(|stage| !stage.deployment.api.disable_execute_api_endpoint);
        let stage = stage.ok_or_else(Refusal::forbidden)?;
        let shared = &self.0;
        let exchange = Exchange {
            pipeline: &shared.pipeline,
            verifier: &shared.verifier,
            strangers: &shared.strangers,
            plans: shared.stages.plans(),
            logs: shared.stages.logs(),
            stage: &stage,
            address: &address,
            head,
            body,
            source,
            ids,
            now,
        };
        Ok(exchange.answer().await)
    }
}
