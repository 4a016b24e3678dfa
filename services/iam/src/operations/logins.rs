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
    from: &(impl Reads + ?Sized),
    account: base::AccountId,
    user: &UserRecord,
) -> Result<Option<LoginProfileRecord>, Error> {
    Holder { name: user.name.clone(), id: user.user_id.clone() }.find(from, account)
}

/// The root user's profile, if someone of its organization gave it one.
pub(crate) fn of_root(
    from: &(impl Reads + ?Sized),
    account: base::AccountId,
) -> Result<Option<LoginProfileRecord>, Error> {
    Holder::root(account).find(from, account)
}

/// Whose profile is meant.
struct Holder {
    name: String,
    /// Unique in the account for ever.
    id: String,
}

impl Holder {
    fn root(account: base::AccountId) -> Self {
        Self { name: "root".to_owned(), id: account.to_string() }
    }

    fn named(from: &(impl Reads + ?Sized), account: base::AccountId, name: &str) -> Result<Self, Error> {
        let user: UserRecord = entity::load(from, account, name)?;
        Ok(Self { name: user.name, id: user.user_id })
    }

    /// The user that a request names, or the caller; as in AWS, the root user only where someone of the organization is in
    /// its place.
    fn asked(from: &(impl Reads + ?Sized), call: &Call, name: Option<&str>) -> Result<Self, Error> {
        match (name, &**call.principal()) {
            (Some(name), _) => Self::named(from, call.account(), name),
            (None, Principal::User(user)) => Self::named(from, call.account(), &user.name),
            (None, principal) if principal.is_assumed_root() => Ok(Self::root(call.account())),
            (None, _) => Err(users::needs_name()),
        }
    }

    fn find(
        &self,
        from: &(impl Reads + ?Sized),
        account: base::AccountId,
    ) -> Result<Option<LoginProfileRecord>, Error> {
        Ok(from.record(keys::LOGIN_PROFILES, &keys::named(account, &self.id))?)
    }

    fn load(
        &self,
        from: &(impl Reads + ?Sized),
        account: base::AccountId,
    ) -> Result<LoginProfileRecord, Error> {
        self.find(from, account)?.ok_or_else(|| no_profile(&self.name))
    }

    fn save(&self, edit: &mut Edit<'_, '_>, record: &LoginProfileRecord) -> Result<(), Error> {
        Ok(edit.put(keys::LOGIN_PROFILES, &keys::named(edit.account(), &self.id), record)?)
    }

    fn shape(&self, record: &LoginProfileRecord) -> api::LoginProfile {
        api::LoginProfile {
            user_name: self.name.clone(),
            create_date: record.created_at,
            password_reset_required: Some(record.reset_required),
        }
    }
}

fn no_profile(name: &str) -> Error {
    Error::NoSuchEntity(format!("Login Profile for User {name} cannot be found."))
}

fn policy(
    from: &(impl Reads + ?Sized),
    account: base::AccountId,
) -> Result<Option<PasswordPolicyRecord>, Error> {
    Ok(from.record(keys::PASSWORD_POLICIES, &keys::all_of(account))?)
}

/// Hashes on a thread that may take its time.
async fn hash(password: String) -> Result<String, Error> {
    let hashed = spawn_blocking(move || crypto::password::hash(&password)).await;
    hashed.map_err(Call::internal::<Error>)?.map_err(Call::internal)
}

/// The hash of a new profile's password. That of a root user is set by whoever reads its address, and none is given here.
async fn first_hash(
    _: &Iam,
    call: &Call,
    password: Option<protocol::Sensitive<String>>,
) -> Result<String, Error> {
    match password {
        None if call.principal().is_assumed_root() => Ok(String::new()),
        Some(_) if call.principal().is_assumed_root() => Err(Error::ValidationError(
            "Password must be omitted when the request is made with an AssumeRoot session.".to_owned(),
        )),
        None => {
            Err(Error::ValidationError("Password is required here: there is no temporary one.".to_owned()))
        }
        Some(password) => {
            let password = password.into_exposed();
            passwords::check(&password, policy(&call.view()?, call.account())?.as_ref())?;
            hash(password).await
        }
    }
}

