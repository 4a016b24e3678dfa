//! Who a managed policy is attached to: the index, and what it counts.
//!
//! Every change of an entity's attached policies or boundary goes through here, so that record and index agree.

use std::collections::HashMap;

use base::AccountId;
use identity::directory::customer_policy_name;
use identity::directory::managed;
use identity::principal::entity_arn;
use identity::records::{ManagedPolicyRecord, RoleRecord, UserRecord, keys};
use identity::{Edit, Reads};
use store::{Key, KeyReader, Range};

use crate::entity::{self, Entity};
use crate::operations::policies;
use crate::{Error, quota};

/// How often a policy is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) attached: i64,
    pub(crate) boundaries: i64,
}

/// One use of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) arn: String,
    /// `User`, `Group` or `Role`.
    pub(crate) title: String,
    pub(crate) name: String,
    pub(crate) boundary: bool,
}

const BOUNDARY: &str = "Boundary";

fn uses(from: &(impl Reads + ?Sized), prefix: &Key) -> Result<Vec<Use>, Error> {
    let entries = from.list(keys::ATTACHMENTS, &Range::prefix(prefix))?;
    let read = |key: &[u8]| {
        let mut reader = KeyReader::new(key);
        let _account = reader.str()?;
        let (arn, kind, name) = (reader.str()?, reader.str()?, reader.str()?);
        let boundary = kind.ends_with(BOUNDARY);
        let title = kind.strip_suffix(BOUNDARY).unwrap_or(&kind).to_owned();
        Ok(Use { arn, title, name, boundary })
    };
    let all: Result<Vec<Use>, store::MalformedKey> = entries.iter().map(|(key, _)| read(key)).collect();
    all.map_err(|error| Error::Internal(service::Internal::new(error)))
}

/// The uses of one policy.
pub(crate) fn uses_of(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    arn: &str,
) -> Result<Vec<Use>, Error> {
    uses(from, &keys::attachments_of(account, arn))
}

/// How often one policy is used.
pub(crate) fn count_of(from: &(impl Reads + ?Sized), account: AccountId, arn: &str) -> Result<Count, Error> {
    Ok(tally(&uses_of(from, account, arn)?).remove(arn).unwrap_or_default())
}

/// How often every policy of an account is used.
pub(crate) fn counts(
    from: &(impl Reads + ?Sized),
    account: AccountId,
) -> Result<HashMap<String, Count>, Error> {
    Ok(tally(&uses(from, &keys::all_of(account))?))
}

fn tally(uses: &[Use]) -> HashMap<String, Count> {
    let mut counts: HashMap<String, Count> = HashMap::new();
    for used in uses {
        let count = counts.entry(used.arn.clone()).or_default();
        if used.boundary {
            count.boundaries += 1;
        } else {
            count.attached += 1;
        }
    }
    counts
}

/// Enters all of a role's attached policies in the index.
pub(crate) fn mark_all(edit: &mut Edit<'_, '_>, role: &RoleRecord) -> Result<(), Error> {
    for arn in &role.attached {
        edit.mark(keys::ATTACHMENTS, &keys::attachment(edit.account(), arn, RoleRecord::TITLE, &role.name))?;
    }
    Ok(())
}

/// Takes all of a role's attached policies out of the index.
pub(crate) fn unmark_all(edit: &mut Edit<'_, '_>, role: &RoleRecord) -> Result<(), Error> {
    for arn in &role.attached {
        edit.delete(
            keys::ATTACHMENTS,
            &keys::attachment(edit.account(), arn, RoleRecord::TITLE, &role.name),
        )?;
    }
    Ok(())
}

/// Refuses the policies that AWS keeps for its services' roles and for tasks of root users.
fn check_for_customers<E: Entity>(arn: &str) -> Result<(), Error> {
    match managed::by_arn(arn) {
        Some(policy) if ["/aws-service-role/", "/root-task/"].contains(&policy.path.as_str()) => {
            let title = E::TITLE;
            Err(Error::PolicyNotAttachable(format!(
                "Cannot attach a Service Role Policy to a Customer {title}."
            )))
        }
        _ => Ok(()),
    }
}

