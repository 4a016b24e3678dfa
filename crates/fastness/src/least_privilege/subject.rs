//! Whose calls are meant: a role or function by name or ARN, or by the logical id that its template gives it.
//!
//! A role stands before a function of the same name. An ARN names its account by itself; no other account's role or function
//! is ever taken for the one that it names.

use base::{AccountId, Arn};
use serde_json::Value;

use super::{granted, stacks};
use crate::Error;
use crate::client::Client;

/// Whose calls are looked at.
pub(super) struct Subject {
    /// The role's name, without its path.
    pub(super) role: String,
    pub(super) role_arn: String,
    /// The function, where one was named: only calls of its own sessions count.
    pub(super) function: Option<String>,
}

/// The account that the name itself says, which must be the one that was given besides.
pub(super) fn account(named: &str, given: Option<AccountId>) -> Result<Option<AccountId>, Error> {
    let of_name = match named.parse::<Arn>() {
        Ok(arn) => arn.account.parse().ok(),
        // Lambda's short form of an ARN.
        Err(_) => named.split_once(":function:").and_then(|(account, _)| account.parse().ok()),
    };
    match (of_name, given) {
        (Some(own), Some(given)) if own != given => {
            Err(format!("`{named}` is of account {own}, not of {given}").into())
        }
        (own, given) => Ok(own.or(given)),
    }
}

/// The role or function of this name; `None` where the client's account has none.
pub(super) fn find(client: &Client, named: &str) -> Result<Option<Subject>, Error> {
    let is_pair = named.contains('/') && !named.contains(':');
    let found = if is_pair { None } else { physical(client, named)? };
    if found.is_some() || named.contains(':') {
        return Ok(found);
    }
    match stacks::physical_id(client, named)? {
        Some(id) => physical(client, &id),
        None => Ok(None),
    }
}

fn physical(client: &Client, named: &str) -> Result<Option<Subject>, Error> {
    if let Some((_, name)) = named.split_once(":function:") {
        return function(client, name.split(':').next().unwrap_or(name), named);
    }
    let name = named.rsplit('/').next().unwrap_or(named);
    match granted::role_arn(client, name)? {
        Some(arn) if named.starts_with("arn:") && arn != named => Ok(None),
        Some(arn) => Ok(Some(Subject { role: name.to_owned(), role_arn: arn, function: None })),
        None => function(client, name, named),
    }
}

fn function(client: &Client, name: &str, named: &str) -> Result<Option<Subject>, Error> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !plain || name.is_empty() {
        return Ok(None);
    }
    let answer = match client.get("lambda", &format!("/2015-03-31/functions/{name}")) {
        Err(error) if error.to_string().contains("answered 404") => return Ok(None),
        answer => answer?,
    };
    let text = |member: &str| {
        answer.pointer(&format!("/Configuration/{member}")).and_then(Value::as_str).unwrap_or_default()
    };
    let (own, role_arn) = (text("FunctionArn"), text("Role"));
    let is_it = named.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    if named.starts_with("arn:") && !is_it {
        return Ok(None);
    }
    let role = role_arn.rsplit('/').next().unwrap_or_default();
    Ok(Some(Subject {
        role: role.to_owned(),
        role_arn: role_arn.to_owned(),
        function: Some(name.to_owned()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_own_account_and_to_no_other() {
        let of = |named: &str, given: Option<&str>| {
            let given = given.map(|given| given.parse().unwrap());
            account(named, given).map(|account| account.map(String::from)).map_err(|error| error.to_string())
        };
        let told = |account: &str| Ok(Some(account.to_owned()));
        for named in [
            "arn:aws:iam::111111111111:role/team/r",
            "arn:aws:lambda:us-east-1:111111111111:function:f:1",
            "111111111111:function:f",
        ] {
            assert_eq!(of(named, None), told("111111111111"), "{named}");
            assert_eq!(of(named, Some("111111111111")), told("111111111111"), "{named}");
            let refused = of(named, Some("222222222222")).unwrap_err();
            assert!(refused.contains("111111111111") && refused.contains("222222222222"), "{refused}");
        }
        for named in ["r", "stack/R", "111111111111", "arn:aws:iam:::role/r"] {
            assert_eq!(of(named, None), Ok(None), "{named}");
            assert_eq!(of(named, Some("222222222222")), told("222222222222"), "{named}");
        }
    }
}
