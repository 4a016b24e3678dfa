//! `AWS::S3::Bucket`. What a bucket has besides is set by one call each.

use serde_json::{Map, Value, json};

use super::reading::Reading;
use super::{Answer, Failure, Property, Provider, Work, gone, is_absent, list, optional, seen, tags, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Bucket;

const PROPERTIES: [Property; 7] = [
    optional("AccessControl"),
    optional("BucketEncryption"),
    optional("BucketName").fixed(),
    optional("OwnershipControls"),
    optional("PublicAccessBlockConfiguration"),
    optional("Tags"),
    optional("VersioningConfiguration"),
];

/// A property, the call that sets it, the member that takes it, and the call that takes it away where its default is not
/// set instead.
const SETTINGS: [(&str, &str, &str, Option<&str>); 4] = [
    (
        "BucketEncryption",
        "PutBucketEncryption",
        "ServerSideEncryptionConfiguration",
        Some("DeleteBucketEncryption"),
    ),
    (
        "OwnershipControls",
        "PutBucketOwnershipControls",
        "OwnershipControls",
        Some("DeleteBucketOwnershipControls"),
    ),
    ("PublicAccessBlockConfiguration", "PutPublicAccessBlock", "PublicAccessBlockConfiguration", None),
    ("VersioningConfiguration", "PutBucketVersioning", "VersioningConfiguration", None),
];

/// A property, the call that shows it, where its answer has it, and the error that says there is none.
const SHOWN: [(&str, &str, &str, &str); 5] = [
    (
        "BucketEncryption",
        "GetBucketEncryption",
        "/ServerSideEncryptionConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
    ),
    (
        "OwnershipControls",
        "GetBucketOwnershipControls",
        "/OwnershipControls",
        "OwnershipControlsNotFoundError",
    ),
    (
        "PublicAccessBlockConfiguration",
        "GetPublicAccessBlock",
        "/PublicAccessBlockConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
    ),
    ("Tags", "GetBucketTagging", "/TagSet", "NoSuchTagSet"),
    ("VersioningConfiguration", "GetBucketVersioning", "", ""),
];

impl Provider for Bucket {
    fn kind(&self) -> &'static str {
        "AWS::S3::Bucket"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("s3", "CreateBucket"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("BucketName", 63))
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let shown = seen(work.call("s3", "GetBucketTagging", json!({ "Bucket": work.planned })).await);
            let Ok(Some(shown)) = shown else { return Ok(None) };
            Ok(work.is_marked(shown.get("TagSet")).then(|| work.made(&work.planned, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules { unread: &["/AccessControl"], whole: &[], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let bucket = json!({ "Bucket": of.id });
            match work.call("s3", "HeadBucket", bucket.clone()).await {
                Err(fault) if is_absent(&fault) || fault.code == "NoSuchBucket" => return Ok(None),
                answer => answer?,
            };
            let mut now = work.pick(&["BucketName"]);
            for (property, get, place, absent) in SHOWN {
                if work.get(property).is_none() {
                    continue;
                }
                match work.call("s3", get, bucket.clone()).await {
                    Err(fault) if fault.code == absent => {}
                    Err(fault) => return Err(fault.into()),
                    Ok(shown) => {
                        let value = shown.pointer(place).cloned().unwrap_or_default();
                        now.insert(property.to_owned(), from_call(property, value));
                    }
                }
            }
            now.retain(|_, value| !value.is_null());
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            // Names of buckets have no capitals; a generated one is made of logical ids.
            let name = work.planned.to_lowercase();
            let region = work.caller.region().as_str();
            let mut input = Map::from_iter([("Bucket".to_owned(), Value::from(name.clone()))]);
            if region != "us-east-1" {
                let place = json!({ "LocationConstraint": region });
                input.insert("CreateBucketConfiguration".to_owned(), place);
            }
            work.call("s3", "CreateBucket", Value::Object(input)).await?;
            let made = work.made(
                &name,
                json!({
                    "Arn": format!("arn:aws:s3:::{name}"),
                    "DomainName": format!("{name}.s3.amazonaws.com"),
                    "DualStackDomainName": format!("{name}.s3.dualstack.{region}.amazonaws.com"),
                    "RegionalDomainName": format!("{name}.s3.{region}.amazonaws.com"),
                }),
            );
            set(work, &name, &Value::Null).await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            set(work, &old.id, &old.properties).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let answer = work.call("s3", "DeleteBucket", json!({ "Bucket": old.id.to_lowercase() })).await;
            match answer {
                Err(fault) if fault.code == "NoSuchBucket" => Ok(()),
                answer => gone(answer),
            }
        })
    }
}

/// Sets what differs from `old`.
async fn set(work: &Work, bucket: &str, old: &Value) -> Result<(), Failure> {
    for (property, put, member, delete) in SETTINGS {
        match (work.get(property), delete) {
            (same, _) if same == old.get(property) => {}
            (Some(wanted), _) => {
                let wanted = as_call(property, wanted);
                work.call("s3", put, json!({ "Bucket": bucket, member: wanted })).await?;
            }
            (None, Some(delete)) => gone(work.call("s3", delete, json!({ "Bucket": bucket })).await)?,
            (None, None) => {
                work.call("s3", put, json!({ "Bucket": bucket, member: default_of(property) })).await?;
            }
        }
    }
    if work.get("AccessControl") != old.get("AccessControl") {
        // `PublicRead` in a template is `public-read` in the call.
        let acl = work.get("AccessControl").map_or_else(|| "Private".to_owned(), |acl| text(Some(acl)));
        let input = json!({ "Bucket": bucket, "ACL": canned(&acl) });
        work.call("s3", "PutBucketAcl", input).await?;
    }
    if work.get("Tags") != old.get("Tags") {
        match work.get("Tags") {
            Some(tags) => {
                let input = json!({ "Bucket": bucket, "Tagging": { "TagSet": tags } });
                work.call("s3", "PutBucketTagging", input).await?;
            }
            None => gone(work.call("s3", "DeleteBucketTagging", json!({ "Bucket": bucket })).await)?,
        }
    }
    Ok(())
}

/// What a bucket has of a setting where the template says nothing of it any more.
fn default_of(property: &str) -> Value {
    if property == "VersioningConfiguration" {
        return json!({ "Status": "Suspended" });
    }
    // SECURITY: a new bucket has all four blocks; with none it could be opened to the world.
    let blocks = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
    Value::Object(blocks.map(|block| (block.to_owned(), Value::Bool(true))).into_iter().collect())
}

fn canned(acl: &str) -> String {
    let mut name = String::new();
    for letter in acl.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Where a template's names are not the call's.
fn as_call(property: &str, value: &Value) -> Value {
    if property != "BucketEncryption" {
        return value.clone();
    }
    let rules = list(value.get("ServerSideEncryptionConfiguration")).iter().map(|rule| {
        let mut rule = rule.as_object().cloned().unwrap_or_default();
        if let Some(default) = rule.shift_remove("ServerSideEncryptionByDefault") {
            rule.insert("ApplyServerSideEncryptionByDefault".to_owned(), default);
        }
        Value::Object(rule)
    });
    json!({ "Rules": rules.collect::<Vec<_>>() })
}

/// The same the other way round.
fn from_call(property: &str, value: Value) -> Value {
    match property {
        "Tags" => tags::own(Some(&value)),
        "BucketEncryption" => {
            let rules = list(value.get("Rules")).iter().map(|rule| {
                let mut rule = rule.as_object().cloned().unwrap_or_default();
                if let Some(default) = rule.shift_remove("ApplyServerSideEncryptionByDefault") {
                    rule.insert("ServerSideEncryptionByDefault".to_owned(), default);
                }
                Value::Object(rule)
            });
            json!({ "ServerSideEncryptionConfiguration": rules.collect::<Vec<_>>() })
        }
        _ => value,
    }
}
