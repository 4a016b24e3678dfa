//! A waiting event as it is stored. The payload stands in a table of its own, so that a retry does not write it again.
//!
//! Version 1. A later version reads this one.

use base::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

/// An asynchronous invocation that waits, without its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedEvent {
    /// The account.
    pub account: AccountId,
    /// The invocation's id; it stays the same however often it is tried.
    pub request_id: String,
    /// The function, without a qualifier.
    pub function_arn: String,
    /// Which function of that name: one that is made anew under it is another. Absent in events from before there was an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_id: Option<String>,
    /// The version or alias that was asked for.
    pub qualifier: Option<String>,
    /// The client context as JSON.
    pub client_context: Option<String>,
    /// The trace.
    pub trace_id: String,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When it is to be tried.
    pub due_at: Timestamp,
    /// When it is given up.
    pub gives_up_at: Timestamp,
    /// How often it may be tried again after a function error.
    pub retries_max: u32,
    /// How often it ended with a function error.
    pub failures: u32,
    /// How often in a row it was refused before it reached the function.
    pub refusals: u32,
}

/// A stored event cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnreadableEvent {
    #[error("version {0} is not known")]
    Version(u8),
    #[error("the record is damaged")]
    Damaged(#[from] serde_json::Error),
}

const VERSION: u8 = 1;

impl QueuedEvent {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        // Plain strings and numbers: writing them to memory has no way to fail.
        let _ = serde_json::to_writer(&mut bytes, self);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, UnreadableEvent> {
        match bytes.split_first() {
            Some((&VERSION, json)) => Ok(serde_json::from_slice(json)?),
            other => Err(UnreadableEvent::Version(other.map_or(0, |(version, _)| *version))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_stays_readable() {
        let event = QueuedEvent {
            account: "000000000000".parse().unwrap(),
            request_id: "id".into(),
            function_arn: "arn".into(),
            function_id: None,
            qualifier: None,
            client_context: Some("{}".into()),
            trace_id: "Root=1".into(),
            queued_at: Timestamp::from_millis(1),
            due_at: Timestamp::from_millis(2),
            gives_up_at: Timestamp::from_millis(3),
            retries_max: 2,
            failures: 1,
            refusals: 0,
        };
        let golden = concat!(
            "\u{1}",
            r#"{"account":"000000000000","request_id":"id","function_arn":"arn","qualifier":null,"#,
            r#""client_context":"{}","trace_id":"Root=1","queued_at":1,"due_at":2,"gives_up_at":3,"#,
            r#""retries_max":2,"failures":1,"refusals":0}"#
        );
        assert_eq!(String::from_utf8(event.encode()).unwrap(), golden);
        assert_eq!(QueuedEvent::decode(golden.as_bytes()).unwrap(), event);
        let known = QueuedEvent { function_id: Some("f".into()), ..event };
        let with_id = golden.replace(r#""arn","#, r#""arn","function_id":"f","#);
        assert_eq!(String::from_utf8(known.encode()).unwrap(), with_id);
        assert_eq!(QueuedEvent::decode(with_id.as_bytes()).unwrap(), known);
        for bad in [b"".as_slice(), b"\x02{}", b"\x01{}", b"\x01"] {
            assert!(QueuedEvent::decode(bad).is_err());
        }
    }
}