pub(crate) async fn create(
    iam: Arc<Iam>,
    permit: Permit<api::CreateLoginProfile>,
) -> Result<api::CreateLoginProfileResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = LoginProfileRecord {
        created_at: moment(&call),
        changed_at: moment(&call),
        hash: first_hash(&iam, &call, input.password).await?,
        reset_required: input.password_reset_required.unwrap_or(false),
        earlier: Vec::new(),
    };
    let login_profile = iam
        .change(&call, |edit| {
            let holder = Holder::asked(edit, &call, input.user_name.as_deref())?;
            if holder.find(edit, edit.account())?.is_some() {
                return Err(Error::EntityAlreadyExists(format!(
                    "Login Profile for user {} already exists.",
                    holder.name
                )));
            }
            holder.save(edit, &record)?;
            Ok(holder.shape(&record))
        })
        .await?;
    Ok(api::CreateLoginProfileResponse { login_profile })
}

pub(crate) async fn get(
    _: Arc<Iam>,
    permit: Permit<api::GetLoginProfile>,
) -> Result<api::GetLoginProfileResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let holder = Holder::asked(&view, &call, input.user_name.as_deref())?;
    let record = holder.load(&view, call.account())?;
    Ok(api::GetLoginProfileResponse { login_profile: holder.shape(&record) })
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
    let store = &call.view()?;
    let before = Holder::named(store, call.account(), &input.user_name)?.load(store, call.account())?;
    let hash = match input.password {
        Some(password) => {
            let policy = policy(store, call.account())?;
            Some(renewed(password.into_exposed(), before, policy).await?)
        }
        None => None,
    };
    iam.change(&call, |edit| {
        let holder = Holder::named(edit, edit.account(), &input.user_name)?;
        let mut record = holder.load(edit, edit.account())?;
        if let Some(hash) = hash {
            replace(&mut record, hash, &call);
        }
        if let Some(reset) = input.password_reset_required {
            record.reset_required = reset;
        }
        holder.save(edit, &record)
    })
    .await
}

pub(crate) async fn delete(iam: Arc<Iam>, permit: Permit<api::DeleteLoginProfile>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let holder = Holder::asked(edit, &call, input.user_name.as_deref())?;
        holder.load(edit, edit.account())?;
        let key = keys::named(edit.account(), &holder.id);
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
    let store = &call.view()?;
    let account = call.account();
    let holder = Holder::named(store, account, &caller.name)?;
    let before = holder.load(store, account)?;
    let policy = policy(store, account)?;
    let hard = policy.as_ref().is_some_and(|policy| policy.hard_expiry);
    if hard && passwords::is_expired(&before, policy.as_ref(), call.now()) {
        return Err(Error::denied("The password has expired. An administrator must set another."));
    }
    if iam.attempts.rests(account, &holder.id, call.now()) {
        return Err(Error::EntityTemporarilyUnmodifiable(
            "Too many wrong passwords. Try again in a minute.".to_owned(),
        ));
    }
    let (old, present) = (input.old_password.into_exposed(), before.hash.clone());
    let right = spawn_blocking(move || crypto::password::verify(&old, &present)).await;
    if !right.map_err(Call::internal::<Error>)? {
        iam.attempts.wrong(account, &holder.id, call.now());
        return Err(Error::denied("The old password was incorrect."));
    }
    iam.attempts.right(account, &holder.id);
    let unchanged = before.hash.clone();
    let hash = renewed(input.new_password.into_exposed(), before, policy).await?;
    iam.change(&call, |edit| {
        let mut record = holder.load(edit, edit.account())?;
        // SECURITY: what was proven is that the caller knows this hash's password, and no later one's.
        if record.hash != unchanged {
            return Err(Error::denied("The old password was incorrect."));
        }
        replace(&mut record, hash, &call);
        record.reset_required = false;
        holder.save(edit, &record)
    })
    .await
}
