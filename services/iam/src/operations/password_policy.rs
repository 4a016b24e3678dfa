//! What an account asks of its users' passwords.
//!
//! Where there is none, AWS's default is in force, and asking for it answers that there is none.

use std::sync::Arc;

use identity::Reads as _;
use identity::records::{PasswordPolicyRecord, keys};
use service::Permit;
use store::Read as _;

use crate::{Error, Iam, api};

/// What an update that does not say sets.
const LENGTH_MIN_DEFAULT: usize = 6;

fn none(account: base::AccountId) -> Error {
    Error::NoSuchEntity(format!("The Password Policy with domain name {account} cannot be found."))
}

/// An update sets the whole policy: what it does not name falls back.
pub(crate) async fn update(
    iam: Arc<Iam>,
    permit: Permit<api::UpdateAccountPasswordPolicy>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let count = |number: Option<i64>| number.and_then(|number| usize::try_from(number).ok());
    let record = PasswordPolicyRecord {
        length_min: count(input.minimum_password_length).unwrap_or(LENGTH_MIN_DEFAULT),
        symbols: input.require_symbols.unwrap_or(false),
        numbers: input.require_numbers.unwrap_or(false),
        uppercase: input.require_uppercase_characters.unwrap_or(false),
        lowercase: input.require_lowercase_characters.unwrap_or(false),
        users_may_change: input.allow_users_to_change_password.unwrap_or(false),
        days_max: input.max_password_age.filter(|days| *days > 0),
        reuse_prevention: count(input.password_reuse_prevention).filter(|number| *number > 0),
        hard_expiry: input.hard_expiry.unwrap_or(false),
    };
    iam.change(&call, |edit| {
        let key = keys::all_of(edit.account());
        Ok(edit.put(keys::PASSWORD_POLICIES, &key, &record)?)
    })
    .await
}

pub(crate) async fn get(
    _: Arc<Iam>,
    permit: Permit<api::GetAccountPasswordPolicy>,
) -> Result<api::GetAccountPasswordPolicyResponse, Error> {
    let account = permit.call.account();
    let store = &permit.call.view()?;
    let record: Option<PasswordPolicyRecord> =
        store.record(keys::PASSWORD_POLICIES, &keys::all_of(account))?;
    let record = record.ok_or_else(|| none(account))?;
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(api::GetAccountPasswordPolicyResponse {
        password_policy: api::PasswordPolicy {
            minimum_password_length: Some(number(record.length_min)),
            require_symbols: Some(record.symbols),
            require_numbers: Some(record.numbers),
            require_uppercase_characters: Some(record.uppercase),
            require_lowercase_characters: Some(record.lowercase),
            allow_users_to_change_password: Some(record.users_may_change),
            expire_passwords: Some(record.days_max.is_some()),
            max_password_age: record.days_max,
            password_reuse_prevention: record.reuse_prevention.map(number),
            hard_expiry: Some(record.hard_expiry),
        },
    })
}

pub(crate) async fn delete(
    iam: Arc<Iam>,
    permit: Permit<api::DeleteAccountPasswordPolicy>,
) -> Result<(), Error> {
    let call = permit.call;
    iam.change(&call, |edit| {
        let key = keys::all_of(edit.account());
        if edit.read(keys::PASSWORD_POLICIES, &key)?.is_none() {
            return Err(none(edit.account()));
        }
        Ok(edit.delete(keys::PASSWORD_POLICIES, &key)?)
    })
    .await
}
