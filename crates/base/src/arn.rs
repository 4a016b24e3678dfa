//! Amazon Resource Names: `arn:partition:service:region:account:resource`.
//!
//! Only the five colons are understood here; what stands inside `resource` belongs to each service.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use std::fmt;
use std::str::FromStr;

/// A parsed ARN. Region and account may be empty, as in `arn:aws:iam::123456789012:user/bob`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    /// `aws`, `aws-cn`, …
    pub partition: String,
    /// The service namespace, for example `dynamodb`.
    pub service: String,
    /// The region, or empty for global resources.
    pub region: String,
    /// The owning account, or empty.
    pub account: String,
    /// Everything behind the fifth colon; may itself contain colons and slashes.
    pub resource: String,
}

/// The text had fewer than six colon-separated parts, did not start with `arn`, or was over 2,048 bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ARN")]
pub struct InvalidArn(String);

/// The longest ARN that AWS documents for any resource.
const ARN_BYTES_MAX: usize = 2_048;

impl Arn {
    /// An ARN in this platform's partition.
    pub fn new(service: &str, region: &str, account: &str, resource: impl Into<String>) -> Self {
        Self {
            partition: crate::PARTITION.to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource: resource.into(),
        }
    }
}

impl FromStr for Arn {
    type Err = InvalidArn;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidArn(text.chars().take(128).collect());
        if text.len() > ARN_BYTES_MAX {
            return Err(invalid());
        }
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().map(str::to_owned).ok_or_else(invalid);
        if next()? != "arn" {
            return Err(invalid());
        }
        let arn = Self {
            partition: next()?,
            service: next()?,
            region: next()?,
            account: next()?,
            resource: next()?,
        };
        if arn.partition.is_empty() || arn.service.is_empty() || arn.resource.is_empty() {
            return Err(invalid());
        }
        Ok(arn)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "arn:{}:{}:{}:{}:{}",
            self.partition, self.service, self.region, self.account, self.resource
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_keeps_its_colons() {
        let text = "arn:aws:lambda:us-east-1:123456789012:function:orders:live";
        let arn: Arn = text.parse().unwrap();
        assert_eq!(arn.resource, "function:orders:live");
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn what_is_not_an_arn_is_refused() {
        for bad in ["", "arn", "arn:aws:s3:::", "urn:aws:s3:::b", "arn:aws:iam::1", "arn::s3:::b"] {
            assert!(bad.parse::<Arn>().is_err(), "{bad}");
        }
    }
}
