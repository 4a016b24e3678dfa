//! The credential report: every user of the account with its password, keys and second factor, as CSV.
//!
//! It holds no secret. One report is good for four hours, as in AWS; until then asking again makes no other.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use base::{AccountId, Timestamp};
use identity::Reads;
use identity::principal::root_arn;
use identity::records::{
    AccessKeyRecord, AccountRecord, LastUsedRecord, LoginProfileRecord, PasswordPolicyRecord, UserRecord,
    keys,
};
use service::Permit;

use super::{logins, mfa, moment, users};
use crate::entity::{self, Entity as _};
use crate::reports::{CREDENTIAL_REPORTS, CredentialReportRecord};
use crate::{Error, Iam, api};

const GOOD_MILLIS: i64 = 4 * 3_600 * 1_000;
const DAY_SECS: i64 = 86_400;

const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

fn load(from: &(impl Reads + ?Sized), account: AccountId) -> Result<Option<CredentialReportRecord>, Error> {
    Ok(from.record(CREDENTIAL_REPORTS, &keys::all_of(account))?)
}

fn is_good(record: &CredentialReportRecord, now: Timestamp) -> bool {
    now.millis_since(record.made_at) < GOOD_MILLIS
}

pub(crate) async fn generate(
    iam: Arc<Iam>,
    permit: Permit<api::GenerateCredentialReport>,
) -> Result<api::GenerateCredentialReportResponse, Error> {
    let call = permit.call;
    let present = load(&call.view()?, call.account())?;
    if present.as_ref().is_some_and(|record| is_good(record, call.now())) {
        return Ok(api::GenerateCredentialReportResponse {
            state: Some("COMPLETE".to_owned()),
            description: None,
        });
    }
    iam.change(&call, |edit| {
        let csv = report(edit, edit.account())?;
        let key = keys::all_of(edit.account());
        Ok(edit.put(CREDENTIAL_REPORTS, &key, &CredentialReportRecord { made_at: moment(&call), csv })?)
    })
    .await?;
    Ok(api::GenerateCredentialReportResponse {
        state: Some("STARTED".to_owned()),
        description: Some("No report exists. Starting a new report generation task".to_owned()),
    })
}

pub(crate) async fn get(
    _: Arc<Iam>,
    permit: Permit<api::GetCredentialReport>,
) -> Result<api::GetCredentialReportResponse, Error> {
    let call = permit.call;
    let record = load(&call.view()?, call.account())?.ok_or_else(|| {
        Error::CredentialReportNotPresent("No report found. Generate one first.".to_owned())
    })?;
    if !is_good(&record, call.now()) {
        return Err(Error::CredentialReportExpired(
            "The most recent credential report has expired. Generate a new one.".to_owned(),
        ));
    }
    Ok(api::GetCredentialReportResponse {
        content: Some(protocol::Bytes::from(record.csv.into_bytes())),
        report_format: Some("text/csv".to_owned()),
        generated_time: Some(record.made_at),
    })
}

/// `2026-11-22T07:00:00+00:00`
fn shown(moment: Timestamp) -> String {
    moment.iso8601_secs().replace('Z', "+00:00")
}

const fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn report(from: &(impl Reads + ?Sized), account: AccountId) -> Result<String, Error> {
    let policy: Option<PasswordPolicyRecord> =
        from.record(keys::PASSWORD_POLICIES, &keys::all_of(account))?;
    let devices = mfa::all(from, account)?;
    let known: Option<AccountRecord> = from.record(keys::ACCOUNTS, &keys::account(account))?;
    let since = shown(known.map(|record| record.created_at).unwrap_or_default());
    let mut csv = format!("{HEADER}\n");
    let root = root_arn(account);
    let own = key_columns(from, account, "")?;
    let _ = writeln!(
        csv,
        "<root_account>,{root},{since},not_supported,not_supported,not_supported,not_supported,false,{own},\
         false,N/A,false,N/A"
    );
    for (_, user) in entity::all::<UserRecord>(from, account, None)? {
        let profile = logins::find(from, account, &user)?;
        let has_factor = devices.iter().any(|device| {
            device.assignment.as_ref().is_some_and(|assignment| assignment.user_id == user.user_id)
        });
        let _ = writeln!(
            csv,
            "{},{},{},{},{},{},false,N/A,false,N/A",
            field(&user.name),
            field(&user.arn(account)),
            shown(user.created_at),
            password_columns(profile.as_ref(), policy.as_ref()),
            truth(has_factor),
            key_columns(from, account, &user.name)?,
        );
    }
    Ok(csv)
}

/// A text as a column: names may have a comma (RFC 4180).
fn field(text: &str) -> Cow<'_, str> {
    if text.contains(',') { Cow::Owned(format!("\"{text}\"")) } else { Cow::Borrowed(text) }
}

fn password_columns(profile: Option<&LoginProfileRecord>, policy: Option<&PasswordPolicyRecord>) -> String {
    let Some(profile) = profile else { return "false,N/A,N/A,N/A".to_owned() };
    let days = policy.and_then(|policy| policy.days_max);
    let next =
        days.map_or_else(|| "N/A".to_owned(), |days| shown(profile.changed_at.plus_secs(days * DAY_SECS)));
    // Nobody signs in with a password here.
    format!("true,no_information,{},{next}", shown(profile.changed_at))
}

/// Five columns for each of two keys, the older first.
fn key_columns(from: &(impl Reads + ?Sized), account: AccountId, user: &str) -> Result<String, Error> {
    let mut found = Vec::new();
    for id in users::key_ids(from, account, user)? {
        let key = keys::access_key(&id);
        if let Some(record) = from.record::<AccessKeyRecord>(keys::ACCESS_KEYS, &key)? {
            let used: Option<LastUsedRecord> = from.record(keys::LAST_USED, &key)?;
            found.push((record.created_at, record.active, used));
        }
    }
    found.sort_by_key(|(created_at, ..)| *created_at);
    let mut columns = Vec::new();
    for at in 0..2 {
        columns.push(match found.get(at) {
            None => "false,N/A,N/A,N/A,N/A".to_owned(),
            Some((created_at, active, used)) => {
                let used = used.as_ref().map_or_else(
                    || "N/A,N/A,N/A".to_owned(),
                    |used| format!("{},{},{}", shown(used.at), used.region, used.service),
                );
                format!("{},{},{used}", truth(*active), shown(*created_at))
            }
        });
    }
    Ok(columns.join(","))
}
