//! Policy documents: checked when they come, escaped when they go.
//!
//! What a policy means is `policy`'s to know; here is only what IAM says about size and about principals that must
//! exist.

use base::{AccountId, Arn};
use identity::records::{RoleRecord, UserRecord};
use identity::{Edit, Reads};
use policy::{Policy, PolicyKind, quota as size};
use serde_json::Value;

use crate::{Error, entity};

/// A document as answers carry it: percent-encoded, as RFC 3986 has it.
pub(crate) fn escaped(document: &str) -> String {
    const UNRESERVED: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(document, UNRESERVED).to_string()
}

fn parse(document: &str, kind: PolicyKind) -> Result<(), Error> {
    let parsed = Policy::parse(document, kind);
    parsed.map(|_| ()).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))
}

/// A version of a managed policy.
pub(crate) fn check_managed(document: &str) -> Result<(), Error> {
    if size::characters(document) > size::MANAGED_POLICY_CHARACTERS_MAX {
        return Err(Error::quota("PolicySize", size::MANAGED_POLICY_CHARACTERS_MAX));
    }
    parse(document, PolicyKind::Identity)
}

/// An inline policy. The quota of all of an entity's inline policies together is its keeper's.
pub(crate) fn check_inline(document: &str) -> Result<(), Error> {
    parse(document, PolicyKind::Identity)
}

/// A trust policy. Users and roles of this account that it names must exist.
pub(crate) fn check_trust(from: &impl Reads, account: AccountId, document: &str) -> Result<(), Error> {
    if size::characters(document) > size::TRUST_POLICY_CHARACTERS_MAX {
        return Err(Error::quota("ACLSizePerRole", size::TRUST_POLICY_CHARACTERS_MAX));
    }
    parse(document, PolicyKind::Trust)?;
    for named in principals(document) {
        if !exists(from, account, &named)? {
            return Err(Error::MalformedPolicyDocument(format!(
                "Invalid principal in policy: \"AWS\":\"{named}\""
            )));
        }
    }
    Ok(())
}

/// The `AWS` principals of a document that parsed as a policy.
fn principals(document: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<Value>(document) else { return Vec::new() };
    let list = |value: &Value| match value {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let statements = list(document.get("Statement").unwrap_or(&Value::Null));
    let named = statements.iter().filter_map(|statement| statement.pointer("/Principal/AWS")).flat_map(list);
    named.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// The document with `new` in the place of `old` wherever a statement names it as a principal; `None` where none does.
fn renamed(document: &str, old: &str, new: &str) -> Option<String> {
    let mut document: Value = serde_json::from_str(document).ok()?;
    let mut found = false;
    let mut replace = |name: &mut Value| {
        if name.as_str() == Some(old) {
            *name = new.into();
            found = true;
        }
    };
    let statements = match document.get_mut("Statement")? {
        Value::Array(statements) => statements.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    for statement in statements {
        for element in ["/Principal/AWS", "/NotPrincipal/AWS"] {
            match statement.pointer_mut(element) {
                Some(Value::Array(names)) => names.iter_mut().for_each(&mut replace),
                Some(one) => replace(one),
                None => {}
            }
        }
    }
    found.then(|| document.to_string())
}

/// Follows a user or role through the account's trust policies: to its new ARN, or to its unique id once it is gone.
// SECURITY: trust is in the one who had the name when it was written. Without this, whoever may make users could step
// into the place of one that was deleted.
pub(crate) fn retarget(edit: &mut Edit<'_, '_>, old_arn: &str, new: &str) -> Result<(), Error> {
    if old_arn == new {
        return Ok(());
    }
    for (_, mut role) in entity::all::<RoleRecord>(edit, edit.account(), None)? {
        if let Some(trust) = renamed(&role.trust, old_arn, new) {
            role.trust = trust;
            entity::save(edit, &role)?;
        }
    }
    Ok(())
}

fn exists(from: &impl Reads, account: AccountId, named: &str) -> Result<bool, Error> {
    let Ok(arn) = named.parse::<Arn>() else { return Ok(true) };
    if arn.service != "iam" || arn.account != account.as_str() {
        return Ok(true); // another account, or a session: not ours to see
    }
    let Some((kind, rest)) = arn.resource.split_once('/') else { return Ok(true) };
    let name = rest.rsplit('/').next().unwrap_or(rest);
    let found =
        match kind {
            "user" => entity::find::<UserRecord>(from, account, name)?
                .map(|user| entity::Entity::arn(&user, account)),
            "role" => entity::find::<RoleRecord>(from, account, name)?
                .map(|role| entity::Entity::arn(&role, account)),
            _ => return Ok(true),
        };
    Ok(found.as_deref() == Some(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_escaped_as_rfc_3986_has_it() {
        assert_eq!(escaped(r#"{"a": "ä~-._"}"#), "%7B%22a%22%3A%20%22%C3%A4~-._%22%7D");
    }

    #[test]
    fn only_principals_are_renamed() {
        let document =
            r#"{"Statement":[{"Sid":"a","Principal":{"AWS":"a"}},{"NotPrincipal":{"AWS":["b","a"]}}]}"#;
        let renamed_to =
            r#"{"Statement":[{"Sid":"a","Principal":{"AWS":"x"}},{"NotPrincipal":{"AWS":["b","x"]}}]}"#;
        assert_eq!(renamed(document, "a", "x").as_deref(), Some(renamed_to));
        assert_eq!(renamed(document, "c", "x"), None);
        assert_eq!(renamed(r#"{"Statement":{"Principal":"*"}}"#, "*", "x"), None);
    }

    #[test]
    fn principals_are_found_wherever_a_statement_names_them() {
        let one = r#"{"Statement":{"Principal":{"AWS":"a"}}}"#;
        let many = r#"{"Statement":[{"Principal":{"AWS":["a","b"]}},{"Principal":"*"},{"Principal":{"Service":"s"}}]}"#;
        assert_eq!(principals(one), ["a"]);
        assert_eq!(principals(many), ["a", "b"]);
        assert!(principals("[").is_empty());
    }
}
