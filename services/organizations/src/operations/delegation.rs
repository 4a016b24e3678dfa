//! Services that are trusted with the whole organization, and members that administer one for it.
//!
//! A member that administers a service may read the organization's tree; it changes nothing in it.

use std::sync::Arc;

use ::identity::records::organization::{MemberRecord, keys};
use service::Permit;

use super::moment;
use crate::integrated::is_integrated;
use crate::model::ADMINISTRATORS_MAX;
use crate::{Error, Organizations, api, page, shapes, tree};

fn check_service(name: &str) -> Result<(), Error> {
    if is_integrated(name) {
        return Ok(());
    }
    Err(Error::invalid("UNRECOGNIZED_SERVICE_PRINCIPAL", "You specified an unrecognized service principal."))
}

pub(crate) async fn enable(
    org: Arc<Organizations>,
    permit: Permit<api::EnableAWSServiceAccess>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    check_service(&input.service_principal)?;
    let since = moment(&call);
    org.change(&call, |edit| {
        let mut record = tree::managed(edit, edit.account())?;
        if !record.trusted_services.iter().any(|(name, _)| *name == input.service_principal) {
            record.trusted_services.push((input.service_principal, since));
        }
        Ok(edit.put(keys::ORGANIZATIONS, &keys::organization(&record.id), &record)?)
    })
    .await
}

pub(crate) async fn disable(
    org: Arc<Organizations>,
    permit: Permit<api::DisableAWSServiceAccess>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    check_service(&input.service_principal)?;
    org.change(&call, |edit| {
        let mut record = tree::managed(edit, edit.account())?;
        record.trusted_services.retain(|(name, _)| *name != input.service_principal);
        Ok(edit.put(keys::ORGANIZATIONS, &keys::organization(&record.id), &record)?)
    })
    .await
}

pub(crate) async fn list_enabled(
    _: Arc<Organizations>,
    permit: Permit<api::ListAWSServiceAccessForOrganization>,
) -> Result<api::ListAWSServiceAccessForOrganizationResponse, Error> {
    let input = permit.input;
    let record = tree::readable(&permit.call.view()?, permit.call.account())?;
    let shown = |(name, since): (String, base::Timestamp)| {
        let service_principal = Some(name.clone());
        (name, api::EnabledServicePrincipal { service_principal, date_enabled: Some(since) })
    };
    let all = record.trusted_services.into_iter().map(shown).collect();
    let (services, next_token) = page::of(
        &["ListAWSServiceAccessForOrganization", &record.id],
        all,
        input.next_token,
        input.max_results,
    )?;
    Ok(api::ListAWSServiceAccessForOrganizationResponse {
        enabled_service_principals: Some(services),
        next_token,
    })
}

pub(crate) async fn register(
    org: Arc<Organizations>,
    permit: Permit<api::RegisterDelegatedAdministrator>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    check_service(&input.service_principal)?;
    let since = moment(&call);
    org.change(&call, |edit| {
        let record = tree::managed(edit, edit.account())?;
        let mut member = tree::member_named(edit, &record.id, &input.account_id)?;
        if member.account == record.management {
            return Err(Error::constraint(
                "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
                "You cannot register master account/yourself as delegated administrator for your organization.",
            ));
        }
        if member.closed_at.is_some() {
            return Err(Error::constraint(
                "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR",
                "You cannot register a suspended account as a delegated administrator.",
            ));
        }
        // SECURITY: an administrator reads the organization's tree; it is one only for a service that the organization trusts.
        if !record.trusted_services.iter().any(|(name, _)| *name == input.service_principal) {
            return Err(Error::constraint(
                "SERVICE_ACCESS_NOT_ENABLED",
                "You attempted to register a delegated administrator before you enabled service access. Call the EnableAWSServiceAccess API first.",
            ));
        }
        let administers = |member: &MemberRecord| {
            member.delegated.iter().any(|(name, _)| *name == input.service_principal)
        };
        if administers(&member) {
            return Err(Error::registered_already());
        }
        let others = tree::members(edit, &record.id)?.iter().filter(|member| administers(member)).count();
        if others >= ADMINISTRATORS_MAX {
            return Err(Error::quota("MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED", "delegated administrators of one service", ADMINISTRATORS_MAX));
        }
        member.delegated.push((input.service_principal.clone(), since));
        Ok(edit.put(keys::MEMBERS, &keys::member(member.account), &member)?)
    })
    .await
}

pub(crate) async fn deregister(
    org: Arc<Organizations>,
    permit: Permit<api::DeregisterDelegatedAdministrator>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    org.change(&call, |edit| {
        let record = tree::managed(edit, edit.account())?;
        let mut member = tree::member_named(edit, &record.id, &input.account_id)?;
        let before = member.delegated.len();
        member.delegated.retain(|(name, _)| *name != input.service_principal);
        if member.delegated.len() == before {
            return Err(Error::not_registered());
        }
        Ok(edit.put(keys::MEMBERS, &keys::member(member.account), &member)?)
    })
    .await
}

pub(crate) async fn administrators(
    _: Arc<Organizations>,
    permit: Permit<api::ListDelegatedAdministrators>,
) -> Result<api::ListDelegatedAdministratorsResponse, Error> {
    let input = permit.input;
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let wanted = |member: &MemberRecord| match &input.service_principal {
        Some(service) => member.delegated.iter().any(|(name, _)| name == service),
        None => !member.delegated.is_empty(),
    };
    let members = tree::members(&view, &record.id)?.into_iter().filter(wanted);
    let shown = |member: MemberRecord| (member.account.to_string(), shapes::administrator(&record, &member));
    let (administrators, next_token) = page::of(
        &["ListDelegatedAdministrators", &record.id, input.service_principal.as_deref().unwrap_or_default()],
        members.map(shown).collect(),
        input.next_token,
        input.max_results,
    )?;
    Ok(api::ListDelegatedAdministratorsResponse {
        delegated_administrators: Some(administrators),
        next_token,
    })
}

pub(crate) async fn services(
    _: Arc<Organizations>,
    permit: Permit<api::ListDelegatedServicesForAccount>,
) -> Result<api::ListDelegatedServicesForAccountResponse, Error> {
    let input = permit.input;
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let member = tree::member_named(&view, &record.id, &input.account_id)?;
    if member.delegated.is_empty() {
        return Err(Error::not_registered());
    }
    let shown = |(name, since): (String, base::Timestamp)| {
        let service_principal = Some(name.clone());
        (name, api::DelegatedService { service_principal, delegation_enabled_date: Some(since) })
    };
    let all = member.delegated.into_iter().map(shown).collect();
    let (services, next_token) = page::of(
        &["ListDelegatedServicesForAccount", &record.id, &input.account_id],
        all,
        input.next_token,
        input.max_results,
    )?;
    Ok(api::ListDelegatedServicesForAccountResponse { delegated_services: Some(services), next_token })
}
