//! Roles: made, read, changed, deleted, listed; and who may assume them.
//!
//! A role's sessions end with it, and a role of the same name made later is another role.

use std::sync::Arc;

use identity::records::{RoleRecord, keys};
use identity::{Edit, ids};
use service::Permit;

use super::{check_no_policies, instance_profiles, linked_roles, moment, path};
use crate::page::Paging;
use crate::{Error, Iam, api, attachments, documents, entity, quota, shapes, tags};

/// The default of the longest session, in seconds.
const SESSION_SECS_DEFAULT: i64 = 3_600;

pub(crate) async fn create(
    iam: Arc<Iam>,
    permit: Permit<api::CreateRole>,
) -> Result<api::CreateRoleResponse, Error> {
    let Permit { input, call, .. } = permit;
    let path = path(input.path);
    if linked_roles::is_linked(&path) {
        return Err(Error::InvalidInput(format!(
            "Path {path} is reserved for service-linked roles: use CreateServiceLinkedRole."
        )));
    }
    let mut record = RoleRecord {
        name: input.role_name,
        path,
        role_id: ids::entity(ids::ROLE),
        created_at: moment(&call),
        trust: input.assume_role_policy_document,
        description: input.description,
        session_secs_max: input.max_session_duration.unwrap_or(SESSION_SECS_DEFAULT),
        tags: tags::of_new(input.tags, &call)?,
        inline: Vec::new(),
        attached: Vec::new(),
        boundary: None,
    };
    let mut role = shapes::whole_role(
        &call.view()?,
        call.account(),
        &RoleRecord { boundary: input.permissions_boundary.clone(), ..record.clone() },
    )?;
    role.role_last_used = None;
    iam.change(&call, |edit| {
        record.trust = documents::bound_trust(edit, &record.trust)?;
        entity::check_new::<RoleRecord>(edit, &record.name, quota::ROLES_MAX)?;
        attachments::set_boundary(edit, record, input.permissions_boundary)
    })
    .await?;
    Ok(api::CreateRoleResponse { role })
}

pub(crate) async fn get(_: Arc<Iam>, permit: Permit<api::GetRole>) -> Result<api::GetRoleResponse, Error> {
    let account = permit.call.account();
    let record = entity::load(&permit.call.view()?, account, &permit.input.role_name)?;
    Ok(api::GetRoleResponse { role: shapes::whole_role(&permit.call.view()?, account, &record)? })
}

pub(crate) async fn update(
    iam: Arc<Iam>,
    permit: Permit<api::UpdateRole>,
) -> Result<api::UpdateRoleResponse, Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let mut record: RoleRecord = entity::load_to_change(edit, &input.role_name)?;
        if let Some(description) = input.description {
            record.description = Some(description);
        }
        if let Some(secs) = input.max_session_duration {
            record.session_secs_max = secs;
        }
        entity::save(edit, &record)
    })
    .await?;
    Ok(api::UpdateRoleResponse {})
}

pub(crate) async fn update_description(
    iam: Arc<Iam>,
    permit: Permit<api::UpdateRoleDescription>,
) -> Result<api::UpdateRoleDescriptionResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = iam
        .change(&call, |edit| {
            let mut record: RoleRecord = entity::load(edit, edit.account(), &input.role_name)?;
            record.description = Some(input.description);
            entity::save(edit, &record)?;
            Ok(record)
        })
        .await?;
    let role = shapes::whole_role(&call.view()?, call.account(), &record)?;
    Ok(api::UpdateRoleDescriptionResponse { role: Some(role) })
}

pub(crate) async fn update_trust(
    iam: Arc<Iam>,
    permit: Permit<api::UpdateAssumeRolePolicy>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let mut record: RoleRecord = entity::load_to_change(edit, &input.role_name)?;
        record.trust = documents::bound_trust(edit, &input.policy_document)?;
        entity::save(edit, &record)
    })
    .await
}

pub(crate) async fn delete(iam: Arc<Iam>, permit: Permit<api::DeleteRole>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let record: RoleRecord = entity::load_to_change(edit, &input.role_name)?;
        check_no_policies(!record.inline.is_empty(), !record.attached.is_empty())?;
        if !instance_profiles::of_role(edit, edit.account(), &record.name)?.is_empty() {
            return Err(Error::conflict("remove roles from instance profile"));
        }
        let key = keys::named(edit.account(), &record.name);
        attachments::set_boundary(edit, record.clone(), None)?;
        end(edit, &key, &record)
    })
    .await
}

/// Deletes a role's record, and what is remembered of its use.
pub(super) fn end(edit: &mut Edit<'_, '_>, key: &store::Key, record: &RoleRecord) -> Result<(), Error> {
    edit.delete(keys::ROLES_LAST_USED, &keys::unique(&record.role_id))?;
    Ok(edit.end(keys::ROLES, key, record)?)
}

pub(crate) async fn list(
    _: Arc<Iam>,
    permit: Permit<api::ListRoles>,
) -> Result<api::ListRolesResponse, Error> {
    let api::ListRolesRequest { path_prefix, marker, max_items } = permit.input;
    let account = permit.call.account();
    let view = permit.call.view()?;
    let all = entity::all::<RoleRecord>(&view, account, path_prefix.as_deref())?;
    let page = Paging::new(marker, max_items).of(all)?;
    let roles: Result<Vec<api::Role>, Error> =
        page.items.iter().map(|record| shapes::role(&view, account, record)).collect();
    Ok(api::ListRolesResponse { roles: roles?, is_truncated: page.is_truncated, marker: page.marker })
}
