//! What the Runtime API answers, as bytes ready to be written.
//!
//! Header values come from callers of Invoke: whatever could end a header is left out.

use std::fmt::Write as _;

use bytes::Bytes;

/// An invocation as the answer to `next`.
pub(crate) struct Assignment<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) deadline_millis: i64,
    pub(crate) invoked_arn: &'a str,
    pub(crate) trace_id: &'a str,
    /// JSON, already decoded from base64.
    pub(crate) client_context: Option<&'a str>,
    pub(crate) payload: &'a Bytes,
}

impl Assignment<'_> {
    /// The head; the payload follows it.
    pub(super) fn head(&self) -> Bytes {
        let mut head = String::with_capacity(512 + self.client_context.map_or(0, str::len));
        head.push_str("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n");
        header(&mut head, "Lambda-Runtime-Aws-Request-Id", self.request_id);
        let _ = write!(head, "Lambda-Runtime-Deadline-Ms: {}\r\n", self.deadline_millis);
        header(&mut head, "Lambda-Runtime-Invoked-Function-Arn", self.invoked_arn);
        header(&mut head, "Lambda-Runtime-Trace-Id", self.trace_id);
        if let Some(context) = self.client_context {
            header(&mut head, "Lambda-Runtime-Client-Context", context);
        }
        let _ = write!(head, "Content-Length: {}\r\n\r\n", self.payload.len());
        Bytes::from(head)
    }
}

// SECURITY: a line break in a value would let the caller of Invoke write headers of its own.
fn header(head: &mut String, name: &str, value: &str) {
    head.push_str(name);
    head.push_str(": ");
    head.extend(value.chars().filter(|c| !c.is_control()));
    head.push_str("\r\n");
}

/// Why the runtime's call is not accepted, in the Runtime API's own terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The id is not that of the invocation in progress.
    RequestId,
    /// The call makes no sense at this moment.
    State,
    /// The answer is over the limit.
    TooLarge,
    /// There is no such call.
    Unknown,
    /// The request was not HTTP as it is spoken here.
    Malformed,
}

impl Refused {
    pub(super) fn bytes(self) -> Bytes {
        let (status, kind, message) = match self {
            Self::RequestId => ("400 Bad Request", "InvalidRequestID", "Invalid request ID"),
            Self::State => {
                ("403 Forbidden", "InvalidStateTransition", "The call is not allowed in this state")
            }
            Self::TooLarge => {
                ("413 Payload Too Large", "RequestEntityTooLarge", "Exceeded maximum allowed payload size")
            }
            Self::Unknown => ("404 Not Found", "UnknownPath", "The Runtime API has no such call"),
            Self::Malformed => ("400 Bad Request", "InvalidRequest", "The request is malformed"),
        };
        let body = format!(r#"{{"errorMessage":"{message}","errorType":"{kind}"}}"#);
        let length = body.len();
        Bytes::from(format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }
}

/// The head of an answer with a JSON body. The headers are the platform's own.
pub(super) fn head(status: &str, headers: &[(&str, &str)], length: usize) -> Bytes {
    let mut head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n");
    for (name, value) in headers {
        header(&mut head, name, value);
    }
    let _ = write!(head, "Content-Length: {length}\r\n\r\n");
    Bytes::from(head)
}

/// The head of a JSON document.
pub(super) fn document_head(length: usize) -> Bytes {
    Bytes::from(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ))
}

/// `202 Accepted`.
pub(super) const ACCEPTED: Bytes = Bytes::from_static(
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n",
);

/// `100 Continue`.
pub(super) const CONTINUE: Bytes = Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_carries_its_headers_and_nobody_elses() {
        let payload = Bytes::from_static(b"{}");
        let assignment = Assignment {
            request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            deadline_millis: 1_542_409_706_888,
            invoked_arn: "arn:aws:lambda:us-east-1:123456789012:function:f",
            trace_id: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
            client_context: Some("{\"a\":1}\r\nX-Evil: 1"),
            payload: &payload,
        };
        let head = assignment.head();
        let text = std::str::from_utf8(&head).unwrap();
        assert!(text.contains("Lambda-Runtime-Deadline-Ms: 1542409706888\r\n"));
        assert!(text.contains("Lambda-Runtime-Client-Context: {\"a\":1}X-Evil: 1\r\n"));
        assert!(text.ends_with("Content-Length: 2\r\n\r\n"));
    }

    #[test]
    fn declared_lengths_are_true() {
        for answer in [ACCEPTED, Refused::RequestId.bytes(), Refused::Unknown.bytes(), Refused::State.bytes()]
        {
            let text = std::str::from_utf8(&answer).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{text}");
        }
    }
}
