//! What users, groups and roles have in common: a name, a path, policies.
//!
//! Names are unique without regard to case and found with regard to it, as in AWS.

use base::AccountId;
use identity::principal::entity_arn;
use identity::records::{Attachable, GroupRecord, RoleRecord, UserRecord, keys};
use identity::{Edit, Reads};
use policy::quota as size;
use store::{Read as _, Table};

use crate::Error;
use crate::operations::linked_roles;

/// A user, group or role.
pub(crate) trait Entity: Attachable {
    /// For messages: `user`.
    const NOUN: &'static str;
    /// For messages and the index of attachments: `User`.
    const TITLE: &'static str;
    /// Where its records stand.
    const TABLE: Table;
    /// What its inline policies may take together.
    const INLINE_CHARACTERS_MAX: usize;

    fn name(&self) -> &str;
    fn path(&self) -> &str;
    fn id(&self) -> &str;

    /// Its ARN.
    fn arn(&self, account: AccountId) -> String {
        entity_arn(account, Self::NOUN, self.path(), self.name())
    }
}

macro_rules! entities {
    ($($record:ty, $noun:literal, $title:literal, $table:ident, $inline:ident, $id:ident;)*) => {$(
        impl Entity for $record {
            const NOUN: &'static str = $noun;
            const TITLE: &'static str = $title;
            const TABLE: Table = keys::$table;
            const INLINE_CHARACTERS_MAX: usize = size::$inline;

            fn name(&self) -> &str {
                &self.name
            }

            fn path(&self) -> &str {
                &self.path
            }

            fn id(&self) -> &str {
                &self.$id
            }
        }
    )*};
}

entities! {
    UserRecord, "user", "User", USERS, USER_INLINE_CHARACTERS_MAX, user_id;
    GroupRecord, "group", "Group", GROUPS, GROUP_INLINE_CHARACTERS_MAX, group_id;
    RoleRecord, "role", "Role", ROLES, ROLE_INLINE_CHARACTERS_MAX, role_id;
}

/// The entity with exactly this name, or none.
pub(crate) fn find<E: Entity>(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    name: &str,
) -> Result<Option<E>, Error> {
    let record: Option<E> = from.record(E::TABLE, &keys::named(account, name))?;
    Ok(record.filter(|record| record.name() == name))
}

/// The entity with exactly this name.
pub(crate) fn load<E: Entity>(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    name: &str,
) -> Result<E, Error> {
    find(from, account, name)?.ok_or_else(|| Error::no_such(E::NOUN, name))
}

/// The same for a change: a service-linked role is its service's alone to change.
pub(crate) fn load_to_change<E: Entity>(edit: &Edit<'_, '_>, name: &str) -> Result<E, Error> {
    let record: E = load(edit, edit.account(), name)?;
    if E::TITLE == RoleRecord::TITLE && linked_roles::is_linked(record.path()) {
        return Err(Error::UnmodifiableEntity(format!(
            "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        )));
    }
    Ok(record)
}

/// Writes an entity under its name.
pub(crate) fn save<E: Entity>(edit: &mut Edit<'_, '_>, record: &E) -> Result<(), Error> {
    let key = keys::named(edit.account(), record.name());
    Ok(edit.put(E::TABLE, &key, record)?)
}

/// Refuses a name that is taken, and one more than `max`.
pub(crate) fn check_new<E: Entity>(edit: &Edit<'_, '_>, name: &str, max: usize) -> Result<(), Error> {
    check_free::<E>(edit, name)?;
    let all = edit.list(E::TABLE, &store::Range::prefix(keys::all_of(edit.account())))?;
    if all.len() >= max {
        return Err(Error::quota(&format!("{}sPerAccount", E::TITLE), max));
    }
    Ok(())
}

/// Refuses a name that is taken.
pub(crate) fn check_free<E: Entity>(edit: &Edit<'_, '_>, name: &str) -> Result<(), Error> {
    match edit.read(E::TABLE, &keys::named(edit.account(), name))? {
        Some(_) => Err(Error::already(E::TITLE, name)),
        None => Ok(()),
    }
}

/// All entities of an account below a path, with the keys they are listed by.
pub(crate) fn all<E: Entity>(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    path_prefix: Option<&str>,
) -> Result<Vec<(String, E)>, Error> {
    let records: Vec<E> = from.records(E::TABLE, &keys::all_of(account))?;
    let below = |record: &E| path_prefix.is_none_or(|prefix| record.path().starts_with(prefix));
    Ok(records.into_iter().filter(below).map(|record| (record.name().to_ascii_lowercase(), record)).collect())
}
