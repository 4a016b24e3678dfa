//! Which call of the Runtime API a request is.
//!
//! It reads the path and nothing else: whether the call is allowed now is the environment's to say.

use bytes::Bytes;

use super::message::{Head, Message, Parsed};

/// A call of the Runtime API, version 2018-06-01.
#[derive(Debug)]
pub(crate) enum RuntimeRequest {
    /// A runtime that was started ahead is ready to learn what for.
    Assignment,
    /// The runtime is ready for an invocation.
    Next,
    /// The function's answer to an invocation.
    Response { request_id: String, body: Bytes, body_bytes: u64, failed_midway: Option<(String, Bytes)> },
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
    /// Nothing that exists here.
    Unknown,
}

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
            ("GET", "/2020-01-01/extension/event/next"),
            ("GET", "/"),
        ] {
            assert!(matches!(sort(method, target), RuntimeRequest::Unknown), "{method} {target}");
        }
    }
}
