//! Every condition key that AWS lists for an action is filled where access functions ask for that action, or stands here with a
//! reason why not.
//!
//! It reads sources and judges by names: a key counts as filled for an action where a function that names the action, or
//! calls one that does, names the key or calls one that does. It does not see when the key is filled, and with what; an
//! action that neither an access module nor a table of operations names is not judged.

mod items;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::failure::{At, Outcome};
use crate::tidy::modules::sources;
use crate::workspace::{read, root, services, shown};
use items::{Item, quoted};

/// A key that is not filled: the action, or `*` for all of its service; the key; and why.
type Exception = (&'static str, &'static str, &'static str);

const UNFILLED: [Exception; 35] = [
    ("cloudformation:*", "cloudformation:ImportResourceTypes", "imports of resources are not offered"),
    ("cloudformation:*", "cloudformation:ResourceTypes", "the parameter is refused"),
    ("cloudformation:CreateChangeSet", "cloudformation:StackPolicyUrl", "the API has no such parameter"),
    ("iam:EnableMFADevice", "iam:FIDO-FIPS-140-2-certification", "security keys are not offered"),
    ("iam:EnableMFADevice", "iam:FIDO-FIPS-140-3-certification", "security keys are not offered"),
    ("iam:EnableMFADevice", "iam:FIDO-certification", "security keys are not offered"),
    ("iam:EnableMFADevice", "iam:RegisterSecurityKey", "security keys are not offered"),
    ("iam:PassRole", "iam:AssociatedResourceArn", "an instance profile is of no instance yet"),
    ("lambda:*", "lambda:EventSourceToken", "no Alexa skill calls"),
    ("lambda:*", "lambda:SecurityGroupIds", "there are no networks of one's own"),
    ("lambda:*", "lambda:SubnetIds", "there are no networks of one's own"),
    ("lambda:*", "lambda:VpcIds", "there are no networks of one's own"),
    ("lambda:*", "lambda:SourceFunctionArn", "the pipeline fills it for functions' credentials"),
    ("apigateway:*", "apigateway:Request/RoutingMode", "domain names are not offered"),
    ("organizations:*", "organizations:TransferDirection", "responsibility transfers are not offered"),
    ("organizations:*", "organizations:TransferType", "responsibility transfers are not offered"),
    ("s3:*", "s3:AccessGrantsInstanceArn", "access grants are not offered"),
    ("s3:*", "s3:AccessPointNetworkOrigin", "access points are not offered"),
    ("s3:*", "s3:AccessPointTag/${TagKey}", "access points are not offered"),
    ("s3:*", "s3:DataAccessPointAccount", "access points are not offered"),
    ("s3:*", "s3:DataAccessPointArn", "access points are not offered"),
    ("s3:CreateBucket", "s3:ResourceAccount", "what does not exist yet belongs to nobody"),
    ("s3:TagResource", "s3:ResourceAccount", "asked for buckets that do not exist yet alone"),
    ("s3:ListAllMyBuckets", "s3:ResourceAccount", "no bucket is named"),
    ("s3:CreateBucket", "s3:x-amz-bucket-namespace", "names of accounts' own are not offered"),
    ("s3:PutObject", "s3:object-lock-legal-hold", "object lock is not offered"),
    ("s3:PutObject", "s3:object-lock-mode", "object lock is not offered"),
    ("s3:PutObject", "s3:object-lock-remaining-retention-days", "object lock is not offered"),
    ("s3:PutObject", "s3:object-lock-retain-until-date", "object lock is not offered"),
    ("s3:PutObject", "s3:x-amz-grant-write", "the API has no such parameter"),
    ("s3:PutObject", "s3:x-amz-server-side-encryption-customer-algorithm", "customers' keys are refused"),
    ("s3:PutObject", "s3:x-amz-website-redirect-location", "the parameter is refused"),
    ("s3:*", "s3:x-amz-storage-class", "the API of lists of grants has no such parameter"),
    ("sts:*", "sts:RoleSessionName", "`service::RoleTarget` fills it for all who take roles"),
    ("ssm:PutParameter", "ssm:Policies", "policies of parameters are refused"),
];

/// The keys of one service: of each action those that AWS lists for it, and under `*` those of no action.
fn listed(facts: &Value, prefix: &str) -> BTreeSet<(String, String)> {
    let keys = |of: &Value| -> Vec<String> {
        let all =
            of.get("conditions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        all.filter(|key| key.starts_with(prefix)).map(str::to_owned).collect()
    };
    let members =
        |of: &Value, name: &str| of.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let mut listed = BTreeSet::new();
    for (action, facts) in members(facts, "actions") {
        let of_types = members(&facts, "resources").into_iter().flat_map(|(_, resource)| keys(&resource));
        listed.extend(keys(&facts).into_iter().chain(of_types).map(|key| (action.clone(), key)));
    }
    let mut tied: BTreeSet<String> = listed.iter().map(|(_, key)| key.clone()).collect();
    tied.extend(members(facts, "resources").iter().flat_map(|(_, resource)| keys(resource)));
    let all = members(facts, "conditions").into_iter().map(|(key, _)| key);
    let free = all.filter(|key| key.starts_with(prefix) && !tied.contains(key));
    listed.extend(free.map(|key| ("*".to_owned(), key)).collect::<Vec<_>>());
    listed
}

/// What access functions name together: of each text the others, in small letters, as keys are compared.
type Named = BTreeMap<String, BTreeSet<String>>;

fn named_together(items: &[Item], prefix: &str) -> Named {
    let mut named = Named::new();
    for start in 0..items.len() {
        let texts: BTreeSet<String> = items::reached(items, start)
            .into_iter()
            .filter_map(|at| items.get(at))
            .flat_map(|item| quoted(&item.text))
            .filter(|text| text.contains(':'))
            .map(str::to_owned)
            .collect();
        let keys: BTreeSet<String> = texts.iter().map(|text| text.to_ascii_lowercase()).collect();
        for action in texts.iter().filter_map(|text| text.strip_prefix(prefix)) {
            named.entry(action.to_owned()).or_default().extend(keys.iter().cloned());
        }
        named.entry("*".to_owned()).or_default().extend(keys);
    }
    named
}

/// Whether a key is among these; of one with a placeholder, its beginning.
fn holds(named: &BTreeSet<String>, key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    match key.split_once(['<', '$']) {
        Some((start, _)) => named.iter().any(|name| name.starts_with(start)),
        None => named.contains(&key),
    }
}

/// The pairs of an action that access functions of these sources ask for, and a key that none fills.
fn unfilled(facts: &Value, service: &str, texts: &[String]) -> BTreeSet<(String, String)> {
    let prefix = format!("{service}:");
    let items: Vec<Item> = texts.iter().flat_map(|text| items::of(text)).collect();
    let named = named_together(&items, &prefix);
    let pairs = listed(facts, &prefix).into_iter();
    pairs
        .filter(|(action, key)| named.get(action).is_some_and(|named| !holds(named, key)))
        .map(|(action, key)| (format!("{prefix}{action}"), key))
        .collect()
}

/// Every key that is not filled and has no reason, and every reason for what is.
pub(super) fn check() -> Outcome<Vec<String>> {
    let mut missing = BTreeSet::new();
    for service in services()? {
        let path = root().join("models/authorization").join(format!("{service}.json"));
        let facts: Value = serde_json::from_str(&read(&path)?).at(path.display())?;
        let folders = ["access", "table"].map(|folder| format!("services/{service}/src/{folder}"));
        let all = sources()?
            .into_iter()
            .filter(|path| folders.iter().any(|folder| shown(path).starts_with(folder)));
        let texts = all.map(|path| read(&path)).collect::<Outcome<Vec<String>>>()?;
        missing.extend(unfilled(&facts, &service, &texts));
    }
    let excuses = |(action, key): &(String, String), (of, excused, _): &Exception| {
        key == excused && of.strip_suffix('*').map_or(action == of, |service| action.starts_with(service))
    };
    let unexcused = missing.iter().filter(|pair| !UNFILLED.iter().any(|exception| excuses(pair, exception)));
    let mut problems: Vec<String> = unexcused
        .map(|(action, key)| format!("{action} is asked for without {key}, and no reason says why"))
        .collect();
    let needless = UNFILLED.iter().filter(|exception| !missing.iter().any(|pair| excuses(pair, exception)));
    problems.extend(
        needless.map(|(action, key, _)| format!("{key} of {action} is filled, and has a reason why not")),
    );
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_is_filled_where_the_action_is_asked_for() {
        let facts = json!({
            "actions": {
                "Get": {"conditions": ["x:Url", "x:Tag/${TagKey}", "aws:TagKeys"], "resources": {}},
                "Put": {"conditions": ["x:Url"], "resources": {"thing": {"conditions": ["x:Kind"]}}},
                "Row": {"conditions": ["x:Url", "x:Kind"], "resources": {}},
                "Never": {"conditions": ["x:Url"], "resources": {}},
            },
            "resources": {},
            "conditions": {"x:Url": "String", "x:Free": "String", "x:Held": "String"},
        });
        let source = r#"
const KIND: &str = "x:Kind";

macro_rules! rows {
    ($($name:ident, $action:literal;)*) => {$(
        fn $name() -> Access {
            with_kind(ask($action))
        }
    )*};
}

rows! {
    row, "x:Row";
}

/// It might say "x:Url".
fn get(url: &str) -> Access {
    // "x:Held" is said nowhere else.
    with_url::<u8>(ask("x:Get"), url).when(format!("x:Tag/{tag}"), ["v"])
}

fn put() -> Access {
    ask("x:Put")
}

fn with_url<I>(access: Access, url: &str) -> Access {
    access.when("x:URL", [url])
}

fn with_kind(access: Access) -> Access {
    access.when(KIND, ["a"])
}
"#;
        let pair = |action: &str, key: &str| (action.to_owned(), key.to_owned());
        let expected = [
            pair("x:*", "x:Free"),
            pair("x:*", "x:Held"),
            pair("x:Put", "x:Kind"),
            pair("x:Put", "x:Url"),
            pair("x:Row", "x:Url"),
        ];
        assert_eq!(unfilled(&facts, "x", &[source.to_owned()]), BTreeSet::from(expected));
    }
}
