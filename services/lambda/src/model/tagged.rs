//! What can carry tags, by its ARN.
//!
//! Says nothing of whether it exists.

use base::{AccountId, Region};

use crate::error::Error;
use crate::model::name::Target;
use crate::model::signing;

/// A thing that carries tags.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tagged {
    Function(Target),
    /// A mapping's account and id.
    Mapping(AccountId, String),
    /// A code signing configuration's account and id.
    SigningConfig(AccountId, String),
}

impl Tagged {
    /// What a caller named.
    ///
    /// # Errors
    /// Where it names nothing that carries tags.
    pub(crate) fn parse(text: &str, account: AccountId, region: &Region) -> Result<Self, Error> {
        if text.contains(":code-signing-config:") {
            return signing::parse(text, region).map(|(account, id)| Self::SigningConfig(account, id));
        }
        if text.contains(":event-source-mapping:") {
            let parts = text.strip_prefix("arn:aws:lambda:").and_then(|rest| {
                let (account, rest) =
                    rest.strip_prefix(region.as_str())?.strip_prefix(':')?.split_once(':')?;
                Some((account.parse().ok()?, rest.strip_prefix("event-source-mapping:")?.to_owned()))
            });
            let (account, uuid) = parts.ok_or_else(|| {
                Error::InvalidParameterValue(format!(
                    "{text} is not the ARN of an event source mapping here."
                ))
            })?;
            return Ok(Self::Mapping(account, uuid));
        }
        Target::parse(text, None, account, region).map(Self::Function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_what_carries_tags() {
        let (account, region): (AccountId, Region) =
            ("000000000001".parse().unwrap(), "us-east-1".parse().unwrap());
        let parse = |rest: &str| Tagged::parse(&format!("arn:aws:lambda:{rest}"), account, &region);
        let mapping = parse("us-east-1:000000000002:event-source-mapping:u").unwrap();
        assert_eq!(mapping, Tagged::Mapping("000000000002".parse().unwrap(), "u".to_owned()));
        let config = parse("us-east-1:000000000001:code-signing-config:csc-1").unwrap();
        assert_eq!(config, Tagged::SigningConfig(account, "csc-1".to_owned()));
        assert!(matches!(parse("us-east-1:000000000001:function:f"), Ok(Tagged::Function(_))));
        for bad in [
            "eu-west-1:000000000001:event-source-mapping:u",
            "us-east-1:x:event-source-mapping:u",
            "us-east-1:000000000001:event-source-mappings:u",
            "us-east-1:000000000001:layer:l",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
