//! The key `aws/dynamodb`, which every account has, and who may use it.
//!
//! All values are sealed in the same way. What this key adds is its policy, kept here as AWS's key keeps it: nobody outside
//! of the table's account reads or writes what is under it, whatever the table's own policy says. No other key exists.

use base::{AccountId, Arn, Region};
use service::Call;
use service::error::Fault;

use crate::api;
use crate::invalid::Invalid;

const ALIAS: &str = "alias/aws/dynamodb";

/// Its ARN. The id is a digest, so that it is the same wherever it is told.
pub(crate) fn arn(account: AccountId, region: &Region) -> String {
    let resource = format!("key/{}", id(account, region));
    Arn::new("kms", region.as_str(), account.as_str(), resource).to_string()
}

fn id(account: AccountId, region: &Region) -> String {
    let digest = crypto::sha256(format!("aws/dynamodb {account} {region}").as_bytes());
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn is_meant(key: &str, account: AccountId, region: &Region) -> bool {
    let alias = || Arn::new("kms", region.as_str(), account.as_str(), ALIAS).to_string();
    key == ALIAS || key == id(account, region) || key == arn(account, region) || key == alias()
}

/// True where a table is to be encrypted with this key, and not with the service's own.
///
/// # Errors
/// The parts of the specification do not go together, or another key is asked for.
pub(crate) fn is_wanted(
    sse: Option<&api::SSESpecification>,
    account: AccountId,
    region: &Region,
) -> Result<bool, Invalid> {
    let Some(sse) = sse else { return Ok(false) };
    if let Some(other) = sse.sse_type.as_deref().filter(|kind| *kind != "KMS") {
        return Err(Invalid::parameter(format!("SSEType {other} is not supported")));
    }
    let given = [("SSEType", sse.sse_type.is_some()), ("KMSMasterKeyId", sse.kms_master_key_id.is_some())];
    let first = given.into_iter().find(|(_, is_given)| *is_given);
    if !sse.enabled.unwrap_or(first.is_some()) {
        return match first {
            Some((name, _)) => {
                Err(Invalid::parameter(format!("{name} can not be specified if Enabled is false")))
            }
            None => Ok(false),
        };
    }
    let Some(key) = &sse.kms_master_key_id else { return Ok(true) };
    if sse.sse_type.is_none() {
        return Err(Invalid::parameter("SSEType KMS is required if KMSMasterKeyId is specified"));
    }
    if is_meant(key, account, region) {
        return Ok(true);
    }
    // Shown as it was said: that it is not there is all that is told.
    let shown: String = key.chars().take(256).collect();
    Err(Invalid::new(format!(
        "KMS validation error: Key '{shown}' does not exist: there is no key service yet, and {ALIAS} is the only key"
    )))
}

/// Refuses whom the policy of the key does not let use it.
///
/// # Errors
/// The caller is of another account than what is under the key.
// SECURITY: a table's own policy can let others in, but not to what is under this key.
pub(crate) fn check_caller(call: &Call, owner: AccountId, region: &Region) -> Result<(), Fault> {
    if call.principal().account() == Some(owner) {
        return Ok(());
    }
    let message = format!(
        "KMS key access denied error: {} can be used by principals of its own account only",
        arn(owner, region)
    );
    Err(Fault::sender("AccessDeniedException", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_managed_key_exists() {
        let (account, region): (AccountId, Region) =
            ("123456789012".parse().unwrap(), "us-east-1".parse().unwrap());
        let own = arn(account, &region);
        assert_eq!(own.len(), "arn:aws:kms:us-east-1:123456789012:key/".len() + 36, "{own}");
        let alias = "arn:aws:kms:us-east-1:123456789012:alias/aws/dynamodb";
        for key in [ALIAS, alias, own.as_str(), own.rsplit('/').next().unwrap()] {
            assert!(is_meant(key, account, &region), "{key}");
        }
        let other = own.replace("123456789012", "210987654321");
        for key in ["alias/own", "alias/aws/s3", "", other.as_str()] {
            assert!(!is_meant(key, account, &region), "{key}");
        }
    }
}
