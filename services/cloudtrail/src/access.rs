//! What LookupEvents asks leave for.

use service::{Access, AccessRequest};

use crate::api::LookupEventsRequest;
use crate::error::Error;

/// The action has no resource: whoever may look up events sees all of the account's.
#[allow(
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    reason = "the shape of every access function"
)]
pub(crate) fn lookup_events(_: &(), _: &AccessRequest<'_, LookupEventsRequest>) -> Result<Access, Error> {
    Ok(Access::to("cloudtrail:LookupEvents", "*"))
}
