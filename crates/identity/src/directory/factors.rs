//! Second factors: whether a code is a user's, and that it is never good again.
//!
//! Wrong codes of a device's own user are counted: beyond a few in a row, every code is refused for a while, so that six
//! digits cannot be tried through. Another user's are wrong whatever they are, and count for nobody.

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

/// By what wrong codes are counted: a device that gets another user begins anew.
fn whose(user_id: &str, serial: &str) -> String {
    format!("{user_id} {serial}")
}

/// The device with exactly this serial number.
pub fn mfa_device(
    from: &(impl Reads + ?Sized),
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
        let Some(device) = mfa_device(&self.0.store, account, serial)? else { return Ok(false) };
        let Some(assignment) = &device.assignment else { return Ok(false) };
        let whose = whose(user_id, serial);
        // SECURITY: before anything is counted, or a stranger's wrong codes would lock the user out.
        if assignment.user_id != user_id || self.0.attempts.rests(account, &whose, now) {
            return Ok(false);
        }
        let fits = totp::accept(&device.seed, code, assignment.progress, now).is_some();
        if !fits {
            self.0.attempts.wrong(account, &whose, now);
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
        let whose = whose(user_id, serial);
        if assignment.user_id != user_id || self.0.attempts.rests(account, &whose, now) {
            return Ok(false);
        }
        let Some(progress) = totp::accept(&device.seed, code, assignment.progress, now) else {
            self.0.attempts.wrong(account, &whose, now);
            return Ok(false);
        };
        assignment.progress = progress;
        self.0.attempts.right(account, &whose);
        let key = keys::named(account, &device.name);
        edit.put(keys::MFA_DEVICES, &key, &device)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::MfaAssignment;

    #[test]
    fn serial_numbers_are_arns_of_this_account() {
        let account = "123456789012".parse().unwrap();
        assert_eq!(device_name(account, "arn:aws:iam::123456789012:mfa/a/b"), Some("b"));
        for serial in ["", "b", "arn:aws:iam::210987654321:mfa/b", "arn:aws:iam::123456789012:user/b"] {
            assert_eq!(device_name(account, serial), None, "{serial}");
        }
    }

    const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    /// A moment and its code of this seed (RFC 6238, appendix B).
    const NOW: Timestamp = Timestamp::from_secs(1_234_567_890);
    const CODE: &str = "005924";

    #[tokio::test]
    async fn wrong_codes_of_others_do_not_lock_a_user_out() {
        let store = store::Store::ephemeral().unwrap();
        let directory = Directory::new(store, crypto::RootKey::ephemeral().derive("session"));
        let account: AccountId = "123456789012".parse().unwrap();
        let assignment = MfaAssignment {
            user_id: "AIDAOWNER".into(),
            enabled_at: NOW,
            progress: totp::Progress::default(),
        };
        let device = MfaDeviceRecord {
            name: "d".into(),
            path: "/".into(),
            seed: SEED.into(),
            created_at: NOW,
            tags: Vec::new(),
            assignment: Some(assignment),
        };
        let written: Result<(), DirectoryError> = directory
            .store()
            .transact(|tx| {
                directory.edit(tx, account).put(keys::MFA_DEVICES, &keys::named(account, "d"), &device)
            })
            .await;
        written.unwrap();
        let serial = "arn:aws:iam::123456789012:mfa/d";
        let fits =
            |user: &str, code: &str| directory.mfa_code_fits(account, user, serial, code, NOW).unwrap();
        for _ in 0..20 {
            assert!(!fits("AIDAOTHER", "000000") && !fits("AIDAOTHER", CODE));
        }
        assert!(fits("AIDAOWNER", CODE), "its own user was not the one who guessed");
        for _ in 0..5 {
            assert!(!fits("AIDAOWNER", "000000"));
        }
        assert!(!fits("AIDAOWNER", CODE), "rests after wrong codes of its own user");
        let used: Result<bool, DirectoryError> = directory
            .store()
            .transact(|tx| {
                let mut edit = directory.edit(tx, account);
                directory.use_mfa_code(&mut edit, "AIDAOWNER", serial, CODE, NOW)
            })
            .await;
        assert!(!used.unwrap());
    }
}
