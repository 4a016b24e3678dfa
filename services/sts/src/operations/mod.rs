//! The handlers, one file a subject.
//!
//! Each gets a permit: who calls was proven, and that they may was decided.

pub(crate) mod assume_role;
pub(crate) mod federation_token;
pub(crate) mod identity;
pub(crate) mod identity_token;
pub(crate) mod messages;
mod role_session;
pub(crate) mod root_session;
pub(crate) mod second_factor;
pub(crate) mod session_token;
pub(crate) mod web_identity;

use ::identity::TemporaryCredentials;
use base::Timestamp;
use service::Call;

use crate::api::Credentials;

/// When a session begins: in whole seconds, as STS tells all times.
const fn moment(call: &Call) -> Timestamp {
    Timestamp::from_secs(call.now().secs())
}

/// Temporary credentials as the API writes them.
fn credentials(made: &TemporaryCredentials) -> Credentials {
    Credentials {
        access_key_id: made.access_key_id.clone(),
        secret_access_key: made.secret.expose().to_owned().into(),
        session_token: made.session_token.expose().to_owned().into(),
        expiration: made.expires_at,
    }
}
