//! Principals in the policies of resources: kept by their unique ids, shown by their ARNs.
//!
//! A policy means the user or role that had the name when it was written. Whoever is made later under the same name is
//! somebody else; of one that is gone, the unique id is shown, as in AWS. What a policy means otherwise is `policy`'s to know.

use base::{AccountId, Arn};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Key, Table};

use super::{Directory, DirectoryError, Reads};
use crate::ids;
use crate::principal::entity_arn;
use crate::records::{AccountRecord, Record, RoleRecord, UserRecord, keys};

/// Unique id → [`PrincipalIdRecord`].
pub(crate) const PRINCIPAL_IDS: Table = Table::new(0x0124, "unique ids of users and roles");
/// No unique id is empty: here stands that all of them are in the table.
const ALL_ARE_HERE: &str = "";

/// Whose a unique id is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrincipalIdRecord {
    account: AccountId,
    kind: PrincipalRecordKind,
    name: String,
}

/// What can be a principal of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrincipalRecordKind {
    /// A user.
    #[serde(rename = "user")]
    User,
    /// A role.
    #[serde(rename = "role")]
    Role,
}

impl Record for PrincipalIdRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "unique id";
}

/// What a record says of itself as a principal.
#[derive(Clone, Copy, Debug)]
pub struct PrincipalName<'a> {
    /// Its kind.
    pub kind: PrincipalRecordKind,
    /// Its unique id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl PrincipalName<'_> {
    pub(super) fn key(&self) -> Key {
        id_key(self.id)
    }

    pub(super) fn entry(&self, account: AccountId) -> PrincipalIdRecord {
        PrincipalIdRecord { account, kind: self.kind, name: self.name.to_owned() }
    }
}

fn id_key(id: &str) -> Key {
    Key::new().str(id)
}

/// Why a document's principals are not taken.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// No such user or role exists.
    #[error("Invalid principal in policy: \"AWS\":\"{0}\"")]
    Unknown(String),
    /// The directory cannot answer.
    #[error("the directory cannot answer")]
    Directory(#[from] DirectoryError),
}

/// The document with the unique ids of the users and roles that it names in the place of their ARNs. One that names none is
/// as it was, byte for byte.
///
/// # Errors
/// Where one of them does not exist, or the directory cannot answer.
// SECURITY: whom nobody has made yet is named by nobody: otherwise whoever makes him later is let in unasked.
pub fn bind_principals(from: &(impl Reads + ?Sized), document: &str) -> Result<String, BindError> {
    let Ok(mut value) = serde_json::from_str::<Value>(document) else { return Ok(document.to_owned()) };
    let changed = bind_statements(from, &mut value)?;
    Ok(if changed { value.to_string() } else { document.to_owned() })
}

/// The same for a document, or a single statement, that was read already. True where something changed.
///
/// # Errors
/// Where someone whom it names does not exist, or the directory cannot answer.
pub fn bind_statements(from: &(impl Reads + ?Sized), value: &mut Value) -> Result<bool, BindError> {
    let mut changed = false;
    for name in names(value) {
        let Some(text) = name.as_str() else { continue };
        if let Some(bound) = bound(from, text)? {
            *name = Value::String(bound);
            changed = true;
        }
    }
    Ok(changed)
}

/// The same for what was written before principals were bound: who is named and is not there gets an id that nobody has.
// SECURITY: left by his name, he would let in whoever takes that name later.
pub(super) fn bind_or_retire(
    from: &(impl Reads + ?Sized),
    value: &mut Value,
) -> Result<bool, DirectoryError> {
    let mut changed = false;
    for name in names(value) {
        let Some(text) = name.as_str() else { continue };
        let new = match bound(from, text) {
            Ok(bound) => bound,
            Err(BindError::Unknown(_)) => retired(text),
            Err(BindError::Directory(error)) => return Err(error),
        };
        if let Some(new) = new {
            *name = Value::String(new);
            changed = true;
        }
    }
    Ok(changed)
}

/// An id of the kind that an ARN names; `None` for what is an id already.
fn retired(text: &str) -> Option<String> {
    let arn: Arn = text.parse().ok()?;
    let (kind, rest) = arn.resource.split_once('/')?;
    tracing::warn!(
        principal = text,
        "a policy names a principal who is not there: nobody is let in by that name"
    );
    Some(match (kind, rest.split_once('/')) {
        ("user", _) => ids::entity(ids::USER),
        ("assumed-role", Some((_, session))) => format!("{}:{session}", ids::entity(ids::ROLE)),
        _ => ids::entity(ids::ROLE),
    })
}

/// The document as its readers see it: ARNs, and the unique ids of those who are gone.
///
/// # Errors
/// Where the directory cannot answer.
pub fn show_principals(from: &(impl Reads + ?Sized), document: &str) -> Result<String, DirectoryError> {
    if !document.contains(ids::USER) && !document.contains(ids::ROLE) {
        return Ok(document.to_owned());
    }
    let Ok(mut value) = serde_json::from_str::<Value>(document) else { return Ok(document.to_owned()) };
    let mut changed = false;
    for name in names(&mut value) {
        let Some(text) = name.as_str() else { continue };
        if let Some(arn) = shown(from, text)? {
            *name = Value::String(arn);
            changed = true;
        }
    }
    Ok(if changed { value.to_string() } else { document.to_owned() })
}

