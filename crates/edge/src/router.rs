//! Which of the answers a request gets: health, an issuer's documents, an API Gateway stage, or the AWS APIs' pipeline.
//!
//! Health answers without the pipeline or the gateway, and says nothing but whether the platform is well; so do the documents of
//! accounts that issue tokens to others, which hold public keys and nothing else. What comes through a function's door
//! reaches what outsiders reach by the same addresses, but for those two, and only with credentials of that environment.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use gateway::{CALLBACK_BYTES_MAX, Gateway};
use http::{HeaderValue, Method, StatusCode, header};
use hyper::body::Incoming;
use protocol::{Fault, Protocol, RouteFault, WireRequest, WireResponse};
use service::call::Door;
use service::{Pipeline, Source};

use crate::answer::Answer;
use crate::body::{self, BodyError, BodyMemory};
use crate::limits::Limits;
use crate::rest::Watched;
use crate::unread::MALFORMED;

type Response = hyper::Response<Answer>;

const HEALTH_PATH: &str = "/_fastness/health";
/// How long others may keep an issuer's documents: a new key is looked for by its id in any case.
const PUBLISHED_KEPT: &str = "public, max-age=300";
const USER_AGENT_BYTES_MAX: usize = 1_024;
const TRACE_BYTES_MAX: usize = 1_024;

/// Where a connection came from.
pub(crate) struct Arrival {
    pub(crate) peer: IpAddr,
    pub(crate) is_secure: bool,
    /// What the peer speaks; functions need not, on a way in that is as good as TLS.
    pub(crate) speaks_tls: bool,
    /// As policies write it: `1.2` or `1.3`.
    pub(crate) tls_version: Option<&'static str>,
    pub(crate) door: Option<Arc<Door>>,
}

