//! Users: made, read, renamed, deleted, listed.
//!
//! A new name takes keys, groups and attachments along; the unique id stays.

use std::sync::Arc;

use base::AccountId;
use identity::records::{AccessKeyRecord, KeyOwner, UserRecord, keys};
use identity::{Edit, Principal, Reads, ids};
use service::{Call, Permit};
use store::{KeyReader, Range};

use super::{check_no_policies, logins, mfa, moment, path, whole_secs};
use crate::page::Paging;
use crate::{Error, Iam, api, attachments, entity, quota, shapes, tags};

pub(crate) async fn create(
    iam: Arc<Iam>,
    permit: Permit<api::CreateUser>,
) -> Result<api::CreateUserResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = UserRecord {
        name: input.user_name,
        path: path(input.path),
        user_id: ids::entity(ids::USER),
        created_at: moment(&call),
        tags: tags::of_new(input.tags, &call)?,
        inline: Vec::new(),
        attached: Vec::new(),
        groups: Vec::new(),
        boundary: None,
    };
    let user = shapes::whole_user(
        call.account(),
        &UserRecord { boundary: input.permissions_boundary.clone(), ..record.clone() },
    );
    iam.change(&call, |edit| {
        entity::check_new::<UserRecord>(edit, &record.name, quota::USERS_MAX)?;
        attachments::set_boundary(edit, record, input.permissions_boundary)
    })
    .await?;
    Ok(api::CreateUserResponse { user: Some(user) })
}

pub(crate) async fn get(_: Arc<Iam>, permit: Permit<api::GetUser>) -> Result<api::GetUserResponse, Error> {
    let account = permit.call.account();
    let store = &permit.call.view()?;
    let user = match (permit.input.user_name, &**permit.call.principal()) {
        (Some(name), _) => shapes::whole_user(account, &entity::load(store, account, &name)?),
        (None, Principal::User(user)) => {
            shapes::whole_user(account, &entity::load(store, account, &user.name)?)
        }
        (None, Principal::Root(_)) => root(store, account)?,
        (None, _) => return Err(needs_name()),
    };
    Ok(api::GetUserResponse { user })
}

fn root(from: &(impl Reads + ?Sized), account: AccountId) -> Result<api::User, Error> {
    let record: Option<identity::records::AccountRecord> =
        from.record(keys::ACCOUNTS, &keys::account(account))?;
    Ok(api::User {
        path: "/".to_owned(),
        user_name: "root".to_owned(),
        user_id: account.to_string(),
        arn: identity::principal::root_arn(account),
        create_date: record.map(|record| whole_secs(record.created_at)).unwrap_or_default(),
        ..api::User::default()
    })
}

/// Whoever is no user must say which one is meant.
pub(super) fn needs_name() -> Error {
    Error::ValidationError("Must specify userName when calling with non-User credentials".to_owned())
}

pub(crate) async fn update(iam: Arc<Iam>, permit: Permit<api::UpdateUser>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let account = edit.account();
        let mut record: UserRecord = entity::load(edit, account, &input.user_name)?;
        if let Some(path) = input.new_path {
            record.path = path;
        }
        let name = input.new_user_name.unwrap_or_else(|| record.name.clone());
        if name == record.name { entity::save(edit, &record) } else { rename(edit, record, name) }
    })
    .await
}

fn rename(edit: &mut Edit<'_, '_>, mut record: UserRecord, name: String) -> Result<(), Error> {
    let account = edit.account();
    let old = std::mem::replace(&mut record.name, name);
    // Another spelling of the same name is free to take.
    if !old.eq_ignore_ascii_case(&record.name) {
        entity::check_free::<UserRecord>(edit, &record.name)?;
        edit.delete(keys::USERS, &keys::named(account, &old))?;
    }
    entity::save(edit, &record)?;
    for group in &record.groups {
        edit.delete(keys::MEMBERS, &keys::member(account, group, &old))?;
        edit.mark(keys::MEMBERS, &keys::member(account, group, &record.name))?;
    }
    attachments::rename::<UserRecord>(
        edit,
        &record.attached,
        record.boundary.as_deref(),
        &old,
        &record.name,
    )?;
    for id in key_ids(edit, account, &old)? {
        let key = keys::access_key(&id);
        if let Some(mut found) = edit.record::<AccessKeyRecord>(keys::ACCESS_KEYS, &key)? {
            found.owner = KeyOwner::User { name: record.name.clone(), user_id: record.user_id.clone() };
            edit.put(keys::ACCESS_KEYS, &key, &found)?;
        }
        edit.delete(keys::KEYS_OF_USERS, &keys::key_of(account, &old, &id))?;
        edit.mark(keys::KEYS_OF_USERS, &keys::key_of(account, &record.name, &id))?;
    }
    Ok(())
}

/// The ids of a user's access keys; the root user's name is empty.
pub(super) fn key_ids(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    user: &str,
) -> Result<Vec<String>, Error> {
    let entries = from.list(keys::KEYS_OF_USERS, &Range::prefix(keys::keys_of(account, user)))?;
    let read = |key: &[u8]| {
        let mut reader = KeyReader::new(key);
        let (_account, _user) = (reader.str()?, reader.str()?);
        reader.str()
    };
    let all: Result<Vec<String>, store::MalformedKey> = entries.iter().map(|(key, _)| read(key)).collect();
    all.map_err(Call::internal)
}

pub(crate) async fn delete(iam: Arc<Iam>, permit: Permit<api::DeleteUser>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let record: UserRecord = entity::load(edit, edit.account(), &input.user_name)?;
        if !key_ids(edit, edit.account(), &record.name)?.is_empty() {
            return Err(Error::conflict("delete access keys"));
        }
        check_no_policies(!record.inline.is_empty(), !record.attached.is_empty())?;
        if !record.groups.is_empty() {
            return Err(Error::conflict("remove users from group"));
        }
        if mfa::count_of(edit, edit.account(), &record)? > 0 {
            return Err(Error::conflict("delete MFA device"));
        }
        if logins::find(edit, edit.account(), &record)?.is_some() {
            return Err(Error::conflict("delete login profile"));
        }
        let key = keys::named(edit.account(), &record.name);
        attachments::set_boundary(edit, record.clone(), None)?;
        Ok(edit.end(keys::USERS, &key, &record)?)
    })
    .await
}

pub(crate) async fn list(
    _: Arc<Iam>,
    permit: Permit<api::ListUsers>,
) -> Result<api::ListUsersResponse, Error> {
    let api::ListUsersRequest { path_prefix, marker, max_items } = permit.input;
    let account = permit.call.account();
    let all = entity::all::<UserRecord>(&permit.call.view()?, account, path_prefix.as_deref())?;
    let page = Paging::new(marker, max_items).of(all)?;
    Ok(api::ListUsersResponse {
        users: page.items.iter().map(|record| shapes::user(account, record)).collect(),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
