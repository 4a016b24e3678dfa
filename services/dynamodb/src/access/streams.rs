//! What operations on streams ask leave for, whichever API they belong to.
//!
//! Whether a stream exists is never told here: without one, its policy is absent.

use base::Arn;
use policy::{Policy, PolicyKind};
use service::{Access, AccessRequest, Internal};

use crate::State;
use crate::dynamodbstreams::is_over;
use crate::error::Error;
use crate::records::StreamRecord;
use crate::streams::stored;

/// Leave for an action on what a stream holds, by memory: reading it waits for no record.
pub(crate) fn held_stream_access<I>(
    state: &State,
    request: &AccessRequest<'_, I>,
    action: &'static str,
    stream: &str,
) -> Result<Access, StreamAccessError> {
    asked(request, action, stream, || {
        let held = state.streams.find(stream).filter(|stream| !is_over(stream, request.now));
        policy_of(held.as_deref())
    })
}

/// Leave for an action on a stream itself, by its record.
pub(crate) fn stream_access<I>(
    state: &State,
    request: &AccessRequest<'_, I>,
    action: &'static str,
    stream: &str,
) -> Result<Access, StreamAccessError> {
    asked(request, action, stream, || {
        // An ARN is one stream's for ever, and so is the id under which its record stands.
        let known = state.streams.find(stream);
        let stored = known.map(|known| stored(request.records, known.id)).transpose();
        let stored = stored.map_err(|error| StreamAccessError::Failed(Internal::new(error)))?.flatten();
        policy_of(stored.filter(|stream| !is_over(stream, request.now)).as_ref())
    })
}

/// Leave for an action on a stream that may or may not exist.
fn asked<I>(
    request: &AccessRequest<'_, I>,
    action: &'static str,
    stream: &str,
    policy: impl FnOnce() -> Result<Option<Policy>, StreamAccessError>,
) -> Result<Access, StreamAccessError> {
    let invalid = || StreamAccessError::Arn(format!("Invalid StreamArn: {stream}"));
    let arn: Arn = stream.parse().map_err(|_| invalid())?;
    if arn.service != "dynamodb" || !arn.resource.starts_with("table/") || !arn.resource.contains("/stream/")
    {
        return Err(invalid());
    }
    let account = arn.account.parse().map_err(|_| invalid())?;
    let policy = if request.sees(account) { policy()? } else { None };
    Ok(Access::to(action, stream).owned_by(account).resource_policy(policy))
}

// SECURITY: a stored policy that does not parse is an error, never a missing policy: it might deny.
fn policy_of(stream: Option<&StreamRecord>) -> Result<Option<Policy>, StreamAccessError> {
    let policy = stream.and_then(|stream| stream.policy.as_ref());
    let policy = policy.map(|policy| Policy::parse(&policy.text, PolicyKind::Resource)).transpose();
    policy.map_err(|damaged| StreamAccessError::Failed(Internal::new(damaged)))
}

/// Why leave for a stream cannot be asked for.
pub(crate) enum StreamAccessError {
    /// It is no stream's ARN.
    Arn(String),
    /// What is stored of it cannot be read.
    Failed(Internal),
}

impl From<StreamAccessError> for Error {
    fn from(error: StreamAccessError) -> Self {
        match error {
            StreamAccessError::Arn(message) => Self::Validation(message),
            StreamAccessError::Failed(error) => Self::Internal(error),
        }
    }
}
