//! The resources of an account that have policies of their own, and those policies.
//!
//! It decides nothing. What cannot be read says why, and is never taken for a resource without a policy.

use std::collections::BTreeSet;

use base::{AccountId, Region};
use protocol::Fault;
use serde_json::{Value, json};

use super::Family;
use super::family::Sort;
use super::reader::Reader;

/// A resource as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) arn: String,
    /// `AWS::S3::Bucket`
    pub(crate) resource_type: &'static str,
    pub(crate) policy: Policy,
    /// True where nobody outside the account comes in by a policy that is public: `RestrictPublicBuckets`.
    pub(crate) shielded: bool,
}

/// A resource's policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    None,
    Text(String),
    /// AWS's code of the reason.
    Unreadable(&'static str),
}

impl Policy {
    fn of(answer: Result<Value, Fault>, member: &str) -> Self {
        match answer {
            Ok(answer) => {
                let text = answer.pointer(member).and_then(Value::as_str).filter(|text| !text.is_empty());
                text.map_or(Self::None, |text| Self::Text(decoded(text)))
            }
            Err(fault) if is_absence(&fault) => Self::None,
            Err(fault) if fault.code.starts_with("AccessDenied") => Self::Unreadable("ACCESS_DENIED"),
            Err(_) => Self::Unreadable("INTERNAL_ERROR"),
        }
    }
}

/// Codes that say that there is nothing, or nothing any more.
fn is_absence(fault: &Fault) -> bool {
    const CODES: [&str; 8] = [
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NoSuchEntityException",
        "NoSuchPublicAccessBlockConfiguration",
        "PolicyNotFoundException",
        "ResourceNotFoundException",
        // Streams have no policies of their own here.
        "ValidationException",
    ];
    CODES.contains(&&*fault.code)
}

