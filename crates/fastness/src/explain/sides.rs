//! The two sides of a call across accounts: each account's trail has its own record of it, under one shared id.
//!
//! It finds no record; it tells from one where the other stands.

use base::AccountId;
use serde_json::Value;

use super::Wanted;

/// Where the record of the other side stands, if the call went across accounts.
pub(super) fn other(record: &Value) -> Option<(Wanted, AccountId)> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let id = text("/sharedEventID")?.to_owned();
    let own = text("/recipientAccountId")?;
    let caller = text("/userIdentity/accountId");
    let resources = record.get("resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let owners = resources.iter().filter_map(|resource| resource.get("accountId")?.as_str());
    let account: AccountId =
        caller.into_iter().chain(owners).find(|account| *account != own)?.parse().ok()?;
    Some((Wanted::Shared { id, account, time: text("/eventTime").map(str::to_owned) }, account))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_side_leads_to_the_other() {
        let record = |own: &str, caller: &str, owners: &[&str]| {
            let resources: Vec<_> = owners.iter().map(|owner| json!({"accountId": owner})).collect();
            json!({"sharedEventID": "s", "recipientAccountId": own, "eventTime": "2026-01-01T00:00:00Z",
                "userIdentity": {"accountId": caller}, "resources": resources})
        };
        let (one, two) = ("111111111111", "222222222222");
        for (given, expected) in [
            (record(one, one, &[one, two]), Some(two)),
            (record(two, one, &[two]), Some(one)),
            (record(one, one, &[one]), None),
            (json!({"recipientAccountId": one, "userIdentity": {"accountId": two}}), None),
        ] {
            let found = other(&given).map(|(_, account)| account.as_str().to_owned());
            assert_eq!(found.as_deref(), expected, "{given}");
        }
    }
}
