//! Temporary credentials of a user, from its own long-term key.
//!
//! They carry the user's rights and no others; with a second factor, they say so.

use std::sync::Arc;

use ::identity::{DirectoryError, Principal, Session, Subject};
use service::Permit;

use super::{credentials, moment, second_factor};
use crate::api::{GetSessionToken, GetSessionTokenResponse};
use crate::{Error, Sts, model};

pub(crate) async fn session_token(
    sts: Arc<Sts>,
    permit: Permit<GetSessionToken>,
) -> Result<GetSessionTokenResponse, Error> {
    let Permit { input, call, .. } = permit;
    let factor = second_factor::given(input.serial_number.as_deref(), input.token_code.as_deref())?;
    if let Some(factor) = &factor {
        factor.use_up(&sts, &call).await?;
    }
    let subject = match &**call.principal() {
        Principal::Root(_) => Subject::Root,
        Principal::User(user) => Subject::User { name: user.name.clone(), user_id: user.user_id.clone() },
        _ => return Err(Error::denied("Cannot call GetSessionToken with session credentials")),
    };
    let secs = model::key_session_secs(input.duration_seconds, subject == Subject::Root);
    let session = Session {
        account: call.account(),
        subject,
        issued_at: moment(&call),
        expires_at: moment(&call).plus_secs(secs),
        mfa: factor.is_some(),
    };
    let made = sts.directory.tokens().issue(&session).map_err(DirectoryError::from)?;
    Ok(GetSessionTokenResponse { credentials: Some(credentials(&made)) })
}
