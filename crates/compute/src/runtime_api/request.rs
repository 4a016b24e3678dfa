//! Which call of the Runtime API a request is.
//!
//! It reads the path and nothing else: whether the call is allowed now is the environment's to say.

use bytes::Bytes;
use tokio::time::Instant;

use super::message::{ExtensionHead, Head, Message, Parsed};

/// A call of the Runtime API, version 2018-06-01.
#[derive(Debug)]
pub(crate) enum RuntimeRequest {
    /// A runtime that was started ahead is ready to learn what for.
    Assignment,
    /// The runtime is ready for an invocation.
    Next,
    /// The function's answer to an invocation.
    Response {
        request_id: String,
        body: Bytes,
        body_bytes: u64,
        failed_midway: Option<(String, Bytes)>,
        /// When its head came, where the rest came later.
        began: Option<Instant>,
    },
    /// The function's answer begins, and comes in pieces.
    ResponseBegins { request_id: String, content_type: Option<String> },
    /// The next piece of it, on the same connection.
    ResponsePiece(Bytes),
    /// It is whole, or failed half-way.
    ResponseEnds { failed_midway: Option<(String, Bytes)> },
    /// Its connection ended before it did.
    BrokeOff,
    /// The function failed on an invocation.
    InvocationError { request_id: String, error_type: Option<String>, body: Bytes },
    /// The function could not be initialised.
    InitError { error_type: Option<String>, body: Bytes },
    /// A call of an extension's.
    Extension(ExtensionCall),
    /// Nothing that exists here.
    Unknown,
}

/// A call of the Extensions API, version 2020-01-01, or of those that belong to it.
#[derive(Debug)]
pub(crate) enum ExtensionCall {
    /// An extension says that it is there, and what it wants to hear.
    Register { name: Option<String>, wants_account: bool, body: Bytes },
    /// It is ready for the next event.
    Next { identifier: Option<String> },
    /// It cannot go on.
    Failure { identifier: Option<String>, error_type: Option<String> },
    /// It wants telemetry, version 2022-07-01, or logs, version 2020-08-15.
    Subscribe { identifier: Option<String>, is_logs_api: bool, body: Bytes },
}

const EXTENSION_ROOT: &str = "/2020-01-01/extension/";

const ROOT: &str = "/2018-06-01/runtime/";
/// No call of AWS's: this platform's own bootstraps make it, and only before there is a function.
const ASSIGNMENT: &str = "/2018-06-01/fastness/assignment";

impl RuntimeRequest {
    /// Sorts what came in.
    pub(crate) fn of(parsed: Parsed) -> Self {
        match parsed {
            Parsed::Whole(message) => Self::of_message(message),
            Parsed::Begins(head) => Self::of_beginning(head),
            Parsed::Piece(piece) => Self::ResponsePiece(piece),
            Parsed::Ends(failed_midway) => Self::ResponseEnds { failed_midway },
        }
    }

    fn of_beginning(head: Head) -> Self {
        // An answer to nothing is refused by its id, which is none.
        let path = head.target.split('?').next().unwrap_or_default();
        let id = path.strip_prefix(ROOT).and_then(invocation_path).filter(|(_, what)| *what == "response");
        let request_id = id.map(|(id, _)| id.to_owned()).unwrap_or_default();
        Self::ResponseBegins { request_id, content_type: head.content_type }
    }

