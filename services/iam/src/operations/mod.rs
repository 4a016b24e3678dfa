//! The handlers, one file a subject.
//!
//! Each gets a permit: who calls was proven, and that they may was decided.

pub(crate) mod access_keys;
pub(crate) mod account;
pub(crate) mod attached;
pub(crate) mod boundaries;
pub(crate) mod certificates;
pub(crate) mod credential_report;
pub(crate) mod details;
pub(crate) mod entities;
pub(crate) mod granting;
pub(crate) mod groups;
pub(crate) mod inline;
pub(crate) mod instance_profiles;
pub(crate) mod last_accessed;
pub(crate) mod linked_roles;
pub(crate) mod logins;
pub(crate) mod members;
pub(crate) mod mfa;
pub(crate) mod none_held;
pub(crate) mod organization_report;
pub(crate) mod outbound;
pub(crate) mod password_policy;
pub(crate) mod policies;
pub(crate) mod providers;
pub(crate) mod roles;
pub(crate) mod root_access;
pub(crate) mod simulate;
pub(crate) mod tagged;
pub(crate) mod tags;
pub(crate) mod users;
pub(crate) mod versions;

use base::Timestamp;
use service::Call;

use crate::Error;

/// When a call arrived, in whole seconds, as IAM tells all times.
const fn moment(call: &Call) -> Timestamp {
    whole_secs(call.now())
}

const fn whole_secs(moment: Timestamp) -> Timestamp {
    Timestamp::from_secs(moment.secs())
}

/// The path of a new entity.
fn path(given: Option<String>) -> String {
    given.unwrap_or_else(|| "/".to_owned())
}

/// Refuses to delete what policies still hang on.
fn check_no_policies(inline: bool, attached: bool) -> Result<(), Error> {
    if attached {
        return Err(Error::conflict("detach all policies"));
    }
    if inline {
        return Err(Error::conflict("delete policies"));
    }
    Ok(())
}
