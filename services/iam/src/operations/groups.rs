//! Groups: made, read, renamed, deleted, listed.
//!
//! A group has policies and members, and is nobody: it cannot call.

use std::sync::Arc;

use identity::records::{GroupRecord, UserRecord, keys};
use identity::{Edit, ids};
use service::Permit;

use super::{check_no_policies, members, moment, path};
use crate::page::Paging;
use crate::{Error, Iam, api, attachments, entity, quota, shapes};

pub(crate) async fn create(
    iam: Arc<Iam>,
    permit: Permit<api::CreateGroup>,
) -> Result<api::CreateGroupResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = GroupRecord {
        name: input.group_name,
        path: path(input.path),
        group_id: ids::entity(ids::GROUP),
        created_at: moment(&call),
        inline: Vec::new(),
        attached: Vec::new(),
    };
    iam.change(&call, |edit| {
        entity::check_new::<GroupRecord>(edit, &record.name, quota::GROUPS_MAX)?;
        call.made(&record.name);
        entity::save(edit, &record)
    })
    .await?;
    Ok(api::CreateGroupResponse { group: shapes::group(call.account(), &record) })
}

pub(crate) async fn get(_: Arc<Iam>, permit: Permit<api::GetGroup>) -> Result<api::GetGroupResponse, Error> {
    let api::GetGroupRequest { group_name, marker, max_items } = permit.input;
    let account = permit.call.account();
    let view = permit.call.view()?;
    let group: GroupRecord = entity::load(&view, account, &group_name)?;
    let mut users = Vec::new();
    for name in members::names(&view, account, &group.name)? {
        if let Some(user) = entity::find::<UserRecord>(&view, account, &name)? {
            users.push((name.to_ascii_lowercase(), shapes::user(account, &user)));
        }
    }
    let page = Paging::new(marker, max_items).of(users)?;
    Ok(api::GetGroupResponse {
        group: shapes::group(account, &group),
        users: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn update(iam: Arc<Iam>, permit: Permit<api::UpdateGroup>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let mut record: GroupRecord = entity::load(edit, edit.account(), &input.group_name)?;
        if let Some(path) = input.new_path {
            record.path = path;
        }
        match input.new_group_name {
            Some(name) if name != record.name => rename(edit, record, name),
            _ => entity::save(edit, &record),
        }
    })
    .await
}

fn rename(edit: &mut Edit<'_, '_>, mut record: GroupRecord, name: String) -> Result<(), Error> {
    let account = edit.account();
    let old = std::mem::replace(&mut record.name, name);
    if !old.eq_ignore_ascii_case(&record.name) {
        entity::check_free::<GroupRecord>(edit, &record.name)?;
        edit.delete(keys::GROUPS, &keys::named(account, &old))?;
    }
    entity::save(edit, &record)?;
    attachments::rename::<GroupRecord>(edit, &record.attached, None, &old, &record.name)?;
    for user in members::names(edit, account, &old)? {
        edit.delete(keys::MEMBERS, &keys::member(account, &old, &user))?;
        edit.mark(keys::MEMBERS, &keys::member(account, &record.name, &user))?;
        let mut user: UserRecord = entity::load(edit, account, &user)?;
        for group in user.groups.iter_mut().filter(|group| **group == old) {
            group.clone_from(&record.name);
        }
        entity::save(edit, &user)?;
    }
    Ok(())
}

pub(crate) async fn delete(iam: Arc<Iam>, permit: Permit<api::DeleteGroup>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let account = edit.account();
        let record: GroupRecord = entity::load(edit, account, &input.group_name)?;
        if !members::names(edit, account, &record.name)?.is_empty() {
            return Err(Error::conflict("remove users from group"));
        }
        check_no_policies(!record.inline.is_empty(), !record.attached.is_empty())?;
        Ok(edit.delete(keys::GROUPS, &keys::named(account, &record.name))?)
    })
    .await
}

pub(crate) async fn list(
    _: Arc<Iam>,
    permit: Permit<api::ListGroups>,
) -> Result<api::ListGroupsResponse, Error> {
    let api::ListGroupsRequest { path_prefix, marker, max_items } = permit.input;
    let account = permit.call.account();
    let all = entity::all::<GroupRecord>(&permit.call.view()?, account, path_prefix.as_deref())?;
    let page = Paging::new(marker, max_items).of(all)?;
    Ok(api::ListGroupsResponse {
        groups: page.items.iter().map(|record| shapes::group(account, record)).collect(),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