    fn of_message(message: Message) -> Self {
        let target = message.head.target.split('?').next().unwrap_or_default();
        if target == ASSIGNMENT && message.head.method == "GET" {
            return Self::Assignment;
        }
        if let Some(call) = extension_call(target, &message) {
            return Self::Extension(call);
        }
        let Some(path) = target.strip_prefix(ROOT) else { return Self::Unknown };
        match (message.head.method.as_str(), path) {
            ("GET", "invocation/next") => Self::Next,
            ("POST", "init/error") => {
                Self::InitError { error_type: message.head.error_type, body: message.body }
            }
            ("POST", path) => match invocation_path(path) {
                Some((id, "response")) => Self::Response {
                    request_id: id.to_owned(),
                    body: message.body,
                    body_bytes: message.body_bytes,
                    failed_midway: message.failed_midway,
                    began: message.began,
                },
                Some((id, "error")) => Self::InvocationError {
                    request_id: id.to_owned(),
                    error_type: message.head.error_type,
                    body: message.body,
                },
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }
}

fn extension_call(target: &str, message: &Message) -> Option<ExtensionCall> {
    // An invocation's calls, which are many, are told apart by one comparison.
    if target.starts_with(ROOT) {
        return None;
    }
    let (method, none) = (message.head.method.as_str(), ExtensionHead::default());
    let head = message.head.extension.as_deref().unwrap_or(&none);
    let (identifier, body) = (head.identifier.clone(), message.body.clone());
    match (method, target.strip_prefix(EXTENSION_ROOT)) {
        ("POST", Some("register")) => {
            let (name, wants_account) = (head.name.clone(), head.wants_account);
            Some(ExtensionCall::Register { name, wants_account, body })
        }
        ("GET", Some("event/next")) => Some(ExtensionCall::Next { identifier }),
        ("POST", Some("init/error" | "exit/error")) => {
            Some(ExtensionCall::Failure { identifier, error_type: head.error_type.clone() })
        }
        ("PUT", None) if target == "/2022-07-01/telemetry" || target == "/2020-08-15/logs" => {
            let is_logs_api = target.ends_with("logs");
            Some(ExtensionCall::Subscribe { identifier, is_logs_api, body })
        }
        _ => None,
    }
}

/// `invocation/<id>/<what>` in parts.
fn invocation_path(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("invocation/")?.split_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime_api::message::Head;

    fn sort(method: &str, target: &str) -> RuntimeRequest {
        let head = Head { method: method.to_owned(), target: target.to_owned(), ..Head::default() };
        RuntimeRequest::of(Parsed::Whole(Message { head, ..Message::default() }))
    }

    #[test]
    fn each_call_is_known_by_method_and_path() {
        assert!(matches!(sort("GET", "/2018-06-01/runtime/invocation/next"), RuntimeRequest::Next));
        assert!(matches!(sort("GET", ASSIGNMENT), RuntimeRequest::Assignment));
        assert!(matches!(sort("POST", ASSIGNMENT), RuntimeRequest::Unknown));
        assert!(matches!(sort("POST", "/2018-06-01/runtime/init/error"), RuntimeRequest::InitError { .. }));
        for (method, target) in [
            ("POST", "/2020-01-01/extension/register"),
            ("GET", "/2020-01-01/extension/event/next"),
            ("POST", "/2020-01-01/extension/exit/error"),
            ("PUT", "/2022-07-01/telemetry"),
            ("PUT", "/2020-08-15/logs"),
        ] {
            assert!(matches!(sort(method, target), RuntimeRequest::Extension(_)), "{method} {target}");
        }
        match sort("POST", "/2018-06-01/runtime/invocation/abc/response") {
            RuntimeRequest::Response { request_id, .. } => assert_eq!(request_id, "abc"),
            other => panic!("{other:?}"),
        }
        match sort("POST", "/2018-06-01/runtime/invocation/abc/error") {
            RuntimeRequest::InvocationError { request_id, .. } => assert_eq!(request_id, "abc"),
            other => panic!("{other:?}"),
        }
        for (method, target) in [
            ("POST", "/2018-06-01/runtime/invocation/next"),
            ("GET", "/2018-06-01/runtime/invocation/abc/response"),
            ("POST", "/2018-06-01/runtime/invocation/abc/response/more"),
            ("GET", "/2020-01-01/extension/register"),
            ("POST", "/2022-07-01/telemetry"),
            ("GET", "/"),
        ] {
            assert!(matches!(sort(method, target), RuntimeRequest::Unknown), "{method} {target}");
        }
    }
}
