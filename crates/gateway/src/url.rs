//! Function URLs: a function's own HTTP address, from the request to the answer.
//!
//! Whether a caller may come in is the pipeline's to say, as for every invocation; here the caller is only proven, where
//! the address asks for that. An address that is not there is answered like one that is closed.

mod address;
mod answer;
mod cors;
mod event;
mod live;
mod refusal;
mod streamed;

use std::borrow::Cow;
use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response};
use identity::Principal;
use identity::sigv4::{self, Expected, Family, Verifier};
use observe::{AccessedResource, Outcome};
use protocol::{Fault, Structure, Value};
use serde_json::json;
use service::observation::Observation;
use service::{Pipeline, Source};

pub use cors::UrlCors;
pub use live::{FUNCTION_URLS, FunctionUrl, FunctionUrls, UrlAuth, UrlError, UrlMode};

pub(crate) use address::UrlAddress;

use refusal::Refusal;

use crate::audit::Told;
use crate::authorize::ELSEWHERE;
use crate::body::Body;
use crate::throttle::Bucket;

/// The largest request body: a synchronous invocation's payload.
const BODY_BYTES_MAX: usize = 6 * 1_024 * 1_024;

/// One request to a function URL.
pub(crate) struct Visit<'r> {
    pub(crate) pipeline: &'r Pipeline,
    pub(crate) verifier: &'r Verifier,
    pub(crate) urls: &'r FunctionUrls,
    pub(crate) head: &'r Parts,
    pub(crate) body: &'r Bytes,
    pub(crate) source: &'r Source,
    pub(crate) now: Timestamp,
    pub(crate) request_id: &'r Arc<str>,
    pub(crate) strangers: &'r Bucket,
    pub(crate) trace_id: &'r str,
}

