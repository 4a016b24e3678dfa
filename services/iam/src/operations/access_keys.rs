//! Access keys: made, switched on and off, deleted, listed.
//!
//! The secret is told in the answer that makes it, and never again.

use std::sync::Arc;

use base::AccountId;
use identity::records::{AccessKeyRecord, KeyOwner, LastUsedRecord, UserRecord, keys};
use identity::{Edit, Principal, Reads, ids};
use service::{Call, Permit};
use store::Read as _;

use super::{moment, users, whole_secs};
use crate::page::Paging;
use crate::{Error, Iam, api, entity, quota};

/// Whose keys are meant: those of the named user, or of the caller. The name is empty for the root user.
fn owner(from: &(impl Reads + ?Sized), call: &Call, name: Option<&str>) -> Result<(String, KeyOwner), Error> {
    let name = match (name, &**call.principal()) {
        (Some(name), _) => name,
        (None, Principal::User(user)) => user.name.as_str(),
        (None, Principal::Root(_)) => return Ok((String::new(), KeyOwner::Root)),
        (None, _) => return Err(users::needs_name()),
    };
    let user: UserRecord = entity::load(from, call.account(), name)?;
    let owner = KeyOwner::User { name: user.name.clone(), user_id: user.user_id };
    Ok((user.name, owner))
}

/// A key of this owner. Another's is as good as none.
fn load(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    owner: &KeyOwner,
    id: &str,
) -> Result<AccessKeyRecord, Error> {
    let record: Option<AccessKeyRecord> = from.record(keys::ACCESS_KEYS, &keys::access_key(id))?;
    let own = record.filter(|record| record.account == account && record.owner == *owner);
    own.ok_or_else(|| Error::no_such_key(id))
}

const fn status(active: bool) -> &'static str {
    if active { "Active" } else { "Inactive" }
}

/// The root user's keys are shown under the account's name for it.
fn shown(name: &str) -> String {
    if name.is_empty() { "root".to_owned() } else { name.to_owned() }
}

pub(crate) async fn create(
    iam: Arc<Iam>,
    permit: Permit<api::CreateAccessKey>,
) -> Result<api::CreateAccessKeyResponse, Error> {
    let Permit { input, call, .. } = permit;
    let secret = ids::secret();
    let (name, id) = iam
        .change(&call, |edit| {
            let (name, owner) = owner(edit, &call, input.user_name.as_deref())?;
            let account = edit.account();
            if users::key_ids(edit, account, &name)?.len() >= quota::ACCESS_KEYS_MAX {
                return Err(Error::quota("AccessKeysPerUser", quota::ACCESS_KEYS_MAX));
            }
            let id = fresh_id(edit)?;
            let record = AccessKeyRecord {
                account,
                owner,
                secret: secret.expose().to_owned(),
                active: true,
                created_at: moment(&call),
            };
            edit.put(keys::ACCESS_KEYS, &keys::access_key(&id), &record)?;
            edit.mark(keys::KEYS_OF_USERS, &keys::key_of(account, &name, &id))?;
            call.made(&id);
            Ok((name, id))
        })
        .await?;
    let access_key = api::AccessKey {
        user_name: shown(&name),
        access_key_id: id,
        status: status(true).to_owned(),
        secret_access_key: secret.expose().to_owned().into(),
        create_date: Some(moment(&call)),
    };
    Ok(api::CreateAccessKeyResponse { access_key })
}

/// An id that no key has: chance makes a second look all but needless, and cheap.
fn fresh_id(edit: &Edit<'_, '_>) -> Result<String, Error> {
    loop {
        let id = ids::access_key(ids::LONG_TERM, edit.account());
        if edit.read(keys::ACCESS_KEYS, &keys::access_key(&id))?.is_none() {
            return Ok(id);
        }
    }
}

pub(crate) async fn update(iam: Arc<Iam>, permit: Permit<api::UpdateAccessKey>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let active = match input.status.as_str() {
        "Active" => true,
        "Inactive" => false,
        other => return Err(Error::ValidationError(format!("Status {other} cannot be set."))),
    };
    iam.change(&call, |edit| {
        let (_, owner) = owner(edit, &call, input.user_name.as_deref())?;
        let mut record = load(edit, edit.account(), &owner, &input.access_key_id)?;
        record.active = active;
        Ok(edit.put(keys::ACCESS_KEYS, &keys::access_key(&input.access_key_id), &record)?)
    })
    .await
}

pub(crate) async fn delete(iam: Arc<Iam>, permit: Permit<api::DeleteAccessKey>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let (name, owner) = owner(edit, &call, input.user_name.as_deref())?;
        let id = &input.access_key_id;
        load(edit, edit.account(), &owner, id)?;
        edit.delete(keys::ACCESS_KEYS, &keys::access_key(id))?;
        edit.delete(keys::LAST_USED, &keys::access_key(id))?;
        let index = keys::key_of(edit.account(), &name, id);
        Ok(edit.delete(keys::KEYS_OF_USERS, &index)?)
    })
    .await
}

pub(crate) async fn list(
    _: Arc<Iam>,
    permit: Permit<api::ListAccessKeys>,
) -> Result<api::ListAccessKeysResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let (name, owner) = owner(&view, &call, input.user_name.as_deref())?;
    let mut all = Vec::new();
    for id in users::key_ids(&view, call.account(), &name)? {
        let record = load(&view, call.account(), &owner, &id)?;
        let metadata = api::AccessKeyMetadata {
            user_name: Some(shown(&name)),
            access_key_id: Some(id.clone()),
            status: Some(status(record.active).to_owned()),
            create_date: Some(record.created_at),
        };
        all.push((id, metadata));
    }
    let page = Paging::new(input.marker, input.max_items).of(all)?;
    Ok(api::ListAccessKeysResponse {
        access_key_metadata: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn last_used(
    _: Arc<Iam>,
    permit: Permit<api::GetAccessKeyLastUsed>,
) -> Result<api::GetAccessKeyLastUsedResponse, Error> {
    let id = &permit.input.access_key_id;
    let store = &permit.call.view()?;
    let record: Option<AccessKeyRecord> = store.record(keys::ACCESS_KEYS, &keys::access_key(id))?;
    let record = record
        .filter(|record| record.account == permit.call.account())
        .ok_or_else(|| Error::no_such_key(id))?;
    let used: Option<LastUsedRecord> = store.record(keys::LAST_USED, &keys::access_key(id))?;
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "N/A".to_owned());
    let (at, service, region) = used
        .map(|used| (used.at, used.service, used.region))
        .map_or((None, None, None), |(at, service, region)| (Some(at), Some(service), Some(region)));
    let user_name = match &record.owner {
        KeyOwner::Root => shown(""),
        KeyOwner::User { name, .. } => name.clone(),
    };
    Ok(api::GetAccessKeyLastUsedResponse {
        user_name: Some(user_name),
        access_key_last_used: Some(api::AccessKeyLastUsed {
            last_used_date: at.map(whole_secs),
            service_name: or_none(service),
            region: or_none(region),
        }),
    })
}
