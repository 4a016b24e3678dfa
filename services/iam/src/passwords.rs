//! What an account asks of passwords, and whether one is that.
//!
//! No I/O. A password is looked at and never kept, logged or put into a message.

use base::Timestamp;
use identity::records::{LoginProfileRecord, PasswordPolicyRecord};

use crate::Error;

/// What AWS calls symbols.
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";
/// The shortest password where the account has no policy of its own.
const DEFAULT_LENGTH_MIN: usize = 8;
/// Of upper case, lower case, numbers and symbols, where the account has no policy of its own.
const DEFAULT_KINDS_MIN: usize = 3;
const DAY_SECS: i64 = 86_400;

fn violation(message: impl Into<String>) -> Error {
    Error::PasswordPolicyViolation(message.into())
}

/// Refuses a password that is not what the account's policy asks for.
pub(crate) fn check(password: &str, policy: Option<&PasswordPolicyRecord>) -> Result<(), Error> {
    let has = |wanted: fn(char) -> bool| password.chars().any(wanted);
    let uppercase = has(|character| character.is_ascii_uppercase());
    let lowercase = has(|character| character.is_ascii_lowercase());
    let numbers = has(|character| character.is_ascii_digit());
    let symbols = has(|character| SYMBOLS.contains(character));
    let length_min = policy.map_or(DEFAULT_LENGTH_MIN, |policy| policy.length_min);
    if password.chars().count() < length_min {
        return Err(violation(format!("Password should have a minimum length of {length_min}")));
    }
    let Some(policy) = policy else {
        let kinds = [uppercase, lowercase, numbers, symbols].into_iter().filter(|has| *has).count();
        if kinds >= DEFAULT_KINDS_MIN {
            return Ok(());
        }
        return Err(violation("Password does not conform to the account password policy."));
    };
    let asked = [
        (policy.uppercase, uppercase, "uppercase letter"),
        (policy.lowercase, lowercase, "lowercase letter"),
        (policy.numbers, numbers, "number"),
        (policy.symbols, symbols, "symbol"),
    ];
    match asked.into_iter().find(|(asked, has, _)| *asked && !has) {
        Some((_, _, what)) => Err(violation(format!("Password should have at least one {what}"))),
        None => Ok(()),
    }
}

/// Refuses one of the earlier passwords that must not come again, and the present one. Takes as long as it takes to
/// hash once for each of them.
pub(crate) fn check_not_reused(
    password: &str,
    profile: &LoginProfileRecord,
    policy: Option<&PasswordPolicyRecord>,
) -> Result<(), Error> {
    let remembered = policy.and_then(|policy| policy.reuse_prevention).unwrap_or(0);
    let hashes = std::iter::once(&profile.hash).chain(&profile.earlier).take(remembered);
    for hash in hashes {
        if crypto::password::verify(password, hash) {
            return Err(violation("Password cannot be reused"));
        }
    }
    Ok(())
}

/// True where the password is older than the account's policy allows.
pub(crate) fn is_expired(
    profile: &LoginProfileRecord,
    policy: Option<&PasswordPolicyRecord>,
    now: Timestamp,
) -> bool {
    let days = policy.and_then(|policy| policy.days_max);
    days.is_some_and(|days| now.millis_since(profile.changed_at) > days * DAY_SECS * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> PasswordPolicyRecord {
        PasswordPolicyRecord {
            length_min: 6,
            symbols: true,
            numbers: true,
            uppercase: true,
            lowercase: true,
            users_may_change: false,
            days_max: Some(1),
            reuse_prevention: Some(2),
            hard_expiry: false,
        }
    }

    #[test]
    fn passwords_are_held_against_the_policy() {
        let own = policy();
        for (password, policy, good) in [
            ("Abcdefg1", None, true),
            ("abcdefg1", None, false),
            ("Abcde1!", None, false),
            ("Abc1!x", Some(&own), true),
            ("Abc1!", Some(&own), false),
            ("abc1!x", Some(&own), false),
            ("ABC1!X", Some(&own), false),
            ("Abcx!x", Some(&own), false),
            ("Abc1xx", Some(&own), false),
        ] {
            assert_eq!(check(password, policy).is_ok(), good, "{password}");
        }
    }

    #[test]
    fn passwords_age_and_do_not_come_again() {
        let at = Timestamp::from_secs;
        let hash = |text: &str| crypto::password::hash(text).unwrap();
        let profile = LoginProfileRecord {
            created_at: at(0),
            changed_at: at(0),
            hash: hash("now"),
            reset_required: false,
            earlier: vec![hash("before"), hash("long ago")],
        };
        for (password, good) in [("now", false), ("before", false), ("long ago", true), ("new", true)] {
            assert_eq!(check_not_reused(password, &profile, Some(&policy())).is_ok(), good, "{password}");
        }
        assert!(check_not_reused("now", &profile, None).is_ok());
        assert!(!is_expired(&profile, Some(&policy()), at(86_400)));
        assert!(is_expired(&profile, Some(&policy()), at(86_401)));
        assert!(!is_expired(&profile, None, at(i64::MAX / 1_000)));
    }
}
