//! Making, finding and deleting buckets.
//!
//! A name is one bucket's for all accounts; only an empty bucket is deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use service::Permit;
use store::{Range, Transaction};

use crate::api;
use crate::error::Error;
use crate::model::{name, tags};
use crate::records::{
    self, BUCKETS, BucketRecord, CURRENT, DOOMED_BUCKETS, OLDER, PublicAccess, UPLOADS, Versioning, decode,
    encode,
};
use crate::state::{Lookup as _, S3, owner};

/// The most buckets of an account: AWS's default quota.
const BUCKETS_MAX: usize = 10_000;

/// Where a bucket that is the caller's already can be made again: AWS keeps to it in this region alone, for tools of old.
const FORGIVING_REGION: &str = "us-east-1";

/// What new buckets forbid, as in AWS since 2023.
const BLOCK_ALL: PublicAccess =
    PublicAccess { block_acls: true, ignore_acls: true, block_policy: true, restrict: true };

pub(crate) async fn create(
    s3: Arc<S3>,
    permit: Permit<api::CreateBucket>,
) -> Result<api::CreateBucketOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    name::check_bucket(&input.bucket)?;
    check_acl(&input)?;
    let region = call.region().as_str().to_owned();
    let configuration = input.create_bucket_configuration.unwrap_or_default();
    check_location(configuration.location_constraint.as_deref(), &region)?;
    if configuration.location.is_some() || configuration.bucket.is_some() {
        return Err(Error::not_implemented("directory buckets"));
    }
    if input.object_lock_enabled_for_bucket == Some(true) {
        return Err(Error::not_implemented("object lock"));
    }
    let ownership = input.object_ownership.unwrap_or_else(|| "BucketOwnerEnforced".to_owned());
    check_ownership(&ownership)?;
    let mut tags = match configuration.tags {
        Some(list) => tags::from_list(list, tags::BUCKET_TAGS_MAX)?,
        None => BTreeMap::new(),
    };
    tags.extend(call.marks());
    let record = BucketRecord {
        v: 1,
        id: crypto::random::hex(8),
        account: call.account(),
        region,
        created: call.now(),
        versioning: Versioning::Never,
        policy: None,
        public_access: Some(BLOCK_ALL),
        ownership: Some(ownership),
        bucket_key: false,
        managed_key: false,
        tags,
    };
    let of_account = of(&s3, call.account())?.len();
    let bucket = input.bucket.clone();
    let is_marked = !call.marks().is_empty();
    call.transact(move |transaction| {
        if !is_marked && is_made_again(transaction, &bucket, &record)? {
            return Ok(());
        }
        check_free(transaction, &bucket, &record)?;
        if of_account >= BUCKETS_MAX {
            let message = "You have attempted to create more buckets than allowed";
            return Err(Error::new("TooManyBuckets", 400, message));
        }
        transaction.put(BUCKETS, records::bucket_key(&bucket), encode(&record)?)?;
        Ok(())
    })
    .await?;
    let arn = name::arn(&input.bucket, None);
    Ok(api::CreateBucketOutput { location: Some(format!("/{}", input.bucket)), bucket_arn: Some(arn) })
}

fn check_acl(input: &api::CreateBucketRequest) -> Result<(), Error> {
    let grants = [
        &input.grant_full_control,
        &input.grant_read,
        &input.grant_read_acp,
        &input.grant_write,
        &input.grant_write_acp,
    ];
    if grants.iter().any(|grant| grant.is_some()) || input.acl.as_deref().is_some_and(|acl| acl != "private")
    {
        let message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
        return Err(Error::new("InvalidBucketAclWithObjectOwnership", 400, message));
    }
    Ok(())
}

fn check_location(constraint: Option<&str>, region: &str) -> Result<(), Error> {
    // The first region has no constraint, and the old European one goes by two names.
    let named = match constraint {
        None | Some("") => "us-east-1",
        Some("EU") => "eu-west-1",
        Some(named) => named,
    };
    let has_form =
        |text: &str| text.split('-').count() >= 3 && text.ends_with(|end: char| end.is_ascii_digit());
    let is_none = |text: &str| text == "us-east-1" || !has_form(text);
    match constraint {
        Some(text) if text != "EU" && !text.is_empty() && is_none(text) => {
            Err(service::error::Fault::sender(
                "InvalidLocationConstraint",
                "The specified location-constraint is not valid",
            )
            .with_member("LocationConstraint", text.chars().take(64).collect::<String>())
            .into())
        }
        _ if named == region => Ok(()),
        _ => {
            let named = constraint.filter(|text| !text.is_empty()).unwrap_or("unspecified");
            let message = format!(
                "The {named} location constraint is incompatible for the region specific endpoint this request was sent \
                 to."
            );
            Err(Error::new("IllegalLocationConstraintException", 400, message))
        }
    }
}

/// The one ownership that is enforced here: lists of grants do not exist.
pub(crate) fn check_ownership(ownership: &str) -> Result<(), Error> {
    match ownership {
        "BucketOwnerEnforced" => Ok(()),
        "BucketOwnerPreferred" | "ObjectWriter" => {
            Err(Error::not_implemented("object ownership other than BucketOwnerEnforced"))
        }
        _ => Err(Error::malformed_xml()),
    }
}

