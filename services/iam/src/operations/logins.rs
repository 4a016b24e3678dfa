//! Passwords of users: set by an administrator, changed by themselves.
//!
//! There is no console here to sign in to; what is kept is what a sign-in would check, so that a team's automation and
//! its reports are the same as in AWS. Only hashes are stored.

use std::sync::Arc;

use identity::records::{LoginProfileRecord, PasswordPolicyRecord, UserRecord, keys};
use identity::{Edit, Principal, Reads};
use service::{Call, Permit};
use tokio::task::spawn_blocking;

use super::{moment, users};
use crate::{Error, Iam, api, entity, passwords};

/// The most earlier hashes that are kept: the most that a policy can ask for.
const EARLIER_MAX: usize = 24;

/// A user's profile, if it has one.
pub(crate) fn find(
    from: &impl Reads,
    account: base::AccountId,
    user: &UserRecord,
) -> Result<Option<LoginProfileRecord>, Error> {
    Ok(from.record(keys::LOGIN_PROFILES, &keys::named(account, &user.user_id))?)
}

fn load(from: &impl Reads, account: base::AccountId, user: &UserRecord) -> Result<LoginProfileRecord, Error> {
    find(from, account, user)?.ok_or_else(|| no_profile(&user.name))
}

fn no_profile(name: &str) -> Error {
    Error::NoSuchEntity(format!("Login Profile for User {name} cannot be found."))
}

fn save(edit: &mut Edit<'_, '_>, user: &UserRecord, record: &LoginProfileRecord) -> Result<(), Error> {
    let key = keys::named(edit.account(), &user.user_id);
    Ok(edit.put(keys::LOGIN_PROFILES, &key, record)?)
}

fn policy(from: &impl Reads, account: base::AccountId) -> Result<Option<PasswordPolicyRecord>, Error> {
    Ok(from.record(keys::PASSWORD_POLICIES, &keys::all_of(account))?)
}

/// Hashes on a thread that may take its time.
async fn hash(password: String) -> Result<String, Error> {
    let hashed = spawn_blocking(move || crypto::password::hash(&password)).await;
    hashed.map_err(Call::internal::<Error>)?.map_err(Call::internal)
}

fn of_caller<'n>(call: &'n Call, name: Option<&'n str>) -> Result<&'n str, Error> {
    match (name, &**call.principal()) {
        (Some(name), _) => Ok(name),
        (None, Principal::User(user)) => Ok(&user.name),
        (None, _) => Err(users::needs_name()),
    }
}

fn shape(user: &UserRecord, record: &LoginProfileRecord) -> api::LoginProfile {
    api::LoginProfile {
        user_name: user.name.clone(),
        create_date: record.created_at,
        password_reset_required: Some(record.reset_required),
    }
}

pub(crate) async fn create(
    iam: Arc<Iam>,
    permit: Permit<api::CreateLoginProfile>,
) -> Result<api::CreateLoginProfileResponse, Error> {
    let Permit { input, call, .. } = permit;
    let Some(password) = input.password else {
        return Err(Error::ValidationError(
            "Password is required here: there is no temporary one.".to_owned(),
        ));
    };
    let password = password.into_exposed();
    passwords::check(&password, policy(iam.directory.store(), call.account())?.as_ref())?;
    let record = LoginProfileRecord {
        created_at: moment(&call),
        changed_at: moment(&call),
        hash: hash(password).await?,
        reset_required: input.password_reset_required.unwrap_or(false),
        earlier: Vec::new(),
    };
    let name = of_caller(&call, input.user_name.as_deref())?.to_owned();
    let login_profile = iam
        .change(&call, |edit| {
            let user: UserRecord = entity::load(edit, edit.account(), &name)?;
            if find(edit, edit.account(), &user)?.is_some() {
                return Err(Error::EntityAlreadyExists(format!(
                    "Login Profile for user {name} already exists."
                )));
            }
            save(edit, &user, &record)?;
            Ok(shape(&user, &record))
        })
        .await?;
    Ok(api::CreateLoginProfileResponse { login_profile })
}

pub(crate) async fn get(
    iam: Arc<Iam>,
    permit: Permit<api::GetLoginProfile>,
) -> Result<api::GetLoginProfileResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = iam.view()?;
    let name = of_caller(&call, input.user_name.as_deref())?;
    let user: UserRecord = entity::load(&view, call.account(), name)?;
    let record = load(&view, call.account(), &user)?;
    Ok(api::GetLoginProfileResponse { login_profile: shape(&user, &record) })
}

