//! Values that stacks export, and who uses them. The index is written with the stack's record, never apart from it.
//!
//! Knows no template: which names a stack uses is told by whoever resolved it.

use std::collections::{BTreeMap, BTreeSet};

use base::AccountId;
use store::{Key, Range, Read, Transaction};

use crate::error::Error;
use crate::model::status;
use crate::records::{EXPORTS, ExportRecord, IMPORTS, StackRecord, VERSION};
use crate::stacks::{by_id, decode, home, put};

fn export_key(account: AccountId, region: &str, name: &str) -> Key {
    home(account, region).str(name)
}

/// What a stack exports now.
fn of(stack: &StackRecord) -> BTreeMap<&str, &str> {
    if stack.status == status::DELETE_COMPLETE {
        return BTreeMap::new();
    }
    let named = stack
        .outputs
        .iter()
        .filter_map(|output| Some((output.export_name.as_deref()?, output.value.as_str())));
    named.collect()
}

fn used(stack: &StackRecord) -> BTreeSet<&str> {
    if stack.status == status::DELETE_COMPLETE {
        return BTreeSet::new();
    }
    // What the stack may go back to is in use as well.
    let before = stack.operation.as_ref().and_then(|operation| operation.before.as_ref());
    let contents = std::iter::once(&stack.content).chain(before).chain(&stack.firm);
    contents.flat_map(|content| &content.imports).map(String::as_str).collect()
}

/// Brings the index from what was stored of a stack to what it is.
pub(crate) fn index(
    tx: &mut Transaction<'_>,
    stored: Option<&StackRecord>,
    stack: &StackRecord,
) -> Result<(), Error> {
    let (account, region) = (stack.account, stack.region.as_str());
    let (before, after) = (stored.map(of).unwrap_or_default(), of(stack));
    check_unused(tx, stack, &before, &after)?;
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        tx.delete(EXPORTS, export_key(account, region, name))?;
    }
    for (name, value) in after.iter().filter(|(name, value)| before.get(*name) != Some(value)) {
        let key = export_key(account, region, name);
        if let Some(other) = tx.get(EXPORTS, &key)? {
            let other: ExportRecord = decode(&other)?;
            if other.stack_id != stack.id {
                let holder = other.stack_name;
                return Err(Error::Validation(format!(
                    "Export with name {name} is already exported by stack {holder}"
                )));
            }
        }
        let record = ExportRecord {
            version: VERSION,
            name: (*name).to_owned(),
            stack_id: stack.id.clone(),
            stack_name: stack.name.clone(),
            value: (*value).to_owned(),
        };
        put(tx, EXPORTS, &key, &record)?;
    }
    let (before, after) = (stored.map(used).unwrap_or_default(), used(stack));
    let key = |name: &str| export_key(account, region, name).str(&stack.id);
    for name in before.difference(&after) {
        tx.delete(IMPORTS, key(name))?;
    }
    for name in after.difference(&before) {
        check_stays(tx, account, region, name)?;
        tx.put(IMPORTS, key(name), stack.name.clone().into_bytes())?;
    }
    Ok(())
}

/// Refuses that exports go or change that others use. Who changes a stack asks before; in between somebody may have begun to.
fn check_unused(
    tx: &Transaction<'_>,
    stack: &StackRecord,
    before: &BTreeMap<&str, &str>,
    after: &BTreeMap<&str, &str>,
) -> Result<(), Error> {
    for (name, _) in before.iter().filter(|(name, value)| after.get(*name) != Some(value)) {
        let users = users(tx, stack.account, &stack.region, name)?;
        let is_changed = after.contains_key(name);
        if !users.is_empty() {
            return Err(Error::Validation(refusal(name, &users, is_changed)));
        }
    }
    Ok(())
}

/// Refuses to begin to use what a stack exports that is being deleted: whether anybody uses it is asked once, when its deletion
/// begins.
fn check_stays(tx: &Transaction<'_>, account: AccountId, region: &str, name: &str) -> Result<(), Error> {
    // What nobody exports is missed where it is resolved.
    let Some(found) = tx.get(EXPORTS, export_key(account, region, name))? else { return Ok(()) };
    let record: ExportRecord = decode(&found)?;
    let exporter = by_id(tx, account, region, &record.stack_id)?;
    match exporter.is_some_and(|exporter| exporter.status == status::DELETE_IN_PROGRESS) {
        true => Err(Error::Validation(format!("No export named {name} found."))),
        false => Ok(()),
    }
}

/// All that is exported in an account and region, by name.
pub(crate) fn all(
    store: &(impl Read + ?Sized),
    account: AccountId,
    region: &str,
) -> Result<BTreeMap<String, String>, Error> {
    let found = store.list(EXPORTS, &Range::prefix(home(account, region)))?;
    let pair = |bytes: &[u8]| decode(bytes).map(|record: ExportRecord| (record.name, record.value));
    found.iter().map(|(_, bytes)| pair(bytes)).collect()
}

/// The same with who exports them.
pub(crate) fn listed(
    store: &(impl Read + ?Sized),
    account: AccountId,
    region: &str,
) -> Result<Vec<ExportRecord>, Error> {
    store
        .list(EXPORTS, &Range::prefix(home(account, region)))?
        .iter()
        .map(|(_, bytes)| decode(bytes))
        .collect()
}

/// The names of the stacks that use an export.
pub(crate) fn users(
    store: &(impl Read + ?Sized),
    account: AccountId,
    region: &str,
    name: &str,
) -> Result<Vec<String>, Error> {
    let found = store.list(IMPORTS, &Range::prefix(export_key(account, region, name)))?;
    let mut users: Vec<String> =
        found.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
    users.sort();
    Ok(users)
}

/// The first export of a stack that others use and that would not stay as it is.
pub(crate) fn in_use(
    store: &(impl Read + ?Sized),
    stack: &StackRecord,
    next: &BTreeMap<String, String>,
) -> Result<Option<(String, Vec<String>, bool)>, Error> {
    for (name, value) in of(stack) {
        if next.get(name).is_some_and(|next| next == value) {
            continue;
        }
        let users = users(store, stack.account, &stack.region, name)?;
        if !users.is_empty() {
            return Ok(Some((name.to_owned(), users, next.contains_key(name))));
        }
    }
    Ok(None)
}

/// `Export … cannot be … as it is in use by …`
pub(crate) fn refusal(name: &str, users: &[String], is_changed: bool) -> String {
    let (verb, users) = (if is_changed { "update" } else { "delete" }, users.join(", "));
    format!("Cannot {verb} export {name} as it is in use by {users}")
}
