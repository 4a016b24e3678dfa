//! Under which key objects are told to be: S3's own (`AES256`), or the account's managed key `aws/s3` (`aws:kms`).
//!
//! All content is sealed in the same way. What the managed key adds is its policy, which is enforced here as AWS's key
//! enforces it: nobody outside of the bucket's account reads or writes what is under it, whatever a bucket policy says. No
//! other key exists, and none is taken for one.

use identity::Principal;

use crate::error::Error;
use crate::records::BucketRecord;
use service::Call;

const ALIAS: &str = "alias/aws/s3";

/// The ARN of the account's managed key. Its id is a digest, so that it is the same wherever it is told.
pub(crate) fn key_arn(bucket: &BucketRecord) -> String {
    format!("arn:aws:kms:{}:{}:key/{}", bucket.region, bucket.account, key_id(bucket))
}

fn key_id(bucket: &BucketRecord) -> String {
    let seed = format!("aws/s3 {} {}", bucket.account, bucket.region);
    let digits = hex::encode(crypto::sha256(seed.as_bytes()));
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// Refuses every key but the managed one.
pub(crate) fn check_key(bucket: &BucketRecord, key: Option<&str>) -> Result<(), Error> {
    let Some(key) = key else { return Ok(()) };
    let arn = key_arn(bucket);
    let alias = format!("arn:aws:kms:{}:{}:{ALIAS}", bucket.region, bucket.account);
    if key == ALIAS || key == arn || key == alias || key == key_id(bucket) {
        return Ok(());
    }
    // Shown as it was said: that it is not there is all that is told.
    let shown: String = key.chars().take(256).collect();
    Err(Error::new("KMS.NotFoundException", 400, format!("Key '{shown}' does not exist")))
}

/// True where a request that takes a customer's own key (SSE-C) names one.
macro_rules! names_customer_key {
    ($input:expr) => {
        $input.sse_customer_algorithm.is_some()
            || $input.sse_customer_key.is_some()
            || $input.sse_customer_key_md5.is_some()
    };
}
pub(crate) use names_customer_key;

/// Refuses a customer's own key for what is there: nothing here is under one, and whoever reads with it would be told that it is.
///
/// # Errors
/// `InvalidRequest`, as S3 answers for an object that is under no such key.
pub(crate) fn check_not_customers(is_named: bool) -> Result<(), Error> {
    if !is_named {
        return Ok(());
    }
    Err(Error::invalid_request("The encryption parameters are not applicable to this object."))
}

/// True where what is put goes under the managed key: as the request says, or else the bucket.
///
/// # Errors
/// The request names another key, or another method; or the caller may not use the key.
pub(crate) fn chosen(
    call: &Call,
    bucket: &BucketRecord,
    method: Option<&str>,
    key: Option<&str>,
) -> Result<bool, Error> {
    let managed = match method {
        None if key.is_some() => {
            return Err(Error::invalid_argument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
                "x-amz-server-side-encryption",
                "null",
            ));
        }
        None => bucket.managed_key,
        Some("aws:kms") => {
            check_key(bucket, key)?;
            true
        }
        Some(_) => false,
    };
    if managed {
        check_caller(call, bucket)?;
    }
    Ok(managed)
}

/// Refuses whom the policy of the managed key does not let use it.
// SECURITY: a bucket policy can let others in, but not to what is under this key.
pub(crate) fn check_caller(call: &Call, bucket: &BucketRecord) -> Result<(), Error> {
    let principal = &**call.principal();
    if matches!(principal, Principal::Anonymous) {
        return Err(Error::invalid_argument(
            "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.",
            "Authorization",
            "null",
        ));
    }
    if principal.account() == Some(bucket.account) {
        return Ok(());
    }
    Err(Error::new("AccessDenied", 403, "Access Denied"))
}

/// Tells the encryption of what was written or read.
macro_rules! tell_encryption {
    ($output:expr, $bucket:expr, $managed:expr) => {
        if $managed {
            $output.server_side_encryption = Some("aws:kms".to_owned());
            $output.ssekms_key_id = Some(protocol::Sensitive::from($crate::encryption::key_arn($bucket)));
        } else {
            $output.server_side_encryption = Some("AES256".to_owned());
        }
    };
}
pub(crate) use tell_encryption;

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    #[test]
    fn only_the_managed_key_exists() {
        let bucket = BucketRecord {
            v: 1,
            id: "id".to_owned(),
            account: "123456789012".parse().unwrap(),
            region: "us-east-1".to_owned(),
            created: Timestamp::from_secs(0),
            versioning: crate::records::Versioning::Never,
            policy: None,
            public_access: None,
            ownership: None,
            bucket_key: false,
            managed_key: true,
            tags: std::collections::BTreeMap::new(),
        };
        let arn = key_arn(&bucket);
        assert_eq!(arn.len(), "arn:aws:kms:us-east-1:123456789012:key/".len() + 36, "{arn}");
        let id = arn.rsplit('/').next();
        for key in [None, Some("alias/aws/s3"), Some(arn.as_str()), id] {
            assert!(check_key(&bucket, key).is_ok(), "{key:?}");
        }
        let other = arn.replace("123456789012", "210987654321");
        for key in ["alias/mine", "alias/aws/lambda", "", other.as_str()] {
            assert!(check_key(&bucket, Some(key)).is_err(), "{key}");
        }
    }
}
