//! What an organization's administrators may do in the place of its members' root users.
//!
//! Here it is switched on and off. A session of `sts:AssumeRoot` ends with the feature that it was begun by, at its next
//! call.

use std::sync::Arc;

use identity::organization::{self, IAM};
use identity::records::organization::{OrganizationRecord, RootFeature, keys};
use identity::{Edit, Reads};
use service::{Call, Permit};

use crate::{Error, Iam, api};

/// Who may ask.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The account that manages the organization.
    Management,
    /// That account, or one that administers IAM for it.
    Administrator,
}

/// The caller's organization, where it may ask and the organization trusts IAM.
fn organization(
    from: &(impl Reads + ?Sized),
    account: base::AccountId,
    by: By,
) -> Result<OrganizationRecord, Error> {
    let (record, member) = organization::seat(from, account)?.ok_or_else(|| {
        Error::OrganizationNotFound("No organization is associated with the account.".to_owned())
    })?;
    if !organization::administers(&record, &member, IAM) {
        return Err(Error::AccountNotManagementOrDelegatedAdministrator(
            "The account is neither the management account nor a delegated administrator of IAM.".to_owned(),
        ));
    }
    if by == By::Management && record.management != account {
        return Err(Error::CallerIsNotManagementAccount(
            "The account is not the management account of the organization.".to_owned(),
        ));
    }
    if !record.trusted_services.iter().any(|(name, _)| name == IAM) {
        return Err(Error::ServiceAccessNotEnabled(
            "Trusted access is not enabled for IAM in AWS Organizations.".to_owned(),
        ));
    }
    Ok(record)
}

fn switch(
    edit: &mut Edit<'_, '_>,
    feature: RootFeature,
    on: bool,
) -> Result<(Option<String>, Option<Vec<String>>), Error> {
    let by = if on { By::Management } else { By::Administrator };
    let mut record = organization(edit, edit.account(), by)?;
    record.root_features.retain(|known| *known != feature);
    if on {
        record.root_features.push(feature);
        record.root_features.sort_unstable();
    }
    edit.put(keys::ORGANIZATIONS, &keys::organization(&record.id), &record)?;
    Ok(shown(record))
}

fn shown(record: OrganizationRecord) -> (Option<String>, Option<Vec<String>>) {
    let features = record.root_features.iter().map(|feature| feature.name().to_owned()).collect();
    (Some(record.id), Some(features))
}

// SECURITY: in force for the sessions of every member before the caller is answered.
async fn change(
    iam: &Iam,
    call: &Call,
    feature: RootFeature,
    on: bool,
) -> Result<(Option<String>, Option<Vec<String>>), Error> {
    call.transact(|transaction| {
        switch(&mut iam.directory.edit_organization(transaction, call.account()), feature, on)
    })
    .await
}

macro_rules! switches {
    ($($name:ident: $operation:ident -> $answer:ident = $feature:ident, $on:literal;)*) => {$(
        pub(crate) async fn $name(
            iam: Arc<Iam>,
            permit: Permit<api::$operation>,
        ) -> Result<api::$answer, Error> {
            let (organization_id, enabled_features) =
                change(&iam, &permit.call, RootFeature::$feature, $on).await?;
            Ok(api::$answer { organization_id, enabled_features })
        }
    )*};
}

switches! {
    enable_credentials: EnableOrganizationsRootCredentialsManagement
        -> EnableOrganizationsRootCredentialsManagementResponse = CredentialsManagement, true;
    disable_credentials: DisableOrganizationsRootCredentialsManagement
        -> DisableOrganizationsRootCredentialsManagementResponse = CredentialsManagement, false;
    enable_sessions: EnableOrganizationsRootSessions -> EnableOrganizationsRootSessionsResponse = Sessions, true;
    disable_sessions: DisableOrganizationsRootSessions -> DisableOrganizationsRootSessionsResponse = Sessions, false;
}

pub(crate) async fn list(
    _: Arc<Iam>,
    permit: Permit<api::ListOrganizationsFeatures>,
) -> Result<api::ListOrganizationsFeaturesResponse, Error> {
    let record = organization(&permit.call.view()?, permit.call.account(), By::Administrator)?;
    let (organization_id, enabled_features) = shown(record);
    Ok(api::ListOrganizationsFeaturesResponse { organization_id, enabled_features })
}