/// The `AWS` principals of a document, or of a single statement.
fn names(value: &mut Value) -> Vec<&mut Value> {
    let is_document = value.get("Statement").is_some();
    let statements = if is_document { value.get_mut("Statement") } else { Some(value) };
    let statements: Vec<&mut Value> = match statements {
        Some(Value::Array(statements)) => statements.iter_mut().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let mut names = Vec::new();
    for statement in statements {
        let Value::Object(members) = statement else { continue };
        for (element, principal) in members.iter_mut() {
            if element != "Principal" && element != "NotPrincipal" {
                continue;
            }
            match principal.get_mut("AWS") {
                Some(Value::Array(many)) => names.extend(many.iter_mut()),
                Some(one) => names.push(one),
                None => {}
            }
        }
    }
    names
}

/// The unique id in the place of a user's or role's ARN; `None` for what has none.
fn bound(from: &(impl Reads + ?Sized), text: &str) -> Result<Option<String>, BindError> {
    let unknown = || BindError::Unknown(text.chars().take(2_048).collect());
    let Ok(arn) = text.parse::<Arn>() else {
        let is_id = text.starts_with(ids::USER) || text.starts_with(ids::ROLE);
        let gone = is_id && found(from, text.split(':').next().unwrap_or_default())?.is_none();
        return if gone { Err(unknown()) } else { Ok(None) };
    };
    let Ok(account) = arn.account.parse::<AccountId>() else { return Ok(None) };
    let (kind, rest) = arn.resource.split_once('/').unwrap_or((&arn.resource, ""));
    let name = rest.rsplit('/').next().unwrap_or_default();
    match (arn.service.as_str(), kind) {
        ("iam", "user") => {
            let user: Option<UserRecord> = record(from, keys::USERS, account, name)?;
            let user = user
                .filter(|user| entity_arn(account, "user", &user.path, &user.name) == text)
                .ok_or_else(unknown)?;
            Ok(Some(user.user_id))
        }
        ("iam", "role") => {
            let role: Option<RoleRecord> = record(from, keys::ROLES, account, name)?;
            let role = role
                .filter(|role| entity_arn(account, "role", &role.path, &role.name) == text)
                .ok_or_else(unknown)?;
            Ok(Some(role.role_id))
        }
        ("sts", "assumed-role") => {
            let (role, session) = rest.split_once('/').ok_or_else(unknown)?;
            // SECURITY: what is stored must be readable again: nobody could use or mend what it stands on.
            if !policy::is_session_name(session) {
                return Err(unknown());
            }
            let found: Option<RoleRecord> = record(from, keys::ROLES, account, role)?;
            let found = found.filter(|found| found.name == role).ok_or_else(unknown)?;
            Ok(Some(format!("{}:{session}", found.role_id)))
        }
        _ => Ok(None),
    }
}

fn record<R: Record>(
    from: &(impl Reads + ?Sized),
    table: Table,
    account: AccountId,
    name: &str,
) -> Result<Option<R>, DirectoryError> {
    from.record(table, &keys::named(account, name))
}

/// The ARN in the place of a unique id; `None` for what is none, or whose holder is gone.
fn shown(from: &(impl Reads + ?Sized), text: &str) -> Result<Option<String>, DirectoryError> {
    let (id, session) = text.split_once(':').map_or((text, None), |(id, session)| (id, Some(session)));
    if !id.starts_with(ids::USER) && !id.starts_with(ids::ROLE) {
        return Ok(None);
    }
    let Some(PrincipalIdRecord { account, kind, name }) = found(from, id)? else { return Ok(None) };
    Ok(match (kind, session) {
        (PrincipalRecordKind::User, None) => {
            let user: Option<UserRecord> = record(from, keys::USERS, account, &name)?;
            user.map(|user| entity_arn(account, "user", &user.path, &user.name))
        }
        (PrincipalRecordKind::Role, None) => {
            let role: Option<RoleRecord> = record(from, keys::ROLES, account, &name)?;
            role.map(|role| entity_arn(account, "role", &role.path, &role.name))
        }
        (PrincipalRecordKind::Role, Some(session)) => {
            let resource = format!("assumed-role/{name}/{session}");
            Some(Arn::new("sts", "", account.as_str(), resource).to_string())
        }
        (PrincipalRecordKind::User, Some(_)) => None,
    })
}

/// The name by which the account's user with this unique id goes now.
pub(super) fn user_name(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    id: &str,
) -> Result<Option<String>, DirectoryError> {
    let is_it =
        |known: &PrincipalIdRecord| known.account == account && known.kind == PrincipalRecordKind::User;
    Ok(found(from, id)?.filter(is_it).map(|known| known.name))
}

fn found(from: &(impl Reads + ?Sized), id: &str) -> Result<Option<PrincipalIdRecord>, DirectoryError> {
    if id.is_empty() { Ok(None) } else { from.record(PRINCIPAL_IDS, &id_key(id)) }
}

impl Directory {
    /// Puts the unique ids of all users and roles in their table, once: stores from before it have none there.
    pub(super) async fn index_principals(&self) -> Result<(), DirectoryError> {
        if self.store().get(PRINCIPAL_IDS, id_key(ALL_ARE_HERE))?.is_some() {
            return Ok(());
        }
        let accounts = self.store().scan(keys::ACCOUNTS, &store::Range::prefix(Key::new()))?;
        self.store()
            .transact(|transaction| {
                for (key, bytes) in accounts {
                    AccountRecord::decode(&bytes)?;
                    let account = store::KeyReader::new(&key).str().ok().and_then(|text| text.parse().ok());
                    let Some(account) = account else { continue };
                    let mut edit = self.edit(transaction, account);
                    for user in edit.records::<UserRecord>(keys::USERS, &keys::all_of(account))? {
                        edit.index(&user)?;
                    }
                    for role in edit.records::<RoleRecord>(keys::ROLES, &keys::all_of(account))? {
                        edit.index(&role)?;
                    }
                }
                transaction.put(PRINCIPAL_IDS, id_key(ALL_ARE_HERE), Vec::new())?;
                Ok(())
            })
            .await
    }
}
