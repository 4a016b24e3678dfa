//! Who belongs to which group.
//!
//! The user's record and the group's index change together.

use std::sync::Arc;

use base::AccountId;
use identity::Reads;
use identity::records::{GroupRecord, UserRecord, keys};
use service::{Call, Permit};
use store::{KeyReader, Range};

use crate::page::Paging;
use crate::{Error, Iam, api, entity, quota, shapes};

/// The names of a group's members.
pub(super) fn names(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    group: &str,
) -> Result<Vec<String>, Error> {
    let entries = from.list(keys::MEMBERS, &Range::prefix(keys::members_of(account, group)))?;
    let read = |key: &[u8]| {
        let mut reader = KeyReader::new(key);
        let (_account, _group) = (reader.str()?, reader.str()?);
        reader.str()
    };
    let all: Result<Vec<String>, store::MalformedKey> = entries.iter().map(|(key, _)| read(key)).collect();
    all.map_err(Call::internal)
}

pub(crate) async fn add(iam: Arc<Iam>, permit: Permit<api::AddUserToGroup>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let account = edit.account();
        let group: GroupRecord = entity::load(edit, account, &input.group_name)?;
        let mut user: UserRecord = entity::load(edit, account, &input.user_name)?;
        if user.groups.contains(&group.name) {
            return Ok(());
        }
        if user.groups.len() >= quota::GROUPS_PER_USER_MAX {
            return Err(Error::quota("GroupsPerUser", quota::GROUPS_PER_USER_MAX));
        }
        edit.mark(keys::MEMBERS, &keys::member(account, &group.name, &user.name))?;
        user.groups.push(group.name);
        call.made(&user.name);
        entity::save(edit, &user)
    })
    .await
}

pub(crate) async fn remove(iam: Arc<Iam>, permit: Permit<api::RemoveUserFromGroup>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let account = edit.account();
        let group: GroupRecord = entity::load(edit, account, &input.group_name)?;
        let mut user: UserRecord = entity::load(edit, account, &input.user_name)?;
        user.groups.retain(|name| *name != group.name);
        edit.delete(keys::MEMBERS, &keys::member(account, &group.name, &user.name))?;
        entity::save(edit, &user)
    })
    .await
}

pub(crate) async fn list_groups(
    _: Arc<Iam>,
    permit: Permit<api::ListGroupsForUser>,
) -> Result<api::ListGroupsForUserResponse, Error> {
    let api::ListGroupsForUserRequest { user_name, marker, max_items } = permit.input;
    let account = permit.call.account();
    let view = permit.call.view()?;
    let user: UserRecord = entity::load(&view, account, &user_name)?;
    let mut groups = Vec::new();
    for name in &user.groups {
        if let Some(group) = entity::find::<GroupRecord>(&view, account, name)? {
            groups.push((name.to_ascii_lowercase(), shapes::group(account, &group)));
        }
    }
    let page = Paging::new(marker, max_items).of(groups)?;
    Ok(api::ListGroupsForUserResponse {
        groups: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
