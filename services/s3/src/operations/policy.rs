//! A bucket's policy: who else may do what with it.
//!
//! A policy that does not read is refused when it is put, and so is a public one where the owner blocks those.

use std::sync::Arc;

use identity::BindError;
use policy::{Policy, PolicyKind};
use service::{Call, Internal, Permit};

use super::configuration::change;
use crate::api;
use crate::error::Error;
use crate::model::name;
use crate::records::BucketRecord;
use crate::state::{Lookup as _, S3};

/// The longest policy: 20 KB.
const POLICY_BYTES_MAX: usize = 20 * 1024;

fn malformed(message: impl Into<String>) -> Error {
    Error::new("MalformedPolicy", 400, message)
}

/// A bucket's policy is for its owner's account alone to read and to change, whomever it lets do all the rest.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html>
// SECURITY: asked after the decision, so that only who has leave learns of it; and on the record that is written.
fn owners_only(call: &Call, bucket: &BucketRecord) -> Result<(), Error> {
    if call.principal().account() == Some(bucket.account) {
        return Ok(());
    }
    let message = "The specified method is not allowed against this resource.";
    Err(Error::new("MethodNotAllowed", 405, message))
}

pub(crate) async fn put(s3: Arc<S3>, permit: Permit<api::PutBucketPolicy>) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    if input.policy.len() > POLICY_BYTES_MAX {
        return Err(Error::new("PolicyTooLarge", 400, "Policy exceeds the maximum allowed document size."));
    }
    Policy::parse(&input.policy, PolicyKind::Resource).map_err(|error| malformed(error.to_string()))?;
    check_resources(&input.policy, &input.bucket)?;
    let is_public = analysis::access::may_be_public(&input.policy);
    let text = identity::bind_principals(&s3.store, &input.policy).map_err(|error| match error {
        BindError::Unknown(_) => malformed("Invalid principal in policy"),
        BindError::Directory(error) => Error::Internal(Internal::new(error)),
    })?;
    change(&call, &input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        owners_only(&call, bucket)?;
        // SECURITY: decided on the record that the policy is written to.
        if is_public && bucket.public_access.is_some_and(|block| block.block_policy) {
            let message =
                "public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.";
            return Err(Error::new("AccessDenied", 403, format!("Access Denied: {message}")));
        }
        if bucket.policy.is_none() {
            call.made(&input.bucket);
        }
        bucket.policy = Some(text);
        Ok(())
    })
    .await
}

/// A statement about another bucket says nothing: AWS refuses it, for its author meant something.
fn check_resources(policy: &str, bucket: &str) -> Result<(), Error> {
    let json: serde_json::Value =
        serde_json::from_str(policy).map_err(|error| malformed(error.to_string()))?;
    let list = |value: &serde_json::Value| match value {
        serde_json::Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    let own = name::arn(bucket, None);
    let statements = json.get("Statement").map(list).unwrap_or_default();
    for statement in &statements {
        let resources =
            ["Resource", "NotResource"].iter().filter_map(|key| statement.get(*key)).flat_map(list);
        for resource in resources {
            let text = resource.as_str().unwrap_or_default();
            let fits = text == own || text.strip_prefix(&own).is_some_and(|rest| rest.starts_with('/'));
            if !fits {
                return Err(malformed("Policy has invalid resource"));
            }
        }
    }
    Ok(())
}

fn none(bucket: &str) -> Error {
    Error::no_configuration("NoSuchBucketPolicy", "The bucket policy does not exist", bucket)
}

pub(crate) async fn get(
    s3: Arc<S3>,
    permit: Permit<api::GetBucketPolicy>,
) -> Result<api::GetBucketPolicyOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    owners_only(&call, &bucket)?;
    let policy = bucket.policy.ok_or_else(|| none(&input.bucket))?;
    let policy = identity::show_principals(&s3.store, &policy)
        .map_err(|error| Error::Internal(Internal::new(error)))?;
    Ok(api::GetBucketPolicyOutput { policy: Some(policy) })
}

pub(crate) async fn delete(_: Arc<S3>, permit: Permit<api::DeleteBucketPolicy>) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    change(&call, &input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        owners_only(&call, bucket)?;
        bucket.policy = None;
        Ok(())
    })
    .await
}

pub(crate) async fn status(
    _: Arc<S3>,
    permit: Permit<api::GetBucketPolicyStatus>,
) -> Result<api::GetBucketPolicyStatusOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let policy = bucket.policy.ok_or_else(|| none(&input.bucket))?;
    let is_public = Some(analysis::access::may_be_public(&policy));
    Ok(api::GetBucketPolicyStatusOutput { policy_status: Some(api::PolicyStatus { is_public }) })
}