/// True where the bucket is the caller's already, in the region where S3 answers that as if it had been made now.
// SECURITY: never for what another service makes in a stack's name: the stack would take a bucket for its own, and delete it,
// that was there before it.
fn is_made_again(transaction: &Transaction<'_>, bucket: &str, record: &BucketRecord) -> Result<bool, Error> {
    if record.region != FORGIVING_REGION {
        return Ok(false);
    }
    let taken = records::find_bucket(transaction, bucket)?;
    Ok(taken.is_some_and(|taken| taken.account == record.account))
}

fn check_free(transaction: &Transaction<'_>, bucket: &str, record: &BucketRecord) -> Result<(), Error> {
    let Some(taken) = records::find_bucket(transaction, bucket)? else { return Ok(()) };
    let (code, message) = if taken.account == record.account {
        (
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
        )
    } else {
        (
            "BucketAlreadyExists",
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. \
             Please select a different name and try again.",
        )
    };
    Err(service::error::Fault::sender(code, message)
        .with_status(409)
        .with_member("BucketName", bucket)
        .into())
}

pub(crate) async fn delete(_: Arc<S3>, permit: Permit<api::DeleteBucket>) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    call.transact(move |transaction| {
        let record = records::bucket(transaction, &input.bucket)?;
        let inside = Range::prefix(store::Key::new().str(&record.id)).limit(1);
        for table in [CURRENT, OLDER] {
            if !transaction.scan(table, &inside)?.is_empty() {
                let message = if record.versioning == Versioning::Never {
                    "The bucket you tried to delete is not empty"
                } else {
                    "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
                };
                return Err(service::error::Fault::sender("BucketNotEmpty", message)
                    .with_status(409)
                    .with_member("BucketName", input.bucket.as_str())
                    .into());
            }
        }
        // What was never completed goes with its bucket, soon: there may be any number of it.
        if !transaction.scan(UPLOADS, &inside)?.is_empty() {
            transaction.put(DOOMED_BUCKETS, store::Key::new().str(&record.id), bytes::Bytes::new())?;
        }
        transaction.delete(BUCKETS, records::bucket_key(&input.bucket))?;
        Ok(())
    })
    .await
}

pub(crate) async fn head(
    _: Arc<S3>,
    permit: Permit<api::HeadBucket>,
) -> Result<api::HeadBucketOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let record = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    Ok(api::HeadBucketOutput {
        bucket_arn: Some(name::arn(&input.bucket, None)),
        bucket_region: Some(record.region),
        access_point_alias: Some(false),
        ..Default::default()
    })
}

pub(crate) async fn location(
    _: Arc<S3>,
    permit: Permit<api::GetBucketLocation>,
) -> Result<api::GetBucketLocationOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let record = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let constraint = Some(record.region).filter(|region| region != "us-east-1");
    Ok(api::GetBucketLocationOutput { location_constraint: constraint })
}

fn of(s3: &S3, account: base::AccountId) -> Result<Vec<(String, BucketRecord)>, Error> {
    let mut buckets = Vec::new();
    for (key, stored) in s3.store.scan(BUCKETS, &Range::all())? {
        let record: BucketRecord = decode(&stored)?;
        if record.account == account {
            let name = store::KeyReader::new(&key).str().map_err(service::Internal::new)?;
            buckets.push((name, record));
        }
    }
    Ok(buckets)
}

pub(crate) async fn list(
    s3: Arc<S3>,
    permit: Permit<api::ListBuckets>,
) -> Result<api::ListBucketsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let max = usize::try_from(input.max_buckets.unwrap_or(10_000)).unwrap_or(0);
    if !(1..=10_000).contains(&max) {
        let text = input.max_buckets.unwrap_or_default().to_string();
        return Err(Error::invalid_argument("max-buckets must be between 1 and 10000", "max-buckets", &text));
    }
    let after = input.continuation_token.as_deref().map(super::list::open_token).transpose()?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let region = input.bucket_region.as_deref();
    let mut buckets: Vec<api::Bucket> = of(&s3, call.account())?
        .into_iter()
        .filter(|(name, record)| {
            name.starts_with(&prefix)
                && after.as_ref().is_none_or(|after| name > after)
                && region.is_none_or(|region| region == record.region)
        })
        .map(|(name, record)| api::Bucket {
            bucket_arn: Some(name::arn(&name, None)),
            name: Some(name),
            creation_date: Some(record.created),
            bucket_region: Some(record.region),
        })
        .collect();
    let more = buckets.len() > max;
    buckets.truncate(max);
    let last = buckets.last().and_then(|bucket| bucket.name.clone()).filter(|_| more);
    Ok(api::ListBucketsOutput {
        buckets: Some(buckets),
        owner: Some(owner(call.account())),
        continuation_token: last.map(|name| super::list::seal_token(&name)),
        prefix: input.prefix,
    })
}
