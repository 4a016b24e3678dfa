//! The account: its alias, and how much of everything there is.
//!
//! Counts are counted when they are asked for.

use std::sync::Arc;

use base::AccountId;
use identity::records::{AccountRecord, ManagedPolicyRecord, keys};
use identity::{Edit, Reads};
use policy::quota as size;
use service::Permit;
use store::{Range, Table};

use super::{certificates, instance_profiles, logins, mfa, providers, users};
use crate::page::Paging;
use crate::{Error, Iam, api, quota};

fn load(edit: &Edit<'_, '_>) -> Result<AccountRecord, Error> {
    let record: Option<AccountRecord> = edit.record(keys::ACCOUNTS, &keys::account(edit.account()))?;
    record.ok_or_else(|| Error::NoSuchEntity("The account cannot be found.".to_owned()))
}

fn save(edit: &mut Edit<'_, '_>, record: &AccountRecord) -> Result<(), Error> {
    let key = keys::account(edit.account());
    Ok(edit.put(keys::ACCOUNTS, &key, record)?)
}

pub(crate) async fn create_alias(
    iam: Arc<Iam>,
    permit: Permit<api::CreateAccountAlias>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let all: Vec<AccountRecord> = edit.records(keys::ACCOUNTS, &store::Key::new())?;
        let mut record = load(edit)?;
        let taken = all.iter().any(|other| other.alias.as_deref() == Some(input.account_alias.as_str()));
        if taken && record.alias.as_deref() != Some(input.account_alias.as_str()) {
            return Err(Error::EntityAlreadyExists(format!(
                "The account alias {} already exists.",
                input.account_alias
            )));
        }
        record.alias = Some(input.account_alias);
        save(edit, &record)
    })
    .await
}

pub(crate) async fn delete_alias(
    iam: Arc<Iam>,
    permit: Permit<api::DeleteAccountAlias>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let mut record = load(edit)?;
        if record.alias.as_deref() != Some(input.account_alias.as_str()) {
            return Err(Error::NoSuchEntity(format!(
                "The account alias {} cannot be found.",
                input.account_alias
            )));
        }
        record.alias = None;
        save(edit, &record)
    })
    .await
}

pub(crate) async fn list_aliases(
    _: Arc<Iam>,
    permit: Permit<api::ListAccountAliases>,
) -> Result<api::ListAccountAliasesResponse, Error> {
    let key = keys::account(permit.call.account());
    let record: Option<AccountRecord> = permit.call.view()?.record(keys::ACCOUNTS, &key)?;
    let aliases = record.and_then(|record| record.alias).map(|alias| (alias.clone(), alias));
    let page = Paging::new(permit.input.marker, permit.input.max_items).of(aliases.into_iter().collect())?;
    Ok(api::ListAccountAliasesResponse {
        account_aliases: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// Which version the session tokens of the global endpoint have. Here they are good in every region in any case; what an
/// account chose is what its summary says.
pub(crate) async fn set_token_version(
    iam: Arc<Iam>,
    permit: Permit<api::SetSecurityTokenServicePreferences>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let version = match input.global_endpoint_token_version.as_str() {
        "v1Token" => 1,
        "v2Token" => 2,
        other => return Err(Error::ValidationError(format!("{other} is not a version of session tokens."))),
    };
    iam.change(&call, |edit| {
        let mut record = load(edit)?;
        record.token_version = Some(version);
        save(edit, &record)
    })
    .await
}

pub(crate) async fn summary(
    _: Arc<Iam>,
    permit: Permit<api::GetAccountSummary>,
) -> Result<api::GetAccountSummaryResponse, Error> {
    let account = permit.call.account();
    let view = permit.call.view()?;
    let policies: Vec<ManagedPolicyRecord> = view.records(keys::POLICIES, &keys::all_of(account))?;
    let versions: usize = policies.iter().map(|policy| policy.versions.len()).sum();
    let root_keys = users::key_ids(&view, account, "")?.len();
    let devices = mfa::all(&view, account)?;
    let own: Option<AccountRecord> = view.record(keys::ACCOUNTS, &keys::account(account))?;
    let token_version = usize::from(own.and_then(|record| record.token_version).unwrap_or(1));
    let map = [
        ("Users", count(&view, account, keys::USERS)?),
        ("UsersQuota", quota::USERS_MAX),
        ("Groups", count(&view, account, keys::GROUPS)?),
        ("GroupsQuota", quota::GROUPS_MAX),
        ("Roles", count(&view, account, keys::ROLES)?),
        ("RolesQuota", quota::ROLES_MAX),
        ("Policies", policies.len()),
        ("PoliciesQuota", quota::POLICIES_MAX),
        ("PolicyVersionsInUse", versions),
        ("PolicyVersionsInUseQuota", quota::POLICY_VERSIONS_MAX),
        ("VersionsPerPolicyQuota", quota::VERSIONS_MAX),
        ("GroupsPerUserQuota", quota::GROUPS_PER_USER_MAX),
        ("AccessKeysPerUserQuota", quota::ACCESS_KEYS_MAX),
        ("AttachedPoliciesPerUserQuota", quota::ATTACHED_MAX),
        ("AttachedPoliciesPerGroupQuota", quota::ATTACHED_MAX),
        ("AttachedPoliciesPerRoleQuota", quota::ATTACHED_MAX),
        ("PolicySizeQuota", size::MANAGED_POLICY_CHARACTERS_MAX),
        ("UserPolicySizeQuota", size::USER_INLINE_CHARACTERS_MAX),
        ("GroupPolicySizeQuota", size::GROUP_INLINE_CHARACTERS_MAX),
        ("RolePolicySizeQuota", size::ROLE_INLINE_CHARACTERS_MAX),
        ("AssumeRolePolicySizeQuota", size::TRUST_POLICY_CHARACTERS_MAX),
        ("GlobalEndpointTokenVersion", token_version),
        ("AccountAccessKeysPresent", root_keys),
        // The root user's second factor would be set up in the console, which there is none of.
        ("AccountMFAEnabled", 0),
        ("AccountPasswordPresent", usize::from(logins::of_root(&view, account)?.is_some())),
        ("AccountSigningCertificatesPresent", 0),
        ("SigningCertificatesPerUserQuota", quota::SIGNING_CERTIFICATES_MAX),
        ("MFADevices", devices.len()),
        ("MFADevicesInUse", devices.iter().filter(|device| device.assignment.is_some()).count()),
        ("InstanceProfiles", instance_profiles::count(&view, account)?),
        ("InstanceProfilesQuota", quota::INSTANCE_PROFILES_MAX),
        ("Providers", providers::all(&view, account)?.len()),
        ("ServerCertificates", certificates::all(&view, account)?.len()),
        ("ServerCertificatesQuota", quota::SERVER_CERTIFICATES_MAX),
    ];
    let entries =
        map.into_iter().map(|(name, number)| (name.to_owned(), i64::try_from(number).unwrap_or(i64::MAX)));
    Ok(api::GetAccountSummaryResponse { summary_map: Some(entries.collect()) })
}

fn count(from: &(impl Reads + ?Sized), account: AccountId, table: Table) -> Result<usize, Error> {
    Ok(from.list(table, &Range::prefix(keys::all_of(account)))?.len())
}