/// IAM's documents are percent-encoded.
pub(crate) fn decoded(text: &str) -> String {
    if !text.starts_with('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *byte == b'%').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(value) => {
                bytes.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// Every family of the account. A service that does not answer is left out, and told.
pub(crate) async fn list(reader: &Reader, account: AccountId, region: &Region) -> BTreeSet<Family> {
    let mut found = BTreeSet::new();
    let mut add = |what: &str, answer: Result<Vec<Value>, Fault>, arn: &dyn Fn(&Value) -> Option<String>| {
        match answer {
            Ok(items) => found.extend(items.iter().filter_map(arn).filter_map(|arn| Family::of(&arn))),
            Err(fault) => tracing::warn!(what, code = %fault.code, "not looked at for findings"),
        }
    };
    let text = |item: &Value, member: &str| item.get(member).and_then(Value::as_str).map(str::to_owned);
    let roles = reader.list(("iam", "ListRoles"), json!({}), "Roles", ("Marker", "Marker")).await;
    add("roles", roles, &|role| text(role, "Arn"));
    let token = ("ContinuationToken", "ContinuationToken");
    let buckets = reader.list(("s3", "ListBuckets"), json!({}), "Buckets", token).await;
    add("buckets", buckets, &|bucket| Some(format!("arn:aws:s3:::{}", text(bucket, "Name")?)));
    let marker = ("NextMarker", "Marker");
    let functions = reader.list(("lambda", "ListFunctions"), json!({}), "Functions", marker).await;
    add("functions", functions, &|function| text(function, "FunctionArn"));
    let layers = reader.list(("lambda", "ListLayers"), json!({}), "Layers", marker).await;
    add("layers", layers, &|layer| text(layer, "LayerArn"));
    let last = ("LastEvaluatedTableName", "ExclusiveStartTableName");
    let tables = reader.list(("dynamodb", "ListTables"), json!({}), "TableNames", last).await;
    add("tables", tables, &|table| {
        Some(format!("arn:aws:dynamodb:{region}:{account}:table/{}", table.as_str()?))
    });
    found
}

/// What there is of a family now; nothing where it is gone.
///
/// # Errors
/// Where it could not be told what belongs to the family: then nothing of it may be taken for gone.
pub(crate) async fn read(reader: &Reader, account: AccountId, family: &Family) -> Result<Vec<Seen>, Fault> {
    match family.sort {
        Sort::Role => Ok(role(reader, family).await),
        Sort::Bucket => Ok(bucket(reader, account, family).await),
        Sort::Function => function(reader, family).await,
        Sort::Layer => layer(reader, family).await,
        Sort::Table => table(reader, family).await,
    }
}

/// A list, where what is listed of is there.
fn present(listed: Result<Vec<Value>, Fault>) -> Result<Option<Vec<Value>>, Fault> {
    match listed {
        Err(fault) if is_absence(&fault) => Ok(None),
        listed => listed.map(Some),
    }
}

fn seen(arn: &str, resource_type: &'static str, policy: Policy) -> Seen {
    Seen { arn: arn.to_owned(), resource_type, policy, shielded: false }
}

async fn role(reader: &Reader, family: &Family) -> Vec<Seen> {
    let answer = reader.call("iam", "GetRole", &json!({"RoleName": family.name})).await;
    let policy = match &answer {
        Err(fault) if is_absence(fault) => return Vec::new(),
        // Another role of this name, with another path.
        Ok(role) if role.pointer("/Role/Arn").and_then(Value::as_str) != Some(&family.arn) => {
            return Vec::new();
        }
        _ => Policy::of(answer, "/Role/AssumeRolePolicyDocument"),
    };
    vec![seen(&family.arn, "AWS::IAM::Role", policy)]
}

async fn bucket(reader: &Reader, account: AccountId, family: &Family) -> Vec<Seen> {
    let input = json!({"Bucket": family.name, "ExpectedBucketOwner": account.as_str()});
    let answer = reader.call("s3", "GetBucketPolicy", &input).await;
    if answer.as_ref().is_err_and(|fault| fault.code == "NoSuchBucket") {
        return Vec::new();
    }
    let policy = Policy::of(answer, "/Policy");
    let block = match policy {
        Policy::Text(_) => reader.call("s3", "GetPublicAccessBlock", &input).await.unwrap_or_default(),
        _ => Value::Null,
    };
    let restricts = block.pointer("/PublicAccessBlockConfiguration/RestrictPublicBuckets");
    let shielded = restricts.and_then(Value::as_bool) == Some(true);
    vec![Seen { shielded, ..seen(&family.arn, "AWS::S3::Bucket", policy) }]
}

async fn function(reader: &Reader, family: &Family) -> Result<Vec<Seen>, Fault> {
    let input = json!({"FunctionName": family.name});
    let marker = ("NextMarker", "Marker");
    let versions = reader.list(("lambda", "ListVersionsByFunction"), input.clone(), "Versions", marker).await;
    let Some(versions) = present(versions)? else { return Ok(Vec::new()) };
    let aliases = reader.list(("lambda", "ListAliases"), input, "Aliases", marker).await;
    let Some(aliases) = present(aliases)? else { return Ok(Vec::new()) };
    let name = |item: &Value, member: &str| item.get(member).and_then(Value::as_str).map(str::to_owned);
    let numbers = versions.iter().filter_map(|version| name(version, "Version")).filter(|it| it != "$LATEST");
    let qualifiers = numbers.chain(aliases.iter().filter_map(|alias| name(alias, "Name")));
    let mut found = Vec::new();
    for qualifier in std::iter::once(None).chain(qualifiers.map(Some)) {
        let mut input = json!({"FunctionName": family.name});
        let mut arn = family.arn.clone();
        if let (Some(qualifier), Some(members)) = (&qualifier, input.as_object_mut()) {
            members.insert("Qualifier".to_owned(), json!(qualifier));
            arn = format!("{arn}:{qualifier}");
        }
        let policy = Policy::of(reader.call("lambda", "GetPolicy", &input).await, "/Policy");
        // Versions and aliases without a policy are no resources of their own.
        if qualifier.is_none() || policy != Policy::None {
            found.push(seen(&arn, "AWS::Lambda::Function", policy));
        }
    }
    Ok(found)
}

async fn layer(reader: &Reader, family: &Family) -> Result<Vec<Seen>, Fault> {
    let input = json!({"LayerName": family.name});
    let next = ("NextMarker", "Marker");
    let versions = reader.list(("lambda", "ListLayerVersions"), input, "LayerVersions", next).await;
    let Some(versions) = present(versions)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for version in versions {
        let (Some(arn), Some(number)) =
            (version.get("LayerVersionArn").and_then(Value::as_str), version.get("Version"))
        else {
            continue;
        };
        let input = json!({"LayerName": family.name, "VersionNumber": number});
        let policy = Policy::of(reader.call("lambda", "GetLayerVersionPolicy", &input).await, "/Policy");
        found.push(seen(arn, "AWS::Lambda::LayerVersion", policy));
    }
    Ok(found)
}

async fn table(reader: &Reader, family: &Family) -> Result<Vec<Seen>, Fault> {
    let own = reader.call("dynamodb", "GetResourcePolicy", &json!({"ResourceArn": family.arn})).await;
    if own.as_ref().is_err_and(|fault| fault.code == "ResourceNotFoundException") {
        return Ok(Vec::new());
    }
    let mut found = vec![seen(&family.arn, "AWS::DynamoDB::Table", Policy::of(own, "/Policy"))];
    let input = json!({"TableName": family.name});
    let next = ("LastEvaluatedStreamArn", "ExclusiveStartStreamArn");
    let streams = reader.list(("dynamodbstreams", "ListStreams"), input, "Streams", next).await;
    for stream in present(streams)?.unwrap_or_default() {
        let Some(arn) = stream.get("StreamArn").and_then(Value::as_str) else { continue };
        let answer = reader.call("dynamodb", "GetResourcePolicy", &json!({"ResourceArn": arn})).await;
        found.push(seen(arn, "AWS::DynamoDB::Stream", Policy::of(answer, "/Policy")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_cannot_be_read_is_not_taken_for_none() {
        let fault = |code: &'static str| Err(Fault::sender(code, "x"));
        for (answer, expected) in [
            (Ok(json!({"Policy": "{}"})), Policy::Text("{}".into())),
            (Ok(json!({"Policy": "%7B%22a%22%3A%22%25%22%7D"})), Policy::Text(r#"{"a":"%"}"#.into())),
            (Ok(json!({})), Policy::None),
            (fault("NoSuchBucketPolicy"), Policy::None),
            (fault("PolicyNotFoundException"), Policy::None),
            (fault("AccessDeniedException"), Policy::Unreadable("ACCESS_DENIED")),
            (fault("AccessDenied"), Policy::Unreadable("ACCESS_DENIED")),
            (fault("InternalFailure"), Policy::Unreadable("INTERNAL_ERROR")),
        ] {
            assert_eq!(Policy::of(answer, "/Policy"), expected);
        }
    }
}