/// Puts a password in the place of the present one.
fn replace(record: &mut LoginProfileRecord, hash: String, call: &Call) {
    record.earlier.insert(0, std::mem::replace(&mut record.hash, hash));
    record.earlier.truncate(EARLIER_MAX);
    record.changed_at = moment(call);
}

/// Checks a new password against the policy and the earlier ones, and hashes it.
async fn renewed(
    password: String,
    record: LoginProfileRecord,
    policy: Option<PasswordPolicyRecord>,
) -> Result<String, Error> {
    let work = move || {
        passwords::check(&password, policy.as_ref())?;
        passwords::check_not_reused(&password, &record, policy.as_ref())?;
        crypto::password::hash(&password).map_err(Call::internal)
    };
    spawn_blocking(work).await.map_err(Call::internal::<Error>)?
}

pub(crate) async fn update(iam: Arc<Iam>, permit: Permit<api::UpdateLoginProfile>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let store = iam.directory.store();
    let user: UserRecord = entity::load(store, call.account(), &input.user_name)?;
    let before = load(store, call.account(), &user)?;
    let hash = match input.password {
        Some(password) => {
            let policy = policy(store, call.account())?;
            Some(renewed(password.into_exposed(), before, policy).await?)
        }
        None => None,
    };
    iam.change(&call, |edit| {
        let user: UserRecord = entity::load(edit, edit.account(), &input.user_name)?;
        let mut record = load(edit, edit.account(), &user)?;
        if let Some(hash) = hash {
            replace(&mut record, hash, &call);
        }
        if let Some(reset) = input.password_reset_required {
            record.reset_required = reset;
        }
        save(edit, &user, &record)
    })
    .await
}

pub(crate) async fn delete(iam: Arc<Iam>, permit: Permit<api::DeleteLoginProfile>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let name = of_caller(&call, input.user_name.as_deref())?.to_owned();
    iam.change(&call, |edit| {
        let user: UserRecord = entity::load(edit, edit.account(), &name)?;
        load(edit, edit.account(), &user)?;
        let key = keys::named(edit.account(), &user.user_id);
        Ok(edit.delete(keys::LOGIN_PROFILES, &key)?)
    })
    .await
}

/// A user's own change: the old password proves that it is the user, beside the key that signed.
pub(crate) async fn change(iam: Arc<Iam>, permit: Permit<api::ChangePassword>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let Principal::User(caller) = &**call.principal() else {
        return Err(Error::InvalidUserType("Only IAM Users can change their own password".to_owned()));
    };
    let store = iam.directory.store();
    let account = call.account();
    let user: UserRecord = entity::load(store, account, &caller.name)?;
    let before = load(store, account, &user)?;
    let policy = policy(store, account)?;
    let hard = policy.as_ref().is_some_and(|policy| policy.hard_expiry);
    if hard && passwords::is_expired(&before, policy.as_ref(), call.now()) {
        return Err(Error::denied("The password has expired. An administrator must set another."));
    }
    if iam.attempts.rests(&user.user_id, call.now()) {
        return Err(Error::EntityTemporarilyUnmodifiable(
            "Too many wrong passwords. Try again in a minute.".to_owned(),
        ));
    }
    let (old, present) = (input.old_password.into_exposed(), before.hash.clone());
    let right = spawn_blocking(move || crypto::password::verify(&old, &present)).await;
    if !right.map_err(Call::internal::<Error>)? {
        iam.attempts.wrong(&user.user_id, call.now());
        return Err(Error::denied("The old password was incorrect."));
    }
    iam.attempts.right(&user.user_id);
    let unchanged = before.hash.clone();
    let hash = renewed(input.new_password.into_exposed(), before, policy).await?;
    iam.change(&call, |edit| {
        let mut record = load(edit, edit.account(), &user)?;
        // SECURITY: what was proven is that the caller knows this hash's password, and no later one's.
        if record.hash != unchanged {
            return Err(Error::denied("The old password was incorrect."));
        }
        replace(&mut record, hash, &call);
        record.reset_required = false;
        save(edit, &user, &record)
    })
    .await
}
