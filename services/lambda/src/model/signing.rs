//! Whose signature a package needs: publishers, and what becomes of a package without one.
//!
//! A publisher is a signing profile's ARN whose name is an Ed25519 public key in hexadecimal: the key that is trusted stands
//! in the ARN itself, and no other record of it is needed.

use base::{AccountId, Region};
use compute::PackageKey;

use crate::api::{AllowedPublishers, CodeSigningPolicies};
use crate::error::Error;

/// The characters of a configuration's id behind `csc-`.
pub(crate) const ID_CHARS: usize = 17;
const PUBLISHERS_MAX: usize = 20;
pub(crate) const ENFORCE: &str = "Enforce";
const WARN: &str = "Warn";

/// A configuration's ARN.
pub(crate) fn arn(account: AccountId, region: &Region, id: &str) -> String {
    format!("arn:aws:lambda:{region}:{account}:code-signing-config:{id}")
}

/// The account and the id that a configuration's ARN names, in this region.
pub(crate) fn parse(text: &str, region: &Region) -> Result<(AccountId, String), Error> {
    let refuse = || {
        Error::InvalidParameterValue(format!("{text} is not the ARN of a code signing configuration here."))
    };
    let rest = text.strip_prefix("arn:aws:lambda:").ok_or_else(refuse)?;
    let rest =
        rest.strip_prefix(region.as_str()).and_then(|rest| rest.strip_prefix(':')).ok_or_else(refuse)?;
    let (account, rest) = rest.split_once(':').ok_or_else(refuse)?;
    let id = rest.strip_prefix("code-signing-config:").ok_or_else(refuse)?;
    Ok((account.parse().map_err(|_| refuse())?, id.to_owned()))
}

/// The publishers of a request.
///
/// # Errors
/// Where one of them names no key.
pub(crate) fn publishers(asked: AllowedPublishers) -> Result<Vec<String>, Error> {
    let arns = asked.signing_profile_version_arns;
    if arns.is_empty() || arns.len() > PUBLISHERS_MAX {
        return Err(Error::InvalidParameterValue(format!(
            "Between 1 and {PUBLISHERS_MAX} publishers are needed."
        )));
    }
    match arns.iter().find(|arn| key_of(arn).is_none()) {
        None => Ok(arns),
        Some(arn) => Err(Error::InvalidParameterValue(format!(
            "{arn} names no key: on this platform a signing profile is called by its Ed25519 public key, 64 hexadecimal \
             digits, as `fastness sign-code` prints it. Signatures of AWS Signer cannot be checked here."
        ))),
    }
}

/// What becomes of a package that no publisher signed.
pub(crate) fn policy(asked: Option<CodeSigningPolicies>) -> Option<String> {
    asked.and_then(|policies| policies.untrusted_artifact_on_deployment)
}

/// The default of it.
pub(crate) fn default_policy() -> String {
    WARN.to_owned()
}

/// The key that a publisher's ARN names: `arn:aws:signer:REGION:ACCOUNT:/signing-profiles/KEY/VERSION`.
fn key_of(arn: &str) -> Option<PackageKey> {
    let mut parts = arn.splitn(6, ':');
    let (prefix, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let profile = parts.nth(2)?.strip_prefix("/signing-profiles/")?;
    let name = profile.split_once('/').map_or(profile, |(name, _)| name);
    let is_profile = (prefix, partition, service) == ("arn", "aws", "signer") && name.len() == 64;
    let mut key = PackageKey::default();
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(name.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    (is_profile && name.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(key)
}

/// The first publisher that is one of these signers.
pub(crate) fn trusted<'p>(publishers: &'p [String], signers: &[PackageKey]) -> Option<&'p String> {
    publishers.iter().find(|arn| key_of(arn).is_some_and(|key| signers.contains(&key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";

    #[test]
    fn a_publisher_is_a_key() {
        let profile = |name: &str| format!("arn:aws:signer:us-east-1:123456789012:/signing-profiles/{name}");
        let good = profile(&format!("{KEY}/1234567890"));
        let key = key_of(&good).unwrap();
        assert_eq!((key[0], key[31]), (0x3d, 0x0c));
        assert_eq!(trusted(std::slice::from_ref(&good), &[[0; 32], key]), Some(&good));
        assert_eq!(trusted(std::slice::from_ref(&good), &[]), None);
        for bad in [
            profile("release/1"),
            profile(KEY.trim_end_matches('c')),
            good.replace("signer", "s3"),
            profile(&KEY.replace("3d", "+d")),
            KEY.into(),
        ] {
            assert_eq!(key_of(&bad), None, "{bad}");
            let asked = AllowedPublishers { signing_profile_version_arns: vec![good.clone(), bad] };
            assert!(publishers(asked).is_err());
        }
    }

    #[test]
    fn a_configuration_is_found_by_its_arn() {
        let (account, region): (AccountId, Region) =
            ("123456789012".parse().unwrap(), "us-east-1".parse().unwrap());
        let id = format!("csc-{}", "a".repeat(ID_CHARS));
        assert_eq!(parse(&arn(account, &region, &id), &region).unwrap(), (account, id));
        assert!(parse("arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-a", &region).is_err());
    }
}
