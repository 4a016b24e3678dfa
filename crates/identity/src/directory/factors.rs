//! Second factors: whether a code is a user's, and that it is never good again.
//!
//! Wrong codes are counted for each device: beyond a few in a row, every code is refused for a while, so that six
//! digits cannot be tried through.

use base::{AccountId, Timestamp};

use super::{Directory, DirectoryError, Edit, Reads};
use crate::principal::entity_arn;
use crate::records::{MfaDeviceRecord, keys};
use crate::totp;

/// The name in `arn:aws:iam::<account>:mfa/path/name`, for a device of this account.
fn device_name(account: AccountId, serial: &str) -> Option<&str> {
    let rest = serial.strip_prefix("arn:aws:iam::")?.strip_prefix(account.as_str())?;
    rest.strip_prefix(":mfa/")?.rsplit('/').next().filter(|name| !name.is_empty())
}

/// The device with exactly this serial number.
pub fn mfa_device(
    from: &impl Reads,
    account: AccountId,
    serial: &str,
) -> Result<Option<MfaDeviceRecord>, DirectoryError> {
    let Some(name) = device_name(account, serial) else { return Ok(None) };
    let record: Option<MfaDeviceRecord> = from.record(keys::MFA_DEVICES, &keys::named(account, name))?;
    Ok(record.filter(|record| entity_arn(account, "mfa", &record.path, &record.name) == serial))
}

impl Directory {
    /// Whether this code is the next of this user's device. It is not used up by asking; a wrong one is counted.
    pub fn mfa_code_fits(
        &self,
        account: AccountId,
        user_id: &str,
        serial: &str,
        code: &str,
        now: Timestamp,
    ) -> Result<bool, DirectoryError> {
        if self.0.attempts.rests(serial, now) {
            return Ok(false);
        }
        let device = mfa_device(&self.0.store, account, serial)?;
        let fits = device.as_ref().is_some_and(|device| {
            device.assignment.as_ref().is_some_and(|assignment| {
                assignment.user_id == user_id
                    && totp::accept(&device.seed, code, assignment.progress, now).is_some()
            })
        });
        if device.is_some() && !fits {
            self.0.attempts.wrong(serial, now);
        }
        Ok(fits)
    }

    /// Uses up this code of this user's device; false where it does not fit.
    // SECURITY: inside a transaction, so that of two calls with one code only one is let in.
    pub fn use_mfa_code(
        &self,
        edit: &mut Edit<'_, '_>,
        user_id: &str,
        serial: &str,
        code: &str,
        now: Timestamp,
    ) -> Result<bool, DirectoryError> {
        let account = edit.account();
        let Some(mut device) = mfa_device(edit, account, serial)? else { return Ok(false) };
        let Some(assignment) = &mut device.assignment else { return Ok(false) };
        if assignment.user_id != user_id || self.0.attempts.rests(serial, now) {
            return Ok(false);
        }
        let Some(progress) = totp::accept(&device.seed, code, assignment.progress, now) else {
            self.0.attempts.wrong(serial, now);
            return Ok(false);
        };
        assignment.progress = progress;
        self.0.attempts.right(serial);
        let key = keys::named(account, &device.name);
        edit.put(keys::MFA_DEVICES, &key, &device)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_arns_of_this_account() {
        let account = "123456789012".parse().unwrap();
        assert_eq!(device_name(account, "arn:aws:iam::123456789012:mfa/a/b"), Some("b"));
        for serial in ["", "b", "arn:aws:iam::210987654321:mfa/b", "arn:aws:iam::123456789012:user/b"] {
            assert_eq!(device_name(account, serial), None, "{serial}");
        }
    }
}
