//! The handlers, by subject.
//!
//! Leave was granted before any of them runs; that the caller's account may manage or read its organization is asked here.

pub(crate) mod accounts;
pub(crate) mod attachments;
pub(crate) mod creation;
pub(crate) mod delegation;
pub(crate) mod organization;
pub(crate) mod policies;
pub(crate) mod tagging;
pub(crate) mod units;

use base::Timestamp;
use service::Call;

/// When something was made: in whole seconds, as this API tells all times.
const fn moment(call: &Call) -> Timestamp {
    Timestamp::from_secs(call.now().secs())
}