impl Visit<'_> {
    /// Answers the request. Every refusal is an answer.
    pub(crate) async fn answer(&self) -> Response<Body> {
        let forbidden = || Refusal::forbidden().into_response().map(Body::Whole);
        let Some(address) = UrlAddress::of(self.head) else { return forbidden() };
        let Some(url) = self.urls.find(address.url_id) else { return forbidden() };
        let origin = self.head.headers.get(http::header::ORIGIN);
        if let (Some(cors), Some(origin)) = (&url.cors, origin)
            && let Some(preflight) = cors.preflight(self.head, origin)
        {
            return preflight.map(Body::Whole);
        }
        let mut observation = Observation::default();
        let mut response = match Box::pin(self.serve(&address, &url, &mut observation)).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response().map(Body::Whole),
        };
        if let (Some(cors), Some(origin)) = (&url.cors, origin) {
            cors.decorate(response.headers_mut(), origin);
        }
        observation.tell(response.headers_mut());
        response
    }

    async fn serve(
        &self,
        address: &UrlAddress<'_>,
        url: &FunctionUrl,
        observation: &mut Observation,
    ) -> Result<Response<Body>, Refusal> {
        if self.body.len() > BODY_BYTES_MAX {
            return Err(Refusal::too_large());
        }
        let caller = match url.auth {
            UrlAuth::AwsIam => match self.authenticate() {
                Ok(caller) => caller,
                Err((refusal, reason)) => {
                    self.refused(url, &refusal, reason).record(self.request_id, self.strangers).await;
                    return Err(refusal);
                }
            },
            UrlAuth::None => Arc::new(Principal::Anonymous),
        };
        let event = event::of(self, address, url, &caller).to_string();
        // SECURITY: only this marks a call as one through a URL, with the kind of URL that it is.
        let source = Source {
            function_url: Some(url.auth.name()),
            trace: Some(self.source.trace.clone().unwrap_or_else(|| self.trace_id.to_owned())),
            ..self.source.clone()
        };
        let input = Structure::new().with("FunctionName", url.arn()).with("Payload", Bytes::from(event));
        let operation = match url.mode {
            UrlMode::Buffered => "Invoke",
            UrlMode::ResponseStream => "InvokeWithResponseStream",
        };
        let input = Value::Structure(input);
        let (answered, observed) =
            self.pipeline.invoke_observed(caller, source, "lambda", operation, input).await;
        *observation = observed;
        let Value::Structure(mut answered) = answered.map_err(|fault| refused(&fault))? else {
            return Err(Refusal::failed());
        };
        if let Some(Value::Stream(events)) = answered.get("EventStream") {
            return streamed::of(events).await.map_err(|_| Refusal::failed());
        }
        if answered.str("FunctionError").is_some() {
            return Err(Refusal::failed());
        }
        let Some(Value::Blob(payload)) = answered.take("Payload") else { return Err(Refusal::failed()) };
        answer::of(&payload).map(|answer| answer.map(Body::Whole)).map_err(|_| Refusal::failed())
    }

    /// What the trail tells of a caller who was not proven; whom policies refuse is told by the invocation.
    fn refused<'a>(&'a self, url: &'a FunctionUrl, refusal: &Refusal, reason: String) -> Told<'a> {
        Told {
            pipeline: self.pipeline,
            head: self.head,
            source: self.source,
            now: self.now,
            principal: &Principal::Anonymous,
            account: url.account,
            event_source: "lambda.amazonaws.com",
            event_name: "InvokeFunctionUrl",
            parameters: json!({
                "functionName": url.arn(),
                "functionUrlAuthType": url.auth.name(),
                "httpMethod": self.head.method.as_str(),
            }),
            resource: AccessedResource {
                arn: url.arn(),
                account: url.account,
                kind: Cow::Borrowed("AWS::Lambda::Function"),
            },
            outcome: Outcome::failure(refusal.code(), reason),
            details: None,
            shared_id: None,
        }
    }

    /// The caller; or the refusal, and what the trail says of it.
    fn authenticate(&self) -> Result<Arc<Principal>, (Refusal, String)> {
        let request = sigv4::Request {
            method: self.head.method.as_str(),
            path: self.head.uri.path(),
            query: self.head.uri.query().unwrap_or_default(),
            headers: &self.head.headers,
            body: self.body,
        };
        let regions = [self.pipeline.region().as_str()];
        let expected = Expected { service: "lambda", regions: &regions, s3: false };
        if sigv4::claimed(request.headers, request.query).is_none() {
            return Err((Refusal::forbidden(), "The request is not signed".to_owned()));
        }
        let verified = self.verifier.verify_as_sent(&request, &expected, self.pipeline.directory(), self.now);
        let verified = verified.map_err(|error| {
            tracing::info!(%error, "a request to a function URL was not signed as it has to be");
            (Refusal::unsigned(&error.refusal(Family::RestJson)), error.to_string())
        })?;
        // SECURITY: out of an environment only its own credentials are good for anything.
        let fits = self.source.check_door(&verified.principal, Family::RestJson);
        fits.map_err(|refusal| (Refusal::unsigned(&refusal), ELSEWHERE.to_owned()))?;
        Ok(verified.principal)
    }
}

fn refused(fault: &Fault) -> Refusal {
    match fault.code.as_ref() {
        "AccessDeniedException" => Refusal::forbidden(),
        "TooManyRequestsException" | "ThrottlingException" => Refusal::throttled(&fault.message),
        "RequestTooLargeException" => Refusal::too_large(),
        "RecursiveInvocationException" => Refusal::looped(&fault.message),
        code => {
            tracing::warn!(code, message = fault.message, "a function behind a URL could not be called");
            Refusal::failed()
        }
    }
}

/// Puts the ids on an answer.
pub(crate) fn sign_off(response: &mut Response<Body>, request_id: &str, trace_id: &str) {
    for (name, value) in [("x-amzn-requestid", request_id), ("x-amzn-trace-id", trace_id)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// Any bytes as a function's answer through a URL: an answer or a refusal.
pub(crate) fn fuzz_answer(data: &[u8]) {
    if let Ok(response) = answer::of(&Bytes::copy_from_slice(data)) {
        assert!(response.status().as_u16() >= 200, "an answer that is none");
    }
}