/// The answers that a listener gives.
pub struct Router {
    pipeline: Pipeline,
    gateway: Gateway,
    is_ready: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Router {
    /// A router to these two.
    pub fn new(pipeline: Pipeline, gateway: Gateway) -> Self {
        Self { pipeline, gateway, is_ready: Box::new(|| true) }
    }

    /// Health says that the platform is not well while this is false.
    #[must_use]
    pub fn ready_while(mut self, is_ready: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.is_ready = Box::new(is_ready);
        self
    }

    /// Ready; and a warning, without names, while roles are let through what they lack.
    fn health(&self, method: &Method) -> Response {
        health(method, (self.is_ready)(), self.pipeline.directory().observed_roles().unwrap_or(0))
    }

    /// What an account made public by which others check its tokens; for all else the same nothing.
    fn published(&self, method: &Method, path: &str) -> Response {
        if method != Method::GET && method != Method::HEAD {
            return plain(StatusCode::METHOD_NOT_ALLOWED, r#"{"message":"use GET"}"#);
        }
        let found = self.pipeline.directory().published(path).unwrap_or_else(|error| {
            tracing::error!(error = %base::Chain(&error), "an issuer's documents cannot be read");
            None
        });
        let Some(document) = found else {
            return plain(StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#);
        };
        let mut response = plain(StatusCode::OK, document);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(PUBLISHED_KEPT));
        response
    }

    pub(crate) async fn answer(
        &self,
        request: hyper::Request<Watched<Incoming>>,
        arrival: &Arrival,
        limits: &Limits,
        memory: &BodyMemory,
    ) -> Response {
        let (mut head, body) = request.into_parts();
        if !names_one_host(&mut head) {
            return ambiguous_host();
        }
        let mut body = Some(body);
        // SECURITY: health is for strangers too: it tells whether the platform is well and nothing else.
        if arrival.door.is_none() && head.uri.path() == HEALTH_PATH {
            return self.health(&head.method);
        }
        if arrival.door.is_none() && head.uri.path().starts_with(identity::outbound::PATH) {
            return self.published(&head.method, head.uri.path());
        }
        if Gateway::calls_back(&head) {
            let Some(body) = body.take() else { return refuse(BodyError::Broken, Form::Plain) };
            let read = body::read(body, CALLBACK_BYTES_MAX, limits.body_timeout, memory).await;
            return match read {
                Ok((body, _held)) => self.gateway.take_answer(&head, &body).await.map(Answer::whole),
                Err(error) => {
                    if matches!(error, BodyError::TooLarge(_)) {
                        self.gateway.answer_is_too_long(&head).await;
                    }
                    refuse(error, Form::Plain)
                }
            };
        }
        let stage = self.gateway.serves(&head);
        if !stage && let Some(answer) = self.streamed(&head, &mut body, arrival, limits).await {
            return into_http(answer);
        }
        let bytes_max = match (stage, head.uri.path()) {
            (true, _) => limits.stage_body_bytes_max,
            (_, path)
                if path.starts_with("/2015-03-31/functions") || path.starts_with("/2018-10-31/layers") =>
            {
                limits.package_bytes_max
            }
            _ => limits.body_bytes_max,
        };
        let form = if stage { Form::Stage } else { Form::Api(&head) };
        let Some(body) = body else { return refuse(BodyError::Broken, form) };
        let (body, _held) = match body::read(body, bytes_max, limits.body_timeout, memory).await {
            Ok(read) => read,
            Err(error) => return refuse(error, form),
        };
        let source = source(&head, arrival);
        if stage {
            return finish(self.gateway.handle(head, body, source).await);
        }
        let request = wire(&head, &body);
        into_http(self.pipeline.serve(&request, source).await)
    }
}

/// The answer to a request in which the platform itself panicked. The log names it by the id that its sender is told.
pub(crate) fn failed() -> Response {
    let request_id = crypto::random::uuid();
    tracing::error!(request_id, "a request ended in a panic");
    let mut response = plain(
        StatusCode::INTERNAL_SERVER_ERROR,
        r#"{"__type":"InternalFailure","message":"The request processing has failed because of an unknown error, exception or failure."}"#,
    );
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

impl Router {
    /// The answer of an API that takes bodies as they arrive; `None`, and the body left alone, where it is another's.
    async fn streamed(
        &self,
        head: &http::request::Parts,
        body: &mut Option<Watched<Incoming>>,
        arrival: &Arrival,
        limits: &Limits,
    ) -> Option<WireResponse> {
        let empty = Bytes::new();
        let request = wire(head, &empty);
        if !Pipeline::streams(&request) {
            return None;
        }
        let body =
            body::stream(body.take()?, limits.stream_bytes_max, limits.body_timeout, limits.idle_timeout);
        Some(self.pipeline.serve_streamed(&request, &body, source(head, arrival)).await)
    }
}

/// True where all readers take the same for the host; it stands in `Host` from here on.
// SECURITY: what one reader takes for the host, and another does not, is no request at all (RFC 9112, 3.2).
fn names_one_host(head: &mut http::request::Parts) -> bool {
    if head.headers.get_all(header::HOST).iter().nth(1).is_some() {
        return false;
    }
    let named = head.headers.get(header::HOST).map(HeaderValue::as_bytes);
    if let Some(authority) = head.uri.authority() {
        if authority.as_str().contains('@') {
            return false;
        }
        let is_same = |named: &[u8]| {
            let same = |one: &str| named.eq_ignore_ascii_case(one.as_bytes());
            same(authority.as_str()) || same(authority.host())
        };
        // A whole address in the first line goes before whatever `Host` says (RFC 9112, 3.2.2).
        if !named.is_some_and(is_same) {
            let Ok(named) = HeaderValue::from_str(authority.as_str()) else { return false };
            head.headers.insert(header::HOST, named);
        }
    }
    // A user is no part of a host.
    !head.headers.get(header::HOST).is_some_and(|host| host.as_bytes().contains(&b'@'))
}

fn wire<'a>(head: &'a http::request::Parts, body: &'a Bytes) -> WireRequest<'a> {
    WireRequest {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body,
    }
}

fn source(head: &http::request::Parts, arrival: &Arrival) -> Source {
    let user_agent = head.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let user_agent = user_agent.unwrap_or_default();
    let trace = head.headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok());
    let referer = head.headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    Source {
        ip: arrival.peer,
        user_agent: user_agent.chars().take(USER_AGENT_BYTES_MAX).collect(),
        referer: referer.map(|text| text.chars().take(USER_AGENT_BYTES_MAX).collect()),
        is_secure: arrival.is_secure,
        speaks_tls: arrival.speaks_tls,
        via: Vec::new(),
        door: arrival.door.clone(),
        function_url: None,
        trace: trace.filter(|trace| trace.len() <= TRACE_BYTES_MAX).map(str::to_owned),
        marks: None,
        tls_version: arrival.tls_version,
        signing: None,
    }
}

fn into_http(answer: WireResponse) -> Response {
    let body = answer.stream.as_ref().map_or_else(|| Answer::whole(answer.body), Answer::stream);
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = answer.headers;
    response
}

fn finish(answer: http::Response<gateway::Body>) -> Response {
    answer.map(|body| match body {
        gateway::Body::Whole(bytes) => Answer::whole(bytes),
        gateway::Body::Stream(stream) => Answer::stream(&stream),
    })
}

fn health(method: &Method, is_ready: bool, observed: usize) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, r#"{"message":"use GET"}"#);
    }
    if !is_ready {
        return plain(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"recovering"}"#);
    }
    if observed > 0 {
        return plain(StatusCode::OK, format!(r#"{{"status":"ready","observedRoles":{observed}}}"#));
    }
    plain(StatusCode::OK, r#"{"status":"ready"}"#)
}

/// More than one host is no well-formed request.
fn ambiguous_host() -> Response {
    let (code, message) = MALFORMED;
    let fault = Fault::sender(code, message).with_status(StatusCode::BAD_REQUEST.as_u16());
    let refused = RouteFault { model: None, protocol: Protocol::Query, fault };
    let mut response = into_http(refused.encode(&crypto::random::uuid()));
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// In whose form a body is refused.
enum Form<'a> {
    Plain,
    Stage,
    /// The AWS API that the request's head means.
    Api(&'a http::request::Parts),
}

fn refuse(error: BodyError, form: Form<'_>) -> Response {
    let (status, code) = match error {
        BodyError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException"),
        BodyError::TimedOut => (StatusCode::REQUEST_TIMEOUT, "RequestTimeout"),
        BodyError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        BodyError::Broken => (StatusCode::BAD_REQUEST, "IncompleteBody"),
    };
    let mut response = match (form, error) {
        (Form::Api(head), error) => {
            let message = match error {
                BodyError::TooLarge(max) => format!("Request must be smaller than {max} bytes"),
                error => error.to_string(),
            };
            let fault = Fault::sender(code, message).with_status(status.as_u16());
            into_http(Pipeline::refuse(&wire(head, &Bytes::new()), &fault))
        }
        (Form::Stage, BodyError::TooLarge(_)) => plain(status, r#"{"message":"Request Too Long"}"#),
        (_, error) => plain(status, format!(r#"{{"__type":"{code}","message":"{error}"}}"#)),
    };
    response.headers_mut().entry("x-amzn-errortype").or_insert(HeaderValue::from_static(code));
    response
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Answer::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_of(uri: &str, hosts: &[&str]) -> Option<String> {
        let mut request = http::Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        let named = |head: &http::request::Parts| {
            head.headers.get("host").map(|host| host.to_str().unwrap().to_owned())
        };
        names_one_host(&mut head).then(|| named(&head).unwrap_or_default())
    }

    #[test]
    fn all_readers_take_the_same_for_the_host() {
        for (uri, hosts, expected) in [
            ("/", &["a"][..], Some("a")),
            ("/", &[], Some("")),
            ("/", &["a", "a"], None),
            ("/", &["b@a"], None),
            ("http://a/", &["b"], Some("a")),
            ("http://a:1/", &["b:2"], Some("a:1")),
            ("http://a/", &[], Some("a")),
            ("http://b@a/", &["a"], None),
            // As it was signed.
            ("http://a:80/", &["A"], Some("A")),
        ] {
            assert_eq!(host_of(uri, hosts).as_deref(), expected, "{uri} {hosts:?}");
        }
    }
}
