//! What operations on streams ask leave for, whichever API they belong to.
//!
//! Whether a stream exists is never told here: without one, its policy is absent.

use base::Arn;
use policy::{Policy, PolicyKind};
use service::{Access, AccessRequest, Internal};

use crate::State;
use crate::dynamodbstreams::is_over;
use crate::error::Error;

/// Leave for an action on a stream that may or may not exist.
// SECURITY: a stored policy that does not parse is an error, never a missing policy: it might deny.
pub(crate) fn stream_access<I>(
    state: &State,
    request: &AccessRequest<'_, I>,
    action: &'static str,
    stream: &str,
) -> Result<Access, StreamAccessError> {
    let invalid = || StreamAccessError::Arn(format!("Invalid StreamArn: {stream}"));
    let arn: Arn = stream.parse().map_err(|_| invalid())?;
    if arn.service != "dynamodb" || !arn.resource.starts_with("table/") || !arn.resource.contains("/stream/")
    {
        return Err(invalid());
    }
    let account = arn.account.parse().map_err(|_| invalid())?;
    let access = Access::to(action, stream).owned_by(account);
    let found = request.sees(account).then(|| state.streams.find(stream)).flatten();
    let found = found.filter(|stream| !is_over(stream, request.now));
    let policy = found.as_ref().and_then(|stream| stream.policy.as_ref());
    let policy = policy.map(|policy| Policy::parse(&policy.text, PolicyKind::Resource)).transpose();
    Ok(access.resource_policy(policy.map_err(|error| StreamAccessError::Policy(Internal::new(error)))?))
}

/// Why leave for a stream cannot be asked for.
pub(crate) enum StreamAccessError {
    /// It is no stream's ARN.
    Arn(String),
    /// Its stored policy is damaged.
    Policy(Internal),
}

impl From<StreamAccessError> for Error {
    fn from(error: StreamAccessError) -> Self {
        match error {
            StreamAccessError::Arn(message) => Self::Validation(message),
            StreamAccessError::Policy(damaged) => Self::Internal(damaged),
        }
    }
}
