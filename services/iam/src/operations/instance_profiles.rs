//! Instance profiles: a role in the wrapping that virtual machines ask for.
//!
//! There are no virtual machines here; templates and tools that make profiles beside their roles work all the same.

use std::sync::Arc;

use base::AccountId;
use identity::principal::entity_arn;
use identity::records::{RoleRecord, keys};
use identity::{Edit, Reads, ids};
use service::Permit;

use super::{moment, path};
use crate::page::Paging;
use crate::records::{INSTANCE_PROFILES, InstanceProfileRecord, Tagged};
use crate::{Error, Iam, api, entity, quota, shapes, tags};

fn all(from: &(impl Reads + ?Sized), account: AccountId) -> Result<Vec<InstanceProfileRecord>, Error> {
    Ok(from.records(INSTANCE_PROFILES, &keys::all_of(account))?)
}

/// The profiles that a role is in.
pub(crate) fn of_role(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    role: &str,
) -> Result<Vec<InstanceProfileRecord>, Error> {
    let mut profiles = all(from, account)?;
    profiles.retain(|profile| profile.role.as_deref() == Some(role));
    Ok(profiles)
}

/// How many there are.
pub(crate) fn count(from: &(impl Reads + ?Sized), account: AccountId) -> Result<usize, Error> {
    Ok(all(from, account)?.len())
}

/// A profile in a listing.
pub(crate) fn shape(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    record: &InstanceProfileRecord,
) -> Result<api::InstanceProfile, Error> {
    let role = match &record.role {
        Some(name) => entity::find::<RoleRecord>(from, account, name)?,
        None => None,
    };
    Ok(api::InstanceProfile {
        path: record.path.clone(),
        instance_profile_name: record.name.clone(),
        instance_profile_id: record.profile_id.clone(),
        arn: entity_arn(account, "instance-profile", &record.path, &record.name),
        create_date: record.created_at,
        roles: role.iter().map(|role| shapes::role(from, account, role)).collect::<Result<_, _>>()?,
        tags: None,
    })
}

fn save(edit: &mut Edit<'_, '_>, record: &InstanceProfileRecord) -> Result<(), Error> {
    let key = record.key(edit.account());
    Ok(edit.put(INSTANCE_PROFILES, &key, record)?)
}

pub(crate) async fn create(
    iam: Arc<Iam>,
    permit: Permit<api::CreateInstanceProfile>,
) -> Result<api::CreateInstanceProfileResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = InstanceProfileRecord {
        name: input.instance_profile_name,
        path: path(input.path),
        profile_id: ids::entity(ids::INSTANCE_PROFILE),
        created_at: moment(&call),
        role: None,
        tags: tags::of_new(input.tags, &call)?,
    };
    let instance_profile = iam
        .change(&call, |edit| {
            let account = edit.account();
            let present = all(edit, account)?;
            if present.iter().any(|other| other.name.eq_ignore_ascii_case(&record.name)) {
                return Err(Error::EntityAlreadyExists(format!(
                    "Instance Profile {} already exists.",
                    record.name
                )));
            }
            if present.len() >= quota::INSTANCE_PROFILES_MAX {
                return Err(Error::quota("InstanceProfilesPerAccount", quota::INSTANCE_PROFILES_MAX));
            }
            save(edit, &record)?;
            let shape = shape(edit, account, &record)?;
            Ok(api::InstanceProfile { tags: tags::to_api(&record.tags), ..shape })
        })
        .await?;
    Ok(api::CreateInstanceProfileResponse { instance_profile })
}

pub(crate) async fn get(
    _: Arc<Iam>,
    permit: Permit<api::GetInstanceProfile>,
) -> Result<api::GetInstanceProfileResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let record = InstanceProfileRecord::load(&view, call.account(), &input.instance_profile_name)?;
    let shape = shape(&view, call.account(), &record)?;
    let instance_profile = api::InstanceProfile { tags: tags::to_api(&record.tags), ..shape };
    Ok(api::GetInstanceProfileResponse { instance_profile })
}

pub(crate) async fn delete(iam: Arc<Iam>, permit: Permit<api::DeleteInstanceProfile>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let record = InstanceProfileRecord::load(edit, edit.account(), &input.instance_profile_name)?;
        if record.role.is_some() {
            return Err(Error::conflict("remove roles from instance profile"));
        }
        let key = record.key(edit.account());
        Ok(edit.delete(INSTANCE_PROFILES, &key)?)
    })
    .await
}

pub(crate) async fn list(
    _: Arc<Iam>,
    permit: Permit<api::ListInstanceProfiles>,
) -> Result<api::ListInstanceProfilesResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let mut shown = Vec::new();
    for record in all(&view, call.account())? {
        if record.path.starts_with(prefix) {
            shown.push((record.name.to_ascii_lowercase(), shape(&view, call.account(), &record)?));
        }
    }
    let page = Paging::new(input.marker, input.max_items).of(shown)?;
    Ok(api::ListInstanceProfilesResponse {
        instance_profiles: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn list_for_role(
    _: Arc<Iam>,
    permit: Permit<api::ListInstanceProfilesForRole>,
) -> Result<api::ListInstanceProfilesForRoleResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let role: RoleRecord = entity::load(&view, call.account(), &input.role_name)?;
    let mut shown = Vec::new();
    for record in of_role(&view, call.account(), &role.name)? {
        shown.push((record.name.to_ascii_lowercase(), shape(&view, call.account(), &record)?));
    }
    let page = Paging::new(input.marker, input.max_items).of(shown)?;
    Ok(api::ListInstanceProfilesForRoleResponse {
        instance_profiles: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn add_role(
    iam: Arc<Iam>,
    permit: Permit<api::AddRoleToInstanceProfile>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let mut record = InstanceProfileRecord::load(edit, edit.account(), &input.instance_profile_name)?;
        let role: RoleRecord = entity::load_to_change(edit, &input.role_name)?;
        if record.role.is_some() {
            return Err(Error::quota("InstanceSessionsPerInstanceProfile", 1));
        }
        record.role = Some(role.name);
        save(edit, &record)
    })
    .await
}

pub(crate) async fn remove_role(
    iam: Arc<Iam>,
    permit: Permit<api::RemoveRoleFromInstanceProfile>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let mut record = InstanceProfileRecord::load(edit, edit.account(), &input.instance_profile_name)?;
        if record.role.as_deref() != Some(input.role_name.as_str()) {
            return Err(Error::no_such("role", &input.role_name));
        }
        record.role = None;
        save(edit, &record)
    })
    .await
}
