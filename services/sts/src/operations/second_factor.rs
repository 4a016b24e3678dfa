//! A second factor beside the key that signed: the user's own device, and a code that was never used.
//!
//! The code is looked at before the decision, so that policies may ask for it, and used up in the work: of two calls
//! with one code, one is let in.

use ::identity::Principal;
use base::Timestamp;
use service::Call;

use crate::{Error, Sts};

/// A device's serial number and its code, where a request carries both.
pub(crate) struct Given<'a> {
    serial: &'a str,
    code: &'a str,
}

fn refused() -> Error {
    Error::denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
}

/// What a request carries; half of it is an error.
pub(crate) fn given<'a>(serial: Option<&'a str>, code: Option<&'a str>) -> Result<Option<Given<'a>>, Error> {
    match (serial, code) {
        (None, None) => Ok(None),
        (Some(serial), Some(code)) => Ok(Some(Given { serial, code })),
        (Some(_), None) => Err(Error::denied(
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
        )),
        (None, Some(_)) => Err(Error::ValidationError(
            "The SerialNumber of the MFA device is missing beside the TokenCode.".to_owned(),
        )),
    }
}

impl Given<'_> {
    /// Refuses a code that is not the caller's. It is not used up yet.
    pub(crate) fn check(&self, sts: &Sts, principal: &Principal, now: Timestamp) -> Result<(), Error> {
        let Principal::User(user) = principal else { return Err(refused()) };
        let fits = sts.directory.mfa_code_fits(user.account, &user.user_id, self.serial, self.code, now)?;
        if fits { Ok(()) } else { Err(refused()) }
    }

    /// Uses the code up; refuses one that is wrong, or was used in the meantime.
    pub(crate) async fn use_up(&self, sts: &Sts, call: &Call) -> Result<(), Error> {
        let Principal::User(user) = &**call.principal() else { return Err(refused()) };
        let fits: Result<bool, Error> = call
            .transact(|transaction| {
                let mut edit = sts.directory.edit(transaction, user.account);
                let now = call.now();
                Ok(sts.directory.use_mfa_code(&mut edit, &user.user_id, self.serial, self.code, now)?)
            })
            .await;
        if fits? { Ok(()) } else { Err(refused()) }
    }
}
