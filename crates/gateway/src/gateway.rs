//! The life of a request to a stage: address, route, authorize, throttle, integrate, answer.
//!
//! It reads no store: what it serves is in memory. It decides nothing itself; each step below belongs to a module of
//! its own.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response};
use identity::Principal;
use identity::sigv4::Verifier;
use service::{Pipeline, Source};

use crate::address::Address;
use crate::audit::{self, Refused};
use crate::authorize::Question;
use crate::authorizer::{self, Verdict};
use crate::body::Body;
use crate::callback::{self, Callbacks};
use crate::event::Invocation;
use crate::function::Target;
use crate::mock;
use crate::proxy;
use crate::records::{Authorization, DeployedMethod, Integration};
use crate::refusal::Refusal;
use crate::route::RequestPath;
use crate::stages::{LiveStage, Stages};
use crate::throttle::Bucket;
use crate::url::{self, FunctionUrls, UrlAddress, Visit};

/// The largest request body, in bytes: API Gateway's payload quota.
pub const BODY_BYTES_MAX: usize = 10 * 1_024 * 1_024;
/// The longest that an integration may take, in milliseconds.
pub const INTEGRATION_MILLIS_MAX: u32 = 29_000;

/// The methods that an API may have; `ANY` stands for these and no others.
// SECURITY: to HTTP, `delete` is another method than `DELETE`, and so it is to a policy; to many a function it is not.
const METHODS: [Method; 7] =
    [Method::DELETE, Method::GET, Method::HEAD, Method::OPTIONS, Method::PATCH, Method::POST, Method::PUT];

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
struct Ids {
    request: Arc<str>,
    extended: String,
    trace: String,
}

impl Ids {
    fn new(now: Timestamp) -> Self {
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

/// A request that found its method.
struct Routed<'r> {
    stage: &'r LiveStage,
    method: &'r DeployedMethod,
    place: usize,
    parameters: Vec<(String, String)>,
    path: RequestPath<'r>,
    address: &'r Address<'r>,
}

/// Who was found to call: by a signature, or by what a function said.
#[derive(Default)]
struct Caller {
    principal: Option<Arc<Principal>>,
    verdict: Option<Verdict>,
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
        if body.len() > BODY_BYTES_MAX {
            return Err(Refusal::too_large());
        }
        let routed = route(&stage, head, &address)?;
        // A function that tells callers apart is called for strangers: their rate is held before it is.
        let asks = routed.method.authorization == Authorization::Custom;
        if asks && !stage.admits(routed.place, now) {
            return Err(Refusal::throttled());
        }
        let caller = self.authorize(&routed, head, body, source, ids, now).await?;
        if !asks && !stage.admits(routed.place, now) {
            return Err(Refusal::throttled());
        }
        match &routed.method.integration {
            Integration::Mock(mock) => {
                let patterns = stage.patterns.get(routed.place).map(Vec::as_slice).unwrap_or_default();
                mock::answer(mock, patterns, &head.headers, body)
            }
            Integration::LambdaProxy { function, credentials, timeout_millis } => {
                let target = Target {
                    pipeline: &self.0.pipeline,
                    function,
                    credentials,
                    variables: &stage.record.variables,
                    caller: caller.principal.as_ref(),
                    source_arn: self.source_arn(&routed, head),
                    source_account: stage.record.account,
                    source,
                    timeout: Duration::from_millis((*timeout_millis).min(INTEGRATION_MILLIS_MAX).into()),
                    now,
                };
                let event = event(&routed, head, body, source, &caller, ids, now);
                let payload = target.invoke(event.to_string().into_bytes()).await?;
                let accept = head.headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok());
                proxy::answer(&payload, stage.binary_types.contain(accept)).map_err(|error| {
                    tracing::warn!(api = stage.record.rest_api_id, %error, "a function's answer is not handed on");
                    Refusal::malformed_answer()
                })
            }
        }
    }

    async fn authorize(
        &self,
        routed: &Routed<'_>,
        head: &Parts,
        body: &Bytes,
        source: &Source,
        ids: &Ids,
        now: Timestamp,
    ) -> Result<Caller, Refusal> {
        let question = Question {
            pipeline: &self.0.pipeline,
            verifier: &self.0.verifier,
            stage: routed.stage,
            method: routed.method,
            head,
            path: &routed.path,
            body,
            source,
            now,
        };
        let asked = match question.ask() {
            Ok(_) if routed.method.authorization == Authorization::Custom => {
                let request = event(routed, head, b"", source, &Caller::default(), ids, now);
                let verdict = Box::pin(authorizer::ask(&question, request)).await;
                verdict.map(|verdict| Caller { principal: None, verdict: Some(verdict) })
            }
            Ok(principal) => Ok(Caller { principal, verdict: None }),
            Err(denied) => Err(denied),
        };
        match asked {
            Ok(caller) => Ok(caller),
            Err(denied) => {
                Refused::by_stage(&question, &denied).record(&ids.request, &self.0.strangers).await;
                Err(denied.refusal)
            }
        }
    }

    /// The ARN that a function's policy names: the method as called, the resource as declared.
    fn source_arn(&self, routed: &Routed<'_>, head: &Parts) -> String {
        let stage = &routed.stage.record;
        let (region, account) = (self.0.pipeline.region().as_str(), stage.account.as_str());
        let (id, name, path) = (&stage.rest_api_id, &stage.stage_name, &routed.method.resource_path);
        format!("arn:aws:execute-api:{region}:{account}:{id}/{name}/{}{path}", head.method.as_str())
    }
}

fn route<'r>(stage: &'r LiveStage, head: &Parts, address: &'r Address<'r>) -> Result<Routed<'r>, Refusal> {
    if !METHODS.contains(&head.method) {
        return Err(Refusal::no_such_method());
    }
    let path = RequestPath::new(address.path);
    let found = stage.router.find(head.method.as_str(), &path).ok_or_else(Refusal::no_such_method)?;
    let method = stage.deployment.api.methods.get(found.method).ok_or_else(Refusal::no_such_method)?;
    Ok(Routed { stage, method, place: found.method, parameters: found.parameters, path, address })
}

fn event(
    routed: &Routed<'_>,
    head: &Parts,
    body: &[u8],
    source: &Source,
    caller: &Caller,
    ids: &Ids,
    now: Timestamp,
) -> serde_json::Value {
    let protocol = format!("{:?}", head.version);
    let invocation = Invocation {
        stage: routed.stage,
        method: routed.method,
        http_method: head.method.as_str(),
        path: &routed.path,
        parameters: &routed.parameters,
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body,
        domain_name: &routed.address.domain_name,
        protocol: &protocol,
        source,
        caller: caller.principal.as_deref(),
        verdict: caller.verdict.as_ref(),
        request_id: &ids.request,
        extended_request_id: &ids.extended,
        trace_id: &ids.trace,
        arrived: now,
    };
    invocation.event()
}