/// Refuses the ARN of a policy that cannot be attached: one that is not there, or of another account.
pub(crate) fn check_attachable(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    arn: &str,
) -> Result<(), Error> {
    if managed::by_arn(arn).is_some() {
        return Ok(());
    }
    policies::check_arn(arn)?;
    let missing = || Error::not_attachable(arn);
    let name = customer_policy_name(account, arn).ok_or_else(missing)?;
    let record: Option<ManagedPolicyRecord> = from.record(keys::POLICIES, &keys::named(account, name))?;
    let same = record.is_some_and(|record| entity_arn(account, "policy", &record.path, &record.name) == arn);
    if same { Ok(()) } else { Err(missing()) }
}

/// Attaches a policy; once more is no error.
pub(crate) fn attach<E: Entity>(edit: &mut Edit<'_, '_>, name: &str, arn: &str) -> Result<(), Error> {
    let mut record: E = entity::load_to_change(edit, name)?;
    check_attachable(edit, edit.account(), arn)?;
    check_for_customers::<E>(arn)?;
    if record.attached().iter().any(|other| other == arn) {
        return Ok(());
    }
    if record.attached().len() >= quota::ATTACHED_MAX {
        return Err(Error::quota(&format!("PoliciesPer{}", E::TITLE), quota::ATTACHED_MAX));
    }
    record.attached().push(arn.to_owned());
    entity::save(edit, &record)?;
    let key = keys::attachment(edit.account(), arn, E::TITLE, name);
    Ok(edit.mark(keys::ATTACHMENTS, &key)?)
}

/// Detaches a policy that is attached.
pub(crate) fn detach<E: Entity>(edit: &mut Edit<'_, '_>, name: &str, arn: &str) -> Result<(), Error> {
    let mut record: E = entity::load_to_change(edit, name)?;
    let before = record.attached().len();
    record.attached().retain(|other| other != arn);
    if record.attached().len() == before {
        return Err(Error::no_such_policy(arn));
    }
    entity::save(edit, &record)?;
    let key = keys::attachment(edit.account(), arn, E::TITLE, name);
    Ok(edit.delete(keys::ATTACHMENTS, &key)?)
}

/// An entity that can have a permissions boundary: a user or a role.
pub(crate) trait Bounded: Entity {
    fn boundary(&mut self) -> &mut Option<String>;
}

impl Bounded for UserRecord {
    fn boundary(&mut self) -> &mut Option<String> {
        &mut self.boundary
    }
}

impl Bounded for RoleRecord {
    fn boundary(&mut self) -> &mut Option<String> {
        &mut self.boundary
    }
}

fn boundary_key<E: Entity>(account: AccountId, arn: &str, name: &str) -> Key {
    keys::attachment(account, arn, &format!("{}{BOUNDARY}", E::TITLE), name)
}

/// Puts a boundary in the place of the one there was, and saves the record. `None` takes it away.
pub(crate) fn set_boundary<E: Bounded>(
    edit: &mut Edit<'_, '_>,
    mut record: E,
    arn: Option<String>,
) -> Result<(), Error> {
    let account = edit.account();
    if let Some(arn) = &arn {
        check_attachable(edit, account, arn)?;
    }
    let name = record.name().to_owned();
    if let Some(old) = record.boundary().take() {
        edit.delete(keys::ATTACHMENTS, &boundary_key::<E>(account, &old, &name))?;
    }
    if let Some(new) = &arn {
        edit.mark(keys::ATTACHMENTS, &boundary_key::<E>(account, new, &name))?;
    }
    *record.boundary() = arn;
    entity::save(edit, &record)
}

/// Moves an entity's entries of the index to its new name.
pub(crate) fn rename<E: Entity>(
    edit: &mut Edit<'_, '_>,
    attached: &[String],
    boundary: Option<&str>,
    from: &str,
    to: &str,
) -> Result<(), Error> {
    let account = edit.account();
    for arn in attached {
        edit.delete(keys::ATTACHMENTS, &keys::attachment(account, arn, E::TITLE, from))?;
        edit.mark(keys::ATTACHMENTS, &keys::attachment(account, arn, E::TITLE, to))?;
    }
    if let Some(arn) = boundary {
        edit.delete(keys::ATTACHMENTS, &boundary_key::<E>(account, arn, from))?;
        edit.mark(keys::ATTACHMENTS, &boundary_key::<E>(account, arn, to))?;
    }
    Ok(())
}
