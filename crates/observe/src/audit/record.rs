//! What is recorded of a call.

use std::borrow::Cow;
use std::sync::Arc;

use base::{AccountId, Region, Timestamp};
use bytes::Bytes;

/// Management events change or read what exists; data events work with what is inside it; network events are no calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Category {
    /// Control-plane calls.
    #[default]
    Management,
    /// Calls on items, objects, invocations.
    Data,
    /// Connections to the outside.
    Network,
}

/// A resource that a call touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessedResource {
    /// Its ARN.
    pub arn: String,
    /// The account that owns it.
    pub account: AccountId,
    /// Its type, for example `AWS::DynamoDB::Table`; empty where it is not known.
    pub kind: Cow<'static, str>,
}

/// A call as it is known before its work begins.
#[derive(Clone, Debug)]
pub struct Record {
    /// In whose trail the record belongs (`recipientAccountId`).
    pub account: AccountId,
    /// When the call arrived.
    pub event_time: Timestamp,
    /// For example `dynamodb.amazonaws.com`.
    pub event_source: Cow<'static, str>,
    /// For example `GetItem`.
    pub event_name: Cow<'static, str>,
    /// The region that was called.
    pub region: Region,
    /// The caller's address, or the service that called on its behalf.
    pub source_ip: String,
    /// What the caller says it is.
    pub user_agent: String,
    /// The `userIdentity` element, as JSON.
    pub user_identity: Bytes,
    /// The user or session name that queries match; empty for strangers.
    pub username: String,
    /// The access key that signed; empty where none did.
    pub access_key_id: String,
    /// The input as JSON, without sensitive members; `None` where there is nothing to tell.
    pub request_parameters: Option<Vec<u8>>,
    /// The id that the caller's answer carries.
    pub request_id: Arc<str>,
    /// True where the call cannot change anything.
    pub read_only: bool,
    /// What the call touched.
    pub resources: Vec<AccessedResource>,
    /// What kind of event it is.
    pub category: Category,
    /// The same for all records of one call that several accounts see.
    pub shared_event_id: Option<String>,
    /// The private endpoint that the call came through.
    pub vpc_endpoint_id: Option<String>,
    /// Anything else that belongs in the trail, as JSON.
    pub additional_event_data: Option<Vec<u8>>,
}

/// How a call ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The error's code and message, where it failed.
    pub error: Option<(String, String)>,
    /// The output as JSON, without sensitive members; `None` for reads and where there is nothing to tell.
    pub response_elements: Option<Vec<u8>>,
    /// The caller went away, or the work broke off, before there was an answer.
    pub interrupted: bool,
    /// What stands in place of the record's own additional data, where the work found more to tell. As JSON.
    pub details: Option<Vec<u8>>,
}

impl Outcome {
    /// It worked.
    #[must_use]
    pub fn success(response_elements: Option<Vec<u8>>) -> Self {
        Self { response_elements, ..Self::default() }
    }

    /// It was refused or failed.
    #[must_use]
    pub fn failure(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error: Some((code.into(), message.into())), ..Self::default() }
    }
}

impl Record {
    /// About how much memory it takes while it waits to be written.
    pub(crate) fn bytes(&self) -> usize {
        let parameters = self.request_parameters.as_ref().map_or(0, Vec::len);
        let resources: usize = self.resources.iter().map(|resource| resource.arn.len() + 64).sum();
        let details = self.additional_event_data.as_ref().map_or(0, Vec::len);
        512 + parameters
            + resources
            + details
            + self.user_identity.len()
            + self.user_agent.len()
            + self.username.len()
    }
}
